"""Times tell what is to be looked at, and bytes decide: edits that put their time back are found,
and copies that lost their times are as good as before.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands.conftest import SPEC
from tests.support.command import Workplace

OURS = b"VERSION = 2\n"
EDIT = b"VERSION = 9\n"


def edit_in_place(path: Path) -> None:
    """As `rsync -a --inplace` and `cp -p` write: size kept, permissions and time put back."""
    before = path.stat()
    path.chmod(0o644)
    path.write_bytes(EDIT)
    path.chmod(before.st_mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def edit_as_new_file(path: Path) -> None:
    """As `rsync -a` and `touch -r` do: a new file with the old name, permissions and time."""
    new = path.with_name("new")
    new.write_bytes(EDIT)
    shutil.copystat(path, new)
    new.rename(path)


@pytest.fixture
def two(project: Workplace) -> tuple[Workplace, Workplace]:
    """Two projects whose environments share their files with one store."""
    project.write(SPEC + '[sync]\nlink-mode = "hardlink"\n')
    project.given("sync")
    other = Workplace.__new__(Workplace)
    other.__dict__.update(project.__dict__)
    other.project = project.project.parent / "other"
    shutil.copytree(project.project, other.project, ignore=shutil.ignore_patterns(".venv"))
    other.given("sync")
    return project, other


def quarantined(place: Workplace) -> list[bytes]:
    folder = place.venv / ".envsync/quarantine"
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


def assert_found_and_repaired(place: Workplace) -> None:
    ran = place.run("sync", "--check")
    assert ran.code == 3
    assert "base.py was edited" in ran.err
    assert "edited:" in place.ok("status").out
    place.ok("sync")
    assert (place.site / "base.py").read_bytes() == OURS
    assert quarantined(place) == [EDIT]
    place.ok("sync", "--check")


@pytest.mark.parametrize("edit", [edit_in_place, edit_as_new_file])
def test_an_edit_that_puts_its_time_back_is_found(
    project: Workplace, edit: Callable[[Path], None]
) -> None:
    project.given("sync")
    edit(project.site / "base.py")
    assert_found_and_repaired(project)


def test_an_edit_through_a_link_is_found_wherever_the_file_is(
    two: tuple[Workplace, Workplace],
) -> None:
    one, other = two
    edit_in_place(other.site / "base.py")
    assert (one.site / "base.py").read_bytes() == EDIT
    shutil.rmtree(one.venv)
    one.given("sync")  # the store's own is compared before it is linked
    assert (one.site / "base.py").read_bytes() == OURS
    assert_found_and_repaired(other)


def test_what_others_link_and_unlink_is_no_difference_and_noted(
    two: tuple[Workplace, Workplace],
) -> None:
    one, other = two
    for is_removed in (False, True):
        if is_removed:
            shutil.rmtree(other.venv)
        assert "matches the lock" in one.ok("sync", "--check").err
        assert "Nothing to do" in one.ok("sync").err
        before = (one.venv / ".envsync/times").stat().st_ctime_ns
        assert "Nothing to do" in one.ok("sync", "--frozen").err  # looks, and there is no news
        assert (one.venv / ".envsync/times").stat().st_ctime_ns == before
    assert not quarantined(one)


def test_run_reads_no_file_because_something_touched_it(project: Workplace) -> None:
    """In a container all times of change are new, and `run` promises inputs and folders only."""
    project.given("sync")
    before = (project.venv / ".envsync/times").read_bytes()
    edit_in_place(project.site / "base.py")
    shutil.rmtree(project.cache / "stamps-v1")
    project.ok("run", "webby")
    assert (project.venv / ".envsync/times").read_bytes() == before
    assert (project.site / "base.py").read_bytes() == EDIT
    assert project.run("sync", "--check").code == 3
    project.ok("sync")
    assert (project.site / "base.py").read_bytes() == OURS


def lose_times(folder: Path) -> None:
    """As `cp -r`, archives of CI and object stores do."""
    subprocess.run(["cp", "-r", folder, f"{folder}-copy"], check=True)
    shutil.rmtree(folder)
    Path(f"{folder}-copy").rename(folder)


def test_a_cache_that_lost_its_times_is_used_and_gets_them_back(project: Workplace) -> None:
    project.given("sync")
    shutil.rmtree(project.venv)
    lose_times(project.cache)
    project.ok("sync", "--offline")
    assert not list(project.cache.glob("wheels-v1/.damaged-*"))
    assert project.run("verify").code == 0
    edit_in_place(next(project.cache.glob("wheels-v1/*/tree/base.py")))
    shutil.rmtree(project.venv)
    assert project.run("sync", "--offline").code == 1  # bytes decide


def test_an_environment_that_lost_its_times_gets_them_back(project: Workplace) -> None:
    project.given("sync")
    for path in project.site.rglob("*"):
        if path.is_file():
            os.utime(path)
    ran = project.run("sync", "--check")
    assert ran.code == 3
    assert "edited" not in ran.err
    assert "base.py has another modification time" in ran.err
    assert '"kind": "time"' in project.run("status", "--json").out
    assert "Repaired .venv" in project.ok("sync").err
    assert not (project.venv / ".envsync/quarantine").exists()
    project.ok("sync", "--check")
    assert project.run("verify").code == 0


def test_an_environment_from_before_times_were_kept_is_compared_once(project: Workplace) -> None:
    project.given("sync")
    (project.venv / ".envsync/times").unlink()
    for entry in project.cache.glob("wheels-v1/*/times"):
        entry.unlink()
    shutil.rmtree(project.cache / "stamps-v1")
    assert project.run("sync", "--check").code == 0
    edit_in_place(project.site / "base.py")
    assert_found_and_repaired(project)
    assert (project.venv / ".envsync/times").is_file()


def test_caches_of_tools_stay_while_their_package_does(project: Workplace) -> None:
    """Numba keeps what it compiled beside bytecode."""
    project.given("sync")
    for folder in (project.site / "webby", project.site):
        (folder / "__pycache__").mkdir(exist_ok=True)
        (folder / "__pycache__/base.f-1.py311.nbi").write_bytes(b"index")
    project.ok("sync", "--check")
    project.ok("run", "webby")
    assert len(list(project.site.rglob("*.nbi"))) == 2
    project.write(SPEC.replace('["webby"]', '["base"]'))
    project.ok("sync")
    assert [path.parent.parent for path in project.site.rglob("*.nbi")] == [project.site]
    assert quarantined(project) == [b"index"]
    project.ok("sync", "--check")
