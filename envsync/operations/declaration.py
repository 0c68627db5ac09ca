"""What a project declares, as an edit has it: env.toml, and the files that it takes from.

Of a workspace's member it is the member's env.toml; the workspace's own then stays as it is.
"""

import os
from collections.abc import Collection, Sequence
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from envsync.errors import UsageError
from envsync.project.env_toml import changed_spec, parse_project_spec, read_spec
from envsync.project.input_edits import Edits, edits_of
from envsync.project.members import member_text
from envsync.project.paths import Project
from envsync.project.request import Selection, SyncRequest
from envsync.project.texts import Text
from envsync.spec.edit import add_dependency, lists, remove_dependency
from envsync.spec.model import BASE, Part, Spec

_NO_GROUP = NormalizedName("")


class Place(NamedTuple):
    """Which list of env.toml is edited; neither: the dependencies."""

    group: str | None = None
    extra: str | None = None

    def request(self) -> SyncRequest:
        """Ask for what was edited too, whether it is a default or not."""
        groups = () if self.group is None else (self.group,)
        extras = () if self.extra is None else (self.extra,)
        return SyncRequest(Selection(groups=groups, extras=extras))

    def part(self) -> Part:
        """Give it as a value."""
        if self.group is not None:
            return Part("group", canonicalize_name(self.group))
        return BASE if self.extra is None else Part("extra", canonicalize_name(self.extra))

    def of(self, spec: Spec, member: str = "") -> Sequence[Requirement]:
        """Give the list's requirements; of a workspace those of the member in that folder."""
        part = self.part()
        if spec.members:
            return spec.dependency_groups.get(_in_lock(spec, member, part), ())
        if part.kind == "group":
            return spec.dependency_groups.get(part.name, ())
        return spec.dependencies if part == BASE else spec.optional_dependencies.get(part.name, ())


def _in_lock(spec: Spec, path: str, part: Part) -> NormalizedName:
    """Give the group that a member's list is in the workspace's lock."""
    member = next(one for one in spec.members if one.path == (path or "."))
    named = member.groups if part.kind == "group" else member.extras
    return member.needs if part == BASE else named.get(part.name, _NO_GROUP)


class Declaration(NamedTuple):
    """The env.toml that is edited, and the files that it takes from."""

    project: Project
    """That of a member is the workspace, entered by the member."""
    text: str
    """What the env.toml is to hold."""
    files: Edits | None = None
    """None: it takes from no other."""
    member: str = ""
    """The member's file, relative to the workspace's folder; "" is the project's own env.toml."""
    root_text: str = ""
    """What the workspace's own holds, where a member's is edited."""
    indexes: Collection[str] | None = None
    """The names of the workspace's, of a member's file."""

    def folder(self) -> str:
        """Give the folder that paths in it start from."""
        return os.path.dirname(os.path.join(self.project.root, self.member or "env.toml"))

    def own_text(self) -> str:
        """Give the text of the project's own env.toml."""
        return self.root_text if self.member else self.text

    def spec(self) -> Spec:
        """Give what all of the project is by it. Raises `SpecInvalid`."""
        edited = {} if self.files is None else dict(self.files.files)
        if self.member:
            edited[self.member] = self.text.encode()
        return parse_project_spec(self.project, self.own_text().encode(), edited)

    def with_requirement(self, requirement: str, place: Place) -> "Declaration":
        """Put a requirement into the file that has its package, or where its list is kept."""
        group, extra, indexes = place.group, place.extra, self.indexes
        # What can't be used is said by env.toml's own edit, as ever.
        text = add_dependency(self.text, requirement, group=group, extra=extra, member_of=indexes)
        if self.files is None:
            return self._replace(text=text)
        name = canonicalize_name(Requirement(requirement).name)
        here = lists(self.text, name, group=group, extra=extra)
        files = self.files.add(requirement.strip(), place.part(), here=here)
        return self._replace(text=text) if files is None else self._replace(files=files)

    def without(self, name: str, place: Place) -> "Declaration":
        """Take a package out of a list, wherever it stands. Raises `NotListed`."""
        wanted, group, extra = canonicalize_name(name.strip()), place.group, place.extra
        files = None if self.files is None else self.files.remove(wanted, place.part())
        text = self.text
        if files is None or lists(text, wanted, group=group, extra=extra):
            indexes = self.indexes
            text = remove_dependency(text, name, group=group, extra=extra, member_of=indexes)
        return self._replace(text=text, files=files or self.files)

    def changes(self, before: "Declaration") -> list[Text]:
        """Give what is to be written of env.toml, and of the files that it takes from."""
        files = () if self.files is None else self.files.texts()
        return [*changed_spec(self.project, before.text, self.text, self.member), *files]


def read_declaration(project: Project) -> tuple[Declaration, Spec]:
    """Read what a project, or the member that it is entered by, declares; and what all is by it.

    Raises `UsageError` for a member without env.toml, and as `read_spec`.
    """
    spec, own = read_spec(project)
    if not project.member:
        files = edits_of(project, spec, own) if spec.inputs else None
        return Declaration(project, own, files), spec
    member, text = member_text(project)
    if not text:
        raise UsageError(
            f"there is no {member} to edit: the member's requirements stand in its pyproject.toml",
            hint="change that by hand, then `envsync sync`; `envsync init --bare` there makes an "
            "env.toml",
        )
    files = edits_of(project, spec, text, member) if spec.inputs else None
    indexes = [one.name for one in spec.indexes]
    return Declaration(project, text, files, member, own, indexes), spec
