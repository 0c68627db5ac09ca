"""Build small wheels and source distributions in memory, the same bytes on every machine.

    filename, content = make_wheel("shop", "1.0", {"shop.py": "x = 1"}, requires=["rich>=14"])
    filename, content = make_sdist("shop", "1.0", {"src/shop.py": "x = 1"})

Nothing is compressed unless asked for, because compressed bytes differ between zlib builds.
"""

import base64
import hashlib
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

Content = bytes | str
Files = Mapping[str, Content]
EntryPoints = str | Mapping[str, Mapping[str, str]]

EPOCH = (1980, 1, 1, 0, 0, 0)
"""Time stamp of every member of a wheel."""

SDIST_MTIME = 315_532_800
"""Time stamp of every member of a source distribution: 1980-01-01T00:00:00Z."""


def to_bytes(content: Content) -> bytes:
    """Text as UTF-8; bytes as they are."""
    return content.encode() if isinstance(content, str) else content


def file_name_part(name: str) -> str:
    """A project name as file names spell it: `Foo.Bar-baz` becomes `foo_bar_baz`."""
    return canonicalize_name(name).replace("-", "_")


def record_line(path: str, content: bytes) -> str:
    """One row of RECORD."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    shown = f'"{path}"' if "," in path else path
    return f"{shown},sha256={digest},{len(content)}\n"


def render_entry_points(entry_points: EntryPoints) -> str:
    """entry_points.txt of `{group: {name: value}}`; text stays as it is."""
    if isinstance(entry_points, str):
        return entry_points
    lines: list[str] = []
    for group, entries in entry_points.items():
        lines.append(f"[{group}]")
        lines += [f"{name} = {value}" for name, value in entries.items()]
        lines.append("")
    return "\n".join(lines)


def render_metadata(
    name: str,
    version: str,
    *,
    requires: Iterable[str] = (),
    requires_python: str | None = None,
    extras: Mapping[str, Sequence[str]] | None = None,
    metadata_version: str = "2.2",
    metadata_extra: Iterable[str] = (),
) -> str:
    """METADATA or PKG-INFO; `metadata_extra` are more header lines, as they stand."""
    lines = [f"Metadata-Version: {metadata_version}", f"Name: {name}", f"Version: {version}"]
    if requires_python is not None:
        lines.append(f"Requires-Python: {requires_python}")
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    for extra, requirements in (extras or {}).items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f"Requires-Dist: {_with_extra(text, extra)}" for text in requirements]
    lines += metadata_extra
    return "\n".join([*lines, "", f"{name} is a package made for a test.", ""])


def _with_extra(text: str, extra: str) -> str:
    requirement = Requirement(text)
    condition = f'extra == "{extra}"'
    if requirement.marker is not None:
        marker, requirement.marker = requirement.marker, None
        condition = f"({marker}) and {condition}"
    return f"{requirement} ; {condition}"


def wheel_files(
    name: str,
    version: str,
    files: Files,
    *,
    requires: Iterable[str] = (),
    requires_python: str | None = None,
    extras: Mapping[str, Sequence[str]] | None = None,
    entry_points: EntryPoints | None = None,
    tag: str = "py3-none-any",
    root_is_purelib: bool = True,
    data: Files | None = None,
    metadata_extra: Iterable[str] = (),
) -> dict[str, bytes]:
    """Every member of a wheel with its content, RECORD last."""
    stem = f"{file_name_part(name)}-{Version(version)}"
    info = f"{stem}.dist-info"
    members = {path: to_bytes(content) for path, content in files.items()}
    members |= {f"{stem}.data/{path}": to_bytes(text) for path, text in (data or {}).items()}
    metadata = render_metadata(
        name,
        version,
        requires=requires,
        requires_python=requires_python,
        extras=extras,
        metadata_extra=metadata_extra,
    )
    members.setdefault(f"{info}/METADATA", metadata.encode())
    members.setdefault(f"{info}/WHEEL", render_wheel_file(tag, root_is_purelib).encode())
    if entry_points is not None:
        members[f"{info}/entry_points.txt"] = render_entry_points(entry_points).encode()
    if f"{info}/RECORD" not in members:
        rows = [record_line(path, content) for path, content in members.items()]
        members[f"{info}/RECORD"] = "".join([*rows, f"{info}/RECORD,,\n"]).encode()
    return members


def render_wheel_file(tag: str, root_is_purelib: bool = True) -> str:
    """WHEEL, with a compressed tag set (`py2.py3-none-any`) written out."""
    pythons, abis, platforms = tag.split("-")
    tags = [
        f"Tag: {python}-{abi}-{platform}\n"
        for python in pythons.split(".")
        for abi in abis.split(".")
        for platform in platforms.split(".")
    ]
    purelib = "true" if root_is_purelib else "false"
    head = f"Wheel-Version: 1.0\nGenerator: test 1.0\nRoot-Is-Purelib: {purelib}\n"
    return head + "".join(tags)


def make_wheel(
    name: str,
    version: str,
    files: Files | None = None,
    *,
    requires: Iterable[str] = (),
    requires_python: str | None = None,
    extras: Mapping[str, Sequence[str]] | None = None,
    entry_points: EntryPoints | None = None,
    tag: str = "py3-none-any",
    root_is_purelib: bool = True,
    data: Files | None = None,
    executable: Collection[str] = (),
    metadata_extra: Iterable[str] = (),
    compressed: bool = False,
    build: str = "",
) -> tuple[str, bytes]:
    """A valid wheel: its file name and its bytes.

    `files` are members by their path in the wheel; one under `*.dist-info/` replaces the generated
    one (RECORD too: that is how to make a wheel that lies). Without any files the wheel has one
    module, named like the project. `data` goes to `NAME-VERSION.data/`, so its keys begin with a
    scheme (`scripts/tool`). `extras` maps an extra to its requirements. `executable` lists member
    paths with the executable bit. `build` is a build tag such as "1".
    """
    stem = f"{file_name_part(name)}-{Version(version)}"
    if files is None:
        files = {f"{file_name_part(name)}.py": f"__version__ = {version!r}\n"}
    members = wheel_files(
        name,
        version,
        files,
        requires=requires,
        requires_python=requires_python,
        extras=extras,
        entry_points=entry_points,
        tag=tag,
        root_is_purelib=root_is_purelib,
        data=data,
        metadata_extra=metadata_extra,
    )
    middle = f"{stem}-{build}" if build else stem
    return f"{middle}-{tag}.whl", pack_zip(members, executable=executable, compressed=compressed)


def pack_zip(
    members: Mapping[str, bytes], *, executable: Collection[str] = (), compressed: bool = False
) -> bytes:
    """A ZIP archive of regular files; a key that ends in "/" makes a folder entry."""
    buffer = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for path, content in members.items():
            info = zipfile.ZipInfo(path, EPOCH)
            info.create_system = 3
            info.compress_type = zipfile.ZIP_STORED if path.endswith("/") else method
            mode = 0o100755 if path in executable else 0o100644
            info.external_attr = (0o40755 << 16 | 0x10) if path.endswith("/") else mode << 16
            archive.writestr(info, content)
    return buffer.getvalue()


BACKEND = '''\
"""A build backend in the source tree that needs nothing: packs `src/` as a wheel."""

import base64, hashlib, os, zipfile


def _identity():
    with open("PKG-INFO", encoding="utf-8") as file:
        text = file.read()
    lines = text.split("\\n\\n")[0].split("\\n")
    head = dict(line.split(": ", 1) for line in lines if ": " in line)
    return head["Name"].lower().replace("-", "_").replace(".", "_"), head["Version"], text


def _sources():
    for folder, folders, names in os.walk("src"):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                yield os.path.relpath(path, "src").replace(os.sep, "/"), file.read()


def _metadata_files():
    name, version, metadata = _identity()
    wheel = "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    return {"METADATA": metadata.encode(), "WHEEL": wheel.encode()}


def _pack(folder, files):
    name, version, _ = _identity()
    info = f"{name}-{version}.dist-info"
    files = {**files, **{f"{info}/{key}": text for key, text in _metadata_files().items()}}
    rows = []
    filename = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, filename), "w") as archive:
        for path, content in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode()
            digest = digest.rstrip("=")
            rows.append(f"{path},sha256={digest},{len(content)}\\n")
            archive.writestr(zipfile.ZipInfo(path), content)
        record = "".join(rows) + f"{info}/RECORD,,\\n"
        archive.writestr(zipfile.ZipInfo(f"{info}/RECORD"), record)
    return filename


def get_requires_for_build_wheel(config_settings=None):
    return []


get_requires_for_build_editable = get_requires_for_build_wheel


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    name, version, _ = _identity()
    info = f"{name}-{version}.dist-info"
    os.mkdir(os.path.join(metadata_directory, info))
    for key, content in _metadata_files().items():
        with open(os.path.join(metadata_directory, info, key), "wb") as file:
            file.write(content)
    return info


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return _pack(wheel_directory, dict(_sources()))


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name, _, _ = _identity()
    return _pack(wheel_directory, {f"__editable__{name}.pth": os.path.abspath("src").encode()})
'''
"""Source of the build backend that `make_sdist` puts in the tree as `backend.py`."""


def source_files(
    name: str,
    version: str,
    files: Files | None = None,
    *,
    requires: Iterable[str] = (),
    requires_python: str | None = None,
    extras: Mapping[str, Sequence[str]] | None = None,
    metadata_version: str = "2.2",
    metadata_extra: Iterable[str] = (),
    build_requires: Sequence[str] = (),
    build_backend: str | None = "backend",
    backend_path: Sequence[str] | None = (".",),
    backend_source: Content | None = BACKEND,
) -> dict[str, bytes]:
    """Every file of a source tree, by its path in the tree.

    PKG-INFO is static by default (PEP 643, version 2.2); `metadata_version="2.1"` or
    `metadata_extra=["Dynamic: Requires-Dist"]` make it need a build. `build_backend` names the
    backend; the module `backend_source` is written as `backend.py`. `backend_path=None` leaves
    that key out, and `build_backend=None` leaves out pyproject.toml. A file given in `files` wins
    over a generated one.
    """
    if files is None:
        files = {f"src/{file_name_part(name)}.py": f"__version__ = {version!r}\n"}
    metadata = render_metadata(
        name,
        version,
        requires=requires,
        requires_python=requires_python,
        extras=extras,
        metadata_version=metadata_version,
        metadata_extra=metadata_extra,
    )
    tree = {"PKG-INFO": metadata.encode()}
    if build_backend is not None:
        tree["pyproject.toml"] = _pyproject(build_requires, build_backend, backend_path).encode()
        if backend_source is not None:
            tree["backend.py"] = to_bytes(backend_source)
    return tree | {path: to_bytes(content) for path, content in files.items()}


def _pyproject(requires: Sequence[str], backend: str, backend_path: Sequence[str] | None) -> str:
    text = f'[build-system]\nrequires = {_toml_list(requires)}\nbuild-backend = "{backend}"\n'
    return text if backend_path is None else f"{text}backend-path = {_toml_list(backend_path)}\n"


def _toml_list(values: Sequence[str]) -> str:
    return "[" + ", ".join(f"'{value}'" for value in values) + "]"


def make_sdist(
    name: str,
    version: str,
    files: Files | None = None,
    *,
    requires: Iterable[str] = (),
    requires_python: str | None = None,
    extras: Mapping[str, Sequence[str]] | None = None,
    metadata_version: str = "2.2",
    metadata_extra: Iterable[str] = (),
    build_requires: Sequence[str] = (),
    build_backend: str | None = "backend",
    backend_path: Sequence[str] | None = (".",),
    backend_source: Content | None = BACKEND,
) -> tuple[str, bytes]:
    """A valid `.tar.gz` source distribution: its file name and its bytes; see `source_files`.

    The default backend lies in the tree, needs nothing and packs everything under `src/`.
    """
    stem = f"{file_name_part(name)}-{Version(version)}"
    tree = source_files(
        name,
        version,
        files,
        requires=requires,
        requires_python=requires_python,
        extras=extras,
        metadata_version=metadata_version,
        metadata_extra=metadata_extra,
        build_requires=build_requires,
        build_backend=build_backend,
        backend_path=backend_path,
        backend_source=backend_source,
    )
    members = {f"{stem}/{path}": content for path, content in tree.items()}
    return f"{stem}.tar.gz", stored_gzip(pack_tar(members))


def pack_tar(members: Mapping[str, bytes]) -> bytes:
    """A tar archive of regular files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, content in members.items():
            info = tarfile.TarInfo(path)
            info.size, info.mtime, info.mode = len(content), SDIST_MTIME, 0o644
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def stored_gzip(content: bytes) -> bytes:
    """A gzip stream of stored blocks: no compressor is asked, so the bytes are always the same."""
    pieces = [b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"]
    starts = range(0, len(content), 0xFFFF) or range(1)
    for start in starts:
        block = content[start : start + 0xFFFF]
        last = start + 0xFFFF >= len(content)
        pieces.append(struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF) + block)
    pieces.append(struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFF_FFFF))
    return b"".join(pieces)
