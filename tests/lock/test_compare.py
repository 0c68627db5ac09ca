"""What two locks pin."""

import pytest
from packaging.pylock import Package, PackageArchive, PackageDirectory, PackageSdist, PackageVcs
from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.errors import HashMismatch
from envsync.lock.compare import Change, changes, check_hashes, preferences
from tests.lock.samples import digest, lock_of, package, sdist

PURE = "py3-none-any"


def shop(path: str) -> Package:
    return Package(name=NormalizedName("shop"), directory=PackageDirectory(path=path))


def tool(commit: str) -> Package:
    vcs = PackageVcs(type="git", url="https://git.example/t", commit_id=commit)
    return Package(name=NormalizedName("tool"), vcs=vcs)


def test_pins_are_preferred_newest_first() -> None:
    lock = lock_of(package("a", "1.9", PURE), package("a", "1.10", PURE), shop("."))
    assert preferences(lock) == {"a": (Version("1.10"), Version("1.9"))}


def test_changes_are_told_by_name() -> None:
    old = lock_of(
        package("same", "1", PURE),
        package("gone", "1", PURE),
        package("up", "1.9", PURE),
        package("split", "1", PURE),
        shop("."),
        tool("a" * 40),
    )
    new = lock_of(
        package("same", "1", PURE),
        package("new", "3", PURE),
        package("up", "1.10", PURE),
        package("split", "10", PURE),
        package("split", "9", PURE),
        shop("."),
        tool("b" * 40),
    )
    git = "git https://git.example/t@"
    assert changes(old, new) == (
        Change("removed", NormalizedName("gone"), ("1",), ()),
        Change("added", NormalizedName("new"), (), ("3",)),
        Change("updated", NormalizedName("split"), ("1",), ("9", "10")),
        Change("updated", NormalizedName("tool"), (git + "a" * 40,), (git + "b" * 40,)),
        Change("updated", NormalizedName("up"), ("1.9",), ("1.10",)),
    )


def test_without_an_old_lock_everything_is_new() -> None:
    found = changes(None, lock_of(package("a", "1", PURE), shop("lib")))
    assert found == (
        Change("added", NormalizedName("a"), (), ("1",)),
        Change("added", NormalizedName("shop"), (), ("directory lib",)),
    )
    assert changes(lock_of(shop(".")), lock_of(shop("."))) == ()


def test_a_file_that_was_replaced_on_the_index_is_refused() -> None:
    """H10: never a silent re-lock."""
    old = lock_of(package("a", "1", PURE, sdist=sdist("a-1.tar.gz")), shop("."))
    check_hashes(old, old)
    check_hashes(old, lock_of(package("a", "2", PURE)))
    other = PackageSdist(url="https://files.example/a-1.tar.gz", hashes={"sha256": digest("new")})
    with pytest.raises(HashMismatch) as caught:
        check_hashes(old, lock_of(package("a", "1", PURE, sdist=other)))
    assert caught.value.file == "a-1.tar.gz"
    check_hashes(old, lock_of(package("a", "1", PURE, sdist=other, index="https://b.example/")))


@pytest.mark.parametrize(
    ("path", "url"),
    [("vendor/a-1.tar.gz", None), (None, "https://files.example/a-1.tar.gz")],
)
def test_a_file_of_sources_that_changed_is_taken_only_when_asked_for(
    path: str | None, url: str | None
) -> None:
    old, new = (
        lock_of(
            Package(
                name=NormalizedName("a"),
                archive=PackageArchive(path=path, url=url, hashes={"sha256": digest(text)}),
            )
        )
        for text in ("old", "new")
    )
    check_hashes(old, old)
    check_hashes(old, new, trusted={"a"})
    for trusted in ((), {"b"}):
        with pytest.raises(HashMismatch) as caught:
            check_hashes(old, new, trusted=trusted)
        assert caught.value.file == (path or url)
        assert "`envsync lock --upgrade-package a`" in str(caught.value.hint)
    check_hashes(old, lock_of(shop(".")))
