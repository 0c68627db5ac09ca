"""Scripts that a wheel asks for, and those it must not ask for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.errors import WheelInvalid
from envsync.model.entry_point import EntryPoint
from envsync.wheel.entry_points import parse_entry_points


def parse(text: str | bytes) -> tuple[EntryPoint, ...]:
    data = text.encode() if isinstance(text, str) else text
    return parse_entry_points(data, file="demo.whl")


def script(line: str) -> tuple[EntryPoint, ...]:
    return parse(f"[console_scripts]\n{line}\n")


def test_reads_scripts_and_no_other_group() -> None:
    text = """\
# a comment
[pytest11]
demo = demo.plugin ; anything at all

[console_scripts]
demo = demo.cli:main
; another comment
demo-2=demo.cli : App.run [color, extra]

[gui_scripts]
Demo.X = demo:gui
"""
    assert parse(text) == (
        EntryPoint("console_scripts", "demo", "demo.cli", "main"),
        EntryPoint("console_scripts", "demo-2", "demo.cli", "App.run", ("color", "extra")),
        EntryPoint("gui_scripts", "Demo.X", "demo", "gui"),
    )


@pytest.mark.parametrize("text", ["", "\n", "[console_scripts]\n", "\ufeff[x]\ny\n", "loose line"])
def test_nothing_to_install_is_fine(text: str) -> None:
    assert parse(text) == ()


def test_windows_line_ends_are_read() -> None:
    assert parse("[console_scripts]\r\na = b:c\r\n")[0].attr == "c"


def test_percent_signs_mean_nothing() -> None:
    assert parse("[other]\na = %(b)s %\n[console_scripts]\na = b:c\n")[0].name == "a"


def test_the_same_script_twice_is_one() -> None:
    assert len(parse("[console_scripts]\na = b:c\n[gui_scripts]\na = b:c\n")) == 1


BAD_NAMES = [
    "../../x",
    "..",
    ".",
    ".hidden",
    "/x",
    "a/b",
    "a\\b",
    "C:x",
    "-rf",
    "a b",
    "a;b",
    "$(x)",
    "a\x1b",
    "café",
    "a\0b",
    "",
    "x" * 300,
    "python",
    "Python3",
    "python3.11",
    "pypy3",
    "activate",
    "Activate.ps1",
    "python.exe",
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_refuses_names_that_are_not_plain_or_not_free(name: str) -> None:
    with pytest.raises(WheelInvalid):
        script(f"{name} = demo:main")


BAD_VALUES = [
    "",
    "demo",
    "demo:",
    ":main",
    "os:system('x')",
    "a;import os",
    "a:b;c",
    "a:b c",
    "a b:c",
    "a:b:c",
    "a..b:c",
    ".a:b",
    "a.:b",
    "a:b.",
    "import:x",
    "a.class:x",
    "a:None",
    "a:lambda",
    "1a:b",
    "a-b:c",
    "a:b()",
    "a:__import__('os')",
    "a:b # comment",
    "a:b [x",
    "a:b [x] y",
    "a:b [x!]",
    "a/b:c",
    "a\\b:c",
]


@pytest.mark.parametrize("value", BAD_VALUES)
def test_refuses_values_that_are_not_module_and_attribute(value: str) -> None:
    with pytest.raises(WheelInvalid):
        script(f"demo = {value}")


BAD_TEXTS: dict[str, str | bytes] = {
    "a line that goes on": "[console_scripts]\na = b:c\n import os\n",
    "a line without value": "[console_scripts]\na\n",
    "two meanings": "[console_scripts]\na = b:c\na = b:d\n",
    "two meanings in two groups": "[console_scripts]\na = b:c\n[gui_scripts]\na = x:y\n",
    "not UTF-8": b"[console_scripts]\n\xff = a:b\n",
}


@pytest.mark.parametrize("name", BAD_TEXTS)
def test_refuses_texts(name: str) -> None:
    with pytest.raises(WheelInvalid, match=r"demo\.whl"):
        parse(BAD_TEXTS[name])


@given(st.text(alphabet=st.sampled_from("ab:.=[]; \n#'()é\\/-"), max_size=40))
def test_what_is_accepted_can_be_put_into_a_program(text: str) -> None:
    try:
        found = parse(f"[console_scripts]\n{text}\n")
    except WheelInvalid:
        return
    for entry_point in found:
        first = entry_point.attr.partition(".")[0]
        compile(f"from {entry_point.module} import {first}\n{entry_point.attr}()\n", "x", "exec")
        assert "/" not in entry_point.name
