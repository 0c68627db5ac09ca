"""Version constraints as Poetry writes them, as specifiers of PEP 440.

Caret, tilde and wildcard, conditions side by side, and alternatives (`||`) where PEP 440 can say
them: as one range with whole series left out.
"""

import re
from typing import NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

_ALTERNATIVES = r"\s*\|\|?\s*"
_CONDITION = (
    r"(?P<operator>\^|~=|~|={1,3}|!=|<=|>=|<|>|)\s*"
    r"(?P<version>[A-Za-z0-9](?:[A-Za-z0-9.+!_-]*[A-Za-z0-9])?(?:\.\*)*|\*)"
)
_MOST_LEFT_OUT = 40
_LONGEST = 1000


def specifier_of(text: str) -> str:
    """Give the specifier that a constraint means; "" for any version.

    Raises `ValueError` for one that can't be read, or that PEP 440 has no way to say.
    """
    if len(text) > _LONGEST:
        raise ValueError("it is too long")
    alternatives = [_all_of(part) for part in re.split(_ALTERNATIVES, text.strip())]
    if "" in alternatives:
        return ""
    if len(alternatives) == 1:
        return alternatives[0]
    return _joined(alternatives)


def _all_of(text: str) -> str:
    """Give the specifier of conditions that hold together."""
    conditions: list[str] = []
    rest = text.strip().strip(",").strip()
    while rest:
        match = re.match(_CONDITION, rest)
        if match is None:
            raise ValueError("it is not a version constraint")
        conditions += _condition(match["operator"], match["version"])
        rest = rest[match.end() :].strip().lstrip(",").strip()
    specifier = ",".join(conditions)
    try:
        SpecifierSet(specifier)
    except InvalidSpecifier:
        raise ValueError("it is not a version constraint") from None
    return specifier


def _condition(operator: str, version: str) -> list[str]:
    if version == "*":
        return []
    if version.lower().endswith((".*", ".x")):
        return _series(operator, version[:-2])
    parsed = _version(version)
    if operator in ("^", "~"):
        end = _caret_end(parsed.release) if operator == "^" else _tilde_end(parsed.release)
        return [f">={version}", f"<{_text(end, parsed.epoch)}"]
    return [f"{'==' if operator in ('', '=') else operator}{version}"]


def _series(operator: str, version: str) -> list[str]:
    """`1.2.*`, with or without an operator."""
    version = re.sub(r"(?i)(\.[*x])+$", "", version)
    parsed = _version(version)
    if operator in ("", "=", "==", "==="):
        return [f"=={version}.*"]
    if operator == "!=":
        return [f"!={version}.*"]
    if operator in ("^", "~"):
        return _condition(operator, version)
    if operator in (">=", "<"):
        return [f"{operator}{version}"]
    following = _text((*parsed.release[:-1], parsed.release[-1] + 1), parsed.epoch)
    return [f">={following}" if operator == ">" else f"<{following}"]


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        raise ValueError(f"{text} is not a version") from None


def _caret_end(release: tuple[int, ...]) -> tuple[int, ...]:
    """`^` keeps the first part that isn't zero: ^1.2 is below 2.0, ^0.2.3 below 0.3, ^0 below 1."""
    for position, part in enumerate(release):
        if part or position == len(release) - 1:
            end = (*release[:position], part + 1)
            return end if len(end) > 1 else (*end, 0)
    return release


def _tilde_end(release: tuple[int, ...]) -> tuple[int, ...]:
    """`~` keeps the minor part where there is one: ~1.2.3 is below 1.3, ~1 below 2."""
    return (release[0], release[1] + 1) if len(release) > 1 else (release[0] + 1,)


def _text(release: tuple[int, ...], epoch: int = 0) -> str:
    return (f"{epoch}!" if epoch else "") + ".".join(map(str, release))


class _Range(NamedTuple):
    """What one alternative admits: from a version on, below another."""

    lower: Version | None
    upper: Version | None
    others: tuple[str, ...]
    above: bool = False
    """The lower version itself is left out."""


def _joined(alternatives: list[str]) -> str:
    """Say alternatives as one range without what lies between them."""
    exact = [one for one in alternatives if re.fullmatch(r"==[^*,]+", one)]
    if exact and len(exact) == len(alternatives):
        raise ValueError("PEP 440 has no `or` between versions: write a range")
    ranges = sorted(map(_range, alternatives), key=lambda one: one.lower or Version("0.dev0"))
    first = ranges[0]
    conditions = [f"{'>' if first.above else '>='}{first.lower}"] if first.lower else []
    conditions += ranges[0].others
    upper = ranges[0].upper
    for one in ranges[1:]:
        if upper is None:
            continue
        if one.lower is not None and one.lower > upper:
            conditions += _between(upper, one.lower)
            conditions += [f"!={one.lower}"] if one.above else []
        conditions += one.others
        upper = None if one.upper is None else max(upper, one.upper)
    return ",".join(dict.fromkeys([*conditions, *([f"<{upper}"] if upper else [])]))


def _range(specifier: str) -> _Range:
    lower, upper, others, above = None, None, [], False
    for one in specifier.split(","):
        operator, version = re.match(r"([<>=!~]+)(.+)", one).groups()  # type: ignore[union-attr]
        if operator == "==" and version.endswith(".*"):
            start = _version(version[:-2])
            lower = start
            upper = _version(_text((*start.release[:-1], start.release[-1] + 1), start.epoch))
        elif operator in (">=", ">"):
            lower, above = _version(version), operator == ">"
        elif operator == "<":
            upper = _version(version)
        elif operator == "!=":
            others.append(one)
        else:
            raise ValueError("PEP 440 has no `or`: write one range")
    return _Range(lower, upper, tuple(others), above)


def _between(start: Version, end: Version) -> list[str]:
    """Leave out all series from one version up to another, of one length of their numbers."""
    length = max(len(_plain(start)), len(_plain(end)))
    first, last = _padded(start, length), _padded(end, length)
    if first[:-1] != last[:-1] or last[-1] - first[-1] > _MOST_LEFT_OUT or start.is_prerelease:
        raise ValueError("PEP 440 has no `or` between such ranges: write one range")
    return [f"!={_text((*first[:-1], part))}.*" for part in range(first[-1], last[-1])]


def _plain(version: Version) -> tuple[int, ...]:
    """The numbers without zeros at the end: `2.0` begins where `2` does."""
    release = version.release
    while len(release) > 1 and not release[-1]:
        release = release[:-1]
    return release


def _padded(version: Version, length: int) -> tuple[int, ...]:
    release = _plain(version)
    return (*release, *(0,) * (length - len(release)))
