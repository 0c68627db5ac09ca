"""The file names of a page are sorted by the versions in them."""

import pytest
from packaging.utils import canonicalize_name

from envsync.index.by_version import Sorted, sort_by_version
from envsync.index.releases import SOURCE


def sort(*filenames: str, name: str = "some-pkg") -> Sorted:
    return sort_by_version(canonicalize_name(name), filenames)


def texts(found: Sorted) -> list[str | None]:
    return [found.texts[places[0]] for places in found.versions.values()]


def test_files_of_one_version_come_together_from_old_to_new() -> None:
    wheel, newer = "some_pkg-1.0-py3-none-any.whl", "some_pkg-2.0-py3-none-any.whl"
    found = sort(newer, "notes.txt", wheel, "some-pkg-2.0.tar.gz")

    assert list(found.versions.values()) == [[2], [0, 3]]
    assert found.texts == ["2.0", None, "1.0", "2.0"]
    assert not found.has_synonyms


def test_wheels_of_the_same_tags_are_of_one_kind() -> None:
    found = sort(
        "some_pkg-1.0-py3-none-any.whl",
        "some_pkg-1.0.zip",
        "Some.Pkg-1.1-py3-none-any.whl",
        "some_pkg-1.1-7-cp311-cp311-win32.whl",
    )

    assert found.tags == ["py3-none-any.whl", "7-cp311-cp311-win32.whl"]
    assert found.kind == [1, SOURCE, 1, 2]


def test_versions_that_are_equal_are_one_as_it_is_written_first() -> None:
    found = sort("some-pkg-1.0.0.tar.gz", "some-pkg-2.tar.gz", "some-pkg-1.0.zip")

    assert texts(found) == ["1.0.0", "2"]
    assert list(found.versions.values()) == [[0, 2], [1]]
    assert found.has_synonyms


def test_what_stands_for_no_version_is_told_apart() -> None:
    found = sort("some-pkg-1.0.tar.gz", "some-pkg-latest.tar.gz", "some-pkg-latest.zip")

    assert texts(found) == ["1.0"]
    assert found.oddities == [1]
    assert not found.has_synonyms


@pytest.mark.parametrize(
    "filename",
    [
        "other-1.0-py3-none-any.whl",
        "some_pkg-1.0-py3-none.whl",
        "some_pkg-1.0-1-2-py3-none-any.whl",
        "some_pkg-1.0-build-py3-none-any.whl",
        "some_pkg-1.0-py3-none-.whl",
        "some__pkg-1.0-py3-none-any.whl",
        "some_pkg-1.0.egg",
        "some-pkg.tar.gz",
        "other-1.0.tar.gz",
        f"some_pkg-{'1' * 250}-py3-none-any.whl",
        "",
    ],
)
def test_what_is_no_file_of_the_project(filename: str) -> None:
    found = sort(filename, "some_pkg-1.0-py3-none-any.whl")

    assert found.texts == [None, "1.0"]
    assert texts(found) == ["1.0"]


def test_a_page_without_files() -> None:
    assert sort() == Sorted({}, [], [], [], [], has_synonyms=False)


@pytest.mark.parametrize(
    ("filename", "text"),
    [
        ("some-pkg-1.0-1.tar.gz", "1.0-1"),
        ("Some.Pkg-1.0-rc1.zip", "1.0-rc1"),
        ("some--pkg-1.0-1.tar.gz", "1.0-1"),
    ],
)
def test_dashes_in_versions_of_old_source_distributions(filename: str, text: str) -> None:
    assert sort(filename).texts == [text]
