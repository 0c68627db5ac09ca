"""The files of a page are sorted by the versions in their names."""

from collections.abc import Sequence

import pytest
from packaging.utils import canonicalize_name

from envsync.index.releases import SOURCE, Releases, by_release
from envsync.model.candidate import File, Files


def sort(*filenames: str, name: str = "some-pkg") -> Releases:
    files = (File(each, f"https://f.example/{each}", {}, size=len(each)) for each in filenames)
    return by_release(canonicalize_name(name), Files.of(files))


def named(releases: Releases, places: Sequence[int]) -> list[str]:
    return [releases.files[at].filename for at in places]


def test_files_of_one_version_come_together() -> None:
    wheel, newer = "some_pkg-1.0-py3-none-any.whl", "some_pkg-2.0-py3-none-any.whl"
    releases = sort(newer, "notes.txt", wheel, "some-pkg-2.0.tar.gz")

    found = {text: named(releases, places) for text, places in releases.places()}
    assert {"2.0": [newer, "some-pkg-2.0.tar.gz"], "1.0": [wheel]} == found
    assert named(releases, releases.strangers()) == ["notes.txt"]
    assert [len(file.filename) for file in releases.files] == [file.size for file in releases.files]


def test_wheels_of_the_same_tags_are_of_one_kind() -> None:
    releases = sort(
        "some_pkg-1.0-py3-none-any.whl",
        "some_pkg-1.0.zip",
        "Some.Pkg-1.1-py3-none-any.whl",
        "some_pkg-1.1-7-cp311-cp311-win32.whl",
    )

    assert releases.tags == ["py3-none-any.whl", "7-cp311-cp311-win32.whl"]
    assert releases.kind == [1, SOURCE, 1, 2]


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
    releases = sort(filename, "some_pkg-1.0-py3-none-any.whl")

    assert [filename] == named(releases, releases.strangers())
    assert releases.texts == ["1.0"]


def test_a_page_without_files() -> None:
    releases = sort()

    assert list(releases.places()) == []
    assert len(releases.strangers()) == 0


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
