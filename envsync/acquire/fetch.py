"""Bring pins into the store: what is there and whole, is used; the rest is downloaded or built."""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import Version

from envsync.cache.scratch import scratch_in
from envsync.errors import EnvsyncError
from envsync.events import Reporter, Stage, during
from envsync.index.artifacts import DOWNLOADS
from envsync.index.client import IndexClient, Listing
from envsync.lock.pins import Pinned
from envsync.model.file_urls import file_url
from envsync.model.local_version import local_notice
from envsync.platform.files import sha256_file
from envsync.store.manifest import StoredWheel
from envsync.store.wheels import WheelStore
from envsync.sync.store_lookup import CheckDepth, in_store

_UNPACKERS = 2
_TRIES = 4


def listing_of(pin: Pinned) -> Listing:
    """Give the page on which the lock found a pin's file."""
    return Listing(pin.index_url, canonicalize_name(pin.name))


def address_of(pin: Pinned) -> str | None:
    """Give where a pin's file is got from by the index client; None for a file of the project."""
    return file_url(pin.path or "") if pin.is_elsewhere else pin.url


class Source(NamedTuple):
    """What can make a wheel that isn't in the store."""

    client: Callable[[], IndexClient]
    """Gives the index client; called only when something must be downloaded."""
    local: Callable[[Pinned, str], str]
    """Copies a file of the project into a folder, compared with the lock; gives the copy's path."""
    leave: Callable[[Pinned], None]
    """Raises `BuildNotAllowed` for a pin that may not be built."""
    build: Callable[[Pinned], tuple[str, str]]
    """Builds a wheel of a pin that isn't one; gives its path and sha256. Called from threads."""
    stop: Callable[[], None] = lambda: None
    """Ends the builds that run, and lets none begin."""


def fetch(
    pins: Sequence[Pinned],
    store: WheelStore,
    source: Source,
    *,
    cache_dir: str,
    reporter: Reporter,
    depth: CheckDepth = "trust",
) -> dict[str, StoredWheel]:
    """Give the stored wheel of every pin, by package name.

    Wheels are downloaded and unpacked side by side. A stored wheel that shows to have been tampered
    with is set aside and made anew. Raises what downloading, reading and building raise:
    `BuildNotAllowed` before anything else, `DownloadFailed`, `HashMismatch`, `PathRefused`,
    `WheelInvalid`, `BuildFailed`, `StorageFailed` and their like;
    then what has arrived stays in the store, and nothing else has changed.
    """
    stored, absent = _in_store(pins, store, depth)
    reporter.detail(f"{len(stored)} wheels from the store, {len(absent)} to download or build")
    for attempt in range(_TRIES):
        if not absent:
            break
        with scratch_in(DOWNLOADS, cache_dir, "fetch-") as folder:
            try:
                return stored | _Fetching(store, source, folder, reporter).all(absent)
            except (EnvsyncError, OSError) as error:
                # Whoever cleans the cache takes the folder away under running downloads (H58): any
                # error may come of that, and only the missing folder tells.
                if attempt == _TRIES - 1 or not _is_deleted(folder, error):
                    raise
        reporter.detail("the cache was deleted meanwhile: starting again")
        present, absent = _in_store(absent, store, depth)
        stored |= present
    return stored


def _is_deleted(folder: str, error: BaseException) -> bool:
    """Say whether somebody deletes the folder in which an error arose.

    What is in a folder goes before it does, so that a file of ours that is missing tells it first.
    """
    reasons = [error]
    while (reason := reasons[-1].__cause__ or reasons[-1].__context__) is not None:
        reasons.append(reason)
    return not os.path.isdir(folder) or any(
        isinstance(reason, FileNotFoundError) and f"{reason.filename}".startswith(f"{folder}/")
        for reason in reasons
    )


def _in_store(
    pins: Sequence[Pinned], store: WheelStore, depth: CheckDepth
) -> tuple[dict[str, StoredWheel], list[Pinned]]:
    """Part pins into those in the store and those that are not."""
    stored: dict[str, StoredWheel] = {}
    absent: list[Pinned] = []
    for pin in pins:
        wheel = in_store(store, pin, depth=depth)
        if wheel is None:
            absent.append(pin)
        else:
            stored[pin.name] = wheel
    return stored, absent


class _Fetching:
    """One run of downloads, builds and unpacking."""

    def __init__(self, store: WheelStore, source: Source, folder: str, reporter: Reporter) -> None:
        self._store, self._source, self._folder = store, source, folder
        self._reporter = reporter

    def all(self, pins: Iterable[Pinned]) -> dict[str, StoredWheel]:
        """Fetch every pin; the first failure ends it, once what is running has ended."""
        wheels = [pin for pin in pins if pin.is_wheel]
        others = [pin for pin in pins if not pin.is_wheel]
        for pin in others:
            # Of all of them before the first download: nothing is fetched for a command that must
            # fail.
            self._source.leave(pin)
        # Builds come last: what can fail by itself has arrived by then, and stays in the store.
        stored = self._download(wheels) if wheels else {}
        return stored | self._build_all(others) if others else stored

    def _build_all(self, pins: Sequence[Pinned]) -> dict[str, StoredWheel]:
        """Build side by side, as many as there are processors; the first failure ends the rest."""
        with during(Stage.BUILDING, self._reporter, len(pins)):
            if len(pins) == 1:
                return {pin.name: self._build(pin) for pin in pins}
            pool = ThreadPoolExecutor(min(len(pins), os.cpu_count() or 1))
            try:
                coming = {pool.submit(self._build, pin): pin.name for pin in pins}
                return {coming[future]: future.result() for future in as_completed(coming)}
            except BaseException:
                self._source.stop()
                raise
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _build(self, pin: Pinned) -> StoredWheel:
        self._reporter.advance(Stage.BUILDING, 0, pin.name)
        path, sha256 = self._source.build(pin)
        entry = self._store.get(sha256)
        # Adding gives an entry that is there as it is, and this one may be the damaged one that the
        # build is to replace (H53).
        if entry is not None and not self._store.intact(entry):
            self._store.set_aside(entry)
        wheel = self._add(pin, path, sha256, os.path.basename(path))
        self._reporter.advance(Stage.BUILDING, 1, pin.name)
        return wheel

    def _download(self, wheels: Sequence[Pinned]) -> dict[str, StoredWheel]:
        total = sum(pin.size or 0 for pin in wheels if pin.url is not None)
        if any(pin.url is not None for pin in wheels):
            self._reporter.begin(Stage.DOWNLOADING, total or None)
        self._reporter.begin(Stage.UNPACKING, len(wheels))
        # Large ones first: their unpacking is what everything else waits for.
        order = sorted(wheels, key=lambda pin: -(pin.size or 0))
        pool = ThreadPoolExecutor(_UNPACKERS)
        try:
            unpacked: dict[Future[StoredWheel], Pinned] = {}
            for pin in order:
                if address_of(pin) is None:
                    path = self._source.local(pin, self._folder)
                    unpacked[pool.submit(self._unpack, pin, path)] = pin
            places = [(pin, address_of(pin)) for pin in order]
            arriving = {self._arrive(pin, url): pin for pin, url in places if url is not None}
            for future in as_completed(arriving):
                pin = arriving[future]
                unpacked[pool.submit(self._unpack, pin, future.result())] = pin
            self._reporter.end(Stage.DOWNLOADING)  # what is left to do is no download
            return {pin.name: future.result() for future, pin in unpacked.items()}
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            self._reporter.end(Stage.DOWNLOADING)
            self._reporter.end(Stage.UNPACKING)

    def _arrive(self, pin: Pinned, url: str) -> "Future[str]":
        return self._source.client().download(
            url,
            pin.hashes,
            pin.size,
            directory=self._folder,
            filename=pin.filename,
            listing=listing_of(pin),
        )

    def _unpack(self, pin: Pinned, path: str) -> StoredWheel:
        self._reporter.advance(Stage.UNPACKING, 0, pin.filename)
        sha256 = pin.sha256 or sha256_file(path)
        wheel = self._add(pin, path, sha256, pin.filename)
        # At once: on a small disk there is no room for all wheels and what is in them.
        os.unlink(path)
        if pin.version and Version(pin.version) != Version(wheel.version):
            # A lock of our own was reported with it.
            say = self._reporter.detail if pin.facts else self._reporter.warn
            say(local_notice(pin.name, pin.version, wheel.version))
        self._reporter.advance(Stage.UNPACKING, 1, pin.filename)
        return wheel

    def _add(self, pin: Pinned, path: str, sha256: str, filename: str) -> StoredWheel:
        version = Version(pin.version) if pin.version else None
        return self._store.add(
            path,
            sha256=sha256,
            filename=filename,
            name=pin.name,
            version=version,
            trust_record=pin.trust_record,
        )
