"""Source trees: unpacked from archives, copied from folders, never written outside."""

import os
import stat
from pathlib import Path

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.build.sources import SourceTree, open_folder, unpack_sdist
from envsync.errors import SourceInvalid, StorageFailed
from envsync.events import Reporter
from tests.build import tars
from tests.support.wheels import make_sdist, pack_zip

SHOP = NormalizedName("shop")


class Warnings(Reporter):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def warn(self, text: str) -> None:
        self.texts.append(text)


def tree_of(path: Path) -> dict[str, str]:
    """Every entry below `path`: what it is, and its content or target."""
    found = {}
    for entry in sorted(path.rglob("*")):
        name = entry.relative_to(path).as_posix()
        if entry.is_symlink():
            found[name] = f"-> {os.readlink(entry)}"
        elif entry.is_dir():
            found[name] = "folder"
        else:
            mode = stat.S_IMODE(entry.stat().st_mode)
            found[name] = f"{mode:o} {entry.read_text()}"
    return found


def unpack(tmp_path: Path, content: bytes, filename: str = "shop-1.0.tar.gz") -> SourceTree:
    """Unpack an archive in `tmp_path`/tree and see that nothing beside it changed."""
    archive, tree = tmp_path / filename, tmp_path / "tree"
    archive.write_bytes(content)
    tree.mkdir()
    try:
        return unpack_sdist(str(archive), directory=str(tree), name=SHOP, version=Version("1.0"))
    finally:
        assert sorted([filename, "tree"]) == sorted(os.listdir(tmp_path))


def test_unpacks_a_source_distribution(tmp_path: Path) -> None:
    content = tars.tar_gz(
        tars.folder("shop-1.0/"),
        tars.file("shop-1.0/setup.py", b"pass", mode=b"0006777\0"),
        tars.file("shop-1.0/src/shop.py", b"x = 1", mode=b"0000600\0"),
        tars.hard_link("shop-1.0/copy.py", "shop-1.0/src/shop.py"),
        tars.link("shop-1.0/docs/shop.py", "../src/shop.py"),
    )
    tree = unpack(tmp_path, content)
    expected = {
        "shop-1.0": "folder",
        "shop-1.0/copy.py": "644 x = 1",
        "shop-1.0/docs": "folder",
        "shop-1.0/docs/shop.py": "-> ../src/shop.py",
        "shop-1.0/setup.py": "755 pass",
        "shop-1.0/src": "folder",
        "shop-1.0/src/shop.py": "644 x = 1",
    }
    assert expected == tree_of(tmp_path / "tree")
    assert str(tmp_path / "tree" / "shop-1.0") == tree.path
    assert ("shop-1.0.tar.gz", SHOP, Version("1.0")) == (tree.label, tree.name, tree.version)


def test_a_hard_link_becomes_a_file_of_its_own(tmp_path: Path) -> None:
    content = tars.tar_gz(tars.file("shop-1.0/a", b"x"), tars.hard_link("shop-1.0/b", "shop-1.0/a"))
    tree = Path(unpack(tmp_path, content).path)
    assert [(tree / name).stat().st_nlink for name in "ab"] == [1, 1]


def test_times_stay_within_what_wheels_can_hold(tmp_path: Path) -> None:
    content = tars.tar_gz(
        tars.file("shop-1.0/old", mtime=b"00000000000\0"),
        tars.file("shop-1.0/new", mtime=b"77777777777\0"),
        tars.file("shop-1.0/odd", mtime=b"\x80" + bytes(10) + b"\x05"),
        tars.file("shop-1.0/fine", mtime=b"14524770000\0"),
    )
    tree = Path(unpack(tmp_path, content).path)
    expected = {"old": 315_619_200, "new": 2**31 - 1, "odd": 315_619_200, "fine": 0o14524770000}
    assert expected == {name: int((tree / name).stat().st_mtime) for name in expected}


def test_the_same_archive_gives_the_same_hash(tmp_path: Path) -> None:
    filename, content = make_sdist("shop", "1.0")
    archive = tmp_path / filename
    archive.write_bytes(content)
    trees = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        trees.append(unpack_sdist(str(archive), directory=str(tmp_path / name)))
    assert trees[0].sha256 == trees[1].sha256
    assert (trees[0].name, trees[0].version) == (None, None)


@pytest.mark.parametrize("top", ["shop-1.0", "Shop-1.0.0", "shop-1.0-", "SHOP-1", "shop-v1.0"])
def test_the_top_folder_may_be_spelled_in_older_ways(tmp_path: Path, top: str) -> None:
    content = tars.tar_gz(tars.file(f"{top}/setup.py"))
    if top.endswith("-"):
        with pytest.raises(SourceInvalid, match="its folder is"):
            unpack(tmp_path, content)
    else:
        assert unpack(tmp_path, content).path.endswith(top)


REFUSED = {
    "its folder is 'shop-1.1' instead of 'shop-1.0'": [tars.file("shop-1.1/setup.py")],
    "its folder is 'shop' instead": [tars.file("shop/setup.py")],
    "2 entries at the top": [tars.file("shop-1.0/setup.py"), tars.file("evil-1.0/setup.py")],
    "0 entries at the top": [],
    "'shop-1.0' at the top is no folder": [tars.file("shop-1.0")],
    "lies below 'shop-1.0/l'": [
        tars.link("shop-1.0/l", "."),
        tars.file("shop-1.0/l/evil"),
    ],
    "lies below 'shop-1.0/f'": [tars.file("shop-1.0/f/evil"), tars.file("shop-1.0/f")],
    "leads out": [tars.link("shop-1.0/l", "../.."), tars.file("shop-1.0/l/evil")],
    "is there twice": [
        tars.link("shop-1.0/l", "x"),
        tars.link("shop-1.0/l", "y"),
    ],
}


@pytest.mark.parametrize("reason", REFUSED)
def test_refuses_before_anything_is_written(tmp_path: Path, reason: str) -> None:
    with pytest.raises(SourceInvalid, match=reason) as caught:
        unpack(tmp_path, tars.tar_gz(*REFUSED[reason]))
    assert str(caught.value).startswith("shop-1.0.tar.gz cannot be built from: ")
    assert tree_of(tmp_path / "tree") == {}


def test_a_chain_of_links_cannot_climb_out(tmp_path: Path) -> None:
    """`x` reads as `shop-1.0/a` by its text, but a/b/c is a link to the top."""
    content = tars.tar_gz(
        tars.link("shop-1.0/a/b/c", "../.."), tars.link("shop-1.0/x", "a/b/c/../..")
    )
    with pytest.raises(SourceInvalid, match="leads out"):
        unpack(tmp_path, content)


@pytest.mark.parametrize("name", ["shop-1.0.tar.bz2", "shop-1.0.tgz", "shop-1.0.tar", "shop-1.0"])
def test_refuses_other_kinds_of_archive(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceInvalid, match=r"only \.tar\.gz and \.zip"):
        unpack(tmp_path, b"", name)


@pytest.mark.parametrize("name", ["shop-1.0.tar.gz", "shop-1.0.zip"])
def test_refuses_empty_files(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceInvalid, match=r"cut short|it is empty"):
        unpack(tmp_path, b"", name)


@pytest.mark.parametrize("is_compressed", [False, True])
def test_unpacks_zip_archives(tmp_path: Path, is_compressed: bool) -> None:
    members = {"shop-1.0/": b"", "shop-1.0/setup.py": b"pass", "shop-1.0/a/b.py": b"x = 1" * 1000}
    archive = pack_zip(members, executable={"shop-1.0/setup.py"}, compressed=is_compressed)
    unpack(tmp_path, archive, "shop-1.0.zip")
    expected = {
        "shop-1.0": "folder",
        "shop-1.0/a": "folder",
        "shop-1.0/a/b.py": "644 " + "x = 1" * 1000,
        "shop-1.0/setup.py": "755 pass",
    }
    assert expected == tree_of(tmp_path / "tree")


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"../evil": b""}, "leads out"),
        ({"shop-1.0/../../evil": b""}, "leads out"),
        ({"/evil": b""}, "leads out"),
        ({"shop-1.0/a\\b": b""}, "not portable"),
        ({"shop-1.0/a": b"", "shop-1.0/a/b": b""}, "which is no folder"),
        ({"other-1.0/a": b""}, "its folder is"),
    ],
)
def test_refuses_hostile_zip_archives(
    tmp_path: Path, members: dict[str, bytes], reason: str
) -> None:
    with pytest.raises(SourceInvalid, match=reason):
        unpack(tmp_path, pack_zip(members), "shop-1.0.zip")


@pytest.mark.parametrize("is_compressed", [False, True])
def test_refuses_damaged_zip_archives(tmp_path: Path, is_compressed: bool) -> None:
    archive = bytearray(pack_zip({"shop-1.0/a": b"content" * 9}, compressed=is_compressed))
    archive[archive.index(b"shop-1.0/a") + 12] ^= 0x55
    with pytest.raises(SourceInvalid, match="is damaged"):
        unpack(tmp_path, bytes(archive), "shop-1.0.zip")


def test_refuses_zip_archives_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(SourceInvalid, match="not a ZIP archive"):
        unpack(tmp_path, b"x" * 100, "shop-1.0.zip")


def test_a_missing_archive_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed):
        unpack_sdist(str(tmp_path / "none.tar.gz"), directory=str(tmp_path))


def test_gives_the_subdirectory(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(
        tars.tar_gz(tars.file("top/py/setup.py"), tars.link("top/link", "py"))
    )
    for number, (subdirectory, expected) in enumerate(
        [("py", "top/py"), ("./py/", "top/py"), ("", "top")]
    ):
        directory = tmp_path / str(number)
        directory.mkdir()
        tree = unpack_sdist(
            str(tmp_path / "a.tar.gz"), directory=str(directory), subdirectory=subdirectory
        )
        assert str(directory / expected) == tree.path
    for number, subdirectory in enumerate(["..", "py/..", "link", "none", "py/setup.py"]):
        directory = tmp_path / f"bad{number}"
        directory.mkdir()
        with pytest.raises(SourceInvalid, match="it has no folder"):
            unpack_sdist(
                str(tmp_path / "a.tar.gz"), directory=str(directory), subdirectory=subdirectory
            )


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceInvalid, match="there is no such folder"):
        open_folder(str(tmp_path / "none"))


def test_a_folder_is_used_in_place(tmp_path: Path) -> None:
    assert SourceTree(str(tmp_path), "", "./shop") == open_folder(str(tmp_path), label="./shop")
