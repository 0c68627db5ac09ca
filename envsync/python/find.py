"""Find the interpreter that a request means: "3.12", ">=3.11", "pypy3.10", a path -> `Target`."""

import os
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from packaging.specifiers import InvalidSpecifier, Specifier, SpecifierSet
from packaging.version import Version

from envsync.errors import InterpreterNotFound, UsageError
from envsync.events import SILENT, Reporter
from envsync.model.target import Target
from envsync.python.ask import OLDEST, ask, recall, remember
from envsync.python.named import FORMS, Named
from envsync.python.places import Candidate, find_candidates, fingerprint, search_folders
from envsync.python.trust import is_interpreter

_ANY = SpecifierSet()


class Request(NamedTuple):
    """What was asked for, read from its text."""

    text: str
    """As written, for messages."""
    versions: SpecifierSet = _ANY
    implementation: str | None = None
    free_threaded: bool | None = None
    path: str | None = None
    """Absolute path of an executable or of an environment's or installation's folder."""


def find_target(
    request: str | None,
    requires_python: SpecifierSet | None,
    *,
    cache_dir: str,
    reporter: Reporter = SILENT,
    never_inside: str | None = None,
    by_user: bool | None = None,
    allowed: Callable[[], Collection[str]] = tuple,
) -> Target:
    """Give the interpreter that a request means; without one, the newest that fits.

    A request is a version ("3.12", "3.12.1", "3.13t"), a specifier (">=3.11,<3.14"), a name
    ("python3.12", "pypy", "pypy3.10") or a path (relative ones start at the current folder).
    Of several that fit, CPython comes before others, stable before pre-release, then the newest;
    the interpreter that runs envsync only wins ties.

    Nothing in the folder `never_inside` is run but what the user names by its path. `by_user` says
    whether the request is the user's own; without it, it is where no such folder is given. A path
    out of a file is only run when it is an interpreter that the search finds too, or one of
    `allowed()`.

    Raises `UsageError` for a request that means nothing or names what is never run,
    `InterpreterNotFound`, with what was found, when none fits.
    """
    wanted = parse_request(request)
    requires = requires_python if requires_python is not None else _ANY
    folders = search_folders(os.environ)
    if wanted.path is not None:
        named = Named(wanted.path, folders, never_inside, allowed)
        own = never_inside is None if by_user is None else by_user
        path, inside = named.of_user() if own else named.of_file()
        return _fitting(ask(path, cache_dir, inside), wanted, requires)
    name, key = f"find\n{request}\n{requires}\n{never_inside}", list(fingerprint(folders))
    remembered = recall(cache_dir, name, key)
    if isinstance(remembered, str):
        target = _still(remembered, wanted, requires, cache_dir, never_inside)
        if target is not None:
            return target
    candidates = find_candidates(folders, os.environ, never_inside=never_inside)
    search = _Search(wanted, requires, cache_dir, reporter, never_inside)
    target = search.best(candidates)
    if target.executable not in search.behind_wrappers:
        remember(cache_dir, name, key, target.executable)
    return target


def list_interpreters(
    cache_dir: str, reporter: Reporter = SILENT, *, never_inside: str | None = None
) -> tuple[Target, ...]:
    """Give all interpreters that work, best first; those that don't are reported as details.

    None is run that lies inside `never_inside`.
    """
    search = _Search(parse_request(None), _ANY, cache_dir, reporter, never_inside)
    targets = {}
    folders = search_folders(os.environ)
    for candidate in find_candidates(folders, os.environ, never_inside=never_inside):
        target = search.try_ask(candidate)
        if target is not None:
            targets[os.path.realpath(target.executable)] = target
    return tuple(sorted(targets.values(), key=_rank, reverse=True))


def matches(target: Target, request: str) -> bool:
    """Say whether an interpreter is what a request means. Raises `UsageError`."""
    wanted = parse_request(request)
    if wanted.path is not None:
        return os.path.realpath(wanted.path) == os.path.realpath(target.executable)
    return _fits(target, wanted, _ANY)


# Requests

_NAME = r"(?P<name>python|cpython|pypy|graalpy)"
_VERSION = re.compile(
    rf"(?:{_NAME}[-@]?)?"
    r"(?P<version>(?P<numbers>\d{1,4}(?:\.\d{1,4}){0,2})(?P<stage>(?:a|b|rc)\d{1,4})?)?"
    r"(?P<threads>t)?",
    re.ASCII,
)
_SPECIFIER = re.compile(rf"(?:{_NAME} ?)?(?P<specifier>(?:[<>]=?|[!=]=|~=).*)")


def parse_request(text: str | None) -> Request:
    """Read a request; None asks for any version. Raises `UsageError`."""
    if text is None:
        return Request("any version")
    plain = text.strip()
    match = _VERSION.fullmatch(plain)
    if match is not None and (match["name"] or match["version"]):
        return Request(
            plain, _versions(match), _implementation(match["name"]), match["threads"] is not None
        )
    match = _SPECIFIER.fullmatch(plain)
    if match is not None:
        try:
            versions = SpecifierSet(match["specifier"])
        except InvalidSpecifier as error:
            raise UsageError(f"not a Python version: {text!r}", hint=FORMS) from error
        return Request(plain, versions, _implementation(match["name"]))
    path = os.path.expanduser(plain)
    if os.path.basename(path) != path or os.path.isdir(path):
        return Request(plain, path=os.path.abspath(path))
    raise UsageError(f"not a Python version, name or path: {text!r}", hint=FORMS)


def _versions(match: re.Match[str]) -> SpecifierSet:
    """Give "3.12" as ==3.12.*, and "3.12.1" or "3.14rc1" as exactly that."""
    version = match["version"]
    if version is None:
        return _ANY
    exact = match["stage"] is not None or version.count(".") == 2
    return SpecifierSet(f"=={version}" if exact else f"=={version}.*")


def _implementation(name: str | None) -> str | None:
    return None if name == "python" else name


def _fits(target: Target, wanted: Request, requires: SpecifierSet) -> bool:
    return (
        wanted.implementation in (None, target.implementation)
        and wanted.free_threaded in (None, target.free_threaded)
        and _contains(wanted.versions, target.version)
        and _contains(requires, target.version)
    )


def _contains(versions: SpecifierSet, version: str) -> bool:
    """Tell whether a version is meant; 3.14.0rc1 is also good where 3.14.0 is, as pip has it."""
    if versions.contains(version, prereleases=True):
        return True
    release = Version(version).base_version
    precise = any(specifier.operator == "==" for specifier in versions)
    return not precise and release != version and versions.contains(release)


def _fitting(target: Target, wanted: Request, requires: SpecifierSet) -> Target:
    """Give an interpreter that was asked for by its path, if it is within requires-python."""
    if not _fits(target, wanted, requires):
        unfit = f"{target.version}  {target.executable}: outside requires-python {requires}"
        raise InterpreterNotFound(
            wanted.text,
            [unfit],
            hint="name another interpreter, or change `requires-python` in env.toml",
        )
    return target


# Searching


class _Rank(NamedTuple):
    """What makes one interpreter better than another, most important first."""

    cpython: bool
    with_lock: bool
    stable: bool
    version: Version
    own: bool


class _Search:
    """One search: what was asked for, and what was seen on the way."""

    def __init__(
        self,
        wanted: Request,
        requires: SpecifierSet,
        cache_dir: str,
        reporter: Reporter,
        never_inside: str | None,
    ) -> None:
        self._wanted, self._requires = wanted, requires
        self._cache_dir, self._reporter = cache_dir, reporter
        self._never_inside = never_inside
        self._seen: dict[str, str] = {}
        self.behind_wrappers: set[str] = set()
        """Executables that a shim led to: with other settings it leads to another."""

    def best(self, candidates: Sequence[Candidate]) -> Target:
        """Give the best target: ask in the order of promise, and stop when no other can win."""
        best: tuple[_Rank, Target] | None = None
        for candidate in sorted(filter(self._is_possible, candidates), key=_promise, reverse=True):
            # One whose names tell no version is asked only when nothing else fits.
            if best is not None and (best[0] >= _promise(candidate) or not candidate.version):
                break
            target = self.try_ask(candidate)
            if target is None or not _fits(target, self._wanted, self._requires):
                continue
            rank = _rank(target, own=candidate.own)
            if best is None or rank > best[0]:
                best = rank, target
        if best is None:
            raise self._not_found(candidates)
        return best[1]

    def try_ask(self, candidate: Candidate) -> Target | None:
        """Ask a candidate; None when it doesn't work, which is kept for the error."""
        try:
            target = ask(candidate.path, self._cache_dir, self._never_inside)
        except InterpreterNotFound as error:
            self._seen[candidate.path] = " ".join(error.found)
            self._reporter.detail(f"passed over {self._seen[candidate.path]}")
            return None
        if os.path.realpath(target.executable) != candidate.real:
            self.behind_wrappers.add(target.executable)
        kind = "" if target.implementation == "cpython" else f"{target.implementation} "
        threads = "t" if target.free_threaded else ""
        self._seen[candidate.path] = f"{kind}{target.version}{threads}  {target.executable}"
        return target

    def _is_possible(self, candidate: Candidate) -> bool:
        """Tell whether a candidate can be what is wanted, by what its names tell."""
        wanted = self._wanted
        if not candidate.version:
            return True
        if wanted.implementation not in (None, candidate.implementation):
            return False
        if wanted.free_threaded not in (None, candidate.free_threaded):
            return False
        return any(
            _contains(self._requires, version)
            and (_contains(wanted.versions, version) or _is_stage_of(wanted.versions, version))
            for version in _possible_versions(candidate.version)
        )

    def _not_found(self, candidates: Iterable[Candidate]) -> InterpreterNotFound:
        requires = f" within requires-python {self._requires}" if self._requires else ""
        ordered = sorted(candidates, key=_promise, reverse=True)
        return InterpreterNotFound(
            f"{self._wanted.text}{requires}",
            [self._seen.get(candidate.path, str(candidate)) for candidate in ordered],
            hint="install one, for example with pyenv or your system's package manager, "
            "or name one with `--python PATH`",
        )


def _possible_versions(named: tuple[int, ...]) -> list[str]:
    text = ".".join(map(str, named))
    return [text] if len(named) > 2 else [f"{text}.{micro}" for micro in range(64)]


def _is_stage_of(versions: SpecifierSet, release: str) -> bool:
    """Tell whether 3.14.0rc1 or the like is asked for and `release` is 3.14.0: names don't say."""
    return any(_exact(specifier) == release for specifier in versions)


def _exact(specifier: Specifier) -> str:
    if specifier.operator != "==" or specifier.version.endswith("*"):
        return ""
    numbers = (*Version(specifier.version).release, 0, 0)[:3]
    return ".".join(map(str, numbers))


def _rank(target: Target, *, own: bool = False) -> _Rank:
    version = Version(target.version)
    return _Rank(
        target.implementation == "cpython",
        not target.free_threaded,
        not version.is_prerelease,
        version,
        own,
    )


def _promise(candidate: Candidate) -> _Rank:
    """Give the best rank that a candidate can turn out to have."""
    parts = candidate.version or OLDEST
    version = ".".join(map(str, parts)) + ("" if len(parts) > 2 else ".9999")
    return _Rank(
        candidate.implementation == "cpython" and bool(candidate.version),
        not candidate.free_threaded,
        stable=True,
        version=Version(version),
        own=candidate.own,
    )


def _still(
    executable: str,
    wanted: Request,
    requires: SpecifierSet,
    cache_dir: str,
    never_inside: str | None,
) -> Target | None:
    """Give the remembered answer, unless the interpreter is gone or has become another."""
    if not is_interpreter(executable):
        return None
    try:
        target = ask(executable, cache_dir, never_inside)
    except InterpreterNotFound:
        return None
    return target if _fits(target, wanted, requires) else None
