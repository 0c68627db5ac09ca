"""Files of the project beside what a lock says of them."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from packaging.pylock import Package, PackageArchive, PackageSdist, PackageWheel
from packaging.utils import NormalizedName

from envsync.errors import HashMismatch, PathRefused
from envsync.lock.pins import Pinned
from envsync.project.local_files import altered, files_of_lock, refuse_altered, take
from tests.lock.samples import lock_of

PATH = "vendor/a-1.0.tar.gz"
CONTENT = b"content"


@pytest.fixture
def root(tmp_path: Path) -> str:
    folder = tmp_path / "project" / "vendor"
    folder.mkdir(parents=True)
    (folder / "a-1.0.tar.gz").write_bytes(CONTENT)
    return str(folder.parent)


def hashes(*algorithms: str, of: bytes = CONTENT) -> dict[str, str]:
    return {name: hashlib.new(name, of).hexdigest() for name in algorithms}


def pin(given: dict[str, str], size: int | None = None) -> Pinned:
    sha256 = given.get("sha256", "")
    return Pinned("a", "1.0", "archive", "a-1.0.tar.gz", None, PATH, sha256, given, size)


def archive(given: dict[str, str], size: int | None = None) -> Package:
    found = PackageArchive(path=PATH, hashes=given, size=size)
    return Package(name=NormalizedName("a"), archive=found)


@pytest.mark.parametrize("given", [["sha256"], ["sha512"], ["sha256", "blake2b"], ["sha3_384"]])
def test_a_copy_of_what_was_locked(root: str, tmp_path: Path, given: list[str]) -> None:
    for size in (None, len(CONTENT)):
        copy = take(pin(hashes(*given), size), root, str(tmp_path))
        assert Path(copy).read_bytes() == CONTENT
        assert os.path.dirname(copy) == str(tmp_path)


@pytest.mark.parametrize(
    ("given", "size", "expected"),
    [
        (hashes("sha256", of=b"other"), None, hashes("sha256", of=b"other")["sha256"]),
        (hashes("sha256") | hashes("sha512", of=b"other"), None, "sha512:"),
        (hashes("blake2s", of=b"other"), None, "blake2s:"),
        (hashes("sha256"), 6, "6 bytes"),
        (hashes("sha256"), 8, "8 bytes"),
    ],
)
def test_every_hash_and_the_size_count(
    root: str, tmp_path: Path, given: dict[str, str], size: int | None, expected: str
) -> None:
    with pytest.raises(HashMismatch) as caught:
        take(pin(given, size), root, str(tmp_path))
    assert caught.value.file == PATH
    assert expected in caught.value.expected
    lock = lock_of(archive(given, size))
    with pytest.raises(HashMismatch):
        refuse_altered(root, lock, may_lack=True)
    (found,) = altered(root, lock)
    assert found.reason.startswith(f"{PATH} changed: the lock has {caught.value.expected}")


def test_what_is_gone(root: str, tmp_path: Path) -> None:
    lock = lock_of(archive(hashes("sha256")))
    assert refuse_altered(root, lock, may_lack=True)
    os.unlink(f"{root}/{PATH}")
    assert not refuse_altered(root, lock, may_lack=True)
    with pytest.raises(PathRefused, match="there is no such file"):
        refuse_altered(root, lock, may_lack=False)
    with pytest.raises(PathRefused, match="there is no such file"):
        take(pin(hashes("sha256")), root, str(tmp_path))
    assert [one.reason for one in altered(root, lock)] == [
        f"{PATH}: there is no such file or folder"
    ]


def test_files_by_path_in_every_form() -> None:
    given: Any = {"hashes": hashes("sha256", "md5"), "size": 7}
    rows = (
        Package(name=NormalizedName("a"), archive=PackageArchive(path="a.zip", **given)),
        Package(
            name=NormalizedName("b"),
            sdist=PackageSdist(path="b-1.tar.gz", **given),
            wheels=[
                PackageWheel(path="b-1-py3-none-any.whl", **given),
                PackageWheel(url="https://files.example/b-1-py2-none-any.whl", **given),
            ],
        ),
        archive(hashes("sha256")),
    )
    found = list(files_of_lock(lock_of(*rows)))
    assert [(file.package, file.path) for file in found] == [
        ("a", "a.zip"),
        ("b", "b-1.tar.gz"),
        ("b", "b-1-py3-none-any.whl"),
        ("a", PATH),
    ]
    assert found[0].hashes == hashes("sha256")
    assert (found[0].size, found[3].size) == (7, None)
