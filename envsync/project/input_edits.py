"""Edits of the files that env.toml takes from: each in the file that has the requirement."""

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envsync.adopt.found import kind_of_file
from envsync.errors import UsageError
from envsync.project.inputs import draft_of, from_root, inputs_of
from envsync.project.paths import Project
from envsync.project.texts import Text
from envsync.spec.inputs import Input
from envsync.spec.model import BASE, InputFile, Part, Spec

if TYPE_CHECKING:
    from envsync.adopt.draft import Draft, Wanted


class Edits(NamedTuple):
    """The files of a project's `from`, and what some of them are to hold."""

    project: Project
    inputs: tuple[Input, ...]
    before: tuple[InputFile, ...]
    """As they were read."""
    spec: str = "env.toml"
    """The env.toml that names them; as all paths here, relative to the project's folder."""
    files: Mapping[str, bytes] = {}
    """By relative path, what they are to hold."""

    def add(self, requirement: str, part: Part, *, here: bool) -> "Edits | None":
        """Put a requirement into the file that has its package, else into the one that its list
        is kept in; None where that is env.toml. `here` says that env.toml has the package itself.

        Raises `UsageError` for a file that can't be edited.
        """
        name = canonicalize_name(Requirement(requirement).name)
        rows = self._rows(name, part)
        if not rows and here:
            return None
        file = rows[0].origin.file if rows else self._home(part)
        if file is None:
            return None
        return self._with(file, self._added(file, requirement, part))

    def remove(self, name: str, part: Part) -> "Edits | None":
        """Take a package out of all files that have it in a list; None where none has."""
        rows = self._rows(name, part)
        if not rows:
            return None
        edits = self
        for file in dict.fromkeys(row.origin.file for row in rows):
            lines = {row.origin.line for row in rows if row.origin.file == file}
            edits = edits._with(file, edits._removed(file, name, part, lines))
        return edits

    def part_with(self, name: str) -> Part | None:
        """Give the list in which some file has a package."""
        draft = self._draft()
        return next((part for part in draft.parts if _rows_of(draft, name, part)), None)

    def texts(self) -> list[Text]:
        """Give what is to be written of the files."""
        read = {one.path: one.data for one in self.before}
        return [
            Text(os.path.realpath(f"{self.project.root}/{path}"), data, read[path], path)
            for path, data in self.files.items()
            if data != read[path]
        ]

    def _draft(self) -> "Draft":
        return draft_of(self.project.root, self.inputs, self.files, self.spec)

    def _rows(self, name: str, part: Part) -> "list[Wanted]":
        return _rows_of(self._draft(), name, part)

    def _home(self, part: Part) -> str | None:
        """Give the file into which a new requirement of a list goes; None: env.toml."""
        for one in self.inputs:
            kind = kind_of_file(one.file)
            if kind == "pyproject" and self._has_project(one.file, part):
                return one.file
            if kind == "pyproject" and part == BASE and (other := self._named_by(one.file)):
                return other
            if kind == "requirements" and one.part == part:
                return one.file
        return None

    def _has_project(self, file: str, part: Part) -> bool:
        """Say whether a pyproject.toml may say what a list holds: [project] is there, and the
        list isn't dynamic.
        """
        from envsync.adopt.toml_file import TomlFile, texts_of  # noqa: PLC0415

        document = TomlFile(file, self._data(file))
        if part.kind == "group":
            return True
        key = "dependencies" if part == BASE else "optional-dependencies"
        project = document.table("project")
        return document.has("project") and key not in texts_of(project, "dynamic")

    def _named_by(self, file: str) -> str | None:
        """Give the requirements file that a pyproject.toml has its dynamic dependencies in."""
        from envsync.adopt.toml_file import TomlFile, texts_of  # noqa: PLC0415

        keys = ("tool", "setuptools", "dynamic", "dependencies")
        named = texts_of(TomlFile(file, self._data(file)).table(*keys), "file")
        place = os.path.normpath(os.path.join(os.path.dirname(file), named[0])) if named else ""
        return place if any(one.path == place for one in self.before) else None

    def _data(self, file: str) -> bytes:
        if file in self.files:
            return self.files[file]
        return next(one.data for one in self.before if one.path == file)

    def _with(self, file: str, data: bytes) -> "Edits":
        return self._replace(files={**self.files, file: data})

    def _added(self, file: str, requirement: str, part: Part) -> bytes:
        from envsync.adopt.edit_pyproject import add_to_pyproject  # noqa: PLC0415  (tomlkit)
        from envsync.adopt.edit_requirements import add_to_requirements  # noqa: PLC0415

        if kind_of_file(file) == "pyproject":
            text = self._data(file).decode()
            return add_to_pyproject(text, requirement, part, file=file).encode()
        self._refuse_kind(file, requirement)
        return add_to_requirements(self._data(file), requirement, file=file)

    def _removed(self, file: str, name: str, part: Part, lines: set[int]) -> bytes:
        from envsync.adopt.edit_pyproject import remove_from_pyproject  # noqa: PLC0415
        from envsync.adopt.edit_requirements import remove_lines  # noqa: PLC0415

        if kind_of_file(file) == "pyproject":
            text = self._data(file).decode()
            return remove_from_pyproject(text, name, part, file=file).encode()
        self._refuse_kind(file, name)
        return remove_lines(self._data(file), lines)

    def _refuse_kind(self, file: str, what: str) -> None:
        if kind_of_file(file) != "requirements":
            raise UsageError(
                f"{what} is in {file}, which envsync reads and does not edit",
                hint=f"change {file} by hand, then run `envsync sync`",
            )


def edits_of(project: Project, spec: Spec, text: str, file: str = "env.toml") -> Edits | None:
    """Give the files that an env.toml takes from, nothing of them changed yet; None without any.

    `file` is that env.toml's relative path: a workspace's member has its own.
    """
    inputs = from_root(inputs_of(text), file)
    return Edits(project, inputs, spec.inputs, file) if inputs else None


def _rows_of(draft: "Draft", name: str, part: Part) -> "list[Wanted]":
    from envsync.adopt.draft import Wanted  # noqa: PLC0415

    rows: Iterable[object] = draft.parts.get(part, ())
    return [row for row in rows if isinstance(row, Wanted) and row.name == name]
