"""Files of variables."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.errors import SpecInvalid
from envsync.spec.env_file import MAX_BYTES, parse_env_file


def read(text: str, **environ: str) -> dict[str, str]:
    return parse_env_file(text.encode("utf-8", "surrogateescape"), path=".env", environ=environ)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=1", "1"),
        ("export A=1", "1"),
        ("export\tA=1", "1"),
        ("  A = 1  ", "1"),
        ("A=", ""),
        ("A=  # nothing", ""),
        ("A=#nothing", ""),
        ("A=two words", "two words"),
        ("A=a  b\t# c", "a  b"),
        ("A=a#b", "a#b"),
        ("A=a=b", "a=b"),
        ("A='single $X ${X} \\n # \"'", 'single $X ${X} \\n # "'),
        ('A="double \\"q\\" \\n \\t \\\\ \\$X # \'"', 'double "q" \n \t \\ $X # \''),
        ("A='a'b\"c\"", "abc"),
        ("A='it'\\''s'", "it's"),
        ("A=a\\ b\\#", "a b#"),
        ("A='x' # c", "x"),
        ("A='two\nlines'", "two\nlines"),
        ('A="two\n  lines\n"', "two\n  lines\n"),
        ("A=$X", "ex"),
        ("A=${X}y", "exy"),
        ('A="<${X}>"', "<ex>"),
        ("A=$UNKNOWN.", "."),
        ("A=a$", "a$"),
        ("A=$1", "$1"),
        ("A=`date`", "`date`"),
        ("A=\N{SNOWMAN}", "\N{SNOWMAN}"),
        ("A=C:/x;y&z|(w)", "C:/x;y&z|(w)"),
        ('A={"a": "b c", "d": [1, "e # f"]}  # c', '{"a": "b c", "d": [1, "e # f"]}'),
        ('A=["x", "a\\"b\\\\n"]', '["x", "a\\"b\\\\n"]'),
        ('A={"home": "${X}/$X", "n": ${N:-1}}', '{"home": "ex/ex", "n": 1}'),
        ("A=['x', 'y']", "['x', 'y']"),
        ("A={}", "{}"),
        ("A=${N:-two words} # c", "two words"),
        ("A=${X:-no}${N-d}", "exd"),
        ("A=${E:-empty}<${E-}>", "empty<>"),
        ("A=<${X:+is}${N:+no}${E+is}${E:+no}>", "<isis>"),
        ('A="${N:-a "b" {c\\n$X}"', 'a "b" {c\nex'),
        ("A=${N:-${M:-${X}}}}", "ex}"),
        ("A=${N:-http://x:1/?a=b#c}", "http://x:1/?a=b#c"),
    ],
)
def test_values(line: str, value: str) -> None:
    assert read(f"# first\n\n{line}\n B=2 # last", X="ex", E="") == {"A": value, "B": "2"}


def test_byte_order_mark_and_windows_line_ends() -> None:
    assert read("\ufeffA=1\r\nB='x\r\ny'\r\n") == {"A": "1", "B": "x\ny"}


def test_names_are_looked_up_in_the_process_then_above_then_in_earlier_files() -> None:
    data = b"A=file\nB=${A}-${C}-${D}\nC=late\n"
    found = parse_env_file(
        data, path=".env", environ={"D": "process"}, before={"C": "early", "D": ""}
    )
    assert found["B"] == "file-early-process"
    assert read("A=1\nA=${A}2\n") == {"A": "12"}
    assert read("A=1\nB=$A\n", A="process") == {"A": "1", "B": "process"}


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("A", "expected NAME=VALUE"),
        ("export A", "expected NAME=VALUE"),
        ("A: 1", "expected NAME=VALUE"),
        ("1A=1", "expected NAME=VALUE"),
        ("A-B=1", "expected NAME=VALUE"),
        ("A B=1", "expected NAME=VALUE"),
        ("=1", "expected NAME=VALUE"),
        ("\u00c4=1", "expected NAME=VALUE"),
        ("A='x", "quote ' is not closed"),
        ('A="x\ny', 'quote " is not closed'),
        ("A='x' y", "after a closing quote"),
        ("A=${X:?no}", "only ${NAME}"),
        ("A=${X:-d", "brace of an expansion is not closed"),
        ("A=" + "${X:-" * 30, "nested too deeply"),
        ('A={"x: 1}', 'quote " is not closed'),
        ("A=${X", "only ${NAME}"),
        ("A=$(date)", "only ${NAME}"),
        ('A="$(date)"', "only ${NAME}"),
        ("A=C:\\path", "backslash"),
        ("A=x\\", "backslash"),
        ('A="\\x41"', "backslash"),
        ("A=a\0b", "NUL"),
        ("A=\udcff", "not UTF-8"),
    ],
)
def test_mistakes_have_their_line_and_show_no_value(line: str, part: str) -> None:
    with pytest.raises(SpecInvalid) as caught:
        read(f"OK='1\n2'\n\n{line}")
    assert str(caught.value).startswith(".env: line 4: ")
    assert part in str(caught.value)
    assert "path" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_large_files_are_refused_and_all_others_read_at_once() -> None:
    with pytest.raises(SpecInvalid, match="larger"):
        read("A" * (MAX_BYTES + 1))
    assert len(read("A=$B'c'\"d\"\\n x#y\n" * 30_000)) == 1
    assert len(read("".join(f"A{n}=${{A{n + 1}}}x\n" for n in range(900)))) == 900


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    found: dict[str, str] = {}
    with suppress(SpecInvalid):
        found = parse_env_file(text.encode("utf-8", "replace"), path=".env", environ={})
    assert all(name.isascii() for name in found)


@given(st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"])))
def test_quoted_values_come_back(value: str) -> None:
    single = "'" + value.replace("'", "'\\''") + "'"
    double = '"' + "".join(f"\\{c}" if c in '\\"$' else c for c in value) + '"'
    assert read(f"A={single}\nB={double} # c\n") == {"A": value, "B": value}
