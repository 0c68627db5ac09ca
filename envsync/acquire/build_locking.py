"""What the builds of a lock require: read from their sources, resolved for all that is covered.

Nothing of a source runs for it: what `[build-system]` and env.toml ask for is locked. What a back
end asks for when it is asked (PEP 517, `get_requires_for_build_wheel`) comes on top at the build.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from packaging.pylock import Package, Pylock
from packaging.requirements import Requirement
from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.errors import DownloadFailed, IndexFailed, NoSolution, PackageNotFound
from envsync.events import Reporter
from envsync.lock.builds import LockedBuild, locked_builds
from envsync.lock.compare import preferences
from envsync.model.candidate import Candidate
from envsync.model.resolution import ResolvedPackage
from envsync.resolve.candidates import ResolvePolicy, may_build

Pins = Mapping[NormalizedName, tuple[Version, ...]]


class Sources(Protocol):
    """Who can look into sources."""

    def requires(self, candidate: Candidate) -> tuple[Requirement, ...] | None:
        """Give what the build of a candidate requires; None where that isn't to be locked."""


class Resolver(Protocol):
    """Who can resolve what builds require."""

    def lock(
        self, requirements: Sequence[Requirement], policy: ResolvePolicy, kept: Pins
    ) -> tuple[Package, ...]:
        """Give the rows of a lock that meets requirements; pins that fit are kept."""


def is_built(package: ResolvedPackage, policy: ResolvePolicy) -> bool:
    """Say whether a package is built wherever it is installed, and env.toml gives leave for it."""
    candidate = package.candidate
    source = candidate.source
    if source is None:
        return not candidate.wheels and may_build(package.name, policy)
    if source.kind in ("directory", "vcs"):
        return True  # env.toml names it, which is the leave
    return source.kind == "archive" and (source.url is None or may_build(package.name, policy))


def lock_builds(
    built: Iterable[Candidate],
    policy: ResolvePolicy,
    old: Pylock | None,
    sources: Sources,
    resolver: Resolver,
    reporter: Reporter,
) -> tuple[LockedBuild, ...]:
    """Lock what some builds require; those that ask for the same share it.

    What can't be met for all that is covered is left open: the build resolves it for one
    interpreter, and is the place to say so. Where no index can be asked, the old lock's rows stay,
    or it is left open with a warning. Raises what getting at sources raises.
    """
    wanted: dict[tuple[str, ...], tuple[list[str], Sequence[Requirement]]] = {}
    for candidate in built:
        requires = sources.requires(candidate)
        if requires:
            texts = tuple(sorted(map(str, requires)))
            wanted.setdefault(texts, ([], requires))[0].append(candidate.name)
    before = () if old is None or policy.upgrade is True else locked_builds(old.tool)
    return tuple(_locked(wanted, before, policy, resolver, reporter))


def _locked(
    wanted: Mapping[tuple[str, ...], tuple[list[str], Sequence[Requirement]]],
    before: Sequence[LockedBuild],
    policy: ResolvePolicy,
    resolver: Resolver,
    reporter: Reporter,
) -> Iterator[LockedBuild]:
    for texts, (given, requires) in wanted.items():
        names = tuple(sorted(set(given)))
        kept = {
            name: pins
            for build in before
            if build.requires == texts or set(names) & {*build.names}
            for name, pins in preferences(build.pylock).items()
        }
        try:
            yield LockedBuild(names, texts, resolver.lock(requires, policy, kept))
        except (NoSolution, PackageNotFound) as error:
            reporter.detail(f"what builds of {', '.join(names)} require is not locked: {error}")
        except (IndexFailed, DownloadFailed) as error:
            same = [build.packages for build in before if build.requires == texts]
            if same:
                yield LockedBuild(names, texts, same[0])
            else:
                reporter.warn(f"what builds of {', '.join(names)} require is not locked: {error}")
