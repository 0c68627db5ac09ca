"""Look pins up in the store: their wheels, whole and untouched."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from envsync.errors import WheelInvalid
from envsync.lock.pins import Pinned
from envsync.store.entries import StoreReader
from envsync.store.manifest import StoredWheel, refuse_record

WRONG_LOCK = "the lock is wrong: delete it, and `envsync lock` writes it anew from env.toml"

CheckDepth = Literal["trust", "signature", "bytes"]
"""How closely stored files are checked before they are used: not at all, by times, by bytes."""

Fetch = Callable[[Sequence[Pinned], CheckDepth], Mapping[str, StoredWheel]]
"""Gives the stored wheels of pins, by package name; makes anew those that show to have been
tampered with."""


def in_store(store: StoreReader, pin: Pinned, *, depth: CheckDepth) -> StoredWheel | None:
    """Give the stored wheel of a pin when it is there and, if looked at, as it was unpacked.

    One that was tampered with is set aside, to be made anew. Raises `WheelInvalid` for the wheel of
    another project or version, or one whose RECORD is wrong, as reading it for the first time does.
    """
    if not (pin.is_wheel and pin.sha256):
        return None
    wheel = store.get(pin.sha256)
    # Identity before damage: a lock that is wrong says the same with a warm store as with a cold
    # one, where the wheel is read (H25).
    if wheel is not None and (other := other_than(pin, wheel)):
        raise WheelInvalid(
            pin.filename,
            f"what has the sha256 that the lock gives it is {other}, not {pin.name} {pin.version}",
            hint=WRONG_LOCK,
        )
    if wheel is not None:
        refuse_record(wheel, pin.filename, trust_record=pin.trust_record)
    if wheel is not None and depth != "trust" and store.damaged(wheel, hashed=depth == "bytes"):
        store.set_aside(wheel)
        return None
    return wheel


def all_in_store(
    store: StoreReader, pins: Sequence[Pinned], depth: CheckDepth
) -> dict[str, StoredWheel] | None:
    """Give the stored wheels of all pins, by name; None when one is missing, or damaged.

    With "trust" their files are not looked at: a new environment compares each with the manifest
    when it is linked (`environment.placing.Tampered`).
    """
    stored: dict[str, StoredWheel] = {}
    for pin in pins:
        wheel = store.get(pin.sha256) if pin.is_wheel and pin.sha256 else None
        # No error here: what is odd goes the long way, which says what is wrong with it.
        if wheel is None or other_than(pin, wheel) or wheel.trusted_record > pin.trust_record:
            return None
        if depth != "trust" and store.damaged(wheel, hashed=depth == "bytes"):
            return None
        stored[pin.name] = wheel
    return stored


def other_than(pin: Pinned, wheel: StoredWheel) -> str:
    """Say what a stored wheel is, where that isn't what its pin says (hazard H25); else "".

    A hash alone is no identity: a lock may give one version another's.
    """
    if wheel.name == pin.name and (not pin.version or _is_same(pin.version, wheel.version)):
        return ""
    return f"{wheel.name} {wheel.version}"


def _is_same(one: str, other: str) -> bool:
    if one == other:
        return True
    # Nearly all are spelled alike.
    from packaging.version import Version  # noqa: PLC0415

    from envsync.model.local_version import is_same_release  # noqa: PLC0415

    return is_same_release(Version(one), Version(other))
