"""Text of METADATA -> requirements and version specifiers, fast and with known slips mended.

A project's metadata can't be corrected once it is published, and some of what old releases say is
not what the standards ask for. As other installers do, a few slips whose meaning is plain are
mended; everything else makes the release unusable:

    >=3.6.*  <4.*  ~=1.2.*     the ".*" goes: it means something only behind == and !=
    !=3.0*                     !=3.0.*
    >=7.2<8                    >=7.2,<8
    >='1.0'                    >=1.0
"""

import re
from functools import lru_cache

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

MAX_LENGTH = 4096
"""Characters that a requirement may have."""

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_SPACE = r"[ \t]*"
_COMMON = re.compile(
    rf"({_NAME}){_SPACE}"
    rf"(?:\[{_SPACE}((?:{_NAME}{_SPACE},{_SPACE})*{_NAME}){_SPACE}\]{_SPACE})?"
    rf"(?:\(([^();@]*)\)|([<>=!~][^();@]*)|){_SPACE}"
    r"(?:;(.+))?"
)

_OPERATOR = r"(===|==|~=|!=|<=|>=|<|>)"
_SLIPS = (
    (re.compile(rf"{_OPERATOR}\s*(['\"])([^'\"]*)\2"), r"\1\3"),
    (re.compile(r"(~=|<=|>=|<(?!=)|>(?!=))(\s*[0-9][0-9.]*?)\.\*"), r"\1\2"),
    (re.compile(r"(!=|(?<!=)==(?!=))(\s*[0-9][0-9.]*[0-9])\*"), r"\1\2.*"),
    (re.compile(rf"{_OPERATOR}(\s*[^\s,;()<>=!~]+)\s*(?=[<>=!~])"), r"\1\2,"),
)


@lru_cache(maxsize=1 << 16)
def parse_requirement(text: str) -> Requirement:
    """Read one Requires-Dist (PEP 508); don't change what is given back, others have it too.

    Raises `InvalidRequirement`, which is a `ValueError`.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidRequirement(f"longer than {MAX_LENGTH} characters")
    common = _COMMON.fullmatch(text)
    try:
        return _assemble(common) if common else _parse(text)
    except (InvalidRequirement, InvalidSpecifier):
        return _parse(_mend_requirement(text))


def _parse(text: str) -> Requirement:
    """Let packaging read it; its refusals are all of one kind, too deep nesting among them."""
    try:
        return Requirement(text)
    except (RecursionError, ValueError) as error:
        reason = str(error).partition("\n")[0] or "nested too deeply"
        raise InvalidRequirement(reason) from None


def _assemble(common: re.Match[str]) -> Requirement:
    """Put a requirement together from parts that occur over and over, each read only once."""
    name, extras, in_brackets, bare, marker = common.groups()
    requirement = Requirement.__new__(Requirement)
    requirement.name = name
    requirement.url = None
    requirement.extras = {extra.strip() for extra in extras.split(",")} if extras else set()
    requirement.specifier = _specifiers((in_brackets or bare or "").strip())
    requirement.marker = _marker(marker.strip()) if marker else None
    return requirement


@lru_cache(maxsize=1 << 14)
def _specifiers(text: str) -> SpecifierSet:
    try:
        return SpecifierSet(text)
    except ValueError as error:  # a number of too many digits is not an InvalidSpecifier
        raise InvalidSpecifier(str(error)) from None


@lru_cache(maxsize=1 << 14)
def _marker(text: str) -> Marker:
    try:
        return Marker(text)
    except (RecursionError, ValueError) as error:
        raise InvalidRequirement(str(error).partition("\n")[0] or "nested too deeply") from None


@lru_cache(maxsize=1 << 12)
def parse_specifiers(text: str) -> SpecifierSet:
    """Read a Requires-Python or another set of specifiers; don't change what is given back.

    Raises `InvalidSpecifier`, which is a `ValueError`.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidSpecifier(f"longer than {MAX_LENGTH} characters")
    try:
        return _specifiers(text)
    except InvalidSpecifier:
        return _specifiers(mend_specifiers(text))


def mend_specifiers(text: str) -> str:
    """Correct the slips that the module's first lines list; other text stays as it is."""
    for slip, correct in _SLIPS:
        text = slip.sub(correct, text)
    return text


def _mend_requirement(text: str) -> str:
    """Correct the version part of a requirement, and the versions that its marker compares."""
    head, semicolon, marker = text.partition(";")
    if "@" in head:
        return text
    return mend_specifiers(head) + semicolon + marker
