"""Find the wheels of pins in the store, whole and untouched."""

from collections.abc import Sequence
from typing import Literal

from envsync.errors import LockInvalid
from envsync.lock.pins import Pinned
from envsync.store.entries import StoreReader
from envsync.store.manifest import StoredWheel

Look = Literal["trust", "signature", "bytes"]
"""How closely stored files are looked at before they are used."""


def in_store(store: StoreReader, pin: Pinned, *, look: Look) -> StoredWheel | None:
    """Give the stored wheel of a pin when it is there and, if looked at, as it was unpacked.

    One that was tampered with is set aside, to be made anew. Raises `LockInvalid` for a wheel of
    another project.
    """
    if not (pin.is_wheel and pin.sha256):
        return None
    wheel = store.get(pin.sha256)
    if wheel is not None and wheel.name != pin.name:
        raise LockInvalid("pylock.toml", f"{pin.filename} is {wheel.name}, not {pin.name}")
    if wheel is not None and look != "trust" and store.damaged(wheel, hashed=look == "bytes"):
        store.set_aside(wheel)
        return None
    return wheel


def all_in_store(store: StoreReader, pins: Sequence[Pinned]) -> dict[str, StoredWheel] | None:
    """Give the stored wheels of all pins, by name; None when one is missing.

    Their files are not looked at: a new environment compares each with the manifest when it is
    linked (`sync.transaction.Tampered`).
    """
    stored: dict[str, StoredWheel] = {}
    for pin in pins:
        wheel = store.get(pin.sha256) if pin.is_wheel and pin.sha256 else None
        if wheel is None or wheel.name != pin.name:
            return None
        stored[pin.name] = wheel
    return stored
