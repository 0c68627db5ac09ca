"""A packed page says of each version what its files said, and gives those files back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from envsync.index.packed import Releases, pack_page, unpack_page
from envsync.model.candidate import File, Files
from envsync.model.version_text import parse_version

SHOP = canonicalize_name("shop")
_TEXTS = st.text(max_size=20)
_VERSIONS = st.sampled_from(["1.0", "1.0.0", "1", "2.0rc1", "2.0", "10.0", "0.9.dev1", "1.0-x", ""])
_NAMES = st.one_of(
    st.builds("shop-{}.tar.gz".format, _VERSIONS),
    st.builds("shop-{}.zip".format, _VERSIONS),
    st.builds("shop-{}-py3-none-any.whl".format, _VERSIONS),
    st.builds("Shop-{}-cp312-cp312-win32.whl".format, _VERSIONS),
    st.text(min_size=1, max_size=10),
)
_FILES = st.builds(
    File,
    filename=_NAMES,
    url=st.sampled_from(["https://h.example/", "https://h.example/a/", "http://i.example/"]),
    hashes=st.dictionaries(st.sampled_from(["sha256", "md5"]), _TEXTS),
    size=st.none() | st.integers(0, 10**12),
    requires_python=st.none() | _TEXTS,
    upload_time=st.none() | _TEXTS,
    yanked=st.none() | _TEXTS,
    has_metadata=st.booleans(),
    metadata_sha256=st.none() | _TEXTS,
)


def packed(*files: File, name: str = "shop") -> Releases:
    project = canonicalize_name(name)
    return unpack_page(pack_page(project, Files.of(files)))


def test_the_versions_come_from_old_to_new_each_once() -> None:
    names = ["shop-10.0.tar.gz", "shop-9.0.0.tar.gz", "shop-10.0rc1.zip", "shop-9.0.zip"]

    page = packed(*(File(each, f"https://f.example/{each}", {}) for each in names))

    assert page.outline.texts == ["9.0.0", "10.0rc1", "10.0"]
    assert page.outline.prereleases == [1]
    nine = page.read(0)
    assert [file.filename for file in nine.files] == ["shop-9.0.0.tar.gz", "shop-9.0.zip"]
    assert nine.texts == ["9.0.0", "9.0"]


@settings(max_examples=100)
@given(st.lists(st.tuples(_FILES, st.booleans()), max_size=8))
def test_packing_keeps_every_file_of_a_version(rows: list[tuple[File, bool]]) -> None:
    files = tuple(
        file._replace(url=file.url + file.filename) if is_usual else file for file, is_usual in rows
    )

    page = packed(*files)

    kept = list(page.every_file())
    assert files == tuple(Files.of(files))
    assert all(file in files for file in kept)
    left_out = {file.filename for file in files} - {file.filename for file in kept}
    odd = {text for _, text in page.outline.oddities}
    assert len(kept) == sum(file.filename not in left_out for file in files)
    assert all(
        name in page.outline.strangers or any(text in name for text in odd) for name in left_out
    )


@settings(max_examples=100)
@given(st.lists(_FILES, max_size=8))
def test_the_outline_says_what_the_files_say(files: list[File]) -> None:
    page = packed(*files)
    outline = page.outline

    for at, text in enumerate(outline.texts):
        release = page.read(at)
        version = parse_version(text)
        assert version is not None
        assert version.is_prerelease == (at in outline.prereleases)
        assert {version} == set(map(parse_version, release.texts))
        assert text == release.texts[0]
        shapes = [
            [file.yanked is not None, outline.pythons.index(file.requires_python), kind]
            for file, kind in zip(release.files, release.kind, strict=True)
        ]
        assert [tuple(one) for one in outline.shapes[outline.shape[at]]] == list(
            dict.fromkeys(map(tuple, shapes))
        )


def test_the_files_of_a_version_are_a_small_piece_of_the_page() -> None:
    names = [f"shop-{version}-py3-none-any.whl" for version in range(500)]
    page = packed(*(File(each, f"https://f.example/{each}", {}) for each in names))

    start, end = page.ends[499:]

    assert [file.filename for file in page.read(499).files] == [names[-1]]
    assert b"shop-499" in bytes(page.data[start:end])
    assert end - start < len(page.data) / 400


@pytest.mark.parametrize(
    "data",
    [b"", b"page 3\n[]", b"page 4 2\n[]", b"page 4 x\n[]", b"page 4 ", b"page 4 2\n{}", b"{}"],
)
def test_what_was_never_packed_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a packed page"):
        unpack_page(data)
