"""Check metadata: compare what wheels say with what was locked of them, before they are installed.

A lock is made from what indexes say of wheels, and a sync is the first to read the wheels
themselves. Where the very file that spoke is installed, its metadata must be what was locked;
where another file is, it must fit. What turns out to be a lie is forgotten.
"""

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from envsync.environment.manifest import Owner
from envsync.environment.placing import Tampered
from envsync.errors import MetadataDiffers
from envsync.lock.pins import Pinned
from envsync.platform.files import read_limited, storage_errors
from envsync.store.entries import StoreReader
from envsync.store.manifest import StoredWheel
from envsync.sync.desired import DesiredEnvironment
from envsync.sync.store_lookup import CheckDepth, Fetch, other_than

if TYPE_CHECKING:
    from packaging.pylock import Pylock

    from envsync.lock.agreement import Unmet
    from envsync.model.candidate import CoreMetadata

_LIMIT = 16 << 20
_SHOWN = 8


def comparing(desired: DesiredEnvironment, fetch: Fetch, cache_dir: str | None) -> Fetch:
    """Give what fetches stored wheels and compares them with the pins.

    It raises `MetadataDiffers`, and `Tampered` where the store's copy of METADATA is damaged.
    """

    def fetch_and_compare(pins: Sequence[Pinned], depth: CheckDepth) -> Mapping[str, StoredWheel]:
        wheels = fetch(pins, depth)
        _compare_wheels(desired, wheels, cache_dir)
        return wheels

    return fetch_and_compare


def _compare_wheels(
    desired: DesiredEnvironment, wheels: Mapping[str, StoredWheel], cache_dir: str | None
) -> None:
    for pin in desired.pins:
        wheel = wheels.get(pin.name)
        if wheel is not None and not is_as_locked(pin, wheel):
            _compare(desired, pin, read_metadata(wheel), cache_dir, is_proven=True)


def is_as_locked(pin: Pinned, wheel: StoredWheel) -> bool:
    """Say at once that a wheel says what was locked; False: it has to be read."""
    if pin.facts:
        return pin.facts == wheel.facts
    return not pin.requires_python or pin.requires_python == wheel.requires_python


def compare_kept(
    desired: DesiredEnvironment,
    packages: Mapping[str, Owner],
    kept: Collection[str],
    cache_dir: str | None,
) -> None:
    """Compare what stays in an environment with the pins: the lock may have changed.

    `packages` are what is there by its manifest, `kept` the names of those whose files are as they
    were placed. Raises `MetadataDiffers`.
    """
    for pin in desired.pins:
        if pin.name in kept and pin.facts not in ("", packages[pin.name].facts):
            metadata, is_proven = _metadata_in_place(desired.root, packages[pin.name])
            _compare(desired, pin, metadata, cache_dir, is_proven=is_proven)


def false_packages(
    desired: DesiredEnvironment,
    packages: Mapping[str, Owner],
    cache_dir: str,
    *,
    reread: bool = False,
) -> Iterator[str]:
    """Say of which packages that are in place the lock says otherwise; nothing is forgotten.

    `packages` are what is there by its manifest; with `reread` what that knows of their metadata
    isn't enough.
    """
    for pin in desired.pins:
        owner = packages.get(pin.name)
        if owner is None or not (reread or pin.facts not in ("", owner.facts)):
            continue
        metadata, _ = _metadata_in_place(desired.root, owner)
        differences = differences_of(desired, pin, metadata, cache_dir)
        if differences is not None:
            error = _refusal(pin, differences)
            yield "; ".join((error.message, *error.lines))


def false_wheels(pylock: "Pylock", cache_dir: str) -> Iterator[str]:
    """Say of which stored wheels a lock says otherwise, for other environments as well."""
    store = StoreReader(cache_dir)
    for pin in _wheels(pylock):
        wheel = store.get(pin.sha256)
        if wheel is None:
            continue
        if other := other_than(pin, wheel):
            yield f"{pin.filename} is {other} in the store, not {pin.name} {pin.version}"
        elif pin.facts and pin.speaker == pin.filename and pin.facts != _facts_in(wheel):
            yield f"{pin.filename} in the store does not say what was locked from it"


def _wheels(pylock: "Pylock") -> Iterator[Pinned]:
    """Every wheel of a lock that has a sha256, as the pin that it would be."""
    from envsync.lock.select import pins_of_wheels  # noqa: PLC0415

    return (pin for package in pylock.packages for pin in pins_of_wheels(package) if pin.sha256)


def _facts_in(wheel: StoredWheel) -> str:
    """The digest of a stored wheel's METADATA as it is now; "" where that is damaged."""
    from envsync.wheel.facts import facts_digest  # noqa: PLC0415

    try:
        return facts_digest(read_metadata(wheel))
    except Tampered:
        return ""


def read_metadata(wheel: StoredWheel) -> "CoreMetadata":
    """Read METADATA of a stored wheel. Raises `Tampered` when it isn't as it was unpacked."""
    path = f"{wheel.dist_info}/METADATA"
    placed = next((file for file in wheel.files if file.path == path), None)
    try:
        data = read_limited(f"{wheel.tree}/{path}", _LIMIT)
    except (OSError, ValueError) as error:
        raise Tampered(f"{wheel.tree}/{path}") from error
    if placed is None or hashlib.sha256(data).hexdigest() != placed.sha256:
        raise Tampered(f"{wheel.tree}/{path}")
    return _parsed(data)


def _metadata_in_place(root: str, owner: Owner) -> tuple["CoreMetadata", bool]:
    """Read METADATA of a package in an environment, the file of its own, not of one it bundles.

    Says as well whether its bytes are those that were placed, as they were in the wheel.
    """
    # A package may bundle the metadata of others below its own folders: the outermost is its own.
    files = [file for file in owner.files if file.path.endswith(".dist-info/METADATA")]
    placed = min(files, key=lambda file: file.path.count("/"))
    path = os.path.join(root, placed.path)
    with storage_errors(path):
        data = read_limited(path, _LIMIT)
    return _parsed(data), hashlib.sha256(data).hexdigest() == placed.content


def _parsed(data: bytes) -> "CoreMetadata":
    # What is as it was locked, nearly all there is, need not be read.
    from envsync.wheel.metadata import parse_metadata  # noqa: PLC0415

    return parse_metadata(data, file="METADATA")


def _compare(
    desired: DesiredEnvironment,
    pin: Pinned,
    metadata: "CoreMetadata",
    cache_dir: str | None,
    *,
    is_proven: bool,
) -> None:
    """Compare the metadata of a package that is or will be installed with what was locked.

    `is_proven`: it was read out of the very bytes of the wheel.
    """
    differences = differences_of(desired, pin, metadata, cache_dir)
    if differences is None:
        return
    if cache_dir is not None:
        from envsync.catalog.memory import believe_bytes  # noqa: PLC0415

        # Forgotten before it is refused: the next `lock` asks the index again, instead of believing
        # the same lie from the cache (H97).
        said = {name for name in (pin.speaker, pin.filename) if name}
        # The hash of a lock stands for the wheel; what was built, or was edited in place, proves
        # nothing about other projects (H97).
        sha256 = pin.sha256 if is_proven and pin.is_wheel else ""
        believe_bytes(cache_dir, sha256, metadata, sorted(said))
        if pin.kind == "directory":
            from envsync.project.outside import absolute  # noqa: PLC0415  (few have one)
            from envsync.project.refuted import refute  # noqa: PLC0415

            folder = os.path.join(absolute(desired.base, pin.path or "."), pin.subdirectory or "")
            refute(cache_dir, folder, pin.facts)
    raise _refusal(pin, differences)


class Differences(NamedTuple):
    """What a lock and a wheel say otherwise, as lines; and the packages that the lock lacks."""

    locked: Sequence[str]
    said: Sequence[str]
    lacking: Sequence[str] | None = None
    """None: the file itself had spoken."""


def differences_of(
    desired: DesiredEnvironment, pin: Pinned, metadata: "CoreMetadata", cache_dir: str | None
) -> Differences | None:
    """Say how metadata differs from what was locked of it; None where it doesn't, or fits."""
    from packaging.requirements import Requirement  # noqa: PLC0415

    from envsync.lock.agreement import Terms, python_differs, unmet  # noqa: PLC0415
    from envsync.wheel.facts import facts_digest  # noqa: PLC0415

    terms = Terms([Requirement(text) for text in desired.overrides], desired.any_python)
    if not pin.facts:
        return _unfit(python_differs(metadata, pin, terms))
    if facts_digest(metadata) == pin.facts:
        return None
    if pin.is_wheel and pin.speaker == pin.filename:
        return _otherwise(pin, metadata, cache_dir)
    return _unfit(unmet(metadata, pin, desired.pins, desired.target, terms))


def _unfit(problems: Sequence["Unmet"]) -> Differences | None:
    if not problems:
        return None
    return Differences(
        [one.locked for one in problems],
        [one.wanted for one in problems],
        [one.name for one in problems if one.name],
    )


def _otherwise(pin: Pinned, metadata: "CoreMetadata", cache_dir: str | None) -> Differences:
    from envsync.catalog.memory import MetadataMemory  # noqa: PLC0415
    from envsync.wheel.facts import facts_of  # noqa: PLC0415

    said = list(facts_of(metadata))
    remembered = MetadataMemory(cache_dir).locked(pin.facts) if cache_dir is not None else None
    if remembered is None:  # it was locked elsewhere
        return Differences([f"metadata with the digest sha256:{pin.facts}"], said)
    before = list(facts_of(remembered))
    return Differences(
        [line for line in before if line not in said] or ["nothing of this"],
        [line for line in said if line not in before] or ["nothing of this"],
    )


def _refusal(pin: Pinned, differences: Differences) -> MetadataDiffers:
    hint = None
    if pin.kind == "directory":
        hint = "`envsync lock` locks what the folder says now"
    elif differences.lacking:
        speaks = (
            "spoke for this version when it was locked" if pin.is_wheel else "promised otherwise"
        )
        hint = (
            f"{pin.speaker or 'what it is built from'} {speaks}; "
            f"`envsync add {differences.lacking[0]}` locks what this one needs as well"
        )
    return MetadataDiffers(
        f"{pin.name} {pin.version or ''}".strip(),
        pin.filename
        if pin.is_wheel
        else f"what is built from {pin.filename or pin.path or pin.url}",
        _shown(differences.locked),
        _shown(differences.said),
        hint=hint,
    )


def _shown(lines: Sequence[str]) -> list[str]:
    """Foreign text for a message: printable, and not without end (H92)."""
    shown = [line if line.isprintable() else ascii(line)[1:-1] for line in lines[:_SHOWN]]
    more = len(lines) - len(shown)
    return [*(line[:200] for line in shown), *([f"... and {more} more"] if more else [])]
