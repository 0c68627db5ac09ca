"""Versions of a project that become candidates when they are looked at.

Thousands may be on offer, and the search looks at a few. Of the others it asks what this says
without the files: which version it is, whether it is yanked, and what it requires of Python.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, overload

from packaging.version import Version

from envsync.model.candidate import Candidate


class Claim(NamedTuple):
    """What is known of a version without its files."""

    requires_python: str | None
    is_yanked: bool


class Shelf(Protocol):
    """Has versions, each in its place."""

    def version(self, at: int) -> Version:
        """The version in a place."""

    def claim(self, at: int) -> Claim:
        """What is known of it."""

    def prereleases(self) -> Sequence[int]:
        """The places of pre-releases."""

    def candidate(self, at: int) -> Candidate:
        """The version with its files; the same value each time."""


class Offers(Sequence[Candidate]):
    """Some versions in some order; so is a slice of it. Equal to any other sequence of the same."""

    __slots__ = ("_places", "_shelf")

    def __init__(self, shelf: Shelf, places: Sequence[int]) -> None:
        self._shelf, self._places = shelf, places

    @classmethod
    def of(cls, candidates: Sequence[Candidate]) -> "Offers":
        """These candidates as offers."""
        if isinstance(candidates, Offers):
            return candidates
        return cls(_Known(candidates), range(len(candidates)))

    def versions(self) -> "Versions":
        """Just the versions, in the same order."""
        return Versions(self._shelf, self._places)

    def claims(self) -> list[Claim]:
        """What is known of each without its files."""
        claim = self._shelf.claim
        return [claim(at) for at in self._places]

    def claim(self, at: int) -> Claim:
        """What is known of one without its files."""
        return self._shelf.claim(self._places[at])

    def prereleases(self) -> list[int]:
        """Where among these the pre-releases are."""
        places = frozenset(self._shelf.prereleases())
        return [number for number, at in enumerate(self._places) if at in places]

    def stable(self) -> "Offers":
        """Those that are no pre-releases."""
        places = frozenset(self._shelf.prereleases())
        return Offers(self._shelf, [at for at in self._places if at not in places])

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, at: int) -> Candidate: ...
    @overload
    def __getitem__(self, at: slice) -> "Offers": ...
    def __getitem__(self, at: int | slice) -> "Candidate | Offers":
        if isinstance(at, slice):
            return Offers(self._shelf, self._places[at])
        return self._shelf.candidate(self._places[at])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # candidates have none either


class Versions(Sequence[Version]):
    """Versions, each parsed when it is looked at: a search by halves looks at few."""

    __slots__ = ("_places", "_shelf")

    def __init__(self, shelf: Shelf, places: Sequence[int]) -> None:
        self._shelf, self._places = shelf, places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, at: int) -> Version: ...
    @overload
    def __getitem__(self, at: slice) -> "Versions": ...
    def __getitem__(self, at: int | slice) -> "Version | Versions":
        if isinstance(at, slice):
            return Versions(self._shelf, self._places[at])
        return self._shelf.version(self._places[at])


class _Known:
    """A shelf of candidates that are there already."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self._candidates = candidates

    def version(self, at: int) -> Version:
        return self._candidates[at].version

    def claim(self, at: int) -> Claim:
        candidate = self._candidates[at]
        said = candidate.requires_python
        return Claim(None if said is None else str(said), candidate.yanked is not None)

    def prereleases(self) -> Sequence[int]:
        return [at for at, one in enumerate(self._candidates) if one.version.is_prerelease]

    def candidate(self, at: int) -> Candidate:
        return self._candidates[at]
