"""Versions of other tools' locks, kept by the first lock of a project."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from packaging.pylock import Pylock
from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.errors import HashMismatch
from envsync.events import Reporter
from envsync.lock.compare import files_of
from envsync.project.adopted import PassedOver, old_locks
from envsync.project.paths import Project
from envsync.project.request import LockOptions
from envsync.resolve.region_view import Preferences
from envsync.spec.model import Spec

if TYPE_CHECKING:
    from envsync.adopt.old_locks import OldLock

_MOST_NAMED = 5


def locks_to_keep(
    project: Project, options: LockOptions, reporter: Reporter
) -> "tuple[OldLock, ...]":
    """Read the locks whose versions a first lock keeps where they fit: those that were chosen, or
    all beside an env.toml. What can't be read is warned of.
    """
    if options.upgrade is True or project.script:
        return ()
    if options.old_locks is None and project.environment is not None:
        return ()
    found = []
    for each in old_locks(project.root, options.old_locks):
        if isinstance(each, PassedOver):
            reporter.warn(f"{each.file}: {each.reason}: its versions are not kept")
        else:
            found.append(each)
    return tuple(one for one in found if one.versions)


def versions_of(locks: "Sequence[OldLock]") -> Preferences:
    """Give the versions by package; the first lock that has a package decides."""
    kept: dict[NormalizedName, tuple[Version, ...]] = {}
    for lock in locks:
        for name, versions in lock.versions.items():
            kept.setdefault(name, versions)
    return kept


def tell_kept(locks: "Sequence[OldLock]", pylock: Pylock, reporter: Reporter) -> None:
    """Say how many versions were kept, and which were not."""
    for lock in locks:
        both = [one for one in pylock.packages if one.name in lock.versions and one.version]
        moved = list(_moved(lock, pylock))
        if not both:
            continue
        kept = len({one.name for one in both}) - len(moved)
        more = f", and {len(moved) - _MOST_NAMED} more" if len(moved) > _MOST_NAMED else ""
        others = f"; not {', '.join(moved[:_MOST_NAMED])}{more}" if moved else ""
        reporter.note(f"Kept {kept} of {kept + len(moved)} versions of {lock.file}{others}")


def _moved(lock: "OldLock", pylock: Pylock) -> Iterator[str]:
    now: dict[NormalizedName, set[Version]] = {}
    for package in pylock.packages:
        if package.version is not None and package.name in lock.versions:
            now.setdefault(package.name, set()).add(package.version)
    for name, versions in sorted(now.items()):
        if versions.isdisjoint(lock.versions[name]):
            before = ", ".join(map(str, lock.versions[name]))
            yield f"{name} {before} -> {', '.join(map(str, sorted(versions)))}"


def refuse_other_than_declared(spec: Spec, pylock: Pylock) -> None:
    """Refuse a version whose hashes stand in a requirements file that env.toml takes from, and of
    which the index has none. Raises `HashMismatch`.
    """
    files = [one for one in spec.inputs if b"--hash" in one.data]
    if files:
        from envsync.adopt.old_locks import read_old_lock  # noqa: PLC0415

        locks = [read_old_lock(one.path, one.data) for one in files]
        refuse_other_bytes(locks, pylock, remedy="if they are right, correct that file")


_REMEDY = "`envsync lock --upgrade` keeps nothing of it"


def refuse_other_bytes(
    locks: "Sequence[OldLock]", pylock: Pylock, *, remedy: str = _REMEDY
) -> None:
    """Refuse a version of which no file is one that the old lock knows (H10).

    Raises `HashMismatch`, with `remedy` in its hint.
    """
    for package in pylock.packages:
        now = {file.hashes["sha256"] for file in files_of(package) if "sha256" in file.hashes}
        for lock in locks:
            known = lock.hashes.get((package.name, package.version or Version("0")))
            if known and now and known.isdisjoint(now):
                raise HashMismatch(
                    f"{package.name} {package.version}",
                    f"sha256:{min(known)} or another one of {lock.file}",
                    f"sha256:{min(now)} on the index",
                    hint=f"the index has other files than {lock.file} says: find out why; {remedy}",
                )
