"""Who needs a package, as a lock's informational dependencies have it."""

from packaging.pylock import Package, Pylock
from packaging.utils import canonicalize_name
from packaging.version import Version

from envsync.lock.needers import all_needers, needers


def package(name: str, *needed: str) -> Package:
    return Package(
        name=canonicalize_name(name), dependencies=[{"name": one} for one in needed] or None
    )


LOCK = Pylock(
    lock_version=Version("1.0"),
    created_by="envsync",
    packages=[
        package("flask", "Jinja2", "click"),
        package("jinja2", "markupsafe"),
        package("markupsafe", "flask"),  # a cycle
        package("click"),
    ],
)


def test_who_needs_it() -> None:
    assert needers(LOCK, "click") == ["flask"]
    assert needers(LOCK, "nothing") == []


def test_all_who_need_it_nearest_first() -> None:
    assert list(all_needers(LOCK, "markupsafe")) == ["jinja2", "flask"]
