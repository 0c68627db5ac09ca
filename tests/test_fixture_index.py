"""The fixture index: consistent in itself, the same bytes each time, and served as indexes are."""

import contextlib
import hashlib
import html.parser
import http.client
import io
import json
import tomllib
import urllib.parse
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename

from envsync.wheel.archive import open_wheel
from fixtures.make_index import write_index
from fixtures.packages import releases
from fixtures.serve import JSON_TYPE, serve

PROJECT = Path(__file__).parents[1] / "fixtures" / "project" / "env.toml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("index")
    write_index(str(path))
    return path


class Links(html.parser.HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append(dict(attrs))


def pages(folder: Path, name: str) -> tuple[list[dict[str, Any]], list[dict[str, str | None]]]:
    """A project's files as its JSON page and as its HTML page has them."""
    page = folder / "simple" / name
    rows = json.loads((page / "index.json").read_text())["files"]
    return rows, Links((page / "index.html").read_text()).found


def names(folder: Path) -> list[str]:
    index = json.loads((folder / "simple" / "index.json").read_text())
    return [project["name"] for project in index["projects"]]


def test_the_same_bytes_each_time(folder: Path, tmp_path: Path) -> None:
    write_index(str(tmp_path))
    first = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}
    assert first == {
        path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.*")
    }


def test_both_pages_say_the_same_and_the_truth(folder: Path) -> None:
    for name in names(folder):
        rows, links = pages(folder, name)
        assert len(rows) == len(links)
        for row, link in zip(rows, links, strict=True):
            content = (folder / "simple" / name / row["url"]).resolve().read_bytes()
            sha256 = hashlib.sha256(content).hexdigest()
            assert (row["hashes"], row["size"]) == ({"sha256": sha256}, len(content))
            assert link["href"] == f"{row['url']}#sha256={sha256}"
            assert link.get("data-requires-python") == row.get("requires-python")
            assert link.get("data-yanked", False) == row["yanked"]
            assert link["data-upload-time"] == row["upload-time"]


def test_metadata_files_are_those_of_the_wheels(folder: Path) -> None:
    for name in names(folder):
        for row in pages(folder, name)[0]:
            path = folder / "files" / name / row["filename"]
            if path.suffix != ".whl":
                assert "core-metadata" not in row
                continue
            info = "-".join(path.name.split("-")[:2]) + ".dist-info/METADATA"
            inner = zipfile.ZipFile(io.BytesIO(path.read_bytes())).read(info)
            assert inner == Path(f"{path}.metadata").read_bytes()
            assert row["core-metadata"] == {"sha256": hashlib.sha256(inner).hexdigest()}


def test_the_strict_reader_takes_every_wheel() -> None:
    for release in releases():
        if release.filename.endswith(".whl"):
            archive = open_wheel(release.content, filename=release.filename)
            assert archive.metadata.name == release.project
            assert str(archive.metadata.requires_python or "") == (release.requires_python or "")


def test_it_holds_every_kind_of_thing(folder: Path) -> None:
    files = list(releases())
    assert 12 <= len(names(folder)) <= 15
    assert len({release.filename for release in files}) == len(files)
    sources = {release.project for release in files if release.filename.endswith(".tar.gz")}
    wheels = [release for release in files if release.filename.endswith(".whl")]
    assert sources - {release.project for release in wheels} == {"cider"}
    versions = [parse_wheel_filename(release.filename)[1] for release in wheels]
    assert [str(version) for version in versions if version.is_prerelease] == ["2.1rc1"]
    assert [release.filename for release in files if release.yanked] == [
        "tally-2.0.1-py3-none-any.whl"
    ]
    assert len({release.filename for release in wheels if release.project == "speedup"}) == 6
    assert sources == {parse_sdist_filename("cider-1.0.tar.gz")[0]}


def test_the_project_names_only_what_is_there(folder: Path) -> None:
    spec = tomllib.loads(PROJECT.read_text())
    groups = [
        *spec["env"]["optional-dependencies"].values(),
        *spec["dependency-groups"].values(),
        spec["env"]["dependencies"],
    ]
    wanted = {
        canonicalize_name(Requirement(text).name)
        for group in groups
        for text in group
        if isinstance(text, str)
    }
    assert wanted <= set(names(folder))


class Client:
    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc)
        self.close = self._connection.close

    def get(
        self, path: str, method: str = "GET", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, path, headers=named)
        reply = self._connection.getresponse()
        found = {name.lower(): value for name, value in reply.getheaders()}
        return reply.status, found, reply.read()


def test_it_is_served_as_indexes_are(folder: Path) -> None:
    path = "/files/tally/tally-2.0-py3-none-any.whl"
    content = folder.joinpath(*path.split("/")).read_bytes()
    total = len(content)
    with serve(str(folder)) as url, contextlib.closing(Client(url)) as client:
        assert url.startswith("http://127.0.0.1:")
        assert url.endswith("/simple/")
        _, headers, body = client.get("/simple/tally/")
        assert headers["content-type"] == "text/html; charset=utf-8"
        assert body == (folder / "simple/tally/index.html").read_bytes()
        _, headers, body = client.get("/simple/tally/", Accept=f"{JSON_TYPE}, text/html;q=0.1")
        assert headers["content-type"] == JSON_TYPE
        assert json.loads(body)["name"] == "tally"
        assert client.get("/simple/tally/", If_None_Match=headers["etag"])[0] == 200
        status, _, body = client.get(
            "/simple/tally/", Accept=JSON_TYPE, If_None_Match=headers["etag"]
        )
        assert (status, body) == (304, b"")
        assert client.get(path)[::2] == (200, content)
        assert client.get(path, method="HEAD")[::2] == (200, b"")
        for asked, expected in {
            "bytes=0-9": content[:10],
            "bytes=10-": content[10:],
            "bytes=-22": content[-22:],
            f"bytes=5-{total * 2}": content[5:],
        }.items():
            status, headers, body = client.get(path, Range=asked)
            assert (status, body) == (206, expected)
            assert headers["content-range"].endswith(f"/{total}")
        assert client.get(path, Range=f"bytes={total}-")[0] == 416
        for missing in ("/simple/none/", "/files/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd"):
            assert client.get(missing)[0] == 404
