"""RECORD is read and written."""

import base64
import hashlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.errors import WheelInvalid
from envsync.wheel.record import parse_record
from envsync.wheel.record_text import RecordRow, render_record

DIGEST = hashlib.sha256(b"x").hexdigest()
ENCODED = base64.urlsafe_b64encode(bytes.fromhex(DIGEST)).rstrip(b"=").decode()


def parse(text: str | bytes) -> tuple[RecordRow, ...]:
    return parse_record(text.encode() if isinstance(text, str) else text, file="demo.whl")


def test_reads_path_hash_and_size() -> None:
    text = f"demo.py,sha256={ENCODED},12\ndemo-1.0.dist-info/RECORD,,\n"
    expected = (
        RecordRow("demo.py", DIGEST, 12),
        RecordRow("demo-1.0.dist-info/RECORD", None, None),
    )
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        f"a,sha256={ENCODED},1\r\nb,,\r\n",
        f"a,sha256={ENCODED}=,1\n\nb,,",
        f'"a",sha256={ENCODED},1\n"b",,\n',
        f"a,sha256={DIGEST},1\nb,,\n",
    ],
    ids=["CRLF", "padded and blank line", "quoted", "hexadecimal"],
)
def test_reads_the_spellings_of_real_wheels(text: str) -> None:
    assert parse(text) == (RecordRow("a", DIGEST, 1), RecordRow("b", None, None))


def test_a_comma_in_a_path_may_be_quoted_or_not() -> None:
    assert parse('"a,b",,\nc,,\n')[0].path == "a,b"
    assert parse("a,b,,\nc,,\n")[0].path == "a,b"


def test_a_missing_size_is_missing() -> None:
    assert parse(f"a,sha256={ENCODED},\n") == (RecordRow("a", DIGEST, None),)


@pytest.mark.parametrize("algorithm", ["sha384", "sha512"])
def test_stronger_hashes_are_kept_apart(algorithm: str) -> None:
    digest = hashlib.new(algorithm, b"x")
    encoded = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
    expected = RecordRow("a", None, 1, f"{algorithm}:{digest.hexdigest()}")
    assert parse(f"a,{algorithm}={encoded},1\n") == (expected,)
    assert parse(render_record([expected]).decode()) == (expected,)


REFUSED: dict[str, tuple[str | bytes, str]] = {
    "md5": ("a,md5=1B2M2Y8AsgTpgAmY7PhCfg,0\n", "hashes 'a' by 'md5'"),
    "sha1": ("a,sha1=2jmj7l5rSw0yVb_vlWAYkK_YBwk,0\n", "by 'sha1'"),
    "unknown": ("a,crc=00,0\n", "by 'crc'"),
    "no algorithm": (f"a,{ENCODED},0\n", "by "),
    "short hash": ("a,sha256=abcd,0\n", "malformed hash"),
    "long hash": (f"a,sha256={ENCODED}AAAA,0\n", "malformed hash"),
    "no base64": (f"a,sha256={ENCODED[:-1]}!,0\n", "malformed hash"),
    "noise in base64": (f"a,sha256=!{ENCODED},0\n", "malformed hash"),
    "empty hash": ("a,sha256=,0\n", "malformed hash"),
    "two columns": ("a,b\n", "has the row"),
    "one column": ("a\n", "has the row"),
    "four quoted columns": ('"a",,,\n', "has the row"),
    "negative size": (f"a,sha256={ENCODED},-1\n", "the size '-1'"),
    "size in words": (f"a,sha256={ENCODED},one\n", "the size 'one'"),
    "size of many digits": (f"a,sha256={ENCODED},{'9' * 5000}\n", "the size"),
    "size in other digits": (f"a,sha256={ENCODED},\u0661\n", "the size"),
    "a path twice": ("a,,\na,,\n", "lists 'a' twice"),
    "a path twice, once quoted": ('a,,\n"a",,\n', "lists 'a' twice"),
    "open quote": ('"a,,\n', "not valid CSV"),
    "giant field": ('"' + "a" * 200_000 + '",,\n', "not valid CSV"),
    "not UTF-8": (b"caf\xe9,,\n", "not UTF-8"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(name: str) -> None:
    text, reason = REFUSED[name]
    with pytest.raises(WheelInvalid, match=reason):
        parse(text)


def test_renders_sorted_with_quotes_where_needed() -> None:
    rows = [RecordRow("b", DIGEST, 0), RecordRow("a,b", DIGEST, 3), RecordRow("RECORD", None, None)]
    assert (
        render_record(rows)
        == f'RECORD,,\n"a,b",sha256={ENCODED},3\nb,sha256={ENCODED},0\n'.encode()
    )


rows_of_any_kind = st.builds(
    RecordRow,
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1),
    st.none() | st.binary(min_size=32, max_size=32).map(bytes.hex),
    st.none() | st.integers(0, 1 << 40),
    st.just(""),
)


@given(st.lists(rows_of_any_kind, unique_by=lambda row: row.path))
def test_what_was_rendered_is_read_back(rows: list[RecordRow]) -> None:
    assert parse(render_record(rows)) == tuple(sorted(rows, key=lambda row: row.path))


@given(st.text(alphabet=st.sampled_from('a,"=\r\nsh256/-_0é'), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(WheelInvalid):
        parse(text)
