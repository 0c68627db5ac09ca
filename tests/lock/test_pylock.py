"""A resolution becomes a lock."""

import itertools
import tomllib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from packaging.pylock import Package, Pylock
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from envsync.errors import IndexFailed
from envsync.lock.fingerprint import fingerprint, stale_reasons
from envsync.lock.pylock import to_pylock, without_upper_bound
from envsync.lock.read import parse_lock
from envsync.lock.reading import reading_policy
from envsync.lock.text import render
from envsync.model.candidate import Candidate, DirectSource, File
from envsync.model.marker import ALWAYS, MarkerSet, from_requires_python, from_text
from envsync.model.resolution import Edge, Resolution, ResolvedPackage
from envsync.spec.model import SourceSpec, Spec
from envsync.spec.read import parse_spec
from tests.lock.samples import digest

INDEX = "https://index.example/simple/"
SPEC = parse_spec(
    """
[env]
requires-python = ">=3.11"
dependencies = ["flask>=3"]
[env.optional-dependencies]
redis = ["redis"]
[dependency-groups]
dev = ["pytest"]
docs = ["sphinx"]
""",
    folder_name="shop",
)
PYTHON_311 = from_requires_python(SpecifierSet(">=3.11"))


def file(filename: str, **fields: object) -> File:
    known = {
        "url": f"https://files.example/x/{filename}",
        "hashes": {"sha256": digest(filename)},
        "size": 100,
        "upload_time": "2025-01-25T11:30:10.164985Z",
    }
    return File(filename=filename, **{**known, **fields})  # type: ignore[arg-type]


def resolved(
    name: str,
    version: str,
    *tags: str,
    marker: MarkerSet = PYTHON_311,
    needs: Iterable[tuple[str, str]] = (),
    **fields: object,
) -> ResolvedPackage:
    normalized = canonicalize_name(name)
    wheels = tuple(file(f"{name}-{version}-{tag}.whl") for tag in tags)
    known = {"wheels": wheels, "index_url": INDEX}
    candidate = Candidate(normalized, Version(version), **{**known, **fields})  # type: ignore[arg-type]
    edges = tuple(Edge(canonicalize_name(to), Version(pin), ALWAYS) for to, pin in needs)
    return ResolvedPackage(normalized, Version(version), marker, candidate, edges)


def direct(name: str, source: DirectSource) -> ResolvedPackage:
    return resolved(name, "1.0", source=source, index_url=None)


def resolution(*packages: ResolvedPackage, environments: MarkerSet = PYTHON_311) -> Resolution:
    return Resolution(packages, environments, (), 1)


def lock(*packages: ResolvedPackage, spec: Spec = SPEC) -> Pylock:
    """A lock that has also been through writing, strict reading and the standard's validation."""
    made = to_pylock(resolution(*packages), spec)
    made.validate()
    read_back = parse_lock(render(made).encode(), path="pylock.toml")
    assert read_back == made
    return made


def only(*packages: ResolvedPackage, spec: Spec = SPEC) -> Package:
    return lock(*packages, spec=spec).packages[0]


PURE = "py3-none-any"

WHOLE = f"""\
lock-version = "1.0"
requires-python = ">=3.11"
extras = ["redis"]
dependency-groups = ["dev", "docs"]
default-groups = ["dev"]
created-by = "envsync"

[[packages]]
name = "colorama"
version = "0.4.6"
marker = 'sys_platform == "win32"'
index = "https://index.example/simple/"
wheels = [
    {{ upload-time = 2025-01-25T11:30:10.164985Z, \
url = "https://files.example/x/colorama-0.4.6-py3-none-any.whl", size = 100, \
hashes = {{ sha256 = "{digest("colorama-0.4.6-py3-none-any.whl")}" }} }},
]

[[packages]]
name = "flask"
version = "3.1"
requires-python = ">=3.9"
dependencies = [
    {{ name = "colorama" }},
]
index = "https://index.example/simple/"
sdist = {{ upload-time = 2025-01-25T11:30:10.164985Z, \
url = "https://files.example/x/flask-3.1.tar.gz", size = 100, \
hashes = {{ sha256 = "{digest("flask-3.1.tar.gz")}" }} }}
wheels = [
    {{ upload-time = 2025-01-25T11:30:10.164985Z, \
url = "https://files.example/x/flask-3.1-py3-none-any.whl", size = 100, \
hashes = {{ sha256 = "{digest("flask-3.1-py3-none-any.whl")}" }} }},
]

[tool.envsync]
fingerprint = "{fingerprint(SPEC)}"
prereleases = "if-necessary-or-explicit"
resolution = "highest"
roots = [
    {{ requirement = "flask>=3", resolved = "aba72e391c840b72" }},
    {{ extra = "redis", requirement = "redis", resolved = "967cbb87ae189986" }},
    {{ group = "dev", requirement = "pytest", resolved = "967cbb87ae189986" }},
    {{ group = "docs", requirement = "sphinx", resolved = "967cbb87ae189986" }},
]
"""


def whole_packages() -> list[ResolvedPackage]:
    return [
        resolved(
            "flask",
            "3.1",
            PURE,
            needs=[("colorama", "0.4.6")],
            sdist=file("flask-3.1.tar.gz"),
            requires_python=SpecifierSet(">=3.9"),
        ),
        resolved(
            "colorama", "0.4.6", PURE, marker=PYTHON_311 & from_text("sys_platform == 'win32'")
        ),
    ]


def test_a_whole_lock() -> None:
    assert render(lock(*whole_packages())) == WHOLE


def test_the_order_of_the_inputs_does_not_show() -> None:
    """H29: same inputs, same bytes."""
    for order in itertools.permutations(whole_packages()):
        assert render(to_pylock(resolution(*order), SPEC)) == WHOLE
    tags = [PURE, "cp312-cp312-win32", "cp312-cp312-win_amd64"]
    texts = {
        render(to_pylock(resolution(resolved("a", "1", *order)), SPEC))
        for order in itertools.permutations(tags)
    }
    assert len(texts) == 1


def test_a_lock_answers_its_env_toml() -> None:
    assert stale_reasons(SPEC, lock(*whole_packages())) == ()


def test_extras_and_groups_are_markers() -> None:
    """PEP 751: `'redis' in extras`."""
    marker = PYTHON_311 & from_text("'redis' in extras or 'dev' in dependency_groups")
    found = only(resolved("a", "1", PURE, marker=marker))
    assert str(found.marker) in (
        '"redis" in extras or "dev" in dependency_groups',
        '"dev" in dependency_groups or "redis" in extras',
    )


def test_what_the_lock_as_a_whole_says_is_not_repeated() -> None:
    """The marker is simplified under what is covered."""
    assert only(resolved("a", "1", PURE)).marker is None
    spec = SPEC._replace(
        lock=parse_spec(
            "[env]\n[lock]\nenvironments = [\"sys_platform == 'linux'\", \"os_name=='nt'\"]",
            folder_name="x",
        ).lock
    )
    covered = PYTHON_311 & from_text("sys_platform == 'linux' or os_name == 'nt'")
    made = to_pylock(
        resolution(
            resolved("a", "1", PURE, marker=covered),
            resolved("b", "1", PURE, marker=covered & from_text("os_name == 'nt'")),
            environments=covered,
        ),
        spec,
    )
    assert [str(marker) for marker in made.environments or ()] == [
        'os_name == "nt"',
        'sys_platform == "linux"',
    ]
    a, b = made.packages
    assert a.marker is None
    assert b.marker is not None
    assert b.marker.evaluate(
        {"os_name": "nt", "sys_platform": "win32", "platform_system": "Windows"}
    )
    assert not b.marker.evaluate({"os_name": "posix", "sys_platform": "linux"})


def test_an_edge_says_just_enough_to_tell_rows_apart() -> None:
    """PEP 751, "packages.dependencies"."""
    linux, other = from_text("sys_platform == 'linux'"), from_text("sys_platform != 'linux'")
    made = lock(
        resolved("a", "1", PURE, needs=[("b", "2"), ("b", "1"), ("c", "1"), ("a", "1")]),
        resolved("b", "1", PURE, marker=PYTHON_311 & linux),
        resolved("b", "2", PURE, marker=PYTHON_311 & other),
        resolved("c", "1", PURE),
    )
    assert made.packages[0].dependencies == [
        {"name": "b", "version": "1"},
        {"name": "b", "version": "2"},
        {"name": "c"},
    ]
    assert made.packages[3].dependencies is None


def test_edges_to_rows_of_one_version() -> None:
    linux, other = from_text("sys_platform == 'linux'"), from_text("sys_platform != 'linux'")
    made = lock(
        resolved("a", "1", PURE, needs=[("b", "1"), ("b", "1.0")]),
        resolved("b", "1", PURE, marker=PYTHON_311 & linux, index_url="https://u:p@b.example/"),
        direct("b", DirectSource("directory", path="lib"))._replace(marker=PYTHON_311 & other),
    )
    assert {"name": "b", "directory": {"path": "lib"}} in (made.packages[0].dependencies or ())


def test_wheels_that_fit_nowhere_are_left_out() -> None:
    """Neither of a Python below the bound nor of a platform that the package is not for."""
    tags = [
        "cp310-cp310-win_amd64",
        "cp311-cp311-win_amd64",
        "cp38-abi3-win_amd64",
        "cp312-cp312-manylinux_2_17_x86_64",
        "py2-none-any",
        "pp311-pypy311_pp73-win_amd64",
    ]
    windows = PYTHON_311 & from_text("sys_platform == 'win32'")
    found = only(resolved("a", "1", *tags, marker=windows))
    assert [wheel.filename for wheel in found.wheels or ()] == [
        "a-1-cp311-cp311-win_amd64.whl",
        "a-1-cp38-abi3-win_amd64.whl",
        "a-1-pp311-pypy311_pp73-win_amd64.whl",
    ]


def test_a_package_never_loses_its_last_file() -> None:
    """It is reported elsewhere; a row without any file would be no lock."""
    windows = PYTHON_311 & from_text("sys_platform == 'win32'")
    found = only(resolved("a", "1", "cp312-cp312-macosx_11_0_arm64", marker=windows))
    assert [wheel.filename for wheel in found.wheels or ()] == [
        "a-1-cp312-cp312-macosx_11_0_arm64.whl"
    ]
    found = only(
        resolved("a", "1", "cp312-cp312-win32", marker=from_text("sys_platform == 'linux'"),
                 sdist=file("a-1.tar.gz"))
    )  # fmt: skip
    assert found.wheels is None
    assert found.sdist is not None


def test_later_builds_come_first() -> None:
    """Other installers take the first of wheels with equal tags."""
    tags = [PURE, f"1-{PURE}", f"2-{PURE}", f"10-{PURE}", f"2a-{PURE}"]
    found = only(resolved("a", "1", *tags))
    assert [wheel.filename.removesuffix(f"-{PURE}.whl") for wheel in found.wheels or ()] == [
        "a-1-10",
        "a-1-2a",
        "a-1-2",
        "a-1-1",
        "a-1",
    ]


def test_no_credentials_reach_the_lock() -> None:
    """H28: user, password, token queries."""
    secret = "s3cr3t"
    filename = "a-1-py3-none-any.whl"
    wheel = file(
        filename, url=f"https://u:{secret}@files.example/{filename}?token={secret}&b=1#x={secret}"
    )
    spec = parse_spec("[env]\nrequires-python = '>=3.11'", folder_name="x")
    made = lock(
        resolved("a", "1", wheels=(wheel,), index_url=f"https://__token__:{secret}@i.example/simple/"),
        direct("b", DirectSource("archive", url=f"https://u:{secret}@x.example/b.zip",
                                 hashes={"sha256": digest("b")})),
        direct("c", DirectSource("vcs", vcs="git", commit="0" * 40,
                                 url=f"https://oauth2:{secret}@git.example/c.git")),
        spec=spec,
    )  # fmt: skip
    assert secret not in render(made)
    found = made.packages[0]
    assert found.index == "https://i.example/simple/"
    assert found.wheels is not None
    assert (found.wheels[0].name, found.wheels[0].url) == (
        filename,
        f"https://files.example/{filename}?b=1",
    )


def test_a_file_that_cannot_be_checked_is_not_locked() -> None:
    """H23: never a lock without a hash that proves something."""
    weak = file("a-1-py3-none-any.whl", hashes={"md5": "00"})
    with pytest.raises(IndexFailed, match=r"gives no sha256 for a-1-py3-none-any\.whl"):
        to_pylock(resolution(resolved("a", "1", wheels=(weak,))), SPEC)


def test_only_hashes_that_prove_something_are_kept() -> None:
    both = file("a-1-py3-none-any.whl", hashes={"md5": "0", "sha256": digest("x").upper()})
    found = only(resolved("a", "1", wheels=(both,)))
    assert found.wheels is not None
    assert found.wheels[0].hashes == {"sha256": digest("x")}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2025-01-25T11:30:10Z", datetime(2025, 1, 25, 11, 30, 10, tzinfo=UTC)),
        ("2025-01-25T11:30:10.5+02:00", datetime(2025, 1, 25, 9, 30, 10, 500000, tzinfo=UTC)),
        ("2025-01-25T11:30:10", datetime(2025, 1, 25, 11, 30, 10, tzinfo=UTC)),
        ("yesterday", None),
        (None, None),
    ],
)
def test_upload_times_are_in_utc(given: str | None, expected: datetime | None) -> None:
    found = only(resolved("a", "1", wheels=(file("a-1-py3-none-any.whl", upload_time=given),)))
    assert found.wheels is not None
    assert found.wheels[0].upload_time == expected


def test_direct_sources() -> None:
    hashes = {"sha256": digest("x")}
    wheel, archive, folder, repository = lock(
        direct("a", DirectSource("wheel", path="dist/a-1.0-py3-none-any.whl", hashes=hashes,
                                 size=3)),
        direct("b", DirectSource("archive", url="https://x.example/b.tar.gz", hashes=hashes,
                                 subdirectory="py")),
        direct("c", DirectSource("directory", path=".", editable=True, subdirectory="src")),
        direct("d", DirectSource("vcs", url="ssh://git@x.example/d", vcs="git", commit="0" * 40,
                                 requested_revision="v2")),
    ).packages  # fmt: skip
    assert wheel.archive is not None
    assert (wheel.version, wheel.archive.path, wheel.archive.size) == (
        Version("1.0"),
        "dist/a-1.0-py3-none-any.whl",
        3,
    )
    assert archive.archive is not None
    assert (archive.archive.url, archive.archive.subdirectory) == (
        "https://x.example/b.tar.gz",
        "py",
    )
    assert folder.directory is not None
    assert (folder.version, folder.directory.path, folder.directory.editable) == (None, ".", True)
    assert repository.vcs is not None
    assert (repository.version, repository.vcs.url, repository.vcs.requested_revision) == (
        None,
        "ssh://git@x.example/d",
        "v2",
    )
    assert [package.index for package in (wheel, archive, folder, repository)] == [None] * 4


def test_a_path_stands_in_the_lock_as_env_toml_has_it() -> None:
    for path in ("c", "../c", "/home/someone/c"):
        made = direct("c", DirectSource("directory", path=path))
        own = SPEC._replace(sources={canonicalize_name("c"): (SourceSpec("path", path),)})
        text = render(to_pylock(resolution(made), own)).encode()
        (row,) = parse_lock(text, path="x", policy=reading_policy(own)).packages
        assert row.directory is not None
        assert row.directory.path == path


def test_the_time_that_limited_uploads_is_absolute() -> None:
    moment = datetime(2026, 10, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    made = to_pylock(resolution(), SPEC, exclude_newer=moment)
    assert tomllib.loads(render(made))["tool"]["envsync"]["exclude-newer"] == "2026-10-01T00:00:00Z"


def test_requires_python_where_env_toml_gives_none() -> None:
    spec = SPEC._replace(requires_python=None)
    found = to_pylock(resolution(), spec, requires_python=SpecifierSet(">=3.12"))
    assert found.requires_python == SpecifierSet(">=3.12")


def test_an_upper_bound_on_python_is_kept_unless_it_is_not_believed() -> None:
    bounded = SpecifierSet(">=3.9,<3.13,!=3.10.0")
    numba = resolved("numba", "1", PURE, requires_python=bounded)
    assert only(numba).requires_python == bounded
    policy = SPEC.lock._replace(ignore_requires_python=frozenset({canonicalize_name("numba")}))
    assert only(numba, spec=SPEC._replace(lock=policy)).requires_python == SpecifierSet(">=3.9")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("<4", None),
        ("~=3.8", ">=3.8"),
        ("==3.11.*", ">=3.11"),
        (">3.8,<=3.12", ">3.8"),
        ("", None),
    ],
)
def test_lower_bounds(given: str, expected: str | None) -> None:
    wanted = None if expected is None else SpecifierSet(expected)
    assert without_upper_bound(SpecifierSet(given)) == wanted


def test_an_empty_project_has_a_lock() -> None:
    spec = parse_spec("[env]\nrequires-python = '>=3.11'", folder_name="x")
    assert lock(spec=spec).packages == []
    text = render(lock(spec=spec))
    assert "extras = []\ndependency-groups = []\n" in text


def test_a_source_distribution_of_before_the_specification_gets_its_name() -> None:
    """`x-1.0-1.tar.gz` would be x-1.0 in version 1 for whoever reads the lock."""
    package = only(resolved("x", "1.0.post1", sdist=file("x-1.0-1.tar.gz")))
    assert package.sdist is not None
    assert package.sdist.name == "x-1.0.post1.tar.gz"
    assert (package.sdist.url or "").endswith("/x-1.0-1.tar.gz")
