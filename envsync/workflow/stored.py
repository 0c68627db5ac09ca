"""Find the wheel of a pin in the store, whole and untouched."""

from envsync.errors import LockInvalid
from envsync.lock.pins import Pinned
from envsync.store.entries import StoreReader
from envsync.store.manifest import StoredWheel


def in_store(store: StoreReader, pin: Pinned) -> StoredWheel | None:
    """Give the stored wheel of a pin when it is there and as it was unpacked.

    One that was tampered with is set aside, to be made anew. Raises `LockInvalid` for a wheel of
    another project.
    """
    if not (pin.is_wheel and pin.sha256):
        return None
    wheel = store.get(pin.sha256)
    if wheel is not None and wheel.name != pin.name:
        raise LockInvalid("pylock.toml", f"{pin.filename} is {wheel.name}, not {pin.name}")
    if wheel is not None and not store.intact(wheel):
        store.set_aside(wheel)
        return None
    return wheel
