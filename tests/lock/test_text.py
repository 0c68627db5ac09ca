"""The canonical text of a lock."""

import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.pylock import (
    Package,
    PackageArchive,
    PackageDirectory,
    PackageSdist,
    PackageVcs,
    PackageWheel,
    Pylock,
)
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envsync.lock.text import render
from tests.lock.samples import digest, lock_of, package, sdist

COMPLETE = """\
lock-version = "1.0"
environments = [
    'sys_platform == "linux"',
]
requires-python = ">=3.11"
extras = ["redis"]
dependency-groups = ["dev", "docs"]
default-groups = ["dev"]
created-by = "envsync"

[[packages]]
name = "flask"
version = "3.1.0"
marker = '"dev" in dependency_groups'
requires-python = ">=3.9"
dependencies = [
    { name = "click" },
    { name = "spam", version = "2" },
]
index = "https://index.example/simple/"
sdist = { url = "https://files.example/flask-3.1.0.tar.gz", size = 7, hashes = { sha256 = "aa" } }
wheels = [
    { name = "flask-3.1.0-py3-none-any.whl", upload-time = 2025-01-25T11:30:10Z, \
url = "https://files.example/f?x=1", size = 5, hashes = { md5 = "cc", sha256 = "bb" } },
]
attestation-identities = [
    { kind = "GitHub", repository = "a/b" },
]

[[packages]]
name = "shop"
directory = { path = ".", editable = true }

[tool.envsync]
fingerprint = "sha256:0"
roots = [
    { group = "dev", requirement = "flask" },
]
"""


def test_layout_of_a_complete_lock() -> None:
    """One artifact a line, keys in the order of PEP 751."""
    lock = Pylock.from_dict(tomllib.loads(COMPLETE))
    assert render(lock) == COMPLETE


def test_a_lock_without_packages_says_so() -> None:
    """PEP 751 requires the key `packages`."""
    text = render(lock_of())
    assert text == 'lock-version = "1.0"\ncreated-by = "test"\npackages = []\n'


def test_free_tables_keep_every_kind_of_value() -> None:
    tool = {
        "a b": {'quote"d': "x\\y\n\t\x00\x7f\u202e\U0001f600\U000e0001é", "": []},
        "numbers": {"i": -3, "f": 1.5, "e": 1e300, "s": 1e-7, "inf": float("inf"), "yes": True},
        "times": {
            "moment": datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
            "offset": datetime(2026, 1, 2, 3, 4, tzinfo=timezone(timedelta(hours=-3))),
            "local": datetime(2026, 1, 2),
            "date": date(2026, 1, 2),
            "time": time(1, 2, 3),
        },
        "nested": {"deep": [[1, [2]], {"a": {"b": {}}}], "rows": [{"x": 1}, {}]},
        "plain": 5,
    }
    lock = lock_of(tool=tool)
    assert tomllib.loads(render(lock))["tool"] == tool


def test_an_empty_tool_table_stays() -> None:
    assert tomllib.loads(render(lock_of(tool={}))) == {
        "lock-version": "1.0",
        "created-by": "test",
        "packages": [],
        "tool": {},
    }


def test_equal_locks_give_equal_text() -> None:
    """The order in which free tables and hashes were filled doesn't show."""
    first = lock_of(
        package("a", "1", sdist=PackageSdist(url="u", hashes={"sha256": "1", "sha512": "2"})),
        tool={"x": {"a": 1, "b": 2}, "y": {}},
    )
    second = lock_of(
        package("a", "1", sdist=PackageSdist(url="u", hashes={"sha512": "2", "sha256": "1"})),
        tool={"y": {}, "x": {"b": 2, "a": 1}},
    )
    assert render(first) == render(second)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = st.from_regex(r"[a-z]([a-z0-9]|-(?=[a-z0-9])){0,5}[a-z0-9]", fullmatch=True).map(
    canonicalize_name
)
VERSIONS = st.sampled_from(["1", "2.0rc1", "1!3+local.1", "0.1.dev3", "4.post2"]).map(Version)
MARKERS = st.sampled_from(
    [
        "sys_platform == 'win32'",
        "python_version < '3.11' and 'x' in extras",
        "'dev' in dependency_groups or os_name == 'nt'",
    ]
).map(Marker)
SPECIFIERS = st.sampled_from([">=3.9", ">=3.8,!=3.9.1,<4", "==3.12.*", ""]).map(SpecifierSet)
MOMENTS = st.datetimes(timezones=st.just(UTC))
HASHES = st.dictionaries(st.sampled_from(["sha256", "md5", "Odd Name"]), TEXT, min_size=1)
SUBDIRECTORIES = st.none() | TEXT
ADDRESSES = TEXT.filter(bool)
SIZES = st.none() | st.integers(0, 2**62)
FREE = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | TEXT | MOMENTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
TABLES = st.dictionaries(TEXT, FREE, max_size=3)


@st.composite
def sources(draw: st.DrawFn, name: str, version: Version) -> dict[str, Any]:
    kind = draw(st.sampled_from(["files", "vcs", "directory", "archive"]))
    if kind == "vcs":
        return {
            "vcs": PackageVcs(
                type="git",
                url=draw(ADDRESSES),
                commit_id=draw(TEXT),
                requested_revision=draw(SUBDIRECTORIES),
            )
        }
    if kind == "directory":
        editable = draw(st.none() | st.booleans())
        return {"directory": PackageDirectory(path=draw(ADDRESSES), editable=editable)}
    if kind == "archive":
        archive = PackageArchive(path=draw(ADDRESSES), size=draw(SIZES), hashes=draw(HASHES))
        return {"archive": archive}
    stem = name.replace("-", "_")
    url, hashes, size = draw(ADDRESSES), draw(HASHES), draw(SIZES)
    wheels = [
        PackageWheel(
            name=f"{stem}-{version}-{tag}.whl",
            url=url,
            hashes=hashes,
            size=size,
            upload_time=draw(st.none() | MOMENTS),
        )
        for tag in draw(st.lists(st.sampled_from(["py3-none-any", "cp312-cp312-win32"])))
    ]
    found = PackageSdist(name=f"{stem}-{version}.tar.gz", url=url, hashes=hashes, size=size)
    return {"wheels": wheels, "sdist": found}


@st.composite
def locks(draw: st.DrawFn) -> Pylock:
    packages = []
    for name in draw(st.lists(NAMES, max_size=3)):
        version = draw(VERSIONS)
        packages.append(
            Package(
                name=NormalizedName(name),
                version=version,
                marker=draw(st.none() | MARKERS),
                requires_python=draw(st.none() | SPECIFIERS),
                dependencies=draw(st.none() | st.lists(TABLES, max_size=2)),
                index=draw(st.none() | TEXT),
                attestation_identities=draw(st.none() | st.just([{"kind": "x"}])),
                tool=draw(st.none() | TABLES),
                **draw(sources(name, version)),
            )
        )
    return Pylock(
        lock_version=Version("1.0"),
        environments=draw(st.none() | st.lists(MARKERS, max_size=2)),
        requires_python=draw(st.none() | SPECIFIERS),
        extras=draw(st.none() | st.lists(NAMES, max_size=2)),
        dependency_groups=draw(st.none() | st.lists(TEXT, max_size=2)),
        default_groups=draw(st.none() | st.lists(TEXT, max_size=2)),
        created_by=draw(TEXT),
        packages=packages,
        tool=draw(st.none() | TABLES),
    )


@settings(max_examples=150, deadline=None)
@given(locks())
def test_reading_gives_back_what_was_written(lock: Pylock) -> None:
    text = render(lock)
    assert text.endswith("\n")
    assert Pylock.from_dict(tomllib.loads(text)) == lock
    assert render(Pylock.from_dict(tomllib.loads(text))) == text


@given(locks(), locks(), st.data())
def test_what_was_written_before_is_written_alike(
    lock: Pylock, other: Pylock, data: st.DataObject
) -> None:
    """Some packages of a lock between others: by their text in that, or by their values."""
    kept = [one for one in lock.packages if data.draw(st.booleans())]
    mixed = replace(other, packages=[*kept, *other.packages])

    assert render(mixed, (lock, render(lock))) == render(mixed)


def test_what_was_written_before_is_not_written_again() -> None:
    lock = lock_of(package("a", "1"), package("b", "1"))
    marked = render(lock).replace('name = "a"', 'name = "a" # as it was')

    assert "# as it was" in render(lock, (lock, marked))


def test_sample_hashes_are_real() -> None:
    found = sdist("a-1.tar.gz")
    assert found.hashes == {"sha256": digest("a-1.tar.gz")}
