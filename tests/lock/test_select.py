"""Choosing what an environment takes from a lock."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.pylock import (
    Package,
    PackageArchive,
    PackageDirectory,
    PackageVcs,
    PackageWheel,
    Pylock,
    PylockSelectError,
)
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag
from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.errors import LockInvalid, NoMatchingFile, TargetNotCovered, UsageError
from envsync.lock.pins import Pinned
from envsync.lock.select import Choice, describe, select
from envsync.model.target import Target
from tests.lock.samples import MACOS, WINDOWS, digest, lock_of, package, sdist, target_of
from tests.support.effort import calls

PURE = "py3-none-any"
MANYLINUX = "cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64"


def names(pins: tuple[Pinned, ...]) -> list[str]:
    return [pin.name for pin in pins]


def files(pins: tuple[Pinned, ...]) -> list[str]:
    return [pin.filename for pin in pins]


def test_pins_come_sorted_by_name_with_all_facts() -> None:
    lock = lock_of(
        package("b", "2", PURE, index="https://i.example/simple/"), package("a", "1", PURE)
    )
    filename = "b-2-py3-none-any.whl"
    expected = Pinned(
        name="b",
        version="2",
        kind="wheel",
        filename=filename,
        url=f"https://files.example/{filename}",
        path=None,
        sha256=digest(filename),
        hashes={"sha256": digest(filename)},
        size=1000,
        index_url="https://i.example/simple/",
    )
    pins = select(lock, target_of())
    assert names(pins) == ["a", "b"]
    assert pins[1] == expected
    assert pins[1].is_wheel


def test_markers_extras_and_groups() -> None:
    lock = lock_of(
        package("always", "1", PURE),
        package("windows", "1", PURE, marker=Marker("sys_platform == 'win32'")),
        package("extra", "1", PURE, marker=Marker("'redis' in extras")),
        package("dev", "1", PURE, marker=Marker("'dev' in dependency_groups")),
        package("docs", "1", PURE, marker=Marker("'docs' in dependency_groups")),
        extras=["redis"],
        dependency_groups=["dev", "docs"],
        default_groups=["dev"],
    )
    linux, windows = target_of(), target_of(WINDOWS)
    assert names(select(lock, linux)) == ["always", "dev"]
    assert names(select(lock, windows, Choice(groups=()))) == ["always", "windows"]
    everything = Choice(extras=["redis"], groups=["docs", "dev"])
    assert names(select(lock, linux, everything)) == ["always", "dev", "docs", "extra"]


def test_an_unknown_extra_or_group_is_a_mistake_of_the_user() -> None:
    lock = lock_of(extras=["redis"], dependency_groups=["dev", "docs"])
    with pytest.raises(UsageError, match=r"pylock\.toml has no group 'tests'") as caught:
        select(lock, target_of(), Choice(groups=["dev", "tests"]))
    assert caught.value.hint == "it has dev, docs"
    with pytest.raises(UsageError, match=r"pylock\.toml has no extra 'mysql'"):
        select(lock, target_of(), Choice(extras=["mysql"]))
    with pytest.raises(UsageError) as caught:
        select(lock, target_of(), Choice(groups=["dosc"]))
    assert caught.value.hint == "it has dev, docs; did you mean 'docs'?"
    with pytest.raises(UsageError) as caught:
        select(lock_of(), target_of(), Choice(groups=["dev"]))
    assert caught.value.hint == "it has no groups at all"


def test_the_best_tag_wins() -> None:
    tags = [
        PURE,
        MANYLINUX,
        "cp312-abi3-manylinux_2_17_x86_64",
        "cp312-cp312-manylinux_2_28_x86_64",
    ]
    for order in itertools.permutations(tags):
        pins = select(lock_of(package("a", "1", *order)), target_of())
        assert files(pins) == ["a-1-cp312-cp312-manylinux_2_28_x86_64.whl"]


def test_of_equal_tags_the_highest_build_wins() -> None:
    """Binary distribution format: the build number is a tie breaker."""
    tags = [PURE, f"2-{PURE}", f"10-{PURE}", f"10a-{PURE}"]
    for order in itertools.permutations(tags):
        pins = select(lock_of(package("a", "1", *order)), target_of())
        assert files(pins) == [f"a-1-10a-{PURE}.whl"]


def test_each_platform_gets_its_wheel() -> None:
    lock = lock_of(
        package("a", "1", MANYLINUX, "cp312-cp312-win_amd64", "cp312-cp312-macosx_11_0_arm64")
    )
    assert files(select(lock, target_of())) == [f"a-1-{MANYLINUX}.whl"]
    assert files(select(lock, target_of(WINDOWS))) == ["a-1-cp312-cp312-win_amd64.whl"]
    assert files(select(lock, target_of(MACOS))) == ["a-1-cp312-cp312-macosx_11_0_arm64.whl"]


def test_the_source_is_taken_where_no_wheel_fits_or_none_is_wanted() -> None:
    lock = lock_of(
        package("a", "1", "cp312-cp312-win_amd64", sdist=sdist("a-1.tar.gz")),
        package("b", "1", PURE, sdist=sdist("b-1.tar.gz")),
        package("c", "1", PURE),
    )
    kinds = [pin.kind for pin in select(lock, target_of())]
    assert kinds == ["sdist", "wheel", "wheel"]
    for no_binary in ({"b", "c"}, {":all:"}):
        kinds = [pin.kind for pin in select(lock, target_of(), Choice(no_binary=no_binary))]
        assert kinds == ["sdist", "sdist", "wheel"]


def test_direct_sources() -> None:
    url = "https://files.example/direct-2-py3-none-any.whl"
    lock = lock_of(
        Package(
            name=NormalizedName("tool"),
            vcs=PackageVcs(
                type="git",
                url="https://git.example/t",
                requested_revision="v2",
                commit_id="0a" * 20,
                subdirectory="py",
            ),
        ),
        Package(name=NormalizedName("shop"), directory=PackageDirectory(path=".", editable=True)),
        package("direct", "2", archive=PackageArchive(url=url, hashes={"sha512": "a", "md5": "b"})),
    )
    direct, shop, tool = select(lock, target_of())
    assert (direct.kind, direct.filename, direct.is_wheel) == ("archive", url[22:], True)
    assert (direct.sha256, direct.hashes) == ("", {"sha512": "a"})
    assert (shop.kind, shop.path, shop.editable, shop.version) == ("directory", ".", True, None)
    assert (tool.kind, tool.vcs, tool.commit, tool.requested_revision, tool.subdirectory) == (
        "vcs",
        "git",
        "0a" * 20,
        "v2",
        "py",
    )


def test_a_directly_referenced_wheel_must_fit_too() -> None:
    url = "https://files.example/direct-2-cp312-cp312-win_amd64.whl"
    lock = lock_of(package("direct", "2", archive=PackageArchive(url=url, hashes={})))
    with pytest.raises(NoMatchingFile):
        select(lock, target_of())


def test_a_missing_version_is_read_from_the_file() -> None:
    """PEP 751 only says that the version SHOULD be there."""
    found = Package(name=NormalizedName("a"), sdist=sdist("a-1.5.tar.gz"))
    assert select(lock_of(found), target_of())[0].version == "1.5"
    found = Package(name=NormalizedName("a"), sdist=sdist("a-1.0-1.tar.gz"))
    assert select(lock_of(found), target_of())[0].version == "1.0.post1"


def test_the_lock_is_for_another_python() -> None:
    lock = lock_of(requires_python=SpecifierSet(">=3.13"))
    with pytest.raises(TargetNotCovered) as caught:
        select(lock, target_of(python="3.12.4"))
    assert str(caught.value) == "pylock.toml is for Python >=3.13, this is Python 3.12.4"
    assert caught.value.exit_code == 1
    select(lock, target_of(python="3.13.0"))


def test_a_development_build_of_python() -> None:
    """CPython from source calls itself "3.13.0+"."""
    lock = lock_of(requires_python=SpecifierSet(">=3.13"))
    target = target_of(python="3.13.0")
    select(
        lock, target._replace(environment={**target.environment, "python_full_version": "3.13.0+"})
    )


def test_the_lock_is_for_another_platform() -> None:
    lock = lock_of(
        environments=[Marker("sys_platform == 'win32'"), Marker("sys_platform == 'darwin'")]
    )
    select(lock, target_of(WINDOWS))
    select(lock, target_of(MACOS))
    with pytest.raises(TargetNotCovered) as caught:
        select(lock, target_of())
    assert str(caught.value) == (
        "pylock.toml does not cover CPython 3.12.4 on linux x86_64; it is for:\n"
        '  sys_platform == "win32"\n'
        '  sys_platform == "darwin"'
    )


def test_a_package_that_is_for_another_python() -> None:
    lock = lock_of(
        package("numba", "0.60", PURE, requires_python=SpecifierSet(">=3.9,<3.13")),
        package("other", "1", PURE, requires_python=SpecifierSet(">=3.9")),
    )
    select(lock, target_of(python="3.12.4"))
    with pytest.raises(TargetNotCovered) as caught:
        select(lock, target_of(python="3.13.1"))
    assert str(caught.value) == "numba 0.60 says Python <3.13,>=3.9, this is Python 3.13.1"
    assert caught.value.hint is not None
    assert 'ignore-requires-python = ["numba"]' in caught.value.hint
    pins = select(lock, target_of(python="3.13.1"), Choice(ignore_requires_python=["numba"]))
    assert names(pins) == ["numba", "other"]


def test_no_file_for_this_platform() -> None:
    lock = lock_of(package("a", "1", "cp312-cp312-win_amd64", "cp311-cp311-win_amd64"))
    with pytest.raises(NoMatchingFile) as caught:
        select(lock, target_of())
    assert str(caught.value) == (
        "a 1: no file can be installed on CPython 3.12.4 on linux x86_64\n"
        "  a-1-cp312-cp312-win_amd64.whl\n"
        "  a-1-cp311-cp311-win_amd64.whl\n"
        f"  this interpreter takes {target_of().tags[0]} and {len(target_of().tags) - 1} other tags"
    )


def test_two_entries_that_both_apply() -> None:
    lock = lock_of(
        package("a", "1", PURE, marker=Marker("python_version >= '3.10'")),
        package("a", "2", PURE, marker=Marker("python_version >= '3.12'")),
    )
    assert files(select(lock, target_of(python="3.11.1"))) == [f"a-1-{PURE}.whl"]
    with pytest.raises(LockInvalid) as caught:
        select(lock, target_of())
    assert (caught.value.where, caught.value.reason) == (
        "packages[1]",
        "a is listed twice for CPython 3.12.4 on linux x86_64: 1 and 2",
    )


def test_a_marker_without_meaning() -> None:
    lock = lock_of(package("a", "1", PURE, marker=Marker("extra == 'x'")))
    with pytest.raises(LockInvalid, match="has no meaning here"):
        select(lock, target_of())


def test_describe() -> None:
    assert describe(target_of(WINDOWS)) == "CPython 3.12.4 on win32 AMD64"


TAGS = st.sampled_from(
    [
        "py3-none-any",
        "py2.py3-none-any",
        "py2-none-any",
        "py311-none-any",
        "cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64",
        "cp312-cp312-manylinux_2_28_x86_64",
        "cp312-cp312-musllinux_1_2_x86_64",
        "cp311-abi3-manylinux_2_17_x86_64",
        "cp313-abi3-manylinux_2_17_x86_64",
        "cp311.cp312-cp311.cp312-win_amd64.win32",
        "CP312-cp312-Win_AMD64",
        "cp312-none-macosx_11_0_arm64",
        "cp312-cp312-macosx_10_9_universal2",
        "pp310-pypy310_pp73-win_amd64",
    ]
)
MARKERS = st.sampled_from(
    [
        "sys_platform == 'win32'",
        "sys_platform != 'win32'",
        "python_version < '3.12'",
        "python_full_version >= '3.12'",
        "'x' in extras",
        "'dev' in dependency_groups and sys_platform == 'linux'",
    ]
).map(Marker)
PYTHONS = st.sampled_from([">=3.8", ">=3.12", "<3.13", "!=3.12.*", "~=3.11"]).map(SpecifierSet)


@st.composite
def small_locks(draw: st.DrawFn) -> Pylock:
    packages = []
    for name in draw(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4)):
        tags = draw(st.lists(TAGS, max_size=4, unique=True))
        needs_source = not tags or draw(st.integers(0, 1))
        source = sdist(f"{name}-1.tar.gz") if needs_source else None
        found = package(
            name,
            "1",
            *tags,
            sdist=source,
            marker=draw(st.none() | MARKERS),
            requires_python=draw(st.none() | PYTHONS),
        )
        packages.append(found)
    return Pylock(
        lock_version=Version("1.0"),
        created_by="test",
        environments=draw(st.none() | st.lists(MARKERS.filter(no_boolean), min_size=1)),
        requires_python=draw(st.none() | PYTHONS),
        extras=[NormalizedName("x")],
        dependency_groups=["dev"],
        default_groups=draw(st.sampled_from([None, ["dev"]])),
        packages=packages,
    )


def no_boolean(marker: Marker) -> bool:
    return " in " not in str(marker)


TARGETS = [
    target_of(environment, python)
    for environment in (target_of().environment, WINDOWS, MACOS)
    for python in ("3.11.9", "3.12.4", "3.13.0")
]


@settings(max_examples=300, deadline=None)
@given(
    small_locks(),
    st.sampled_from(TARGETS),
    st.sampled_from([(), ("x",)]),
    st.sampled_from([None, (), ("dev",)]),
    st.sampled_from([(), ("a",), (":all:",)]),
)
def test_the_answers_are_those_of_packaging(
    lock: Pylock,
    target: Target,
    extras: tuple[str, ...],
    groups: tuple[str, ...] | None,
    no_binary: tuple[str, ...],
) -> None:
    """Same packages, same files, and an error exactly where packaging has one."""
    choice = Choice(extras=extras, groups=groups, no_binary=no_binary)
    assert ours(lock, target, choice) == packagings(lock, target, choice)


def ours(lock: Pylock, target: Target, choice: Choice) -> dict[str, str] | None:
    try:
        return {pin.name: pin.filename for pin in select(lock, target, choice)}
    except (TargetNotCovered, LockInvalid, NoMatchingFile):
        return None


def packagings(lock: Pylock, target: Target, choice: Choice) -> dict[str, str] | None:
    try:
        chosen = lock.select(
            environment=target.environment,  # type: ignore[arg-type]
            tags=[Tag(*tag.split("-")) for tag in target.tags],
            extras=choice.extras,
            dependency_groups=choice.groups,
            prefer_sdist_predicate=lambda name: (
                name in choice.no_binary or ":all:" in choice.no_binary
            ),
        )
        return {found.name: artifact.filename for found, artifact in chosen}  # type: ignore[union-attr]
    except PylockSelectError:
        return None


def test_ten_thousand_wheels_are_looked_through_at_once() -> None:
    """The work per wheel is a few look-ups: nothing is asked of each tag of the target."""
    tags = [
        f"cp3{minor}-cp3{minor}-{platform}"
        for minor in range(8, 15)
        for platform in ("win_amd64", "manylinux_2_17_x86_64.manylinux2014_x86_64", "win32")
    ]
    lock = lock_of(*(package(f"p{number}", "1", *tags) for number in range(500)))
    target = target_of()
    assert len(select(lock, target)) == 500
    assert calls(lambda: select(lock, target)) < 500 * 21 * 20


def test_wheel_fields_of_packaging_are_what_is_read() -> None:
    found = PackageWheel(name="a-1-py3-none-any.whl", url="https://x.example/1", hashes={})
    assert files(select(lock_of(package("a", "1", wheels=[found])), target_of())) == [found.name]
