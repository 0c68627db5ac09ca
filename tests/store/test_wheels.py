"""The store of unpacked wheels: whole or absent, exact, and never taken in."""

import errno
import hashlib
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from packaging.version import Version

from envsync.errors import HashMismatch, RecordWrong, StorageFailed, WheelInvalid
from envsync.platform.files import content_mtime
from envsync.store import unpack
from envsync.store.manifest import StoredFile, StoredWheel
from envsync.store.times import known
from envsync.store.wheels import WheelStore
from envsync.wheel import file_bytes, members
from envsync.wheel.zip_directory import MAX_END
from tests.support.wheels import Content, make_wheel, pack_zip, wheel_files
from tests.wheel.zips import Part, pack_parts

FILES = {"demo/__init__.py": "x = 1\n", "demo/sub/data.txt": "data", "demo/empty": ""}


class Wheel:
    """A wheel on disk."""

    def __init__(self, folder: Path, filename: str, content: bytes) -> None:
        self.filename, self.sha256 = filename, hashlib.sha256(content).hexdigest()
        self.path = str(folder / filename)
        Path(self.path).write_bytes(content)

    def add_to(self, store: WheelStore) -> StoredWheel:
        return store.add(self.path, sha256=self.sha256, filename=self.filename)


@pytest.fixture
def cache(tmp_path: Path) -> str:
    return str(tmp_path / "cache")


@pytest.fixture
def store(cache: str) -> WheelStore:
    return WheelStore(cache)


@pytest.fixture
def wheel(tmp_path: Path) -> Wheel:
    filename, content = make_wheel(
        "demo",
        "1.0",
        FILES,
        data={"scripts/tool": "#!python\n"},
        executable=["demo-1.0.data/scripts/tool"],
        entry_points={"console_scripts": {"demo": "demo:main"}},
        compressed=True,
    )
    return Wheel(tmp_path, filename, content)


def tree_of(stored: StoredWheel) -> dict[str, tuple[bytes, int]]:
    """Content and mode of every file of a stored wheel, by a walk of the disk."""
    found = {}
    for path in sorted(Path(stored.tree).rglob("*")):
        if not path.is_dir():
            status = path.lstat()
            assert stat.S_ISREG(status.st_mode)
            relative = path.relative_to(stored.tree).as_posix()
            found[relative] = (path.read_bytes(), stat.S_IMODE(status.st_mode))
    return found


def leftovers(store: WheelStore) -> list[str]:
    return sorted(name for name in os.listdir(store.root) if name.startswith("."))


def test_a_wheel_that_was_added_is_there_exactly(store: WheelStore, wheel: Wheel) -> None:
    stored = wheel.add_to(store)
    expected = wheel_files(
        "demo",
        "1.0",
        FILES,
        data={"scripts/tool": "#!python\n"},
        entry_points={"console_scripts": {"demo": "demo:main"}},
    )
    modes = dict.fromkeys(expected, 0o444) | {"demo-1.0.data/scripts/tool": 0o555}
    assert tree_of(stored) == {path: (expected[path], modes[path]) for path in expected}
    assert (stored.name, stored.version, stored.purelib) == ("demo", "1.0", True)
    assert stored.sha256 == wheel.sha256
    assert stored.entry_points[0].attr == "main"


def test_the_manifest_lists_what_is_there(store: WheelStore, wheel: Wheel) -> None:
    stored = wheel.add_to(store)
    tree = tree_of(stored)
    assert {file.path: file for file in stored.files} == {
        path: StoredFile(path, len(content), hashlib.sha256(content).hexdigest(), mode == 0o555)
        for path, (content, mode) in tree.items()
    }
    on_disk = [path for path in Path(stored.tree).rglob("*") if path.is_dir()]
    assert sorted(stored.folders) == sorted(str(path.relative_to(stored.tree)) for path in on_disk)


def test_times_depend_on_content_only(store: WheelStore, wheel: Wheel) -> None:
    stored = wheel.add_to(store)
    for file in stored.files:
        status = os.lstat(f"{stored.tree}/{file.path}")
        assert status.st_mtime_ns == content_mtime(file.sha256) * 10**9


def test_what_was_added_is_got_by_another_process(
    store: WheelStore, wheel: Wheel, cache: str
) -> None:
    stored = wheel.add_to(store)
    code = (
        "import sys; from envsync.store.wheels import WheelStore;"
        "print(WheelStore(sys.argv[1]).get(sys.argv[2]))"
    )
    arguments = [sys.executable, "-c", code, cache, wheel.sha256]
    found = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    assert found == f"{stored}\n"


def test_what_is_not_there_is_absent(store: WheelStore) -> None:
    assert store.get("0" * 64) is None


def test_adding_again_changes_nothing(store: WheelStore, wheel: Wheel) -> None:
    first = wheel.add_to(store)
    inode = os.stat(f"{first.tree}/demo/__init__.py").st_ino
    assert wheel.add_to(store) == first
    assert os.stat(f"{first.tree}/demo/__init__.py").st_ino == inode
    assert leftovers(store) == []


@pytest.mark.parametrize("mask", [0o000, 0o002, 0o022, 0o077])
def test_modes_do_not_depend_on_the_umask(store: WheelStore, wheel: Wheel, mask: int) -> None:
    Path(store.root).parent.mkdir()
    old = os.umask(mask)
    try:
        stored = wheel.add_to(store)
    finally:
        os.umask(old)
    modes = {mode for _, mode in tree_of(stored).values()}
    folders = {
        stat.S_IMODE(os.lstat(f"{stored.tree}/{folder}").st_mode)
        for folder in ("", "..", *stored.folders)
    }
    assert (modes, folders) == ({0o444, 0o555}, {0o755})
    assert store.intact(stored)


@pytest.mark.parametrize(
    "sha256", ["", "../x", "0" * 63, "0" * 65, "A" * 64, "0" * 63 + "\n", "/" * 64]
)
def test_names_that_are_no_hash_never_become_paths(store: WheelStore, sha256: str) -> None:
    with pytest.raises(ValueError, match="not a sha256"):
        store.get(sha256)


# --- refusals leave nothing ---------------------------------------------------------------------


def test_another_hash_is_refused(store: WheelStore, wheel: Wheel) -> None:
    with pytest.raises(HashMismatch, match=wheel.sha256):
        store.add(wheel.path, sha256="0" * 64, filename=wheel.filename)
    assert not os.path.exists(store.root)


@pytest.mark.parametrize("present", [False, True])
@pytest.mark.parametrize(("name", "version"), [("other", "1.0"), ("demo", "1.1")])
def test_another_project_or_version_is_refused(
    store: WheelStore, wheel: Wheel, name: str, version: str, *, present: bool
) -> None:
    if present:
        wheel.add_to(store)
    add = partial(store.add, wheel.path, sha256=wheel.sha256, filename=wheel.filename)
    with pytest.raises(WheelInvalid, match=r"not that of|it is"):
        add(name=name, version=Version(version))
    if present:
        assert add(name="Demo", version=Version("1.0.0")).name == "demo"


def test_what_record_did_not_vouch_for_is_given_only_with_leave(
    store: WheelStore, tmp_path: Path
) -> None:
    members = wheel_files("demo", "1.0", {"demo/__init__.py": "x = 1\n"})
    record = members["demo-1.0.dist-info/RECORD"].splitlines()
    members["demo-1.0.dist-info/RECORD"] = b"\n".join(record[1:])
    members["demo-1.0.dist-info/METADATA"] += b"\nother\n"
    path = tmp_path / "demo-1.0-py3-none-any.whl"
    path.write_bytes(pack_zip(members))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    add = partial(store.add, str(path), sha256=sha256, filename=path.name)
    for _ in range(2):
        with pytest.raises(RecordWrong, match="RECORD") as caught:
            add()
        assert 'trust-record = ["demo==1.0"]' in str(caught.value.hint)
        made = add(trust_record=True)
        assert made.trusted_record
        assert [file.sha256 for file in made.files] == [
            hashlib.sha256(members[file.path]).hexdigest() for file in made.files
        ]
        assert store.get(sha256) == made


def test_a_missing_wheel_is_a_storage_error(store: WheelStore, tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match=r"gone\.whl: no such file"):
        store.add(str(tmp_path / "gone.whl"), sha256="0" * 64, filename="gone-1-py3-none-any.whl")


def test_an_empty_file_is_refused(store: WheelStore, tmp_path: Path) -> None:
    with pytest.raises(WheelInvalid, match="not a ZIP archive"):
        Wheel(tmp_path, "demo-1.0-py3-none-any.whl", b"").add_to(store)


def hostile(files: dict[str, Content] | None = None, **lie: int | bytes) -> bytes:
    """A wheel in which the last member of the body isn't what RECORD says."""
    contents = wheel_files("demo", "1.0", files or {"demo/a.py": b"a", "demo/b.py": b"b" * 50})
    parts = [Part(path.encode(), content) for path, content in contents.items()]
    parts[1] = Part(b"demo/b.py", b"c" * 50)
    return pack_parts(parts)


def test_a_wheel_that_lies_about_content_leaves_nothing(store: WheelStore, tmp_path: Path) -> None:
    with pytest.raises(WheelInvalid, match=r"'demo/b.py' has another hash"):
        Wheel(tmp_path, "demo-1.0-py3-none-any.whl", hostile()).add_to(store)
    assert os.listdir(store.root) == []


def test_escapes_touch_nothing_outside(store: WheelStore, tmp_path: Path) -> None:
    """Paths that leave the tree are refused before anything is written."""
    canary = tmp_path / "canary"
    canary.write_text("untouched")
    for number, path in enumerate(["../canary", "../../canary", str(canary), "a/../../../canary"]):
        contents = wheel_files("demo", "1.0", {path: b"evil"})
        parts = [Part(name.encode(), content) for name, content in contents.items()]
        folder = tmp_path / str(number)
        folder.mkdir()
        with pytest.raises(WheelInvalid):
            Wheel(folder, "demo-1.0-py3-none-any.whl", pack_parts(parts)).add_to(store)
    assert canary.read_text() == "untouched"
    assert not os.path.exists(store.root)


def test_a_wheel_cannot_bring_the_stores_own_files(store: WheelStore, tmp_path: Path) -> None:
    names = ["manifest", "tree/x", "verified", "wheels-v1/x", ".staging-x"]
    filename, content = make_wheel("demo", "1.0", dict.fromkeys(names, "forged"))
    stored = Wheel(tmp_path, filename, content).add_to(store)
    assert set(names) <= tree_of(stored).keys()
    assert WheelStore(str(Path(store.root).parent)).get(stored.sha256) == stored
    assert sorted(os.listdir(f"{stored.tree}/..")) == ["manifest", "times", "tree"]


def test_bytecode_beside_its_source_does_not_enter(store: WheelStore, tmp_path: Path) -> None:
    files: dict[str, Content] = {"demo.py": "x = 1", "__pycache__/demo.cpython-311.pyc": b"forged"}
    filename, content = make_wheel("demo", "1.0", files)
    stored = Wheel(tmp_path, filename, content).add_to(store)
    assert [path for path in tree_of(stored) if path.endswith(".pyc")] == []
    assert not os.path.exists(f"{stored.tree}/__pycache__")


def test_large_members_are_streamed(
    store: WheelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack, "WHOLE", 1000)
    monkeypatch.setattr(members, "_CHUNK", 333)
    big = bytes(range(256)) * 40
    files: dict[str, Content] = {"big.bin": big, "zeros.bin": b"\0" * 50_000}
    for compressed in (False, True):
        filename, content = make_wheel("demo", "1.0", files, compressed=compressed)
        stored = Wheel(tmp_path, filename, content).add_to(store)
        found = tree_of(stored)
        assert {path: found[path][0] for path in files} == files
        assert store.damaged(stored, hashed=True) == ()


def test_a_large_wheel_is_never_in_memory_as_a_whole(
    store: WheelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    read = file_bytes.FileBytes.__getitem__

    def noted(data: file_bytes.FileBytes, at: slice) -> bytes:
        content = read(data, at)
        asked.append(len(content))
        return content

    monkeypatch.setattr(file_bytes, "SMALL", 0)
    monkeypatch.setattr(file_bytes, "_PIECE", 10_000)
    monkeypatch.setattr(file_bytes.FileBytes, "__getitem__", noted)
    monkeypatch.setattr(unpack, "WHOLE", 1000)
    monkeypatch.setattr(members, "_CHUNK", 10_000)
    big = bytes(range(256)) * 4000
    filename, content = make_wheel("demo", "1.0", {"big.bin": big}, compressed=False)
    stored = Wheel(tmp_path, filename, content).add_to(store)
    assert tree_of(stored)["big.bin"][0] == big
    assert sum(asked) > 2 * len(big)  # hashed and unpacked
    assert max(asked) <= MAX_END


def test_large_members_that_lie_are_refused(
    store: WheelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack, "WHOLE", 10)
    monkeypatch.setattr(members, "_CHUNK", 7)
    with pytest.raises(WheelInvalid, match=r"'demo/b.py' has another hash"):
        Wheel(tmp_path, "demo-1.0-py3-none-any.whl", hostile()).add_to(store)
    assert os.listdir(store.root) == []


def test_a_disk_without_room_is_told_before_writing(
    store: WheelStore, tmp_path: Path, wheel: Wheel, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.statvfs(tmp_path)
    full = os.statvfs_result((real.f_bsize, real.f_frsize, 9, 1, 1, 9, 9, 9, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    with pytest.raises(StorageFailed, match=r"unpacking needs 1 MiB, and 0 MiB are free"):
        wheel.add_to(store)
    assert os.listdir(store.root) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_disk_that_fails_midway_leaves_nothing(
    store: WheelStore, wheel: Wheel, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def failing(descriptor: int, content: bytes) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "write", failing)
    with pytest.raises(StorageFailed) as caught:
        wheel.add_to(store)
    monkeypatch.undo()
    assert caught.value.reason == os.strerror(number)[:1].lower() + os.strerror(number)[1:]
    assert os.listdir(store.root) == []


def test_a_disk_that_writes_in_parts_gets_all(
    store: WheelStore, wheel: Wheel, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: real(descriptor, content[:3]))
    stored = wheel.add_to(store)
    assert store.damaged(stored, hashed=True) == ()


# --- many at once -------------------------------------------------------------------------------


def test_many_threads_make_one_entry(cache: str, wheel: Wheel) -> None:
    found: list[StoredWheel] = []
    start = threading.Barrier(6)

    def add() -> None:
        start.wait()
        found.append(wheel.add_to(WheelStore(cache)))

    threads = [threading.Thread(target=add) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = WheelStore(cache)
    assert found == [store.get(wheel.sha256)] * 6
    assert os.listdir(store.root) == [wheel.sha256]
    assert store.damaged(found[0], hashed=True) == ()


def racing(
    store: WheelStore, monkeypatch: pytest.MonkeyPatch, act: Callable[[str], None]
) -> Iterator[None]:
    """Let somebody else `act` on the entry just before the store's own rename."""
    real = os.rename
    pending = [act]

    def rename(source: str, destination: str) -> None:
        if pending and ".staging-" in source:
            pending.pop()(destination)
        real(source, destination)

    monkeypatch.setattr(os, "rename", rename)
    yield


def test_the_loser_of_a_race_takes_the_winners_entry(
    store: WheelStore, cache: str, wheel: Wheel, monkeypatch: pytest.MonkeyPatch
) -> None:
    winner: list[StoredWheel] = []

    def win(_: str) -> None:
        winner.append(wheel.add_to(WheelStore(cache)))

    next(racing(store, monkeypatch, win))
    assert wheel.add_to(store) == winner[0]
    assert os.listdir(store.root) == [wheel.sha256]


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_a_winner_that_is_worthless_is_set_aside(
    store: WheelStore, wheel: Wheel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "keep").write_text("kept")

    def plant(entry: str) -> None:
        if kind == "folder":
            os.makedirs(f"{entry}/tree")
        elif kind == "file":
            Path(entry).write_text("x")
        else:
            os.symlink(outside, entry)

    next(racing(store, monkeypatch, plant))
    stored = wheel.add_to(store)
    assert store.damaged(stored, hashed=True) == ()
    assert (outside / "keep").read_text() == "kept"
    assert [name[:9] for name in leftovers(store)] == [".damaged-"]


def test_what_killed_processes_left_goes_after_a_day(store: WheelStore, wheel: Wheel) -> None:
    os.makedirs(store.root, 0o755)
    for name, age in ((".staging-old", 90_000), (".staging-new", 60), ("other", 90_000)):
        os.makedirs(f"{store.root}/{name}/tree")
        os.utime(f"{store.root}/{name}", (time.time() - age,) * 2)
    wheel.add_to(store)
    assert sorted(os.listdir(store.root)) == sorted([".staging-new", "other", wheel.sha256])


def test_staging_that_vanishes_while_it_is_looked_at_does_no_harm(
    store: WheelStore, wheel: Wheel, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: [*real(path), ".staging-just-renamed"])
    assert store.intact(wheel.add_to(store))


# --- damage -------------------------------------------------------------------------------------


def overwrite(path: Path) -> None:
    path.chmod(0o644)
    path.write_text("y = 2\n")
    path.chmod(0o444)


def append(path: Path) -> None:
    path.chmod(0o644)
    with path.open("a") as file:
        file.write("#")


def replace(path: Path) -> None:
    (path.parent / "new").write_text("x = 1\n")
    os.replace(path.parent / "new", path)


def link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE: dict[str, Callable[[Path], object]] = {
    "overwritten": overwrite,
    "appended": append,
    "cut": lambda path: os.truncate(path, 0),
    "gone": lambda path: path.unlink(),
    "a link": link,
    "a folder": folder,
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_seen(store: WheelStore, wheel: Wheel, name: str) -> None:
    stored = wheel.add_to(store)
    assert store.intact(stored)
    DAMAGE[name](Path(stored.tree, "demo/__init__.py"))
    assert not store.intact(stored)
    assert store.damaged(stored) == ("demo/__init__.py",)
    assert store.damaged(stored, hashed=True) == ("demo/__init__.py",)


@pytest.mark.parametrize("hashed", [False, True])
def test_damage_that_puts_the_time_back_is_seen(
    store: WheelStore, wheel: Wheel, hashed: bool
) -> None:
    stored = wheel.add_to(store)
    path = Path(stored.tree, "demo/__init__.py")
    status = path.stat()
    overwrite(path)
    os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))
    assert store.damaged(stored, hashed=hashed) == ("demo/__init__.py",)


LOSS: dict[str, Callable[[Path], object]] = {
    "touched": lambda path: os.utime(path),
    "writable": lambda path: path.chmod(0o644),
    "executable": lambda path: path.chmod(0o555),
    "a copy": replace,
    "rows gone": lambda path: (path.parents[2] / "times").unlink(),
    "rows cut": lambda path: os.truncate(path.parents[2] / "times", 9),
    "linked": lambda path: os.link(path, path.parents[3] / "elsewhere.py"),
}


@pytest.mark.parametrize("name", LOSS)
def test_equal_bytes_get_their_mode_and_time_back(
    store: WheelStore, wheel: Wheel, name: str
) -> None:
    """What a copy, a backup or a cache of CI leaves of a store is as good as before, and the look
    is noted: nothing is read a second time.
    """
    stored = wheel.add_to(store)
    path = Path(stored.tree, "demo/__init__.py")
    before = path.stat()
    LOSS[name](path)
    time.sleep(0.03)  # within a tick of the clock nobody could tell what happened
    assert store.damaged(stored) == ()
    after = path.stat()
    assert (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)
    assert known([store.entry(wheel.sha256)])[after.st_ino] == after.st_ctime_ns


def test_a_file_of_the_users_that_was_linked_into_an_entry_keeps_its_mode_and_time(
    store: WheelStore, wheel: Wheel, tmp_path: Path
) -> None:
    """Only what has the right bytes gets mode and time back."""
    stored = wheel.add_to(store)
    mine, path = tmp_path / "mine", f"{stored.tree}/demo/sub/data.txt"
    mine.write_text("mine")
    before = mine.stat()
    os.unlink(path)
    os.link(mine, path)
    assert store.damaged(stored) == ("demo/sub/data.txt",)
    store.set_aside(stored)
    after = mine.stat()
    assert (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)
    assert mine.read_text() == "mine"


def test_a_tree_that_is_gone_is_all_damaged(store: WheelStore, wheel: Wheel) -> None:
    stored = wheel.add_to(store)
    os.rename(stored.tree, f"{stored.tree}-away")
    assert len(store.damaged(stored)) == len(stored.files)
    os.symlink(f"{stored.tree}-away", stored.tree)
    assert not store.intact(stored)


def test_a_damaged_entry_is_made_anew_with_new_inodes(store: WheelStore, wheel: Wheel) -> None:
    stored = wheel.add_to(store)
    path = Path(stored.tree, "demo/__init__.py")
    shared = Path(store.root).parent / "environment.py"
    os.link(path, shared)
    overwrite(shared)
    aside = store.set_aside(stored)
    assert store.get(wheel.sha256) is None
    again = wheel.add_to(store)
    assert store.damaged(again, hashed=True) == ()
    assert path.stat().st_ino != shared.stat().st_ino
    assert Path(aside, wheel.sha256, "tree/demo/__init__.py").read_text() == "y = 2\n"


def test_setting_aside_what_somebody_else_set_aside_is_fine(
    store: WheelStore, wheel: Wheel
) -> None:
    stored = wheel.add_to(store)
    store.set_aside(stored)
    store.set_aside(stored)
    assert store.get(wheel.sha256) is None


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "flipped", "another's", "folder"])
def test_an_entry_without_valid_manifest_is_absent_and_replaced(
    store: WheelStore, wheel: Wheel, tmp_path: Path, damage: str
) -> None:
    stored = wheel.add_to(store)
    manifest = Path(stored.tree).parent / "manifest"
    data = manifest.read_bytes()
    manifest.unlink()
    if damage == "empty":
        manifest.write_bytes(b"")
    elif damage == "cut":
        manifest.write_bytes(data[:-20])
    elif damage == "flipped":
        manifest.write_bytes(data.replace(b"demo", b"evil", 1))
    elif damage == "another's":
        other = Wheel(tmp_path, *make_wheel("other", "2")).add_to(store)
        manifest.write_bytes((Path(other.tree).parent / "manifest").read_bytes())
    elif damage == "folder":
        manifest.mkdir()
    assert store.get(wheel.sha256) is None
    assert wheel.add_to(store) == stored
    assert store.intact(stored)


# --- a restart of the system --------------------------------------------------------------------


def restarted(
    cache: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, boot: str = "b"
) -> WheelStore:
    """The store as a process finds it after another start of the system."""
    boot_id = tmp_path / "boot_id"
    boot_id.write_text(f"{boot}\n")
    monkeypatch.setattr("envsync.platform.durable._BOOT_ID", str(boot_id))
    return WheelStore(cache)


def test_an_entry_from_before_a_restart_is_read_once(
    store: WheelStore, cache: str, wheel: Wheel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stored = wheel.add_to(store)
    assert restarted(cache, monkeypatch, tmp_path).get(wheel.sha256) == stored
    assert os.path.exists(f"{stored.tree}/../verified")
    monkeypatch.setattr("envsync.store.entries.restored", None)
    assert restarted(cache, monkeypatch, tmp_path, "c").get(wheel.sha256) == stored


@pytest.mark.parametrize("name", ["cut", "gone", "overwritten"])
def test_an_entry_that_a_power_cut_tore_is_absent(
    store: WheelStore,
    cache: str,
    wheel: Wheel,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
) -> None:
    stored = wheel.add_to(store)
    DAMAGE[name](Path(stored.tree, "demo/sub/data.txt"))
    later = restarted(cache, monkeypatch, tmp_path)
    assert later.get(wheel.sha256) is None
    assert wheel.add_to(later) == stored
    assert later.damaged(stored, hashed=True) == ()


def test_without_a_boot_id_files_are_flushed_and_believed(
    cache: str, wheel: Wheel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("envsync.platform.durable._BOOT_ID", str(tmp_path / "missing"))
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    stored = wheel.add_to(WheelStore(cache))
    assert len(synced) >= len(stored.files) + len(stored.folders) + 3
    assert WheelStore(cache).get(wheel.sha256) == stored
    assert not os.path.exists(f"{stored.tree}/../verified")


# --- trust --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757])
def test_a_store_that_others_can_write_to_is_refused(
    store: WheelStore, cache: str, wheel: Wheel, mode: int
) -> None:
    stored = wheel.add_to(store)
    os.chmod(store.root, mode)
    other = WheelStore(cache)
    with pytest.raises(StorageFailed, match="other users can write there"):
        other.get(stored.sha256)
    with pytest.raises(StorageFailed, match="other users can write there"):
        wheel.add_to(other)


def test_a_store_of_another_owner_is_refused(
    store: WheelStore, cache: str, wheel: Wheel, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = wheel.add_to(store)
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    with pytest.raises(StorageFailed, match="or own it"):
        WheelStore(cache).get(stored.sha256)


def test_a_store_that_is_a_link_is_refused(tmp_path: Path, cache: str, wheel: Wheel) -> None:
    (tmp_path / "elsewhere").mkdir()
    os.mkdir(cache)
    os.symlink(tmp_path / "elsewhere", f"{cache}/wheels-v1")
    with pytest.raises(StorageFailed, match="not a folder"):
        wheel.add_to(WheelStore(cache))
    assert os.listdir(tmp_path / "elsewhere") == []


def test_a_store_below_a_linked_cache_works(tmp_path: Path, wheel: Wheel) -> None:
    (tmp_path / "real").mkdir()
    os.symlink(tmp_path / "real", tmp_path / "linked")
    store = WheelStore(str(tmp_path / "linked"))
    assert store.intact(wheel.add_to(store))


@pytest.mark.network
def test_real_wheels_are_accepted(tmp_path: Path, store: WheelStore) -> None:
    """Some much used wheels, as the index serves them, are unpacked without complaint."""
    projects = ["numpy", "pandas", "botocore", "jupyterlab", "matplotlib", "black", "protobuf"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(tmp_path), *projects]
    subprocess.run(command, check=True)
    paths = sorted(tmp_path.glob("*.whl"))
    assert len(paths) == len(projects)
    for path in paths:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        stored = store.add(str(path), sha256=sha256, filename=path.name)
        assert store.damaged(stored, hashed=True) == ()
