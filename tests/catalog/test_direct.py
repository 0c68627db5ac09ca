"""Direct sources: files and folders of the project, and URLs."""

from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from envsync.catalog.index_catalog import IndexCatalog
from envsync.catalog.places import source_key
from envsync.errors import (
    BuildNotAllowed,
    DownloadFailed,
    EnvsyncError,
    HashMismatch,
    MetadataInvalid,
)
from envsync.model.candidate import Candidate, CoreMetadata, DirectSource
from envsync.platform.files import sha256_file
from envsync.resolve.candidates import ResolvePolicy
from envsync.spec.model import IndexSpec, SourceSpec, Spec
from tests.catalog.shelf import catalog_of
from tests.support.index_server import IndexServer, Reply
from tests.support.wheels import make_sdist, make_wheel

SHOP = canonicalize_name("shop")
PYPROJECT = """\
[project]
name = "shop"
version = "2.0"
requires-python = ">=3.11"
dependencies = ["flask>=3"]
[project.optional-dependencies]
Fast = ["orjson; os_name == 'posix'"]
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


class Case:
    """One project folder, one server, one cache."""

    def __init__(self, root: Path, server: IndexServer, policy: ResolvePolicy) -> None:
        self.root, self.server, self.policy = root, server, policy
        self.built: list[Candidate] = []

    def build(self, candidate: Candidate) -> CoreMetadata:
        self.built.append(candidate)
        return CoreMetadata(SHOP, Version("7"), (Requirement("built"),))

    def ask(self, source: SourceSpec, *, url: str | None = None) -> tuple[Candidate, CoreMetadata]:
        spec = Spec("x", sources={SHOP: (source,)})
        with catalog_of(
            self.server,
            str(self.root.parent / "cache"),
            spec,
            self.policy,
            root=str(self.root),
            build_metadata=self.build,
        ) as catalog:
            return one(catalog, url or source_key(source))


def one(catalog: IndexCatalog, key: str) -> tuple[Candidate, CoreMetadata]:
    (candidate,) = catalog.listing(SHOP, key).candidates
    return candidate, catalog.metadata(candidate)


@pytest.fixture
def case(root: Path) -> "Case":
    return Case(root, IndexServer(), ResolvePolicy())


def test_a_folder_with_static_metadata_is_not_built(case: Case, root: Path) -> None:
    (root / "pyproject.toml").write_text(PYPROJECT)
    with case.server:
        candidate, metadata = case.ask(SourceSpec("path", ".", editable=True))
    assert candidate.source == DirectSource("directory", path=".", editable=True)
    assert (candidate.version, candidate.requires_python) == (
        Version("2.0"),
        SpecifierSet(">=3.11"),
    )
    assert metadata.requires_dist == (
        Requirement("flask>=3"),
        Requirement("orjson; (os_name == 'posix') and extra == 'fast'"),
    )
    assert metadata.provides_extra == {"fast"}
    assert case.built == []


@pytest.mark.parametrize(
    "text",
    [
        None,
        "[build-system]\nrequires = []",
        '[project]\nname = "shop"\ndynamic = ["version"]',
        '[project]\nname = "shop"\nversion = "1"\ndynamic = ["dependencies"]',
        '[project]\nname = "shop"\nversion = "1"\ndynamic = ["optional-dependencies"]',
    ],
)
def test_a_folder_that_does_not_say_all_is_built(case: Case, root: Path, text: str | None) -> None:
    """Local sources always may be built (design)."""
    (root / "lib").mkdir()
    if text is not None:
        (root / "lib" / "pyproject.toml").write_text(text)
    with case.server:
        candidate, metadata = case.ask(SourceSpec("path", "lib"))
    assert (candidate.version, metadata.requires_dist) == (Version("7"), (Requirement("built"),))
    assert [one.source for one in case.built] == [DirectSource("directory", path="lib")]


def test_dynamic_readme_is_no_reason_for_a_build(case: Case, root: Path) -> None:
    (root / "sub").mkdir()
    (root / "sub" / "pyproject.toml").write_text(
        '[project]\nname = "Shop"\nversion = "1"\ndynamic = ["readme"]'
    )
    with case.server:
        candidate, _ = case.ask(SourceSpec("path", ".", subdirectory="sub"))
    assert candidate.version == Version("1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[project", "is not valid TOML"),
        ('[project]\nname = "other"\nversion = "1"', "is the project other, not shop"),
        ('[project]\nname = "shop"\nversion = "x y"', r"\[project\]: Invalid version"),
        ('[project]\nname = "shop"\nversion = "1"\ndependencies = ["!"]', r"\[project\]: "),
        ('[project]\nname = "shop"\nversion = "1"\ndependencies = "a"', "breaks its specification"),
        ('[project]\nname = "shop"\nversion = 1', "breaks its specification"),
        ('[project]\nname = "shop"\nversion = "1"\noptional-dependencies = []', "breaks its"),
        (f"x = {'[' * 3000}", "is not valid TOML"),
    ],
)
def test_mistakes_in_a_folder(case: Case, root: Path, text: str, message: str) -> None:
    (root / "pyproject.toml").write_text(text)
    with case.server, pytest.raises(MetadataInvalid, match=message):
        case.ask(SourceSpec("path", "."))


def test_what_is_not_there_or_nothing_to_install(case: Case, root: Path) -> None:
    (root / "notes.txt").write_text("x")
    with case.server:
        with pytest.raises(MetadataInvalid, match="there is no such file or folder"):
            case.ask(SourceSpec("path", "lib"))
        with pytest.raises(MetadataInvalid, match="neither a wheel nor a source archive"):
            case.ask(SourceSpec("path", "notes.txt"))


def test_a_wheel_of_the_project(case: Case, root: Path) -> None:
    filename, content = make_wheel("shop", "1.5", requires=["flask"])
    (root / filename).write_bytes(content)
    with case.server:
        candidate, metadata = case.ask(SourceSpec("path", filename))
    assert metadata.requires_dist == (Requirement("flask"),)
    assert candidate.source == DirectSource(
        "wheel",
        path=filename,
        hashes={"sha256": sha256_file(str(root / filename))},
        size=len(content),
    )


def test_a_broken_wheel_of_the_project(case: Case, root: Path) -> None:
    filename, content = make_wheel("shop", "1.5")
    with case.server:
        for broken in (b"", content[:-5]):
            (root / filename).write_bytes(broken)
            with pytest.raises(EnvsyncError, match=filename):
                case.ask(SourceSpec("path", filename))


def test_a_source_archive_of_the_project(case: Case, root: Path) -> None:
    filename, content = make_sdist("shop", "1.5", requires=["flask"])
    (root / filename).write_bytes(content)
    with case.server:
        candidate, metadata = case.ask(SourceSpec("path", filename))
    assert (candidate.version, metadata.requires_dist) == (
        Version("1.5"),
        (Requirement("flask"),),
    )
    assert candidate.source is not None
    assert candidate.source.kind == "archive"


def test_a_wheel_at_a_url_is_fetched_once(case: Case) -> None:
    filename, content = make_wheel("shop", "1.5", requires=["flask"])
    case.server.add("shop", filename, content)
    with case.server as server:
        url = server.file_url("shop", filename)
        first = case.ask(SourceSpec("url", url))
        assert first == case.ask(SourceSpec("url", url))
        assert server.paths() == [f"/files/shop/{filename}"]
        assert first == case.ask(SourceSpec("url", url), url=url)
    candidate, metadata = first
    assert metadata.requires_dist == (Requirement("flask"),)
    assert candidate.source is not None
    assert (candidate.source.kind, candidate.source.url, candidate.source.size) == (
        "wheel",
        url,
        len(content),
    )
    assert not list((case.root.parent / "cache" / "partial-v1").iterdir())


def test_known_bytes_under_another_name_are_refused_as_unknown_ones_are(
    case: Case, root: Path
) -> None:
    filename, content = make_wheel("shop", "1.5")
    for name in (filename, "shop-2.0-py3-none-any.whl"):
        (root / name).write_bytes(content)
    with case.server:
        with pytest.raises(EnvsyncError, match=r"shop-1\.5\.dist-info"):
            case.ask(SourceSpec("path", "shop-2.0-py3-none-any.whl"))
        candidate, _ = case.ask(SourceSpec("path", filename))
        assert candidate.version == Version("1.5")
        with pytest.raises(MetadataInvalid, match=r"that of shop 1\.5"):
            case.ask(SourceSpec("path", "shop-2.0-py3-none-any.whl"))


def test_what_others_saw_at_a_url_is_not_what_everybody_gets(case: Case, root: Path) -> None:
    filename, mine = make_wheel("shop", "1.5", requires=["mine"])
    theirs = make_wheel("shop", "1.5", requires=["theirs"])[1]
    path = f"/files/shop/{filename}"
    case.server.on(
        path, lambda seen: Reply(body=mine if "authorization" in seen.headers else theirs)
    )
    with case.server as server:
        source = SourceSpec("url", server.file_url("shop", filename))
        spec = Spec("x", sources={SHOP: (source,)})
        cache = str(root.parent / "cache")
        found = []
        for user in ("", "ann:secret@"):
            address = server.root.replace("//", f"//{user}")
            indexed = spec._replace(indexes=(IndexSpec("own", address),))
            with catalog_of(server, cache, indexed, root=str(root)) as catalog:
                found.append(one(catalog, source_key(source))[1].requires_dist)

    assert found == [(Requirement("theirs"),), (Requirement("mine"),)]


def test_the_hash_in_a_url_counts(case: Case) -> None:
    filename, content = make_wheel("shop", "1.5")
    case.server.add("shop", filename, content)
    with case.server as server:
        url = server.file_url("shop", filename)
        with pytest.raises(HashMismatch):
            case.ask(SourceSpec("url", f"{url}#sha256={'0' * 64}"))
        with pytest.raises(DownloadFailed):
            case.ask(SourceSpec("url", f"{url[:-4]}2.whl"))


def test_an_archive_at_a_url_needs_leave(root: Path) -> None:
    filename, content = make_sdist("shop", "1.5", requires=["flask"])
    with IndexServer({"shop": {filename: content}}) as server:
        source = SourceSpec("url", server.file_url("shop", filename))
        with pytest.raises(BuildNotAllowed):
            Case(root, server, ResolvePolicy()).ask(source)
        allowed = Case(root, server, ResolvePolicy(build_allow=frozenset({"shop"})))
        candidate, metadata = allowed.ask(source)
    assert (candidate.version, metadata.requires_dist, allowed.built) == (
        Version("1.5"),
        (Requirement("flask"),),
        [],
    )


def test_an_address_that_cannot_be_used(case: Case) -> None:
    with case.server, pytest.raises(MetadataInvalid):
        case.ask(SourceSpec("path", "."), url="file:///etc/passwd")
