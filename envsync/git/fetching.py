"""Fetch commits into a bare clone: alone where the server can give one, else with all there is.

A commit alone is all that most packages need. What finds its version by tags (setuptools-scm and
its kind) needs the history and all tags: `history` says which it is to be.
"""

from envsync.errors import GitFailed
from envsync.events import Stage, during
from envsync.git.access import Access
from envsync.git.address import Address, DamagedClone

_FETCH = ("fetch", "--quiet", "--force", "--no-write-fetch-head", "--no-tags", "--update-shallow")
_TRIED = "refs/envsync/tried"
_ENDLESS = "2147483647"


def place_of(commit: str, *, history: bool = False) -> str:
    """Give the reference under which a clone keeps a commit."""
    return f"refs/envsync/{'history' if history else 'commit'}/{commit}"


def has(access: Access, repository: str, commit: str, *, history: bool = False) -> bool:
    """Say whether a clone has a commit, with all that is asked for."""
    places = [place_of(commit, history=True), *([] if history else [place_of(commit)])]
    return any(commit_at(access, repository, place) == commit for place in places)


def commit_at(access: Access, repository: str, name: str) -> str | None:
    """Give the commit that a name means in a clone; None where it means none."""
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    answer = access.program.local(repository, *words)
    return answer.output.decode().strip() or None if answer.code == 0 else None


def fetch(
    access: Access,
    repository: str,
    address: Address,
    commit: str,
    *,
    name: str | None = None,
    history: bool = False,
) -> None:
    """Bring a commit into a clone. `name` is a reference of the server's that may lead to it.

    Raises `GitFailed`: the server can't be asked, or has no such commit any more.
    """
    if has(access, repository, commit, history=history):
        return
    if access.offline:
        raise GitFailed(
            address.url,
            f"its commit {commit[:12]} is not in the cache, and the network is not to be used",
            hint="run the command once without --offline",
        )
    with during(Stage.DOWNLOADING, access.reporter):
        access.reporter.advance(Stage.DOWNLOADING, 0, address.url)
        _Fetching(access, repository, address).commit(commit, name, history=history)


def fetch_all(access: Access, repository: str, address: Address) -> None:
    """Bring all branches and tags into a clone. Raises `GitFailed`."""
    if access.offline:
        return
    with during(Stage.DOWNLOADING, access.reporter):
        access.reporter.advance(Stage.DOWNLOADING, 0, address.url)
        error = _Fetching(access, repository, address).everything()
    if error is not None:
        raise error


class _Fetching:
    """The ways of getting at one commit, one after the other."""

    def __init__(self, access: Access, repository: str, address: Address) -> None:
        self._access, self._repository, self._address = access, repository, address

    def commit(self, commit: str, name: str | None, *, history: bool) -> None:
        """Try the commit by its id, then by its name, then everything."""
        place = place_of(commit, history=history)
        error = self._fetch(f"+{commit}:{place}", history=history)
        if error is not None and name is not None:
            error = self._fetch(f"+{name}:{_TRIED}", history=history)
            self._keep(_TRIED, commit, place)
        if not self._has(place, commit):
            # Servers that give no commit by its id, or know no depth, may still have it.
            error = self.everything()
            self._keep(commit, commit, place)
        if not self._has(place, commit):
            raise error or self._gone(commit)
        if history and (error := self._tags()) is not None:
            raise error

    def everything(self) -> GitFailed | None:
        """Fetch all branches and tags with all their history."""
        heads = self._fetch("+refs/heads/*:refs/envsync/heads/*", history=True, prune=True)
        return heads or self._tags()

    def _tags(self) -> GitFailed | None:
        return self._fetch("+refs/tags/*:refs/tags/*", history=True, prune=True)

    def _fetch(self, refspec: str, *, history: bool, prune: bool = False) -> GitFailed | None:
        """Fetch one refspec; gives the error that another way may help with, and raises others."""
        access, address = self._access, self._address
        depth: tuple[str, ...] = ("--depth=1",)
        if history:
            depth = (f"--depth={_ENDLESS}",) if self._is_shallow() else ()
        words = (*_FETCH, *depth, *(("--prune",) if prune else ()), "--", address.url, refspec)
        access.reporter.detail(f"git fetch {' '.join(words[len(_FETCH) :])}")
        answer = access.program.remote(self._repository, address.scheme, *words)
        if answer.code == 0:
            return None
        error = address.failed(answer.errors)
        # Where it is known what is wrong, no other way helps.
        if error.hint is not None or isinstance(error, DamagedClone):
            raise error
        access.reporter.detail(f"{error}")
        return error

    def _is_shallow(self) -> bool:
        words = ("rev-parse", "--is-shallow-repository")
        return self._access.program.local(self._repository, *words).output.strip() == b"true"

    def _has(self, place: str, commit: str) -> bool:
        return commit_at(self._access, self._repository, place) == commit

    def _keep(self, name: str, commit: str, place: str) -> None:
        """Keep a commit under its own reference, if `name` leads to it."""
        if commit_at(self._access, self._repository, name) == commit:
            self._access.program.local(self._repository, "update-ref", place, commit)

    def _gone(self, commit: str) -> GitFailed:
        what = commit_at(self._access, self._repository, place_of(commit))
        if what is not None:
            return GitFailed(
                self._address.url,
                f"{commit[:12]} is the id of a tag, not of a commit",
                hint=f"the commit is {what}",
            )
        return GitFailed(
            self._address.url,
            f"it has no commit {commit} (any more)",
            hint="name a tag or branch that is there; `envsync lock -P NAME` locks what it is now",
        )
