"""Places on the line of versions: the cuts that a comparison makes, and their texts.

A comparison with a version changes its answer at a few cuts, and is the same all along the spans
between them. Two lines are told apart:

- Python versions that can exist are X.Y.Z, perhaps with a, b or rc: no epoch, post, dev or fourth
  number. There the answers are found by asking once in each span.
- On the line of all versions (PEP 440) the spans are worked out.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from packaging.version import InvalidVersion, Version

VersionKey: TypeAlias = tuple[int, tuple[int, ...], int, int, float, float]
"""Epoch, release without trailing zeros, phase (-1 dev, 0 a, 1 b, 2 rc, 3 final), its number,
post (-1: none), dev (infinity: none). As a cut it stands just before that version."""

Spans: TypeAlias = tuple[Sequence[VersionKey], Sequence[bool]]
"""Cuts from low to high, and for each span between them whether it is in."""

INFINITY: Final = float("inf")
FINAL: Final = 3
FIRST_VERSION: Final[VersionKey] = (0, (0,), -1, 0, -1, 0)

_PHASES: Final = {"a": 0, "b": 1, "rc": 2}
_PHASE_TEXTS: Final = ("a", "b", "rc")
_MEMBERS: Final = 256


def version_key(version: Version) -> VersionKey:
    """Give the place of a version; its local part doesn't matter."""
    if version.pre is not None:
        phase, number = _PHASES[version.pre[0]], version.pre[1]
    else:
        phase, number = (-1 if version.dev is not None and version.post is None else FINAL), 0
    post = -1 if version.post is None else version.post
    dev = INFINITY if version.dev is None else version.dev
    return (version.epoch, _trimmed(version.release), phase, number, post, dev)


@lru_cache(maxsize=256)
def key_of_text(text: str) -> VersionKey | None:
    """Give the place of a version that an environment names; None: it is not a version."""
    try:
        return version_key(Version(text))
    except ValueError:
        return None


def version_text(key: VersionKey) -> str:
    """Give the version that stands at `key`, without needless zeros."""
    epoch, release, phase, number, post, dev = key
    text = f"{epoch}!" if epoch else ""
    text += ".".join(map(str, release))
    if 0 <= phase < FINAL:
        text += f"{_PHASE_TEXTS[phase]}{number}"
    if post >= 0:
        text += f".post{post}"
    return text if dev == INFINITY else f"{text}.dev{dev}"


def python_text(key: VersionKey) -> str:
    """Give the Python version that stands at `key`: 3.13, 3.13.1, 3.13.0rc1."""
    zeros = (0,) * ((3 if 0 <= key[2] < FINAL else 2) - len(key[1]))
    return version_text((key[0], (*key[1], *zeros), *key[2:]))


def base_version(literal: str) -> Version | None:
    """Give the version in a specifier's right side, without `.*`; None: there is none."""
    try:
        return Version(literal.strip().removesuffix(".*"))
    except InvalidVersion:
        return None


def reduced(cuts: Sequence[VersionKey], truths: Sequence[bool]) -> Spans:
    """Leave out empty spans, and cuts where nothing changes."""
    kept: list[VersionKey] = []
    answers = [truths[0]]
    for index, cut in enumerate(cuts):
        is_empty = index + 1 < len(cuts) and cuts[index + 1] <= cut
        if not is_empty and truths[index + 1] != answers[-1]:
            kept.append(cut)
            answers.append(truths[index + 1])
    return tuple(kept), tuple(answers)


# -- Python versions ------------------------------------------------------------------------------


def sampled(cuts: Iterable[VersionKey], holds: Callable[[VersionKey], bool]) -> Spans:
    """Ask `holds` at the start of each span; `cuts` must be all where its answer can change."""
    starts = sorted({FIRST_VERSION, *cuts})
    return reduced(starts[1:], [holds(cut) for cut in starts])


def cuts_near(base: Version | None) -> list[VersionKey]:
    """Give every place among Python versions where a comparison with `base` can change.

    By PEP 440 those are the ends of `base`, of its pre-releases, and of its prefixes.
    """
    if base is None or base.epoch:
        return []
    major, minor, patch = (*base.release, 0, 0)[:3]
    release = (major, minor, patch)
    cuts = [earliest(*start) for start in ((major, 0, 0), (major, minor, 0), release)]
    cuts += [earliest(major, minor, patch + 1), earliest(major, minor + 1, 0)]
    cuts += [earliest(major + 1, 0, 0), _point(release, FINAL, 0)]
    if base.pre is not None:
        phase, number = _PHASES[base.pre[0]], base.pre[1]
        cuts += [_point(release, phase, number), _point(release, phase, number + 1)]
    return cuts


def minor_cuts_near(base: Version | None) -> list[VersionKey]:
    """Give every place where the comparison of a python_version with `base` can change."""
    return [cut for cut in cuts_near(base) if is_minor(cut)]


def earliest(major: int, minor: int, patch: int) -> VersionKey:
    """Give the cut before the first pre-release of X.Y.Z."""
    return (0, _trimmed((major, minor, patch)), -1, 0, -1, 0)


def is_minor(cut: VersionKey) -> bool:
    """Say whether a cut among Python versions is where a minor version begins."""
    return cut[2] == -1 and not release_of(cut)[2]


def release_of(cut: VersionKey) -> tuple[int, int, int]:
    """Give major, minor and patch of a cut among Python versions."""
    major, minor, patch = (*cut[1], 0, 0)[:3]
    return major, minor, patch


def minor_text(cut: VersionKey) -> str:
    """Give the python_version just after the cut."""
    major, minor, _ = release_of(cut)
    return f"{major}.{minor}"


def release_text(cut: VersionKey) -> str:
    """Give the release, X.Y.Z, that the cut belongs to."""
    return ".".join(map(str, release_of(cut)))


def point_text(cut: VersionKey) -> str:
    """Give the python_full_version just after the cut."""
    if cut[2] == FINAL:
        return release_text(cut)
    return f"{release_text(cut)}{_PHASE_TEXTS[max(cut[2], 0)]}{cut[3]}"


def _point(release: tuple[int, int, int], phase: int, number: int) -> VersionKey:
    if phase == number == 0:
        return earliest(*release)
    return (0, _trimmed(release), phase, number, -1, INFINITY)


# -- Python versions in a text --------------------------------------------------------------------

_MINOR: Final = re.compile(r"(?=(0|[1-9][0-9]*)\.([0-9]+))")
_POINT: Final = re.compile(
    r"(?=(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.([0-9]+)(?:(a|b|rc)([0-9]+))?)",
)
_Ends: TypeAlias = tuple[VersionKey, VersionKey]


def minors_in(text: str) -> Spans | None:
    """Give every python_version that is part of `text`: 3.1 and 3.11 in "3.11"; None: too many."""
    return _listed(
        (earliest(int(match[1]), minor, 0), earliest(int(match[1]), minor + 1, 0))
        for match in _MINOR.finditer(text)
        for minor in _leading_numbers(match[2])
    )


def points_in(text: str) -> Spans | None:
    """Give every python_full_version that is part of `text`; None: too many."""
    return _listed(ends for match in _POINT.finditer(text) for ends in _points_of(match))


def _points_of(match: re.Match[str]) -> Iterable[_Ends]:
    major, minor, digits = int(match[1]), int(match[2]), match[3]
    for patch in _leading_numbers(digits):
        yield _point((major, minor, patch), FINAL, 0), earliest(major, minor, patch + 1)
    if match[4] and (digits == "0" or digits[0] != "0"):
        release, phase = (major, minor, int(digits)), _PHASES[match[4]]
        for number in _leading_numbers(match[5]):
            yield _point(release, phase, number), _point(release, phase, number + 1)


def _leading_numbers(digits: str) -> Iterable[int]:
    """Give the numbers that `digits` starts with: 1 and 10 for "10", only 0 for "01"."""
    if digits[0] == "0":
        return (0,)
    return (int(digits[: end + 1]) for end in range(len(digits)))


def _listed(pairs: Iterable[_Ends]) -> Spans | None:
    members: set[_Ends] = set()
    for ends in pairs:
        members.add(ends)
        if len(members) > _MEMBERS:
            return None
    cuts = {cut for ends in members for cut in ends}
    return sampled(cuts, lambda cut: any(low <= cut < high for low, high in members))


# -- all versions ---------------------------------------------------------------------------------


def spans_of(operator: str, version: Version, *, is_prefix: bool) -> Spans:
    """Give the spans of a PEP 440 comparison (but `===`) on the line of all versions.

    Before the first version stand all strings that are none: no comparison lets those through,
    not even `!=`.
    """
    key = version_key(version)
    low, high = key, _after_locals(key)
    if is_prefix:
        low, high = _prefix(version, version.release), _next_prefix(version, version.release)
    elif operator == "~=":
        high = _next_prefix(version, version.release[:-1])
    elif operator == "<" and not version.is_prerelease:
        low = (*key[:5], 0) if version.post is not None else (*key[:2], -1, 0, -1, 0)
    elif operator == ">" and version.dev is None and version.post is None:
        high = _after_posts(key)
    if operator in ("==", "~="):
        return reduced((low, high), (False, True, False))
    if operator == "!=":
        return reduced((FIRST_VERSION, low, high), (False, True, False, True))
    if operator in (">", ">="):
        return (low if operator == ">=" else high,), (False, True)
    return reduced((FIRST_VERSION, high if operator == "<=" else low), (False, True, False))


def _after_locals(key: VersionKey) -> VersionKey:
    """Give the first version above `key` and its local versions: 1.post0.dev0 after 1."""
    if key[5] != INFINITY:
        return (*key[:5], key[5] + 1)
    return (*key[:4], key[4] + 1, 0)


def _after_posts(key: VersionKey) -> VersionKey:
    """Give the cut above `key`, which is no post-release, and above its post-releases."""
    if key[2] != FINAL:
        return (key[0], key[1], key[2], key[3] + 1, -1, 0)
    return (*key[:4], INFINITY, INFINITY)


def _prefix(version: Version, release: tuple[int, ...]) -> VersionKey:
    return (version.epoch, _trimmed(release), -1, 0, -1, 0)


def _next_prefix(version: Version, release: tuple[int, ...]) -> VersionKey:
    return _prefix(version, (*release[:-1], release[-1] + 1))


def _trimmed(release: tuple[int, ...]) -> tuple[int, ...]:
    end = len(release)
    while end > 1 and not release[end - 1]:
        end -= 1
    return release[:end]


# -- ends as comparisons --------------------------------------------------------------------------


def upper_ends(high: VersionKey) -> list[tuple[str, VersionKey]]:
    """Give comparisons that together mean "before this cut"; `<1` is before 1.dev0 (PEP 440).

    None at all where there is no such comparison, which is just above post-releases.
    """
    if high[4] == INFINITY:
        return []
    if high[5] == 0 and high[4] >= 0:
        return [("<=", (*high[:4], high[4] - 1, INFINITY))]
    if high[2] == -1 and high[5] == 0:
        return [("<", (*high[:2], FINAL, 0, -1, INFINITY))]
    if high[5] != INFINITY or high[2] != FINAL:
        return [("<", high)]
    return [("<=", high), ("!=", high)]


def specifier_text(low: VersionKey | None, high: VersionKey | None) -> str:
    """Write a span of Python versions as PEP 440 specifiers; None: no end on that side."""
    ends = [] if low is None else [(">=", low)]
    ends += [] if high is None else upper_ends(high)
    return ",".join(operator + python_text(key) for operator, key in ends)
