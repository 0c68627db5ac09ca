"""Which packages of a lock have no wheel where they are needed."""

from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.lock.coverage import Gap, gaps, table
from envsync.model.candidate import Candidate, File
from envsync.model.marker import ALWAYS, MarkerSet, extra, from_text
from envsync.model.resolution import Resolution, ResolvedPackage

SINCE_310 = from_text("python_version >= '3.10'")
ALL_PLATFORMS = (
    "manylinux_2_28_x86_64",
    "manylinux_2_28_aarch64",
    "macosx_11_0_universal2",
    "win_amd64",
)


def package(
    name: str, version: str, *tags: str, marker: MarkerSet = ALWAYS, sdist: bool = False
) -> ResolvedPackage:
    """A package with a wheel for each tag set."""

    def file(filename: str) -> File:
        return File(filename, f"https://files.example/{filename}", hashes={})

    stem = f"{name.replace('-', '_')}-{version}"
    candidate = Candidate(
        name=NormalizedName(name),
        version=Version(version),
        wheels=tuple(file(f"{stem}-{tag}.whl") for tag in tags),
        sdist=file(f"{stem}.tar.gz") if sdist else None,
    )
    return ResolvedPackage(candidate.name, candidate.version, marker & SINCE_310, candidate, ())


def resolved(*packages: ResolvedPackage, environments: MarkerSet = SINCE_310) -> Resolution:
    return Resolution(packages, environments, notices=(), rounds=0)


def gaps_of(*packages: ResolvedPackage, environments: MarkerSet = SINCE_310) -> tuple[Gap, ...]:
    return gaps(resolved(*packages, environments=environments), lambda _: False)


def everywhere(*pythons: str) -> list[str]:
    return [f"{tag}-{tag}-{platform}" for tag in pythons for platform in ALL_PLATFORMS]


def test_a_wheel_for_all_leaves_no_gap() -> None:
    assert gaps_of(package("a", "1.0", "py3-none-any")) == ()


def test_wheels_for_every_platform_leave_no_gap() -> None:
    tags = everywhere("cp310", "cp311", "cp312")
    assert gaps_of(package("a", "1.0", *tags)) == ()


def test_a_platform_without_a_wheel() -> None:
    (gap,) = gaps_of(package("a", "1.0", "py3-none-manylinux_2_17_x86_64", "py3-none-win_amd64"))
    assert (gap.name, gap.version) == ("a", "1.0")
    assert gap.platforms == {
        "linux x86_64": "wheel",
        "linux aarch64": "none",
        "macos x86_64": "none",
        "macos arm64": "none",
        "windows amd64": "wheel",
    }


def test_a_source_that_may_not_be_built_is_said_to_be_one() -> None:
    one = package("a", "1.0", "py3-none-win_amd64", sdist=True)
    (gap,) = gaps_of(one)
    assert gap.platforms["linux x86_64"] == "source"
    assert gaps(resolved(one), lambda name: name == "a") == ()


def test_where_it_is_not_needed_nothing_is_missing() -> None:
    windows = from_text("sys_platform == 'win32'")
    assert gaps_of(package("a", "1.0", "py3-none-win_amd64", marker=windows)) == ()
    (gap,) = gaps_of(
        package("a", "1.0", "py3-none-any", marker=from_text("python_version >= '3.10'")),
        package("b", "1.0", "py3-none-manylinux_2_17_x86_64", marker=windows),
    )
    assert gap.name == "b"
    assert gap.platforms["linux x86_64"] == ""
    assert gap.platforms["windows amd64"] == "none"


def test_pythons_without_a_wheel_up_to_the_newest_that_any_has() -> None:
    (gap,) = gaps_of(
        package("a", "1.0", *everywhere("cp311", "cp313")),
        package("b", "1.0", *everywhere("cp310", "cp311", "cp312", "cp313", "cp314")),
    )
    assert gap.name == "a"
    assert gap.platforms["linux x86_64"] == "none on 3.10, 3.12, 3.14"


def test_an_extra_counts_like_the_rest() -> None:
    marker = extra("x")
    (gap,) = gaps_of(package("a", "1.0", "py3-none-win_amd64", marker=marker))
    assert gap.platforms["macos arm64"] == "none"


def test_the_table_has_only_platforms_that_are_covered() -> None:
    linux = from_text("sys_platform == 'linux'") & SINCE_310
    found = gaps_of(
        package("a", "1.0", "cp310-abi3-manylinux_2_28_x86_64"),
        package("long-name", "10.0.1", "cp312-abi3-manylinux_2_28_x86_64"),
        environments=linux,
    )
    assert table(found) == (
        "                  linux x86_64       linux aarch64",
        "a 1.0             wheel              none",
        "long-name 10.0.1  none on 3.10-3.11  none",
    )
