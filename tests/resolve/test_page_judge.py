"""A page is judged by what is known of its versions at a glance, with what its files would say."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from envsync.index.by_version import sort_by_version
from envsync.index.packed import Releases, pack_page, unpack_page
from envsync.index.releases import Release
from envsync.model.candidate import File, Files
from envsync.model.marker import from_text
from envsync.model.version_text import parse_version
from envsync.resolve.candidates import ALL, Listing, ResolvePolicy
from envsync.resolve.compatibility import WheelJudge
from envsync.resolve.offers import Offers
from envsync.resolve.page_judge import candidates_of
from envsync.resolve.rejections import NoUploadTime, TooNew
from envsync.resolve.resolver_index import PackageVersions
from envsync.resolve.versions import parse_specifiers

SHOP = canonicalize_name("shop")
COVERED = from_text("sys_platform == 'linux' and python_version >= '3.10'")
LIMIT = datetime(2024, 6, 1, tzinfo=UTC)
EARLY, LATE = "2024-05-01T00:00:00Z", "2024-07-01T00:00:00Z"

_FILES = st.builds(
    lambda version, end, yanked, python, time: File(
        f"shop-{version}{end}",
        f"https://files.example/shop-{version}{end}",
        {},
        yanked=yanked,
        requires_python=python,
        upload_time=time,
    ),
    st.sampled_from(["1.0", "1.0.0", "2.0rc1", "2.0", "3", "latest"]),
    st.sampled_from(
        [
            ".tar.gz",
            ".zip",
            "-py3-none-any.whl",
            "-cp312-cp312-win32.whl",
            "-cp312-cp312-manylinux_2_17_x86_64.whl",
            "-cp38-cp38-manylinux_2_17_x86_64.whl",
            ".egg",
        ]
    ),
    st.sampled_from([None, None, "broken"]),
    st.sampled_from([None, ">=3.8", ">=3.11", ">=2.7,<3", "nonsense"]),
    st.sampled_from([EARLY, EARLY, LATE, None]),
)
_PAGES = st.lists(_FILES, max_size=10, unique_by=lambda file: file.filename)
_POLICIES = st.builds(
    lambda newest, binary, build: ResolvePolicy(
        environments=COVERED, exclude_newer=newest, no_binary=binary, build_allow=build
    ),
    st.sampled_from([None, LIMIT]),
    st.sampled_from([frozenset(), frozenset({ALL})]),
    st.sampled_from([frozenset(), frozenset({"shop"})]),
)

Told = tuple[str, list[str], str | None, str | None, str | None]
"""Of a candidate: version, names of the wheels, of the source, requires-python, yanked."""


def said(requires_python: str | None) -> str | None:
    specifiers = parse_specifiers(requires_python)
    return None if specifiers is None else str(specifiers)


def is_old(file: File, policy: ResolvePolicy) -> bool:
    return policy.exclude_newer is None or (file.upload_time or LATE) < LIMIT.isoformat()


def told(files: Sequence[File], policy: ResolvePolicy) -> list[Told]:
    """What can be used, newest first: the slow way, file by file."""
    judge = WheelJudge.of(policy.environments)
    by_text: dict[str, list[File]] = {}
    texts = sort_by_version(SHOP, [file.filename for file in files]).texts
    for file, text in zip(files, texts, strict=True):
        if text is not None:
            by_text.setdefault(text, []).append(file)
    by_version: dict[Version, list[File]] = {}
    written: dict[Version, str] = {}
    for text, those in by_text.items():
        version = parse_version(text)
        old = [file for file in those if is_old(file, policy)]
        if version is not None and old:
            by_version.setdefault(version, []).extend(old)
            written.setdefault(version, text)
    candidates = []
    for version in sorted(by_version, reverse=True):
        all_files = by_version[version]
        counting = [file for file in all_files if file.yanked is None] or all_files
        fitting = [file for file in counting if judge.python_fits(file.requires_python)]
        wheels = [
            file.filename
            for file in fitting
            if file.filename.endswith(".whl") and judge.wheel_fits(file.filename)
        ]
        sources = [file.filename for file in fitting if not file.filename.endswith(".whl")]
        wheels = [] if policy.no_binary else wheels
        if wheels or (sources and policy.build_allow):
            sdist = min(
                sources, key=lambda name: (not name.endswith(".tar.gz"), name), default=None
            )
            first = fitting[0]
            candidates.append(
                (written[version], wheels, sdist, said(first.requires_python), first.yanked)
            )
    return candidates


def listed(files: Sequence[File], policy: ResolvePolicy) -> Listing:
    return candidates_of(SHOP, files, "https://index.example/simple/", policy)


@settings(max_examples=100, deadline=None)
@given(_PAGES, _POLICIES)
def test_a_page_offers_what_its_files_allow(files: list[File], policy: ResolvePolicy) -> None:
    listing = listed(files, policy)

    assert told(files, policy) == [
        (
            str(one.version),
            [wheel.filename for wheel in one.wheels],
            None if one.sdist is None else one.sdist.filename,
            None if one.requires_python is None else str(one.requires_python),
            one.yanked,
        )
        for one in listing.candidates
    ]


@settings(max_examples=100, deadline=None)
@given(_PAGES, _POLICIES)
def test_claims_say_what_candidates_have(files: list[File], policy: ResolvePolicy) -> None:
    listing = listed(files, policy)
    known = Offers.of(tuple(listing.candidates))
    offers = Offers.of(listing.candidates)

    assert list(known.versions()) == list(offers.versions())
    assert list(map(str, known.versions())) == list(map(str, offers.versions()))
    assert known.prereleases() == offers.prereleases()
    assert tuple(known.stable()) == tuple(offers.stable())
    first, second = PackageVersions(listing), PackageVersions(listing._replace(candidates=known))
    assert (first.yanked, first.table.all) == (second.yanked, second.table.all)
    assert first.table.prereleases == second.table.prereleases
    assert dict(first.said) == dict(second.said)


@settings(max_examples=100, deadline=None)
@given(_PAGES, _POLICIES)
def test_each_version_is_offered_or_rejected(files: list[File], policy: ResolvePolicy) -> None:
    listing = listed(files, policy)
    texts = sort_by_version(SHOP, [file.filename for file in files]).texts
    versions = {version for text in texts if (version := parse_version(text or "none")) is not None}

    offered = {one.version for one in listing.candidates}
    rejected = {
        version: one.reason
        for one in listing.rejected
        if (version := parse_version(one.version)) is not None
    }
    assert versions == offered | rejected.keys()
    # Of one that is offered there may be newer files.
    newer = {rejected[version] for version in offered & rejected.keys()}
    assert all(isinstance(reason, TooNew | NoUploadTime) for reason in newer)
    assert set(listing.held_back) <= rejected.keys()
    may_build = listed(files, policy._replace(build_allow=frozenset({"shop"})))
    assert set(listing.held_back) == {one.version for one in may_build.candidates} - offered


def page(count: int, upload_time: str = EARLY) -> Releases:
    names = [f"shop-{version}-py3-none-any.whl" for version in range(count)]
    files = [
        File(name, f"https://files.example/{name}", {}, upload_time=upload_time) for name in names
    ]
    return unpack_page(pack_page(SHOP, Files.of(files)))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The versions whose files were read."""
    places: list[int] = []
    original = Releases.read

    def noting(self: Releases, at: int) -> Release:
        places.append(at)
        return original(self, at)

    monkeypatch.setattr(Releases, "read", noting)
    return places


def test_only_the_files_of_a_version_that_is_looked_at_are_read(read: list[int]) -> None:
    listing = candidates_of(SHOP, page(1_000), None, ResolvePolicy(environments=COVERED))
    versions = PackageVersions(listing)

    assert versions.table.accepted(SpecifierSet("<900")) == (1 << 900) - 1
    assert (versions.yanked, list(listing.held_back), list(listing.rejected)) == (0, [], [])
    assert read == []

    assert str(versions.candidates[899].version) == "899"
    assert listing.candidates[100] is versions.candidates[899]
    assert read == [899]


def test_exclude_newer_reads_the_files_of_all_versions(read: list[int]) -> None:
    policy = ResolvePolicy(environments=COVERED, exclude_newer=LIMIT)

    listing = candidates_of(SHOP, page(10, LATE), None, policy)

    assert list(range(10)) == read
    assert listing.candidates == ()
    assert [str(one.reason) for one in listing.rejected[:1]] == [
        "not uploaded before exclude-newer, 2024-06-01T00:00:00Z"
    ]


def test_wheels_of_a_version_are_judged_up_to_the_first_that_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    fits = WheelJudge.tags_fit

    def counting(self: WheelJudge, tags: str) -> bool:
        asked.append(tags)
        return fits(self, tags)

    monkeypatch.setattr(WheelJudge, "tags_fit", counting)
    platforms = ["win32", "manylinux_2_17_x86_64", *(f"musllinux_1_{n}_x86_64" for n in range(9))]
    names = [f"shop-{version}-cp312-cp312-{one}.whl" for version in "12" for one in platforms]
    files = [File(name, f"https://files.example/{name}", {}) for name in names]
    listing = candidates_of(SHOP, files, None, ResolvePolicy(environments=COVERED))
    assert len(listing.candidates) == 2
    assert asked == [f"cp312-cp312-{one}.whl" for one in platforms[:2]]
