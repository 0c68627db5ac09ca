"""Environments for builds: resolved, fetched and installed like every other, then thrown away."""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from typing import Protocol

from packaging.pylock import Package
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envsync.build.request import BuildEnvironment
from envsync.build.room import BUILDS
from envsync.cache.scratch import scratch_in
from envsync.catalog.memory import keep_locked
from envsync.catalog.resolver_input import resolve_policy
from envsync.environment.key import UserKey
from envsync.errors import BuildFailed
from envsync.events import SILENT
from envsync.lock.builds import LockedBuild
from envsync.lock.compare import preferences
from envsync.lock.pins import Pinned
from envsync.lock.pylock import to_pylock
from envsync.lock.select import select
from envsync.model.marker import MarkerSet, from_marker, from_text
from envsync.model.resolution import Resolution, RootRequirement
from envsync.model.target import Target
from envsync.project.request import LockOptions
from envsync.resolve.candidates import Catalog, ResolvePolicy
from envsync.resolve.universal import resolve
from envsync.settings import Settings
from envsync.spec.model import LockPolicy, Spec
from envsync.spec.times import newest_times
from envsync.store.manifest import StoredWheel
from envsync.sync.apply import sync
from envsync.sync.desired import DesiredEnvironment
from envsync.sync.store_lookup import CheckDepth

_BUILD_SYSTEM = "[build-system] requires"
_VARIABLES = (
    *("python_full_version", "implementation_name", "os_name", "platform_machine"),
    *("platform_python_implementation", "platform_system", "sys_platform"),
)


class WheelProvider(Protocol):
    """What an environment needs of whoever asked for it."""

    def catalog(self, policy: ResolvePolicy) -> Catalog:
        """Give the catalog that answers a resolution."""

    def fetch(
        self, pins: Sequence[Pinned], target: Target, *, depth: CheckDepth = "trust"
    ) -> Mapping[str, StoredWheel]:
        """Give the stored wheels of pins, by name."""

    def hashed(self, resolution: Resolution) -> Resolution:
        """Give a resolution whose files all have a hash that proves something."""


OpenProvider = Callable[[Spec], AbstractContextManager[WheelProvider]]


class Provisioner:
    """Makes build environments from a project's own indexes, policy and store."""

    def __init__(
        self,
        root: str,
        spec: Spec,
        settings: Settings,
        provider: OpenProvider,
        builds: Sequence[LockedBuild] = (),
    ) -> None:
        """`root` is the project's folder, absolute; `builds` is what was locked for builds."""
        self._base, self._project, self._builds = root, spec, builds
        self._settings, self._open_provider = settings, provider
        self._spec = Spec(
            name="build",
            indexes=spec.indexes,
            mirrors=spec.mirrors,
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
        locked = self._locked(requirements)
        with self._folder() as root:
            with self._open_provider(self._spec) as provider:
                if locked is not None:
                    pins = select(locked.pylock, target)
                else:
                    pins = self._resolve(provider, requirements, target) if requirements else ()
                self._install(root, pins, provider, target)
            yield _inside(root, target)

    def _locked(self, requirements: Sequence[Requirement]) -> LockedBuild | None:
        asked = tuple(sorted(map(str, requirements)))
        return next((build for build in self._builds if build.requires == asked), None)

    def lock(
        self,
        requirements: Sequence[Requirement],
        policy: ResolvePolicy,
        kept: Mapping[NormalizedName, tuple[Version, ...]],
    ) -> tuple[Package, ...]:
        """Resolve what builds require for all that `policy` covers, with pins `kept` that fit.

        Raises what resolving raises.
        """
        with self._open_provider(self._spec) as provider:
            own = self._policy(policy.environments)._replace(upgrade=policy.upgrade)
            resolution = self._solve(provider, requirements, own, _BUILD_SYSTEM, kept)
        rows = to_pylock(resolution, self._spec, requires_python=SpecifierSet()).packages
        # What leads to what is of no use here.
        return tuple(replace(row, dependencies=None) for row in rows)

    @contextmanager
    def beside(
        self,
        package: str,
        requirements: Sequence[Requirement],
        target: Target,
        pins: Sequence[Pinned] | None,
    ) -> Iterator[BuildEnvironment]:
        """Make one that holds what the project installs beside a package that is built without
        isolation: `pins`, or while they are not known what env.toml asks for, resolved without it.

        Packages that are themselves built so are left out. Raises `BuildFailed` where a build
        requirement is not there, else as `__call__`.
        """
        others = self._project.build.no_isolation
        spec = self._project._replace(build=self._project.build._replace(no_isolation=frozenset()))
        with self._folder() as root:
            with self._open_provider(spec) as provider:
                if pins is None:
                    pins = self._resolve_project(provider, spec, others, target)
                there = [pin for pin in pins if pin.is_wheel or pin.name not in others]
                _refuse_missing(package, requirements, there, target)
                self._install(root, there, provider, target)
            yield _inside(root, target)

    @contextmanager
    def _folder(self) -> Iterator[str]:
        """Give the place of an environment that goes with the `with` block."""
        with scratch_in(BUILDS, self._settings.cache_dir, "env-") as folder:
            yield f"{folder}/env"

    def _install(
        self, root: str, pins: Sequence[Pinned], provider: WheelProvider, target: Target
    ) -> None:
        desired = DesiredEnvironment(
            root=root,
            base=self._base,
            target=target,
            prompt="build",
            pins=tuple(pins),
            selection="build",
        )
        sync(
            desired,
            lambda needed, depth: provider.fetch(needed, target, depth=depth),
            # What a build needs is part of its own stage.
            SILENT,
            key=UserKey(self._settings),
            cache_dir=self._settings.cache_dir,
            is_lasting=False,
        )

    def _resolve(
        self, provider: WheelProvider, requirements: Sequence[Requirement], target: Target
    ) -> tuple[Pinned, ...]:
        policy = self._policy(one_environment(target))
        # Of what a back end asks for besides, that which was locked stays.
        locked = self._kept_for(requirements)
        return self._pins(
            self._solve(provider, requirements, policy, _BUILD_SYSTEM, locked), target
        )

    def _policy(self, environments: MarkerSet) -> ResolvePolicy:
        lock = self._spec.lock
        newest, by_index = newest_times(self._spec, datetime.now(UTC))
        return ResolvePolicy(
            environments=environments,
            prereleases=lock.prereleases,
            exclude_newer=newest,
            index_exclude_newer=by_index,
            no_binary=lock.no_binary,
            build_allow=self._spec.build.allow,
            constraints=self._spec.build.constraints,
            constraints_key="build.constraints",
        )

    def _kept_for(
        self, requirements: Sequence[Requirement]
    ) -> Mapping[NormalizedName, tuple[Version, ...]]:
        """Give the pins of what was locked for some of the requirements."""
        asked = set(map(str, requirements))
        part = (build for build in self._builds if asked.issuperset(build.requires))
        return {name: pins for build in part for name, pins in preferences(build.pylock).items()}

    def _resolve_project(
        self, provider: WheelProvider, spec: Spec, without: Container[str], target: Target
    ) -> tuple[Pinned, ...]:
        """Resolve what env.toml installs by default for one interpreter, without some packages."""
        groups = (spec.dependency_groups.get(name, ()) for name in spec.default_groups)
        asked = (*spec.dependencies, *map(Requirement, spec.seed), *chain.from_iterable(groups))
        others = [one for one in asked if canonicalize_name(one.name) not in without]
        environments = one_environment(target)
        newest, by_index = newest_times(self._spec, datetime.now(UTC))
        policy = resolve_policy(spec, environments, newest, LockOptions(), by_index)
        # What the lock must cover elsewhere, and keeps apart, is no matter of this environment.
        policy = policy._replace(required_environments=(), conflicts=())
        return self._pins(self._solve(provider, others, policy, "env.toml", {}), target)

    def _solve(
        self,
        provider: WheelProvider,
        requirements: Sequence[Requirement],
        policy: ResolvePolicy,
        origin: str,
        kept: Mapping[NormalizedName, tuple[Version, ...]],
    ) -> Resolution:
        wanted = [
            RootRequirement(requirement, from_marker(requirement.marker), origin)
            for requirement in requirements
        ]
        resolution = provider.hashed(
            resolve(
                wanted,
                environments=policy.environments,
                policy=policy,
                preferences=kept,
                catalog=provider.catalog(policy),
            )
        )
        keep_locked(self._settings.cache_dir, resolution.packages)
        return resolution

    def _pins(self, resolution: Resolution, target: Target) -> tuple[Pinned, ...]:
        only = SpecifierSet(f"=={target.version}")
        return select(to_pylock(resolution, self._spec, requires_python=only), target)


def _inside(root: str, target: Target) -> BuildEnvironment:
    scripts = f"{root}/{target.scripts}"
    return BuildEnvironment(f"{scripts}/python", (scripts,))


def _refuse_missing(
    package: str, requirements: Sequence[Requirement], pins: Sequence[Pinned], target: Target
) -> None:
    """See that what a build asks for is among what the project installs. Raises `BuildFailed`."""
    there = {pin.name: pin for pin in pins}
    missing = [
        str(one)
        for one in requirements
        if (one.marker is None or one.marker.evaluate({**target.environment, "extra": ""}))
        and not _meets(there.get(canonicalize_name(one.name)), one)
    ]
    if missing:
        raise BuildFailed(
            package,
            "it is built without isolation, and the project does not install what that needs:",
            "\n".join(missing),
            hint=f"`envsync add '{missing[0]}'`, or take {package} out of [build] no-isolation",
        )


def _meets(pin: Pinned | None, requirement: Requirement) -> bool:
    if pin is None:
        return False
    return not pin.version or requirement.specifier.contains(pin.version, prereleases=True)


def one_environment(target: Target) -> MarkerSet:
    """Give the set that holds one interpreter's environment alone."""
    facts = ((name, target.environment[name]) for name in _VARIABLES)
    return from_text(" and ".join(f"{name} == '{value}'" for name, value in facts))
