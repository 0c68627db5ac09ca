"""The contents of an environment: its own files, and those of stored wheels, compiled ones too."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from envsync.environment.manifest import Manifest
from envsync.environment.placing import Tampered
from envsync.events import Reporter
from envsync.lock.pins import Pinned
from envsync.store.manifest import StoredWheel
from envsync.sync.bytecode import bytecode_of
from envsync.sync.contested import Settled, settle, sharing
from envsync.sync.desired import DesiredEnvironment
from envsync.sync.identity import direct_url, identity_in
from envsync.sync.keep import as_copies, kept_by
from envsync.sync.observe import packages_of
from envsync.sync.store_lookup import CheckDepth, Fetch
from envsync.sync.wheel_files import (
    SYMLINK,
    Content,
    as_links,
    environment_content,
    package_content,
)
from envsync.venv.create import EnvFile, environment_files


def own_files(desired: DesiredEnvironment) -> tuple[EnvFile, ...]:
    """Give what the environment has of its own, folders too."""
    return environment_files(
        desired.target,
        root=desired.root,
        prompt=desired.prompt,
        system_site_packages=desired.system_site_packages,
    )


def own_content(desired: DesiredEnvironment) -> Content:
    """What the environment holds beside packages."""
    return environment_content(own_files(desired))


def package_files(
    desired: DesiredEnvironment,
    pin: Pinned,
    wheel: StoredWheel,
    bytecode: StoredWheel | None = None,
) -> Content:
    """What a stored wheel, and its compiled files, put into the environment."""
    content = package_content(
        wheel,
        desired.target,
        root=desired.root,
        identity="",
        direct_url=direct_url(pin, desired.base),
        bytecode=bytecode,
    )
    # As the lock spells the version: what is kept is compared without reading versions.
    content = content._replace(
        owner=content.owner._replace(
            version=pin.version or content.owner.version,
            identity=identity_in(desired, pin, content.owner.files),
            facts=wheel.facts,
            bytecode=bytecode is not None,
        )
    )
    if desired.keep:
        content = as_copies(content, kept_by(desired))
    return content


def settled(desired: DesiredEnvironment, contents: Sequence[Content]) -> Settled:
    """Say whose file stands at each path, and link to those where links are desired.

    Whether files are equal is asked of the files: two links into the store always differ. Raises as
    `settle` does.
    """
    result = settle(contents, desired.winners, desired.target.purelib)
    if desired.link_mode == SYMLINK:
        result = result._replace(contents=as_links(result.contents))
    return result


class StoredSources(NamedTuple):
    """What of the store a sync links to, by package name."""

    wheels: Mapping[str, StoredWheel]
    bytecode: Mapping[str, StoredWheel]

    def all(self) -> list[StoredWheel]:
        """Every entry."""
        return [*self.wheels.values(), *self.bytecode.values()]

    def uncompiled(self) -> tuple[str, ...]:
        """The wheels without compiled files, by their sha256."""
        return tuple(it.sha256 for name, it in self.wheels.items() if name not in self.bytecode)


def fetch_contents(
    desired: DesiredEnvironment,
    manifest: Manifest | None,
    fetch: Fetch,
    needed: Sequence[Pinned],
    reporter: Reporter,
    *,
    depth: CheckDepth,
    cache_dir: str | None,
) -> tuple[StoredSources, tuple[Content, ...]]:
    """Give what is needed from the store, and the files of it; with those of kept packages that
    have a path in common with them.
    """
    stored = StoredSources(fetch(needed, depth), {})
    if cache_dir is not None:
        make = _to_compile(desired, manifest, needed)
        wheels = stored.wheels
        bytecode = bytecode_of(
            wheels, desired.target, cache_dir, make=make, depth=depth, reporter=reporter
        )
        stored = stored._replace(bytecode=bytecode)
    contents = tuple(_package_contents(desired, stored, needed))
    fresh = {pin.name for pin in needed}
    kept = [owner for owner in packages_of(manifest).values() if owner.name not in fresh]
    beside = sharing(kept, [content.owner for content in contents])
    more = [pin for pin in desired.pins if pin.name in beside]
    if not more:
        return stored, contents
    # Once more with those, which may have paths in common with others; what is needed only grows.
    return fetch_contents(
        desired, manifest, fetch, [*needed, *more], reporter, depth=depth, cache_dir=cache_dir
    )


def _to_compile(
    desired: DesiredEnvironment, manifest: Manifest | None, needed: Sequence[Pinned]
) -> Collection[str]:
    """Give the packages whose compiled files are wanted, or in place and to be repaired."""
    if desired.compile_bytecode:
        return {pin.name for pin in needed}
    owners = {pin.name: packages_of(manifest).get(pin.name) for pin in needed}
    return {
        pin.name
        for pin in needed
        if (owner := owners[pin.name]) is not None
        and owner.bytecode
        and owner.identity == identity_in(desired, pin, owner.files)
    }


def _package_contents(
    desired: DesiredEnvironment, stored: StoredSources, needed: Sequence[Pinned]
) -> Iterator[Content]:
    """Give the files of packages. Raises `Tampered` when a stored one isn't as it was unpacked."""
    try:
        for pin in needed:
            bytecode = stored.bytecode.get(pin.name)
            yield package_files(desired, pin, stored.wheels[pin.name], bytecode)
    except FileNotFoundError as error:  # a script that is to be written anew
        raise Tampered(str(error.filename)) from error
