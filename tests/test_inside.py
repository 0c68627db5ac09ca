"""What paths below a project's folder may lead to."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.errors import PathRefused, StorageFailed
from envsync.inside import (
    copy_inside,
    folder_inside,
    hash_inside,
    open_inside,
    read_inside,
    real_path,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "vendor").mkdir(parents=True)
    (folder / "vendor" / "file").write_bytes(b"content")
    (tmp_path / "outside").write_bytes(b"secret")
    (tmp_path / "project-2").mkdir()
    (tmp_path / "project-2" / "file").write_bytes(b"secret")
    return folder


def test_a_file_is_read_hashed_and_copied(root: Path, tmp_path: Path) -> None:
    assert read_inside(str(root), "vendor/file", 7) == b"content"
    found = hash_inside(str(root), "./vendor//file", ("sha256", "blake2b", "sha3_256"))
    assert found.size == 7
    for algorithm, digest in found.hashes.items():
        assert hashlib.new(algorithm, b"content").hexdigest() == digest
    copied = copy_inside(str(root), "vendor/file", str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_bytes() == b"content"
    assert copied.hashes["sha256"] == hashlib.sha256(b"content").hexdigest()
    with pytest.raises(StorageFailed):
        copy_inside(str(root), "vendor/file", str(tmp_path / "copy"))
    with pytest.raises(PathRefused, match="vendor/file: is larger than 6 bytes"):
        read_inside(str(root), "vendor/file", 6)


def test_links_inside_are_followed_and_a_linked_project_is_one(root: Path, tmp_path: Path) -> None:
    os.symlink("vendor", root / "third")
    os.symlink(root / "vendor" / "file", root / "absolute")
    os.symlink(root, tmp_path / "linked")
    for start in (root, tmp_path / "linked"):
        assert read_inside(str(start), "third/file", 99) == b"content"
        assert read_inside(str(start), "absolute", 99) == b"content"
        assert folder_inside(str(start), "third") == str(root / "vendor")
    assert real_path(str(root), ".") == str(root)


OUTSIDE: dict[str, Callable[[Path], object]] = {
    "a link": lambda path: os.symlink("../outside", path),
    "an absolute link": lambda path: os.symlink("/etc/passwd", path),
    "a link to a folder that begins alike": lambda path: os.symlink("../project-2/file", path),
    "a link over a link": lambda path: _two_links(path),
}


def _two_links(path: Path) -> None:
    os.symlink("..", path.parent / "up")
    os.symlink("up/outside", path)


@pytest.mark.parametrize("what", OUTSIDE)
def test_links_lead_nowhere_else(what: str, root: Path) -> None:
    OUTSIDE[what](root / "it")
    for look in (read_limit, hash_inside, folder_inside, real_path):
        with pytest.raises(PathRefused, match="it: leads out of the project's folder"):
            look(str(root), "it")


def read_limit(root: str, path: str) -> bytes:
    return read_inside(root, path, 99)


@pytest.mark.parametrize("path", ["..", "../outside", "vendor/../../outside", "/etc/passwd"])
def test_paths_lead_nowhere_else(path: str, root: Path) -> None:
    with pytest.raises(PathRefused, match="leads out"):
        open_inside(str(root), path)


NO_FILES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda path: None,
    "a link to nothing": lambda path: os.symlink("nothing", path),
    "a folder": lambda path: path.mkdir(),
    "a pipe": os.mkfifo,
}


@pytest.mark.parametrize("what", NO_FILES)
def test_what_is_no_file(what: str, root: Path) -> None:
    NO_FILES[what](root / "it")
    with pytest.raises(PathRefused, match=r"^it: "):
        open_inside(str(root), "it")
    if what != "a folder":
        with pytest.raises(PathRefused):
            folder_inside(str(root), "it")


def test_a_link_to_itself_is_told(root: Path) -> None:
    os.symlink("it", root / "it")
    with pytest.raises(StorageFailed):
        open_inside(str(root), "it")


def test_a_folder_below_a_folder(root: Path) -> None:
    assert folder_inside(str(root), ".", "vendor") == str(root / "vendor")
    with pytest.raises(PathRefused, match="vendor/file: is not a folder"):
        folder_inside(str(root), "vendor", "file")
