"""Paths inside an environment: whether they stay there, and the folders that they need."""

from collections.abc import Collection, Iterable, Iterator

from envsync.wheel.paths import fold, has_safe_parts

STATE = ".envsync"
"""The folder in an environment that holds what envsync keeps of it."""
QUARANTINE = f"{STATE}/quarantine"
"""What envsync set aside there, until the user discards it."""
HIDING = ".gitignore"
"""The file of an environment that keeps all of it out of git's sight."""


_PLAIN = bytes(set(range(0x20, 0x7F)) - set(b"\\:"))


def is_inside(path: str) -> bool:
    """Say whether a path that was read stays in the environment and out of envsync's state.

    It is judged as a wheel's is: relative, without `..`, empty parts, controls, and what separates
    folders on some system.
    """
    return has_safe_parts(path) and fold(path.partition("/")[0]) != STATE


def are_inside(paths: Collection[str]) -> bool:
    """Say of many paths whether all are inside: their folders one by one, plain names at once."""
    split = [path.rpartition("/") for path in paths]
    names = {name for _, _, name in split}
    plain = "".join(names).encode("utf-8", "surrogateescape").translate(None, _PLAIN) == b""
    if not plain or not names.isdisjoint(("", ".", "..")):
        return all(map(is_inside, paths))
    folders = {folder if between else name for folder, between, name in split}
    return all(map(is_inside, folders))


def is_name(text: str) -> bool:
    """Say whether a text that was read is the name of one file or folder."""
    return has_safe_parts(text) and "/" not in text


def parents(paths: Iterable[str]) -> set[str]:
    """Give every folder above the paths, without the root."""
    return with_above({path.rpartition("/")[0] for path in paths})


def with_above(folders: Iterable[str]) -> set[str]:
    """Give the folders, and every folder above them, without the root."""
    found: set[str] = set()
    for lowest in folders:
        folder = lowest
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def owned(paths: Iterable[str], always: Collection[str]) -> set[str]:
    """Give the folders that are envsync's: all above placed paths, and `always` with those above.

    Nothing else may be in them, or in a folder below them. Only the environment's root, which is
    none of them, may hold what envsync didn't place.
    """
    return parents(paths) | with_above(always)


def folders(paths: Iterable[str]) -> Iterator[str]:
    """Give every folder that the paths need, each before what is in it."""
    seen = {""}
    for lowest in dict.fromkeys([path.rpartition("/")[0] for path in paths]):
        folder = lowest
        missing: list[str] = []
        while folder not in seen:
            seen.add(folder)
            missing.append(folder)
            folder = folder.rpartition("/")[0]
        yield from reversed(missing)
