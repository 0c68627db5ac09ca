"""One file or link, by its bytes: whatever stands in its place is another."""

import os
from pathlib import Path

import pytest

from envsync.environment.manifest import Placed
from envsync.environment.same import has_content
from tests.support.environments_on_disk import placed_file

FILE = placed_file("lib/a.py", b"a = 1\n")
LINK = Placed("bin/python", 0o120777, 8, "../a/b.c")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("lib", "bin"):
        (tmp_path / folder).mkdir()
    (tmp_path / "lib/a.py").write_bytes(b"a = 1\n")
    (tmp_path / "bin/python").symlink_to("../a/b.c")
    return tmp_path


def free_descriptor() -> int:
    """The lowest number that no open file has."""
    number = os.dup(0)
    os.close(number)
    return number


def test_what_was_placed_is_the_same_whatever_its_mode_and_time(root: Path) -> None:
    (root / "lib/a.py").chmod(0o600)
    os.utime(root / "lib/a.py", (1, 1))
    assert has_content(str(root), FILE)
    assert has_content(str(root), LINK)


@pytest.mark.parametrize("content", [b"a = 2\n", b"a = 1\n\n", b"a = 1", b""])
def test_another_byte_is_another_file(root: Path, content: bytes) -> None:
    (root / "lib/a.py").write_bytes(content)
    assert not has_content(str(root), FILE)


@pytest.mark.parametrize("placed", [FILE, LINK], ids=["file", "link"])
@pytest.mark.parametrize("kind", ["nothing", "folder", "fifo", "file", "link", "no way"])
def test_what_is_of_another_kind_is_another(root: Path, placed: Placed, kind: str) -> None:
    path = root / placed.path
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "file":
        path.write_bytes(b"../a/b.c")
    elif kind == "link":
        (root / "elsewhere").write_bytes(b"a = 1\n")
        path.symlink_to("../elsewhere")
    elif kind == "no way":
        path.parent.rmdir()
        path.parent.write_text("")
    assert not has_content(str(root), placed)


def test_a_file_that_cannot_be_read_is_no_answer(root: Path) -> None:
    long = FILE._replace(path=f"lib/{'x' * 300}")
    with pytest.raises(OSError, match="too long"):
        has_content(str(root), long)


def test_no_file_stays_open(root: Path) -> None:
    os.mkfifo(root / "fifo")
    before = free_descriptor()
    for placed in (FILE, FILE._replace(size=1), FILE._replace(path="fifo"), LINK):
        has_content(str(root), placed)
    assert free_descriptor() == before
