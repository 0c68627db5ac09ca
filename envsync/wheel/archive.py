"""Open a wheel and judge all of it, so that nothing of a wheel that breaks a rule is unpacked.

The rules are those of "Binary distribution format" and "Recording installed projects", read
strictly: what installers could take in two ways is refused.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, NoReturn

from packaging.utils import (
    InvalidWheelFilename,
    NormalizedName,
    canonicalize_name,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from envsync.errors import MetadataInvalid, RecordWrong, WheelInvalid
from envsync.model.candidate import CoreMetadata
from envsync.model.entry_point import EntryPoint
from envsync.model.local_version import is_same_release
from envsync.wheel import entry_points, metadata, paths, record
from envsync.wheel.file_bytes import Data
from envsync.wheel.members import Member, read_member
from envsync.wheel.record_text import RecordRow
from envsync.wheel.zip import Entry, read_entries

_SCHEMES = frozenset({"purelib", "platlib", "headers", "scripts", "data"})
_UNRECORDED = ("RECORD", "RECORD.jws", "RECORD.p7s")
_MAX_FILENAME = 255


class WheelArchive(NamedTuple):
    """A wheel that may be unpacked."""

    filename: str
    name: NormalizedName
    version: Version
    """As METADATA says it; the file name may add or lack a local part."""
    dist_info: str
    """Its *.dist-info folder, spelled as in the wheel."""
    members: tuple[Member, ...]
    purelib: bool
    entry_points: tuple[EntryPoint, ...]
    metadata: CoreMetadata


def open_wheel(
    data: Data,
    *,
    filename: str,
    name: str | None = None,
    version: Version | None = None,
    trust_record: bool = False,
) -> WheelArchive:
    """Read and judge a wheel whose bytes, or memory map, are `data`.

    `filename` is what the index or the lock calls it, `name` and `version` what they say it is.
    Raises `WheelInvalid` with the reason, and the member's path where there is one. The members'
    own bytes are judged by `read_member` and `iter_member`. With `trust_record` nothing is compared
    with RECORD: for old releases whose RECORD is wrong, and whose own hash is known.
    """
    identity = _identify(filename, name, version)
    entries, folders = read_entries(data, file=filename)
    _check_paths(entries, folders, filename)
    dist_info, data_folder = _find_roots(entries, folders, identity, filename)
    by_path = {entry.path: entry for entry in entries}
    if len(by_path) != len(entries):
        _refuse(filename, str(paths.clash([entry.path for entry in entries], ())))
    info = _Info(data, by_path, dist_info, filename)
    if trust_record:
        members = tuple(_member(entry, None) for entry in entries)
    else:
        members = _join_record(entries, folders, info.rows(), info)
    scripts = info.entry_points()
    shadowed = {f"{data_folder}/scripts/{script.name}" for script in scripts}
    members = _mark_skipped(members, shadowed)
    targets = _targets(members, data_folder, info)
    core = info.metadata(identity)
    target_folders = paths.folders_of(targets)
    if paths.too_many_folders(len(targets), len(target_folders)):
        _refuse(filename, f"it has {len(targets)} files in {len(target_folders)} folders")
    placed = [*targets, *(f"/bin/{script.name}" for script in scripts)]
    _check_targets(placed, [*target_folders, *(folder[:-1] for folder in folders)], filename)
    return WheelArchive(
        filename,
        core.name,
        core.version,
        dist_info,
        members,
        info.wheel_file().root_is_purelib,
        scripts,
        core,
    )


def _refuse(file: str, reason: str) -> NoReturn:
    raise WheelInvalid(file, reason)


def _identify(
    filename: str, name: str | None, version: Version | None
) -> tuple[NormalizedName, Version]:
    """Take name and version from the file name; they must be those that were asked for."""
    try:
        if len(filename) > _MAX_FILENAME or not filename.isascii() or not filename.isprintable():
            raise InvalidWheelFilename(filename[:_MAX_FILENAME])
        found_name, found_version, _, _ = parse_wheel_filename(filename)
    except ValueError:
        raise WheelInvalid(
            ascii(filename[:_MAX_FILENAME]), "its name is not that of a wheel"
        ) from None
    if name is not None and canonicalize_name(name) != found_name:
        _refuse(filename, f"its name is not that of {canonicalize_name(name)}")
    if version is not None and not is_same_release(version, found_version):
        _refuse(filename, f"its name is not that of version {version}")
    return found_name, found_version


def _check_paths(entries: Sequence[Entry], folders: Iterable[str], file: str) -> None:
    is_safe = paths.is_safe
    for entry in entries:
        if not is_safe(entry.path):
            _refuse(file, f"{entry.path[:200]!a} {paths.path_problem(entry.path)}")
    for folder in folders:
        if not is_safe(folder[:-1]):
            _refuse(file, f"{folder[:200]!a} {paths.path_problem(folder[:-1])}")


def _find_roots(
    entries: Iterable[Entry],
    folders: Iterable[str],
    identity: tuple[NormalizedName, Version],
    file: str,
) -> tuple[str, str]:
    """Find the one *.dist-info folder; it and the *.data folder must be of this very project."""
    roots = {entry.path.partition("/")[0] for entry in entries}
    roots.update(folder.partition("/")[0] for folder in folders)
    infos = sorted(root for root in roots if paths.fold(root).endswith(".dist-info"))
    if len(infos) != 1:
        _refuse(
            file,
            f"it has {len(infos)} *.dist-info folders" if infos else "it has no *.dist-info folder",
        )
    for root in roots:
        suffix = next(
            (end for end in (".dist-info", ".data") if paths.fold(root).endswith(end)), ""
        )
        if suffix and (
            not root.endswith(suffix) or not _is_of(_project(root.removesuffix(suffix)), identity)
        ):
            _refuse(file, f"{root!a} is the folder of another project or version")
    datas = sorted(root for root in roots if root.endswith(".data"))
    if len(datas) > 1:
        _refuse(file, f"it has {len(datas)} *.data folders")
    return infos[0], datas[0] if datas else ""


def _project(stem: str) -> tuple[str, Version] | None:
    """Read `name-version`, as escaped by any version of the build tools."""
    name, _, version = stem.rpartition("-")
    try:
        return canonicalize_name(name), Version(version.replace("_", "-"))
    except (InvalidVersion, ValueError):
        return None


def _is_of(said: tuple[str, Version] | None, identity: tuple[NormalizedName, Version]) -> bool:
    return said is not None and said[0] == identity[0] and is_same_release(said[1], identity[1])


class _Info:
    """The files of a wheel's *.dist-info folder, read and compared with RECORD."""

    def __init__(self, data: Data, by_path: Mapping[str, Entry], dist_info: str, file: str) -> None:
        self._data, self._by_path, self.dist_info, self.file = data, by_path, dist_info, file
        self._rows: Mapping[str, RecordRow] = {}
        for path in by_path:
            if path.startswith(dist_info) and paths.is_by_installers(path[len(dist_info) + 1 :]):
                _refuse(file, f"it contains {path!a}, which only an installer writes")

    def rows(self) -> Mapping[str, RecordRow]:
        """Read RECORD, by path."""
        rows = record.parse_record(self._read("RECORD", record.MAX_SIZE), file=self.file)
        self._rows = {row.path: row for row in rows}
        return self._rows

    def wheel_file(self) -> metadata.WheelFile:
        """Read WHEEL."""
        return metadata.parse_wheel_file(self._read("WHEEL", metadata.MAX_SIZE), file=self.file)

    def entry_points(self) -> tuple[EntryPoint, ...]:
        """Read entry_points.txt, which a wheel may lack."""
        if f"{self.dist_info}/entry_points.txt" not in self._by_path:
            return ()
        content = self._read("entry_points.txt", entry_points.MAX_SIZE)
        return entry_points.parse_entry_points(content, file=self.file)

    def metadata(self, identity: tuple[NormalizedName, Version]) -> CoreMetadata:
        """Read METADATA; it must name the project that the file name does, and its release."""
        try:
            core = metadata.parse_metadata(
                self._read("METADATA", metadata.MAX_SIZE), file="METADATA"
            )
        except MetadataInvalid as error:
            raise WheelInvalid(self.file, f"METADATA: {error.reason}") from error
        if not _is_of((core.name, core.version), identity):
            _refuse(self.file, f"METADATA says that it is {core.name} {core.version}")
        return core

    def _read(self, name: str, limit: int) -> bytes:
        path = f"{self.dist_info}/{name}"
        entry = self._by_path.get(path)
        if entry is None:
            _refuse(self.file, f"it has no {path}")
        if entry.size > limit:
            _refuse(self.file, f"{path} is larger than {limit} bytes")
        member = _member(entry, self._rows.get(path))
        return bytes(read_member(self._data, member, file=self.file)[0])


def _member(entry: Entry, row: RecordRow | None) -> Member:
    path, method, offset, compressed_size, size, crc, executable, streamed = entry
    sha256, other = (row.sha256 or "", row.other) if row else ("", "")
    known = (path, method, offset, compressed_size, size, crc, executable, sha256, other)
    return tuple.__new__(Member, (*known, streamed, False))


def _join_record(
    entries: Sequence[Entry], folders: Iterable[str], rows: Mapping[str, RecordRow], info: _Info
) -> tuple[Member, ...]:
    """Join members with their rows; every member has one, and every row a member."""
    unrecorded = {f"{info.dist_info}/{name}" for name in _UNRECORDED}
    members: list[Member] = []
    for entry in entries:
        row = rows.get(entry.path)
        if entry.path not in unrecorded:
            _check_row(entry, row, info.file)
        elif entry.path == f"{info.dist_info}/RECORD":
            row = None  # whatever it says of itself
        members.append(_member(entry, row))
    missing = rows.keys() - {entry.path for entry in entries} - unrecorded - set(folders)
    if missing:
        raise RecordWrong(info.file, f"RECORD lists {min(missing)!a}, which is not in the wheel")
    return tuple(members)


def _check_row(entry: Entry, row: RecordRow | None, file: str) -> None:
    if row is None:
        raise RecordWrong(file, f"{entry.path!a} is not in RECORD")
    if not (row.sha256 or row.other):
        raise RecordWrong(file, f"{entry.path!a} has no hash in RECORD")
    if row.size is not None and row.size != entry.size:
        raise RecordWrong(file, f"{entry.path!a} has another size than in RECORD")


def _mark_skipped(members: tuple[Member, ...], shadowed: set[str]) -> tuple[Member, ...]:
    """Mark what is checked but not installed.

    Bytecode beside its source: Python would believe its header and run it unseen, and makes its
    own when it is needed. A script of an entry point's name: the entry point's is installed, as
    pip has it.
    """
    if not shadowed and not any(member.path.endswith(".pyc") for member in members):
        return members
    all_paths = {member.path for member in members}
    return tuple(
        member._replace(skip=True)
        if member.path in shadowed or _is_stray_bytecode(member.path, all_paths)
        else member
        for member in members
    )


def _is_stray_bytecode(path: str, all_paths: set[str]) -> bool:
    """Say whether Python has a source in place of this bytecode, or would ignore it without."""
    if not path.endswith(".pyc"):
        return False
    return path.rpartition("/")[0].endswith("__pycache__") or path[:-1] in all_paths


def _targets(members: Sequence[Member], data_folder: str, info: _Info) -> list[str]:
    """Give each installed file's place: below site-packages, or from "/", the environment's root.

    Where purelib and platlib are one folder, which is so in environments, their files meet.
    """
    if not data_folder:
        return [member.path for member in members if not member.skip]
    prefix = f"{data_folder}/"
    return [
        _scheme_target(member.path[len(prefix) :], info)
        if member.path.startswith(prefix)
        else member.path
        for member in members
        if not member.skip
    ]


def _scheme_target(path: str, info: _Info) -> str:
    scheme, _, rest = path.partition("/")
    if scheme not in _SCHEMES or not rest:
        _refuse(info.file, f"{path!a} in its *.data folder is in no scheme that is known")
    is_library = scheme in ("purelib", "platlib")
    inside = rest if is_library else paths.below_site_packages(rest) if scheme == "data" else ""
    if why := paths.forged_metadata(inside, info.dist_info):
        _refuse(info.file, f"{path!a} in its *.data folder {why}")
    if is_library:
        return rest
    return {"scripts": "/bin/", "headers": "/include/site/", "data": "/"}[scheme] + rest


def _check_targets(targets: Sequence[str], folders: Iterable[str], file: str) -> None:
    """See that all can stand together, off what belongs to the environment."""
    problem = paths.clash(targets, folders)
    if problem is not None:
        _refuse(file, problem)
    for target in targets:
        if target[0] == "/" and (why := paths.reserved(target[1:])):
            _refuse(file, f"{target[1:]!a} {why}")
