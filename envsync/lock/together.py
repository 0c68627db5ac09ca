"""Tell whether the rows of a lock were locked together: a digest for each requirement of env.toml.

Git merges locks line by line. What comes of that may look whole, and nobody has resolved it: one
branch moves a package that the other's new one can't stand. So the lock keeps, beside each
requirement, a digest of all rows that it leads to, with versions and markers, and of the options
that they were locked under. Branches that add different things change different lines, and where
rows of theirs don't belong together some digest no longer fits.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from packaging.pylock import Package
from packaging.utils import NormalizedName, canonicalize_name, canonicalize_version

from envsync.model.marker import from_marker

_DIGITS = 16
"""No secret: whoever edits a lock on purpose can write any digest."""


def digests(
    names: Iterable[NormalizedName], rows: Sequence[Package], options: str
) -> Mapping[NormalizedName, str]:
    """For each required package a digest of what it leads to, locked under `options`."""
    at = _places(rows)
    reached = _reached(rows, at)
    texts = [f"{row.name} {_version(row)} ; {row.marker or ''}" for row in rows]
    known: dict[int, str] = {}
    digest_of = {}
    for name in names:
        mask = _union(reached, at.get(name, ()))
        if mask not in known:
            known[mask] = _digest([options, *sorted(texts[one] for one in _bits(mask))])
        digest_of[name] = known[mask]
    return digest_of


def overlapping(rows: Sequence[Package]) -> Iterator[NormalizedName]:
    """The packages of which two rows are for one environment, as after a merge."""
    for name, places in _places(rows).items():
        markers = [from_marker(rows[one].marker) for one in places] if len(places) > 1 else []
        if any(not one.is_disjoint(other) for one, other in combinations(markers, 2)):
            yield name


def is_meant(reference: Mapping[str, object], row: Package) -> bool:
    """PEP 751, "packages.dependencies": the name, and the version where several rows have it."""
    return referred_name(reference) == row.name and (
        reference.get("version") in (None, str(row.version))
    )


def _version(row: Package) -> str:
    """However it is spelled."""
    return canonicalize_version(row.version) if row.version is not None else ""


def referred_name(reference: Mapping[str, object]) -> NormalizedName:
    """The package that an entry of `packages.dependencies` is about."""
    return canonicalize_name(str(reference.get("name", "")))


def _places(rows: Sequence[Package]) -> Mapping[NormalizedName, Sequence[int]]:
    places: dict[NormalizedName, list[int]] = {}
    for at, row in enumerate(rows):
        places.setdefault(row.name, []).append(at)
    return places


def _reached(rows: Sequence[Package], at: Mapping[NormalizedName, Sequence[int]]) -> Sequence[int]:
    """For each row the rows that it leads to, itself too, as bits."""
    children = [
        [
            child
            for reference in row.dependencies or ()
            for child in at.get(referred_name(reference), ())
            if is_meant(reference, rows[child])
        ]
        for row in rows
    ]
    reached = [1 << one for one in range(len(rows))]
    changed = True
    while changed:
        changed = False
        for one in reversed(range(len(rows))):
            mask = reached[one] | _union(reached, children[one])
            if mask != reached[one]:
                reached[one], changed = mask, True
    return reached


def _union(masks: Sequence[int], places: Iterable[int]) -> int:
    union = 0
    for one in places:
        union |= masks[one]
    return union


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def _digest(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:_DIGITS]
