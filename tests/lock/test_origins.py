"""Which rows of a lock env.toml leads to."""

from dataclasses import replace

import pytest
from packaging.markers import Marker
from packaging.pylock import Package, PackageArchive, PackageDirectory, PackageVcs, Pylock
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.lock.origins import is_declared, place, same_index, unfounded
from envsync.lock.pins import Pinned
from envsync.lock.select import pin_of_source
from envsync.spec.model import Spec
from envsync.spec.read import parse_spec
from tests.lock.samples import digest, package, sdist

PUBLIC = "https://public.example/simple/"
CORP = "https://corp.example/simple/"
URL = "https://files.example/far-1.0-py3-none-any.whl"
TEXT = f"""\
[env]
name = "shop"
requires-python = ">=3.11"
dependencies = ["web<2", "lib", "far @ {URL}#sha256={digest("far")}"]
[dependency-groups]
dev = ["check"]
[[index]]
name = "corp"
url = "{CORP}"
[[index]]
name = "own"
url = "https://own.example/"
explicit = true
[sources]
lib = {{ path = "./lib/" }}
split = [
    {{ index = "own", marker = "sys_platform == 'linux'" }},
    {{ path = "vendor/split-1.tar.gz", marker = "sys_platform == 'win32'" }},
]
"""
SPEC = parse_spec(TEXT, folder_name="shop")


def is_public(url: str) -> bool:
    return same_index(url, PUBLIC)


def row(name: str, version: str = "1.0", **fields: object) -> Package:
    """A row with one wheel of an index."""
    return package(name, version, "py3-none-any", **{"index": PUBLIC, **fields})


def archive(name: str, **fields: object) -> Package:
    given = {"hashes": {"sha256": digest(name)}, **fields}
    return Package(name=NormalizedName(name), archive=PackageArchive(**given))  # type: ignore[arg-type]


def directory(name: str, path: str, **fields: object) -> Package:
    found = PackageDirectory(path=path, **fields)  # type: ignore[arg-type]
    return Package(name=NormalizedName(name), directory=found)


LIB = directory("lib", "lib")
FAR = archive("far", url=URL)
WEB = row("web", dependencies=[{"name": "base"}])
HONEST = (WEB, row("base"), LIB, FAR, row("check"))


def lock(*rows: Package, **fields: object) -> Pylock:
    return Pylock(
        lock_version=Version("1.0"),
        created_by="envsync",
        packages=list(rows),
        **{
            "requires_python": SPEC.requires_python,
            "extras": [],
            "dependency_groups": ["dev"],
            "default_groups": ["dev"],
            **fields,
        },  # type: ignore[arg-type]
    )


def why(*rows: Package, spec: Spec = SPEC) -> tuple[str, ...]:
    return unfounded(spec, lock(*rows), is_public)


def test_an_honest_lock() -> None:
    assert why(*HONEST) == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("requires_python", SpecifierSet(">=3.9")),
        ("extras", ["x"]),
        ("dependency_groups", ["dev", "x"]),
        ("default_groups", None),
        ("environments", [Marker("os_name == 'nt'")]),
    ],
)
def test_the_head_is_that_of_env_toml(key: str, value: object) -> None:
    (reason,) = unfounded(SPEC, lock(*HONEST, **{key: value}), is_public)
    assert reason.startswith(f"{key.replace('_', '-')} in the lock")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (row("evil"), "nothing requires evil 1.0, which is in the lock"),
        (row("web", "2.0"), "nothing requires web 2.0, which is in the lock"),
        (
            row("evil", dependencies=[{"name": "evil"}]),
            "nothing requires evil 1.0, which is in the lock",
        ),
    ],
)
def test_what_nothing_requires(more: Package, reason: str) -> None:
    """A circle keeps nobody alive."""
    assert why(*HONEST, more) == (reason,)


def test_a_version_that_another_row_asks_for_is_required() -> None:
    older = replace(WEB, dependencies=[{"name": "base", "version": "1.0"}])
    newer = row("base", "3.0")
    assert why(older, *HONEST[1:], newer) == ("nothing requires base 3.0, which is in the lock",)
    both = replace(WEB, dependencies=[{"name": "base", "version": v} for v in ("1.0", "3.0")])
    assert why(both, *HONEST[1:], newer) == ()


def test_an_override_leads_to_any_version() -> None:
    spec = parse_spec(TEXT + '[lock]\noverrides = ["web>=2"]\n', folder_name="shop")
    web = row("web", "2.0", dependencies=[{"name": "base"}])
    assert why(web, *HONEST[1:], spec=spec) == ()


def test_what_is_required_has_a_row() -> None:
    assert why(*HONEST[:-1]) == ("check has no row in the lock",)
    assert why(WEB, *HONEST[2:]) == ("web 1.0 in the lock needs base, which has no row there",)
    marked = TEXT.replace('"web<2"', '"web<2", "gone; os_name == \'java\'"')
    assert why(*HONEST, spec=parse_spec(marked, folder_name="shop")) == ()


HASHES = {"sha256": digest("x")}


@pytest.mark.parametrize(
    "stranger",
    [
        archive("base", path="vendor/base-1.0.tar.gz"),
        archive("base", path="vendor/base-1.0-py3-none-any.whl"),
        archive("base", url="https://evil.example/base-1.0-py3-none-any.whl"),
        directory("base", "base"),
        directory("base", "base", editable=True),
        Package(
            name=NormalizedName("base"),
            vcs=PackageVcs(type="git", url="https://git.example/base.git", commit_id="0" * 40),
        ),
        row("base", index=None),
        row("base", index="https://evil.example/simple/"),
        row("base", index="https://own.example/"),
        row("base", sdist=replace(sdist("base-1.0.tar.gz"), url=None, path="base-1.0.tar.gz")),
    ],
)
def test_a_package_of_an_index_comes_from_none_of_these(stranger: Package) -> None:
    (reason,) = why(WEB, stranger, *HONEST[2:])
    assert reason.startswith(("base in the lock is", "base 1.0 in the lock is"))


@pytest.mark.parametrize("index", [PUBLIC, PUBLIC.rstrip("/"), CORP])
def test_the_indexes_that_are_asked(index: str) -> None:
    assert why(WEB, row("base", index=index), *HONEST[2:]) == ()


def test_a_default_index_leaves_no_room_for_another() -> None:
    spec = parse_spec(
        TEXT.replace('name = "corp"', 'name = "corp"\ndefault = true'), folder_name="shop"
    )
    found = why(*HONEST, spec=spec)
    assert [reason.split()[0] for reason in found] == ["web", "base", "check"]


@pytest.mark.parametrize(
    ("found", "is_right"),
    [
        (directory("lib", "lib"), True),
        (directory("lib", "./lib/"), True),
        (directory("lib", "lib", editable=False), True),
        (directory("lib", "lib", editable=True), False),
        (directory("lib", "lib", subdirectory="py"), False),
        (directory("lib", "other"), False),
        (directory("lib", "lib/below"), False),
        (directory("lib", "."), False),
        (archive("lib", path="lib"), True),  # what lies there tells what it is
        (archive("lib", path="lib", subdirectory="py"), False),
        (archive("lib", url="https://files.example/lib"), False),
        (row("lib"), False),
    ],
)
def test_a_source_by_path(found: Package, is_right: bool) -> None:
    assert (why(*HONEST[:2], found, *HONEST[3:]) == ()) == is_right
    pin = pin_of_source(found)
    assert pin is None or is_declared(pin, SPEC) == is_right


@pytest.mark.parametrize(
    ("found", "is_right"),
    [
        (archive("far", url=URL), True),
        (archive("far", url=URL, hashes=HASHES), False),
        (archive("far", url=URL, subdirectory="py"), False),
        (archive("far", url=f"{URL}?x=1"), False),
        (archive("far", path="far-1.0-py3-none-any.whl"), False),
        (row("far"), False),
    ],
)
def test_a_source_by_url(found: Package, is_right: bool) -> None:
    assert (why(*HONEST[:3], found, *HONEST[4:]) == ()) == is_right


LINUX, WINDOWS, MACOS = (
    Marker(f"sys_platform == '{name}'") for name in ("linux", "win32", "darwin")
)
LOCAL = archive("split", path="vendor/split-1.tar.gz")


@pytest.mark.parametrize(
    ("found", "is_right"),
    [
        (row("split", index="https://own.example/", marker=LINUX), True),
        (row("split", index="https://own.example/", marker=MACOS), False),
        (row("split", marker=LINUX), False),
        (row("split", marker=MACOS), True),
        (row("split"), True),  # outside of both markers it comes from there
        (replace(LOCAL, marker=WINDOWS), True),
        (replace(LOCAL, marker=LINUX), False),
    ],
)
def test_sources_with_markers(found: Package, is_right: bool) -> None:
    web = replace(WEB, dependencies=[{"name": "base"}, {"name": "split"}])
    assert (why(web, *HONEST[1:], found) == ()) == is_right


def test_a_place_for_people() -> None:
    pin = Pinned("a", None, "directory", "", None, "lib", "", {}, subdirectory="py", editable=True)
    assert place(pin) == "editable directory lib (subdirectory py)"
    pin = Pinned("a", None, "archive", "a.zip", "https://x.example/a.zip", None, "", {})
    assert place(pin) == "archive https://x.example/a.zip"


def test_a_row_of_the_own_name_from_an_index_is_nobodys() -> None:
    spec = parse_spec("[env]\ndependencies = ['plugin']\n", folder_name="shop")
    plugin = row("plugin", dependencies=[{"name": "shop"}])
    pylock = Pylock(
        lock_version=Version("1.0"), created_by="envsync", packages=[plugin, row("shop")]
    )
    assert unfounded(spec, pylock, is_public) == (
        f"shop 1.0 in the lock is from {PUBLIC}, which is not where env.toml sends it",
    )
