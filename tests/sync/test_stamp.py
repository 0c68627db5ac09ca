import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.sync import stamp

SELECTION = "default"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A synced environment, an input beside it, and the stamp that says so."""
    folder = tmp_path / ".venv"
    (folder / ".envsync").mkdir(parents=True)
    (folder / "lib" / "deep").mkdir(parents=True)
    for path in ("lib/a.py", "lib/deep/ü.py"):
        (folder / path).write_text("x = 1\n")
        os.utime(folder / path, (1_500_000_000, 1_500_000_000))
    (tmp_path / "env.toml").write_text("[env]\n")
    write(folder)
    return folder


def write(root: Path, known_ns: int | None = None, digest: str = "0" * 64) -> None:
    """Write the stamp; folders changed 20 seconds ago, the input 10 seconds ago."""
    files = []
    for path in ("lib/a.py", "lib/deep/ü.py"):
        status = (root / path).lstat()
        files.append((path, status.st_mode, status.st_size, int(status.st_mtime)))
    now = time.time()
    for folder in ("lib", "lib/deep"):
        os.utime(root / folder, (now - 20, now - 20))
    os.utime(root.parent / "env.toml", (now - 10, now - 10))
    data = stamp.render(
        str(root),
        SELECTION,
        [(str(root.parent / "env.toml"), digest)],
        ["lib", "lib/deep"],
        files,
        known_ns or time.time_ns(),
    )
    (root / stamp.NAME).write_bytes(data)


def is_current(root: Path, *, files: bool = True) -> bool:
    return stamp.is_current(str(root), SELECTION, files=files)


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


@pytest.mark.parametrize("change", [edit, chmod, touch])
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


def remove_input(root: Path) -> None:
    (root.parent / "env.toml").unlink()


def open_journal(root: Path) -> None:
    (root / ".envsync/journal").write_text("")


def drop_stamp(root: Path) -> None:
    (root / stamp.NAME).unlink()


def drop_everything(root: Path) -> None:
    root.rename(root.parent / "moved")


@pytest.mark.parametrize(
    "change",
    [
        *(add, remove, link_folder, change_input, remove_input),
        *(open_journal, drop_stamp, drop_everything),
    ],
)
def test_other_changes_are_seen_at_both_levels(root: Path, change: Callable[[Path], None]) -> None:
    change(root)
    assert not is_current(root)
    assert not is_current(root, files=False)


def test_other_selection_is_not_current(root: Path) -> None:
    assert not stamp.is_current(str(root), "groups=docs", files=True)


def test_folder_that_changed_after_it_was_looked_at_is_never_current(root: Path) -> None:
    spec = hashlib.sha256((root.parent / "env.toml").read_bytes()).hexdigest()
    write(root, known_ns=time.time_ns() - 19_000_000_000, digest=spec)
    assert is_current(root, files=False)
    write(root, known_ns=time.time_ns() - 21_000_000_000, digest=spec)
    assert not is_current(root, files=False)


def test_input_written_in_the_same_moment_is_judged_by_its_hash(root: Path) -> None:
    spec = root.parent / "env.toml"
    right = hashlib.sha256(spec.read_bytes()).hexdigest()
    for digest, expected in ((right, True), ("0" * 64, False)):
        write(root, known_ns=time.time_ns() - 10_500_000_000, digest=digest)
        assert is_current(root) is expected


def test_damaged_stamp_is_not_current(root: Path) -> None:
    data = (root / stamp.NAME).read_bytes()
    for length in range(0, len(data), 5):
        (root / stamp.NAME).write_bytes(data[:length])
        assert not is_current(root)


def test_many_files_are_shared_by_two_processes(root: Path) -> None:
    """Above the bound for a second process the answers are the same."""
    many = root / "lib" / "many"
    many.mkdir()
    files = []
    for number in range(4000):
        path = many / f"f{number}.py"
        path.write_bytes(b"")
        os.utime(path, (1_500_000_000, 1_500_000_000))
        status = path.lstat()
        files.append((f"lib/many/{path.name}", status.st_mode, 0, 1_500_000_000))
    earlier = time.time() - 10
    os.utime(many, (earlier, earlier))
    data = stamp.render(str(root), SELECTION, [], ["lib/many"], files, time.time_ns())
    (root / stamp.NAME).write_bytes(data)
    assert is_current(root)
    for victim in ("f3.py", "f3999.py"):
        (many / victim).write_bytes(b"edited")
        assert not is_current(root)
        (many / victim).write_bytes(b"")
        os.utime(many / victim, (1_500_000_000, 1_500_000_000))
        assert is_current(root)
