"""Find the extra or group of a project that would bring a command."""

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from packaging.pylock import Pylock
from packaging.utils import canonicalize_name

from envsync.errors import EnvsyncError
from envsync.events import SILENT
from envsync.lock.pins import Pinned
from envsync.operations.desired import lock_on_disk, make_desired
from envsync.operations.freshness import why_stale
from envsync.operations.selected import chosen_members
from envsync.project.env_toml import read_spec
from envsync.project.paths import Project
from envsync.project.request import FROZEN, Selection
from envsync.settings import Settings
from envsync.spec.model import Spec
from envsync.store.entries import StoreReader
from envsync.sync.store_lookup import in_store


class Bringer(NamedTuple):
    """An extra or group that is left out, and its package that has the command."""

    kind: str
    """"group" or "extra"."""
    name: str
    package: str

    @property
    def option(self) -> str:
        """What takes it in."""
        return f"--{self.kind} {self.name}"


def left_out(
    command: str, project: Project, selection: Selection, settings: Settings
) -> Bringer | None:
    """Give what a selection leaves out that has a command; None where that can't be told.

    Reads env.toml, the lock if it answers that, and what the store has of its packages: one that
    isn't there is asked by its name. What is selected and has the command is what is run.
    """
    with suppress(EnvsyncError):
        return next(_bringers(command, project, selection, settings), None)
    return None


def _bringers(
    command: str, project: Project, selection: Selection, settings: Settings
) -> Iterator[Bringer]:
    spec, _ = read_spec(project)
    lock = lock_on_disk(project, spec, settings, SILENT, trust=FROZEN)
    if why_stale(project, spec, lock.pylock, settings):
        return
    store = StoreReader(settings.cache_dir)

    def those_with(selection: Selection) -> list[Pinned]:
        desired = make_desired(project, spec, lock, selection, settings, SILENT)
        return [pin for pin in desired.pins if _has(pin, command, store)]

    if those_with(selection):
        return
    for kind, name, more in _larger(selection, spec, lock.pylock):
        with suppress(EnvsyncError):  # what conflicts with the selection can't be added to it
            for pin in those_with(more):
                yield Bringer(kind, name, pin.name)


def _larger(
    selection: Selection, spec: Spec, pylock: Pylock
) -> Iterator[tuple[str, str, Selection]]:
    """Give each group and extra that there is, and the selection with it; none that is refused."""
    chosen = chosen_members(spec.members, selection) if spec.members else ()
    of_members = [name for member in chosen for name in member.groups]
    for name in of_members if chosen else pylock.dependency_groups or ():
        if name not in {*map(canonicalize_name, selection.no_groups)}:
            yield "group", name, selection._replace(groups=(*selection.groups, name))
    extras_of_members = [name for member in chosen for name in member.extras]
    for name in extras_of_members if chosen else pylock.extras or ():
        if name not in {*map(canonicalize_name, selection.no_extras)}:
            yield "extra", name, selection._replace(extras=(*selection.extras, name))


def _has(pin: Pinned, command: str, store: StoreReader) -> bool:
    wheel = in_store(store, pin, depth="trust")
    if wheel is None:
        return pin.name == canonicalize_name(command)
    script = f".data/scripts/{command}"
    has_entry_point = any(entry.name == command for entry in wheel.entry_points)
    return has_entry_point or any(file.path.endswith(script) for file in wheel.files)
