"""METADATA, PKG-INFO, WHEEL and direct_url.json."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.direct_url import DirectUrl, VcsInfo
from packaging.metadata import parse_email
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envsync.errors import MetadataInvalid, WheelInvalid
from envsync.model.candidate import CoreMetadata
from envsync.wheel.metadata import (
    WheelFile,
    parse_metadata,
    parse_wheel_file,
    render_direct_url,
    static_sdist_metadata,
)

HEAD = "Metadata-Version: 2.2\nName: Demo.Kit\nVersion: 1.0\n"


def parse(text: str | bytes) -> CoreMetadata:
    return parse_metadata(text.encode() if isinstance(text, str) else text, file="METADATA")


def test_reads_what_resolving_needs() -> None:
    text = HEAD + (
        "Summary: A kit\n"
        "Requires-Python: >=3.8\n"
        "Requires-Dist: rich>=14\n"
        "Provides-Extra: X_y\n"
        "Requires-Dist: six ; extra == 'x-y'\n"
        "\n"
        "Requires-Dist: not-a-header\n"
    )
    found = parse(text)
    assert found.name == "demo-kit"
    assert found.version == Version("1.0")
    assert found.requires_python == SpecifierSet(">=3.8")
    assert found.requires_dist == (Requirement("rich>=14"), Requirement('six; extra == "x-y"'))
    assert found.provides_extra == {"x-y"}


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "requires-dist: six\nREQUIRES-PYTHON: >=3\n",
        (HEAD + "Requires-Dist: six\nRequires-Python: >=3\n").replace("\n", "\r\n"),
        HEAD + "Requires-Dist:six\nRequires-Python:\t>=3\n",
        HEAD + "Requires-Dist:\n six\nRequires-Python: >=3\n",
        HEAD + "License: a\n \n  Requires-Dist: no\nRequires-Dist: six\nRequires-Python: >=3\n",
        "\ufeff" + HEAD + "Requires-Dist: six\nRequires-Python: >=3",
        HEAD + "Name: Demo.Kit\nRequires-Dist: six\nRequires-Python: >=3\n",
        HEAD + "Requires-Dist: six\nRequires-Python: >=3\nThis is no header\nRequires-Dist: no\n",
    ],
    ids=["case", "CRLF", "no space", "folded", "long licence", "BOM", "name twice", "stray line"],
)
def test_reads_the_shapes_that_real_metadata_has(text: str) -> None:
    found = parse(text)
    assert [str(requirement) for requirement in found.requires_dist] == ["six"]
    assert found.requires_python == SpecifierSet(">=3")


def test_other_headers_and_the_body_may_be_in_any_encoding() -> None:
    data = HEAD.encode() + b"Author: Andr\xe9\nRequires-Dist: six\n\nAndr\xe9"
    assert len(parse(data).requires_dist) == 1


def test_a_folded_requirement_is_one_line() -> None:
    text = HEAD + "Requires-Dist: six>=1\n  ; os_name == 'nt'\n"
    assert parse(text).requires_dist == (Requirement('six>=1; os_name == "nt"'),)


def test_extras_that_nobody_can_ask_for_are_left_out() -> None:
    assert parse(HEAD + "Provides-Extra: a b\nProvides-Extra: ok\n").provides_extra == {"ok"}


REFUSED: dict[str, tuple[str | bytes, str]] = {
    "no name": ("Metadata-Version: 2.1\nVersion: 1\n", "no Name"),
    "no version": ("Metadata-Version: 2.1\nName: a\n", "no Version"),
    "empty": ("", "no Name"),
    "two names": (HEAD + "Name: other\n", "contradicts itself about its Name"),
    "two versions": (HEAD + "Version: 2\n", "contradicts itself about its Version"),
    "two pythons": (HEAD + "Requires-Python: >=3\nRequires-Python: >=2\n", "Requires-Python"),
    "path as name": ("Name: ../../x\nVersion: 1\n", "not a valid name"),
    "newline in name": ("Name: a\n b\nVersion: 1\n", "not a valid name"),
    "look-alike name": ("Name: d\u0435mo\nVersion: 1\n", "not a valid name"),
    "giant name": (f"Name: {'a' * 10_000}\nVersion: 1\n", "not a valid name"),
    "bad version": ("Name: a\nVersion: one\n", "not a valid version"),
    "version of many digits": (f"Name: a\nVersion: 1.{'9' * 5000}\n", "not a valid version"),
    "bad requirement": (HEAD + "Requires-Dist: foo>=1.0python_version>'3'\n", "it requires"),
    "requirement in no encoding": (HEAD.encode() + b"Requires-Dist: caf\xe9\n", "it requires"),
    "giant requirement": (HEAD + f"Requires-Dist: {'a' * 5000}\n", "longer than 4096"),
    "bad python": (HEAD + "Requires-Python: three\n", "requires Python"),
    "countless requirements": (HEAD + "Requires-Dist: a\n" * 20_001, "20001 requirements"),
    "giant": (HEAD.encode() + b"x" * (16 << 20), "larger than"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(name: str) -> None:
    text, reason = REFUSED[name]
    with pytest.raises(MetadataInvalid, match=reason):
        parse(text)


def test_many_headers_are_read_in_linear_time() -> None:
    assert parse(HEAD + "Classifier: x\n" * 200_000).name == "demo-kit"


@given(
    st.lists(
        st.sampled_from(
            [
                "Requires-Dist: a>=1",
                "Requires-Dist: b",
                "Summary: s",
                " folded",
                "\tfolded",
                "Keywords: k",
                "stray",
                "",
                "   ",
                "X-Y: z",
                "License: l",
            ]
        ),
        max_size=12,
    ),
    st.sampled_from(["\n", "\r\n"]),
)
def test_sees_the_headers_that_an_email_parser_sees(lines: list[str], end: str) -> None:
    """Only folding after a requirement is left out: packaging refuses what that gives."""
    lines = ["Name: a", "Version: 1", *lines]
    kept = [
        line
        for before, line in zip(["", *lines], lines, strict=False)
        if not (line.startswith((" ", "\t")) and not before.startswith(("S", "K", "X", "L")))
    ]
    data = end.join([*kept, "", "body"]).encode()
    raw, _ = parse_email(data)
    found = parse(data)
    assert [str(each) for each in found.requires_dist] == raw.get("requires_dist", [])


def test_static_sdist_metadata_is_believed_from_2_2_on() -> None:
    found = static_sdist_metadata(HEAD.encode() + b"Requires-Dist: six\n", file="PKG-INFO")
    assert found is not None
    assert found.requires_dist == (Requirement("six"),)


@pytest.mark.parametrize("version", ["1.0", "1.2", "2.0", "2.1"])
def test_older_sdist_metadata_promises_nothing(version: str) -> None:
    text = HEAD.replace("2.2", version)
    assert static_sdist_metadata(text.encode(), file="PKG-INFO") is None


@pytest.mark.parametrize("version", ["2.2", "2.3", "2.4", "2.10", "3.0"])
def test_newer_sdist_metadata_promises(version: str) -> None:
    text = HEAD.replace("2.2", version)
    assert static_sdist_metadata(text.encode(), file="PKG-INFO") is not None


@pytest.mark.parametrize("header", ["Requires-Dist", "requires-python", "Provides-Extra"])
def test_dynamic_dependencies_promise_nothing(header: str) -> None:
    text = HEAD + f"Dynamic: Summary\nDynamic: {header}\n"
    assert static_sdist_metadata(text.encode(), file="PKG-INFO") is None


def test_other_dynamic_headers_do_no_harm() -> None:
    text = HEAD + "Dynamic: Description\nDynamic: License\n"
    assert static_sdist_metadata(text.encode(), file="PKG-INFO") is not None


@pytest.mark.parametrize("version", ["", "two", "2", "2.x", "-1.0", "9" * 30 + ".1"])
def test_a_metadata_version_that_is_none_is_refused(version: str) -> None:
    text = HEAD.replace("2.2", version)
    with pytest.raises(MetadataInvalid, match="Metadata-Version"):
        static_sdist_metadata(text.encode(), file="PKG-INFO")


def wheel_file(text: str) -> WheelFile:
    return parse_wheel_file(text.encode(), file="demo.whl")


def test_reads_wheel() -> None:
    text = "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: True\n"
    text += "Tag: py2-none-any\nTag: py3-none-any\n"
    assert wheel_file(text) == WheelFile(True, ("py2-none-any", "py3-none-any"), (1, 0))


def test_a_newer_minor_version_is_read() -> None:
    assert wheel_file("Wheel-Version: 1.9\nRoot-Is-Purelib: false\n").version == (1, 9)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Root-Is-Purelib: true\n",
        "Wheel-Version: 1.0\n",
        "Wheel-Version: 2.0\nRoot-Is-Purelib: true\n",
        "Wheel-Version: 0.1\nRoot-Is-Purelib: true\n",
        "Wheel-Version: one\nRoot-Is-Purelib: true\n",
        "Wheel-Version: 1.0\nWheel-Version: 2.0\nRoot-Is-Purelib: true\n",
        "Wheel-Version: 1.0\nRoot-Is-Purelib: perhaps\n",
        "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nRoot-Is-Purelib: false\n",
    ],
)
def test_refuses_other_wheel_files(text: str) -> None:
    with pytest.raises(WheelInvalid):
        wheel_file(text)


def test_direct_url_of_an_archive() -> None:
    data = render_direct_url("https://u:p@files.example/a.whl", hashes={"sha256": "00"})
    expected = {"url": "https://files.example/a.whl", "archive_info": {"hashes": {"sha256": "00"}}}
    assert json.loads(data) == expected
    DirectUrl.from_dict(json.loads(data)).validate()


def test_direct_url_of_a_folder() -> None:
    data = render_direct_url("file:///srv/demo", editable=True, subdirectory="py")
    expected = {"url": "file:///srv/demo", "dir_info": {"editable": True}, "subdirectory": "py"}
    assert json.loads(data) == expected
    assert json.loads(render_direct_url("file:///srv/demo", editable=False))["dir_info"] == {}


def test_direct_url_of_a_checkout() -> None:
    vcs = VcsInfo(vcs="git", commit_id="a" * 40, requested_revision="v1")
    data = render_direct_url("https://git.example/x.git", vcs=vcs)
    assert json.loads(data)["vcs_info"]["commit_id"] == "a" * 40
