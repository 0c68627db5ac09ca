"""Whether a wheel fits a lock that another file decided."""

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from envsync.lock.agreement import Terms, Unmet, python_differs, unmet
from envsync.lock.pins import Pinned
from envsync.model.candidate import CoreMetadata
from tests.lock.samples import WINDOWS, target_of


def pin(name: str, version: str | None = "1.0", *extras: str, python: str = "") -> Pinned:
    return Pinned(
        name, version, "wheel", f"{name}.whl", None, None, "", {}, extras=extras,
        requires_python=python,
    )  # fmt: skip


NO_TERMS = Terms()
SHOP = pin("shop", "1.0", "fast")
PINS = (SHOP, pin("flask", "3.1", "async"), pin("local", None), pin("pre", "2.0rc1"))


def asks(
    *requires: str, terms: Terms = NO_TERMS, python: str | None = None, windows: bool = False
) -> list[tuple[str, str]]:
    metadata = CoreMetadata(
        canonicalize_name("shop"),
        Version("1.0"),
        tuple(map(Requirement, requires)),
        None if python is None else SpecifierSet(python),
    )
    target = target_of(WINDOWS) if windows else target_of()
    return [(one.wanted, one.locked) for one in unmet(metadata, SHOP, PINS, target, terms)]


@pytest.mark.parametrize(
    "requirement",
    [
        "flask",
        "Flask>=3,<4",
        "flask[Async]",
        "local>=99",
        "pre>=2.0rc1",
        "absent; sys_platform == 'win32'",
        "absent; python_version < '3'",
        "absent; extra == 'slow'",
        "flask; extra == 'fast'",
        "shop[fast]; extra == 'all'",
        "flask @ https://files.example/flask.whl",
    ],
)
def test_what_the_pins_give(requirement: str) -> None:
    assert asks(requirement) == []


@pytest.mark.parametrize(
    ("requirement", "locked"),
    [
        ("absent", "no absent here"),
        ("flask>=4", "flask 3.1"),
        ("flask!=3.1", "flask 3.1"),
        ("pre<2", "pre 2.0rc1"),
        ("flask[other]", "flask without the extra other"),
        ("absent; extra == 'fast'", "no absent here"),
        ("absent; extra == 'FAST' and os_name == 'posix'", "no absent here"),
        ("absent; sys_platform == 'linux'", "no absent here"),
        ("shop[all]", "shop without the extra all"),
        ("shop>=2", "shop 1.0"),
        ("absent @ https://files.example/x.whl", "no absent here"),
    ],
)
def test_what_they_do_not(requirement: str, locked: str) -> None:
    ((wanted, found),) = asks(requirement)
    assert found == locked
    assert wanted.startswith("Requires-Dist: ")


def test_it_is_this_environment_that_counts() -> None:
    text = "absent; sys_platform == 'win32'"
    assert asks(text) == []
    assert len(asks(text, windows=True)) == 1


def test_overrides_stand_in_place_of_what_is_required() -> None:
    terms = Terms([Requirement("flask==3.1"), Requirement("absent; sys_platform == 'win32'")])
    assert asks("flask>=4", "absent>=1", terms=terms) == []
    assert len(asks("absent>=1", terms=terms, windows=True)) == 1
    assert len(asks("flask", terms=Terms([Requirement("flask>=4")]))) == 1


def test_python_is_asked_for_like_a_package() -> None:
    assert asks(python=">=3.8") == []
    assert asks(python="<3.12") == [("Requires-Python: <3.12", "Python 3.12.4")]
    assert asks(python="<3.12", terms=Terms(any_python=["shop"])) == []


@pytest.mark.parametrize(
    ("locked", "found", "differs"),
    [
        ("", ">=3.8", False),
        (">=3.8", None, False),
        (">=3.8,<4", "<4,>=3.8", False),
        (">=3.8", ">=3.9", True),
        (">=3.8", "<3", True),
    ],
)
def test_requires_python_without_evidence(locked: str, found: str | None, *, differs: bool) -> None:
    metadata = CoreMetadata(
        canonicalize_name("shop"),
        Version("1.0"),
        requires_python=None if found is None else SpecifierSet(found),
    )
    wanted = pin("shop", python=locked)
    assert bool(python_differs(metadata, wanted, Terms())) == differs
    assert python_differs(metadata, wanted, Terms(any_python=["shop"])) == ()


def test_each_thing_is_said_once() -> None:
    assert asks("absent", "absent") == [("Requires-Dist: absent", "no absent here")]
    assert Unmet("a", "b") == Unmet("a", "b", "")
