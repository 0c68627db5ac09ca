"""A new environment takes the place of what is there: nothing of the user's is lost, nothing of a
stranger's is followed or moved in.
"""

import os
import shutil
from pathlib import Path

import pytest

from envsync.environment import beside, transaction
from envsync.environment.belief import examine
from envsync.environment.seal import Seal
from envsync.environment.tree import Tree
from tests.environment.test_transaction import NEW, OLD, rename_away
from tests.support.environments_on_disk import SEAL, SITE, make, quarantined, tree

STRANGER = Seal(b"s" * 32)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "home" / "project" / ".venv"
    path.parent.mkdir(parents=True)
    make(path, OLD)
    return path


@pytest.fixture
def home(root: Path) -> Path:
    """What lies outside of the project, and must stay as it is."""
    folder = root.parent.parent
    (folder / ".ssh").mkdir()
    (folder / ".ssh/id").write_text("secret")
    (folder / ".bashrc").write_text("# mine")
    return folder


def outside(home: Path) -> dict[str, str]:
    return {
        str(path.relative_to(home)): path.read_text()
        for path in sorted(home.rglob("*"))
        if path.is_file() and "project" not in path.relative_to(home).parts
    }


def forget(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize("believed", [True, False])
def test_an_earlier_quarantine_survives_a_replacement(root: Path, believed: bool) -> None:
    earlier = root / ".envsync/quarantine/20200101T000000Z/lib/mine.py"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("mine")
    if not believed:
        forget(root, ".envsync/manifest")
    make(root, NEW)
    assert earlier.read_text() == "mine"
    assert quarantined(root)["lib/mine.py"] == b"mine"


def test_names_in_quarantine_do_not_grow(root: Path) -> None:
    for number in range(40):
        (root / SITE / f"notes{number}.txt").write_bytes(b"notes\n")
        make(root, NEW if number % 2 else OLD)
    names = os.listdir(root / ".envsync/quarantine")
    assert len(names) == 40
    assert max(map(len, names)) < 25
    assert len(quarantined(root)) == 40


def test_names_that_are_taken_get_a_number_and_stay_short(root: Path) -> None:
    names = ("x" * 255, "short")
    for number in (1, 2):  # two environments that wait to be emptied
        if number == 2:
            make(root.parent / "other", OLD)
            (root.parent / "other").rename(root)
        for name in names:
            (root / f".envsync/quarantine/{name}").mkdir(parents=True)
            (root / f".envsync/quarantine/{name}/{number}").write_text("mine")
        rename_away(root)
    make(root, NEW)
    assert sorted(os.listdir(root / ".envsync/quarantine")) == sorted(
        ["x" * 255, f"{'x' * 200}-2", "short", "short-2"]
    )
    assert sorted(quarantined(root)) == ["1", "2"]
    assert os.listdir(root.parent) == [".venv"]


@pytest.mark.parametrize("gone", ["manifest", "id", "all"])
def test_an_environment_that_is_not_believed_is_judged_by_its_bytes(root: Path, gone: str) -> None:
    """What equals what takes its place is no user's file, whatever its time or mode."""
    os.utime(root / SITE / "same.py")
    (root / SITE / "folder/__init__.py").chmod(0o600)
    (root / SITE / "notes.txt").write_text("notes")
    (root / "pyvenv.cfg").write_text("envsync = 1\n")
    forget(root, ".envsync" if gone == "all" else f".envsync/{gone}")
    found = examine(str(root), SEAL)
    assert found.manifest is None
    assert found.marked
    make(root, {**OLD, f"{SITE}/changed.py": b"version = 2\n"})
    assert quarantined(root) == {
        f"{SITE}/changed.py": b"version = 1\n",
        f"{SITE}/notes.txt": b"notes",
        "pyvenv.cfg": b"envsync = 1\n",
    }


def test_what_is_empty_says_nothing(root: Path) -> None:
    for name, doubt in (("id", "identity"), ("manifest", "manifest is damaged")):
        before = (root / ".envsync" / name).read_bytes()
        (root / ".envsync" / name).write_bytes(b"")
        assert doubt in examine(str(root), SEAL).doubt
        (root / ".envsync" / name).write_bytes(before)
        assert examine(str(root), SEAL).manifest is not None


def test_a_link_at_the_place_is_set_aside_itself(root: Path, home: Path) -> None:
    elsewhere = root.rename(home / "elsewhere")
    root.symlink_to(elsewhere)
    before = outside(home)
    assert not transaction.recover(str(root), SEAL)
    assert not examine(str(root), SEAL).marked
    make(root, NEW)
    assert tree(root) == NEW
    (kept,) = (root / ".envsync/quarantine").iterdir()
    assert os.readlink(kept / ".venv") == str(elsewhere)
    assert outside(home) == before


def test_what_another_user_s_name_is_on_is_left_alone(root: Path, home: Path) -> None:
    """Folders beside the environment, as a clone may bring them: by any name, with any seal."""
    (home / "site").mkdir()
    parent = root.parent
    with Tree(str(parent)) as folder:
        strange = [
            ".venv.envsync-old-x",
            ".venv.envsync-new-0123",
            ".venv.envsync-old-1-0123456789abcdef",
            beside.new_name(folder, ".venv", STRANGER),
            beside.old_name(folder, ".venv", 1, SEAL),
            beside.new_name(folder, ".venv-other", SEAL),
        ]
    with Tree(str(home)) as elsewhere:  # of another folder: a name that was copied
        strange.append(beside.new_name(elsewhere, ".venv", SEAL))
    for name in strange:
        (parent / name / ".envsync/quarantine").mkdir(parents=True)
        (parent / name / ".envsync/id").write_text("0" * 32 + "\n")
        (parent / name / ".envsync/quarantine/evil.pth").symlink_to(home / "site/evil.pth")
        (parent / name / "evil.txt").write_text("evil")
    before = outside(home), tree(parent)
    assert not transaction.is_interrupted(str(root), SEAL)
    assert not transaction.recover(str(root), SEAL)
    assert (outside(home), tree(parent)) == before
    shutil.rmtree(root)
    assert not transaction.recover(str(root), SEAL)
    assert not root.exists()
    make(root, NEW)
    assert quarantined(root) == {}
    assert set(strange) < set(os.listdir(parent))


FORGED = ["id", "manifest", "manifest.next", "journal", "stamp"]


@pytest.mark.parametrize("seal", [STRANGER, None], ids=["sealed by a stranger", "a checksum"])
@pytest.mark.parametrize("row", ["../../.bashrc", "../../../home/.bashrc", ".envsync/id", "x"])
def test_a_forged_state_moves_nothing_out_or_in(
    root: Path, home: Path, seal: Seal | None, row: str
) -> None:
    state = root / ".envsync"
    for name in FORGED:
        body = f"envsync-{name} 2\nid {'0' * 32} {root.lstat().st_ino}\ntarget\nselection\n"
        body += f"trash\t{row}\t0\n" if name == "journal" else f"{row}\t33188\t1\t{'a' * 64}\n"
        data = seal.close(body.encode()) if seal else body.encode() + b"sha256 " + b"0" * 64
        (state / name).write_bytes(data if name != "id" else b"0" * 32)
    (state / "quarantine").symlink_to(home / ".ssh")
    (state / "stage").symlink_to(home / ".ssh")
    (state / "trash").mkdir()
    (state / "trash/0").symlink_to(home / ".bashrc")
    (state / "other").symlink_to(home / ".ssh")
    (state / "shell").symlink_to(home / ".ssh")
    before = outside(home), tree(root)
    assert not transaction.recover(str(root), SEAL)
    assert (outside(home), tree(root)) == before
    make(root, NEW)
    assert outside(home) == before[0]
    assert tree(root) == NEW
    (kept,) = (root / ".envsync/quarantine").iterdir()
    assert os.readlink(kept / ".envsync/quarantine") == str(home / ".ssh")
    assert os.readlink(kept / ".envsync/other") == str(home / ".ssh")


def test_a_device_or_pipe_in_place_of_a_file_is_not_read(root: Path) -> None:
    for name in (".envsync/id", ".envsync/manifest", f"{SITE}/same.py"):
        (root / name).unlink()
        os.mkfifo(root / name)
    make(root, OLD)
    assert tree(root) == OLD
    (kept,) = (root / ".envsync/quarantine").iterdir()
    assert (kept / SITE / "same.py").is_fifo()
