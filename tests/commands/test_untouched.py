"""What a change of an environment leaves alone: open files, targets of links, what RECORD names."""

import mmap
import os
from pathlib import Path

import pytest

from tests.support.command import Workplace


@pytest.fixture
def synced(project: Workplace) -> Workplace:
    project.given("sync")
    return project


def test_an_upgrade_writes_into_no_file_that_a_program_has_open(synced: Workplace) -> None:
    """A library that is mapped would change under the program that runs from it."""
    path = synced.site / "base.py"
    before = path.read_bytes()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        synced.write(synced.read().replace('"webby"', '"webby", "base<2"'))
        synced.ok("sync")
        assert path.stat().st_ino != os.fstat(file.fileno()).st_ino
        assert path.read_bytes() != before
        assert mapped[:] == before


def test_a_script_that_became_a_link_is_set_aside_and_its_target_left(
    synced: Workplace, tmp_path: Path
) -> None:
    target = tmp_path / "mine"
    target.write_text("precious")
    script = synced.venv / "bin/webby"
    content = script.read_bytes()
    script.unlink()
    script.symlink_to(target)
    synced.ok("sync")
    assert (script.is_symlink(), script.read_bytes()) == (False, content)
    assert target.read_text() == "precious"
    (kept,) = synced.venv.glob(".envsync/quarantine/*/bin/webby")
    assert os.readlink(kept) == str(target)


def test_what_record_names_is_not_removed_with_its_package(
    synced: Workplace, tmp_path: Path
) -> None:
    """The manifest says what goes; RECORD in an environment is anybody's text."""
    target = tmp_path / "mine"
    target.write_text("precious")
    record = next(synced.site.glob("webby-*.dist-info")) / "RECORD"
    record.chmod(0o644)
    rows = [str(target), os.path.relpath(target, synced.site), "../../../.envsync/id", "../.."]
    record.write_text("".join(f"{row},,\n" for row in rows))
    synced.ok("remove", "webby")
    assert not (synced.site / "webby").exists()
    assert target.read_text() == "precious"
    assert (synced.venv / "pyvenv.cfg").exists()
