"""One page: what `verify` compares, byte by byte; nothing is changed."""

import os
from functools import partial
from typing import NamedTuple

from packaging.pylock import Pylock

from envsync.environment.belief import read_manifest
from envsync.environment.key import UserKey
from envsync.environment.manifest import Manifest
from envsync.errors import EnvDiffers
from envsync.events import Reporter, Stage, during
from envsync.operations.desired import desired_on_disk
from envsync.project.env_toml import read_spec
from envsync.project.paths import Project
from envsync.project.request import LOCKED, SyncRequest
from envsync.settings import Settings
from envsync.store.bytecode import bytecode_label, bytecode_reader
from envsync.store.entries import StoreReader
from envsync.sync.check import REPAIR, check
from envsync.sync.contents import own_content, package_files, settled
from envsync.sync.desired import DesiredEnvironment
from envsync.sync.metadata_check import false_packages, false_wheels
from envsync.sync.store_lookup import WRONG_LOCK, in_store
from envsync.sync.wheel_files import SYMLINK

_BYTECODE = ".pyc"


class Verified(NamedTuple):
    """What a verification that found nothing has looked at."""

    root: str
    packages: int
    compared: int
    """Packages whose files were also compared with the wheel in the store."""
    files: int


def verify(
    project: Project, request: SyncRequest, settings: Settings, reporter: Reporter
) -> Verified:
    """Compare every byte of the environment with the manifest, and that with the store's wheels.

    Raises `EnvDiffers` with every difference, and as `status` does.
    """
    spec, _ = read_spec(project)
    trust = request.trust or LOCKED
    lock, desired = desired_on_disk(
        project, spec, request.selection, settings, reporter, trust=trust
    )
    with during(Stage.VERIFYING, reporter):
        return _verified(desired, lock.pylock, settings)


def _verified(desired: DesiredEnvironment, pylock: Pylock, settings: Settings) -> Verified:
    cache_dir, seal = settings.cache_dir, UserKey(settings).seal()
    false = partial(false_packages, cache_dir=cache_dir, reread=True)
    outcome = check(desired, seal, cache_dir, false, verify=True)
    name = os.path.basename(desired.root)
    manifest = read_manifest(desired.folder, seal)
    if manifest is None:
        raise EnvDiffers(name, ["! its manifest is gone"])
    lies = [f"! {line}" for line in false_wheels(pylock, cache_dir)]
    if lies:
        raise EnvDiffers(name, lies, hint=WRONG_LOCK)
    forged, compared = _compare_with_store(desired, manifest, cache_dir)
    if forged:
        lines = [f"! {path} is not what the wheel has" for path in forged]
        raise EnvDiffers(name, lines, hint=REPAIR)
    return Verified(desired.root, len(outcome.comparison.kept), compared, len(manifest.placed()))


def _compare_with_store(
    desired: DesiredEnvironment, manifest: Manifest, cache_dir: str
) -> tuple[tuple[str, ...], int]:
    """Paths that the manifest has otherwise than the wheel, and how many wheels were at hand.

    The manifest lies in the environment, where anybody who edits a file may edit it too.
    """
    store = StoreReader(cache_dir)
    compiled = bytecode_reader(cache_dir, bytecode_label(desired.target))
    owners = {owner.name: owner for owner in manifest.owners}
    wrong: list[str] = []
    expected = [own_content(desired)]
    unknown = {pin.name for pin in desired.pins}
    for pin in desired.pins:
        wheel = in_store(store, pin, depth="trust")
        if wheel is None:
            continue
        is_linked = desired.link_mode == SYMLINK
        if damaged := store.damaged(wheel, hashed=is_linked):
            # Such a wheel says nothing; it matters where its files are the environment's.
            wrong += (f"{wheel.tree}/{path}" for path in damaged if is_linked)
            continue
        bytecode = compiled.get(wheel.sha256) if owners[pin.name].bytecode else None
        expected.append(package_files(desired, pin, wheel, bytecode))
        unknown.remove(pin.name)
    # Whose file stands where one of several is unknown can't be said.
    beside = {file.path for name in unknown for file in owners[name].files}
    for owner in (content.owner for content in settled(desired, expected).contents):
        wanted = {file.path: file for file in owner.files if file.path not in beside}
        placed = {file.path: file for file in owners[owner.name].files}
        wrong += [path for path, file in wanted.items() if placed.get(path) != file]
        extra = placed.keys() - wanted.keys() - beside
        wrong += [path for path in extra if not path.endswith(_BYTECODE)]
    return tuple(sorted(wrong)), len(expected) - 1
