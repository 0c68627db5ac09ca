"""The store of unpacked wheels, shared by all projects and processes of a user.

An entry is a folder named by the wheel's sha256, `wheels-v1/<sha256>/`:

    manifest     the files with size, hash and mode; written last
    tree/        the files themselves, read-only, laid out as in the wheel
    verified     empty; there once the entry has been read back after a restart of the system
    times        when each file last changed while it was known to be right (`store.times`)

It is built aside in a private folder and renamed, so it is there whole or not at all, and it
never changes but for `times`, which may be lost. Nobody waits for anybody: of two processes that
make one entry the slower one drops its own. Manifest and files never share a folder, so no wheel
can bring a manifest of its own.

Files are not flushed one by one. After a crash of the system some may be empty or missing though
the manifest is there, so an entry that was written before the last start of the system is hashed
once before it is used.
"""

import hashlib
from functools import partial

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from envsync.errors import HashMismatch, WheelInvalid
from envsync.model.local_version import is_same_release
from envsync.platform.files import storage_errors
from envsync.store.manifest import StoredWheel, refuse_record
from envsync.store.unpack import unpack
from envsync.store.writer import StoreWriter
from envsync.wheel.archive import WheelArchive, open_wheel
from envsync.wheel.facts import facts_digest
from envsync.wheel.file_bytes import Data, opened, pieces


class WheelStore(StoreWriter):
    """The store, with what it takes to add to it."""

    def add(
        self,
        archive_path: str,
        *,
        sha256: str,
        filename: str,
        name: str | None = None,
        version: Version | None = None,
        trust_record: bool = False,
    ) -> StoredWheel:
        """Read, judge and unpack a wheel, unless it is there already.

        The file at `archive_path` must not change meanwhile: give a private copy of one that
        others may write to. `filename` is its real name; `name` and `version`, where given, are
        what it must be. With `trust_record` its files need not fit RECORD. Raises `HashMismatch`
        when it hasn't this sha256, `WheelInvalid`, and `StorageFailed`.
        """
        present = self.get(sha256)
        if present is not None:
            _check_identity(present, filename, name, version)
            refuse_record(present, filename, trust_record=trust_record)
            return present
        with storage_errors(self.root), opened(archive_path) as data:
            digest = _sha256(data)
            if digest != sha256:
                raise HashMismatch(filename, f"sha256 {sha256}", f"sha256 {digest}")
            archive = open_wheel(
                data, filename=filename, name=name, version=version, trust_record=trust_record
            )
            return self.make(partial(self._build, archive, data, sha256, trust_record))

    def _build(
        self, archive: WheelArchive, data: Data, sha256: str, trusted: bool, staging: str
    ) -> StoredWheel:
        """Make a whole entry in `staging`, manifest last."""
        files, folders = unpack(archive, data, f"{staging}/tree", sync=not self.boot)
        wheel = StoredWheel(
            sha256=sha256,
            tree=f"{self.entry(sha256)}/tree",
            name=archive.name,
            version=str(archive.version),
            dist_info=archive.dist_info,
            purelib=archive.purelib,
            files=files,
            entry_points=archive.entry_points,
            folders=folders,
            facts=facts_digest(archive.metadata),
            requires_python=_in_a_line(archive.metadata.requires_python),
            trusted_record=trusted,
        )
        return self.seal(staging, wheel)


def _in_a_line(requires_python: SpecifierSet | None) -> str:
    text = str(requires_python or "")
    return text if text.isascii() and text.isprintable() else ""


def _check_identity(
    wheel: StoredWheel, filename: str, name: str | None, version: Version | None
) -> None:
    """See that an entry is what was asked for, as `open_wheel` does for a wheel."""
    if name is not None and canonicalize_name(name) != wheel.name:
        raise WheelInvalid(filename, f"it is {wheel.name}, not {canonicalize_name(name)}")
    if version is not None and not is_same_release(version, Version(wheel.version)):
        raise WheelInvalid(filename, f"it is version {wheel.version}, not {version}")
    try:
        named, named_version, _, _ = parse_wheel_filename(filename)
        is_right = named == wheel.name and is_same_release(named_version, Version(wheel.version))
    except ValueError:
        is_right = False
    if not is_right:
        raise WheelInvalid(filename, f"it is {wheel.name} {wheel.version}")


def _sha256(data: Data) -> str:
    whole = hashlib.sha256()
    for piece in pieces(data):
        whole.update(piece)
    return whole.hexdigest()
