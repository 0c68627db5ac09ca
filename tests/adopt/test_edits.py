"""Requirements files and pyproject.toml changed in their text, everything else left alone."""

import pytest
from packaging.utils import NormalizedName

from envsync.adopt.edit_pyproject import add_to_pyproject, remove_from_pyproject
from envsync.adopt.edit_requirements import add_to_requirements, remove_lines
from envsync.errors import UsageError
from envsync.spec.model import BASE, Part

FILE = "requirements.txt"
DEV = Part("group", NormalizedName("dev"))


@pytest.mark.parametrize(
    ("before", "requirement", "after"),
    [
        ("", "a", "a\n"),
        ("a\nc\n", "b", "a\nb\nc\n"),
        ("c\na\n", "b", "c\na\nb\n"),
        ("a", "b", "a\nb\n"),
        ("# one\na  # why\n", "a>=2", "# one\na>=2  # why\n"),
        ("a[x]>=1\n", "a>=2", "a[x]>=2\n"),
        ("a>=1\n", "a[x]", "a[x]>=1\n"),
        ("A_B>=1\n", "a-b>=2", "a-b>=2\n"),
        ("a; os_name=='nt'\n", "a>=2", "a; os_name=='nt'\na>=2\n"),
        ("a>=1,\\\n  <2  # why\nb\n", "a>=3", "a>=3  # why\nb\n"),
        ("-r base.txt\n\n# end\n", "a", "-r base.txt\n\n# end\na\n"),
        ("-e .\nb\n# end\n", "c", "-e .\nb\nc\n# end\n"),
        ("a\r\nb\r\n", "c", "a\r\nb\r\nc\r\n"),
        ("a>=2\n", "a>=2", "a>=2\n"),
    ],
)
def test_a_requirement_is_added_to_a_requirements_file(
    before: str, requirement: str, after: str
) -> None:
    assert add_to_requirements(before.encode(), requirement, file=FILE) == after.encode()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_the_encoding_stays(encoding: str) -> None:
    after = add_to_requirements("a # \xe4\n".encode(encoding), "b", file=FILE)
    assert after == "a # \xe4\nb\n".encode(encoding)
    assert remove_lines(after, {1}) == "b\n".encode(encoding)


def test_a_requirement_with_hashes_is_left_to_its_tool() -> None:
    data = f"a==1 \\\n  --hash=sha256:{'0' * 64}\n".encode()
    with pytest.raises(UsageError, match="line 1 has hashes"):
        add_to_requirements(data, "a>=2", file=FILE)
    assert remove_lines(b"b\n" + data + b"c\n", {2}) == b"b\nc\n"


PYPROJECT = """\
[project]
name = "x"
dependencies = ["a", "c"] # why
[project.optional-dependencies]
Fast_Mode = ["f"]
[tool.x]
"""


@pytest.mark.parametrize(
    ("part", "requirement", "old", "new"),
    [
        (BASE, "b>=1", '["a", "c"]', '["a", "b>=1", "c"]'),
        (BASE, "A>=1", '"a"', '"A>=1"'),
        (
            Part("extra", NormalizedName("fast-mode")),
            "g",
            'Fast_Mode = ["f"]',
            'Fast_Mode = ["f", "g"]',
        ),
        (DEV, "t", "[tool.x]\n", '[tool.x]\n\n[dependency-groups]\ndev = [\n    "t",\n]\n'),
    ],
)
def test_a_requirement_is_added_to_pyproject(
    part: Part, requirement: str, old: str, new: str
) -> None:
    after = add_to_pyproject(PYPROJECT, requirement, part, file="pyproject.toml")
    assert after == PYPROJECT.replace(old, new)
    crlf = add_to_pyproject(PYPROJECT.replace("\n", "\r\n"), requirement, part, file="p")
    assert crlf == after.replace("\n", "\r\n")


def test_a_package_is_taken_out_of_pyproject_whatever_its_markers() -> None:
    text = PYPROJECT.replace('"a"', '"a>=1; os_name==\'nt\'", "A<1"')
    after = remove_from_pyproject(text, "a", BASE, file="pyproject.toml")
    assert after == PYPROJECT.replace('"a", ', "")
