"""Find the wheel of a pin in the store, whole and untouched."""

from envsync.lock.pins import Pinned
from envsync.store.entries import StoreReader
from envsync.store.manifest import StoredWheel


def in_store(store: StoreReader, pin: Pinned) -> StoredWheel | None:
    """Give the stored wheel of a pin when it is there and as it was unpacked.

    One that was tampered with is set aside, to be made anew.
    """
    if not (pin.is_wheel and pin.sha256):
        return None
    wheel = store.get(pin.sha256)
    if wheel is not None and not store.intact(wheel):
        store.set_aside(wheel)
        return None
    return wheel
