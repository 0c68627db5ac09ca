"""Repositories as sources: which commit a name means, what is in it, and its files.

    repositories = Repositories(access)
    commit = repositories.find(source).commit
    data = repositories.file(source, commit, "pyproject.toml")
    repositories.check_out(source.location, commit, directory, Wanted(submodules=True))

Commits stay in the store, where every project of the user finds them, without a network too.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from envsync.errors import GitFailed
from envsync.git.access import Access
from envsync.git.address import Address, DamagedClone
from envsync.git.checkout import check_out, submodules
from envsync.git.clones import drop, open_clone
from envsync.git.fetching import commit_at, fetch, fetch_all
from envsync.git.history import READ, asks_history
from envsync.git.references import Meant, ask, is_id, object_format
from envsync.git.trees import SUBMODULE, Entry, entries, read_file
from envsync.spec.model import SourceSpec

T = TypeVar("T")

PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
_PROJECTS = ("/pyproject.toml", "/setup.py")
_MAX_FILE = 4 << 20
_MAX_DEPTH = 8
_MAX_SUBMODULES = 200


class Wanted(NamedTuple):
    """What of a commit is checked out beside its own files."""

    subdirectory: str | None = None
    """Where the project lies, whose files say whether history is needed."""
    submodules: bool = False
    lfs: bool = False
    is_outline: bool = False
    """Only to be looked at: no history, and no word of what is left out."""


class Found(NamedTuple):
    """What a source means now."""

    commit: str
    name: str | None = None
    """The server's reference; None for the id of a commit, and where nothing was asked."""


class Repositories:
    """Repositories of one project's sources. Every method may be called from any thread."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def find(self, source: SourceSpec, known: str | None = None) -> Found:
        """Give the commit that a source means, and have it in the store.

        `known` is a commit that was found before, and is not to be asked about again. Raises
        `GitFailed`, `StorageFailed`.
        """
        address = self._access.address(source.location)
        if known is not None:
            self._with(address, known, lambda _: None)
            return Found(known)
        if self._access.offline:
            return self._remembered(address, source)
        meant = ask(self._access, address, source)
        if meant.is_short:
            meant = self._complete(address, source, meant.commit)
        seen = _seen(source)

        def note(repository: str) -> None:
            self._access.program.local(repository, "update-ref", seen, meant.commit)

        self._with(address, meant.commit, note, name=meant.name)
        return Found(meant.commit, meant.name)

    def files(self, source: SourceSpec, commit: str, paths: Sequence[str]) -> list[bytes | None]:
        """Give regular files of a commit; None for what is none. Raises as `find`."""
        return self._files(self._access.address(source.location), commit, paths)

    def _files(self, address: Address, commit: str, paths: Sequence[str]) -> list[bytes | None]:
        def read(repository: str) -> list[bytes | None]:
            return [read_file(self._access, repository, commit, path, _MAX_FILE) for path in paths]

        return self._with(address, commit, read)

    def has_folder(self, source: SourceSpec, commit: str, path: str) -> bool:
        """Say whether a commit has a folder, and no link or file of that name."""
        address = self._access.address(source.location)

        def look(repository: str) -> bool:
            words = ("cat-file", "-t", f"{commit}:{path}")
            return self._access.program.local(repository, *words).output.strip() == b"tree"

        return self._with(address, commit, look)

    def projects(self, source: SourceSpec, commit: str) -> list[str]:
        """Give the folders of a commit with a project of their own, the highest first."""
        address = self._access.address(source.location)

        def look(repository: str) -> list[str]:
            paths = [one.path for one in entries(self._access, repository, address, commit)]
            found = {path.rpartition("/")[0] for path in paths if path.endswith(_PROJECTS)}
            return sorted(found - {""}, key=lambda path: (path.count("/"), path))

        return self._with(address, commit, look)

    def check_out(self, url: str, commit: str, directory: str, wanted: Wanted) -> None:
        """Check a commit out into an empty folder. Raises as `find`."""
        self._check_out(self._access.address(url), commit, directory, wanted, "", [])

    def _check_out(
        self,
        address: Address,
        commit: str,
        directory: str,
        wanted: Wanted,
        inside: str,
        seen: list[str],
    ) -> None:
        seen.append(address.url)
        if len(seen) > _MAX_SUBMODULES or inside.count("\n") > _MAX_DEPTH:
            raise GitFailed(address.url, "there is no end to the submodules in it")
        is_built = not inside and not wanted.is_outline
        history = is_built and self._asks_history(address, commit, wanted.subdirectory)
        try:
            listed = self._with(
                address,
                commit,
                lambda repository: check_out(
                    self._access,
                    repository,
                    address,
                    commit,
                    directory,
                    history=history,
                    lfs=None if wanted.is_outline else wanted.lfs,
                ),
                history=history,
            )
        except GitFailed as error:
            if not inside:
                raise
            where = inside.rpartition("\n")[2]
            raise GitFailed(
                error.url,
                f"{error.reason} (the submodule {where} of {seen[0]})",
                hint=error.hint,
            ) from error
        if not wanted.submodules:
            if is_built:
                self._tell_submodules(address, listed)
            return
        for one in submodules(self._access, directory, address, listed):
            below = address.below(one.url, self._access.insecure_hosts)
            folder = f"{directory}/{one.path}"
            self._check_out(below, one.commit, folder, wanted, f"{inside}\n{one.path}", seen)

    def _tell_submodules(self, address: Address, listed: tuple[Entry, ...]) -> None:
        """Say what is left out, since other tools don't leave it out."""
        left = [one.path for one in listed if one.mode == SUBMODULE]
        if left:
            more = f" and {len(left) - 1} more" if left[1:] else ""
            self._access.reporter.warn(
                f"{address.url}: the submodule {left[0]}{more} is left out; "
                "`submodules = true` in [sources] takes it in"
            )

    def _asks_history(self, address: Address, commit: str, subdirectory: str | None) -> bool:
        folder = f"{subdirectory}/" if subdirectory else ""
        return asks_history(*self._files(address, commit, [f"{folder}{name}" for name in READ]))

    def _remembered(self, address: Address, source: SourceSpec) -> Found:
        """Give what a source meant when it was asked for last."""
        commit = (source.rev or "").lower()
        if is_id(commit):
            self._with(address, commit, lambda _: None)
            return Found(commit)
        for kind in ("sha1", "sha256"):
            with open_clone(self._access, address, kind) as repository:
                found = commit_at(self._access, repository, _seen(source))
            if found is not None:
                return Found(found)
        raise GitFailed(
            address.url,
            f"{source.revision or 'its default branch'} was not asked for yet, and the network is "
            "not to be used",
            hint="run the command once without --offline",
        )

    def _complete(self, address: Address, source: SourceSpec, short: str) -> Meant:
        """Give the commit whose id begins so; in a repository of the usual kind, by sha1."""
        with open_clone(self._access, address, "sha1") as repository:
            found = commit_at(self._access, repository, short)
            if found is None:
                fetch_all(self._access, repository, address)
                found = commit_at(self._access, repository, short)
        if found is not None and found.startswith(short):
            return Meant(found)
        raise GitFailed(
            address.url,
            f"it has no tag, branch or commit {source.rev}, or several commits begin so",
            hint="write the full id of the commit",
        )

    def _with(
        self,
        address: Address,
        commit: str,
        work: Callable[[str], T],
        *,
        name: str | None = None,
        history: bool = False,
    ) -> T:
        """Do something with a clone that has a commit; one that is damaged is made anew."""
        for attempt in (1, 2):
            repository = ""
            try:
                with open_clone(self._access, address, object_format(commit)) as repository:
                    try:
                        fetch(self._access, repository, address, commit, name=name, history=history)
                        return work(repository)
                    except DamagedClone:
                        # Without a network it stays: another commit in it may be whole.
                        if not self._access.offline:
                            drop(repository)
                        raise
            except GitFailed as error:
                # Somebody may have cleaned the cache meanwhile.
                is_gone = bool(repository) and not os.path.isdir(repository)
                if attempt == 2 or self._access.offline or not is_gone:
                    raise
                self._access.reporter.detail(f"{error}; its clone is made anew")
        raise AssertionError


def _seen(source: SourceSpec) -> str:
    """Name the reference that keeps what a source meant when it was last asked for."""
    asked = repr((source.tag, source.branch, source.rev))
    return f"refs/envsync/seen/{hashlib.sha256(asked.encode()).hexdigest()[:40]}"
