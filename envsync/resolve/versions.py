"""Hold the versions of one project in order, and tell which of them a specifier accepts, as bits.

A set of versions is an integer: bit i stands for the i-th oldest version. So "what satisfies all of
these" is `&`, "nothing" is 0, "newest" is the highest bit. A specifier is turned into bits once, by
bisection: apart from `===` each operator accepts one run of neighbours, or all but one run.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache

from packaging.specifiers import InvalidSpecifier, Specifier, SpecifierSet
from packaging.version import Version


@cache
def parse_specifiers(text: str | None) -> SpecifierSet | None:
    """A requires-python text as specifiers; None where there is none, or none that can be read."""
    if not text:
        return None
    try:
        return SpecifierSet(text)
    except (InvalidSpecifier, ValueError):
        return None


_texts: dict[int, tuple[SpecifierSet, str]] = {}


def text_of(specifiers: SpecifierSet) -> str:
    """Specifiers as text, written once for each value: they are asked for it in every region."""
    known = _texts.get(id(specifiers))
    if known is None:  # kept, so that no other value gets its id
        known = _texts[id(specifiers)] = specifiers, str(specifiers)
    return known[1]


def bits_of(mask: int, *, lowest: bool) -> Iterator[int]:
    """The positions of a set's bits, from the newest version down or from the oldest up."""
    while mask:
        position = (mask & -mask).bit_length() - 1 if lowest else mask.bit_length() - 1
        yield position
        mask ^= 1 << position


def first_bit(mask: int, *, lowest: bool) -> int:
    """The position of the most wanted version of a set that is not empty."""
    return (mask & -mask).bit_length() - 1 if lowest else mask.bit_length() - 1


class VersionTable:
    """The versions of one project, oldest first, with the sets that specifiers stand for."""

    def __init__(self, versions: Sequence[Version], prereleases: Iterable[int]) -> None:
        """`prereleases` are the places of the pre-releases."""
        self.versions = versions
        """Ascending, each once."""
        self.all = (1 << len(versions)) - 1
        self.prereleases = sum(1 << at for at in prereleases)
        self._specifiers: dict[str, int] = {}
        self._sets: dict[str, int] = {}
        self._places: dict[Version, int | None] = {}

    def position(self, version: Version) -> int | None:
        """Where a version stands, or None."""
        # Each region asks for the same few, and each look at a version parses it.
        if version not in self._places:
            at = bisect_left(self.versions, version)
            is_there = at < len(self.versions) and self.versions[at] == version
            self._places[version] = at if is_there else None
        return self._places[version]

    def accepted(self, specifiers: SpecifierSet) -> int:
        """The versions that satisfy all specifiers, pre-releases not treated apart."""
        text = text_of(specifiers)
        mask = self._sets.get(text)
        if mask is None:
            mask = self.all
            for one in specifiers:
                mask &= self._accepted_by(one)
            self._sets[text] = mask
        return mask

    def pinned(self, specifiers: SpecifierSet) -> int:
        """The versions that specifiers name with `==` or `===` and no wildcard."""
        mask = 0
        for one in specifiers:
            if one.operator in {"==", "==="} and not one.version.endswith(".*"):
                mask |= self._accepted_by(one)
        return mask & self.accepted(specifiers)

    def _accepted_by(self, specifier: Specifier) -> int:
        text = str(specifier)
        mask = self._specifiers.get(text)
        if mask is None:
            mask = self._specifiers[text] = self._bisect(specifier)
        return mask

    def _bisect(self, specifier: Specifier) -> int:
        def accepts(version: Version) -> bool:
            return specifier.contains(version, prereleases=True)

        operator, text = specifier.operator, specifier.version
        if operator == "===":
            return self._where(accepts)
        if operator == "!=":
            return self.all & ~self._accepted_by(Specifier(f"=={text}"))
        if operator in {">", ">="}:
            return self._run(
                self._turn(lambda version: not accepts(version), 0), len(self.versions)
            )
        if operator in {"<", "<="}:
            return self._run(0, self._turn(accepts, 0))
        # `==` and `~=` accept one run that starts where the version itself would stand.
        least = Version(f"{text[:-2]}.dev0" if text.endswith(".*") else text)
        start = bisect_left(self.versions, least)
        return self._run(start, self._turn(accepts, start))

    def _turn(self, holds: Callable[[Version], bool], start: int) -> int:
        """The first place from `start` on where `holds`, true until there, is false."""
        return bisect_left(self.versions, True, lo=start, key=lambda version: not holds(version))

    def _run(self, start: int, end: int) -> int:
        return (1 << end) - (1 << start) if end > start else 0

    def _where(self, holds: Callable[[Version], bool]) -> int:
        return sum(1 << at for at, version in enumerate(self.versions) if holds(version))
