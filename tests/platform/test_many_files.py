"""Many files looked at and linked, in Python and compiled: the same of both, whatever is there."""

import os
import struct
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envsync.platform import fork_join, many_files
from tests.support.command import clean_environ
from tests.support.speedups import SOURCE, folder_with_speedups, load_speedups

MODE = 0o040755
SECOND = 1_000_000_000

each_way = pytest.mark.usefixtures("pure_and_compiled")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def shown(path: str) -> tuple[str, int, int, int, int]:
    status = os.lstat(path)
    return path, status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def folder_rows(*paths: str) -> bytes:
    return many_files.block([(path, os.lstat(path).st_mtime_ns) for path in paths])


def make(count: int, owners: int) -> tuple[bytes, list[bytes]]:
    """Make files of several owners in the current folder; gives the blocks that fit them."""
    blocks = []
    for owner in range(owners):
        os.mkdir(f"o{owner}")
        os.chmod(f"o{owner}", 0o755)
        paths = [f"o{owner}/f{number}" for number in range(count)]
        for path in paths:
            Path(path).write_bytes(b"x")
        blocks.append(many_files.block([shown(path) for path in paths]))
    return folder_rows(*(f"o{owner}" for owner in range(owners))), blocks


@each_way
def test_what_is_as_it_was_does_not_differ(here: Path) -> None:
    folders, files = make(3, 4)
    assert many_files.differing(folders, files, MODE) == ([], [])
    assert many_files.differing(folders, [], MODE) == ([], [])
    assert many_files.differing(many_files.block([]), [], MODE) == ([], [])


@each_way
@pytest.mark.parametrize("count", [2, 700], ids=["few", "shared by two"])
def test_every_folder_and_owner_that_differs_is_named(here: Path, count: int) -> None:
    folders, files = make(count, 5)
    assert fork_join.WORTH_A_PROCESS < 700 * 5
    Path("o1/f1").write_bytes(b"other")
    os.unlink("o4/f0")
    os.chmod("o0", 0o700)
    assert many_files.differing(folders, files, MODE) == ([0, 4], [1, 4])
    rows, blocks = many_files.differing(folders, files, MODE, first=True)
    assert rows or blocks
    assert set(rows) <= {0, 4}
    assert set(blocks) <= {1, 4}


@each_way
@pytest.mark.parametrize("column", range(4))
def test_each_column_of_a_file_counts(here: Path, column: int) -> None:
    Path("a").write_bytes(b"x")
    row = list(shown("a"))
    row[1 + column] += 1  # type: ignore[operator]
    block = many_files.block([tuple(row)])  # type: ignore[list-item]
    assert many_files.differing(many_files.block([]), [block], MODE) == ([], [0])


@each_way
def test_a_group_that_is_handed_down_makes_no_difference(here: Path) -> None:
    folders, _ = make(1, 1)
    os.chmod("o0", 0o2755)
    assert many_files.differing(folders, [], MODE) == ([], [])


@each_way
@pytest.mark.parametrize(
    "time_ns", [0, -1, -SECOND, -SECOND - 1, 2**62, -(2**62)], ids=lambda value: str(value)
)
def test_times_far_away_are_compared(here: Path, time_ns: int) -> None:
    Path("a").write_bytes(b"")
    try:
        os.utime("a", ns=(time_ns, time_ns))
    except OverflowError:
        pytest.skip("no such time here")
    row = shown("a")
    fits = many_files.block([row])
    later = many_files.block([(*row[:3], row[3] + 1, row[4])])
    assert many_files.differing(many_files.block([]), [fits, later], MODE) == ([], [1])


ODD = [os.fsdecode(b"\xff\xfe"), os.fsdecode(b"\xed\xb2\x80")]
NAMES = ["a", "ü", "x" * 255, "sp ace", "e'\\", *ODD]
CHANGES = ["none", "none", "gone", "longer", "mode", "time", "link", "folder", "far"]


@given(
    owners=st.lists(
        st.dictionaries(st.sampled_from(NAMES), st.sampled_from(CHANGES), max_size=4), max_size=4
    ),
    top=st.sampled_from(["none", "mode", "time", "gone"]),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_compiled_and_python_agree_on_any_tree(
    tmp_path_factory: pytest.TempPathFactory, owners: list[dict[str, str]], top: str
) -> None:
    compiled = load_speedups()
    before, here = os.getcwd(), tmp_path_factory.mktemp("tree")
    os.chdir(here)
    try:
        folders, files = _grown(owners)
        _change_top(top if owners else "none")
        answers = []
        for way in (None, compiled):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(many_files, "compiled", way)
                answers.append(many_files.differing(folders, files, MODE))
        assert answers[0] == answers[1]
        changed = [number for number, owner in enumerate(owners) if {*owner.values()} - {"none"}]
        assert top == "gone" or answers[0][1] == changed
    finally:
        os.chdir(before)


def _grown(owners: Sequence[dict[str, str]]) -> tuple[bytes, list[bytes]]:
    files = []
    for number, owner in enumerate(owners):
        os.mkdir(f"o{number}", 0o755)
        paths = {f"o{number}/{name}": change for name, change in owner.items()}
        for path in paths:
            Path(path).write_bytes(b"text")
        files.append(many_files.block([shown(path) for path in paths]))
    folders = folder_rows(*(f"o{number}" for number in range(len(owners))))
    for number, owner in enumerate(owners):
        for name, change in owner.items():
            _change(f"o{number}/{name}", change)
    return folders, files


def _change(path: str, change: str) -> None:
    if change in ("gone", "link", "folder"):
        os.unlink(path)
    if change == "link":
        os.symlink("nowhere", path)
    elif change == "folder":
        os.mkdir(path)
    elif change == "longer":
        Path(path).write_bytes(b"longer text")
    elif change == "mode":
        os.chmod(path, 0o400)
    elif change in ("time", "far"):
        moment = 1 if change == "time" else 2**34 - 1  # the last second of ext4
        os.utime(path, (moment, moment))


def _change_top(top: str) -> None:
    if top == "mode":
        os.chmod("o0", 0o711)
    elif top == "time":
        os.utime("o0", (5, 5))
    elif top == "gone":
        os.rename("o0", "elsewhere")


def whole() -> bytes:
    return many_files.block([("a", 1), ("b", 2)])


DAMAGED = {
    "empty": b"",
    "short": whole()[:15],
    "cut": whole()[:-1],
    "a number too many": whole() + bytes(8),
    "a path too many": struct.pack("qq", 1, 3) + b"a\nb" + bytes(8),
    "a path too few": struct.pack("qq", 3, 3) + b"a\nb" + bytes(24),
    "negative": struct.pack("qq", -1, 3) + b"a\nb" + bytes(16),
    "negative length": struct.pack("qq", 2, -3) + b"a\nb" + bytes(16),
    "longer than all": struct.pack("qq", 2, 1 << 62) + b"a\nb" + bytes(16),
    "more than all": struct.pack("qq", 1 << 61, 3) + b"a\nb" + bytes(16),
    "most": struct.pack("qq", (1 << 63) - 1, (1 << 63) - 1) + b"a\nb" + bytes(16),
    "a zero in a path": struct.pack("qq", 2, 3) + b"a\n\0" + bytes(16),
}


@each_way
@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_block_is_refused(here: Path, name: str) -> None:
    Path("a").mkdir(0o755)
    Path("b").mkdir(0o755)
    empty = many_files.block([])
    for folders, files in ((DAMAGED[name], []), (empty, [empty, DAMAGED[name]])):
        with pytest.raises(ValueError):  # noqa: PT011  (each says it in its own words)
            many_files.differing(folders, files, MODE)


@each_way
def test_a_path_that_nothing_can_have_differs(here: Path) -> None:
    empty = many_files.block([])
    for path in ("x" * 10_000, "d/" * 5000, "", "file/below"):
        Path("file").write_bytes(b"")
        rows = [("file", 1), (path, 1)]
        assert many_files.differing(many_files.block(rows), [], MODE) == ([0, 1], [])
        files = many_files.block([shown("file"), (path, 0, 0, 0, 0)])
        assert many_files.differing(empty, [empty, files], MODE) == ([], [1])


def test_what_is_no_block_at_all_is_refused_by_the_compiled_module() -> None:
    compiled = load_speedups()
    empty = many_files.block([])
    for arguments in [("", [], MODE, False), (empty, 5, MODE, False), (empty, [], MODE)]:
        with pytest.raises(TypeError):
            compiled.differing(*arguments)
    with pytest.raises(ValueError, match="block"):
        compiled.differing(empty, [bytearray(empty)], MODE, False)
    one = bytes(16)
    for names, shapes, known in [
        (b"a\0", one, b""),
        (b"a\0b", one, b""),
        (b"a\0b\0c\0", one, b""),
        (b"a\0b\0", one[:-1], b""),
        (b"a\0b\0", one, bytes(8)),
    ]:
        with pytest.raises(ValueError, match="other numbers"):
            compiled.link(names, shapes, known)
    assert compiled.link(b"", b"", b"") == b""
    assert compiled.link(b"a\0b\0", one, b"") == bytes(24)


link = many_files.link_known


def rows_of(*names: str) -> list[tuple[str, str, int, int]]:
    return [(name, f"to/{name}", os.lstat(name).st_mode, os.lstat(name).st_size) for name in names]


def known_of(*names: str) -> dict[int, int]:
    return {os.lstat(name).st_ino: os.lstat(name).st_ctime_ns for name in names}


@pytest.fixture
def stored(here: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Files to be linked, by the compiled module."""
    monkeypatch.setattr(many_files, "compiled", load_speedups())
    names = ("a", "ü", os.fsdecode(b"\xff"), "sp ace")
    for name in names:
        Path(name).write_bytes(os.fsencode(name))
    os.mkdir("to")
    return names


def test_in_python_every_file_is_left_to_the_caller(
    stored: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many_files, "compiled", None)
    assert link(rows_of(*stored), known_of(*stored)) == [(0, 0, 0)] * len(stored)
    assert os.listdir("to") == []


def test_known_files_are_linked_with_their_times(stored: tuple[str, ...]) -> None:
    linked = link(rows_of(*stored), known_of(*stored))
    for name, row in zip(stored, linked, strict=True):
        assert os.path.samefile(name, f"to/{name}")
        status = os.lstat(f"to/{name}")
        assert row == (status.st_ctime_ns, status.st_ino, status.st_ctime_ns)


def test_many_files_are_linked_by_two_threads(stored: tuple[str, ...]) -> None:
    names = [f"n{number}" for number in range(3000)]
    for name in names:
        Path(name).write_bytes(b"")
    linked = link(rows_of(*names), known_of(*names))
    assert [row[1] for row in linked] == [os.lstat(f"to/{name}").st_ino for name in names]
    assert len(os.listdir("to")) == 3000


@pytest.mark.parametrize("way", ["edited", "unknown", "mode", "size", "gone", "symbolic", "taken"])
def test_what_is_not_as_expected_is_left_alone(stored: tuple[str, ...], way: str) -> None:
    rows, known = rows_of(*stored), known_of(*stored)
    if way == "edited":
        known[os.lstat("a").st_ino] -= 1
    elif way == "unknown":
        del known[os.lstat("a").st_ino]
    elif way == "mode":
        rows[0] = (*rows[0][:2], rows[0][2] ^ 1, rows[0][3])
    elif way == "size":
        rows[0] = (*rows[0][:3], rows[0][3] + 1)
    elif way == "taken":
        Path("to/a").write_bytes(b"mine")
        rows.append(rows.pop(0))  # where it can't be linked, nobody goes on
    else:
        os.unlink("a")
    if way == "symbolic":
        os.symlink("ü", "a")
    linked = link(rows, known)
    at = len(rows) - 1 if way == "taken" else 0
    assert linked[at] == (0, 0, 0)
    assert all(row[0] for number, row in enumerate(linked) if number != at)
    assert way == "taken" or not os.path.lexists("to/a")


def test_where_nothing_can_be_linked_the_first_refusal_ends_it(stored: tuple[str, ...]) -> None:
    rows = [(source, f"/proc/{source}", mode, size) for source, _, mode, size in rows_of(*stored)]
    rows.append(rows_of("a")[0])
    if not os.path.isdir("/proc/self"):
        pytest.skip("no /proc")
    assert link(rows, known_of(*stored))[0] == (0, 0, 0)


def chosen(monkeypatch: pytest.MonkeyPatch, module: object, **environ: str) -> object:
    monkeypatch.delenv("ENVSYNC_PURE", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(sys.modules, "envsync_speedups", module)
    return many_files._installed()


def test_the_right_module_is_chosen_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    module = SimpleNamespace(INTERFACE=many_files.INTERFACE)
    assert chosen(monkeypatch, module) is module
    assert chosen(monkeypatch, module, ENVSYNC_PURE="0") is module
    assert chosen(monkeypatch, module, ENVSYNC_PURE="1") is None
    assert chosen(monkeypatch, None) is None  # as if it were not there


def test_another_version_or_another_encoding_of_names_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert chosen(monkeypatch, SimpleNamespace(INTERFACE=many_files.INTERFACE + 1)) is None
    assert chosen(monkeypatch, SimpleNamespace()) is None
    right = SimpleNamespace(INTERFACE=many_files.INTERFACE)
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "iso8859-1")
    assert chosen(monkeypatch, right) is None


def test_the_module_is_for_this_interface_and_says_its_version() -> None:
    declared = tomllib.loads((SOURCE / "pyproject.toml").read_text())["project"]["version"]
    module = load_speedups()
    assert module.INTERFACE == many_files.INTERFACE
    assert module.__version__ == declared


@pytest.mark.parametrize("pure", [False, True])
def test_version_names_the_module_that_is_used(tmp_path: Path, pure: bool) -> None:
    root = Path(many_files.__file__).parent.parent.parent
    environ = clean_environ(tmp_path, None) | {
        "PYTHONPATH": f"{folder_with_speedups()}{os.pathsep}{root}",
        "ENVSYNC_PURE": str(int(pure)),
    }
    done = subprocess.run(
        [sys.executable, "-m", "envsync", "--version"],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ("envsync-speedups" in done.stdout) is not pure
