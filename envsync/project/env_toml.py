"""Read a project's env.toml."""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType

from envsync.platform.files import open_regular, storage_errors
from envsync.project.outside import reach_of
from envsync.project.paths import Project
from envsync.project.texts import Text
from envsync.spec.document import MAX_BYTES
from envsync.spec.inputs import Input, Taken
from envsync.spec.model import Spec
from envsync.spec.read import parse_spec_bytes

_NOTHING = b"[env]\n"


def read_spec(project: Project) -> tuple[Spec, str]:
    """Read the project's env.toml: its values and its text.

    Where there is none (`paths.with_lock`), those of an env.toml that says nothing. Raises
    `SpecInvalid` with every mistake of it, `StorageFailed` when it can't be read.
    """
    if not project.spec_path:
        return parse_project_spec(project, _NOTHING), _NOTHING.decode()
    with storage_errors(project.spec_path):
        data = _read(project.spec_path)
    spec = parse_project_spec(project, data)
    return spec, data.decode()


def _read(path: str) -> bytes:
    """Read a file, or so much of it that whoever parses it says that it is too large."""
    with open_regular(path) as file:
        return file.read(MAX_BYTES + 1)


def parse_project_spec(
    project: Project, data: bytes, edited: Mapping[str, bytes] = MappingProxyType({})
) -> Spec:
    """Read the bytes of an env.toml of the project, the files that it names with `from`, and of a
    workspace its members.

    `edited` stand in for those on disk, by relative path. Raises `SpecInvalid`, `StorageFailed`.
    """
    spec = parse_spec_bytes(
        data,
        path=os.path.basename(project.spec_path),
        folder_name=os.path.basename(project.root),
        reach=reach_of(project.root),
        take=None if project.script else partial(_take, project, edited),
    )
    if spec.workspace is not None:
        from envsync.project.members import with_members  # noqa: PLC0415  (few are one)

        spec = with_members(project, spec, data.decode("utf-8-sig"), edited)
    return spec._replace(script=project.script)


def _take(project: Project, edited: Mapping[str, bytes], inputs: Sequence[Input]) -> Taken:
    from envsync.project.inputs import take  # noqa: PLC0415  (where env.toml names files alone)

    return take(project.root, inputs, edited, os.path.basename(project.spec_path))


def changed_spec(project: Project, before: str, after: str, member: str = "") -> list[Text]:
    """Give what is to be written for env.toml, of which `before` was read, to become `after`.

    `member` is the relative path of a member's, where that is changed and not the project's own.
    A link to it stays one, and what an editor, say, writes meanwhile is left alone.
    """
    if after == before:
        return []
    name = member or os.path.basename(project.spec_path)
    path = os.path.realpath(os.path.join(project.root, member) if member else project.spec_path)
    return [Text(path, after.encode(), made_from=before.encode(), name=name)]
