"""Say where interpreters are, and what their names tell of them before one is asked.

Looked through: the folders of PATH, pyenv's versions, uv's installations, the system's folders,
and on Windows what the launcher knows from the registry.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from envsync.errors import InterpreterNotFound
from envsync.python.base import base_of
from envsync.python.trust import EXECUTABLE, is_interpreter, is_own


class Folder(NamedTuple):
    """A folder that may hold interpreters, and the version that its own name tells."""

    path: str
    version: tuple[int, ...] = ()


class Candidate(NamedTuple):
    """An executable that may be an interpreter, and what its names tell."""

    path: str
    real: str
    """The same, with all links followed."""
    implementation: str
    version: tuple[int, ...]
    """() unknown, (3, 12) or (3, 12, 1)."""
    free_threaded: bool
    own: bool = False
    """It runs envsync."""

    def __str__(self) -> str:
        kind = "" if self.implementation == "cpython" else f"{self.implementation} "
        version = ".".join(map(str, self.version)) or "unknown version"
        return f"{kind}{version}{'t' if self.free_threaded else ''}  {self.path}"


def search_folders(environ: Mapping[str, str]) -> tuple[Folder, ...]:
    """List the folders to look in, in order: PATH, pyenv, uv, the system's.

    What variables name counts only when it is written in full: an empty or relative entry means
    the current folder, which may be anybody's.
    """
    pyenv = _named(environ, "PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    folders: dict[str, Folder] = {}
    for path in environ.get("PATH", os.defpath).split(os.pathsep):
        # A shim of pyenv's only finds one of the versions that are looked through anyway.
        if path != os.path.join(pyenv, "shims"):
            folders.setdefault(path, Folder(path))
    for folder in (*_pyenv_folders(pyenv), *_uv_folders(environ), *_system_folders()):
        if folder.version or folder.path not in folders:
            folders[folder.path] = folder
    return tuple(folder for folder in folders.values() if os.path.isabs(folder.path))


def _named(environ: Mapping[str, str], variable: str) -> str:
    """Give the folder that a variable names in full, else nothing."""
    folder = environ.get(variable, "")
    return folder if os.path.isabs(folder) else ""


def fingerprint(folders: Iterable[Folder]) -> Iterator[str]:
    """Give what changes when an interpreter is added to, or taken from, one of the folders."""
    yield own_executable()
    for folder in folders:
        yield folder.path
        try:
            yield str(os.stat(folder.path).st_mtime_ns)
        except OSError:
            yield ""


def find_candidates(
    folders: Iterable[Folder], environ: Mapping[str, str], *, never_inside: str | None = None
) -> list[Candidate]:
    """List what may be interpreters, each file once, in the order of the folders.

    What is certainly older than Python 3.8 is left out, and what lies inside `never_inside` or is
    reached through it.
    """
    candidates: dict[str, Candidate] = {}
    own = own_executable()
    if own and is_own(own, never_inside):
        version = tuple(sys.version_info[:3])
        _add(candidates, own, Folder(os.path.dirname(own), version), never_inside, own=True)
    seen = set()
    for folder in (*folders, *_registry_folders(environ)):
        real = os.path.realpath(folder.path)
        if real not in seen and is_own(folder.path, never_inside):
            seen.add(real)
            _look_through(folder, candidates, never_inside)
    return [
        candidate
        for candidate in candidates.values()
        if not candidate.version or candidate.version >= (3, 8)
    ]


def own_executable() -> str:
    """Give the base interpreter of the one that runs envsync, or "" where that is unknown."""
    own: str = getattr(sys, "_base_executable", None) or sys.executable or ""
    return own


# Folders


def _pyenv_folders(root: str) -> Iterator[Folder]:
    versions = os.path.join(root, "versions")
    yield Folder(versions)
    for name in _names(versions):
        match = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)t?", name)
        yield Folder(os.path.join(versions, name, "bin"), _numbers(match))


def _uv_folders(environ: Mapping[str, str]) -> Iterator[Folder]:
    data = _named(environ, "XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    if os.name == "nt":
        data = environ.get("APPDATA", data)
    root = _named(environ, "UV_PYTHON_INSTALL_DIR") or os.path.join(data, "uv", "python")
    yield Folder(root)
    for name in _names(root):
        match = re.match(r"cpython-(\d+)\.(\d+)\.(\d+)[+-]", name)
        home = os.path.join(root, name)
        yield Folder(home if os.name == "nt" else os.path.join(home, "bin"), _numbers(match))


def _system_folders() -> Iterator[Folder]:
    if os.name == "nt":
        return
    yield Folder("/usr/bin")
    yield Folder("/usr/local/bin")
    if sys.platform == "darwin":
        yield Folder("/opt/homebrew/bin")
        versions = "/Library/Frameworks/Python.framework/Versions"
        yield Folder(versions)
        for name in _names(versions):
            yield Folder(os.path.join(versions, name, "bin"))


def _registry_folders(environ: Mapping[str, str]) -> list[Folder]:
    """Ask the Windows launcher for the interpreters of the registry (PEP 514)."""
    if os.name != "nt":
        return []
    places = (
        os.path.join(environ.get("SystemRoot", r"C:\Windows"), "py.exe"),
        os.path.join(environ.get("LOCALAPPDATA", ""), "Programs", "Python", "Launcher", "py.exe"),
    )
    launcher = next(filter(os.path.isfile, filter(os.path.isabs, places)), None)
    if launcher is None:
        return []
    try:
        answer = subprocess.run(
            [launcher, "-0p"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return parse_launcher_list(answer.stdout)


def parse_launcher_list(text: str) -> list[Folder]:
    r"""Read lines of `py -0p` such as " -V:3.12 *        C:\Python312\python.exe"."""
    line = re.compile(
        r"^ *-(?:V:)?(?:\S*/)?(?:(\d+)\.(\d+))?\S*(?: +\*)? +(\S.*)\\[^\\]+\.exe *$", re.IGNORECASE
    )
    matches = filter(None, map(line.match, text.splitlines()))
    return [
        Folder(match[3], (int(match[1]), int(match[2])) if match[1] else ()) for match in matches
    ]


def _numbers(match: re.Match[str] | None) -> tuple[int, ...]:
    return tuple(map(int, match.groups())) if match is not None else ()


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder), reverse=True)
    except OSError:
        return []


# Executables


def _look_through(
    folder: Folder, candidates: dict[str, Candidate], never_inside: str | None
) -> None:
    for name in filter(EXECUTABLE.fullmatch, _names(folder.path)):
        path = os.path.join(folder.path, name)
        if os.path.isfile(path) and os.access(path, os.X_OK) and is_interpreter(path):
            _add(candidates, path, folder, never_inside)


def _add(
    candidates: dict[str, Candidate],
    path: str,
    folder: Folder,
    never_inside: str | None,
    *,
    own: bool = False,
) -> None:
    """Add the base of an executable, or what its names tell more than those already seen."""
    if not is_own(path, never_inside):
        return  # a link into a stranger's folder
    try:
        base = base_of(path)
    except InterpreterNotFound:
        return  # an environment whose base is gone
    if base != path and not is_own(base, never_inside):
        return
    candidate = _candidate(base, folder if base == path else Folder(os.path.dirname(base)))
    known = candidates.get(candidate.real)
    if known is None:
        candidates[candidate.real] = candidate._replace(own=own)
    elif len(candidate.version) > len(known.version):
        candidates[candidate.real] = candidate._replace(own=known.own)


def _candidate(path: str, folder: Folder) -> Candidate:
    """Read what names tell: the file's own, that of the file it links to, its folder's."""
    real = os.path.realpath(path)
    named = [EXECUTABLE.fullmatch(os.path.basename(name)) for name in (real, path)]
    matches = [match for match in named if match is not None]
    minor = next(((int(match[2]), int(match[3])) for match in matches if match[3]), ())
    kind = matches[0][1].lower() if matches else "python"
    return Candidate(
        path,
        real,
        implementation="cpython" if kind == "python" else kind,
        version=minor if minor and folder.version[:2] != minor else folder.version,
        free_threaded=any(match[4] for match in matches),
    )
