"""The environment's manifest: every path that envsync placed, with owner and signature, as text.

    envsync-manifest 3
    id 5f0c…                           identity of the environment
    target /usr/bin/python3.12 …       the interpreter it was made from, with its signature
    selection groups=dev extras=       what was asked for
    written synced                     all of it is on disk; else the run of the system in which it
                                       was written, and the number of the environment's folder
    /<TAB>flask<TAB>3.1.0<TAB>ab12…<TAB>77…<TAB>612<TAB>c0…    a package: name, version, identity of
                                       its content, digest of its metadata; bytes and sha256 of the
                                       lines of its files
    seal 77aa… 03be…                   checksum and seal of all lines above (`environment.seal`)
    lib/python3.12/…<TAB>33060<TAB>812<TAB>9f3e…    of each in turn its files: path, st_mode, size,
                                       sha256

So what an owner's files are is compared with what was sealed when somebody asks, and what stays is
written again as it is. The owner without a name is the environment itself. A symbolic link has its
target in place of the hash. Modification times are not recorded: a placed file's time is a function
of its hash (`files.content_mtime`).
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple, overload

from envsync.environment.paths import are_inside
from envsync.environment.seal import NotBelieved, Seal, end_of
from envsync.platform.durable import SYNCED

HEADER = "envsync-manifest 3"
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

    def __init__(self, lines: bytes | memoryview, sha256: str) -> None:
        """`lines` end in a line feed, where there are any; `sha256` is what was sealed of them."""
        self.lines, self.sha256 = lines, sha256
        self._read: tuple[Placed, ...] | None = None

    def _sealed(self) -> bytes | memoryview:
        if hashlib.sha256(self.lines).hexdigest() != self.sha256:
            raise ManifestInvalid("is damaged")
        return self.lines

    def _files(self) -> tuple[Placed, ...]:
        if self._read is None:
            lines = str(self._sealed(), "utf-8", "surrogateescape").split("\n")[:-1]
            try:
                self._read = tuple(map(_parse_file, lines))
            except ValueError as error:
                raise ManifestInvalid("has a malformed line") from error
            if not are_inside([file.path for file in self._read]):
                raise ManifestInvalid("names a path outside the environment")
        return self._read

    def total(self) -> tuple[int, int]:
        """Give how many files there are, and their size, without making values of them.

        Raises `ManifestInvalid`.
        """
        lines = bytes(self._sealed()).splitlines()
        try:
            sizes = [int(line.split(b"\t", 3)[2]) for line in lines]
        except (IndexError, ValueError) as error:
            raise ManifestInvalid("has a malformed line") from error
        return len(sizes), sum(sizes)

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
    lines = [
        HEADER,
        f"id {manifest.environment_id}",
        f"target {manifest.target}",
        f"selection {manifest.selection}",
        f"written {manifest.written}",
    ]
    packed = [_pack(owner.files) for owner in manifest.owners]
    for owner, files in zip(manifest.owners, packed, strict=True):
        identity = owner.identity + (_BYTECODE if owner.bytecode else "")
        of_files = f"{len(files.lines)}\t{files.sha256}"
        lines.append(f"/\t{owner.name}\t{owner.version}\t{identity}\t{owner.facts}\t{of_files}")
    head = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
    return b"".join((seal.close(head), *(files.lines for files in packed)))


def _pack(files: Sequence[Placed]) -> PackedFiles:
    if isinstance(files, PackedFiles):
        return files
    rows = [f"{path}\t{mode}\t{size}\t{content}\n" for path, mode, size, content in files]
    lines = "".join(rows).encode("utf-8", "surrogateescape")
    return PackedFiles(lines, hashlib.sha256(lines).hexdigest())


def parse_manifest(
    data: bytes, seal: Seal, *, trusted: bool = False, packed: bool = False
) -> Manifest:
    """Read a manifest back; one that is `trusted` may have been sealed by somebody else.

    With `packed` the files of what this user sealed are read when they are asked for. Raises
    `ManifestInvalid` for anything that `render_manifest` didn't write, and for a path that leads
    out of the environment or into envsync's own state.
    """
    end = end_of(data)
    try:
        body = seal.open(data[:end], trusted=trusted)
    except NotBelieved as error:
        raise ManifestInvalid(str(error)) from error
    head = body.decode("utf-8", "surrogateescape").split("\n")[:-1]
    if head[:1] != [HEADER]:
        raise ManifestInvalid(f"has the unknown format {''.join(head[:1])[:40]!a}")
    try:
        owners = tuple(_parse_owners(head[5:], memoryview(data)[end:]))
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


def _parse_owners(lines: Sequence[str], behind: memoryview) -> Iterator[Owner]:
    """Give the owners; `behind` are the lines of their files. Raises `ValueError`."""
    begin = 0
    for line in lines:
        _, name, version, identity, facts, length, sha256 = line.split("\t")
        end = begin + int(length)
        yield Owner(
            name=name,
            version=version,
            identity=identity.removesuffix(_BYTECODE),
            files=PackedFiles(behind[begin:end], sha256),
            facts=facts,
            bytecode=identity.endswith(_BYTECODE),
        )
        begin = end
    if begin != len(behind):
        raise ValueError(begin)


def _parse_file(line: str) -> Placed:
    path, mode, size, content = line.split("\t")
    return Placed(path, int(mode), int(size), content)
