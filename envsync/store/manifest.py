"""What the store knows of an unpacked wheel, as a value and as the text of its manifest.

The text has one line for each column of the table of files, not one for each file: a fresh
environment reads some hundred manifests with tens of thousands of files, and splitting a column
is one call. Lines end with LF; the last one is the checksum of all before it (`cache.values`), so
that a manifest which the disk holds only in part is as good as none:

    envsync wheel 1
    sha256 HEX of the wheel
    name, version, dist-info, purelib, boot       each with its value
    entry-points N, then N lines                  group, name, module, attribute, extras
    folders N, then N lines
    files N, then N lines                         paths
    executable                                    numbers of the executable files
    sizes
    hashes
    facts HEX                                     of a wheel: digest of its METADATA's facts
    requires-python SPECIFIERS                    and this one of them, "" for none
    record not compared                           only where RECORD may not fit the files
    checksum HEX

The two lines of facts are missing in manifests of older versions and in those of bytecode. Older
versions wrote pairs of paths that differ in case only, as `collisions N` and N lines, before the
folders; nobody reads them any more.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, compress, islice, repeat
from typing import NamedTuple, overload

from envsync.cache.values import with_checksum, without_checksum
from envsync.errors import RecordWrong
from envsync.model.entry_point import EntryPoint

_FORMAT = "envsync wheel 1"
_NOT_COMPARED = "record not compared"


class StoredFile(NamedTuple):
    """One file of a stored wheel."""

    path: str
    """Relative to the wheel's tree, with forward slashes."""
    size: int
    sha256: str
    """In hexadecimal."""
    executable: bool


class FileTable(Sequence[StoredFile]):
    """The files of a stored wheel by columns: rows are made only where they are asked for.

    Equal to any sequence of the same files.
    """

    def __init__(
        self,
        paths: Sequence[str],
        sizes: Sequence[int],
        hashes: Sequence[str],
        executable: Sequence[bool],
    ) -> None:
        self.paths, self.sizes, self.hashes, self.executable = paths, sizes, hashes, executable

    @classmethod
    def of(cls, files: Sequence[StoredFile]) -> "FileTable":
        """Give files by columns."""
        if isinstance(files, FileTable):
            return files
        paths, sizes, hashes, executable = zip(*files, strict=True) if files else ((),) * 4
        return cls(paths, sizes, hashes, executable)

    def only(self, which: Sequence[bool]) -> "FileTable":
        """Give those for which it is true."""
        paths, sizes = compress(self.paths, which), compress(self.sizes, which)
        hashes, executable = compress(self.hashes, which), compress(self.executable, which)
        return FileTable(list(paths), list(sizes), list(hashes), list(executable))

    @overload
    def __getitem__(self, at: int) -> StoredFile: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[StoredFile, ...]: ...
    def __getitem__(self, at: int | slice) -> StoredFile | tuple[StoredFile, ...]:
        return tuple(self)[at]

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[StoredFile]:
        rows = zip(self.paths, self.sizes, self.hashes, self.executable, strict=True)
        # As StoredFile(*row) for each row, without a call in Python for each.
        return map(tuple.__new__, repeat(StoredFile), rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))


class StoredWheel(NamedTuple):
    """A wheel as the store holds it: unpacked, complete."""

    sha256: str
    """Of the wheel itself: the entry's name."""
    tree: str
    """Absolute path of the folder with the files, laid out as in the wheel."""
    name: str
    """Normalised."""
    version: str
    dist_info: str
    purelib: bool
    files: Sequence[StoredFile]
    """All that may be installed, RECORD and *.data folder included."""
    entry_points: tuple[EntryPoint, ...]
    folders: tuple[str, ...] = ()
    """Folders of the tree, each before those that lie in it."""
    facts: str = ""
    """What its METADATA decides, as a digest (`wheel.facts`); "" where the manifest is older."""
    requires_python: str = ""
    trusted_record: bool = False
    """Its files were not compared with RECORD."""


def refuse_record(wheel: StoredWheel, filename: str, *, trust_record: bool) -> None:
    """Raise `RecordWrong` for an entry that was made with a leave which isn't given here."""
    if wheel.trusted_record and not trust_record:
        raise RecordWrong(filename, "RECORD may not fit its files: they were not compared")


def render_manifest(wheel: StoredWheel, *, boot: str) -> bytes:
    """Write the manifest; `boot` names the run of the system in which the files were written."""
    lines = [
        _FORMAT,
        f"sha256 {wheel.sha256}",
        f"name {wheel.name}",
        f"version {wheel.version}",
        f"dist-info {wheel.dist_info}",
        f"purelib {'yes' if wheel.purelib else 'no'}",
        f"boot {boot}",
        *_section("entry-points", map(_entry_point_line, wheel.entry_points)),
        *_section("folders", wheel.folders),
        *_section("files", (file.path for file in wheel.files)),
        _column("executable", (at for at, file in enumerate(wheel.files) if file.executable)),
        _column("sizes", (file.size for file in wheel.files)),
        _column("hashes", (file.sha256 for file in wheel.files)),
        *_facts_lines(wheel),
        "",
    ]
    return with_checksum("\n".join(lines).encode())


def _facts_lines(wheel: StoredWheel) -> Sequence[str]:
    if not wheel.facts:
        return ()
    facts = (f"facts {wheel.facts}", f"requires-python {wheel.requires_python}")
    return (*facts, _NOT_COMPARED) if wheel.trusted_record else facts


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    rows = list(lines)
    yield f"{title} {len(rows)}"
    yield from rows


def _column(title: str, values: Iterable[int | str]) -> str:
    return " ".join([title, *map(str, values)])


def _entry_point_line(entry_point: EntryPoint) -> str:
    return "\t".join([*entry_point[:4], ",".join(entry_point.extras)])


def parse_manifest(data: bytes, *, tree: str) -> tuple[StoredWheel, str]:
    """Read a manifest: the wheel whose files lie in `tree`, and the boot it was written in.

    Raises `ValueError` for anything that `render_manifest` didn't write whole.
    """
    lines = iter(without_checksum(data).decode().split("\n"))
    if next(lines) != _FORMAT:
        raise ValueError("unknown format")
    fields = ("sha256", "name", "version", "dist-info", "purelib", "boot")
    sha256, name, version, dist_info, purelib, boot = (_value(lines, title) for title in fields)
    entry_points = tuple(map(_parse_entry_point, _rows(lines, "entry-points")))
    folders = tuple(_parse_folders(lines))
    files = _parse_files(lines)
    facts = next(lines, "").removeprefix("facts ")
    requires_python = _value(lines, "requires-python") if facts else ""
    wheel = StoredWheel(
        sha256,
        tree,
        name,
        version,
        dist_info,
        purelib == "yes",
        files,
        entry_points,
        folders,
        facts,
        requires_python,
        next(lines, "") == _NOT_COMPARED,
    )
    return wheel, boot


def _value(lines: Iterator[str], title: str) -> str:
    key, _, value = next(lines).partition(" ")
    if key != title:
        raise ValueError(f"expected {title}, found {key}")
    return value


def _rows(lines: Iterator[str], title: str) -> list[str]:
    return list(islice(lines, int(_value(lines, title))))


def _parse_folders(lines: Iterator[str]) -> Sequence[str]:
    first = next(lines)
    if first.startswith("collisions "):  # of an older version
        _rows(chain([first], lines), "collisions")
        first = next(lines)
    return _rows(chain([first], lines), "folders")


def _parse_files(lines: Iterator[str]) -> FileTable:
    paths = _rows(lines, "files")
    executable = [False] * len(paths)
    for number in _value(lines, "executable").split():
        executable[int(number)] = True
    sizes = list(map(int, _value(lines, "sizes").split()))
    hashes = _value(lines, "hashes").split()
    if not len(paths) == len(sizes) == len(hashes):
        raise ValueError("columns of different lengths")
    return FileTable(paths, sizes, hashes, executable)


def _parse_entry_point(line: str) -> EntryPoint:
    group, name, module, attr, extras = line.split("\t")
    return EntryPoint(group, name, module, attr, tuple(extras.split(",")) if extras else ())
