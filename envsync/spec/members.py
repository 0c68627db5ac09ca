"""Put what a workspace's members need beside what its root does, as one env.toml that asks for all.

What each needs becomes dependency groups of the one lock (PEP 751, PEP 735), so that any tool that
reads groups can install one member alone:

    workspace-root          what the root's env.toml always needs; a default group
    member-NAME             what a member always needs: itself, where it is a package, and the rest
    member-NAME-group-X     a group of the member's
    member-NAME-extra-X     an extra of the member's

The root's own groups and extras keep their names.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import Specifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envsync.errors import SpecInvalid
from envsync.spec.locations import leads_outside, shortest
from envsync.spec.model import Exclusive, Member, Part, SourceSpec, Spec
from envsync.spec.workspace import MEMBER

ROOT = NormalizedName("workspace-root")
_IN_PART = re.compile(r'"([^"]+)" in (extras|dependency_groups)')
"""What `source_parts` writes of extras and groups."""

_Requirements = tuple[Requirement, ...]
_Groups = dict[NormalizedName, _Requirements]


class MemberSpec(NamedTuple):
    """A member as its files have it."""

    path: str
    """Its folder, relative to the workspace's."""
    file: str
    """What messages call the file that was read."""
    name: NormalizedName
    spec: Spec
    """What it needs; paths are relative to its own folder."""
    is_package: bool
    """It is installed itself, with what its metadata requires."""
    can_be_required: bool
    """Others may name it: there is something to build a wheel of."""
    extras: tuple[NormalizedName, ...] = ()
    """Those of the package, which its metadata says."""


def combine(spec: Spec, members: Sequence[MemberSpec], *, path: str) -> Spec:
    """Give the env.toml that asks for what the root's and all members' ask for.

    `path` is what messages call the root's file. Raises `SpecInvalid` for members that don't go
    together, with the names of both.
    """
    known, groups = _named(spec, members)
    problems = [
        *_same_names(members),
        *_taken(known, groups),
        *_not_installable(spec, members),
    ]
    sources = dict(_sources(spec, members, known, path, problems))
    requires_python = _requires_python(spec, members, path, problems)
    exclusive = tuple(_exclusive(spec, known, path, problems))
    if problems:
        raise SpecInvalid(path, problems, hint="correct the files of the members that are named")
    return spec._replace(
        requires_python=requires_python,
        dependencies=(),
        dependency_groups={name: those for one in groups for name, those in one.items()},
        default_groups=(ROOT, *spec.default_groups),
        sources=sources,
        exclusive=exclusive,
        members=known,
        inputs=tuple(dict.fromkeys((*spec.inputs, *chain(*(one.spec.inputs for one in members))))),
    )


def _named(spec: Spec, members: Sequence[MemberSpec]) -> tuple[tuple[Member, ...], list[_Groups]]:
    """Give each member with the names of its groups in the lock, and these groups."""
    own = spec.own_name or ROOT
    groups_of_root = {name: name for name in spec.dependency_groups}
    extras_of_root = {name: name for name in spec.optional_dependencies}
    root = Member(
        own,
        ".",
        ROOT,
        groups_of_root,
        extras_of_root,
        spec.default_groups,
        "env.toml",
        spec.tasks,
    )
    known, groups = [root], [{ROOT: spec.dependencies, **spec.dependency_groups}]
    for one in members:
        extras = {**dict.fromkeys(one.extras, ()), **one.spec.optional_dependencies}
        needs = NormalizedName(f"{MEMBER}{one.name}")
        named = Member(
            one.name,
            one.path,
            needs,
            {name: _below(needs, "group", name) for name in one.spec.dependency_groups},
            {name: _below(needs, "extra", name) for name in extras},
            one.spec.default_groups,
            one.file,
            one.spec.tasks,
        )
        of_it: _Groups = {needs: (*_itself(one), *one.spec.dependencies)}
        for name, requirements in one.spec.dependency_groups.items():
            of_it[named.groups[name]] = requirements
        for name, requirements in extras.items():
            with_extra = _itself(one, name) if name in one.extras else ()
            of_it[named.extras[name]] = (*with_extra, *requirements)
        known.append(named)
        groups.append(of_it)
    return tuple(known), groups


def _exclusive(
    spec: Spec, known: Sequence[Member], path: str, problems: list[str]
) -> Iterator[Exclusive]:
    """Give what `[lock] conflicts` means: "member-NAME" is all that a member ever needs."""
    of_members = {
        one.needs: frozenset(
            Part("group", group)
            for group in (one.needs, *one.groups.values(), *one.extras.values())
        )
        for one in known[1:]
    }
    for names, meant in zip(spec.lock.conflicts, spec.exclusive, strict=True):
        for name, parts in zip(names, meant, strict=True):
            if not parts and name not in of_members:
                problems.append(f"{path}: lock.conflicts: there is no member of which {name} is")
        yield tuple(
            parts or of_members.get(name, parts) for name, parts in zip(names, meant, strict=True)
        )


def _below(needs: str, kind: str, name: str) -> NormalizedName:
    return NormalizedName(f"{needs}-{kind}-{name}")


def _itself(member: MemberSpec, extra: str | None = None) -> _Requirements:
    if not member.is_package:
        return ()
    return (Requirement(f"{member.name}[{extra}]" if extra else member.name),)


def _same_names(members: Sequence[MemberSpec]) -> Iterator[str]:
    first: dict[NormalizedName, MemberSpec] = {}
    for one in members:
        other = first.setdefault(one.name, one)
        if other is not one:
            yield f"two members are called {one.name}: {other.path} and {one.path}"


def _taken(known: Sequence[Member], groups: Sequence[_Groups]) -> Iterator[str]:
    """Find names of the lock's groups that two members, or the root, would have."""
    first: dict[NormalizedName, Member] = {}
    for member, named in zip(known, groups, strict=True):
        for name in named:
            other = first.setdefault(name, member)
            if other is not member and other.name != member.name:
                yield (
                    f"{other.place(name)} and {member.place(name)} would both be the group {name} "
                    "of the lock: rename one of them"
                )


def _not_installable(spec: Spec, members: Sequence[MemberSpec]) -> Iterator[str]:
    """Find requirements of members of which nothing can be installed."""
    bare = {one.name: one for one in members if not one.can_be_required}
    for file, each in (("env.toml", spec), *((one.file, one.spec) for one in members)):
        for requirement in _requirements(each):
            member = bare.get(canonicalize_name(requirement.name))
            if member is not None and requirement.url is None and member.name not in each.sources:
                yield (
                    f"{file} requires {member.name}, and {member.path} has neither pyproject.toml "
                    "with [project] nor setup.py to install it by"
                )


def _requirements(spec: Spec) -> Iterator[Requirement]:
    lists = (*spec.optional_dependencies.values(), *spec.dependency_groups.values())
    return chain(spec.dependencies, *lists)


def _sources(
    spec: Spec,
    members: Sequence[MemberSpec],
    known: Sequence[Member],
    path: str,
    problems: list[str],
) -> Iterator[tuple[NormalizedName, tuple[SourceSpec, ...]]]:
    """Give the sources of all; where nothing else is said, members come from their folders."""
    said = dict.fromkeys(spec.sources, path)
    given = dict(spec.sources)
    for one, named in zip(members, known[1:], strict=True):
        for name, sources in one.spec.sources.items():
            from_root = tuple(_from_root(source, named) for source in sources)
            if given.setdefault(name, from_root) != from_root:
                problems.append(f"{said[name]} and {one.file} have {name} from different places")
            said.setdefault(name, one.file)
    for one in members:
        if one.can_be_required:
            given.setdefault(one.name, (SourceSpec("path", one.path, editable=True),))
    yield from given.items()


def _from_root(source: SourceSpec, member: Member) -> SourceSpec:
    """Say where a member's source is, and where it applies, seen from the workspace."""
    if source.extra or source.group:
        source = _for_groups(source, member)
    if source.kind != "path" or source.location.startswith("/"):
        return source
    return source._replace(location=from_root(member.path, source.location))


def _for_groups(source: SourceSpec, member: Member) -> SourceSpec:
    """Give a source for an extra or a group as one for what that is in the lock."""
    lists = {"extras": member.extras, "dependency_groups": member.groups}

    def in_lock(found: re.Match[str]) -> str:
        return f"'{lists[found[2]][NormalizedName(found[1])]}' in dependency_groups"

    group = member.extras[source.extra] if source.extra else member.groups[source.group or ROOT]
    marker = Marker(_IN_PART.sub(in_lock, str(source.marker)))
    return source._replace(marker=marker, extra=None, group=group)


def from_root(folder: str, location: str) -> str:
    """Give a path that starts in a member's folder as one that starts in the workspace's."""
    parts = (*folder.split("/"), *location.split("/"))
    return shortest([part for part in parts if part != "."])


def stays_inside(folder: str, location: str) -> bool:
    """Say whether a path that leads out of a member's folder stays in the workspace's."""
    return not (location.startswith("/") or leads_outside(from_root(folder, location)))


def _requires_python(
    spec: Spec, members: Sequence[MemberSpec], path: str, problems: list[str]
) -> SpecifierSet | None:
    """Give the Pythons that all are for; the first two that have none in common are a mistake."""
    asked = [
        (file, python)
        for file, python in (
            (path, spec.requires_python),
            *((one.file, one.spec.requires_python) for one in members),
        )
        if python is not None
    ]
    for at, (file, python) in enumerate(asked):
        for other, before in asked[:at]:
            if SpecifierSet(str(python), prereleases=True).is_disjoint(
                SpecifierSet(str(before), prereleases=True)
            ):
                problems.append(
                    f"no Python is right for both: {other} says {before}, and {file} says {python}"
                )
                return None
    return _both(python for _, python in asked) if asked else None


def _both(ranges: Iterable[SpecifierSet]) -> SpecifierSet:
    """Join ranges; of several plain lower bounds the highest says it all."""
    every: dict[str, Specifier] = {str(each): each for one in ranges for each in one}
    lowest = [each for each in every.values() if each.operator == ">="]
    highest = max(lowest, key=lambda each: Version(each.version), default=None)
    kept = [each for each in every.values() if each.operator != ">=" or each is highest]
    return SpecifierSet(",".join(sorted(map(str, kept))))


def places(members: Iterable[Member]) -> Mapping[NormalizedName, str]:
    """Say what each of the lock's groups of members is, in their files."""
    return {
        group: member.place(group)
        for member in members
        for group in (member.needs, *member.groups.values(), *member.extras.values())
    }
