"""What is gathered from the files that a project has, before it becomes an env.toml.

Readers put in what they find, with its file and line, and list what they can't carry over.
"""

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name

from envsync.adopt.addresses import read_address
from envsync.spec.locations import leads_outside
from envsync.spec.model import BASE, Part
from envsync.spec.requirements import read_name, read_requirement
from envsync.spec.wording import quote

ReadText = Callable[[str], bytes]
"""Gives the bytes of a file of the project by its relative path. Raises `PathRefused`."""

_MOST = 10_000
"""Values that files may hold together; none of a real project comes near."""


class Origin(NamedTuple):
    """Where something is declared."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}: line {self.line}"


class Wanted(NamedTuple):
    """A requirement (PEP 508), as it goes into env.toml."""

    text: str
    origin: Origin
    name: NormalizedName


class Included(NamedTuple):
    """A dependency group that another one includes (PEP 735)."""

    group: str
    origin: Origin


class Row(NamedTuple):
    """A value of some other key of env.toml."""

    value: object
    origin: Origin


class Left(NamedTuple):
    """Something that is not carried over."""

    origin: Origin
    what: str
    advice: str
    matters: bool = True
    """False: nothing is missing without it."""
    blocks: bool = True
    """False: a file with it can be a live input all the same."""

    def __str__(self) -> str:
        return f"{self.origin}: {self.what}: {self.advice}"


class IndexRow(NamedTuple):
    """An index that a file names."""

    name: str
    url: str
    default: bool
    explicit: bool
    origin: Origin
    flat: bool = False
    """A page or a folder of links, not an index by projects."""
    more: Mapping[str, object] = MappingProxyType({})
    """Other keys, spelled as in env.toml."""

    def table(self) -> Mapping[str, object]:
        """Give it as a table of env.toml."""
        flags = {key: True for key in ("default", "explicit") if getattr(self, key)}
        shape = {"format": "flat"} if self.flat else {}
        outside = {"outside": True} if _leads_outside(self.url) else {}
        return {"name": self.name, "url": self.url, **flags, **shape, **outside, **self.more}


def _leads_outside(place: str) -> bool:
    """Say whether an index lies on this machine, and not in the project's folder."""
    return place.startswith("file:") or leads_outside(place)


class TooMuch(ValueError):
    """The files hold more than any real project's."""


class Draft:
    """An env.toml in the making."""

    def __init__(self, read: ReadText, *, is_public: Callable[[str], bool] | None = None) -> None:
        self.read_bytes = read
        self.is_public = is_public or (lambda _: False)
        """Tells the public index, which no env.toml has to name."""
        self.name: Row | None = None
        self.requires_python: Row | None = None
        self.parts: dict[Part, list[Wanted | Included]] = {BASE: []}
        self.indexes: list[IndexRow] = []
        self.index_names: dict[str, str] = {}
        """What files call an index, and its name in env.toml."""
        self.public_names: set[str] = set()
        """What files call the public index."""
        self.sources: dict[NormalizedName, list[Row]] = {}
        self.lists: dict[tuple[str, ...], list[Row]] = {}
        """Lists of env.toml by key path, such as ("lock", "constraints")."""
        self.values: dict[tuple[str, ...], Row] = {}
        """All else, by key path."""
        self.left: list[Left] = []
        self.files: list[str] = []
        """Relative paths of what was read, in order."""
        self.compiled: set[str] = set()
        """Requirements files that a tool made of others, which are read."""
        self.included: set[tuple[str, Part | None]] = set()
        """Requirements files that others led to, and the part that they went to."""
        self.members: dict[NormalizedName, Origin] = {}
        """Packages that a workspace has, by the word of a file."""
        self.lost: set[NormalizedName] = set()
        """Packages whose source can't be carried over: from an index another one would come."""
        self.is_package: Row | None = None
        """Where a file says that the project is itself installed."""
        self._count = 0
        self._wanted: set[tuple[Part, str]] = set()
        self._left: set[Left] = set()

    # What goes in

    def has_read(self, file: str) -> None:
        """Note that a file was read."""
        if file not in self.files:
            self.files.append(file)

    def leave(
        self,
        origin: Origin,
        what: str,
        advice: str,
        *,
        matters: bool = True,
        blocks: bool = True,
    ) -> None:
        """List what is not carried over."""
        one = Left(origin, what, advice, matters, matters and blocks)
        if one not in self._left:
            self._count_one()
            self._left.add(one)
            self.left.append(one)

    def call(self, name: object, origin: Origin) -> None:
        """Take the project's name, unless an earlier file gave one."""
        if self.name is None and isinstance(name, str) and name.strip():
            self.name = Row(name.strip(), origin)

    def need_python(self, text: object, origin: Origin) -> None:
        """Take a range of Python's versions, unless an earlier file gave one."""
        if self.requires_python is None and isinstance(text, str) and text.strip():
            self.requires_python = Row(text.strip(), origin)

    def part(self, part: Part) -> list[Wanted | Included]:
        """Give the list of an extra or group, made if need be."""
        return self.parts.setdefault(part, [])

    def group_part(self, name: str, origin: Origin) -> Part | None:
        """Give a dependency group by any spelling of its name; lists what is none."""
        return self._named("group", name, origin)

    def extra_part(self, name: str, origin: Origin) -> Part | None:
        """Give an extra by any spelling of its name; lists what is none."""
        return self._named("extra", name, origin)

    def _named(self, kind: str, name: str, origin: Origin) -> Part | None:
        try:
            part = Part("extra" if kind == "extra" else "group", read_name(name))
        except ValueError as error:
            self.leave(origin, f"the {kind} {quote(name)}", str(error))
            return None
        self.part(part)
        return part

    def include(self, part: Part, group: str, origin: Origin) -> None:
        """Let a group include another one."""
        wanted = canonicalize_name(group)
        if all(each.group != wanted for each in self.part(part) if isinstance(each, Included)):
            self.part(part).append(Included(wanted, origin))

    def require(self, part: Part, text: str, origin: Origin) -> NormalizedName | None:
        """Take a requirement as PEP 508 has it; gives its name, None where it is listed instead.

        What names a repository or a folder goes under [sources].
        """
        from_url = _with_url(text)
        if from_url is not None:
            return self._require_from(part, from_url, origin)
        try:
            requirement = read_requirement(text.strip())
        except ValueError as error:
            self.leave(origin, *_why(str(error), text))
            return None
        return self._want(part, requirement, text.strip(), origin)

    def _require_from(
        self, part: Part, requirement: Requirement, origin: Origin
    ) -> NormalizedName | None:
        source = self.source_of(requirement.url or "", origin)
        name = canonicalize_name(requirement.name)
        if source is None:
            self.lost.add(name)
            return None
        if source.get("url") == requirement.url:
            try:
                read_requirement(str(requirement))
            except ValueError as error:
                self.leave(origin, name, str(error))
                return None
            return self._want(part, requirement, str(requirement), origin)
        requirement.url = None
        self.send(name, source, origin)
        return self._want(part, requirement, str(requirement), origin)

    def source_of(self, url: str, origin: Origin) -> dict[str, object] | None:
        """Give the source that an address means; None where that is listed instead."""
        try:
            return read_address(url)
        except ValueError as error:
            self.leave(origin, quote(url), str(error))
            return None

    def _want(
        self, part: Part, requirement: Requirement, text: str, origin: Origin
    ) -> NormalizedName:
        name = canonicalize_name(requirement.name)
        if (part, text) not in self._wanted:
            self._count_one()
            self._wanted.add((part, text))
            self.part(part).append(Wanted(text, origin, name))
        return name

    def constrain(self, text: str, origin: Origin, key: str = "constraints") -> None:
        """Take a constraint or override."""
        try:
            requirement = read_requirement(text.strip())
        except ValueError as error:
            self.leave(origin, *_why(str(error), text))
            return
        if requirement.extras:
            self.leave(origin, quote(text), "a constraint has no extras: leave them out")
            return
        self.add(("lock", key), text.strip(), origin)

    def lose(self, name: str, origin: Origin, what: str, advice: str) -> None:
        """List a source that can't be carried over; no index is asked for its package."""
        self.lost.add(canonicalize_name(name))
        self.leave(origin, what, advice)

    def send(self, name: str, source: Mapping[str, object], origin: Origin) -> None:
        """Say where a package comes from; the same twice is once."""
        rows = self.sources.setdefault(canonicalize_name(name), [])
        if all(row.value != source for row in rows):
            self._count_one()
            rows.append(Row(dict(source), origin))

    def add(self, path: tuple[str, ...], value: object, origin: Origin) -> None:
        """Add a value to a list of env.toml, once."""
        rows = self.lists.setdefault(path, [])
        if all(row.value != value for row in rows):
            self._count_one()
            rows.append(Row(value, origin))

    def put(self, path: tuple[str, ...], value: object, origin: Origin) -> None:
        """Set a key of env.toml, unless an earlier file did."""
        self.values.setdefault(path, Row(value, origin))

    def _count_one(self) -> None:
        self._count += 1
        if self._count > _MOST:
            raise TooMuch(f"the files hold over {_MOST} values")

    # What is asked of it

    def names(self) -> Collection[NormalizedName]:
        """Give the name of every package that is required."""
        wanted = (each for rows in self.parts.values() for each in rows)
        return {each.name for each in wanted if isinstance(each, Wanted)}

    def is_empty(self) -> bool:
        """Say whether nothing was declared."""
        return not any(self.parts.values()) and not self.left


def _why(reason: str, text: str) -> tuple[str, str]:
    """Split a reason into what it is about and what to do, without saying the first twice."""
    shown = quote(text.strip())
    return shown, reason.removeprefix(f"{shown} is ").removeprefix(f"{shown} ")


def _with_url(text: str) -> Requirement | None:
    """Read a requirement that has an address; None for all others, right or wrong."""
    if "@" not in text:
        return None
    try:
        requirement = Requirement(text.strip())
    except (InvalidRequirement, ValueError, RecursionError):
        return None
    return requirement if requirement.url else None
