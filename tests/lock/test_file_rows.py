"""Rows of files are read by patterns, and come out as the parser would have them."""

import random
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.pylock import PackageWheel

from envsync.lock.file_rows import loads_lock
from envsync.lock.text import render
from tests.lock.samples import digest, lock_of, package, sdist
from tests.lock.test_text import COMPLETE, locks
from tests.support.effort import calls

ROW = (
    '{ name = "x", upload-time = 2025-01-25T11:30:10.123456Z, url = "https://f.example/x", '
    'size = 5, hashes = { sha256 = "bb" } }'
)
LOCK = f"""\
lock-version = "1.0"

[[packages]]
name = "x"
sdist = {ROW}
wheels = [
    {ROW},
    {{ url = "https://f.example/y", hashes = {{ sha256 = "" }} }},
]
"""


def _read(text: str) -> object:
    """What the parser makes of a text, or what it says against it."""
    try:
        return tomllib.loads(text)
    except ValueError as error:
        return str(error)


def _read_by_rows(text: str) -> object:
    try:
        return loads_lock(text)
    except ValueError as error:
        return str(error)


@settings(deadline=None)
@given(locks())
def test_what_is_rendered_is_read_as_the_parser_reads_it(lock: object) -> None:
    text = render(lock)  # type: ignore[arg-type]
    assert loads_lock(text) == tomllib.loads(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("2025-01-25T", "2025-02-30T"),
        ("10.123456Z", "10.1234567Z"),
        ("size = 5", "size = 05"),
        ("size = 5", "size = 1_000"),
        ("size = 5", "size = -5"),
        ("size = 5", "size = 5.5"),
        ('name = "x", upload', 'name = "", upload'),
        ('name = "x", upload', 'name = "\\u0041", upload'),
        ('name = "x", upload', 'name = "é", upload'),
        ('name = "x"\n', 'name = "x"\nwheels = []\n'),
        ('name = "x"\n', 'name = "x"\nsdist = 8128.81280\n'),
        ('name = "x"\n', 'name = "x"\nsize = 8_128.81280\n'),
        ("[[packages]]", "[tool.x]"),
        ("[[packages]]", "[packages]"),
        ("[[packages]]\nname", "[[packages]]\n[packages.tool]\nname"),
        ("[[packages]]", '[[packages]]\nmarker = """'),
        ("[[packages]]", "[[packages]]\nmarker = '''"),
        ("[[packages]]", "[[packages]]\nmarkers = ["),
        ("\n", "\r\n"),
        ("wheels = [", '"wheels" = ['),
        ("wheels = [", "# one\nwheels = [ # two"),
        ("    {", "{"),
        ("]\n", "]"),
        ("},\n", "}\n"),
        ('sha256 = "bb"', 'sha256 = "BB"'),
        ('sha256 = "bb"', 'sha256 = "bb", md5 = "cc"'),
    ],
)
def test_what_is_written_otherwise_is_read_by_the_parser(old: str, new: str) -> None:
    text = LOCK.replace(old, new)
    assert _read_by_rows(text) == _read(text)


@settings(deadline=None)
@given(st.integers(min_value=0), st.sampled_from([LOCK, COMPLETE]))
def test_noise_changes_nothing(seed: int, text: str) -> None:
    random_place = random.Random(seed)
    for _ in range(random_place.randrange(1, 4)):
        at = random_place.randrange(len(text))
        piece = random_place.choice(
            ['"', "'", "\n", "#", "[", "]", "}", "0", ".", " ", "\\", "Z", ""]
        )
        text = text[:at] + piece + text[at + random_place.randrange(2) :]
    assert _read_by_rows(text) == _read(text)


def test_a_row_costs_little() -> None:
    def text_of(count: int) -> str:
        wheels = [
            PackageWheel(
                url=f"https://f.example/{n}.whl", size=n + 1, hashes={"sha256": digest("x")}
            )
            for n in range(count)
        ]
        return render(lock_of(package("x", "1", sdist=sdist("x"), wheels=wheels)))

    few, many = text_of(10), text_of(110)
    cost = calls(lambda: loads_lock(many)) - calls(lambda: loads_lock(few))
    assert cost < 100 * 12
    assert calls(lambda: tomllib.loads(many)) - calls(lambda: tomllib.loads(few)) > 100 * 60
