"""The folders that a set of relative paths needs."""

from collections.abc import Iterable, Iterator


def parents(paths: Iterable[str]) -> set[str]:
    """Give every folder above the paths, without the root."""
    found: set[str] = set()
    for lowest in {path.rpartition("/")[0] for path in paths}:
        folder = lowest
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def folders(paths: Iterable[str]) -> Iterator[str]:
    """Give every folder that the paths need, each before what is in it."""
    seen: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        missing: list[str] = []
        while folder and folder not in seen:
            seen.add(folder)
            missing.append(folder)
            folder = folder.rpartition("/")[0]
        yield from reversed(missing)
