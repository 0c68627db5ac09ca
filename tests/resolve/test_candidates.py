"""Files of an index page become candidates, and every refusal has its reason."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from envsync.model.candidate import File
from envsync.model.marker import from_text
from envsync.resolve.candidates import Listing, ResolvePolicy
from envsync.resolve.page_judge import candidates_of
from envsync.resolve.rejections import (
    NeedsPython,
    NotAVersion,
    NoUploadTime,
    NoUsableFile,
    Rejected,
    StrangeName,
)

LINUX = from_text("sys_platform == 'linux' and python_version >= '3.10'")
POLICY = ResolvePolicy(environments=LINUX)


def file(
    filename: str,
    *,
    yanked: str | None = None,
    requires_python: str | None = None,
    upload_time: str | None = None,
) -> File:
    return File(
        filename=filename,
        url=f"https://files.example/{filename}",
        hashes={},
        yanked=yanked,
        requires_python=requires_python,
        upload_time=upload_time,
    )


def listed(*files: File, name: str = "some-pkg", policy: ResolvePolicy = POLICY) -> Listing:
    return candidates_of(canonicalize_name(name), files, "https://index.example/simple/", policy)


def reasons(listing: Listing) -> list[str]:
    return [str(rejected.reason) for rejected in listing.rejected]


def test_files_are_grouped_by_version_newest_first() -> None:
    listing = listed(
        file("some_pkg-1.9-py3-none-any.whl"),
        file("some_pkg-1.10-py3-none-any.whl"),
        file("some_pkg-1.10.tar.gz"),
        file("some_pkg-1.10-cp312-cp312-manylinux_2_17_x86_64.whl"),
    )
    assert [Version("1.10"), Version("1.9")] == [one.version for one in listing.candidates]
    newest = listing.candidates[0]
    assert [wheel.filename for wheel in newest.wheels] == [
        "some_pkg-1.10-py3-none-any.whl",
        "some_pkg-1.10-cp312-cp312-manylinux_2_17_x86_64.whl",
    ]
    assert newest.sdist is not None
    assert "https://index.example/simple/" == newest.index_url == listing.index_url


def test_versions_that_are_equal_are_one() -> None:
    listing = listed(file("some_pkg-1.0.0-py3-none-any.whl"), file("some-pkg-1.0.tar.gz"))
    assert [Version("1.0")] == [one.version for one in listing.candidates]
    assert listing.candidates[0].sdist is not None


@pytest.mark.parametrize(
    ("name", "filename", "version"),
    [
        ("some-pkg", "some-pkg-1.0.tar.gz", "1.0"),
        ("some-pkg", "Some.Pkg-1.0.zip", "1.0"),
        ("some-pkg", "some--pkg-1.0.tar.gz", "1.0"),
        ("some-pkg", "some_pkg-1.0-2-py3-none-any.whl", "1.0"),
        ("some-pkg", "some-pkg-1.0-beta.tar.gz", "1.0b0"),
        ("foo-2", "foo-2-2.tar.gz", "2"),
    ],
)
def test_names_as_they_occur(name: str, filename: str, version: str) -> None:
    policy = POLICY._replace(build_allow=frozenset({":all:"}))
    listing = listed(file(filename), name=name, policy=policy)
    assert [Version(version)] == [one.version for one in listing.candidates]


@pytest.mark.parametrize(
    "filename",
    [
        "other-1.0.tar.gz",
        "some_pkg-1.0.exe",
        "some_pkg-1.0.egg",
        "some_pkg-1.0-py3-any.whl",
        "some_pkg-py3-none-any.whl",
        "some_pkg-1.0-1-2-py3-none-any.whl",
        "../../some_pkg-1.0.tar.gz",
        "some_pkg.tar.gz",
        ".whl",
        "-",
        "",
        "some_pkg-1.0" + "0" * 300 + ".tar.gz",
        "sоme_pkg-1.0.tar.gz",  # noqa: RUF001 (a Cyrillic letter)
    ],
)
def test_what_is_no_file_of_the_project_is_refused(filename: str) -> None:
    listing = listed(file(filename))
    assert listing.candidates == ()
    assert reasons(listing) == ["not the name of a wheel or source distribution of this project"]


def test_what_is_no_version_is_refused() -> None:
    listing = listed(file("some_pkg-1.0_final-py3-none-any.whl"), file("some_pkg-x.y.tar.gz"))
    assert reasons(listing) == ["not a version (PEP 440)", "not a version (PEP 440)"]


def test_a_yanked_file_beside_others_does_not_count() -> None:
    listing = listed(
        file("some_pkg-1.0-py3-none-any.whl", yanked="bad"),
        file("some_pkg-1.0-cp310-abi3-linux_x86_64.whl"),
        file("some_pkg-2.0-py3-none-any.whl", yanked=""),
    )
    assert [(str(one.version), one.yanked) for one in listing.candidates] == [
        ("2.0", ""),
        ("1.0", None),
    ]
    assert len(listing.candidates[1].wheels) == 1


def test_wheels_for_other_places_are_left_out() -> None:
    listing = listed(
        file("some_pkg-1.0-cp310-cp310-manylinux_2_17_x86_64.whl"),
        file("some_pkg-1.0-cp310-cp310-win_amd64.whl"),
        file("some_pkg-1.0-cp39-cp39-manylinux_2_17_x86_64.whl"),
        file("some_pkg-0.9-cp310-cp310-macosx_11_0_arm64.whl"),
    )
    assert [wheel.filename for one in listing.candidates for wheel in one.wheels] == [
        "some_pkg-1.0-cp310-cp310-manylinux_2_17_x86_64.whl"
    ]
    assert reasons(listing) == [
        "no wheel fits the environments, and there is no source distribution"
    ]


def test_a_version_for_newer_pythons_only_is_refused() -> None:
    policy = ResolvePolicy(environments=from_text("python_version < '3.11'"))
    new = file("some_pkg-2.0-py3-none-any.whl", requires_python=">=3.11")
    old = file("some_pkg-1.0-py3-none-any.whl", requires_python=">=3.8,<3.9")
    listing = listed(new, old, policy=policy)
    assert (Rejected(new.filename, "2.0", NeedsPython(">=3.11")),) == listing.rejected
    assert [SpecifierSet(">=3.8,<3.9")] == [one.requires_python for one in listing.candidates]


def test_a_requires_python_that_cannot_be_read_bounds_nothing() -> None:
    listing = listed(file("some_pkg-1.0-py3-none-any.whl", requires_python=">=3.x, really"))
    assert [one.requires_python for one in listing.candidates] == [None]


def test_a_source_needs_leave() -> None:
    source = file("some_pkg-1.0.tar.gz")
    refused = listed(source)
    assert refused.candidates == ()
    assert [Version("1.0")] == list(refused.held_back)
    allowed = listed(source, policy=POLICY._replace(build_allow=frozenset({"some-pkg"})))
    assert [source] == [one.sdist for one in allowed.candidates]


def test_no_binary_drops_the_wheels() -> None:
    policy = POLICY._replace(no_binary=frozenset({"some-pkg"}))
    wheel, source = file("some_pkg-1.0-py3-none-any.whl"), file("some_pkg-1.0.tar.gz")
    assert reasons(listed(wheel, source, policy=policy)) == [
        "no wheel may be used, and building the source distribution is not allowed"
    ]
    may_build = policy._replace(build_allow=frozenset({":all:"}))
    assert [one.wheels for one in listed(wheel, source, policy=may_build).candidates] == [()]


@pytest.mark.parametrize(
    ("upload_time", "reason"),
    [
        ("2024-05-31T23:59:59Z", None),
        ("2024-05-31T23:59:59.999999Z", None),
        ("2024-06-01T00:00:00Z", "not uploaded before exclude-newer, 2024-06-01T00:00:00Z"),
        ("2024-06-01T00:00:00.000001Z", "not uploaded before exclude-newer"),
        ("2024-06-01T01:00:00+02:00", None),
        ("2024-05-31 23:00:00", None),
        ("yesterday", "not uploaded before exclude-newer"),
        ("", "the index gives no upload time, which exclude-newer needs"),
    ],
)
def test_exclude_newer(upload_time: str, reason: str | None) -> None:
    policy = POLICY._replace(exclude_newer=datetime(2024, 6, 1, tzinfo=UTC))
    listing = listed(file("some_pkg-1.0-py3-none-any.whl", upload_time=upload_time), policy=policy)
    if reason is None:
        assert len(listing.candidates) == 1
    else:
        assert listing.candidates == ()
        assert reasons(listing)[0].startswith(reason)


def test_a_huge_page_is_judged_by_each_tag_set_once() -> None:
    tags = [f"cp3{minor}-cp3{minor}-manylinux_2_17_x86_64" for minor in range(6, 14)]
    files = [file(f"some_pkg-{version}.0-{tag}.whl") for version in range(1_000) for tag in tags]
    listing = listed(*files)
    assert len(listing.candidates) == 1_000
    assert {4} == {len(one.wheels) for one in listing.candidates}


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (
            NoUsableFile(has_wheels=True, has_source=True, pythons=("3.8", "3.9", "3.11")),
            (
                "its wheels are for Python 3.8 to 3.11, and building the source distribution "
                "is not allowed"
            ),
        ),
        (
            NoUsableFile(has_wheels=True, has_source=False, pythons=("3.8",)),
            "its wheels are for Python 3.8, and there is no source distribution",
        ),
        (
            NoUsableFile(has_wheels=True, has_source=False),
            "no wheel fits the environments, and there is no source distribution",
        ),
        (
            NoUsableFile(has_wheels=True, has_source=True),
            "no wheel may be used, and building the source distribution is not allowed",
        ),
        (
            NoUsableFile(has_wheels=False, has_source=True),
            "there is no wheel, and building the source distribution is not allowed",
        ),
    ],
)
def test_a_version_without_usable_files_says_what_there_is(
    reason: NoUsableFile, words: str
) -> None:
    assert words == str(reason)


def test_kinds_without_data_differ() -> None:
    """Reasons are grouped by what they are: two of a kind are one, and no two kinds are."""
    assert len({StrangeName(), StrangeName(), NotAVersion(), NoUploadTime()}) == 3


def test_of_several_sources_the_tar_comes_first() -> None:
    may_build = POLICY._replace(build_allow=frozenset({"some-pkg"}))
    names = ("some_pkg-1.0.zip", "some_pkg-1.0.tar.gz", "some-pkg-1.0.tar.gz")
    for order in (names, names[::-1]):
        (one,) = listed(*map(file, order), policy=may_build).candidates
        assert one.sdist is not None
        assert one.sdist.filename == "some-pkg-1.0.tar.gz"


def test_a_version_of_which_every_file_is_yanked_is_yanked() -> None:
    (one,) = listed(
        file("some_pkg-1.0-py3-none-any.whl", yanked="first"),
        file("some_pkg-1.0-cp310-abi3-linux_x86_64.whl", yanked="second"),
    ).candidates
    assert one.yanked == "first"
    assert len(one.wheels) == 2


def test_files_for_other_pythons_do_not_speak_for_a_version() -> None:
    new = file("some_pkg-1.0-cp312-cp312-linux_x86_64.whl", requires_python=">=3.12")
    old = file("some_pkg-1.0-py3-none-any.whl", requires_python="<3")
    (one,) = listed(old, new).candidates
    assert one.requires_python == SpecifierSet(">=3.12")
    assert [wheel.filename for wheel in one.wheels] == [new.filename]


def test_a_refusal_names_no_more_of_a_file_or_version_than_can_be_read() -> None:
    listing = listed(file(f"some_pkg-{'x' * 60}.tar.gz"), file("x" * 1_000))
    assert {one.version for one in listing.rejected} == {"x" * 40, ""}
    assert max(len(one.filename) for one in listing.rejected) < 1_000


def test_exclude_newer_counts_file_by_file_in_any_zone() -> None:
    midnight = datetime(2024, 6, 1, 2, tzinfo=timezone(timedelta(hours=2)))  # midnight UTC
    (one,) = listed(
        file("some_pkg-1.0-py3-none-any.whl", upload_time="2024-05-31T23:59:59Z"),
        file("some_pkg-1.0-cp310-abi3-linux_x86_64.whl", upload_time="2024-06-01T00:00:00Z"),
        policy=POLICY._replace(exclude_newer=midnight),
    ).candidates
    assert [wheel.filename for wheel in one.wheels] == ["some_pkg-1.0-py3-none-any.whl"]
