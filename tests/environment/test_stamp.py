import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.environment import stamp
from envsync.platform import durable
from envsync.platform.durable import SYNCED

SELECTION = "default"

pytestmark = pytest.mark.usefixtures("pure_and_compiled")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A synced environment, an input beside it, and the stamp that says so."""
    folder = tmp_path / ".venv"
    (folder / ".envsync").mkdir(parents=True)
    (folder / ".envsync/id").write_text("0af1\n")
    (folder / ".envsync/manifest").write_text("what is there\n")
    (folder / "lib" / "deep").mkdir(parents=True)
    for path in ("lib/a.py", "lib/deep/ü.py"):
        (folder / path).write_text("x = 1\n")
        os.utime(folder / path, (1_500_000_000, 1_500_000_000))
    (tmp_path / "env.toml").write_text("[env]\n")
    write(folder)
    return folder


def write(
    root: Path, as_of_ns: int | None = None, digest: str = "0" * 64, run: str = SYNCED
) -> None:
    """Write the stamp; folders changed 20 seconds ago, the input 10 seconds ago."""
    as_of_ns = as_of_ns or time.time_ns()
    files = []
    for path in ("lib/a.py", "lib/deep/ü.py"):
        status = (root / path).lstat()
        files.append(row(path, status))
    now = time.time()
    for folder in ("lib", "lib/deep"):
        os.utime(root / folder, (now - 20, now - 20))
    os.utime(root.parent / "env.toml", (now - 10, now - 10))
    data = stamp.render(
        str(root),
        SELECTION,
        [(str(root.parent / "env.toml"), digest)],
        stamp.settled(str(root), ["lib", "lib/deep"], as_of_ns),
        [stamp.part_of("", files[:1]), stamp.part_of("deep", files[1:])],
        as_of_ns,
        run,
    )
    stamp.keep(cache_of(root), str(root), data)


def row(path: str, status: os.stat_result) -> tuple[str, int, int, int, int]:
    return path, status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def cache_of(root: Path) -> str:
    return str(root.parent / "cache")


def mark_of(root: Path) -> Path:
    return Path(stamp.place(cache_of(root), str(root)))


def is_current(root: Path, *, files: bool = True) -> bool:
    return stamp.is_current(cache_of(root), str(root), SELECTION, files=files)


def test_untouched_environment_is_current_and_the_working_folder_stays(root: Path) -> None:
    before = Path.cwd()
    assert is_current(root)
    assert is_current(root, files=False)
    assert Path.cwd() == before


def edit(root: Path) -> None:
    (root / "lib/deep/ü.py").write_text("y = 2\n")


def chmod(root: Path) -> None:
    (root / "lib/a.py").chmod(0o755)


def touch(root: Path) -> None:
    os.utime(root / "lib/a.py")


def edit_and_put_the_time_back(root: Path) -> None:
    path = root / "lib/a.py"
    status = path.stat()
    path.write_text("x = 2\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("change", [edit, chmod, touch, edit_and_put_the_time_back])
def test_edit_in_place_is_seen_at_the_level_of_files(
    root: Path, change: Callable[[Path], None]
) -> None:
    change(root)
    assert not is_current(root)
    assert is_current(root, files=False)


def add(root: Path) -> None:
    (root / "lib/deep/new.py").write_text("")


def remove(root: Path) -> None:
    (root / "lib/a.py").unlink()


def link_folder(root: Path) -> None:
    (root / "lib/deep").rename(root / "elsewhere")
    (root / "lib/deep").symlink_to(root / "elsewhere")


def change_input(root: Path) -> None:
    (root.parent / "env.toml").write_text("[env]\nname = 'x'\n")


def change_input_at_the_same_time(root: Path) -> None:
    path = root.parent / "env.toml"
    status = path.stat()
    path.write_text("[env]\nname = 'x'\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def touch_input(root: Path) -> None:
    os.utime(root.parent / "env.toml", (1_500_000_000, 1_500_000_000))


def open_root(root: Path) -> None:
    root.chmod(0o777)


def close_folder(root: Path) -> None:
    (root / "lib/deep").chmod(0o700)


def remove_input(root: Path) -> None:
    (root.parent / "env.toml").unlink()


def open_journal(root: Path) -> None:
    (root / ".envsync/journal").write_text("")


def drop_stamp(root: Path) -> None:
    stamp.drop(cache_of(root), str(root))


def copy_in_place(root: Path) -> None:
    """Put a copy in its place that has the same times."""
    subprocess.run(["cp", "-a", root, f"{root}-copy"], check=True)
    root.rename(f"{root}-old")
    Path(f"{root}-copy").rename(root)


def empty_id(root: Path) -> None:
    (root / ".envsync/id").write_text("")


def remove_id(root: Path) -> None:
    (root / ".envsync/id").unlink()


def rewrite_manifest(root: Path) -> None:
    """Write the very same again, and put the time back."""
    path = root / ".envsync/manifest"
    status = path.stat()
    path.write_bytes(path.read_bytes())
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def replace_state(root: Path) -> None:
    subprocess.run(["cp", "-a", root / ".envsync", root / "copy"], check=True)
    (root / ".envsync").rename(root / "old")
    (root / "copy").rename(root / ".envsync")


def link_state(root: Path) -> None:
    (root / ".envsync").rename(root.parent / "state")
    (root / ".envsync").symlink_to(root.parent / "state")


def drop_everything(root: Path) -> None:
    root.rename(root.parent / "moved")


@pytest.mark.parametrize(
    "change",
    [
        *(add, remove, link_folder, change_input, remove_input),
        *(open_journal, drop_stamp, drop_everything, copy_in_place, empty_id, remove_id),
        *(rewrite_manifest, replace_state, link_state),
        *(change_input_at_the_same_time, touch_input, open_root, close_folder),
    ],
)
def test_other_changes_are_seen_at_both_levels(root: Path, change: Callable[[Path], None]) -> None:
    change(root)
    assert not is_current(root)
    assert not is_current(root, files=False)


def test_what_an_earlier_run_of_the_system_wrote_is_not_current(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot = tmp_path / "boot"
    boot.write_text("this-run\n")
    monkeypatch.setattr(durable, "_BOOT_ID", str(boot))
    write(root, run="this-run")
    assert is_current(root)
    boot.write_text("the-next\n")
    assert not is_current(root)
    assert not is_current(root, files=False)


def test_other_selection_is_not_current(root: Path) -> None:
    assert not stamp.is_current(cache_of(root), str(root), "groups=docs", files=True)


def test_folder_that_changed_after_it_was_looked_at_is_never_current(root: Path) -> None:
    spec = hashlib.sha256((root.parent / "env.toml").read_bytes()).hexdigest()
    write(root, as_of_ns=time.time_ns() - 19_000_000_000, digest=spec)
    assert is_current(root, files=False)
    write(root, as_of_ns=time.time_ns() - 21_000_000_000, digest=spec)
    assert not is_current(root, files=False)


def test_input_written_in_the_same_moment_is_judged_by_its_hash(root: Path) -> None:
    spec = root.parent / "env.toml"
    right = hashlib.sha256(spec.read_bytes()).hexdigest()
    for digest, expected in ((right, True), ("0" * 64, False)):
        write(root, as_of_ns=time.time_ns() - 10_500_000_000, digest=digest)
        assert is_current(root) is expected


def test_a_folder_handed_to_a_group_by_the_one_above_is_still_current(root: Path) -> None:
    root.chmod(0o2755)
    (root / "lib").chmod(0o2755)
    assert is_current(root)


TICK = 20_000_000
"""Nanoseconds in which a file system's clock may not have moved."""


@pytest.mark.parametrize(("age", "expected"), [(TICK, False), (TICK + 1, True)])
def test_a_folder_counts_once_a_tick_lies_behind_its_change(
    root: Path, age: int, expected: bool
) -> None:
    changed = (root / "lib").stat().st_mtime_ns
    spec = hashlib.sha256((root.parent / "env.toml").read_bytes()).hexdigest()
    data = stamp.render(
        str(root),
        SELECTION,
        [(str(root.parent / "env.toml"), spec)],
        stamp.settled(str(root), ["lib"], changed + age),
        [],
        changed + age,
        SYNCED,
    )
    stamp.keep(cache_of(root), str(root), data)
    assert is_current(root, files=False) is expected


@pytest.mark.parametrize(("age", "expected"), [(TICK, False), (TICK + 1, True)])
def test_an_input_is_hashed_unless_a_tick_lies_behind_its_change(
    root: Path, age: int, expected: bool
) -> None:
    spec = root.parent / "env.toml"
    inputs = [(str(spec), "0" * 64)]
    moment = spec.stat().st_mtime_ns + age
    data = stamp.render(str(root), SELECTION, inputs, [], [], moment, SYNCED)
    stamp.keep(cache_of(root), str(root), data)
    assert is_current(root, files=False) is expected


def test_an_input_without_a_hash_is_judged_by_its_time_whenever_it_was_written(root: Path) -> None:
    spec = root.parent / "a folder of mine" / "env.toml"
    spec.parent.mkdir()
    spec.write_text("")
    moment = spec.stat().st_mtime_ns
    data = stamp.render(str(root), SELECTION, [(str(spec), "")], [], [], moment, SYNCED)
    stamp.keep(cache_of(root), str(root), data)
    assert is_current(root, files=False)
    os.utime(spec)
    assert not is_current(root, files=False)


def test_every_input_counts(root: Path) -> None:
    inputs = [root.parent / f"{name}.toml" for name in "abc"]
    for path in inputs:
        path.write_text("")
        os.utime(path, (1_500_000_000, 1_500_000_000))
    rows = [(str(path), "0" * 64) for path in inputs]
    data = stamp.render(str(root), SELECTION, rows, [], [], time.time_ns(), SYNCED)
    stamp.keep(cache_of(root), str(root), data)
    for path in inputs:
        assert is_current(root, files=False)
        path.write_text("x")
        assert not is_current(root, files=False)
        path.write_text("")
        os.utime(path, (1_500_000_000, 1_500_000_000))


def test_a_file_of_which_no_time_is_known_is_never_current(root: Path) -> None:
    status = (root / "lib/a.py").lstat()
    part = stamp.part_of("", [(*row("lib/a.py", status)[:4], 0)])
    data = stamp.render(str(root), SELECTION, [], [], [part], time.time_ns(), SYNCED)
    stamp.keep(cache_of(root), str(root), data)
    assert not is_current(root)
    assert is_current(root, files=False)


def test_a_mark_without_one_of_its_paths_is_not_current(root: Path) -> None:
    """Every block's number of paths, and every number of bytes, is believed by the rows alone."""
    data = mark_of(root).read_bytes()
    (block,) = re.findall(rb"files 1 8 (\d+) deep\n", data)
    text = "lib/deep/ü.py".encode()
    cut = data.replace(text, b"")
    none, one, two, length = (n.to_bytes(8, sys.byteorder) for n in (0, 1, 2, len(text)))
    for short in (
        cut,
        cut.replace(length, none),
        cut.replace(b" %b deep" % block, b" %d deep" % (int(block) - len(text))),
        data.replace(b"files 1 8 %b deep" % block, b"files 1 8 %d deep" % (int(block) - 8)),
        data.replace(one + length, two + length),
        data.replace(one + length, none + length),
    ):
        assert short != data
        mark_of(root).write_bytes(short)
        assert not is_current(root)
    mark_of(root).write_bytes(data)
    assert is_current(root)


def test_a_mark_with_more_numbers_than_files_is_not_current(root: Path) -> None:
    mark_of(root).write_bytes(mark_of(root).read_bytes() + b"\0" * 8)
    assert not is_current(root)


def test_damaged_stamp_is_not_current(root: Path) -> None:
    data = mark_of(root).read_bytes()
    for length in (*range(0, len(data), 5), len(data) - 8):
        mark_of(root).write_bytes(data[:length])
        assert not is_current(root)


def test_folders_are_compared_without_reading_what_is_known_of_files(root: Path) -> None:
    data = mark_of(root).read_bytes()
    begin = data.index(b"files 1 ")
    mark_of(root).write_bytes(data[:begin])
    assert is_current(root, files=False)
    assert not is_current(root)


def test_folder_with_other_permissions_is_never_current(root: Path) -> None:
    (root / "lib").chmod(0o775)
    write(root)
    assert not is_current(root, files=False)


def keep_as_seen_from(base: str, root: Path) -> None:
    now = time.time_ns()
    files = [row(path, (root / path).lstat()) for path in ("lib/a.py", "lib/deep/ü.py")]
    files.append(row("top", (root / "top").lstat()))
    folders = stamp.settled(str(root), ["lib", "lib/deep"], now)
    part = stamp.part_of("", files, base)
    data = stamp.render(str(root), SELECTION, [], folders, [part], now, SYNCED, base)
    stamp.keep(cache_of(root), str(root), data)


@pytest.mark.parametrize("base", ["", "lib", "lib/deep"])
def test_paths_are_the_same_from_wherever_they_are_seen(
    root: Path, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "top").write_text("x")
    keep_as_seen_from(base, root)
    for folder in (".", str(root / "lib/deep")):
        monkeypatch.chdir(folder)
        assert is_current(root)
        assert os.path.samefile(os.getcwd(), folder)
    mark = stamp.read(cache_of(root), str(root))
    assert mark is not None
    assert mark.differences() == ([], [])
    (part,) = mark.parts
    assert mark.paths_of(part) == ["lib/a.py", "lib/deep/ü.py", "top"]
    assert mark.folders_of(part) == {"", "lib", "lib/deep"}
    assert mark.folders_of(stamp.part_of("none", [], base)) == set()
    assert mark.times_of(part)["top"] == (root / "top").lstat().st_ctime_ns
    assert [path for path, _ in mark.folders()] == ["lib", "lib/deep"]
    for path in ("lib/a.py", "lib/deep/ü.py", "top"):
        (root / path).write_text("other")
        assert not is_current(root)
        assert mark.differences() == ([], [""])
        keep_as_seen_from(base, root)
        assert is_current(root)
    (root / "lib/deep/new").mkdir()
    assert mark.differences() == (["lib/deep"], [""])


@pytest.mark.parametrize("inside", [True, False])
def test_a_link_on_the_way_to_the_folder_that_most_is_in_is_no_folder(
    root: Path, inside: bool
) -> None:
    (root / "top").write_text("x")
    keep_as_seen_from("lib/deep", root)
    moved = root / "other" if inside else root.parent / "other/lib"
    (root.parent / "other").mkdir()
    times = (root / "lib").stat().st_mtime_ns
    (root / "lib").rename(moved)
    (root / "lib").symlink_to(moved)
    assert moved.stat().st_mtime_ns == times
    assert not is_current(root, files=False)
    assert not is_current(root)


def test_a_mark_whose_folder_is_gone_says_nothing(root: Path) -> None:
    (root / "top").write_text("x")
    keep_as_seen_from("lib/deep", root)
    mark = stamp.read(cache_of(root), str(root))
    assert mark is not None
    shutil.rmtree(root / "lib/deep")
    assert mark.differences() is None
    assert not is_current(root)


def test_owner_without_files_and_paths_that_two_share_are_as_good(root: Path) -> None:
    now = time.time_ns()
    shared = [row("lib/a.py", (root / "lib/a.py").lstat())]
    parts = [
        stamp.part_of(name, files) for name, files in (("a", shared), ("b", []), ("c", shared))
    ]
    folders = stamp.settled(str(root), ["lib"], now)
    for some in (parts, [], parts[1:2]):
        data = stamp.render(str(root), SELECTION, [], folders, some, now, SYNCED)
        stamp.keep(cache_of(root), str(root), data)
        assert is_current(root)


def test_many_files_are_shared_by_two_processes(root: Path) -> None:
    """Above the bound for a second process the answers are the same."""
    many = root / "lib" / "many"
    many.mkdir()
    for number in range(4000):
        (many / f"f{number}.py").write_bytes(b"x")
        os.utime(many / f"f{number}.py", (1_500_000_000, 1_500_000_000))
    earlier = time.time() - 10
    os.utime(many, (earlier, earlier))

    def keep() -> None:
        now = time.time_ns()
        files = [row(f"lib/many/{path.name}", path.lstat()) for path in many.iterdir()]
        sizes = 1, 2000, 1999
        parts = [
            stamp.part_of(f"owner-{size}", [files.pop() for _ in range(size)]) for size in sizes
        ]
        folders = stamp.settled(str(root), ["lib/many"], now)
        data = stamp.render(str(root), SELECTION, [], folders, parts, now, SYNCED)
        stamp.keep(cache_of(root), str(root), data)

    keep()
    assert is_current(root)
    for victim in ("f3.py", "f3999.py"):
        (many / victim).write_bytes(b"y")
        os.utime(many / victim, (1_500_000_000, 1_500_000_000))
        assert not is_current(root)
        keep()
        assert is_current(root)


def test_a_mark_costs_no_flush(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made anew where it is lost."""
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", flushed.append)
    write(root)
    assert flushed == []


def test_a_mark_is_known_while_it_is_about_this_very_environment(root: Path) -> None:
    cache = cache_of(root)
    assert stamp.is_known(cache, str(root))
    assert not stamp.is_known(cache, f"{root}-other")
    edit(root)
    assert stamp.is_known(cache, str(root))  # in sync or not
    copy_in_place(root)
    assert not stamp.is_known(cache, str(root))


def test_the_place_of_a_mark_stays_between_versions() -> None:
    """Another one would leave all marks of a bucket behind."""
    path = "/home/ada/some-project/.venv"
    assert stamp.place("/c", path) == "/c/stamps-v1/6d652d8de44c9f573be1ac86d2de2067"
    assert len(os.path.basename(stamp.place("/c", "/x"))) == 32


# --- who wrote it -------------------------------------------------------------------------------


def test_what_came_with_the_environment_is_no_mark(root: Path) -> None:
    """A clone can bring a mark with the right path, inode and times; it counts for nothing."""
    mark = mark_of(root)
    for place in (".envsync/stamp", "stamps-v1"):
        shutil.copy(mark, root / place)
    mark.unlink()
    assert not is_current(root, files=False)


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757, 0o720])
@pytest.mark.parametrize("shared", ["cache", "bucket", "mark"])
def test_a_mark_that_others_could_write_counts_for_nothing(
    root: Path, shared: str, mode: int
) -> None:
    mark = mark_of(root)
    path = {"cache": mark.parent.parent, "bucket": mark.parent, "mark": mark}[shared]
    assert is_current(root)
    path.chmod(mode)
    assert not is_current(root, files=False)
    path.chmod(0o700)
    assert is_current(root)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("shared", ["cache", "bucket", "mark"])
def test_a_mark_of_somebody_else_counts_for_nothing(root: Path, shared: str) -> None:
    mark = mark_of(root)
    path = {"cache": mark.parent.parent, "bucket": mark.parent, "mark": mark}[shared]
    os.chown(path, 4321, 4321)
    assert not is_current(root, files=False)


def test_a_bucket_that_is_a_link_is_not_followed(root: Path) -> None:
    bucket = mark_of(root).parent
    bucket.rename(root.parent / "elsewhere")
    bucket.symlink_to(root.parent / "elsewhere")
    os.chmod(root.parent / "elsewhere", 0o777)
    assert not is_current(root, files=False)


def test_marks_are_for_their_user_alone_whatever_the_umask(root: Path) -> None:
    shutil.rmtree(cache_of(root))
    before = os.umask(0)
    try:
        write(root)
    finally:
        os.umask(before)
    assert stat.S_IMODE(mark_of(root).stat().st_mode) == 0o600
    assert stat.S_IMODE(mark_of(root).parent.stat().st_mode) == 0o700
    assert is_current(root)


def test_a_mark_that_cannot_be_written_is_none(root: Path) -> None:
    shutil.rmtree(cache_of(root))
    Path(cache_of(root)).write_text("no folder")
    write(root)
    assert not is_current(root, files=False)
    stamp.drop(cache_of(root), str(root))


def test_marks_of_environments_that_are_no_more_are_found(root: Path) -> None:
    cache = cache_of(root)
    assert stamp.orphans(cache) == []
    assert stamp.orphans(f"{cache}/not-there") == []
    (mark_of(root).parent / "torn").write_bytes(mark_of(root).read_bytes()[:40])
    assert stamp.orphans(cache) == [str(mark_of(root).parent / "torn")]
    copy_in_place(root)
    assert str(mark_of(root)) in stamp.orphans(cache)


def test_every_environment_has_a_mark_of_its_own() -> None:
    paths = [f"/home/ada/p{number}/.venv{other}" for number in range(99) for other in ("", "-ü")]
    assert len({stamp.place("/c", path) for path in paths}) == len(paths)
