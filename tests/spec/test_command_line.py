"""Command lines of tasks."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.spec.command_line import CommandLine, read_command_line

WORD = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pytest -q", ("pytest", "-q")),
        ("  pytest\t -q ", ("pytest", "-q")),
        ("pytest -k 'a or b'", ("pytest", "-k", "a or b")),
        ('echo "it\'s" ""', ("echo", "it's", "")),
        (r'echo "a\"b\\c\d\$x"', ("echo", r'a"b\c\d$x')),
        (r"echo a\ b \'c", ("echo", "a b", "'c")),
        ("echo a'b'\"c\"d", ("echo", "abcd")),
        ("echo '$HOME' 'a|b' \"a&&b;<>()\"", ("echo", "$HOME", "a|b", "a&&b;<>()")),
        (r"echo \$HOME a\&b", ("echo", "$HOME", "a&b")),
        (
            "grep a$ ~/x *.py #no {a,b} [c] 100% $1",
            ("grep", "a$", "~/x", "*.py", "#no", "{a,b}", "[c]", "100%", "$1"),
        ),
        ("echo a \\\n  b\\\nc", ("echo", "a", "bc")),
        ("echo 'two\nlines'", ("echo", "two\nlines")),
        ("echo A=1", ("echo", "A=1")),
        ("1A=1 x", ("1A=1", "x")),
        ("-v=1", ("-v=1",)),
    ],
)
def test_words(text: str, words: tuple[str, ...]) -> None:
    assert read_command_line(text) == CommandLine(words)


def test_variables_in_front() -> None:
    line = read_command_line("A=1 B_2='x y' C= D=a=b cmd E=1")
    assert line == CommandLine(
        ("cmd", "E=1"), (("A", "1"), ("B_2", "x y"), ("C", ""), ("D", "a=b"))
    )


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "the command is empty"),
        (" \t ", "the command is empty"),
        ("A=1", "no command"),
        ("echo 'a", "quote ' is not closed"),
        ('echo "a', 'quote " is not closed'),
        ("echo a\\", "backslash ends"),
        ("echo $HOME", "$H"),
        ("echo ${HOME}", "${"),
        ("echo $(date)", "$("),
        ("echo `date`", "`"),
        ('echo "$HOME"', "$H"),
        ('echo "`date`"', "`"),
        ("a | b", "|"),
        ("a && b", "&&"),
        ("a || b", "||"),
        ("a; b", ";"),
        ("a > b", ">"),
        ("a 2>&1", ">"),
        ("pip>=2", ">"),
        ("a < b", "<"),
        ("a &", "&"),
        ("(a)", "("),
        ("a\nb", "one line"),
        ("a\0b", "NUL"),
    ],
)
def test_what_is_refused(text: str, part: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        read_command_line(text)
    assert part in str(caught.value)


@given(st.lists(WORD, min_size=1, max_size=6))
def test_what_shlex_quotes_comes_back(words: list[str]) -> None:
    assert read_command_line(shlex.join(["cmd", *words])).words == ("cmd", *words)


@given(st.lists(st.text(" ab'\"\\x-=/.", max_size=8)))
def test_what_is_read_is_what_shlex_reads(pieces: list[str]) -> None:
    text = "cmd " + " ".join(pieces)
    try:
        expected = shlex.split(text)
    except ValueError:
        with pytest.raises(ValueError, match=r"quote|backslash"):
            read_command_line(text)
    else:
        assert list(read_command_line(text).words) == expected
