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

from collections.abc import Iterable
from typing import NamedTuple

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


class Owner(NamedTuple):
    """A package in the environment and its files; the environment's own files have no name."""

    name: str
    version: str
    identity: str
    """Equal identities mean equal files: the wheel's sha256 and what else shapes its files."""
    files: tuple[Placed, ...]
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
    for owner in manifest.owners:
        if owner.name:
            identity = owner.identity + (_BYTECODE if owner.bytecode else "")
            lines.append(f"/\t{owner.name}\t{owner.version}\t{identity}\t{owner.facts}")
        lines.extend(_render_files(owner.files))
    return seal.close(("\n".join(lines) + "\n").encode("utf-8", "surrogateescape"))


def _render_files(files: Iterable[Placed]) -> Iterable[str]:
    return [f"{path}\t{mode}\t{size}\t{content}" for path, mode, size, content in files]


def parse_manifest(data: bytes, seal: Seal, *, trusted: bool = False) -> Manifest:
    """Read a manifest back; one that is `trusted` may have been sealed by somebody else.

    Raises `ManifestInvalid` for anything that `render_manifest` didn't write, and for a path that
    leads out of the environment or into envsync's own state.
    """
    try:
        lines = seal.open(data, trusted=trusted).decode("utf-8", "surrogateescape").split("\n")
    except NotBelieved as error:
        raise ManifestInvalid(str(error)) from error
    if lines[0] != HEADER:
        raise ManifestInvalid(f"has the unknown format {lines[0][:40]!a}")
    try:
        manifest = Manifest(
            environment_id=lines[1].removeprefix("id "),
            target=lines[2].removeprefix("target "),
            selection=lines[3].removeprefix("selection "),
            written=lines[4].removeprefix("written "),
            owners=tuple(_parse_owners(lines[5:-1])),
        )
    except (IndexError, ValueError) as error:
        raise ManifestInvalid("has a malformed line") from error
    if not are_inside([file.path for owner in manifest.owners for file in owner.files]):
        raise ManifestInvalid("names a path outside the environment")
    return manifest


def _parse_owners(lines: list[str]) -> Iterable[Owner]:
    owner = UNNAMED
    files: list[Placed] = []
    for line in lines:
        row = line.split("\t")
        if row[0] == "/":
            yield owner._replace(files=tuple(files))
            _, name, version, identity, facts = row
            owner = Owner(
                name=name,
                version=version,
                identity=identity.removesuffix(_BYTECODE),
                files=(),
                facts=facts,
                bytecode=identity.endswith(_BYTECODE),
            )
            files = []
        else:
            path, mode, size, content = row
            files.append(Placed(path, int(mode), int(size), content))
    yield owner._replace(files=tuple(files))
