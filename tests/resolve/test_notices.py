"""What a resolution that worked has to say, word for word, and when it says nothing."""

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from envsync.model.marker import ALWAYS, from_text
from envsync.model.resolution import RootRequirement
from envsync.resolve.candidates import ResolvePolicy
from envsync.resolve.universal import resolve
from tests.support.catalog import MemoryCatalog, Release, Universe

NEW = from_text("python_version >= '3.11'")
POLICY = ResolvePolicy(environments=NEW)


def told(
    versions: dict[str, Release],
    *roots: str,
    policy: ResolvePolicy = POLICY,
    more: Universe | None = None,
    locked: tuple[str, ...] = (),
) -> list[str]:
    """The notices of a resolution of `a`; `locked` are its versions of the old lock."""
    resolution = resolve(
        [RootRequirement(Requirement(text), ALWAYS, "env.toml") for text in roots or ("a",)],
        environments=NEW,
        policy=policy,
        preferences={canonicalize_name("a"): tuple(map(Version, locked))} if locked else {},
        catalog=MemoryCatalog({"a": versions, **(more or {})}, policy),
    )
    return list(resolution.notices)


def requiring(*texts: str) -> Release:
    return Release(requires=tuple(map(Requirement, texts)))


def uploaded(day: str) -> Release:
    return Release(upload_time=f"{day}T00:00:00Z")


def test_the_newest_release_needs_no_word() -> None:
    assert told({"1.0": Release(), "2.0": Release(), "3.0a1": Release()}) == []


def test_a_pre_release_is_told_with_its_reason() -> None:
    alone = {"1.0a1": Release()}
    assert told(alone) == ["pre-releases, as no stable release meets what is required: a 1.0a1"]
    assert told(alone, "a>=1.0a1") == []
    assert told(alone, policy=POLICY._replace(prereleases="allow")) == []
    bad = {"1.0": requiring("b>1"), "1.1a1": Release()}
    assert told(bad, "a", "b", more={"b": {"1.0": Release()}}) == [
        "pre-releases, as stable ones lead to no solution: a 1.1a1"
    ]


def test_a_missing_extra_is_told() -> None:
    assert told({"1.0": Release()}, "a[x,y]") == ["a 1.0 has no extra x", "a 1.0 has no extra y"]
    assert told({"1.0": Release(extras=frozenset({"x"}))}, "a[x]") == []


@pytest.mark.parametrize(("why", "words"), [("bad", "bad"), ("", "no reason given")])
def test_a_yanked_release_is_told(why: str, words: str) -> None:
    assert told({"1.0": Release(yanked=why)}, "a==1.0") == [f"a 1.0 is yanked: {words}"]


def test_a_python_bound_that_is_not_met_is_told_unless_it_is_to_be_ignored() -> None:
    versions = {"1.0": Release(requires_python=">=3.8,!=3.9.*,<3.13")}
    assert told(versions) == ["a 1.0 says Python !=3.9.*,<3.13"]
    ignored = POLICY._replace(ignore_requires_python=frozenset({"a"}))
    assert told(versions, policy=ignored) == []
    assert told({"1.0": Release(requires_python=">=3.8,<4")}) == []


def test_the_newest_release_that_only_wants_leave_to_be_built_is_told() -> None:
    source = Release(wheels=(), sdist=True)
    versions = {"1.0": Release(), "2.0": source, "3.0": source, "4.0a1": source}
    line = (
        "held back: a 3.0 would have to be built, 1.0 is used; "
        "`envsync lock --allow-build a` allows it"
    )
    assert told(versions) == [line]
    assert told(versions, "a<2") == []
    assert told({"0.9": source, "1.0": Release()}) == []
    assert told({"1.0": Release(), "2.0": Release(wheels=())}) == []


def test_the_newest_release_that_cannot_be_read_is_told() -> None:
    broken = Release(broken="no Name")
    versions = {"1.0": Release(), "2.0": broken, "3.0": broken, "4.0a1": broken}
    assert told(versions) == ["a 3.0 was passed over: a-3.0: no Name"]
    assert told(versions, "a<2") == []
    assert told(versions, policy=POLICY._replace(resolution="lowest")) == []


def test_of_pre_releases_the_newest_of_all_is_told_where_they_are_allowed() -> None:
    broken, allow = Release(broken="no Name"), POLICY._replace(prereleases="allow")
    versions = {"1.0": Release(), "2.0": broken, "3.0a1": broken}
    assert told(versions, policy=allow) == ["a 3.0a1 was passed over: a-3.0a1: no Name"]
    assert told({"1.0a1": Release(), "1.0a2": broken, "0.9": broken})[1:] == [
        "a 0.9 was passed over: a-0.9: no Name"
    ]
    source = Release(wheels=(), sdist=True)
    assert told({"1.0a1": Release(), "2.0a1": source}, "a>=1.0a1") == [
        (
            "held back: a 2.0a1 would have to be built, 1.0a1 is used; "
            "`envsync lock --allow-build a` allows it"
        )
    ]


def test_a_release_that_requires_what_is_nowhere_is_told() -> None:
    versions = {"1.0": Release(), "2.0": requiring("gone")}
    assert told(versions) == ["a 2.0 was passed over: it requires gone, which no index has"]


@pytest.mark.parametrize(("day", "is_told"), [("2024-12-30", False), ("2024-12-31", True)])
def test_two_years_are_long_ago(day: str, is_told: bool) -> None:
    """What collides with the new release leaves the old one."""
    versions = {
        "1.0": uploaded("2023-01-01"),
        "2.0": uploaded(day)._replace(requires=(Requirement("b>1"),)),
    }
    line = (
        "a 1.0 is of 2023, though 2.0 of 2024 meets what is required of it: "
        "nothing newer was found to fit the rest"
    )
    more = {"b": {"1.0": Release()}}
    assert told(versions, "a", "b", more=more) == ([line] if is_told else [])
    assert told(versions, "a", "b", more=more, locked=("1.0",)) == []


def test_a_release_without_a_time_is_of_no_age() -> None:
    newer = uploaded("2026-01-01")._replace(requires=(Requirement("b>1"),))
    for time in (None, "long ago, I think"):
        versions = {"1.0": Release(upload_time=time), "2.0": newer}
        assert told(versions, "a", "b", more={"b": {"1.0": Release()}}) == []
