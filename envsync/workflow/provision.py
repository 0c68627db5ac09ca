"""Environments for builds: resolved, fetched and installed like every other, then thrown away."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Protocol

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from envsync.build.backend import BuildEnvironment
from envsync.catalog.memory import keep_locked
from envsync.events import SILENT
from envsync.files import make_private_directory, remove_tree, storage_errors
from envsync.lock.pins import Pinned
from envsync.lock.pylock import to_pylock
from envsync.lock.select import select
from envsync.model.marker import MarkerSet, from_marker, from_text
from envsync.model.resolution import Wanted
from envsync.model.target import Target
from envsync.resolve.candidates import Catalog, ResolvePolicy
from envsync.resolve.universal import resolve
from envsync.settings import Settings
from envsync.spec.model import LockPolicy, Spec
from envsync.spec.times import exclude_newer_time
from envsync.store.manifest import StoredWheel
from envsync.sync.key import UserKey
from envsync.workflow.look import Goal
from envsync.workflow.stored import Look
from envsync.workflow.sync import sync

_VARIABLES = (
    *("python_full_version", "implementation_name", "os_name", "platform_machine"),
    *("platform_python_implementation", "platform_system", "sys_platform"),
)


class Supplier(Protocol):
    """What an environment needs of whoever asked for it."""

    def catalog(self, policy: ResolvePolicy) -> Catalog:
        """Give the catalog that answers a resolution."""

    def fetch(
        self, pins: Sequence[Pinned], target: Target, *, look: Look = "trust"
    ) -> Mapping[str, StoredWheel]:
        """Give the stored wheels of pins, by name."""


OpenSupplier = Callable[[Spec], AbstractContextManager[Supplier]]


class Provisioner:
    """Makes build environments from a project's own indexes, policy and store."""

    def __init__(self, spec: Spec, settings: Settings, supplier: OpenSupplier) -> None:
        self._settings, self._supplier = settings, supplier
        self._spec = Spec(
            name="build",
            indexes=spec.indexes,
            build=spec.build,
            lock=LockPolicy(
                prereleases=spec.lock.prereleases,
                exclude_newer=spec.lock.exclude_newer,
                no_binary=spec.lock.no_binary,
            ),
        )

    @contextmanager
    def __call__(
        self, requirements: Sequence[Requirement], target: Target
    ) -> Iterator[BuildEnvironment]:
        """Make an environment of `target` that holds the requirements, for the `with` block.

        Raises what resolving, downloading and installing raise.
        """
        parent = os.path.join(self._settings.cache_dir, "builds-v1")
        with storage_errors(parent):
            folder = make_private_directory(parent, "env-")
        try:
            root = f"{folder}/env"
            self._install(root, requirements, target)
            scripts = f"{root}/{target.scripts}"
            yield BuildEnvironment(f"{scripts}/python", (scripts,))
        finally:
            remove_tree(folder)

    def _install(self, root: str, requirements: Sequence[Requirement], target: Target) -> None:
        with self._supplier(self._spec) as supplier:
            pins = self._resolve(supplier, requirements, target) if requirements else ()
            goal = Goal(root, root, target, prompt="build", pins=pins, selection="build")
            sync(
                goal,
                lambda needed, look: supplier.fetch(needed, target, look=look),
                SILENT,
                key=UserKey(self._settings),
                cache_dir=self._settings.cache_dir,
                is_lasting=False,
            )

    def _resolve(
        self, supplier: Supplier, requirements: Sequence[Requirement], target: Target
    ) -> tuple[Pinned, ...]:
        environments = one_environment(target)
        lock = self._spec.lock
        policy = ResolvePolicy(
            environments=environments,
            prereleases=lock.prereleases,
            exclude_newer=(
                exclude_newer_time(lock.exclude_newer, datetime.now(UTC))
                if lock.exclude_newer
                else None
            ),
            no_binary=lock.no_binary,
            build_allow=self._spec.build.allow,
        )
        wanted = [
            Wanted(requirement, from_marker(requirement.marker), "[build-system] requires")
            for requirement in requirements
        ]
        resolution = resolve(
            wanted,
            environments=environments,
            policy=policy,
            preferences={},
            catalog=supplier.catalog(policy),
        )
        keep_locked(self._settings.cache_dir, resolution.packages)
        only = SpecifierSet(f"=={target.version}")
        return select(to_pylock(resolution, self._spec, requires_python=only), target)


def one_environment(target: Target) -> MarkerSet:
    """Give the set that holds one interpreter's environment alone."""
    facts = ((name, target.environment[name]) for name in _VARIABLES)
    return from_text(" and ".join(f"{name} == '{value}'" for name, value in facts))
