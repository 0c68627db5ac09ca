"""Requirements are read apart: package and extras, overrides and constraints applied."""

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from envsync.model.candidate import CoreMetadata
from envsync.model.marker import ALWAYS, extra, from_text
from envsync.model.resolution import RootRequirement
from envsync.resolve.candidates import ResolvePolicy
from envsync.resolve.requirements import PackageRequirement, Refused, RequirementReader

NAME = canonicalize_name("pkg")


def reader(policy: ResolvePolicy = ResolvePolicy(), *roots: str) -> RequirementReader:  # noqa: B008
    stated = [
        RootRequirement(Requirement(text), ALWAYS, "env.toml: env.dependencies") for text in roots
    ]
    return RequirementReader(policy, stated)


def metadata(*requires: str) -> CoreMetadata:
    return CoreMetadata(NAME, Version("1.0"), tuple(Requirement(text) for text in requires))


def shown(stated: tuple[PackageRequirement, ...]) -> list[tuple[str, str]]:
    return [(str(one), str(one.marker)) for one in stated]


def test_a_requirement_with_extras_is_several() -> None:
    root = RootRequirement(Requirement("Flask[Dot_env,async]>=3"), extra("web"), "extra web")
    stated = reader().of_root(root)
    assert [str(one) for one in stated] == ["flask>=3", "flask[async]>=3", "flask[dot-env]>=3"]
    assert {"extra web"} == {one.origin for one in stated}
    assert {extra("web")} == {one.marker for one in stated}


def test_the_package_and_its_extras_share_the_requirements() -> None:
    reads = reader()
    dependencies = reads.dependencies(
        metadata(
            "a",
            "b; extra == 'x'",
            "c; extra == 'x' or extra == 'y'",
            "d; extra == 'x' and sys_platform == 'win32'",
            "e; sys_platform == 'win32' or extra == 'x'",
        )
    )
    assert shown(reads.of_package(dependencies)) == [
        ("a", "always"),
        ("e", 'sys_platform == "win32"'),
    ]
    x = reads.of_extra(dependencies, canonicalize_name("x"), Version("1.0"))
    assert shown(x) == [
        ("pkg==1.0", "always"),
        ("b", "always"),
        ("c", "always"),
        ("d", 'sys_platform == "win32"'),
        ("e", 'sys_platform != "win32"'),
    ]
    assert Version("1.0") == x[0].exactly
    assert [
        str(one) for one in reads.of_extra(dependencies, canonicalize_name("y"), Version("1.0"))
    ] == ["pkg==1.0", "c"]
    assert len(reads.of_extra(dependencies, canonicalize_name("nope"), Version("1.0"))) == 1


def test_an_override_replaces_but_keeps_extras_and_marker() -> None:
    reads = reader(ResolvePolicy(overrides=(Requirement("a>=2; sys_platform == 'win32'"),)))
    stated = reads.of_package(reads.dependencies(metadata("a[x]<1; python_version < '3.12'", "b")))
    marker = 'python_version < "3.12" and sys_platform == "win32"'
    assert [("a>=2", marker), ("a[x]>=2", marker), ("b", "always")] == shown(stated)
    assert stated[0].origin == "env.toml: lock.overrides"


def test_a_constraint_rides_along() -> None:
    reads = reader(ResolvePolicy(constraints=(Requirement("A<2"), Requirement("z<1"))))
    stated = reads.of_package(reads.dependencies(metadata("a>=1; sys_platform == 'win32'")))
    assert shown(stated) == [
        ("a>=1", 'sys_platform == "win32"'),
        ("a<2", 'sys_platform == "win32"'),
    ]
    assert [one.origin for one in stated] == [None, "env.toml: lock.constraints"]


@pytest.mark.parametrize("url", ["git+https://git.example/e", "file:///etc", "http://e.example/e"])
def test_a_direct_reference_must_be_declared(url: str) -> None:
    reads = reader()
    dependencies = reads.dependencies(metadata(f"evil @ {url}"))
    with pytest.raises(Refused, match=r"a direct reference that env\.toml does not declare"):
        reads.of_package(dependencies)


def test_a_declared_direct_reference_is_where_the_package_comes_from() -> None:
    url = "https://files.example/evil-1.0-py3-none-any.whl"
    reads = reader(ResolvePolicy(), f"evil @ {url}")
    stated = reads.of_package(reads.dependencies(metadata(f"evil @ {url}")))
    assert shown(stated) == [("evil", "always")]
    assert ((ALWAYS, url),) == reads.sources(canonicalize_name("evil"))


def test_sources_of_env_toml_come_first() -> None:
    linux = from_text("sys_platform == 'linux'")
    reads = reader(ResolvePolicy(sources={"Torch": ((linux, "cpu"),)}))
    assert ((linux, "cpu"),) == reads.sources(canonicalize_name("torch"))


def test_a_marker_that_cannot_be_read_refuses_the_version() -> None:
    with pytest.raises(Refused, match="a by a bad marker"):
        reader().dependencies(metadata("a; os_name == '" + "x" * 5_000 + "'"))
