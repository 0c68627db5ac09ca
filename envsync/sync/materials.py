"""What an environment is made from: stored wheels, their compiled files, and the files of both."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from envsync.environment.manifest import Manifest
from envsync.environment.placing import Tampered
from envsync.events import Reporter
from envsync.lock.pins import Pinned
from envsync.store.manifest import StoredWheel
from envsync.sync.bytecode import MARK, bytecode_of
from envsync.sync.identity import direct_url
from envsync.sync.install import SYMLINK, Content, as_links, environment_content, package_content
from envsync.sync.keep import as_copies
from envsync.sync.observe import Goal, identity_in, kept_by, packages_of
from envsync.sync.shared import Settled, settle, sharing
from envsync.sync.stored import Fetch, Look
from envsync.venv.create import EnvFile, environment_files


def own_files(goal: Goal) -> tuple[EnvFile, ...]:
    """Give what the environment has of its own, folders too."""
    return environment_files(
        goal.target,
        root=goal.root,
        prompt=goal.prompt,
        system_site_packages=goal.system_site_packages,
    )


def own_content(goal: Goal) -> Content:
    """What the environment holds beside packages."""
    return environment_content(own_files(goal))


def package_files(
    goal: Goal, pin: Pinned, wheel: StoredWheel, bytecode: StoredWheel | None = None
) -> Content:
    """What a stored wheel, and its compiled files, put into the environment."""
    content = package_content(
        wheel,
        goal.target,
        root=goal.root,
        identity="",
        direct_url=direct_url(pin, goal.base),
        bytecode=bytecode,
    )
    # As the lock spells the version: what is kept is compared without reading versions.
    mark = MARK if bytecode is not None else ""
    content = content._replace(
        owner=content.owner._replace(
            version=pin.version or content.owner.version,
            identity=identity_in(goal, pin, content.owner.files) + mark,
            facts=wheel.facts,
        )
    )
    if goal.keep:
        content = as_copies(content, kept_by(goal))
    return content


def settled(goal: Goal, contents: Sequence[Content]) -> Settled:
    """Say whose file stands at each path, and link to those where the goal is to have links.

    Whether files are equal is asked of the files: two links into the store always differ. Raises as
    `settle` does.
    """
    found = settle(contents, goal.winners, goal.target.purelib)
    if goal.link_mode == SYMLINK:
        found = found._replace(contents=as_links(found.contents))
    return found


class Supplies(NamedTuple):
    """What of the store a sync links, by package name."""

    wheels: Mapping[str, StoredWheel]
    bytecode: Mapping[str, StoredWheel]

    def all(self) -> list[StoredWheel]:
        """Every entry."""
        return [*self.wheels.values(), *self.bytecode.values()]


def supply(
    goal: Goal,
    manifest: Manifest | None,
    fetch: Fetch,
    needed: Sequence[Pinned],
    reporter: Reporter,
    *,
    look: Look,
    cache_dir: str | None,
) -> tuple[Supplies, tuple[Content, ...]]:
    """Give what is needed from the store, and the files of it; with those of kept packages that
    have a path in common with them.
    """
    supplies = Supplies(fetch(needed, look), {})
    if cache_dir is not None:
        make = _to_compile(goal, manifest, needed)
        wheels = supplies.wheels
        bytecode = bytecode_of(
            wheels, goal.target, cache_dir, make=make, look=look, reporter=reporter
        )
        supplies = supplies._replace(bytecode=bytecode)
    contents = tuple(_package_contents(goal, supplies, needed))
    fresh = {pin.name for pin in needed}
    kept = [owner for owner in packages_of(manifest).values() if owner.name not in fresh]
    beside = sharing(kept, [content.owner for content in contents])
    more = [pin for pin in goal.pins if pin.name in beside]
    if not more:
        return supplies, contents
    return supply(goal, manifest, fetch, [*needed, *more], reporter, look=look, cache_dir=cache_dir)


def _to_compile(goal: Goal, manifest: Manifest | None, needed: Sequence[Pinned]) -> Collection[str]:
    """Give the packages whose compiled files are wanted, or in place and to be repaired."""
    if goal.compile_bytecode:
        return {pin.name for pin in needed}
    owners = {pin.name: packages_of(manifest).get(pin.name) for pin in needed}
    return {
        pin.name
        for pin in needed
        if (owner := owners[pin.name]) is not None
        and owner.identity == identity_in(goal, pin, owner.files) + MARK
    }


def _package_contents(
    goal: Goal, supplies: Supplies, needed: Sequence[Pinned]
) -> Iterator[Content]:
    """Give the files of packages. Raises `Tampered` when a stored one isn't as it was unpacked."""
    try:
        for pin in needed:
            bytecode = supplies.bytecode.get(pin.name)
            yield package_files(goal, pin, supplies.wheels[pin.name], bytecode)
    except FileNotFoundError as error:  # a script that is to be written anew
        raise Tampered(str(error.filename)) from error
