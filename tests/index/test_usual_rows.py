"""Rows that are read by columns come to what each comes to, or are left to be read alone."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from envsync.index.json_page import _JsonPage
from envsync.index.links import Links
from envsync.index.usual_rows import usual_files

PAGE = "https://index.example/simple/shop/"
SHA = "0123456789abcdef" * 4
FOLDERS = ("https://files.example/a/", "../../files/a/", "sub/")
ODD_FOLDERS = ("/files/a/", "//files.example/a/", "./a/", "../../.hidden/", "a%20b/", "ftp://x/")

USUAL: dict[str, st.SearchStrategy[Any]] = {
    "filename": st.sampled_from(["shop-1-py3-none-any.whl", "shop-1.tar.gz", "Shop-2.zip"]),
    "hashes": st.sampled_from([{"sha256": SHA}, {"sha256": SHA[::-1]}]),
    "size": st.sampled_from([None, 0, 1, 10**14]),
    "requires-python": st.sampled_from([None, "", " >=3.8 ", ">=3.11", "x" * 5000]),
    "upload-time": st.sampled_from([None, "", "2026-01-01T00:00:00Z"]),
    "yanked": st.sampled_from([None, False, True, "", "broken", "y" * 5000]),
    "core-metadata": st.sampled_from([None, False, True, {}, {"sha256": SHA}]),
}
ODD: dict[str, list[Any]] = {
    "filename": ["", "..", "a/b", "a\\b", "a\nb", "\u00e4.whl", "z" * 256, 1, None],
    "url": [
        *("", "x y", "../x", "a//b", "a/./b", "a%20b", "a#sha256=1", "a?b", "/rooted", "a\\b"),
        *("https://other.example/x", "http://files.example/x", "https://", "\u00e4", 1, None),
    ],
    "hashes": [{}, {"md5": "0" * 32}, {"sha256": SHA, "md5": "0" * 32}, {"sha256": SHA.upper()}],
    "size": [-1, 10**15, True, "1"],
    "requires-python": [3],
    "upload-time": ["t" * 65, 5],
    "yanked": [1],
    "core-metadata": [
        *({"sha256": "x"}, {"sha256": None}, {"sha256": 1}, {"md5": 1}, 1),
        *({"sha256": SHA, "md5": None}, {"sha256": SHA, "md5": "0" * 32}),
    ],
}


@st.composite
def pages(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Usual rows of one folder, in some of which some value may be odd."""
    folder = draw(st.sampled_from(FOLDERS + ODD_FOLDERS))
    rows = []
    for _ in range(draw(st.integers(0, 4))):
        row = {key: draw(values) for key, values in USUAL.items()}
        row["url"] = folder + draw(st.sampled_from(["", "b/"])) + row["filename"]
        for key in draw(st.lists(st.sampled_from(sorted(row)), max_size=3)):
            if row.get(key, 0) is None:
                del row[key]
        rows.append(row)
    for row in rows:
        if draw(st.integers(0, 5)) == 0:
            key = draw(st.sampled_from(sorted(ODD)))
            row[key] = draw(st.sampled_from(ODD[key]))
        if draw(st.integers(0, 9)) == 0:
            row["dist-info-metadata"] = draw(st.booleans())
    return rows


NO_DIGEST = {
    "filename": "shop-1.zip", "url": "https://files.example/a/shop-1.zip",
    "hashes": {"sha256": SHA}, "yanked": True, "core-metadata": {"sha256": None},
}  # fmt: skip


@example([NO_DIGEST])
@given(pages())
def test_by_columns_as_one_by_one(rows: list[dict[str, Any]]) -> None:
    found = usual_files(rows, Links(PAGE))
    if found is not None:
        assert found == _JsonPage(PAGE)._each(rows)


@given(pages(), st.sampled_from(sorted(ODD)), st.data())
def test_a_row_that_is_odd_alone_is_never_read_by_columns(
    rows: list[dict[str, Any]], key: str, data: st.DataObject
) -> None:
    """Whatever one reading refuses of a row, the other one doesn't take."""
    odd: dict[str, Any] = {
        "filename": "shop-1.zip",
        "url": "sub/shop-1.zip",
        "hashes": {"sha256": SHA},
    }
    odd[key] = data.draw(st.sampled_from(ODD[key]))
    page = _JsonPage(PAGE)
    if page._usual_file(odd) is None:
        assert usual_files([*rows, odd], Links(PAGE)) is None


@pytest.mark.parametrize("folder", FOLDERS)
def test_usual_pages_are_read_by_columns(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {
            "filename": f"shop-{number}.zip",
            "url": f"{folder}{number}/shop-{number}.zip",
            "hashes": {"sha256": SHA},
            "size": number,
            "requires-python": ">=3.8",
            "upload-time": "2026-01-01T00:00:00Z",
            "yanked": "broken" if number == 3 else False,
            "core-metadata": {"sha256": SHA},
        }
        for number in range(20)
    ]
    expected = _JsonPage(PAGE)._each(rows)
    monkeypatch.setattr(_JsonPage, "_each", None)
    assert usual_files(rows, Links(PAGE)) == expected
    assert len(expected) == 20
