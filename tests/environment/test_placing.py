"""Files put in place, by links where they are stored, and what is known of their times after."""

import os
from pathlib import Path

import pytest

from envsync.environment.drift import expected_mtime
from envsync.environment.manifest import Placed
from envsync.environment.placing import ChangeTimes, Files, FileTimes, Tampered, fill, put
from envsync.platform.files import write_new
from envsync.platform.links import Placer
from tests.support.environments_on_disk import files_of, placed_file, tree

DATA = b"z = 1\n"
PLACED = placed_file("z.py", DATA)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "stored"
    write_new(str(path), DATA, mode=PLACED.mode, mtime=expected_mtime(PLACED))
    return path


def known(stored: Path) -> dict[int, int]:
    return {stored.stat().st_ino: stored.stat().st_ctime_ns}


def put_stored(stored: Path, placer: Placer, times: dict[int, int]) -> FileTimes:
    return put(PLACED, str(stored), str(stored.parent / "new"), placer, times)


def test_bytes_and_links_have_no_source(tmp_path: Path) -> None:
    link = Placed("bin/python", 0o120777, 4, "z.py")
    for placed, content in ((PLACED, DATA), (link, b"z.py")):
        path = tmp_path / placed.path.replace("/", "-")
        times = put(placed, content, str(path), Placer(), {})
        status = path.lstat()
        assert times == FileTimes(status.st_ctime_ns, 0, 0)
        assert (status.st_mode, status.st_size) == (placed.mode, placed.size)
        assert status.st_mtime == expected_mtime(placed)
    assert (tmp_path / "bin-python").readlink() == Path("z.py")


def test_a_hard_link_moves_the_time_of_the_stored_file(stored: Path) -> None:
    times = put_stored(stored, Placer("hardlink"), known(stored))
    status = stored.stat()
    assert times == FileTimes(status.st_ctime_ns, status.st_ino, status.st_ctime_ns)
    assert (stored.parent / "new").stat().st_ino == status.st_ino


def test_a_copy_leaves_the_time_of_the_stored_file(stored: Path) -> None:
    before = stored.stat()
    times = put_stored(stored, Placer("copy"), known(stored))
    new = (stored.parent / "new").stat()
    assert times == FileTimes(new.st_ctime_ns, before.st_ino, before.st_ctime_ns)
    assert stored.stat().st_ctime_ns == before.st_ctime_ns


@pytest.mark.parametrize("size", [b"z = 2\n", b"z = 10\n"])
def test_a_stored_file_of_which_no_time_is_known_is_read(stored: Path, size: bytes) -> None:
    put_stored(stored, Placer("copy"), {})
    (stored.parent / "new").unlink()
    stored.write_bytes(size)
    with pytest.raises(Tampered):
        put_stored(stored, Placer("copy"), {})
    assert not (stored.parent / "new").exists()


def test_a_stored_file_that_is_gone_is_told_whenever_it_went(stored: Path) -> None:
    class Late(Placer):
        def place(self, source: str, destination: str) -> None:
            os.unlink(source)
            super().place(source, destination)

    with pytest.raises(Tampered, match="stored"):
        put_stored(stored, Late(), known(stored))
    for path in (stored, stored / "below"):
        with pytest.raises(Tampered, match="stored"):
            put_stored(path, Placer(), {})


def test_a_place_that_is_gone_is_no_fault_of_the_stored_file(stored: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        put(PLACED, str(stored), str(tmp_path / "gone/new"), Placer("hardlink"), known(stored))


def test_all_files_are_put_with_their_folders_and_times(tmp_path: Path, stored: Path) -> None:
    (tmp_path / "built").mkdir(mode=0o755)
    wanted = {"lib/deep/a.py": b"a", ".gitignore": b"*\n", "z.py": DATA}
    files = files_of(wanted)
    files = files._replace(sources={**files.sources, "z.py": str(stored)})
    times = fill(str(tmp_path / "built"), files, Placer("hardlink"))
    assert tree(tmp_path / "built") == wanted
    assert times == ChangeTimes(
        {path: (tmp_path / "built" / path).lstat().st_ctime_ns for path in wanted}, known(stored)
    )


def test_nothing_at_all_can_be_put_in_place(tmp_path: Path) -> None:
    assert fill(str(tmp_path), Files({}, {}), Placer()) == ChangeTimes({}, {})
    assert os.listdir(tmp_path) == []
