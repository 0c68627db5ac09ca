"""Judge the paths inside a wheel: safe on every system, without clashes, off what is not theirs.

The rules are lexical and the same everywhere, so a wheel is refused on all systems or on none.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

MAX_COMPONENT = 255
"""UTF-8 bytes of one name."""
MAX_DEPTH = 64
MAX_PATH = 1024
MAX_FOLDERS = 100_000
_FREE_FOLDERS = 1000
_FOLDERS_A_FILE = 8

# Controls; what separates folders or drives on some system; what a terminal doesn't show, or uses
# to turn the direction of text.
_FORBIDDEN = r"\x00-\x1f\x7f-\x9f\\:\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff"
_SAFE = re.compile(rf"(?:(?!\.\.?/)[^/{_FORBIDDEN}]+/)*(?!\.\.?\Z)[^/{_FORBIDDEN}]+")
_FORBIDDEN_CHARACTER = re.compile(f"[{_FORBIDDEN}]")

_PYTHON = re.compile(r"(?:python|pythonw|pypy)[0-9.]*[tdmuw]*(?:-config)?")
_ACTIVATORS = ("activate", "deactivate", "activate_this")
_STATE = frozenset({".envsync", "pyvenv.cfg", ".gitignore", "cachedir.tag"})
_FOLDERS = frozenset({"bin", "scripts", "lib", "lib64", "include"})
_LIBRARIES = frozenset({"lib", "lib64"})
_PACKAGES = frozenset({"site-packages", "dist-packages"})
_BY_INSTALLERS = frozenset({"installer", "requested", "direct_url.json"})
_SEALS = frozenset({"record", "record.jws", "record.p7s"})


def has_safe_parts(path: str) -> bool:
    """Say whether a path is relative, leads nowhere else, and has no character that is forbidden.

    How long and how deep it is isn't judged.
    """
    return _SAFE.fullmatch(path) is not None


def is_safe(path: str) -> bool:
    """Say whether a relative path with forward slashes can be used on every system."""
    if not has_safe_parts(path):
        return False
    if len(path) <= MAX_COMPONENT and path.isascii() and path.count("/") < MAX_DEPTH:
        return True
    return path_problem(path) is None


def path_problem(path: str) -> str | None:
    """Say what is wrong with a path, in words that go behind it; None when nothing is."""
    parts = path.split("/")
    if path.startswith("/"):
        return "is an absolute path"
    if "" in parts:
        return "has an empty component"
    if "." in parts or ".." in parts:
        return 'has "." or ".." as a component'
    match = _FORBIDDEN_CHARACTER.search(path)
    if match:
        return f"has the character U+{ord(match[0]):04X}"
    if len(parts) > MAX_DEPTH:
        return f"lies more than {MAX_DEPTH} folders deep"
    if any(len(part.encode()) > MAX_COMPONENT for part in parts):
        return f"has a name of more than {MAX_COMPONENT} bytes"
    if len(path.encode()) > MAX_PATH:
        return f"is longer than {MAX_PATH} bytes"
    return None


def fold(path: str) -> str:
    """Give the form in which paths are equal that some file system takes for one.

    Letter case, the composition of accents, and dots and spaces at the end of a name go.
    """
    if path.isascii():
        folded = path.lower()
    else:
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
    if "./" in folded or " /" in folded or folded.endswith((".", " ")):
        folded = "/".join(part.rstrip(". ") for part in folded.split("/"))
    return folded


def is_reserved_script(name: str) -> bool:
    """Say whether a script of this name would stand in for the interpreter or activation."""
    folded = fold(name).removesuffix(".exe")
    return _PYTHON.fullmatch(folded) is not None or folded.partition(".")[0] in _ACTIVATORS


def reserved(target: str) -> str | None:
    """Say what of the environment's own a target would replace; None when nothing.

    `target` is relative to the environment's root.
    """
    first, _, rest = fold(target).partition("/")
    if first in _STATE:
        return "belongs to the environment itself"
    if first in _FOLDERS and not rest:
        return "is a folder of the environment"
    if first in ("bin", "scripts") and is_reserved_script(rest.partition("/")[0]):
        return "would replace the interpreter or its activation"
    return None


def is_by_installers(path: str) -> bool:
    """Say whether only an installer writes this path of a *.dist-info folder."""
    return fold(path.partition("/")[0]) in _BY_INSTALLERS


def forged_metadata(path: str, dist_info: str) -> str | None:
    """Say what installed metadata a file of a wheel's data folder would forge; None when none.

    `path` is relative to site-packages, `dist_info` the wheel's own folder. What lies deeper (a
    vendored project's *.dist-info) is nobody's metadata.
    """
    folder, _, name = path.partition("/")
    if not fold(folder).endswith(".dist-info"):
        return None
    if folder != dist_info:
        return "would be the metadata of another package"
    if is_by_installers(name) or fold(name.partition("/")[0]) in _SEALS:
        return "is written by installers only"
    return None


def below_site_packages(target: str) -> str:
    """Give the part of a target that lies below some Python's site-packages; empty when none.

    `target` is relative to the environment's root.
    """
    parts = target.split("/")
    if fold(parts[0]) in _LIBRARIES:
        for depth in (1, 2):  # Windows has no folder for each version
            if fold("/".join(parts[depth : depth + 1])) in _PACKAGES:
                return "/".join(parts[depth + 1 :])
    return ""


def folders_of(paths: Iterable[str]) -> list[str]:
    """Give every folder that the paths lie in, each after those that it lies in itself."""
    folders = {""}
    for folder in {path.rpartition("/")[0] for path in paths}:
        while folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    folders.remove("")
    return sorted(folders)


def too_many_folders(files: int, folders: int) -> bool:
    """Say whether so many folders for so many files were made to use up a disk's inodes.

    Real packages have a folder for several files; a few kilobytes of an archive can name tens of
    thousands, each nested in the next.
    """
    return folders > min(MAX_FOLDERS, _FREE_FOLDERS + _FOLDERS_A_FILE * files)


def clash(paths: Sequence[str], folders: Iterable[str]) -> str | None:
    """Name a path that occurs twice, or as file and as folder; None when all can stand together."""
    files = set(paths)
    if len(files) != len(paths):
        return f"{_twice(paths)!a} is there twice"
    both = files.intersection(folders)
    return f"{min(both)!a} is a file and a folder" if both else None


def _twice(paths: Iterable[str]) -> str:
    seen: set[str] = set()
    for path in paths:
        if path in seen:
            return path
        seen.add(path)
    return ""
