"""Choose what one environment takes from a lock: PEP 751's installation steps -> pins.

The steps are those of "Installation" in the pylock.toml specification and the answers those of
`packaging.pylock.Pylock.select`; tags are ranked here by splitting file names, since a lock may
list ten thousand wheels and an environment needs an answer at once.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Literal, NamedTuple

from packaging.markers import Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.pylock import (
    Package,
    PackageArchive,
    PackageDirectory,
    PackageSdist,
    PackageVcs,
    PackageWheel,
    Pylock,
)
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, parse_wheel_filename
from packaging.version import Version

from envsync.errors import LockInvalid, NoMatchingFile, TargetNotCovered, UsageError
from envsync.lock.evidence import evidence_of
from envsync.lock.filenames import artifact_filename
from envsync.lock.pins import PinKind, Pinned
from envsync.lock.read import SECURE_HASHES
from envsync.model.filenames import source_version
from envsync.model.target import Target
from envsync.spec.wording import near_miss

_MOST_SHOWN = 200
"""Characters of a marker in a message."""
_SHOWN_FILES = 8

_Environment = Mapping[str, str | AbstractSet[str]]
_Context = Literal["requirement", "lock_file"]


class Choice(NamedTuple):
    """What of a lock is wanted besides its base dependencies."""

    extras: Collection[str] = ()
    groups: Collection[str] | None = None
    """None: the lock's default groups."""
    no_binary: Collection[str] = ()
    """Names, or ":all:", whose source distribution is taken even where a wheel fits."""
    ignore_requires_python: Collection[str] = ()
    """Names whose own requires-python is not believed."""


BASE = Choice()


def select(
    pylock: Pylock, target: Target, choice: Choice = BASE, *, path: str = "pylock.toml"
) -> tuple[Pinned, ...]:
    """Pins that `target` gets from a lock that `parse_lock` has accepted, sorted by name.

    Raises `TargetNotCovered` (wrong Python or platform), `UsageError` (no such extra or group),
    `LockInvalid` (two entries of one package apply), `NoMatchingFile` (no wheel fits, no sdist).
    """
    _check_choice(pylock, choice, path)
    _check_target(pylock, target, path)
    environment = _environment(pylock, target, choice)
    chosen = _packages(pylock, target, choice, environment, path)
    ranks = {tag: rank for rank, tag in reversed(list(enumerate(target.tags)))}
    pins = (
        _with_evidence(_pin(package, ranks, target, choice), package, environment, path)
        for package in chosen.values()
    )
    return tuple(sorted(pins, key=lambda pin: pin.name))


def _environment(pylock: Pylock, target: Target, choice: Choice) -> _Environment:
    """The values that markers of the lock are about (step 2)."""
    groups = (pylock.default_groups or ()) if choice.groups is None else choice.groups
    return {
        **target.environment,
        "extras": frozenset(choice.extras),
        "dependency_groups": frozenset(groups),
    }


def _check_choice(pylock: Pylock, choice: Choice, path: str) -> None:
    groups = {*(pylock.dependency_groups or ()), *(pylock.default_groups or ())}
    for kind, wanted, known in (
        ("extra", choice.extras, set(pylock.extras or ())),
        ("group", choice.groups or (), groups),
    ):
        for name in sorted(wanted):
            if name not in known:
                listed = ", ".join(sorted(known))
                hint = f"it has {listed}" if known else f"it has no {kind}s at all"
                hint += near_miss(name, sorted(known))
                raise UsageError(f"{path} has no {kind} {name!r}", hint=hint)


def _check_target(pylock: Pylock, target: Target, path: str) -> None:
    """Steps 3 and 4: requires-python and environments of the lock as a whole."""
    if not admits(pylock.requires_python, target):
        raise TargetNotCovered(
            f"{path} is for Python {pylock.requires_python}, this is Python {target.version}",
            hint="`--python` chooses another interpreter; "
            "[env] requires-python in env.toml says what the lock covers",
        )
    environments = pylock.environments
    if environments and not any(
        _holds(marker, target.environment, "requirement", _Place(path, f"environments[{at}]"))
        for at, marker in enumerate(environments)
    ):
        raise TargetNotCovered(
            f"{path} does not cover {describe(target)}; it is for:",
            lines=tuple(map(str, environments)),
            hint="[lock] environments in env.toml says what the lock covers",
        )


def _packages(
    pylock: Pylock, target: Target, choice: Choice, environment: _Environment, path: str
) -> Mapping[str, Package]:
    """Step 5: the packages whose marker holds, each with its own requires-python met."""
    verdicts: dict[str, bool] = {}
    chosen: dict[str, Package] = {}
    for index, package in enumerate(pylock.packages):
        # 5.1 marker
        if package.marker is not None:
            text = str(package.marker)
            if text not in verdicts:
                place = _Place(path, f"packages[{index}].marker")
                verdicts[text] = _holds(package.marker, environment, "lock_file", place)
            if not verdicts[text]:
                continue
        # 5.2 requires-python
        if package.name not in choice.ignore_requires_python:
            _check_package_python(package, target)
        # 5.3 ambiguity
        if package.name in chosen:
            raise LockInvalid(
                path,
                f"{package.name} is listed twice for {describe(target)}: "
                f"{_versions(chosen[package.name], package)}",
                where=f"packages[{index}]",
            )
        chosen[package.name] = package
    return chosen


def _check_package_python(package: Package, target: Target) -> None:
    if not admits(package.requires_python, target):
        raise TargetNotCovered(
            f"{label(package)} says Python {package.requires_python}, "
            f"this is Python {target.version}",
            hint=f'ignore-requires-python = ["{package.name}"] under [lock] in env.toml installs '
            "it nevertheless; `--python` chooses another interpreter",
        )


class _Place(NamedTuple):
    """Where a marker stands, for messages."""

    path: str
    key: str


def _holds(marker: Marker, environment: _Environment, context: _Context, place: _Place) -> bool:
    try:
        return marker.evaluate(environment, context=context)
    except (ValueError, UndefinedComparison, UndefinedEnvironmentName) as error:
        shown = (
            str(marker) if len(str(marker)) <= _MOST_SHOWN else f"{str(marker)[:_MOST_SHOWN]}..."
        )
        reason = f"the marker {shown} has no meaning here: {error}"
        raise LockInvalid(place.path, reason, where=place.key) from error


def pins_of_wheels(package: Package) -> Iterable[Pinned]:
    """The pin that each wheel of a package would be, wherever it fits."""
    evidence = evidence_of(package)
    for wheel in package.wheels or ():
        pin = _pin_file(package, wheel, "wheel")
        yield pin._replace(
            facts=evidence.facts, speaker=evidence.speaker, trust_record=evidence.trust_record
        )


def _with_evidence(pin: Pinned, package: Package, environment: _Environment, path: str) -> Pinned:
    """Add what the lock says of the metadata that decided a package (`lock.evidence`)."""
    evidence = evidence_of(package)
    extras = {
        name
        for name, marker in evidence.extras
        if marker is None
        or _holds(marker, environment, "lock_file", _Place(path, f"{package.name}: tool.envsync"))
    }
    return pin._replace(
        requires_python=str(package.requires_python or ""),
        facts=evidence.facts,
        speaker=evidence.speaker,
        extras=tuple(sorted(extras)),
        trust_record=evidence.trust_record,
    )


def admits(specifiers: SpecifierSet | None, target: Target) -> bool:
    """Say whether a Requires-Python, where there is one, admits an interpreter."""
    if specifiers is None:
        return True
    # A development build says "3.14.0+"; PEP 440 has no such version (as packaging reads it).
    version = target.environment["python_full_version"]
    return specifiers.contains(f"{version}local" if version.endswith("+") else version)


def _pin(package: Package, ranks: Mapping[str, int], target: Target, choice: Choice) -> Pinned:
    """Step 6: the one source of a package; `parse_lock` has made sure that kinds don't mix."""
    direct = pin_of_source(package)
    if direct is not None:
        if direct.is_wheel and tag_rank(direct.filename, ranks) is None:
            raise _no_file(package, [direct.filename], target)
        return direct
    sdist = package.sdist
    source_first = package.name in choice.no_binary or ":all:" in choice.no_binary
    if sdist is not None and source_first:
        return _pin_file(package, sdist, "sdist")
    wheel = best_wheel(package.wheels or (), ranks)
    if wheel is not None:
        return _pin_file(package, wheel, "wheel")
    if sdist is not None:
        return _pin_file(package, sdist, "sdist")
    raise _no_file(package, [artifact_filename(wheel) for wheel in package.wheels or ()], target)


def pin_of_source(package: Package) -> Pinned | None:
    """Give the pin of a package that is a direct reference: archive, directory or repository."""
    if package.vcs is not None:
        return _pin_vcs(package, package.vcs)
    if package.directory is not None:
        return _pin_directory(package, package.directory)
    if package.archive is not None:
        pin = _pin_file(package, package.archive, "archive")
        return pin._replace(subdirectory=package.archive.subdirectory)
    return None


def best_wheel(wheels: Iterable[PackageWheel], ranks: Mapping[str, int]) -> PackageWheel | None:
    """The wheel whose best tag ranks first; among equals the highest build number, then the first.

    `ranks` maps "py-abi-platform" to its place. None: no wheel fits.
    """
    best: PackageWheel | None = None
    best_rank = len(ranks)
    for wheel in wheels:
        filename = artifact_filename(wheel)
        rank = tag_rank(filename, ranks)
        if rank is None or rank > best_rank:
            continue
        if best is None or rank < best_rank or _build(filename) > _build(artifact_filename(best)):
            best, best_rank = wheel, rank
    return best


def tag_rank(filename: str, ranks: Mapping[str, int]) -> int | None:
    """Place of the best tag of a wheel's (compressed) tag set, None if none of them fits."""
    _, pythons, abis, platforms = filename[:-4].lower().rsplit("-", 3)
    plain = ranks.get(f"{pythons}-{abis}-{platforms}")
    if plain is not None or "." not in f"{pythons}{abis}{platforms}":
        return plain
    fitting = [
        ranks[tag]
        for python in pythons.split(".")
        for abi in abis.split(".")
        for platform in platforms.split(".")
        if (tag := f"{python}-{abi}-{platform}") in ranks
    ]
    return min(fitting, default=None)


def _build(filename: str) -> tuple[int, str]:
    """Build number of a wheel's file name; (-1, "") without one (binary distribution format)."""
    build = parse_wheel_filename(filename)[2]
    return build or (-1, "")


def _pin_vcs(package: Package, vcs: PackageVcs) -> Pinned:
    return Pinned(
        name=package.name,
        version=_version(package),
        kind="vcs",
        filename="",
        url=vcs.url,
        path=vcs.path,
        sha256="",
        hashes={},
        subdirectory=vcs.subdirectory,
        vcs=vcs.type,
        commit=vcs.commit_id,
        requested_revision=vcs.requested_revision,
    )


def _pin_directory(package: Package, directory: PackageDirectory) -> Pinned:
    return Pinned(
        name=package.name,
        version=_version(package),
        kind="directory",
        filename="",
        url=None,
        path=directory.path,
        sha256="",
        hashes={},
        subdirectory=directory.subdirectory,
        editable=bool(directory.editable),
    )


def _pin_file(
    package: Package, file: PackageWheel | PackageSdist | PackageArchive, kind: PinKind
) -> Pinned:
    hashes = {name: file.hashes[name] for name in sorted(file.hashes) if name in SECURE_HASHES}
    filename = artifact_filename(file)
    return Pinned(
        name=package.name,
        version=_version(package) or _version_in(filename, package.name, kind),
        kind=kind,
        filename=filename,
        url=file.url,
        path=file.path,
        sha256=hashes.get("sha256", ""),
        hashes=hashes,
        size=file.size,
        index_url=package.index,
    )


def _version(package: Package) -> str | None:
    return None if package.version is None else str(package.version)


def _version_in(filename: str, name: NormalizedName, kind: PinKind) -> str | None:
    """A lock may leave out the version (PEP 751 "SHOULD"); file names of these kinds carry it."""
    if filename.endswith(".whl"):
        return str(parse_wheel_filename(filename)[1])
    text = source_version(filename, name) if kind == "sdist" else None
    try:
        return None if text is None else str(Version(text))
    except ValueError:
        return None


def _no_file(package: Package, filenames: Sequence[str], target: Target) -> NoMatchingFile:
    refusals = [f"{filename}" for filename in filenames[:_SHOWN_FILES]]
    if len(filenames) > _SHOWN_FILES:
        refusals.append(f"... and {len(filenames) - _SHOWN_FILES} more wheels")
    wanted = target.tags[0] if target.tags else "none"
    return NoMatchingFile(
        label(package),
        describe(target),
        [*refusals, f"this interpreter takes {wanted} and {len(target.tags) - 1} other tags"],
        hint="[lock] required-environments in env.toml makes `envsync lock` look for a version "
        "that has a file for this platform",
    )


def describe(target: Target) -> str:
    """A target in a few words, such as "CPython 3.12.1 on linux x86_64"."""
    environment = target.environment
    implementation = environment.get("platform_python_implementation", target.implementation)
    platform = f"{environment.get('sys_platform', '')} {environment.get('platform_machine', '')}"
    return f"{implementation} {target.version} on {platform.strip()}"


def label(package: Package) -> str:
    """A package of a lock for people: its name and version."""
    return package.name if package.version is None else f"{package.name} {package.version}"


def _versions(first: Package, second: Package) -> str:
    return f"{first.version or 'a source'} and {second.version or 'a source'}"
