"""Links of pages: the quick way gives what the thorough one gives, or leaves it to that one."""

import json
from urllib.parse import urljoin

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from envsync.index.html_page import read_html
from envsync.index.json_page import read_json
from envsync.index.links import Links
from tests.support.effort import calls

BASES = (
    "https://index.example/simple/shop/",
    "https://index.example:8443/a/b/c/d/simple/shop/",
    "http://127.0.0.1:8080/x",
    "https://index.example",
)
PIECES = (
    "../",
    "./",
    "..",
    ".",
    "/",
    "//",
    "a",
    "b-1.0",
    "C_d",
    "%2e",
    "@",
    ":",
    "?",
    "#",
    ";",
    " ",
    "é",
    "~",
    "",
    "https:",
    "a.b/",
)
links = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


@given(st.sampled_from(BASES), links)
def test_quick_is_thorough_or_nothing(base: str, link: str) -> None:
    assert Links(base).quick(link) in (None, Links(base).resolve(link))


@example(base=BASES[0], link="a;")
@given(st.sampled_from(BASES), links)
def test_what_is_joined_quickly_is_what_the_standard_library_joins(base: str, link: str) -> None:
    assert Links(base).quick(link) in (None, urljoin(base, link))


def test_relative_links_of_html_are_joined_by_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    joined: list[str] = []

    def noted(base: str, url: str) -> str:
        joined.append(url)
        return urljoin(base, url)

    monkeypatch.setattr("envsync.index.links.urljoin", noted)
    names = [f"shop-{number}.0.tar.gz" for number in range(99)]
    rows = (f'<a href="../../files/ab/{name}">{name}</a>' for name in names)
    files = read_html("".join(rows), BASES[0])

    assert files[98].url == "https://index.example/files/ab/shop-98.0.tar.gz"
    assert len(joined) < 5


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("../../files/ab/x-1.0.tar.gz", "https://index.example/files/ab/x-1.0.tar.gz"),
        ("x-1.0.tar.gz", "https://index.example/simple/shop/x-1.0.tar.gz"),
        ("../../../../x", "https://index.example/x"),
        ("https://other.example/a/x", "https://other.example/a/x"),
    ],
)
def test_usual_links_take_the_quick_way(link: str, url: str) -> None:
    assert Links(BASES[0]).quick(link) == url


@pytest.mark.parametrize(
    "link", ["../../a/../b", "a/./b", "./a", "a%20b", "//h.example/a", "a?b", "a//b", "a//", "a b"]
)
def test_odd_links_are_left_to_the_thorough_one(link: str) -> None:
    assert Links(BASES[0]).quick(link) is None


def test_relative_rows_cost_little_more_than_absolute_ones() -> None:
    """A page of an own index may list as many files as the public one's."""

    def page(folder: str) -> bytes:
        row = {"hashes": {"sha256": "5f" * 32}, "requires-python": ">=3.9"}
        names = [f"shop-{number}.0-py3-none-any.whl" for number in range(1000)]
        rows = [{**row, "filename": name, "url": f"{folder}/{name}"} for name in names]
        return json.dumps({"meta": {"api-version": "1.1"}, "name": "shop", "files": rows}).encode()

    def cost(folder: str) -> int:
        return calls(lambda: read_json(page(folder), BASES[0], "shop"))

    assert cost("../../files/ab") < 1.5 * cost("https://files.example/ab")
