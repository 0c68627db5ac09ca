"""Write a diagram as a short PEP 508 marker.

The diagram's paths, each an "and" of claims, are widened as far as they go and those that others
cover are dropped. What several of the rest share is written once:
`python_version < "3.9" and (os_name == "posix" or "gui" in extras)`. Spans of Python versions are
written as users do, with python_version where they begin and end with a minor version.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple, TypeAlias, cast

from envsync.model.marker_diagram import (
    FALSE,
    TRUE,
    Diagram,
    claimed,
    conjunction,
    disjunction,
    negation,
    simplified,
    union,
)
from envsync.model.marker_terms import FLAG, PYTHON, STRING, VERSION, Claim, Variable
from envsync.model.marker_versions import (
    FINAL,
    FIRST_VERSION,
    INFINITY,
    VersionKey,
    is_minor,
    minor_text,
    python_text,
    release_of,
    upper_ends,
    version_text,
)

_ALTERNATIVES: Final = 512

_Cube: TypeAlias = tuple[Claim, ...]
"""All of the claims hold, one for each variable, in the variables' order."""


class Written(NamedTuple):
    """A marker's text; not exact where it holds a `not (...)`, which PEP 508 doesn't have."""

    text: str
    is_exact: bool = True
    is_or: bool = False
    """It needs parentheses inside an "and"."""


def write(node: Diagram) -> Written:
    """Write a diagram that is neither `TRUE` nor `FALSE`.

    ValueError where it has too many alternatives to be written.
    """
    return _write_cubes(_cover(node))


# -- a short cover --------------------------------------------------------------------------------


def _cover(node: Diagram) -> list[_Cube]:
    """Give a few cubes whose union is `node`."""
    opposite = negation(node)
    cubes: dict[_Cube, None] = {}
    for count, path in enumerate(_paths(node)):
        if count >= _ALTERNATIVES:
            raise ValueError(f"a marker of more than {_ALTERNATIVES} alternatives")
        cubes[_widened(path, opposite)] = None
    return sorted(_irredundant(list(cubes), node), key=_cube_order)


def _paths(node: Diagram) -> Iterator[_Cube]:
    """Give cubes whose union is `node`; what holds for every child asks nothing of the variable."""
    if node is TRUE:
        yield ()
        return
    common = TRUE
    for child in node.children:
        common = conjunction(common, child)
    if common is not FALSE:
        yield from _paths(common)
    for child in dict.fromkeys(node.children):
        rest = simplified(child, negation(common))
        if rest is not FALSE:
            truths = tuple(each is child for each in node.children)
            claim = Claim(node.variable, node.labels, truths)
            for path in _paths(rest):
                yield (claim, *path)


def _widened(path: _Cube, opposite: Diagram) -> _Cube:
    """Let each claim let through as much as it can without meeting `opposite`."""
    rests = [TRUE]
    for claim in path[:0:-1]:
        rests.append(conjunction(rests[-1], claimed(claim)))
    cube: list[Claim] = []
    against = opposite
    for claim, rest in zip(path, reversed(rests), strict=True):
        wide = _wide(claim, conjunction(against, rest))
        against = conjunction(against, claimed(wide))
        if not all(wide.truths):
            cube.append(_reduced(wide))
    return tuple(cube)


def _wide(claim: Claim, against: Diagram) -> Claim:
    for piece, truth in enumerate(claim.truths):
        if not truth:
            wider = _with_truth(claim, piece, truth=True)
            if conjunction(claimed(wider), against) is FALSE:
                claim = wider
    return claim


def _irredundant(cubes: list[_Cube], node: Diagram) -> list[_Cube]:
    """Take away cubes, and pieces of them, that the others cover; long cubes first."""
    uses = Counter(claim.variable for cube in cubes for claim in cube)
    settled = [cube for cube in cubes if _is_needed_whole(cube, uses)]
    open_cubes = [cube for cube in cubes if cube not in settled]
    open_cubes.sort(key=lambda cube: -sum(len(claim.truths) for claim in cube))
    later = [FALSE] if open_cubes else []
    for cube in open_cubes[:0:-1]:
        later.append(disjunction(later[-1], _met(cube)))
    others = union([_met(cube) for cube in settled])
    for cube, rest in zip(open_cubes, reversed(later), strict=True):
        missing = conjunction(node, negation(disjunction(others, rest)))
        if missing is not FALSE:
            settled.append(tuple(_narrowed(claim, missing) for claim in cube))
            others = disjunction(others, _met(settled[-1]))
    return settled


def _is_needed_whole(cube: _Cube, uses: Mapping[Variable, int]) -> bool:
    """Say whether a widened cube is sure to stay: what others cover doesn't ask that variable."""
    return any(uses[claim.variable] == 1 for claim in cube) and not any(map(_has_pieces, cube))


def _has_pieces(claim: Claim) -> bool:
    """Say whether some of what the claim lets through can be left out."""
    is_listing = claim.variable.kind == VERSION or not claim.truths[-1]
    return claim.variable.kind != FLAG and is_listing and sum(claim.truths) > 1


def _narrowed(claim: Claim, missing: Diagram) -> Claim:
    """Leave out pieces that nothing in `missing` needs, where that makes the claim shorter."""
    if not _has_pieces(claim):
        return claim
    narrow = claim
    for piece, truth in enumerate(claim.truths):
        alone = claim._replace(truths=tuple(each == piece for each in range(len(claim.truths))))
        if truth and sum(narrow.truths) > 1 and conjunction(claimed(alone), missing) is FALSE:
            narrow = _with_truth(narrow, piece, truth=False)
    return _reduced(narrow)


def _with_truth(claim: Claim, piece: int, *, truth: bool) -> Claim:
    return claim._replace(truths=(*claim.truths[:piece], truth, *claim.truths[piece + 1 :]))


def _reduced(claim: Claim) -> Claim:
    """Leave out labels that make no difference; the claim is neither always true nor never."""
    node = claimed(claim)
    return Claim(node.variable, node.labels, tuple(child is TRUE for child in node.children))


def _met(claims: Sequence[Claim]) -> Diagram:
    result = TRUE
    for claim in claims:
        result = conjunction(result, claimed(claim))
    return result


def _cube_order(cube: _Cube) -> tuple[object, ...]:
    """Sort by the variables' order, then from low to high."""
    return tuple(
        (claim.variable.order, claim.labels, tuple(not truth for truth in claim.truths))
        for claim in cube
    )


# -- alternatives ---------------------------------------------------------------------------------


def _write_cubes(cubes: Sequence[_Cube]) -> Written:
    """Write what all cubes share once, else divide by the claim that most of them share."""
    shared = [claim for claim in cubes[0] if all(claim in cube for cube in cubes)]
    if shared:
        rests = [tuple(claim for claim in cube if claim not in shared) for cube in cubes]
        parts = [_write_claim(claim) for claim in shared]
        return _all_of(parts if () in rests else [*parts, _write_cubes(rests)])
    counts = Counter(claim for cube in cubes for claim in cube)
    claim, count = max(counts.items(), key=lambda item: item[1])
    if count == 1:
        return _any_of([_write_cubes([cube]) for cube in cubes])
    sharing = [cube for cube in cubes if claim in cube]
    others = [cube for cube in cubes if claim not in cube]
    return _any_of([_write_cubes(sharing), _write_cubes(others)])


def _all_of(parts: Sequence[Written]) -> Written:
    if len(parts) == 1:
        return parts[0]
    texts = [f"({part.text})" if part.is_or else part.text for part in parts]
    return Written(" and ".join(texts), all(part.is_exact for part in parts))


def _any_of(parts: Sequence[Written]) -> Written:
    if len(parts) == 1:
        return parts[0]
    text = " or ".join(part.text for part in parts)
    return Written(text, all(part.is_exact for part in parts), is_or=True)


# -- one claim ------------------------------------------------------------------------------------


def _write_claim(claim: Claim) -> Written:
    if claim.variable.kind == FLAG:
        return _write_flag(claim.variable, is_on=claim.truths[1])
    if claim.variable.kind == STRING:
        return _write_values(claim)
    return _write_spans(claim)


def _write_flag(variable: Variable, *, is_on: bool) -> Written:
    operator = variable.operator if is_on else variable.opposite
    if operator is None:
        return _denied(_write_flag(variable, is_on=True))
    if variable.mirrored:
        return Written(f"{_quoted(variable.literal)} {operator} {variable.name}")
    return _compared(variable.name, operator, variable.literal)


def _write_values(claim: Claim) -> Written:
    operator, listed = ("!=", False) if claim.truths[-1] else ("==", True)
    parts = [
        _compared(claim.variable.name, operator, cast("str", value))
        for value, truth in zip(claim.labels, claim.truths, strict=False)
        if truth is listed
    ]
    return _any_of(parts) if listed else _all_of(parts)


def _compared(name: str, operator: str, literal: str) -> Written:
    return Written(f"{name} {operator} {_quoted(literal)}")


def _denied(written: Written) -> Written:
    return Written(f"not ({written.text})", is_exact=False)


def _quoted(literal: str) -> str:
    return f"'{literal}'" if '"' in literal else f'"{literal}"'


# -- spans of versions ----------------------------------------------------------------------------

_Span: TypeAlias = tuple[VersionKey | None, VersionKey | None]


def _write_spans(claim: Claim) -> Written:
    if claim.variable.name == "platform_release" and claim.truths[0]:
        # True of strings that are no versions, which no comparison with a version lets through.
        opposite = claim._replace(truths=tuple(not truth for truth in claim.truths))
        return _denied(_write_spans(opposite))
    labels = cast("tuple[VersionKey, ...]", claim.labels)
    spans = [
        span
        for span, truth in zip(pairwise((None, *labels, None)), claim.truths, strict=True)
        if truth
    ]
    return _any_of(
        [_write_group(claim.variable, group) for group in _grouped(claim.variable, spans)]
    )


def _grouped(variable: Variable, spans: Sequence[_Span]) -> list[list[_Span]]:
    """Put spans together that only an exclusion (`!=`) separates."""
    groups = [[spans[0]]]
    for before, after in pairwise(spans):
        if _single(variable, (before[1], after[0])) is None:
            groups.append([after])
        else:
            groups[-1].append(after)
    return groups


def _write_group(variable: Variable, spans: Sequence[_Span]) -> Written:
    single = _single(variable, spans[0]) if len(spans) == 1 else None
    if single is not None:
        return _compared(single[0], "==", single[1])
    low, high = spans[0][0], spans[-1][1]
    exclusions = [
        _compared(single[0], "!=", single[1])
        for before, after in pairwise(spans)
        if (single := _single(variable, (before[1], after[0])))
    ]
    if low == FIRST_VERSION and (exclusions or high is not None):
        low = None  # of platform_release: what is compared at all is a version
    return _all_of([*_write_low(variable, low), *_write_high(variable, (low, high)), *exclusions])


def _write_low(variable: Variable, low: VersionKey | None) -> list[Written]:
    if low is None:
        return []
    if variable is PYTHON and is_minor(low):
        return [_compared("python_version", ">=", minor_text(low))]
    if low[4] == INFINITY:
        text = _version_text(variable, (*low[:4], -1, INFINITY))
        return [_compared(variable.name, ">", text)]
    if variable.name != "platform_release" and low[2] == -1 and release_of(low)[2]:
        major, minor, patch = release_of(low)
        return [_compared(variable.name, ">", f"{major}.{minor}.{patch - 1}")]
    return [_compared(variable.name, ">=", _version_text(variable, low))]


def _write_high(variable: Variable, span: _Span) -> list[Written]:
    low, high = span
    if high is None:
        return []
    if variable is PYTHON and is_minor(high) and (low is None or is_minor(low)):
        return [_compared("python_version", "<", minor_text(high))]
    ends = upper_ends(high)
    if not ends:
        text = _version_text(variable, (*high[:4], -1, INFINITY))
        return [_denied(_compared(variable.name, ">", text))]
    return [
        _compared(variable.name, operator, _version_text(variable, key)) for operator, key in ends
    ]


def _single(variable: Variable, span: _Span) -> tuple[str, str] | None:
    """Give variable and literal if `variable == literal` means just this span."""
    low, high = span
    if low is None or high is None:
        return None
    if variable.name == "platform_release":
        is_one = low[5] == INFINITY and high == (*low[:4], low[4] + 1, 0)
        return (variable.name, version_text(low)) if is_one else None
    if -1 < low[2] < FINAL:
        is_one = high == (low[0], low[1], low[2], low[3] + 1, -1, INFINITY)
        return (variable.name, python_text(low)) if is_one else None
    return _single_release(variable, low, high)


def _single_release(
    variable: Variable, low: VersionKey, high: VersionKey
) -> tuple[str, str] | None:
    major, minor, patch = release_of(low)
    if high[2] == 0 and low[2] == -1:
        is_first = high == (low[0], low[1], 0, 1, -1, INFINITY)
        return (variable.name, f"{major}.{minor}.{patch}a0") if is_first else None
    if high[2] != -1:
        return None
    if variable is PYTHON and is_minor(low) and release_of(high) == (major, minor + 1, 0):
        return "python_version", minor_text(low)
    if release_of(high) != (major, minor, patch + 1):
        return None
    return variable.name, python_text(low) if low[2] == FINAL else f"{major}.{minor}.{patch}.*"


def _version_text(variable: Variable, key: VersionKey) -> str:
    return version_text(key) if variable.name == "platform_release" else python_text(key)
