"""Which file speaks for a version."""

import itertools

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from envsync.catalog.choice import check_identity
from envsync.errors import MetadataInvalid
from envsync.model.candidate import CoreMetadata, File
from envsync.model.speaker import metadata_wheel


def chosen(*tags: str) -> str:
    """The tags of the wheel that is asked, whatever order the files come in."""
    found = {
        metadata_wheel([File(f"a-1-{tag}.whl", "", {}) for tag in order]).filename
        for order in itertools.permutations(tags)
    }
    (filename,) = found
    return filename.removeprefix("a-1-").removesuffix(".whl")


def test_the_choice_is_the_same_everywhere() -> None:
    pure = "py3-none-any"
    linux = "cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64"
    assert chosen(pure, linux, "cp312-cp312-win_amd64") == pure
    assert chosen(linux, "cp312-cp312-win_amd64", "cp312-cp312-macosx_11_0_arm64") == linux
    assert chosen("cp39-cp39-manylinux_2_17_x86_64", linux) == linux
    assert chosen("cp312-cp312-win_amd64", "cp311-cp311-macosx_11_0_arm64").startswith("cp311")
    assert chosen("cp312-cp312-win_amd64", "cp312-cp312-musllinux_1_2_x86_64").endswith("amd64")
    assert chosen("pp310-pypy310_pp73-manylinux_2_17_x86_64", linux) == linux
    assert chosen(f"1-{pure}", f"2-{pure}") == f"1-{pure}"


A1 = CoreMetadata(canonicalize_name("a"), Version("1"))


@pytest.mark.parametrize("filename", ["a-1-py3-none-any.whl", "A-1.0.tar.gz", "a-1.zip"])
def test_the_same_project_and_version(filename: str) -> None:
    assert check_identity(A1, filename) == A1


def test_a_dash_in_the_version_of_a_source_distribution() -> None:
    """A post-release was written so before PEP 625."""
    post = CoreMetadata(canonicalize_name("a-b"), Version("1.0.post1"))
    assert check_identity(post, "a-b-1.0-1.tar.gz") == post
    with pytest.raises(MetadataInvalid):
        check_identity(post, "a-b-1.0.tar.gz")


@pytest.mark.parametrize(
    "filename", ["a-2-py3-none-any.whl", "b-1-py3-none-any.whl", "a-1.tar.gz.asc", "a.whl", "a-1"]
)
def test_another_project_or_none(filename: str) -> None:
    with pytest.raises(MetadataInvalid):
        check_identity(A1, filename)
