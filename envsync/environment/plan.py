"""Plan the steps from what is installed to what the lock asks for, as values.

First packages: what is kept, installed, removed, from the pins and the manifest alone (`compare`).
Then files, once the wheels of what is installed are at hand (`make_plan`).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from envsync.environment.drift import Drift, expected_mtime, source_of
from envsync.environment.manifest import Manifest, Owner, Placed
from envsync.environment.paths import parents

FROM_SOURCE = "from a source tree"
"""In place of the version of a package whose lock gives none."""


class DesiredPackage(NamedTuple):
    """One package that an environment should hold."""

    name: str
    version: str | None
    identity: str
    """Equal identities mean equal files in one environment, but for compiled ones."""
    bytecode: bool = False
    """Compiled files are wanted, or else as welcome as their absence."""


class PackageChange(NamedTuple):
    """What happens to one package: no old version is an install, no new one a removal."""

    name: str
    old: str | None
    new: str | None

    def line(self) -> str:
        """Say it as one line of a report: `+ flask==3.1.0`."""
        if self.new == FROM_SOURCE:
            mark = "+" if self.old is None else "~"
            return f"{mark} {self.name} ({self.new})"
        if self.old is None:
            return f"+ {self.name}=={self.new}"
        if self.new is None:
            return f"- {self.name}=={self.old}"
        if self.old == self.new:
            return f"~ {self.name}=={self.new}"
        return f"~ {self.name}=={self.old} -> {self.new}"


class Comparison(NamedTuple):
    """What a sync will do to packages, and what is wrong with files."""

    changes: tuple[PackageChange, ...] = ()
    kept: frozenset[str] = frozenset()
    """Names of the packages that stay."""
    drift: Drift = Drift()

    def is_empty(self) -> bool:
        """Say whether the environment is what the lock asks for."""
        return not self.changes and self.drift.is_clean()

    def is_but_stray(self) -> bool:
        """Say whether nothing but what is not from the lock is to be changed."""
        return self._replace(drift=self.drift._replace(stray=())).is_empty()

    def lines(self) -> list[str]:
        """Describe it: a line for each package, and for each damaged or stray path."""
        return [
            *(change.line() for change in self.changes),
            *(f"! {path} is missing" for path in self.drift.missing),
            *(f"! {path} was edited" for path in self.drift.edited),
            *(f"! {path} is not from the lock" for path in self.drift.stray),
            *(f"! {path} has another modification time" for path in self.drift.times),
            *(f"! {path or '.'} has other permissions than 755" for path in self.drift.modes),
        ]


class Plan(NamedTuple):
    """What a sync will do to files; paths relative to the environment's root."""

    place: tuple[str, ...] = ()
    """New, changed or repaired."""
    discard: tuple[str, ...] = ()
    """Placed by envsync and unmodified, no longer wanted; and bytecode of sources that change."""
    quarantine: tuple[str, ...] = ()
    """Edited and stray: set aside, never deleted."""
    modes: tuple[str, ...] = ()
    """Folders that get their permissions back; "" is the environment's root."""
    times: tuple[tuple[str, int], ...] = ()
    """Files and links that get their modification time back, in seconds."""

    def is_empty(self) -> bool:
        """Say whether there is nothing to do."""
        return not (self.place or self.discard or self.quarantine or self.modes or self.times)


def compare(
    desired: Iterable[DesiredPackage], manifest: Manifest | None, drift: Drift
) -> Comparison:
    """Compare the packages that are desired with those in the manifest (None: nothing is there)."""
    before = manifest.packages() if manifest else {}
    after = {package.name: package for package in desired}
    changes: list[PackageChange] = []
    kept: list[str] = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old is not None and new is not None and _is_kept(old, new):
            kept.append(name)
        else:
            new_version = (new.version or FROM_SOURCE) if new else None
            changes.append(PackageChange(name, old.version if old else None, new_version))
    return Comparison(tuple(changes), frozenset(kept), drift)


def _is_kept(old: Owner, new: DesiredPackage) -> bool:
    """Say whether what is there is what is wanted: one file under two versions is a lie."""
    if new.bytecode and not old.bytecode:
        return False
    return old.identity == new.identity and new.version in (None, old.version)


def damaged_owners(owners: Iterable[Owner], drift: Drift) -> frozenset[str]:
    """Give the names of those packages some of whose files are missing or edited."""
    damaged = frozenset(drift.missing) | frozenset(drift.edited)
    if not damaged:
        return frozenset()
    return frozenset(
        owner.name for owner in owners if not damaged.isdisjoint(file.path for file in owner.files)
    )


def make_plan(desired: Mapping[str, Placed], manifest: Manifest | None, drift: Drift) -> Plan:
    """Compare all files that are wanted, by path, with the manifest and its drift."""
    old = manifest.placed() if manifest else {}
    missing, edited = frozenset(drift.missing), frozenset(drift.edited)
    place = tuple(
        path
        for path, placed in desired.items()
        if old.get(path) != placed or path in missing or path in edited
    )
    theirs = frozenset(drift.kept)
    gone = [path for path in old if path not in desired and path not in missing | edited | theirs]
    replaced = frozenset(place) | frozenset(gone)
    return Plan(
        place=place,
        discard=(*gone, *_stale_bytecode(drift.bytecode, desired, replaced)),
        quarantine=(
            *drift.edited,
            *drift.stray,
            *_left_alone(drift.caches, desired),
            *_in_the_way(theirs, old, desired),
        ),
        modes=drift.modes,
        times=tuple(
            (path, expected_mtime(desired[path]))
            for path in drift.times
            if path in desired and path not in replaced
        ),
    )


def _in_the_way(
    kept: Collection[str], old: Mapping[str, Placed], desired: Mapping[str, Placed]
) -> Iterator[str]:
    """Give what programs have where another file than before is to stand, or none any more."""
    folders = parents(desired) if kept else ()
    for path in sorted(kept):
        if desired.get(path) != old.get(path) or path in folders:
            yield path


def _left_alone(caches: Sequence[str], desired: Mapping[str, Placed]) -> Iterator[str]:
    """Give the caches of tools in folders in which nothing is placed any more."""
    folders = parents(desired) if caches else ()
    for path in caches:
        if path.partition("/__pycache__/")[0] not in folders:
            yield path


def _stale_bytecode(
    bytecode: Sequence[str], desired: Mapping[str, Placed], replaced: Collection[str]
) -> tuple[str, ...]:
    """Give the compiled files whose source goes or changes: Python might run them otherwise."""
    return tuple(
        path for path in bytecode if source_of(path) not in desired or source_of(path) in replaced
    )
