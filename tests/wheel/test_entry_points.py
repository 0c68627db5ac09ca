"""Scripts that a wheel asks for, and those it must not ask for."""

import io
from configparser import ConfigParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.errors import WheelInvalid
from envsync.model.entry_point import EntryPoint
from envsync.sync.scripts import launcher
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


INI = {
    "indented as in a program's text": """
    [console_scripts]
    one = a:b

    [paste.server_runner]
    main = c:d
    """,
    "only options indented": "[console_scripts]\n    one=a:b\n[x]\n\tno script\n",
    "deeper and deeper": "[console_scripts]\n one = a:b\n   two = c:d\n",
    "comments between": "; x\n[console_scripts]  # y\n  # z\none = a:b\n  ; more\n#[gui_scripts]\n",
    "odd spacing": "[ console_scripts ]\n\n\none   =a  :  b   \n\n",
    "the value in the next line": "[console_scripts]\none =\n    a:b\n",
    "extras in lines of their own": "[console_scripts]\none = a:b [x,\n  y]\n",
    "old line ends": "[console_scripts]\rone = a:b\r",
    "a colon is no delimiter": "[console_scripts]\none = a:b\n[x]\nc: d\n",
    "a section in two parts": "[console_scripts]\none = a:b\n[x]\n[console_scripts]\ntwo = c:d\n",
}


@pytest.mark.parametrize("text", INI.values(), ids=INI)
def test_it_is_ini_as_configparser_reads_it(text: str) -> None:
    found = parse(text)
    assert [(each.name, each.module, each.attr) for each in found] == [
        ("one", "a", "b"),
        ("two", "c", "d"),
    ][: len(found)]
    assert len(found) == 1 + ("two" in text)
    assert {each.name for each in found} <= read_by_configparser(text)


def read_by_configparser(text: str) -> set[str]:
    """Give all names, and what stands in values that go on in further lines."""
    parser = ConfigParser(delimiters=("=",), interpolation=None, strict=False, allow_no_value=True)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_file(io.StringIO(text, newline=None))
    return {
        word
        for section in parser.sections()
        for name, value in parser[section].items()
        for word in (name, *(value or "").split())
    }


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
    "/x",
    "a/b",
    "a\\b",
    "C:x",
    "a\x1b",
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


@pytest.mark.parametrize("name", ["wllvm++", ".hidden", "-x", "a b", "a;b", "$(x)", "café", "a,b"])
def test_any_file_name_is_a_name(name: str) -> None:
    """The specification's character set is a recommendation."""
    assert script(f"{name} = demo:main") == (EntryPoint("console_scripts", name, "demo", "main"),)


def test_a_module_may_have_the_name_of_a_keyword() -> None:
    assert script("wllvm-as = wllvm.as:main")[0].module == "wllvm.as"


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
    "a:None",
    "a:b.class",
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
        compile(launcher(entry_point, "/x/bin"), "x", "exec")
        assert "/" not in entry_point.name
