"""Give the files of one environment that come of one stored wheel: links, scripts, RECORD.

The result is a value; nothing is written here. Paths follow the "Binary distribution format"
specification ("Installing a wheel") and "Recording installed projects".
"""

import hashlib
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import NamedTuple

from envsync.environment.manifest import UNNAMED, Owner, Placed
from envsync.environment.placing import Tampered
from envsync.errors import WheelInvalid
from envsync.model.target import Target
from envsync.platform.files import storage_failed
from envsync.store.manifest import FileTable, StoredWheel
from envsync.sync.scripts import launcher, rewritten
from envsync.venv.create import EnvFile
from envsync.wheel.paths import below_site_packages, forged_metadata
from envsync.wheel.record_text import RecordRow, render_record

# What is linked has the mode of the stored file, which nobody may write to (H52); what is written
# for one environment is the user's to write.
READ_ONLY = stat.S_IFREG | 0o444
READ_ONLY_EXECUTABLE = stat.S_IFREG | 0o555
WRITABLE = stat.S_IFREG | 0o644
WRITABLE_EXECUTABLE = stat.S_IFREG | 0o755
# Links have no permissions of their own on Linux; macOS gives them some.
LINK = stat.S_IFLNK | (0o755 if sys.platform == "darwin" else 0o777)
SYMLINK = "symlink"

INSTALLER = b"envsync\n"


class Content(NamedTuple):
    """The files of one owner and where their bytes come from."""

    owner: Owner
    sources: tuple[str | bytes, ...]
    """For each of the owner's files: a path to link from, or the bytes to write (of a symbolic
    link, its target)."""


def environment_content(files: Iterable[EnvFile]) -> Content:
    """Give the environment's own files, without folders, as the owner that has no name."""
    placed: list[Placed] = []
    sources: list[str | bytes] = []
    for file in files:
        if file.kind == "link":
            placed.append(Placed(file.path, LINK, len(os.fsencode(file.link)), file.link))
            sources.append(os.fsencode(file.link))
        elif file.kind == "file":
            placed.append(_placed(file.path, file.content, executable=bool(file.mode & 0o100)))
            sources.append(file.content)
    return Content(UNNAMED._replace(files=tuple(placed)), tuple(sources))


def package_content(
    wheel: StoredWheel,
    target: Target,
    *,
    root: str,
    identity: str,
    direct_url: bytes | None = None,
    bytecode: StoredWheel | None = None,
) -> Content:
    """Give what the environment at `root` holds of a wheel.

    `identity` says what the files come from (see `environment.manifest.Owner`); `direct_url` is the
    text of direct_url.json for a package that doesn't come from an index (PEP 610). `bytecode`
    holds the wheel's compiled files, if the environment is to have them; RECORD, which Python's own
    bytecode isn't in either, is the same with and without. Raises `WheelInvalid` for a layout that
    can't be installed.
    """
    layout = _Layout(wheel, target, root)
    # By columns: nearly all files of an environment, tens of thousands, come through here.
    files, may_have_data = _plain(wheel, layout)
    site, tree = f"{layout.site}/", f"{wheel.tree}/"
    modes = [READ_ONLY_EXECUTABLE if each else READ_ONLY for each in files.executable]
    rows = zip([site + path for path in files.paths], modes, files.sizes, files.hashes, strict=True)
    # As Placed(*row) for each row, without a call in Python for each.
    placed: list[Placed] = list(map(tuple.__new__, repeat(Placed), rows))
    sources: list[str | bytes] = [tree + path for path in files.paths]
    written: list[tuple[str, bytes, bool]] = []
    if may_have_data:
        written += _place_data(wheel, layout, placed, sources)
    written += _made_by_installers(wheel, target, layout, direct_url)
    for path, data, executable in written:
        placed.append(_placed(path, data, executable=executable))
        sources.append(data)
    record_path = f"{layout.site}/{wheel.dist_info}/RECORD"
    record = render_record(
        (
            *zip(files.paths, files.hashes, files.sizes, repeat(""), strict=False),
            *(_row(file, layout.site) for file in placed[len(files) :]),
            RecordRow(f"{wheel.dist_info}/RECORD", None, None),
        )
    )
    placed.append(_placed(record_path, record, executable=False))
    sources.append(record)
    if bytecode is not None:
        _place_bytecode(bytecode, layout, placed, sources)
    _refuse_twice(placed, f"{wheel.name} {wheel.version}")
    owner = Owner(
        name=wheel.name, version=str(wheel.version), identity=identity, files=tuple(placed)
    )
    return Content(owner, tuple(sources))


def as_links(contents: Sequence[Content]) -> tuple[Content, ...]:
    """Give the same files as symbolic links into the store, for `link-mode = "symlink"`.

    What is written for this environment alone stays a file. A file that several packages have in
    common is one link: to that of the first by name, so that the order doesn't matter.
    """
    ends: dict[str, str] = {}
    for content in sorted(contents, key=lambda content: content.owner.name):
        for file, source in zip(content.owner.files, content.sources, strict=True):
            if isinstance(source, str):
                ends.setdefault(file.path, source)
    return tuple(_linked(content, ends) for content in contents)


def _linked(content: Content, ends: Mapping[str, str]) -> Content:
    placed: list[Placed] = []
    sources: list[str | bytes] = []
    for file, source in zip(content.owner.files, content.sources, strict=True):
        if isinstance(source, str):
            end = ends[file.path]
            target = os.fsencode(end)
            placed.append(Placed(file.path, LINK, len(target), end))
            sources.append(target)
        else:
            placed.append(file)
            sources.append(source)
    return Content(content.owner._replace(files=tuple(placed)), tuple(sources))


class _Layout:
    """Where the parts of one wheel go in an environment made from one interpreter."""

    def __init__(self, wheel: StoredWheel, target: Target, root: str) -> None:
        self.site = target.purelib if wheel.purelib else target.platlib
        self.scripts = f"{root}/{target.scripts}"
        self.data = wheel.dist_info.removesuffix(".dist-info") + ".data/"
        # What the installer writes itself, and signatures of what it replaces.
        self.own = tuple(f"{wheel.dist_info}/RECORD{end}" for end in ("", ".jws", ".p7s"))
        self._dist_info, self._file = wheel.dist_info, f"{wheel.name} {wheel.version}"
        data = f"{target.data}/" if target.data else ""
        self._schemes = {
            "purelib": f"{target.purelib}/",
            "platlib": f"{target.platlib}/",
            "headers": f"{target.headers}/{wheel.name}/",
            "scripts": f"{target.scripts}/",
            "data": data,
        }

    def destination(self, path: str) -> str:
        """Give the place of a file of the wheel's data folder."""
        scheme, _, rest = path[len(self.data) :].partition("/")
        if scheme not in self._schemes or not rest:
            raise WheelInvalid(self._file, f"{path} is in no scheme that the specification knows")
        if scheme == "data" and rest.startswith("lib64/"):
            rest = rest.replace("lib64/", "lib/", 1)  # one is a link to the other
        place = self._schemes[scheme] + rest
        if why := forged_metadata(below_site_packages(place), self._dist_info):
            raise WheelInvalid(self._file, f"{path!a} {why}")
        return place


def _plain(wheel: StoredWheel, layout: _Layout) -> tuple[FileTable, bool]:
    """Give the files of a wheel that go below site-packages as they are, under their own paths;
    and whether it may have a data folder.
    """
    files = FileTable.of(wheel.files)
    data, own = layout.data, layout.own
    may_have = data in "\n".join(files.paths)  # somewhere in a path, that is: it may have one
    if may_have:
        files = files.only([not path.startswith(data) for path in files.paths])
    return files.only([path not in own for path in files.paths]), may_have


def _place_data(
    wheel: StoredWheel, layout: _Layout, placed: list[Placed], sources: list[str | bytes]
) -> Iterator[tuple[str, bytes, bool]]:
    """Add the files of the wheel's data folder; give the scripts that are written anew."""
    for file in wheel.files:
        if not file.path.startswith(layout.data):
            continue
        path, source = layout.destination(file.path), f"{wheel.tree}/{file.path}"
        is_script = file.path.startswith(f"{layout.data}scripts/")
        if is_script:
            content = read_stored(source, file.sha256)
            script = rewritten(content, layout.scripts)
            if script is None and not file.executable:  # every script is made executable
                script = content
            if script is not None:
                yield path, script, True
                continue
        mode = READ_ONLY_EXECUTABLE if file.executable else READ_ONLY
        placed.append(Placed(path, mode, file.size, file.sha256))
        sources.append(source)


def _made_by_installers(
    wheel: StoredWheel, target: Target, layout: _Layout, direct_url: bytes | None
) -> Iterator[tuple[str, bytes, bool]]:
    """Give what no wheel has and every installer writes, but for RECORD, which lists these too."""
    for entry_point in wheel.entry_points:
        yield f"{target.scripts}/{entry_point.name}", launcher(entry_point, layout.scripts), True
    dist_info = f"{layout.site}/{wheel.dist_info}"
    yield f"{dist_info}/INSTALLER", INSTALLER, False
    if direct_url is not None:
        yield f"{dist_info}/direct_url.json", direct_url, False


def read_stored(source: str, sha256: str) -> bytes:
    """Read a stored file whose bytes are needed here. Raises `Tampered`, `StorageFailed`."""
    try:
        with open(source, "rb") as stored:
            content = stored.read()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Tampered(source) from error  # somebody emptied the store meanwhile
    except OSError as error:
        raise storage_failed(source, error) from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Tampered(source)
    return content


def _place_bytecode(
    bytecode: StoredWheel, layout: _Layout, placed: list[Placed], sources: list[str | bytes]
) -> None:
    """Add the compiled files, each beside its source."""
    site, tree = f"{layout.site}/", f"{bytecode.tree}/"
    for path, size, sha256, _ in bytecode.files:
        place = layout.destination(path) if path.startswith(layout.data) else site + path
        placed.append(Placed(place, READ_ONLY, size, sha256))
        sources.append(tree + path)


def _placed(path: str, data: bytes, *, executable: bool) -> Placed:
    mode = WRITABLE_EXECUTABLE if executable else WRITABLE
    return Placed(path, mode, len(data), hashlib.sha256(data).hexdigest())


def _row(file: Placed, site: str) -> RecordRow:
    """Give a file's row of RECORD: its path is relative to site-packages (PEP 376, PEP 427)."""
    inside = file.path.startswith(f"{site}/")
    path = file.path[len(site) + 1 :] if inside else os.path.relpath(f"/{file.path}", f"/{site}")
    return RecordRow(path, file.content, file.size)


def _refuse_twice(files: Sequence[Placed], wheel: str) -> None:
    """Two files of one wheel with one destination (purelib and data, say) are refused."""
    seen = {file.path for file in files}
    if len(seen) == len(files):
        return
    for file in files:
        if file.path not in seen:
            raise WheelInvalid(wheel, f"{file.path!a} would be installed twice")
        seen.remove(file.path)


def sources(contents: Iterable[Content]) -> dict[str, str | bytes]:
    """Give, by path, where each file's bytes come from."""
    return {
        file.path: source
        for content in contents
        for file, source in zip(content.owner.files, content.sources, strict=True)
    }
