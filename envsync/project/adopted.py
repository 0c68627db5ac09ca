"""What the files of a project declare, read without running anything: for `import` and `init`."""

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from envsync.adopt.found import LOCKS, Found, FoundFile, find_files, kind_of_file, source_of
from envsync.errors import PathRefused, StorageFailed
from envsync.inside import read_inside
from envsync.spec.document import MAX_BYTES
from envsync.spec.model import BASE

if TYPE_CHECKING:
    from envsync.adopt.draft import Draft
    from envsync.adopt.old_locks import OldLock

_FOLDER = "requirements"
_DEPENDENCIES = ("install_requires", "project.dependencies", "setup.py")
"""What is listed where only running a file would tell what the project needs."""
_MOST_NAMES = 10_000


class PassedOver(NamedTuple):
    """A file that is there and is not read, and why."""

    file: str
    reason: str


class Adopted(NamedTuple):
    """What was gathered."""

    draft: "Draft"
    passed_over: tuple[PassedOver, ...] = ()
    locks: tuple[str, ...] = ()
    """Files whose versions are to be kept."""


def found_in(root: str) -> Found:
    """Give what there is to read in a project's folder. Raises `StorageFailed`."""
    return find_files(list(_names(root)))


def adopt(
    root: str, found: Found, *, chosen: bool, is_public: Callable[[str], bool] | None = None
) -> Adopted:
    """Read what declares, in order; `chosen` by the user, all of it.

    Else the first that has dependencies has the project's, and others are passed over. Raises
    `SpecInvalid` for a file that can't be read as what it is, `PathRefused`, `StorageFailed`.
    """
    from envsync.adopt.draft import Draft  # noqa: PLC0415

    draft = Draft(lambda path: read_inside(root, path, MAX_BYTES), is_public=is_public)
    reading = _Reading(draft, list(_names(root)), chosen=chosen)
    reading.note_compiled(found.files)
    for file in found.files:
        reading.take(file)
    return Adopted(draft, tuple(reading.passed_over), found.locks or tuple(_lock_files(root)))


class _Reading:
    """The files one after the other."""

    def __init__(self, draft: "Draft", names: Collection[str], *, chosen: bool) -> None:
        self._draft, self._names, self._chosen = draft, names, chosen
        self._declared_by: str | None = None
        self.passed_over: list[PassedOver] = []

    def note_compiled(self, files: Collection[FoundFile]) -> None:
        """Find out which requirements files were made of others that are there."""
        from envsync.adopt.old_locks import is_compiled  # noqa: PLC0415

        for file in files:
            if file.kind == "requirements" and source_of(file.path, self._names):
                with suppress(PathRefused):
                    if is_compiled(self._draft.read_bytes(file.path)):
                        self._draft.compiled.add(file.path)

    def take(self, file: FoundFile) -> None:
        """Read one file, or say why not."""
        if not self._chosen and self._is_passed_over(file):
            return
        before = _count(self._draft)
        _READERS[file.kind](self._draft, file)
        says = _count(self._draft) > before or _is_project(self._draft, file)
        if says and file.part == BASE and self._declared_by is None and self._has_base(file):
            self._declared_by = file.path
        if not says and not self._chosen and file.path in self._draft.files:
            self._draft.files.remove(file.path)

    def _has_base(self, file: FoundFile) -> bool:
        """Say whether a file has the project's dependencies, and not only words about them."""
        computed = any(
            left.origin.file == file.path and left.what in _DEPENDENCIES
            for left in self._draft.left
        )
        return bool(self._draft.parts[BASE]) or not computed

    def _is_passed_over(self, file: FoundFile) -> bool:
        if file.path in self._draft.files and file.part == BASE:
            return True  # another one included it
        if file.path in self._draft.compiled:
            return True
        first = self._declared_by
        if first is None or file.part != BASE or file.kind == "constraints":
            return False
        if file.kind == "setup.py" and first == "setup.cfg":
            return False
        if file.kind == "requirements" and _is_pinned(self._draft, file.path):
            return True  # its versions are kept
        reason = f"{first} has the dependencies: `envsync import {first} {file.path}` takes both"
        self.passed_over.append(PassedOver(file.path, reason))
        return True


def _count(draft: "Draft") -> int:
    return sum(map(len, draft.parts.values())) + len(draft.left) + len(draft.values)


def _is_project(draft: "Draft", file: FoundFile) -> bool:
    """Say whether a file gave the project its name: it may well need nothing."""
    return draft.name is not None and draft.name.origin.file == file.path


def _is_pinned(draft: "Draft", path: str) -> bool:
    from envsync.adopt.old_locks import is_compiled  # noqa: PLC0415

    return is_compiled(draft.read_bytes(path))


def _pyproject(draft: "Draft", file: FoundFile) -> None:
    from envsync.adopt import hatch, pdm, poetry, pyproject, uv  # noqa: PLC0415

    document = pyproject.read_pyproject(draft, file.path)
    if document.has("tool", "poetry"):
        poetry.read_poetry(draft, document)
    if document.has("tool", "uv"):
        uv.read_uv(draft, document)
    if document.has("tool", "pdm"):
        pdm.read_pdm(draft, document)
    if document.has("tool", "hatch", "envs"):
        hatch.read_hatch(draft, document)
    document.tell_odd(draft)


def _pipfile(draft: "Draft", file: FoundFile) -> None:
    from envsync.adopt.pipfile import read_pipfile  # noqa: PLC0415

    read_pipfile(draft, file.path)


def _setup_cfg(draft: "Draft", file: FoundFile) -> None:
    from envsync.adopt.setup_cfg import read_setup_cfg  # noqa: PLC0415

    read_setup_cfg(draft, file.path)


def _setup_py(draft: "Draft", file: FoundFile) -> None:
    from envsync.adopt.setup_py import read_setup_py  # noqa: PLC0415

    read_setup_py(draft, file.path)


def _requirements(draft: "Draft", file: FoundFile) -> None:
    from envsync.adopt.requirements_txt import read_requirements  # noqa: PLC0415

    read_requirements(draft, file.path, file.part)


def _constraints(draft: "Draft", file: FoundFile) -> None:
    from envsync.adopt.requirements_txt import read_requirements  # noqa: PLC0415

    read_requirements(draft, file.path, None)


def _conda(draft: "Draft", file: FoundFile) -> None:
    from envsync.adopt.conda import read_environment_yml  # noqa: PLC0415  (PyYAML)

    read_environment_yml(draft, file.path)


def _nothing(_: "Draft", __: FoundFile) -> None:
    """Locks are no declarations."""


_READERS: dict[str, Callable[["Draft", FoundFile], None]] = {
    "pyproject": _pyproject,
    "pipfile": _pipfile,
    "setup.cfg": _setup_cfg,
    "setup.py": _setup_py,
    "requirements": _requirements,
    "constraints": _constraints,
    "conda": _conda,
    "lock": _nothing,
}


def _names(root: str) -> Iterator[str]:
    """Give the names in a folder, and in its folder of requirements; not more than anybody has."""
    for folder in ("", _FOLDER):
        try:
            names = sorted(os.listdir(os.path.join(root, folder)))[:_MOST_NAMES]
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise StorageFailed(folder or root, str(error.strerror or error)) from error
        yield from (f"{folder}/{name}" if folder else name for name in names)


def old_locks(root: str, chosen: Collection[str] | None) -> Iterator["OldLock | PassedOver"]:
    """Read locks of other tools, those that the user chose or all that lie in the folder.

    What can't be read is given with the reason.
    """
    from envsync.adopt.old_locks import (  # noqa: PLC0415
        MAX_BYTES as LARGEST,
    )
    from envsync.adopt.old_locks import Unreadable, read_old_lock  # noqa: PLC0415

    for path in _lock_files(root) if chosen is None else chosen:
        try:
            yield read_old_lock(path, read_inside(root, path, LARGEST))
        except (PathRefused, Unreadable) as error:
            yield PassedOver(path, str(error))


def _lock_files(root: str) -> Iterator[str]:
    from envsync.adopt.old_locks import is_compiled  # noqa: PLC0415

    names = list(_names(root))
    yield from (name for name in LOCKS if name in names)
    for name in names:
        if name.endswith(".txt") and kind_of_file(name) == "requirements":
            with suppress(PathRefused):
                if is_compiled(read_inside(root, name, MAX_BYTES)):
                    yield name
