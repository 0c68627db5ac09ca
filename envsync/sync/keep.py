"""Paths that env.toml leaves to programs: generated code in site-packages (`[sync] keep`).

What matches may be edited and added; placed files among it are copies, so that no program writes
through a link into the store.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

from envsync.environment.drift import Drift
from envsync.environment.manifest import Placed
from envsync.sync.desired import DesiredEnvironment
from envsync.sync.wheel_files import WRITABLE, Content, read_stored


class Keep:
    """Patterns of paths below `site`, as a matcher of paths in the environment.

    `*` and `?` stand for characters of one name, `**` for any number of folders; what lies in a
    folder that matches, matches too.
    """

    def __init__(self, patterns: Sequence[str], site: str) -> None:
        self._site = f"{site}/"
        # A folder covers what is in it, and `folder/**` means the folder.
        plain = (pattern.strip("/").removesuffix("/**") for pattern in patterns)
        split = [pattern.split("/") for pattern in plain]
        self._parts = [[_names(part) for part in parts] for parts in split]
        texts = ("/".join(map(_name, parts)) for parts in split)
        joined = "|".join(
            text.replace("<any>/", "(?:.+/)?").replace("<any>", ".+") for text in texts
        )
        self._match = re.compile(rf"(?:{joined})(?:/.*)?", re.DOTALL).fullmatch

    def __bool__(self) -> bool:
        return bool(self._parts)

    def covers(self, path: str) -> bool:
        """Say whether a path is left to programs."""
        return path.startswith(self._site) and bool(self._match(path[len(self._site) :]))

    def reaches_into(self, folder: str) -> bool:
        """Say whether something in a folder may be left to programs."""
        inside = f"{folder}/".removeprefix(self._site).rstrip("/").split("/")
        return f"{folder}/".startswith(self._site) and any(
            all(
                matches is None or None in parts[:at] or matches(name)
                for at, (matches, name) in enumerate(zip(parts, inside, strict=False))
            )
            for parts in self._parts
            if len(parts) > len(inside) or None in parts
        )


def _names(part: str) -> Callable[[str], object] | None:
    """Give what tells the names that a part of a pattern stands for; None: any folders."""
    return None if part == "**" else re.compile(_name(part)).fullmatch


def _name(part: str) -> str:
    if part == "**":
        return "<any>"
    return re.escape(part).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")


def spare(drift: Drift, keep: Keep, root: str) -> Drift:
    """Take what env.toml leaves to programs out of what differs. Raises `OSError`."""
    stray = [path for whole in drift.stray for path in _parts(whole, keep, root)]
    kept = {path for path in (*drift.edited, *stray) if keep.covers(path)}
    return drift._replace(
        edited=tuple(path for path in drift.edited if path not in kept),
        stray=tuple(sorted(path for path in stray if path not in kept)),
        times=tuple(path for path in drift.times if not keep.covers(path)),
        kept=tuple(sorted(kept)),
    )


def _parts(stray: str, keep: Keep, root: str) -> Iterator[str]:
    """Give a stray folder by its parts where some are kept and others not."""
    path = f"{root}/{stray}"
    # A link is one thing, wherever it leads (H71).
    if keep.covers(stray) or not keep.reaches_into(stray) or os.path.islink(path):
        yield stray
    elif os.path.isdir(path):
        for name in sorted(os.listdir(path)):
            yield from _parts(f"{stray}/{name}", keep, root)
    else:
        yield stray


def kept_by(desired: DesiredEnvironment) -> Keep:
    """Give the paths of an environment that programs write to."""
    return _keep(desired.keep, desired.target.purelib)


@lru_cache(maxsize=1)
def _keep(patterns: tuple[str, ...], site: str) -> Keep:
    """Every package is compared with the same patterns: they are compiled once."""
    return Keep(patterns, site)


def touches(files: Iterable[Placed], keep: Keep) -> bool:
    """Say whether some of a package's files are left to programs."""
    return bool(keep) and any(keep.covers(file.path) for file in files)


def as_copies(content: Content, keep: Keep) -> Content:
    """Give the same files, with those that are left to programs as copies that can be written.

    Raises `Tampered`, `StorageFailed`.
    """
    files: list[Placed] = []
    sources: list[str | bytes] = []
    for file, source in zip(content.owner.files, content.sources, strict=True):
        if isinstance(source, str) and keep.covers(file.path):
            files.append(file._replace(mode=WRITABLE | file.mode & 0o111))
            sources.append(read_stored(source, file.content))
        else:
            files.append(file)
            sources.append(source)
    return Content(content.owner._replace(files=tuple(files)), tuple(sources))
