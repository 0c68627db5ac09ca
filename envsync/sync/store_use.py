"""Tell the store which of its entries an environment uses, when that changes."""

from collections.abc import Collection, Mapping, Sequence

from envsync.environment.manifest import Owner
from envsync.errors import StorageFailed
from envsync.lock.pins import Pinned
from envsync.model.target import Target
from envsync.store import bytecode, entries
from envsync.store.bytecode import bytecode_label
from envsync.store.manifest import StoredWheel
from envsync.store.users import User, recall_user, register, users

Stored = Mapping[str, StoredWheel]


def register_user(
    cache_dir: str,
    place: tuple[str, str],
    pins: Sequence[Pinned],
    target: Target,
    packages: Mapping[str, Owner],
    new: tuple[Stored, Stored] | None,
) -> None:
    """Keep what the environment at a place (its root, and how files are linked) uses.

    `new` are the wheels, and compiled files, that were just taken from the store, by package
    name; what is kept from before is known from the last record, or else from the lock. Without
    anything new an environment that is known is left at that. A store that can't be written
    to is no error.
    """
    root, link_mode = place
    before = recall_user(cache_dir, root)
    if new is None and before is not None:
        return
    wheels, compiled = new or ({}, {})
    recorded = before.entries if before else {}
    label = bytecode_label(target)
    used: dict[str, tuple[str, ...]] = {}
    for pin in pins:
        if pin.name in wheels:
            wheel = wheels[pin.name].sha256
            used[pin.name] = _names(wheel, label if pin.name in compiled else "")
        elif pin.name in recorded:
            used[pin.name] = recorded[pin.name]
        elif pin.is_wheel and pin.sha256 and pin.name in packages:
            used[pin.name] = _names(pin.sha256, label if packages[pin.name].bytecode else "")
    try:
        register(cache_dir, User(root, link_mode, used, label))
    # Cleaning may take what it uses then, and a later sync gets it anew.
    except StorageFailed:
        return


def used_elsewhere(
    cache_dir: str, root: str, target: Target, wheels: Collection[str]
) -> Sequence[str]:
    """Give those of some wheels, by their sha256, that another environment than that at `root` uses
    with the same interpreter. Raises `OSError`.
    """
    label = bytecode_label(target)
    left = dict.fromkeys(wheels)
    found: list[str] = []
    for _, user in users(cache_dir) if label else ():
        if user is None or user.root == root or user.label != label:
            continue
        entries_there = {entry for names in user.entries.values() for entry in names}
        found += [one for one in left if f"{entries.BUCKET.name}/{one}" in entries_there]
        left = {one: None for one in left if one not in found}
        if not left:
            break
    return found


def _names(sha256: str, label: str) -> tuple[str, ...]:
    wheel = f"{entries.BUCKET.name}/{sha256}"
    return (wheel, f"{bytecode.BUCKET.name}/{sha256}-{label}") if label else (wheel,)
