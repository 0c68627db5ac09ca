"""The files that env.toml's `from` names, read as they are now, or as an edit would have them."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from envsync.errors import PathRefused, SpecInvalid
from envsync.inside import read_inside
from envsync.spec.document import MAX_BYTES
from envsync.spec.fields import Problems, Table
from envsync.spec.inputs import Given, Input, Taken, read_inputs
from envsync.spec.model import BASE, InputFile
from envsync.spec.toml import loads

if TYPE_CHECKING:
    from envsync.adopt.draft import Draft, Included, Wanted

KINDS = ("pyproject", "requirements", "constraints", "setup.cfg")


def take(
    root: str, inputs: Sequence[Input], edited: Mapping[str, bytes], spec: str = "env.toml"
) -> Taken:
    """Read what the files of a project declare; `edited` stand in for those on disk.

    `spec` is the env.toml that names them; all are relative to `root`. Raises `SpecInvalid` with
    the mistakes of a file, `PathRefused`, `StorageFailed`.
    """
    files: dict[str, bytes] = {}
    draft = _gather(root, inputs, edited, files, spec)
    _refuse_left(draft)
    return _taken(draft, tuple(InputFile(path, data) for path, data in sorted(files.items())))


def take_of_member(
    root: str, spec: str, edited: Mapping[str, bytes], inputs: Sequence[Input]
) -> Taken:
    """Read what the files of a workspace's member declare, as `take`.

    `inputs`, and the paths of sources that are given, start in the folder of `spec`, the member's
    env.toml; what was read is called by its path from the workspace's folder, `root`.
    """
    taken = take(root, from_root(inputs, spec), edited, spec)
    folder = os.path.dirname(spec)
    sources = {
        name: one._replace(value=_from_member(one.value, folder))
        for name, one in taken.sources.items()
    }
    return taken._replace(sources=sources)


def _from_member(source: object, folder: str) -> object:
    """Give a source, or a list of them, with its path as seen from a member's folder."""
    if isinstance(source, list):
        return [_from_member(one, folder) for one in source]
    if not isinstance(source, dict) or not isinstance(source.get("path"), str):
        return source
    path = source["path"]
    return source if path.startswith("/") else {**source, "path": os.path.relpath(path, folder)}


def from_root(inputs: Sequence[Input], spec: str) -> tuple[Input, ...]:
    """Give the files that an env.toml names by their paths from the project's folder."""
    folder = os.path.dirname(spec)
    return tuple(one._replace(file=os.path.join(folder, one.file)) for one in inputs)


def draft_of(
    root: str, inputs: Sequence[Input], edited: Mapping[str, bytes], spec: str = "env.toml"
) -> "Draft":
    """Give what the files declare with the place of each. Raises as `take`."""
    return _gather(root, inputs, edited, {}, spec)


def inputs_of(text: str) -> tuple[Input, ...]:
    """Give the files that an env.toml without mistakes names."""
    env = loads(text.removeprefix("\ufeff")).get("env")
    return read_inputs(Table(env if isinstance(env, dict) else {}, ("env",), Problems()))


def _gather(
    root: str,
    inputs: Sequence[Input],
    edited: Mapping[str, bytes],
    files: dict[str, bytes],
    spec: str,
) -> "Draft":
    """Read files into a draft, and note in `files` what each holds."""
    # Only what names other files pays for what reads them.
    from envsync.adopt.draft import Draft, TooMuch  # noqa: PLC0415
    from envsync.adopt.settle import settle  # noqa: PLC0415

    def read(path: str) -> bytes:
        files[path] = edited[path] if path in edited else read_inside(root, path, MAX_BYTES)
        return files[path]

    draft = Draft(read)
    try:
        for one in inputs:
            _read(draft, one, spec)
        draft.is_package = None  # env.toml's own `package` says so
        settle(draft, os.path.basename(os.path.join(root, os.path.dirname(spec)).rstrip("/")))
    except TooMuch as error:
        raise SpecInvalid(spec, [f"env.from: {error}"]) from error
    return draft


def _read(draft: "Draft", one: Input, spec: str) -> None:
    from envsync.adopt.found import kind_of_file  # noqa: PLC0415

    kind = kind_of_file(one.file)
    if kind not in KINDS:
        raise SpecInvalid(
            spec,
            [f"env.from: {one.file} is none of pyproject.toml, setup.cfg and requirements files"],
            hint=f"`envsync import {one.file}` in a folder without env.toml carries it over",
        )
    if kind in ("pyproject", "setup.cfg") and one.part != BASE:
        raise SpecInvalid(
            spec, [f"env.from: {one.file} has groups and extras of its own: name it alone"]
        )
    try:
        _READERS[kind](draft, one)
    except PathRefused as error:
        raise SpecInvalid(spec, [f"env.from: {error}"]) from error


def _pyproject(draft: "Draft", one: Input) -> None:
    from envsync.adopt.pyproject import read_pyproject  # noqa: PLC0415

    file = read_pyproject(draft, one.file)
    file.tell_odd(draft)
    if not file.has("project") and not file.has("dependency-groups"):
        tool = next((name for name in ("poetry", "uv", "pdm") if file.has("tool", name)), None)
        table = f", only [tool.{tool}]" if tool else ""
        raise SpecInvalid(
            one.file,
            [f"line 1: there is no [project] and no [dependency-groups]{table}"],
            hint="tables of other tools are no live input: without env.toml, `envsync import` "
            "carries them over",
        )


def _requirements(draft: "Draft", one: Input) -> None:
    from envsync.adopt.requirements_txt import read_requirements  # noqa: PLC0415

    read_requirements(draft, one.file, one.part)


def _constraints(draft: "Draft", one: Input) -> None:
    _requirements(draft, one._replace(part=None if one.part == BASE else one.part))


def _setup_cfg(draft: "Draft", one: Input) -> None:
    from envsync.adopt.setup_cfg import read_setup_cfg  # noqa: PLC0415

    read_setup_cfg(draft, one.file)


_READERS = {
    "pyproject": _pyproject,
    "requirements": _requirements,
    "constraints": _constraints,
    "setup.cfg": _setup_cfg,
}


def _refuse_left(draft: "Draft") -> None:
    """Refuse what can't be taken: a live input is read whole or not at all."""
    bad = [left for left in draft.left if left.blocks]
    if not bad:
        return
    file = bad[0].origin.file
    raise SpecInvalid(
        file,
        [
            f"line {left.origin.line}: {left.what}: {left.advice}"
            for left in sorted(bad)
            if left.origin.file == file
        ],
        hint=f"env.toml takes {file} as it is: correct it there",
    )


def _taken(draft: "Draft", files: tuple[InputFile, ...]) -> Taken:
    from envsync.adopt.settle import sources_value  # noqa: PLC0415

    python = draft.requires_python
    return Taken(
        name=None if draft.name is None else str(draft.name.value),
        requires_python=python and Given(python.value, str(python.origin)),
        parts={part: [_given(row) for row in rows] for part, rows in draft.parts.items()},
        lists={
            path: [Given(row.value, str(row.origin)) for row in rows]
            for path, rows in draft.lists.items()
        },
        values={path: Given(row.value, str(row.origin)) for path, row in draft.values.items()},
        indexes=[Given(row.table(), str(row.origin)) for row in draft.indexes],
        sources={
            name: Given(sources_value(rows), str(rows[0].origin))
            for name, rows in draft.sources.items()
        },
        files=files,
    )


def _given(row: "Wanted | Included") -> Given:
    from envsync.adopt.draft import Wanted  # noqa: PLC0415

    value = row.text if isinstance(row, Wanted) else {"include-group": row.group}
    return Given(value, str(row.origin))
