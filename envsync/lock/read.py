"""Read pylock.toml strictly: bytes of any tool's making -> `Pylock`, every value judged first.

`packaging.pylock` checks the shape (PEP 751); this module adds what the format leaves open and an
installer must not: hashes that prove something, addresses and paths that cannot lead elsewhere,
file names that are only names, and rows that could never be told apart.
"""

import logging
import re
from collections.abc import Mapping, Sequence

from packaging.pylock import (
    Package,
    PackageArchive,
    PackageDirectory,
    PackageSdist,
    PackageVcs,
    PackageWheel,
    Pylock,
    PylockUnsupportedVersionError,
    PylockValidationError,
)
from packaging.utils import parse_wheel_filename
from packaging.version import Version

from envsync.errors import LockInvalid, LockTooNew
from envsync.events import SILENT, Reporter
from envsync.lock.builds import locked_builds
from envsync.lock.evidence import evidence_of
from envsync.lock.file_rows import loads_lock
from envsync.lock.filenames import artifact_filename
from envsync.lock.places import Refused, is_plain, judge_path, judge_text, judge_url, shown
from envsync.lock.reading import STRICT, ReadingPolicy, is_reached
from envsync.lock.urls import public_url
from envsync.model.file_urls import file_url
from envsync.spec.toml import TooDeep

# Without a handler of its own the library's warning on `lock-version` would reach stderr.
logging.getLogger("packaging.pylock").addHandler(logging.NullHandler())

CREATED_BY = "envsync"
MAX_BYTES = 16 * 1024 * 1024
"""Locks of a thousand packages have 3 to 5 MiB."""
_MOST_OF: Mapping[bytes, tuple[int, str]] = {
    b"=": (1_000_000, "keys"),
    b",": (2_000_000, "values"),
    b"\n[": (100_000, "tables"),
}
"""What the parser takes longest for, and how often it may be there."""
MAX_VERSION_LENGTH = 128
MAX_FILENAME_LENGTH = 255
MAX_MARKER_LENGTH = 64 * 1024
MAX_ARTIFACT_SIZE = 1 << 40

SECURE_HASHES: Mapping[str, int] = {
    "sha256": 64,
    "sha384": 96,
    "sha512": 128,
    "sha3_256": 64,
    "sha3_384": 96,
    "sha3_512": 128,
    "blake2b": 128,
    "blake2s": 64,
}
"""Algorithms that are believed, with the number of hexadecimal digits of each."""

_EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_HEX = re.compile(r"[0-9a-f]+")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FILENAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+!~-]*")
_GROUP = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_VCS_TYPES = ("git", "hg", "bzr", "svn")
_POSITION = re.compile(r" \(at (line \d+), column \d+\)$| \(at end of document\)$")
_CONFLICT = re.compile(rb"^(?:<{7}|\|{7}|>{7})(?: |\r?$)", re.MULTILINE)


def parse_lock(
    data: bytes, *, path: str, policy: ReadingPolicy = STRICT, reporter: Reporter = SILENT
) -> Pylock:
    """Read and judge a lock file.

    `data` are the file's bytes, `path` is how errors call it. Raises `LockInvalid` with the line or
    key path of the first fault (hazards H22 to H26), `LockTooNew` for another major version. A
    newer minor `lock-version` is only warned about (PEP 751, "lock-version").
    """
    table = _load(data, path)
    try:
        pylock = Pylock.from_dict(table)
    except PylockUnsupportedVersionError as error:
        raise LockTooNew(
            path, str(error), where="lock-version", hint="a newer envsync may read it"
        ) from error
    except PylockValidationError as error:
        reason = error.message.partition("\n")[0]
        raise LockInvalid(path, shown(reason), where=error.context) from error
    except (ValueError, RecursionError) as error:
        raise LockInvalid(path, f"cannot be read: {shown(str(error))}") from error
    try:
        _judge_whole(pylock)
        _judge(pylock, policy)
        _judge_builds(pylock, policy)
    except Refused as refused:
        raise LockInvalid(path, refused.reason, where=refused.where) from None
    if pylock.lock_version > Version("1.0"):
        reporter.warn(
            f"{path} has lock-version {pylock.lock_version}; what is newer than 1.0 is ignored"
        )
    return pylock


def _load(data: bytes, path: str) -> dict[str, object]:
    if len(data) > MAX_BYTES:
        raise LockInvalid(path, f"is larger than {MAX_BYTES // (1024 * 1024)} MiB")
    # A plain search for the rarest part first: the pattern is slow on a large file.
    has_run = any(mark * 7 in data for mark in (b"<", b">", b"|"))
    conflict = _CONFLICT.search(data) if has_run else None
    if conflict is not None:
        line = data.count(b"\n", 0, conflict.start()) + 1
        raise LockInvalid(
            path,
            "git conflict markers",
            where=f"line {line}",
            hint="`envsync lock` resolves it: it writes the file anew from env.toml",
        )
    for sign, (most, kind) in _MOST_OF.items():
        if data.count(sign) > most:
            raise LockInvalid(path, f"has more than {most:,} {kind}")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise LockInvalid(path, "is not UTF-8", where=f"line {line}") from error
    try:
        return loads_lock(text)
    except TooDeep as error:
        where = f"line {error.line}" if error.line else None
        raise LockInvalid(path, "is nested too deeply", where=where) from error
    except ValueError as error:
        message = str(error)
        position = _POSITION.search(message)
        where = position.group(1) if position else None
        reason = message[: position.start()] if position and where else message
        raise LockInvalid(path, f"is not valid TOML: {reason}", where=where) from error


def _judge_whole(pylock: Pylock) -> None:
    """A lock of our own ends in `[tool.envsync]`; one cut off between packages would look fine."""
    if pylock.created_by != CREATED_BY:
        return
    table = (pylock.tool or {}).get(CREATED_BY)
    if not isinstance(table, Mapping) or not {"fingerprint", "roots"} <= table.keys():
        raise Refused("is missing or incomplete: the end of the file was cut off", "tool.envsync")


def _judge(pylock: Pylock, policy: ReadingPolicy) -> None:
    _judge_groups("dependency-groups", pylock.dependency_groups or ())
    _judge_groups("default-groups", pylock.default_groups or ())
    policy = policy._replace(local_repositories=pylock.created_by == CREATED_BY)
    rows: dict[tuple[str, str], int] = {}
    for index, package in enumerate(pylock.packages):
        try:
            _judge_package(package, policy)
        except Refused as refused:
            raise Refused(
                f"{package.name}: {refused.reason}", f"packages[{index}]", *refused.keys
            ) from None
        marker = "" if package.marker is None else str(package.marker)
        first = rows.setdefault((package.name, marker), index)
        if first != index:
            raise Refused(
                f"{package.name} is listed twice for the same environments, "
                f"first at packages[{first}]",
                f"packages[{index}]",
            )


def _judge_builds(pylock: Pylock, policy: ReadingPolicy) -> None:
    """What builds require is fetched and run, so it is judged as packages are."""
    try:
        builds = locked_builds(pylock.tool)
    except (ValueError, RecursionError) as error:
        raise Refused(shown(str(error)), "tool", CREATED_BY) from None
    for index, build in enumerate(builds):
        try:
            _judge(build.pylock, policy)
        except Refused as refused:
            raise refused.within(f"tool.{CREATED_BY}.builds[{index}]") from None


def _judge_groups(key: str, groups: Sequence[str]) -> None:
    for index, group in enumerate(groups):
        if len(group) > MAX_FILENAME_LENGTH or _GROUP.fullmatch(group) is None:
            raise Refused(f"{shown(group)} is not a group name", f"{key}[{index}]")


def _judge_package(package: Package, policy: ReadingPolicy) -> None:
    if package.version is not None and len(str(package.version)) > MAX_VERSION_LENGTH:
        raise Refused("is longer than a version may be", "version")
    if package.marker is not None and len(str(package.marker)) > MAX_MARKER_LENGTH:
        raise Refused("is longer than a marker may be", "marker")
    if package.index is not None:
        judge_text(package.index, "index")
    try:
        evidence_of(package)
    except ValueError as error:
        raise Refused(str(error), "tool", CREATED_BY) from None
    if package.sdist is not None:
        _judge_at("sdist", package.sdist, policy)
    for index, wheel in enumerate(package.wheels or ()):
        try:
            _judge_file(wheel, policy)
        except Refused as refused:
            raise refused.within(f"wheels[{index}]") from None
    if package.archive is not None:
        _judge_at("archive", package.archive, policy)
        _judge_archive_identity(package, package.archive)
    if package.directory is not None:
        _judge_directory(package.directory, policy)
    if package.vcs is not None:
        _judge_vcs(package.vcs, policy)


def _judge_at(key: str, artifact: PackageSdist | PackageArchive, policy: ReadingPolicy) -> None:
    try:
        _judge_file(artifact, policy)
        if isinstance(artifact, PackageArchive) and artifact.subdirectory is not None:
            judge_path(artifact.subdirectory, "subdirectory")
    except Refused as refused:
        raise refused.within(key) from None


def _judge_file(
    artifact: PackageWheel | PackageSdist | PackageArchive, policy: ReadingPolicy
) -> None:
    """Hashes, size, address and name of one file that would be fetched (H23, H24)."""
    _judge_hashes(artifact.hashes)
    size = artifact.size
    if size is not None and not 0 < size <= MAX_ARTIFACT_SIZE:
        raise Refused(f"{size} is not a possible size", "size")
    url, path = artifact.url, artifact.path
    if url is not None and not is_plain(url, policy):
        judge_url(url, policy)
    if path is not None and not is_reached(file_url(path), policy):
        judge_path(path, "path", policy.may_lead)
    filename = artifact_filename(artifact)
    if len(filename) > MAX_FILENAME_LENGTH or _FILENAME.fullmatch(filename) is None:
        raise Refused(f"{shown(filename)} is not a file name", "name")


def _judge_hashes(hashes: Mapping[str, str]) -> None:
    secure = hashes.keys() & SECURE_HASHES.keys()
    if not secure:
        given = ", ".join(sorted(map(shown, hashes)))
        raise Refused(f"no hash is sha256 or stronger (only {given})", "hashes")
    for algorithm in secure:
        digest = hashes[algorithm]
        length = SECURE_HASHES[algorithm]
        if len(digest) != length or _HEX.fullmatch(digest) is None:
            raise Refused(f"is not {length} lower-case hexadecimal digits", "hashes", algorithm)
        if digest == _EMPTY_SHA256:
            raise Refused("is the hash of an empty file", "hashes", algorithm)


def _judge_archive_identity(package: Package, archive: PackageArchive) -> None:
    """A wheel that is referred to directly must be of the project it stands for (H25)."""
    filename = artifact_filename(archive)
    if not filename.endswith(".whl"):
        return
    try:
        name, version, _, _ = parse_wheel_filename(filename)
    except ValueError as error:
        raise Refused(f"{shown(filename)} is not a wheel's file name", "archive") from error
    if name != package.name or (package.version is not None and version != package.version):
        raise Refused(f"{shown(filename)} is another project or version", "archive")


def _judge_directory(directory: PackageDirectory, policy: ReadingPolicy) -> None:
    try:
        judge_path(directory.path, "path", policy.may_lead)
        if directory.subdirectory is not None:
            judge_path(directory.subdirectory, "subdirectory")
    except Refused as refused:
        raise refused.within("directory") from None


def _judge_vcs(vcs: PackageVcs, policy: ReadingPolicy) -> None:
    try:
        if vcs.type not in _VCS_TYPES:
            raise Refused(f"{shown(vcs.type)} is not a known version control system", "type")
        if _COMMIT.fullmatch(vcs.commit_id) is None:
            raise Refused("is not 40 or 64 lower-case hexadecimal digits", "commit-id")
        if vcs.requested_revision is not None:
            judge_text(vcs.requested_revision, "requested-revision")
        if vcs.url is not None and vcs.url not in policy.named:
            is_local = policy.local_repositories and vcs.url.startswith("file:///")
            judge_url(vcs.url, policy._replace(file_urls=is_local), ssh=not is_local)
            if public_url(vcs.url) != vcs.url:
                raise Refused(
                    "credentials do not belong in a lock: git's own helpers know them", "url"
                )
        if vcs.path is not None:
            judge_path(vcs.path, "path")
        if vcs.subdirectory is not None:
            judge_path(vcs.subdirectory, "subdirectory")
    except Refused as refused:
        raise refused.within("vcs") from None
