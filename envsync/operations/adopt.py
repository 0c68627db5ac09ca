"""One page: what `import` does: read what the project's files declare, write env.toml, lock."""

import os
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from typing import NamedTuple

from envsync.acquire.public_index import public_index
from envsync.adopt.draft import Origin, Row, TooMuch
from envsync.adopt.env_text import env_text
from envsync.adopt.found import Found, FoundFile, file_named
from envsync.adopt.live import without_live
from envsync.adopt.settle import settle
from envsync.errors import EnvsyncError, PathRefused, SpecInvalid, UsageError
from envsync.events import Reporter
from envsync.lock.origins import same_index
from envsync.operations.lock import make_lock
from envsync.operations.lock_file import LockOutcome, write_with_lock
from envsync.project.adopted import Adopted, adopt, found_in
from envsync.project.env_toml import parse_project_spec
from envsync.project.inputs import KINDS, draft_of, take
from envsync.project.locks import project_lock
from envsync.project.paths import Project, in_workspace
from envsync.project.request import LockOptions
from envsync.project.texts import Text, write_together
from envsync.settings import Settings
from envsync.spec.inputs import Input
from envsync.spec.locations import leads_outside
from envsync.spec.model import BASE


class Import(NamedTuple):
    """What is to be imported, and how."""

    files: tuple[str, ...] = ()
    """As the user named them; none: what is found."""
    dry_run: bool = False
    """Nothing is written or locked."""
    lock: bool = True
    live: bool = False
    """env.toml names files that can stay the truth, in place of what they declare."""


class Imported(NamedTuple):
    """What an import came to."""

    file: str
    """The name of env.toml."""
    text: str
    adopted: Adopted
    lock: LockOutcome | None = None
    wrote_lock: bool = False


def import_project(
    project: Project, what: Import, directory: str, settings: Settings, reporter: Reporter
) -> Imported:
    """Write an env.toml of what the project's files declare, and a lock that keeps old versions.

    `directory` is where relative names of files begin. Raises `UsageError` where there is an
    env.toml or nothing to read, `SpecInvalid` for files with mistakes, and as `make_lock`; nothing
    is written then.
    """
    name = os.path.basename(project.spec_path)
    with nullcontext() if what.dry_run else project_lock(project, settings.cache_dir, reporter):
        if os.path.lexists(project.spec_path) and not what.dry_run:
            raise UsageError(
                f"{name} is here already, and is left as it is",
                hint="`envsync import --dry-run` shows what would be imported; "
                "`envsync add -r FILE` adds to it",
            )
        if what.lock and not what.dry_run:
            _refuse_member(project)
        found, adopted = _gathered(project, what.files, directory)
        live = _made_live(project, found, adopted) if what.live else []
        text = _text_of(project, adopted, live)
        imported = Imported(name, text, adopted)
        if what.dry_run:
            return imported
        spec_text = Text(project.spec_path, text.encode())
        if not what.lock:
            write_together([spec_text])
            return imported
        return _locked(project, imported, spec_text, settings, reporter)


def _refuse_member(project: Project) -> None:
    """A workspace's member has no lock of its own."""
    workspace = in_workspace(project, project.root)
    if workspace.member:
        raise UsageError(
            f"this folder is a member of {workspace.root}, which has one lock for all its members",
            hint="`envsync import --no-lock` writes env.toml alone, for that lock",
        )


def _locked(
    project: Project, imported: Imported, text: Text, settings: Settings, reporter: Reporter
) -> Imported:
    spec = parse_project_spec(project, text.data)
    try:
        options = LockOptions(old_locks=imported.adopted.locks)
        lock = make_lock(project, spec, settings, reporter, options, repair=True)
    except EnvsyncError as error:
        without = "`envsync import --no-lock` writes env.toml alone"
        error.hint = f"{error.hint}; {without}" if error.hint else without
        raise
    return imported._replace(lock=lock, wrote_lock=write_with_lock([text], lock))


def init_text(project: Project, name: str | None) -> Imported | None:
    """Give what `init` writes where files declare something; None where none does.

    `name` takes the place of the one that files have. Raises as `import_project`.
    """
    found = found_in(project.root)
    if not found.files:
        return None
    adopted = _read(project, found, chosen=False)
    if adopted.draft.is_empty() and adopted.draft.name is None:
        return None
    file = os.path.basename(project.spec_path)
    if name is not None:
        adopted.draft.name = Row(name, Origin(file, 1))
    return Imported(file, _text_of(project, adopted), adopted)


def _made_live(project: Project, found: Found, adopted: Adopted) -> list[object]:
    """Leave to files what they can go on saying themselves; gives the items of `from`."""
    live: list[Input] = []
    for file in found.files:
        if file.path in adopted.draft.files and file.kind in KINDS:
            one = Input(file.path, None if file.kind == "constraints" else file.part)
            with suppress(SpecInvalid):
                take(project.root, [*live, one], {})
                live.append(one)
    if live:
        without_live(adopted.draft, draft_of(project.root, live, {}))
    return [_from_item(one) for one in live]


def _from_item(one: Input) -> object:
    if one.part is None or one.part == BASE:
        return one.file
    return {"file": one.file, one.part.kind: one.part.name}


def _gathered(project: Project, files: Sequence[str], directory: str) -> tuple[Found, Adopted]:
    if files:
        chosen = _chosen(project, files, directory)
        return chosen, _read(project, chosen, chosen=True)
    found = found_in(project.root)
    if not found.files:
        raise UsageError(
            f"nothing in {project.root} declares dependencies in a form that is known",
            hint="`envsync init` starts a project; `envsync import FILE` names a file",
        )
    return found, _read(project, found, chosen=False)


def _read(project: Project, found: Found, *, chosen: bool) -> Adopted:
    try:
        adopted = adopt(project.root, found, chosen=chosen, is_public=_is_public)
    except TooMuch as error:
        raise UsageError(str(error), hint="`envsync import FILE` reads one file alone") from error
    settle(adopted.draft, os.path.basename(project.root))
    return adopted


def _chosen(project: Project, files: Sequence[str], directory: str) -> Found:
    """Give the files that the user named, by their paths in the project."""
    found: list[FoundFile] = []
    for file in files:
        path = os.path.relpath(os.path.join(directory, file), project.root)
        if leads_outside(path):
            raise UsageError(
                f"{file} lies outside of the project, {project.root}",
                hint="`envsync -C DIR import FILE` imports into another folder",
            )
        if not os.path.exists(os.path.join(project.root, path)):
            raise PathRefused(path, "there is no such file or folder")
        known = file_named(path)
        if known is None:
            raise UsageError(
                f"{file}: its name doesn't say what it is",
                hint="known are pyproject.toml, *.txt, *.in, Pipfile, setup.cfg, setup.py, *.yml",
            )
        found.append(known)
    locks = tuple(each.path for each in found if each.kind == "lock")
    rest = tuple(each for each in found if each.kind != "lock")
    if not rest:
        raise UsageError(
            f"{files[0]} is a lock, which says versions and not what is needed",
            hint="`envsync import` reads it beside the file that declares",
        )
    if len(rest) == 1:  # what is asked for alone is all that there is, whatever its name says
        rest = (rest[0]._replace(part=BASE),)
    return Found(rest, locks)


def _text_of(project: Project, adopted: Adopted, live: Sequence[object] = ()) -> str:
    try:
        return env_text(
            adopted.draft,
            folder_name=os.path.basename(project.root),
            environment=project.environment,
            live=live,
        )
    except SpecInvalid as error:
        raise SpecInvalid(
            "the env.toml that would come of it",
            error.problems,
            hint="correct that in the files that were read, or name others: `envsync import FILE`",
        ) from error


def _is_public(url: str) -> bool:
    secure = url.replace("http://", "https://", 1)
    return same_index(secure, public_index())
