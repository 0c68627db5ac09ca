"""Read every byte of the store, and set aside what is damaged."""

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

from envsync.cache.bucket import Bucket
from envsync.cache.folder import check_ours
from envsync.cache.inventory import Item, items
from envsync.events import Reporter, Stage, during
from envsync.git import clones
from envsync.operations.cache import BUCKETS
from envsync.platform.files import sha256_file, storage_errors
from envsync.store import built, bytecode, entries
from envsync.store.entries import StoreReader
from envsync.store.manifest import StoredWheel
from envsync.store.users import User, present, users
from envsync.wheel.record import parse_record


class Damage(NamedTuple):
    """An entry of the store that is not what it was made as."""

    name: str
    """BUCKET/KEY."""
    package: str
    """Name and version, where the entry still tells."""
    problems: tuple[str, ...]
    used_by: tuple[str, ...]
    """Environments that hold links or copies of it."""


class Checked(NamedTuple):
    """What a verification looked at and found."""

    entries: int
    files: int
    damaged: tuple[Damage, ...]


def verify(cache_dir: str, reporter: Reporter) -> Checked:
    """Compare every byte of every entry with its manifest, and that with the wheel's own RECORD.

    What is damaged is set aside, to be made anew when it is needed. Raises `UsageError` for a
    folder that isn't a cache of envsync's, `StorageFailed`.
    """
    if not check_ours(cache_dir, BUCKETS):
        return Checked(0, 0, ())
    with storage_errors(cache_dir):
        stored = [
            item
            for item in items(cache_dir, BUCKETS)
            if item.kind == "entry" and item.bucket in CHECKS
        ]
        there = present(users(cache_dir))
        damaged: list[Damage] = []
        files = 0
        with during(Stage.VERIFYING, reporter, len(stored)):
            for item in stored:
                count, damage = _verify_entry(item, cache_dir, there)
                files += count
                damaged += [damage] if damage else []
                reporter.advance(Stage.VERIFYING, 1, damage.package if damage else item.name)
    return Checked(len(stored), files, tuple(damaged))


def _verify_entry(item: Item, cache_dir: str, there: Sequence[User]) -> tuple[int, Damage | None]:
    """Look at one entry; one that is damaged is set aside."""
    try:
        package, count, problems = CHECKS[item.bucket](item, cache_dir)
    except FileNotFoundError:  # it was deleted or replaced meanwhile
        return 0, None
    if not problems:
        return count, None
    StoreReader(cache_dir, item.bucket).set_entry_aside(item.path)
    used_by = tuple(
        user.root for user in there if any(item.name in names for names in user.entries.values())
    )
    return count, Damage(item.name, package, tuple(problems), used_by)


def _check_wheel(item: Item, cache_dir: str) -> tuple[str, int, list[str]]:
    """Compare the files of an entry with its manifest; give package, number, and what is wrong."""
    sha256, _, label = item.path.rpartition("/")[2].partition("-")
    reader = StoreReader(cache_dir, item.bucket, label)
    try:
        with open(f"{item.path}/manifest", "rb") as file:
            data = file.read()
    except FileNotFoundError:
        if not os.path.isdir(item.path):
            raise
        return "", 0, ["it has no manifest"]
    try:
        wheel, _ = reader.parse(data, sha256)
    except ValueError as error:
        return "", 0, [f"its manifest is damaged: {error}"]
    package = f"{wheel.name} {wheel.version}"
    problems = [f"{path} is damaged" for path in reader.damaged(wheel, hashed=True)]
    problems += [f"{path} does not belong to it" for path in _strangers(wheel)]
    if not problems and item.bucket == entries.BUCKET and not wheel.trusted_record:
        problems += [f"{path} is not what RECORD says" for path in _against_record(wheel)]
    return package, len(wheel.files), problems


def _strangers(wheel: StoredWheel) -> list[str]:
    """Give the paths in an entry's tree that are not in its manifest."""
    known = {file.path for file in wheel.files} | set(wheel.folders)
    strangers = []
    for folder, folders, names in os.walk(wheel.tree):
        below = folder[len(wheel.tree) + 1 :]
        paths = (f"{below}/{name}" if below else name for name in (*folders, *names))
        strangers += [path for path in paths if path not in known]
    return sorted(strangers)


def _against_record(wheel: StoredWheel) -> list[str]:
    """Give the files whose hash in the manifest is another than in the wheel's own RECORD."""
    with open(f"{wheel.tree}/{wheel.dist_info}/RECORD", "rb") as file:
        rows = {row.path: row.sha256 for row in parse_record(file.read(), file=wheel.name)}
    return [file.path for file in wheel.files if rows.get(file.path) not in (None, "", file.sha256)]


def _check_built(item: Item, _: str) -> tuple[str, int, list[str]]:
    wheel = built.read_built(item.path)
    if wheel is None:
        return "", 0, ["its manifest is damaged"]
    try:
        is_whole = sha256_file(wheel.path) == wheel.sha256
    except FileNotFoundError:
        is_whole = False
    problems = [] if is_whole else [f"{wheel.filename} is damaged"]
    return " ".join(wheel.filename.split("-")[:2]), 1, problems


def _check_clone(item: Item, _: str) -> tuple[str, int, list[str]]:
    count, problems = clones.damage(item.path)
    return clones.url_in(item.path), count, problems


CHECKS: dict[Bucket, Callable[[Item, str], tuple[str, int, list[str]]]] = {
    entries.BUCKET: _check_wheel,
    bytecode.BUCKET: _check_wheel,
    built.BUCKET: _check_built,
    clones.BUCKET: _check_clone,
}
