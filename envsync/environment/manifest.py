"""The environment's manifest: every path that envsync placed, with owner and signature, as text.

    envsync-manifest 2
    id 5f0c…                           identity of the environment
    target /usr/bin/python3.12 …       the interpreter it was made from, with its signature
    selection groups=dev extras=       what was asked for
    written synced                     all of it is on disk; else the run of the system in which it
                                       was written, and the number of the environment's folder
    /<TAB>flask<TAB>3.1.0<TAB>ab12…<TAB>77…    a package: name, version, identity of its content,
                                       digest of its metadata
    lib/python3.12/…<TAB>33060<TAB>812<TAB>9f3e…    its files: path, st_mode, size, sha256
    seal 77aa… 03be…                   checksum and seal of all lines above (`environment.seal`)

Files before the first package belong to the environment itself. A symbolic link has its target
in place of the hash. Modification times are not recorded: a placed file's time is a function of
its hash (`files.content_mtime`).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, overload

from envsync.environment.paths import are_inside
from envsync.environment.seal import NotBelieved, Seal
from envsync.platform.durable import SYNCED

HEADER = "envsync-manifest 2"
_BYTECODE = "+bytecode"
"""Ends the identity of a package, in the text, whose compiled files are there, too."""


class Placed(NamedTuple):
    """One file or symbolic link that envsync placed."""

    path: str
    """Relative to the environment's root, with forward slashes."""
    mode: int
    """`st_mode`: type and permissions."""
    size: int
    content: str
    """sha256 in hexadecimal; of a symbolic link, its target."""


class PackedFiles(Sequence[Placed]):
    """The files of an owner as lines of a manifest: read when somebody asks for one of them.

    Reading all takes longer than the rest of a sync that changes a package. Raises
    `ManifestInvalid` then for lines that `render_manifest` didn't write.
    """

    def __init__(self, lines: bytes) -> None:
        """`lines` end in a line feed, where there are any."""
        self.lines = lines
        self._read: tuple[Placed, ...] | None = None

    def _files(self) -> tuple[Placed, ...]:
        if self._read is None:
            lines = self.lines.decode("utf-8", "surrogateescape").split("\n")[:-1]
            try:
                self._read = tuple(map(_parse_file, lines))
            except ValueError as error:
                raise ManifestInvalid("has a malformed line") from error
            if not are_inside([file.path for file in self._read]):
                raise ManifestInvalid("names a path outside the environment")
        return self._read

    @overload
    def __getitem__(self, at: int) -> Placed: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Placed]: ...
    def __getitem__(self, at: int | slice) -> Placed | Sequence[Placed]:
        return self._files()[at]

    def __len__(self) -> int:
        return len(self._files())

    def __iter__(self) -> Iterator[Placed]:
        return iter(self._files())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._files() == tuple(other)

    def __hash__(self) -> int:
        return hash(self._files())


class Owner(NamedTuple):
    """A package in the environment and its files; the environment's own files have no name."""

    name: str
    version: str
    identity: str
    """Equal identities mean equal files: the wheel's sha256 and what else shapes its files."""
    files: Sequence[Placed]
    facts: str = ""
    """What its METADATA decides, as a digest (`wheel.facts`); "" where that isn't known."""
    bytecode: bool = False
    """Its compiled files are among them."""


UNNAMED = Owner(name="", version="", identity="", files=())
"""The owner of the environment's own files, without them."""


class Manifest(NamedTuple):
    """What envsync placed in one environment."""

    environment_id: str
    target: str
    """The interpreter: path and signature, as one line."""
    selection: str
    """Groups and extras asked for, as one line."""
    owners: tuple[Owner, ...]
    """The environment itself first, then packages by name."""
    written: str = SYNCED
    """`SYNCED`, or the run of the system in which the files were written, and the inode number of
    the environment's folder: they may not have reached the disk before that run ended."""

    def placed(self) -> dict[str, Placed]:
        """Every placed path."""
        return {file.path: file for owner in self.owners for file in owner.files}

    def packages(self) -> dict[str, Owner]:
        """The packages by name."""
        return {owner.name: owner for owner in self.owners if owner.name}


class ManifestInvalid(ValueError):
    """A manifest that this user's envsync didn't write; its words go behind "its manifest"."""


def render_manifest(manifest: Manifest, seal: Seal) -> bytes:
    """Write a manifest as text, with its seal."""
    head = (
        HEADER,
        f"id {manifest.environment_id}",
        f"target {manifest.target}",
        f"selection {manifest.selection}",
        f"written {manifest.written}",
    )
    pieces = ["".join(f"{line}\n" for line in head).encode("utf-8", "surrogateescape")]
    for owner in manifest.owners:
        if owner.name:
            identity = owner.identity + (_BYTECODE if owner.bytecode else "")
            pieces.append(f"/\t{owner.name}\t{owner.version}\t{identity}\t{owner.facts}\n".encode())
        pieces.append(_render_files(owner.files))
    return seal.close(b"".join(pieces))


def _render_files(files: Sequence[Placed]) -> bytes:
    if isinstance(files, PackedFiles):
        return files.lines
    lines = [f"{path}\t{mode}\t{size}\t{content}\n" for path, mode, size, content in files]
    return "".join(lines).encode("utf-8", "surrogateescape")


def parse_manifest(
    data: bytes, seal: Seal, *, trusted: bool = False, packed: bool = False
) -> Manifest:
    """Read a manifest back; one that is `trusted` may have been sealed by somebody else.

    With `packed` the files of what this user sealed are read when they are asked for. Raises
    `ManifestInvalid` for anything that `render_manifest` didn't write, and for a path that leads
    out of the environment or into envsync's own state.
    """
    try:
        body = seal.open(data, trusted=trusted)
    except NotBelieved as error:
        raise ManifestInvalid(str(error)) from error
    # An owner begins with a line that no path can look like.
    own, *others = body.removesuffix(b"\n").split(b"\n/\t")
    lines = own.split(b"\n", 5)
    head = [line.decode("utf-8", "surrogateescape") for line in lines[:5]]
    if head[0] != HEADER:
        raise ManifestInvalid(f"has the unknown format {head[0][:40]!a}")
    try:
        owners = (UNNAMED._replace(files=_packed(b"".join(lines[5:]))), *map(_parse_owner, others))
        manifest = Manifest(
            environment_id=head[1].removeprefix("id "),
            target=head[2].removeprefix("target "),
            selection=head[3].removeprefix("selection "),
            written=head[4].removeprefix("written "),
            owners=owners,
        )
    except (IndexError, ValueError) as error:
        raise ManifestInvalid("has a malformed line") from error
    if packed and not trusted:
        return manifest
    read = (owner._replace(files=tuple(owner.files)) for owner in owners)
    return manifest._replace(owners=tuple(read))


def _packed(lines: bytes) -> PackedFiles:
    return PackedFiles(lines + b"\n" if lines else b"")


def _parse_owner(text: bytes) -> Owner:
    first, _, lines = text.partition(b"\n")
    name, version, identity, facts = first.decode("utf-8", "surrogateescape").split("\t")
    return Owner(
        name=name,
        version=version,
        identity=identity.removesuffix(_BYTECODE),
        files=_packed(lines),
        facts=facts,
        bytecode=identity.endswith(_BYTECODE),
    )


def _parse_file(line: str) -> Placed:
    path, mode, size, content = line.split("\t")
    return Placed(path, int(mode), int(size), content)
