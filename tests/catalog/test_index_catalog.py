"""What the catalog answers, over a real index on loopback."""

import itertools
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from envsync.catalog.speculation import MAX_EXPECTED
from envsync.errors import (
    BuildNotAllowed,
    DownloadFailed,
    IndexFailed,
    MetadataInvalid,
    OwnNameRequired,
    PackageNotFound,
)
from envsync.lock.pylock import to_pylock
from envsync.lock.text import render
from envsync.model.candidate import Candidate, CoreMetadata
from envsync.model.marker import ALWAYS, from_requires_python, from_text
from envsync.model.resolution import RootRequirement
from envsync.resolve.candidates import Catalog, Foresight, ResolvePolicy
from envsync.resolve.universal import resolve
from envsync.spec.model import LockPolicy, Spec
from envsync.spec.read import parse_spec
from tests.catalog.shelf import catalog_of, publish, universe
from tests.support.index_server import IndexServer, Listed, Reply
from tests.support.wheels import make_sdist

A = canonicalize_name("a")


@pytest.fixture
def cache_dir(tmp_path: Path) -> str:
    return str(tmp_path / "cache")


def versions(catalog: Catalog, name: str) -> list[str]:
    return [str(one.version) for one in catalog.listing(canonicalize_name(name)).candidates]


def newest(catalog: Catalog, name: str) -> Candidate:
    return catalog.listing(canonicalize_name(name)).candidates[0]


def test_listings_and_metadata(cache_dir: str) -> None:
    packages = {"a": {"1.9": [], "1.10": ["b>=2; extra == 'x'"]}}
    with universe(packages) as server, catalog_of(server, cache_dir) as catalog:
        listing = catalog.listing(A)
        assert versions(catalog, "a") == ["1.10", "1.9"]
        assert listing.index_url == server.url
        assert listing.candidates[0].index_url == server.url
        found = catalog.metadata(listing.candidates[0])
    assert (found.name, found.version) == (A, Version("1.10"))
    assert found.requires_dist == (Requirement("b>=2; extra == 'x'"),)


def test_the_own_name_is_asked_of_no_index(cache_dir: str) -> None:
    """Neither for a package that requires it, nor ahead; where it is sent to one it is."""
    packages: dict[str, dict[str, list[str]]] = {"plugin": {"1": ["shop"]}, "shop": {"1": []}}
    spec = parse_spec("[env]\n", folder_name="shop")
    with universe(packages) as server:
        with catalog_of(server, cache_dir, spec) as catalog:
            catalog.prefetch(canonicalize_name("shop"), SpecifierSet())
            with pytest.raises(OwnNameRequired) as caught:
                lock_text(catalog, ["plugin"])
        assert not [path for path in server.paths() if "/shop" in path]
    assert "shop is this project's own name" in str(caught.value)
    assert "plugin 1 requires shop" in str(caught.value)


def test_each_question_is_asked_once(cache_dir: str) -> None:
    with universe({"a": {"1": []}}) as server:
        with catalog_of(server, cache_dir) as catalog:
            assert catalog.listing(A) is catalog.listing(A)
            assert catalog.metadata(newest(catalog, "a")) is catalog.metadata(newest(catalog, "a"))
        assert server.paths().count("/simple/a/") == 1


def test_metadata_is_remembered_by_hash(cache_dir: str) -> None:
    """The second locking asks for pages only."""
    with universe({"a": {"1": ["b"]}}) as server:
        with catalog_of(server, cache_dir) as catalog:
            first = catalog.metadata(newest(catalog, "a"))
        server.forget()
        with catalog_of(server, cache_dir) as catalog:
            assert catalog.metadata(newest(catalog, "a")) == first
        assert server.paths() == ["/simple/a/"]


def test_a_project_that_no_index_has(cache_dir: str) -> None:
    spec = parse_spec(
        "[env]\n[[index]]\nname='corp'\nurl='http://127.0.0.1:9/simple/'\nexplicit=true",
        folder_name="x",
    )
    with universe({}) as server, catalog_of(server, cache_dir, spec) as catalog:
        with pytest.raises(PackageNotFound) as caught:
            catalog.listing(A)
        assert caught.value.indexes == ("the public index",)


def test_an_index_that_fails_is_an_error_each_time(cache_dir: str) -> None:
    with universe({"a": {"1": []}}) as server:
        server.on("/simple/a/", lambda seen: Reply(403))
        with catalog_of(server, cache_dir) as catalog:
            for _ in range(2):
                with pytest.raises(IndexFailed):
                    catalog.listing(A)


@pytest.mark.parametrize(
    ("name", "version"), [("b", "1"), ("a", "2"), ("../a", "1"), ("a", "1.0.1")]
)
def test_metadata_of_another_project_is_refused(cache_dir: str, name: str, version: str) -> None:
    """H10, H25: the file name, the page and METADATA must say the same."""
    with universe({}) as server:
        filename = publish(server, "a", "1")
        _, content = (filename, server.projects["a"][filename])
        lie = content.replace(b"Name: a\n", f"Name: {name}\n".encode()).replace(
            b"Version: 1\n", f"Version: {version}\n".encode()
        )
        server.metadata = True
        server.add("a", filename, content, Listed(metadata=_metadata_of(lie)))
        with catalog_of(server, cache_dir) as catalog, pytest.raises(MetadataInvalid):
            catalog.metadata(newest(catalog, "a"))


def _metadata_of(wheel: bytes) -> bytes:
    start = wheel.index(b"Metadata-Version")
    return wheel[start : wheel.index(b"\n\n", start) + 2] if b"\n\n" in wheel[start:] else wheel


def test_a_lie_in_the_cache_is_no_better(cache_dir: str) -> None:
    """What is remembered is checked against the file name too."""
    with universe({"a": {"1": []}}) as server:
        with catalog_of(server, cache_dir) as catalog:
            catalog.metadata(newest(catalog, "a"))
        content = server.projects["a"].pop("a-1-py3-none-any.whl")
        server.add("a", "a-2-py3-none-any.whl", content)
        with catalog_of(server, cache_dir) as catalog, pytest.raises(MetadataInvalid):
            catalog.metadata(newest(catalog, "a"))


def test_an_explicit_index_serves_what_is_sent_to_it(cache_dir: str) -> None:
    with universe({"a": {"1": []}}) as public, universe({"a": {"9": []}, "b": {"9": []}}) as corp:
        spec = parse_spec(
            f"[env]\n[[index]]\nname='corp'\nurl='{corp.url}'\nexplicit=true", folder_name="x"
        )
        with catalog_of(public, cache_dir, spec) as catalog:
            assert versions(catalog, "a") == ["1"]
            sent = catalog.listing(A, "index:corp")
            assert [str(one.version) for one in sent.candidates] == ["9"]
            with pytest.raises(PackageNotFound) as caught:
                catalog.listing(canonicalize_name("c"), "index:corp")
            assert caught.value.indexes == (corp.url,)


class TestSourceDistributions:
    ALLOWED = ResolvePolicy(build_allow=frozenset({"a"}))

    def test_static_metadata_needs_no_build(self, cache_dir: str) -> None:
        """PEP 643."""
        with universe({}) as server:
            server.add("a", *make_sdist("a", "1", requires=["b>=2"]))
            with catalog_of(server, cache_dir, policy=self.ALLOWED) as catalog:
                found = catalog.metadata(newest(catalog, "a"))
            assert found.requires_dist == (Requirement("b>=2"),)
            server.forget()
            with catalog_of(server, cache_dir, policy=self.ALLOWED) as catalog:
                assert catalog.metadata(newest(catalog, "a")) == found
            assert server.paths() == ["/simple/a/"]

    def test_else_a_build_tells(self, cache_dir: str) -> None:
        built: list[Candidate] = []

        def build(candidate: Candidate) -> CoreMetadata:
            built.append(candidate)
            return CoreMetadata(A, Version("1"), (Requirement("c"),))

        with universe({}) as server:
            server.add("a", *make_sdist("a", "1", metadata_version="2.1"))
            with catalog_of(
                server, cache_dir, policy=self.ALLOWED, build_metadata=build
            ) as catalog:
                candidate = newest(catalog, "a")
                assert catalog.metadata(candidate).requires_dist == (Requirement("c"),)
        assert built == [candidate]

    def test_a_build_of_another_project_is_refused(self, cache_dir: str) -> None:
        def build(candidate: Candidate) -> CoreMetadata:
            return CoreMetadata(canonicalize_name("b"), Version("1"))

        with universe({}) as server:
            server.add("a", *make_sdist("a", "1", metadata_version="2.1"))
            with (
                catalog_of(server, cache_dir, policy=self.ALLOWED, build_metadata=build) as catalog,
                pytest.raises(MetadataInvalid, match="its metadata is that of b 1"),
            ):
                catalog.metadata(newest(catalog, "a"))

    def test_without_leave_nothing_is_built(self, cache_dir: str) -> None:
        with universe({}) as server:
            filename, content = make_sdist("a", "1", metadata_version="2.1")
            server.add("a", filename, content)
            with catalog_of(server, cache_dir, policy=self.ALLOWED) as catalog:
                candidate = newest(catalog, "a")
                with pytest.raises(BuildNotAllowed):
                    catalog.metadata(candidate)
            with (
                catalog_of(server, cache_dir) as catalog,
                pytest.raises(MetadataInvalid, match="only a build could tell"),
            ):
                catalog.metadata(candidate)


def chain(length: int) -> IndexServer:
    return universe({f"p{at}": {"1": [f"p{at + 1}"], "0": []} for at in range(length)})


def eventually(server: IndexServer, path: str) -> bool:
    """A request for `path` comes within some seconds."""
    for _ in range(500):
        if any(seen.startswith(path) for seen in server.paths()):
            return True
        time.sleep(0.01)
    return False


def test_one_hint_runs_ahead_along_the_requirements(cache_dir: str) -> None:
    with chain(12) as server, catalog_of(server, cache_dir) as catalog:
        catalog.prefetch(canonicalize_name("p0"), SpecifierSet())
        assert eventually(server, "/files/p11/")


def test_guesses_follow_markers_extras_and_versions(cache_dir: str) -> None:
    """What the covered environments can't want is not asked for."""
    policy = ResolvePolicy(
        environments=from_requires_python(SpecifierSet(">=3.11")) & from_text("os_name == 'posix'")
    )
    packages: dict[str, dict[str, list[str]]] = {
        "root": {
            "1": [
                "old; python_version < '3.10'",
                "windows; sys_platform == 'win32'",
                "unasked; extra == 'no'",
                "b[x]<2",
                "here; sys_platform == 'darwin'",
            ]
        },
        "b": {"2": ["wrong"], "1": ["wanted; extra == 'x'", "never; extra == 'y'"]},
    }
    for name in ("old", "windows", "unasked", "here", "wrong", "wanted", "never"):
        packages[name] = {"1": []}
    with universe(packages) as server, catalog_of(server, cache_dir, policy=policy) as catalog:
        catalog.prefetch(canonicalize_name("root"), SpecifierSet())
        assert eventually(server, "/files/wanted/")
        assert eventually(server, "/files/here/")
        asked = {path for path in server.paths() if path.startswith("/simple/")}
    assert asked == {f"/simple/{name}/" for name in ("root", "b", "here", "wanted")}


def test_expected_versions_are_asked_for_ahead_but_not_too_many(cache_dir: str) -> None:
    packages = {"a": {f"{number}": () for number in range(1, 101)}}
    with universe(packages) as server, catalog_of(server, cache_dir) as catalog:
        assert isinstance(catalog, Foresight)
        candidates = catalog.listing(A).candidates
        catalog.expect(candidates)

        expected = candidates[:MAX_EXPECTED]
        assert all(eventually(server, f"/files/a/a-{one.version}-") for one in expected)
    asked = {path for path in server.paths() if path.startswith("/files/")}
    assert len(asked) == MAX_EXPECTED


def test_pins_of_the_old_lock_are_the_first_guess(cache_dir: str) -> None:
    with (
        universe({"a": {"1": [], "2": [], "3": []}}) as server,
        catalog_of(server, cache_dir, preferences={"a": (Version("2"),)}) as catalog,
    ):
        catalog.prefetch(A, SpecifierSet())
        assert eventually(server, "/files/a/a-2")
        assert not any("a-3" in path for path in server.paths())


def test_a_stable_version_is_the_first_guess_also_where_a_prerelease_is_named(
    cache_dir: str,
) -> None:
    packages: dict[str, dict[str, list[str]]] = {"a": {"1": [], "2a1": []}, "b": {"1a1": []}}
    with universe(packages) as server, catalog_of(server, cache_dir) as catalog:
        catalog.prefetch(A, SpecifierSet(">=1a1"))
        catalog.prefetch(canonicalize_name("b"), SpecifierSet())
        assert eventually(server, "/files/a/a-1-")
        assert eventually(server, "/files/b/b-1a1-")
        assert not any("a-2a1" in path for path in server.paths())


def test_the_indexes_do_not_hear_of_packages_from_elsewhere(cache_dir: str) -> None:
    """H4: a private name is not told to the public index, not even on a guess."""
    spec = parse_spec("[env]\n[sources]\nprivate = { path = '.' }", folder_name="x")
    with (
        universe({"a": {"1": ["private", "public"]}, "public": {"1": []}}) as server,
        catalog_of(server, cache_dir, spec) as catalog,
    ):
        catalog.prefetch(canonicalize_name("private"), SpecifierSet())
        catalog.prefetch(A, SpecifierSet())
        assert eventually(server, "/files/public/")
        assert "/simple/private/" not in server.paths()


def test_a_guess_that_fails_is_not_heard_of(cache_dir: str) -> None:
    with universe({"a": {"1": ["missing", "broken"]}, "broken": {"1": []}}) as server:
        server.on("/files/broken/broken-1-py3-none-any.whl", lambda seen: Reply(500))
        with catalog_of(server, cache_dir) as catalog:
            catalog.prefetch(A, SpecifierSet())
            assert eventually(server, "/files/broken/")
            assert catalog.metadata(newest(catalog, "a")).name == A
            with pytest.raises(DownloadFailed):
                catalog.metadata(newest(catalog, "broken"))


WORLD: dict[str, dict[str, list[str]]] = {
    "app": {"1": ["web>=2", "data; extra == 'all'", "win; sys_platform == 'win32'"]},
    "web": {"1": [], "2": ["core<3", "tool"], "3": ["core>=3", "tool<1"]},
    "core": {"1": [], "2": ["tool"], "3": ["tool>=2"]},
    "tool": {"0.9": [], "1": [], "2": ["deep"], "3rc1": []},
    "data": {"1": ["core==2"]},
    "win": {"1": ["deep"]},
    "deep": {"1": ["core"]},
}


class Silent:
    """A catalog without guesses."""

    def __init__(self, inner: Catalog) -> None:
        self.listing, self.metadata = inner.listing, inner.metadata

    def prefetch(self, name: object, specifier: object) -> None:
        pass


def lock_text(catalog: Catalog, roots: Sequence[str]) -> str:
    environments = from_requires_python(SpecifierSet(">=3.11"))
    wanted = [RootRequirement(Requirement(root), ALWAYS, "env.dependencies") for root in roots]
    found = resolve(
        wanted,
        environments=environments,
        policy=ResolvePolicy(environments=environments),
        preferences={},
        catalog=catalog,
    )
    spec = Spec("x", requires_python=SpecifierSet(">=3.11"), lock=LockPolicy())
    return render(to_pylock(found, spec))


def delays() -> Iterator[float]:
    return itertools.cycle([0.0, 0.02, 0.005, 0.03, 0.01])


def test_what_arrives_first_never_changes_the_result(tmp_path: Path) -> None:
    """With guesses and without, warm and cold, fast and slow: the same bytes (H29)."""
    texts = set()
    with universe(WORLD) as server:
        with catalog_of(server, str(tmp_path / "plain")) as catalog:
            texts.add(lock_text(Silent(catalog), ["app[all]", "deep"]))
        for attempt in range(6):
            slow = itertools.islice(delays(), attempt, None)
            if attempt:
                server.on("*", lambda seen, slow=slow: time.sleep(next(slow)))  # type: ignore[misc]
            cache_dir = str(tmp_path / f"cache{attempt % 4}")
            with catalog_of(server, cache_dir) as catalog:
                texts.add(lock_text(catalog, ["app[all]", "deep"]))
    (text,) = texts
    assert [line for line in text.splitlines() if line.startswith("version")] == [
        'version = "1"',
        'version = "2"',
        'version = "1"',
        'version = "1"',
        'version = "2"',
        'version = "2"',
        'version = "1"',
    ]
