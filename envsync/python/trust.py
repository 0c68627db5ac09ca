"""Say which files may be run as interpreters, and what of this process's variables they get.

A file in a stranger's folder is never run unasked, nor one that is reached through such a folder,
nor one that isn't named as an interpreter is: `make` and `awk` run what they find, too.
"""

import os
import re
from collections.abc import Iterator, Mapping

EXECUTABLE = re.compile(r"(python|pypy|graalpy)(?:(\d)(?:\.(\d+))?(t)?)?(?:\.exe)?", re.IGNORECASE)

# The names of the files that links lead to: debug builds, wrapped ones, and the programs of version
# managers that are linked to under an interpreter's name and look at that name.
_REAL = re.compile(
    r"\.?(?:python|pypy|graalpy)[0-9.]*[tdmu]{0,3}(?:-dbg|-intel64|-wrapped)?(?:\.exe)?|mise|rye",
    re.IGNORECASE,
)
_MOST_LINKS = 40


def is_interpreter(path: str) -> bool:
    """Tell whether a file is named as an interpreter is, also after all links."""
    names = os.path.basename(path), os.path.basename(os.path.realpath(path))
    return EXECUTABLE.fullmatch(names[0]) is not None and _REAL.fullmatch(names[1]) is not None


def is_inside(path: str, folder: str) -> bool:
    """Tell whether a path is in a folder, or whether a link on the way to it is."""
    written, top = os.path.abspath(path), os.path.abspath(folder)
    if f"{written}{os.sep}".startswith(os.path.join(top, "")):
        return True
    try:
        wanted = os.stat(top)
    except OSError:
        return False
    way = path if os.path.isabs(path) else os.path.join(os.getcwd(), path)
    return any(_is_below(stop, wanted) for stop in _stops(way))


def _is_below(path: str, wanted: os.stat_result) -> bool:
    """Tell whether a path without links is a folder, by its identity, or below it."""
    above = ""
    while path != above:
        try:
            if os.path.samestat(os.lstat(path), wanted):
                return True
        except OSError:
            pass  # nothing there
        path, above = os.path.dirname(path), path
    return False


def _stops(path: str) -> Iterator[str]:
    """Give each link on the way to a path, as the system goes it, and where the way ends."""
    drive, rest = os.path.splitdrive(path)
    waiting, at, links = rest.split(os.sep)[::-1], f"{drive}{os.sep}", 0
    while waiting and links < _MOST_LINKS:
        name = waiting.pop()
        step = os.path.dirname(at) if name == os.pardir else os.path.join(at, name)
        if name in ("", os.curdir):
            continue
        try:
            target = os.readlink(step)
        except OSError:  # no link, or nothing
            at = step
            continue
        yield step
        links += 1
        if os.path.isabs(target):
            at = os.path.join(os.path.splitdrive(target)[0], os.sep)
        waiting += os.path.splitdrive(target)[1].split(os.sep)[::-1]
    yield at


# Variables

_WORDS = frozenset(
    {
        *("USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "PYENV_VERSION"),
        *("PATHEXT", "SYSTEMDRIVE"),
    }
)
_PREFIXES = ("LC_", "ASDF_", "MISE_", "RYE_", "NIX_LD")
"""Of languages and version managers, and what finds the libraries of interpreters on NixOS."""
_FOLDERS = frozenset(
    {
        *("HOME", "TMPDIR", "TEMP", "TMP", "PYENV_ROOT", "SYSTEMROOT", "WINDIR", "COMSPEC"),
        *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"),
        *("APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "USERPROFILE"),
    }
)
_LISTS = frozenset(
    {
        *("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"),
        *("LIBPATH", "SHLIB_PATH", "NIX_LD_LIBRARY_PATH"),
    }
)
"""Folders of programs and of libraries, without which some interpreters don't start."""


def own_environment(environ: Mapping[str, str], never_inside: str | None = None) -> dict[str, str]:
    """Give the variables for an interpreter that is asked, or compiles: few, and none of Python's.

    No path that is relative, or leads into `never_inside`, is among them.
    """
    kept = {"PATH": os.defpath}
    for variable, value in environ.items():
        name = variable.upper() if os.name == "nt" else variable
        is_word = name in _WORDS or name.startswith(_PREFIXES)
        if name in _LISTS:
            kept[name] = _own_folders(value, os.pathsep if name == "PATH" else "[:;]", never_inside)
        elif (is_word and os.sep not in value) or (
            (is_word or name in _FOLDERS) and is_own(value, never_inside)
        ):
            kept[name] = value
    # Without it macOS tells programs that were built long ago that it is version 10.16.
    return {name: value for name, value in kept.items() if value} | {"SYSTEM_VERSION_COMPAT": "0"}


def _own_folders(value: str, separator: str, never_inside: str | None) -> str:
    folders = re.split(separator, value)  # loaders take ; for : too
    return os.pathsep.join(folder for folder in folders if is_own(folder, never_inside))


def is_own(path: str, never_inside: str | None) -> bool:
    """Tell whether a path that a variable names is the user's: in full, and no stranger's."""
    return os.path.isabs(path) and not (never_inside is not None and is_inside(path, never_inside))
