"""Change an environment where it is: new files are staged, then the journal puts them in place.

Staging leaves the environment untouched; the journal is the commit, and after it each step is one
rename (`environment.journal`).
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from types import MappingProxyType
from typing import NamedTuple

from envsync.environment import journal, names
from envsync.environment.change import Contents, Means
from envsync.environment.journal import Step, state_path
from envsync.environment.manifest import Manifest, render_manifest
from envsync.environment.modes import refuse_foreign
from envsync.environment.paths import QUARANTINE, STATE, folders, parents
from envsync.environment.placing import ChangeTimes, Files, FileTimes, put_all
from envsync.environment.plan import Plan
from envsync.environment.retire import quarantine_name
from envsync.environment.seal import Seal
from envsync.environment.tree import Tree
from envsync.events import Stage, during
from envsync.platform.durable import SYNCED, flush_all
from envsync.platform.files import storage_errors, unguessable, write_atomic


class Update(NamedTuple):
    """A `Change` that is staged: its steps are to be written into the journal, and done."""

    root: str
    manifest: Manifest
    seal: Seal
    steps: tuple[Step, ...]
    staged: tuple[FileTimes, ...]
    """Of what was staged, by number."""
    times: Mapping[str, int]
    """When files last changed that are right since then, by their paths before the commit."""

    @property
    def is_private(self) -> bool:
        """Anybody may have changed the environment since it was looked at."""
        return False

    @property
    def set_aside(self) -> frozenset[str]:
        """What differs from the manifest, and what is in the way."""
        return frozenset(step.path for step in self.steps if step.action == "keep")

    def commit(self) -> ChangeTimes:
        """Write the journal, then do what it says.

        A failure before the journal is written changes nothing; after that the next envsync
        command finishes the work.
        """
        with storage_errors(self.root), Tree(self.root) as tree:
            tree.reserve()  # once there is a journal, a lack of descriptors could stop it half-way
        journal.write_journal(self.root, self.manifest.environment_id, self.steps, self.seal)
        return self._carried(journal.finish(self.root, self.steps, self.times))

    def _carried(self, times: Mapping[str, int]) -> ChangeTimes:
        """Say it of stored files, too: a rename of what was linked to them changed them."""
        stored: dict[int, int] = {}
        for step in self.steps:
            if step.action == "place":
                change, inode, source_change = self.staged[int(step.store)]
                is_linked = source_change == change  # one inode has one time of change
                stored[inode] = times.get(step.path, 0) if is_linked else source_change
        return ChangeTimes(
            times, {inode: change for inode, change in stored.items() if inode and change}
        )

    def discard(self) -> None:
        """Drop what is staged, and the next manifest."""
        with suppress(OSError), Tree(self.root) as tree:
            for name in ("stage", "manifest.next"):
                with suppress(OSError):
                    tree.remove(f"{STATE}/{name}")


def prepare_update(
    root: str,
    plan: Plan,
    contents: Contents,
    means: Means,
    times: Mapping[str, int] = MappingProxyType({}),
) -> Update:
    """Stage what the plan puts in place into an existing environment, which stays untouched.

    `times` are those of last change at which what is in place is known to be right. What was
    staged, and the sources of it, are durable then. Raises `names.OneName`, `Tampered`,
    `StorageFailed`; what was staged is thrown away then.
    """
    files, others = contents.files, contents.others
    manifest = contents.manifest._replace(written=SYNCED)
    with storage_errors(root):
        # What a death leaves of the trial is a leftover like any other.
        trial = state_path(root, f".names-{unguessable()}")
        names.refuse_one_name(trial, chain(files.desired, others.paths()))
    with storage_errors(root), Tree(root) as tree:
        refuse_foreign(root, plan.modes, (path for path, _ in plan.times))
        tree.remove(f"{STATE}/stage")  # of a process that died: its numbers mean other files
        tree.make_folder(f"{STATE}/stage")
        try:
            with during(Stage.LINKING, means.reporter, len(plan.place)):
                staged = tuple(_staged(root, plan, files, means))
                text = render_manifest(manifest, means.seal)
                # Its own flush is left out: the one below takes it along with all that is staged.
                write_atomic(state_path(root, "manifest.next"), text, sync=False)
                # Before the journal: what that names must be there after any loss of power.
                flush_all([root, *means.sources_in])
        except BaseException:
            tree.remove(f"{STATE}/stage")
            raise
        needed = parents(files.desired) | others.folders
        steps = _steps(tree, plan, needed, contents.folders)
    new_times = {journal.staged(number): change for number, (change, _, _) in enumerate(staged)}
    return Update(
        root=root,
        manifest=manifest,
        seal=means.seal,
        steps=steps,
        staged=staged,
        times={**times, **new_times},
    )


def _staged(root: str, plan: Plan, files: Files, means: Means) -> Iterator[FileTimes]:
    """Make each file that is to be placed in the stage, by its number."""
    stage = state_path(root, "stage")
    rows = (
        (f"{stage}/{number}", files.desired[path], files.sources[path])
        for number, path in enumerate(plan.place)
    )
    for times in put_all(rows, means.placer, files.stored_times):
        yield times
        means.reporter.advance(Stage.LINKING)


def _steps(
    tree: Tree, plan: Plan, needed: Collection[str], extra: Collection[str]
) -> tuple[Step, ...]:
    """Give the steps in an order in which each finds its folder there, and its place free.

    Permissions first, or folders that nobody may write to would refuse the rest; what is the
    user's is safe before anything takes its place; folders go when they are empty, the deepest
    first, and come before what is in them.
    """
    moment = quarantine_name(tree, QUARANTINE)
    trashed = enumerate(plan.discard)
    kept = frozenset(plan.quarantine)
    lacking = [f"{path}/" for path in extra if path in kept or not tree.is_folder(path)]
    gone = parents((*plan.discard, *plan.quarantine)).difference(needed, extra)
    gone |= {path.rpartition("/")[0] for path in plan.discard if "/__pycache__/" in path}
    return (
        *(Step("chmod", folder) for folder in plan.modes),
        *(Step("date", path, str(mtime)) for path, mtime in plan.times),
        *(Step("keep", path, moment) for path in plan.quarantine),
        *(Step("trash", path, str(number)) for number, path in trashed),
        *(Step("rmdir", folder) for folder in sorted(gone, reverse=True)),
        *(Step("mkdir", folder) for folder in folders((*lacking, *plan.place))),
        *(Step("place", path, str(number)) for number, path in enumerate(plan.place)),
    )
