"""Bytes to TOML values: sizes, encodings and nesting that a stranger may choose."""

from functools import partial

import pytest

from envsync.errors import SpecInvalid
from envsync.spec.document import MAX_BYTES, decode, load
from tests.support.effort import calls


def reason(data: bytes) -> str:
    with pytest.raises(SpecInvalid) as caught:
        load(decode(data, path="env.toml"), path="env.toml")
    return caught.value.problems[0]


def test_a_byte_order_mark_is_left_out() -> None:
    assert load(decode(b"\xef\xbb\xbfa = 1", path="x"), path="x") == {"a": 1}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a" * (MAX_BYTES + 1), "the file is larger than 1024 KiB"),
        ("a = 1".encode("utf-16"), "line 1: the file is UTF-16: save it as UTF-8"),
        (b"a = 1\nb = '\xe9'\n", "line 2: the text is not UTF-8"),
        (b"a = 1\nb = flask\n", "line 2: invalid value (column 5)"),
        (b"a = 1\na = 2\n", "line 2: cannot overwrite a value (column 6)"),
        (b"a = 1\nb = [\n", "line 3: invalid value at the end of the file"),
        (b"a = 1\nb = " + b"9" * 5000, "line 2: the number is too long"),
        (b"a = 1\nb = " + b"[" * 5000, "line 2: nested too deeply"),
        (b"a = 1\nb = " + b"{a=" * 5000, "line 2: nested too deeply"),
        (b"a = 1\n" + b"b." * 8000 + b"c = 1", "line 2: nested too deeply"),
        (b"a = 1\n[" + b"b." * 8000 + b"c]", "line 2: nested too deeply"),
        (b"a = {" + b"b." * 8000 + b"c=1}", "line 1: nested too deeply"),
    ],
)
def test_what_cannot_be_read_has_its_line(data: bytes, expected: str) -> None:
    assert reason(data) == expected


def test_bombs_of_a_megabyte_are_refused_at_once() -> None:
    for data in (b"a." * 520_000, b"[" * MAX_BYTES, b"{a=" * 340_000, b'"""' * 349_000):
        assert calls(partial(reason, data)) < 1_000


def test_long_strings_and_comments_with_dots_are_no_bombs() -> None:
    text = "# " + "." * 100 + f"\na = '{'x.' * 100}'\n"
    assert load(text, path="x") == {"a": "x." * 100}


def test_what_a_merge_left_is_called_so() -> None:
    ours, between, theirs = (mark * 7 for mark in (b"<", b"=", b">"))
    both = b"[env]\n%b HEAD\na = 1\n%b\na = 2\n%b other\n" % (ours, between, theirs)
    assert reason(both * 2) == f"line 2: a merge left both sides here ({'<' * 7} HEAD)"
    in_text = load(f"a = '''\n{'<' * 7} HEAD\n'''", path="x")
    assert in_text == {"a": f"{'<' * 7} HEAD\n"}
