"""Read names, requirements, markers and Python ranges, with advice for the usual slips.

Every reader raises ValueError with the reason, in words for the person who wrote the text.
"""

import re
from collections.abc import Callable, Mapping

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from envsync.model.marker import from_marker
from envsync.spec.model import ALL
from envsync.spec.references import direct_source
from envsync.spec.wording import near_miss, quote

MAX_NAME = 200
MAX_REQUIREMENT = 4096
_LONGEST_GUESS = 200

# ASCII only and the whole text (H20): `$` would let a line break through, `\w` look-alikes.
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_LOCK_VARIABLE = re.compile(r"\b(extras?|dependency_groups)\b")
_LOOSE = (
    r"(?P<head>[A-Za-z0-9][A-Za-z0-9._-]*+\s*(?:\[[^\]]*\])?)\s*(?P<versions>[(=<>!~^@*v\d\s].*)?"
)
_CLAUSE = r"(?P<operator>[=<>!~^@]*)\s*v?(?P<version>[^\s,=<>!~^@]+)"
_SINGLE_EQUALS = r"(?<![=<>!~])=(?!=)"
_OPERATORS = {
    "": "==",
    "=": "==",
    "@": "==",
    "=>": ">=",
    "=<": "<=",
    "=!": "!=",
    "!": "!=",
    "=~": "~=",
    "<>": "!=",
}


def read_name(text: str) -> NormalizedName:
    """Read the name of a package, extra or group, and normalise it (PEP 503)."""
    if len(text) > MAX_NAME:
        raise ValueError(f"a name must not be longer than {MAX_NAME} characters")
    if not _NAME.fullmatch(text):
        raise ValueError(
            f"{quote(text)} is not a valid name: letters a-z, digits and inside also . _ -"
        )
    return canonicalize_name(text)


def read_name_or_all(text: str) -> str:
    """Read the name of a package, or ":all:"."""
    return ALL if text == ALL else read_name(text)


def read_known(known: Mapping[NormalizedName, object], what: str, text: str) -> NormalizedName:
    """Read the name of something that the file defines; `what` says what."""
    name = read_name(text)
    if name not in known:
        raise ValueError(f"there is no {what} {quote(text)}{near_miss(name, known)}")
    return name


def read_path_pattern(text: str) -> str:
    """Read a pattern of paths below one folder, with forward slashes."""
    parts = text.strip("/").split("/")
    if text.startswith("/") or not text.isprintable() or {"", ".", ".."} & {*parts}:
        raise ValueError(
            f'{quote(text)} is not a path in site-packages: write it as "package/folder/**"'
        )
    return text


def read_release(text: str) -> tuple[NormalizedName, Version]:
    """Read one version of a package, `name==1.0`."""
    name, _, version = text.partition("==")
    try:
        release = Version(version)
    except InvalidVersion:
        raise ValueError(f'{quote(text)} is not one release: write it as "name==1.0"') from None
    return read_name(name.strip()), release


def read_requirement(text: str) -> Requirement:
    """Read a requirement as PEP 508 has it."""
    if len(text) > MAX_REQUIREMENT:
        raise ValueError(f"a requirement must not be longer than {MAX_REQUIREMENT} characters")
    requirement = _parse_requirement(text)
    name = read_name(requirement.name)
    for extra in requirement.extras:
        read_name(extra)
    if name == "python":
        raise ValueError("Python itself is not a package: say [env] requires-python instead")
    if requirement.url is not None:
        _check_reference(text, requirement.url)
    if requirement.marker is not None:
        _judge_marker(requirement.marker, text)
    return requirement


def read_marker(text: str) -> Marker:
    """Read an environment marker (PEP 508)."""
    if len(text) > MAX_REQUIREMENT:
        raise ValueError(f"a marker must not be longer than {MAX_REQUIREMENT} characters")
    try:
        marker = Marker(text)
    except InvalidMarker as error:
        raise ValueError(f"{quote(text)} is not a marker: {_first_line(error)}") from error
    except (RecursionError, ValueError) as error:
        raise ValueError(f"{quote(text)} is not a marker that can be read") from error
    _judge_marker(marker, text)
    return marker


def read_python_range(text: str) -> SpecifierSet:
    """Read `requires-python` (PEP 440 version specifiers)."""
    if not text.strip():
        raise ValueError("it is empty: leave the key out, or write a range such as '>=3.11'")
    specifiers = _try_specifiers(text)
    if specifiers is None:
        guess = _guess_versions(text).replace("==", ">=")
        advice = f"; did you mean '{guess}'?" if guess and _try_specifiers(guess) else ""
        raise ValueError(f"{quote(text)} is not a range of versions{advice}")
    if specifiers.is_unsatisfiable():
        raise ValueError(f"no version of Python can satisfy {quote(text)}")
    return specifiers


def _parse_requirement(text: str) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        reason = _first_line(error)
    except (RecursionError, ValueError):
        reason = "it cannot be read"
    raise ValueError(f"{quote(text)} is not a valid requirement{_advice(text) or f': {reason}'}")


def _first_line(error: Exception) -> str:
    """The reason without packaging's drawing of the place."""
    reason = str(error).partition("\n")[0]
    return reason[:1].lower() + reason[1:]


def _check_reference(text: str, url: str) -> None:
    if "://" not in url:
        raise ValueError(f"{quote(text)} is not a valid requirement{_advice(text)}")
    try:
        direct_source(url)
    except ValueError as error:
        name = quote(text.partition("@")[0].strip())
        raise ValueError(f"the URL of {name} cannot be used: {error}") from error


def _judge_marker(marker: Marker, text: str) -> None:
    """Refuse a marker that has no value in env.toml, or that can't be evaluated anywhere.

    `extra` and PEP 751's variables have none; comparisons such as `python_version === ""` are
    well-formed and yet undefined (dependency specifiers, "Environment Markers").
    """
    match = _LOCK_VARIABLE.search(_QUOTED.sub("", str(marker)))
    if match:
        raise ValueError(
            f"a marker here cannot ask for {match[0]!r}: "
            "use [env.optional-dependencies] or [dependency-groups]"
        )
    try:
        from_marker(marker)
    except ValueError as error:
        raise ValueError(f"the marker in {quote(text)} can't be evaluated: {error}") from error


def _advice(text: str) -> str:
    """Say what the writer of a broken requirement probably wanted."""
    stripped = text.strip()
    if stripped.startswith("-"):
        return ": options of pip have no place here"
    if re.match(r"[a-z+]+://|git\+|git@", stripped):
        return ": put the package's name in front: NAME @ URL"
    if re.match(r"[./~\\]|[A-Za-z]:\\", stripped):
        return ": a path goes under [sources]: NAME = { path = ... }"
    guess = _guess_requirement(stripped)
    return f"; did you mean {quote(guess)}?" if guess else ""


def _guess_requirement(text: str) -> str | None:
    """Rewrite what other tools' files accept (`flask=3`, `flask^3.1`, `flask 3`) as PEP 508."""
    if len(text) > _LONGEST_GUESS:
        return None
    body, semicolon, marker = text.partition(";")
    match = re.fullmatch(_LOOSE, body.strip())
    if match is None:
        return None
    guess = match["head"].replace(" ", "") + _guess_versions(match["versions"] or "")
    guess += f"; {re.sub(_SINGLE_EQUALS, '==', marker.strip())}" if semicolon else ""
    try:
        is_good = Requirement(guess).url is None
    except (ValueError, RecursionError):
        return None
    return guess if is_good and guess != text else None


def _guess_versions(text: str) -> str:
    """Rewrite a loose list of version conditions; nothing where it makes no sense."""
    clauses = re.finditer(_CLAUSE, text.strip().strip("()").strip())
    guessed = (_guess_clause(clause["operator"], clause["version"]) for clause in clauses)
    return ",".join(clause for clause in guessed if clause)


def _guess_clause(operator: str, version: str) -> str:
    if version in ("*", "latest", "any"):
        return ""
    if operator in ("^", "~"):
        return _guess_compatible(version, _caret_end if operator == "^" else _tilde_end)
    operator = _OPERATORS.get(operator, operator)
    if operator not in ("==", "!="):
        version = version.removesuffix(".*")
    return f"{operator}{version}"


def _guess_compatible(version: str, end: Callable[[tuple[int, ...]], tuple[int, ...]]) -> str:
    try:
        release = Version(version.removesuffix(".*")).release
    except (InvalidVersion, ValueError):
        return ""
    return f">={version.removesuffix('.*')},<{'.'.join(map(str, end(release)))}"


def _caret_end(release: tuple[int, ...]) -> tuple[int, ...]:
    """`^` keeps the first part that isn't zero: ^1.2 is below 2, ^0.2.3 below 0.3."""
    for position, part in enumerate(release):
        if part or position == len(release) - 1:
            return (*release[:position], part + 1)
    return release


def _tilde_end(release: tuple[int, ...]) -> tuple[int, ...]:
    """`~` keeps the minor part where there is one: ~1.2.3 is below 1.3, ~1 below 2."""
    return (release[0], release[1] + 1) if len(release) > 1 else (release[0] + 1,)


def _try_specifiers(text: str) -> SpecifierSet | None:
    if len(text) > MAX_REQUIREMENT:
        return None
    try:
        return SpecifierSet(text)
    except (InvalidSpecifier, ValueError):
        return None
