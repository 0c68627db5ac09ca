"""Folders have one mode, whatever the umask and whenever a process dies."""

import os
import stat
import struct
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from envsync.environment import journal, transaction
from envsync.environment.journal import Step
from envsync.environment.tree import Tree
from envsync.errors import StorageFailed
from tests.support.environments_on_disk import (
    SEAL,
    SITE,
    finish_and_die,
    make,
    prepare_change,
    quarantined,
    tree,
)

FILES = {
    f"{SITE}/pkg/__init__.py": b"",
    f"{SITE}/pkg/inner/x.py": b"x = 1\n",
    "bin/tool": b"#!/bin/sh\n",
}
MORE = {**FILES, f"{SITE}/new/deep/y.py": b"y = 1\n", "share/doc.txt": b"doc\n"}


def modes(root: Path) -> dict[str, str]:
    """The permissions of folders that are not those of all."""
    found = [root, *(path for path in root.rglob("*") if path.is_dir())]
    return {
        path.relative_to(root).as_posix(): oct(path.stat().st_mode)
        for path in found
        if ".envsync/" not in path.as_posix() and path.stat().st_mode != 0o40755
    }


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o277])
def masked(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("masked")
def test_new_and_changed_environments_have_the_same_modes_under_every_umask(tmp_path: Path) -> None:
    root = tmp_path / ".venv"
    make(root, FILES)
    assert modes(root) == {}
    transaction.commit(prepare_change(root, MORE))
    assert tree(root) == MORE
    assert modes(root) == {}


def test_default_acl_of_the_folder_above_changes_no_mode(tmp_path: Path) -> None:
    """It takes the place of the umask: without more, new folders would be 0777."""
    entries = ((1, 7, -1), (2, 7, 1234), (4, 7, -1), (16, 7, -1), (32, 7, -1))
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    try:
        os.setxattr(tmp_path, "system.posix_acl_default", acl)
    except (AttributeError, OSError) as error:
        pytest.skip(f"no ACLs here: {error}")
    root = tmp_path / ".venv"
    make(root, FILES)
    transaction.commit(prepare_change(root, MORE))
    assert modes(root) == {}


def spoil(root: Path) -> None:
    """Give folders other permissions: the root, one that stays, and one that goes."""
    (root / SITE / "pkg" / "inner").chmod(0o700)
    (root / SITE / "pkg").chmod(0o777)
    (root / "share").chmod(0o500)
    root.chmod(0o1777)


@pytest.fixture
def private() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.usefixtures("private")
def test_death_after_any_step_is_finished_with_all_modes(tmp_path: Path) -> None:
    steps: tuple[Step, ...] = ()
    after = 0
    while after <= len(steps):
        root = tmp_path / str(after) / ".venv"
        root.parent.mkdir()
        make(root, MORE)
        spoil(root)
        prepared = prepare_change(root, {**FILES, f"{SITE}/other/z.py": b""})
        steps = prepared.steps
        journal.write_journal(str(root), "0" * 32, steps, SEAL)
        finish_and_die(root, steps, after)
        assert transaction.recover(str(root), SEAL)
        assert modes(root) == {}
        assert not transaction.recover(str(root), SEAL)
        after += 1
    assert [step.action for step in steps[:5]] == [*["chmod"] * 4, "trash"]


def test_death_between_mkdir_and_its_mode_is_finished(tmp_path: Path) -> None:
    root = tmp_path / ".venv"
    make(root, FILES)
    prepared = prepare_change(root, MORE)
    journal.write_journal(str(root), "0" * 32, prepared.steps, SEAL)
    (root / "share").mkdir(mode=0o700)
    assert transaction.recover(str(root), SEAL)
    assert modes(root) == {}


def test_setgid_stays(tmp_path: Path) -> None:
    root = tmp_path / ".venv"
    tmp_path.chmod(0o2755)
    make(root, FILES)
    given = root.stat().st_mode & 0o2000
    (root / SITE / "pkg").chmod(0o2700)
    transaction.commit(prepare_change(root, MORE))
    assert (root / SITE / "pkg").stat().st_mode == 0o42755
    assert {path.stat().st_mode for path in (root, root / "share")} == {0o40755 | given}


def test_what_is_no_folder_any_more_is_left_alone(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o700)
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(outside)
    with Tree(str(tmp_path / "root")) as opened:
        opened.settle("link")
        opened.settle("gone")
    assert stat.S_IMODE(outside.stat().st_mode) == 0o700


NOBODY = 65534


def as_nobody(work: Callable[[], object]) -> int:
    """Do it as a user who may not do everything, in a process of its own; gives the exit code."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            work()
            code = 0
        except StorageFailed as error:
            os.write(2, f"{error}; hint: {error.hint}".encode())
            code = 3
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.fixture
def nobodys(tmp_path: Path) -> Iterator[Path]:
    """The folder of an environment that belongs to a user who is not root."""
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        os.chown(name, NOBODY, NOBODY)
        yield Path(name) / ".venv"


def test_closed_folder_is_set_aside_whole_and_made_anew(nobodys: Path) -> None:
    """Root can look into it, and only gives its permissions back."""

    def work() -> None:
        make(nobodys, FILES)
        folder = nobodys / SITE / "pkg"
        (folder / "mine.txt").write_bytes(b"mine")
        folder.chmod(0o000)
        transaction.commit(prepare_change(nobodys, FILES))

    assert as_nobody(work) == 0
    assert tree(nobodys) == FILES
    assert quarantined(nobodys)[f"{SITE}/pkg/mine.txt"] == b"mine"
    assert (nobodys / SITE / "pkg").stat().st_mode == 0o40755


def test_folder_of_another_user_is_refused_before_anything_changes(
    nobodys: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert as_nobody(lambda: make(nobodys, FILES)) == 0
    folder = nobodys / SITE / "pkg"
    os.chown(folder, 0, 0)
    folder.chmod(0o775)
    (nobodys / "bin").chmod(0o700)
    assert as_nobody(lambda: transaction.commit(prepare_change(nobodys, FILES))) == 3
    said = capfd.readouterr().err
    assert f"{folder}: belongs to another user, and its permissions are not 755" in said
    assert f"hint: as its owner: `chmod 755 {folder}`" in said
    assert not transaction.is_interrupted(str(nobodys), SEAL)
    assert stat.S_IMODE((nobodys / "bin").stat().st_mode) == 0o700
    folder.chmod(0o755)
    assert as_nobody(lambda: transaction.commit(prepare_change(nobodys, FILES))) == 0
    assert stat.S_IMODE((nobodys / "bin").stat().st_mode) == 0o755
