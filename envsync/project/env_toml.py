"""Read a project's env.toml."""

import os
from collections.abc import Mapping

from envsync.platform.files import open_regular, storage_errors
from envsync.project.outside import reach_of
from envsync.project.paths import Project
from envsync.project.texts import Text
from envsync.spec.document import MAX_BYTES
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
    project: Project, data: bytes, edits: Mapping[str, str] | None = None
) -> Spec:
    """Read the bytes of an env.toml of the project, and of a workspace its members.

    `edits` has by relative path what members' files are to hold. Raises `SpecInvalid`.
    """
    spec = parse_spec_bytes(
        data,
        path=os.path.basename(project.spec_path),
        folder_name=os.path.basename(project.root),
        reach=reach_of(project.root),
    )
    if spec.workspace is not None:
        from envsync.project.members import with_members  # noqa: PLC0415  (few are one)

        spec = with_members(project, spec, data.decode("utf-8-sig"), edits)
    return spec._replace(script=project.script)


def changed_spec(project: Project, before: str, after: str) -> list[Text]:
    """Give what is to be written for env.toml, of which `before` was read, to become `after`.

    A link to it stays one, and what an editor, say, writes meanwhile is left alone.
    """
    if after == before:
        return []
    name = os.path.basename(project.spec_path)
    path = os.path.realpath(project.spec_path)
    return [Text(path, after.encode(), made_from=before.encode(), name=name)]
