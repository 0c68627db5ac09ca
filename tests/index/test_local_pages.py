"""Indexes that are folders or pages on this machine: what they list, and where nothing leads."""

import hashlib
import os
from pathlib import Path

import pytest
from packaging.utils import NormalizedName

from envsync.errors import IndexFailed
from envsync.index.local_files import LocalFiles
from envsync.index.local_pages import LocalPages
from envsync.index.page_source import Index
from envsync.index.transport import Request, TransportFailed

SHOP = NormalizedName("shop")
WHEEL = "shop-1.0-py3-none-any.whl"
DIGEST = hashlib.sha256(b"x").hexdigest()


def link(href: str, *, digest: str = "") -> str:
    return f'<a href="{href}{"#sha256=" + digest if digest else ""}">a file</a>\n'


def put(folder: Path, **files: str) -> None:
    """Write files; `__` in a name stands for a slash."""
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def urls(pages: LocalPages, index: Index, name: NormalizedName = SHOP) -> list[str] | None:
    """The addresses of what an index has of a project."""
    page = pages.page(index, name)
    return None if page is None else [file.url for file in page.releases.every_file()]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    project.mkdir()
    return project


@pytest.fixture
def pages(root: Path) -> LocalPages:
    return LocalPages(LocalFiles(str(root)))


def test_a_tree_with_pages(root: Path, pages: LocalPages) -> None:
    put(root, **{"web__simple__shop__index.html": link(f"../../files/{WHEEL}", digest=DIGEST)})
    index = Index("tree", "file:web/simple")

    page = pages.page(index, SHOP)

    assert page is not None
    (file,) = page.releases.every_file()
    assert (file.filename, file.url, file.sha256) == (WHEEL, f"file:web/files/{WHEEL}", DIGEST)
    assert pages.page(index, NormalizedName("other")) is None


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        (WHEEL, f"file:simple/shop/{WHEEL}"),
        (f"/files/{WHEEL}", f"file:files/{WHEEL}"),
        (f"../../../../../../etc/{WHEEL}", f"file:etc/{WHEEL}"),
        (f"https://files.example/{WHEEL}", f"https://files.example/{WHEEL}"),
        (f"a%20b/{WHEEL}", f"file:simple/shop/a%20b/{WHEEL}"),
        (f"file:///etc/{WHEEL}", None),
        (f"//[bad/{WHEEL}", None),
        (f"..%2f..%2fetc%2f{WHEEL}", None),
    ],
)
def test_links_lead_no_further_than_the_project(
    root: Path, pages: LocalPages, href: str, expected: str | None
) -> None:
    put(root, **{"simple__shop__index.html": link(href)})
    assert urls(pages, Index("tree", "file:simple")) == ([] if expected is None else [expected])


@pytest.mark.parametrize("folder", ["Shop", "SHOP", "shop"])
def test_a_folder_of_files_is_a_page_however_it_is_spelled(
    root: Path, pages: LocalPages, folder: str
) -> None:
    put(root, **{f"simple__{folder}__{WHEEL}": "x", f"simple__{folder}__notes.txt": "x"})
    assert urls(pages, Index("tree", "file:simple")) == [f"file:simple/{folder}/{WHEEL}"]


def test_json_pages(root: Path, pages: LocalPages) -> None:
    text = (
        '{"meta": {"api-version": "1.1"}, "name": "shop", "files": [{"filename": "%s", '
        '"url": "../%s", "hashes": {"sha256": "%s"}, "size": 1}]}'
    )
    put(root, **{"simple__shop__index.json": text % (WHEEL, WHEEL, DIGEST)})
    assert urls(pages, Index("tree", "file:simple")) == [f"file:simple/{WHEEL}"]


def test_a_flat_folder_and_its_page(root: Path, pages: LocalPages) -> None:
    newer = WHEEL.replace("1.0", "2.0")
    put(root, **{f"wheels__{WHEEL}": "x", f"wheels__{newer}": "x"})
    put(root, **{"wheels__shop-bar-1.0.tar.gz": "x", "wheels__shop-0.9.tar.gz": "x"})
    put(root, **{"wheels__index.html": link(WHEEL, digest=DIGEST) + link("other-1.0.zip")})
    index = Index("wheels", "file:wheels", format="flat")

    page = pages.page(index, SHOP)

    assert page is not None
    found = {file.filename: file.sha256 for file in page.releases.every_file()}
    assert found == {"shop-0.9.tar.gz": None, WHEEL: DIGEST, newer: None}
    assert urls(pages, index, NormalizedName("shop-bar")) == ["file:wheels/shop-bar-1.0.tar.gz"]
    assert urls(pages, index, NormalizedName("missing")) is None


def test_a_flat_page_as_a_file_and_the_project_itself(root: Path, pages: LocalPages) -> None:
    put(root, **{"links.html": link(f"deep/{WHEEL}"), WHEEL: "x"})
    assert urls(pages, Index("a", "file:links.html", format="flat")) == [f"file:deep/{WHEEL}"]
    assert urls(pages, Index("b", "file:", format="flat")) == [f"file:{WHEEL}"]


@pytest.mark.parametrize(
    ("index", "reason"),
    [
        (Index("gone", "file:gone", format="flat"), "there is no such file or folder"),
        (Index("gone", "file:gone"), "there is no such file or folder"),
        (Index("page", "file:page.html"), "is no folder of projects"),
        (Index("text", "file:text.html", format="flat"), "the answer is not a project page"),
        (Index("below", "file:page.html/more", format="flat"), "there is no such file or folder"),
        (Index("pipe", "file:pipe", format="flat"), "no regular file"),
        (Index("link", "file:link", format="flat"), "leads out of its folder"),
        (Index("up", "file:../beside", format="flat"), "leads out of its folder"),
        (Index("login", "file:login.html", format="flat"), "is a login form"),
    ],
)
def test_what_is_no_index(root: Path, pages: LocalPages, index: Index, reason: str) -> None:
    put(root, **{"page.html": link(WHEEL), "text.html": "nothing"})
    put(root, **{"login.html": "<form><input type='password'></form>"})
    put(root.parent, **{f"beside__{WHEEL}": "x"})
    os.mkfifo(root / "pipe")
    (root / "link").symlink_to(root.parent / "beside")

    with pytest.raises(IndexFailed) as caught:
        pages.page(index, SHOP)

    assert reason in str(caught.value)


@pytest.mark.parametrize("absolute", [True, False])
def test_outside_where_that_is_allowed(root: Path, absolute: bool) -> None:
    put(root.parent, **{"share__simple__shop__index.html": link(f"../../files/{WHEEL}")})
    put(root.parent, **{f"share__files__{WHEEL}": "x", f"secret__{WHEEL}": "x"})
    folder = f"{root.parent}/share" if absolute else "../share"
    base = f"file://{folder}" if absolute else f"file:{folder}"
    files = LocalFiles(str(root), (folder,))

    found = urls(LocalPages(files), Index("share", f"{base}/simple", outside=True))

    assert found == [f"{base}/files/{WHEEL}"]
    assert files.content(found[0]).size == 1
    with pytest.raises(TransportFailed, match="leads out of its folder"):
        files.place(f"{base}/../secret/{WHEEL}")


@pytest.mark.parametrize(
    ("asked", "status", "body"),
    [
        ("", 200, b"0123456789"),
        ("bytes=-4", 206, b"6789"),
        ("bytes=2-3", 206, b"23"),
        ("bytes=-99", 200, b"0123456789"),
        ("lines=1", 200, b"0123456789"),
    ],
)
def test_parts_of_a_file(root: Path, asked: str, status: int, body: bytes) -> None:
    put(root, **{"a.whl": "0123456789"})
    response = LocalFiles(str(root)).answer(Request("file:a.whl", (("Range", asked),)))
    assert (response.status, response.body) == (status, body)
    assert LocalFiles(str(root)).answer(Request("file:b.whl")).status == 404


def test_what_is_too_large_leaves_nothing(root: Path, tmp_path: Path) -> None:
    put(root, **{"a.whl": "0123456789"})
    for sink in (None, str(tmp_path / "sink")):
        with pytest.raises(TransportFailed, match="larger than 9 bytes"):
            LocalFiles(str(root)).answer(Request("file:a.whl", sink=sink, limit=9))
    assert not (tmp_path / "sink").exists()
