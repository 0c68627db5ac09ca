"""A second opinion on a whole environment: what wheels put into it, and what is there.

It shares no code with envsync: wheels are read with `zipfile`, places and permissions are those
of the binary distribution format and of design decisions that users can see (stored files are
read-only, scripts are executable).
"""

import base64
import csv
import io
import os
import stat
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.support.accounting import sha256

READ_ONLY, RUNNABLE = stat.S_IFREG | 0o444, stat.S_IFREG | 0o555
WRITTEN, SCRIPT = stat.S_IFREG | 0o644, stat.S_IFREG | 0o755
FOLDER = stat.S_IFDIR | 0o755

_OWN = {".gitignore", "CACHEDIR.TAG", "pyvenv.cfg", "lib64"}
_ACTIVATE = ("activate", "Activate", "deactivate", "python")
_BY_INSTALLER = {"INSTALLER", "RECORD"}


class Entry(NamedTuple):
    """One file, link or folder as it is on disk."""

    mode: int
    """`st_mode`; a folder's setgid bit, which comes from the folder above, is left out."""
    content: str = ""
    """sha256 of a file, target of a link."""


Tree = dict[str, Entry]
"""By path relative to the root."""


def read_tree(root: Path) -> Tree:
    """Everything below a folder but envsync's own state and what Python compiled."""
    found: Tree = {}
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        for entry in os.scandir(root / folder):
            path = f"{folder}/{entry.name}".lstrip("/")
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISLNK(mode):
                found[path] = Entry(mode, os.readlink(entry.path))
            elif stat.S_ISREG(mode):
                if not path.endswith(".pyc") or folder.rpartition("/")[2] != "__pycache__":
                    with open(entry.path, "rb") as file:
                        found[path] = Entry(mode, sha256(file.read()))
            elif stat.S_ISDIR(mode) and path != ".envsync":
                if entry.name != "__pycache__":
                    found[path] = Entry(mode & ~stat.S_ISGID)
                waiting.append(path)
    return found


class Layout(NamedTuple):
    """Where an environment has its parts."""

    site: str
    """Of site-packages, relative to the environment."""
    headers: str

    @classmethod
    def of(cls, version: str) -> "Layout":
        """The layout for a version such as "3.11"."""
        return cls(f"lib/python{version}/site-packages", f"include/site/python{version}")


def expected(wheels: Iterable[bytes], layout: Layout, root: str) -> tuple[Tree, dict[str, str]]:
    """What wheels put into an environment: whole entries, and for launchers what they import."""
    tree: Tree = {}
    launchers: dict[str, str] = {}
    for content in wheels:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.infolist():
                _add(tree, archive, member, layout, root)
                if member.filename.endswith(".dist-info/entry_points.txt"):
                    launchers |= _launchers(archive.read(member).decode())
    return tree, launchers


def _add(
    tree: Tree, archive: zipfile.ZipFile, member: zipfile.ZipInfo, layout: Layout, root: str
) -> None:
    path, data = member.filename, archive.read(member)
    mode = RUNNABLE if member.external_attr >> 16 & 0o111 else READ_ONLY
    if path.endswith(".dist-info/RECORD"):
        return
    first, _, rest = path.partition("/")
    if not first.endswith(".data"):
        tree[f"{layout.site}/{path}"] = Entry(mode, sha256(data))
        return
    scheme, _, name = rest.partition("/")
    project = first.removesuffix(".data").partition("-")[0].replace("_", "-")
    places = {
        "purelib": layout.site,
        "platlib": layout.site,
        "scripts": "bin",
        "headers": f"{layout.headers}/{project}",
        "data": "",
    }
    if scheme == "scripts":
        if data.startswith(b"#!python\n"):
            data = f"#!{root}/bin/python\n".encode() + data.removeprefix(b"#!python\n")
            mode = SCRIPT
        elif mode == READ_ONLY:
            mode = SCRIPT
    tree[f"{places[scheme]}/{name}".lstrip("/")] = Entry(mode, sha256(data))


def _launchers(text: str) -> dict[str, str]:
    found = {}
    for line in text.splitlines():
        name, equals, value = line.partition(" = ")
        if equals:
            module, _, attribute = value.partition(":")
            found[f"bin/{name}"] = f"from {module} import {attribute}\n"
    return found


class Wanted(NamedTuple):
    """What the wheels of one goal put into an environment."""

    tree: Tree
    launchers: Mapping[str, str]
    layout: Layout
    version: str

    @classmethod
    def by(cls, wheels: Iterable[bytes], version: str, root: Path) -> "Wanted":
        """Read the wheels, for an environment at `root`."""
        layout = Layout.of(version)
        return cls(*expected(wheels, layout, str(root)), layout, version)


def problems(root: Path, wanted: Wanted) -> list[str]:
    """How an environment differs from what its wheels ask for, a line each; none: it is exact."""
    if not root.is_dir() or root.is_symlink():
        return [f"{root.name} is not there"]
    found = read_tree(root)
    found["."] = Entry(root.stat().st_mode & ~stat.S_ISGID)
    wrong = [
        f"{path} is {_worded(found.get(path))}, not {_worded(entry)}"
        for path, entry in wanted.tree.items()
        if found.get(path) != entry
    ]
    for path, line in wanted.launchers.items():
        there = found.get(path)
        if there is None or there.mode != SCRIPT or line not in (root / path).read_text():
            wrong.append(f"{path} does not start its entry point")
    for name in ("python", "python3", f"python{wanted.version}"):
        if not os.access(root / "bin" / name, os.X_OK):
            wrong.append(f"bin/{name} leads nowhere")
    wrong += _extra(root, found, wanted)
    beside = [entry for entry in os.listdir(root.parent) if ".envsync-" in entry]
    return wrong + [f"{entry} was left behind" for entry in beside]


def _worded(entry: Entry | None) -> str:
    return f"{entry.mode:o} {entry.content[:12]}" if entry else "missing"


def _extra(root: Path, found: Tree, wanted: Wanted) -> list[str]:
    """What is there though neither a wheel nor an environment has it."""
    folders = {path.rpartition("/")[0] for path in wanted.tree}
    used = _parents(path for path, entry in found.items() if not stat.S_ISDIR(entry.mode))
    wrong = []
    for path, entry in found.items():
        folder, _, name = path.rpartition("/")
        if stat.S_ISDIR(entry.mode):
            if entry.mode != FOLDER:
                wrong.append(f"{path} has mode {entry.mode:o}")
            if path.startswith(f"{wanted.layout.site}/") and path not in used:
                wrong.append(f"{path} is an empty folder")
        elif path in wanted.tree or path in wanted.launchers or _is_own(path):
            continue
        elif folder.endswith(".dist-info") and folder in folders and name in _BY_INSTALLER:
            if entry.mode != WRITTEN:
                wrong.append(f"{path} has mode {entry.mode:o}")
            if name == "RECORD":
                wrong += _false_rows(root, path, found, wanted.layout.site)
        else:
            wrong.append(f"{path} is there and nobody asked for it")
    return wrong


def _is_own(path: str) -> bool:
    return path in _OWN or path.startswith(tuple(f"bin/{name}" for name in _ACTIVATE))


def _parents(paths: Iterable[str]) -> set[str]:
    found = set()
    for path in paths:
        while path := path.rpartition("/")[0]:
            found.add(path)
    return found


def _false_rows(root: Path, record: str, found: Tree, site: str) -> list[str]:
    """Rows of RECORD that don't tell the truth; its own has neither hash nor size."""
    wrong = []
    for row in csv.reader((root / record).read_text(errors="replace").split("\n")[:-1]):
        if len(row) != 3 or "\0" in row[0]:
            wrong.append(f"{record} has a malformed row")
            continue
        name, digest, size = row
        path = os.path.normpath(f"{site}/{name}")
        if path == record:
            continue
        entry = found.get(path, Entry(0))
        encoded = base64.urlsafe_b64encode(bytes.fromhex(entry.content)).rstrip(b"=").decode()
        if entry.mode == 0 or (digest, size) != (
            f"sha256={encoded}",
            str(os.lstat(root / path).st_size),
        ):
            wrong.append(f"{record} is wrong about {name}")
    return wrong


def store_problems(cache: Path, wheels: Mapping[str, bytes]) -> list[str]:
    """How entries of a store differ from the wheels (by sha256) that they were unpacked from."""
    bucket = cache / "wheels-v1"
    wrong = []
    for entry in sorted(bucket.iterdir()) if bucket.is_dir() else []:
        content = wheels.get(entry.name)
        if content is None:
            continue
        if not (entry / "manifest").is_file():
            wrong.append(f"stored {entry.name[:12]} has no manifest")
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.infolist():
                file = entry / "tree" / member.filename
                if not file.is_file() or file.read_bytes() != archive.read(member):
                    wrong.append(f"stored {entry.name[:12]} is wrong about {member.filename}")
    return wrong
