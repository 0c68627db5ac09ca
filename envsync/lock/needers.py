"""Who needs a package: from a lock's informational "dependencies" back to names."""

from collections.abc import Iterator

from packaging.pylock import Pylock
from packaging.utils import canonicalize_name


def needers(pylock: Pylock, name: str) -> list[str]:
    """Give the packages of a lock that depend on a package, sorted; none where it isn't said.

    PEP 751, "packages.dependencies": a lock may leave them out, so only words hang on them.
    """
    wanted = canonicalize_name(name)
    names = {
        str(package.name)
        for package in pylock.packages
        for needed in package.dependencies or ()
        if canonicalize_name(str(needed.get("name", ""))) == wanted
    }
    return sorted(names - {wanted})


def all_needers(pylock: Pylock, name: str) -> Iterator[str]:
    """Give those, and those that need them, and so on: the nearest first, each once."""
    waiting, seen = [name], {name}
    for one in waiting:
        for needer in needers(pylock, one):
            if needer not in seen:
                seen.add(needer)
                waiting.append(needer)
                yield needer
