"""Whose file stands where several packages install one path."""

import itertools
from pathlib import Path

import pytest

from envsync.environment.manifest import Owner, Placed
from envsync.environment.placing import Tampered
from envsync.errors import InstallConflict
from envsync.sync.contested import Settled, settle, sharing
from envsync.sync.merge import merge
from envsync.sync.wheel_files import Content, as_links

SITE = "lib/python3.12/site-packages"
PKGUTIL = "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"
PKG_RESOURCES = "__import__('pkg_resources').declare_namespace(__name__)\n"
INIT = "ns/__init__.py"


def content(name: str, files: dict[str, str]) -> Content:
    """A package with files in site-packages."""
    placed = [Placed(f"{SITE}/{p}", 0o100444, len(text), text) for p, text in files.items()]
    return Content(Owner(name, "1.0", "x", tuple(placed)), tuple(map(str.encode, files.values())))


def settled(*contents: Content, **winners: str) -> Settled:
    found = settle(contents, {"x.py": winners["x"]} if winners else {}, SITE)
    for turned in itertools.permutations(contents):
        again = settle(turned, {"x.py": winners["x"]} if winners else {}, SITE)
        assert sorted(again.contents) == sorted(found.contents)
    return found


def standing(found: Settled) -> dict[str, str]:
    merged = merge(content.owner for content in found.contents)
    return {path.removeprefix(f"{SITE}/"): placed.content for path, placed in merged.items()}


def test_nothing_contested_stays_as_it_is() -> None:
    both = (content("a", {"x.py": "1"}), content("b", {"x.py": "1", "y.py": "2"}))
    assert settled(*both) == (both, ())


@pytest.mark.parametrize(
    ("one", "two", "stands"),
    [
        (PKGUTIL, f"# mine\n{PKGUTIL}", PKGUTIL),
        (PKG_RESOURCES, PKGUTIL, PKGUTIL),
        ("# nothing\n", PKG_RESOURCES, PKG_RESOURCES),
        ("# nothing\n", "'''Nothing.'''\n", "# nothing\n"),
    ],
)
def test_one_namespace_file_does_for_all(one: str, two: str, stands: str) -> None:
    found = settled(content("a", {INIT: one}), content("b", {INIT: two}))
    assert standing(found) == {INIT: stands}
    assert found.told == ()
    assert {source for each in found.contents for source in each.sources} == {stands.encode()}


def test_a_file_that_does_something_is_contested() -> None:
    both = (content("a", {INIT: PKGUTIL}), content("b", {INIT: f"{PKGUTIL}X = 1\n"}))
    with pytest.raises(InstallConflict) as caught:
        standing(settled(*both))
    assert caught.value.hint == (
        'say whose file stands: winners = { "ns/__init__.py" = "b" } under [sync] in env.toml, '
        "or take one of them out"
    )
    assert standing(settle(both, {INIT: "a"}, SITE)) == {INIT: PKGUTIL}


def test_a_file_that_packages_share_is_one_link() -> None:
    """Equal files are no conflict in the mode that links, and the first by name has the link."""
    shared = {"LICENSE": "same", INIT: "X = 1\n"}
    both = [
        content(name, {**shared, f"{name}.py": name})._replace(
            sources=(f"/store/{name}/LICENSE", f"/store/{name}/{INIT}", f"/store/{name}/{name}.py")
        )
        for name in "ab"
    ]
    found = settled(*both)
    assert found.told == ()
    stands = {
        "LICENSE": "/store/a/LICENSE",
        INIT: f"/store/a/{INIT}",
        "a.py": "/store/a/a.py",
        "b.py": "/store/b/b.py",
    }
    for turned in itertools.permutations(found.contents):
        assert standing(Settled(as_links(turned), ())) == stands


def test_what_was_tampered_with_decides_nothing(tmp_path: Path) -> None:
    """The file in the store has other bytes than were placed."""
    (tmp_path / "a").write_text("evil()\n")
    plain = content("a", {INIT: PKGUTIL})
    with pytest.raises(Tampered):
        settled(plain._replace(sources=(str(tmp_path / "a"),)), content("b", {INIT: "# b\n"}))


@pytest.mark.parametrize("name", ["LICENSE", "README.md", "licence.txt", "CHANGES.rst", "Makefile"])
def test_of_texts_beside_packages_the_last_by_name_stands(name: str) -> None:
    found = settled(*(content(each, {name: each}) for each in "abc"))
    assert standing(found) == {name: "c"}
    assert found.told == (f"a and b and c all install {name}: that of c stands",)


@pytest.mark.parametrize("name", ["LICENSE.py", "license.pth", "x/LICENSE", "data.txt"])
def test_other_texts_are_contested(name: str) -> None:
    with pytest.raises(InstallConflict):
        standing(settled(content("a", {name: "1"}), content("b", {name: "2"})))


def test_a_winner_may_be_named_from_the_environment_too() -> None:
    both = (content("a", {"x.py": "1"}), content("b", {"x.py": "2"}))
    assert standing(settle(both, {f"{SITE}/x.py": "a"}, SITE)) == {"x.py": "1"}


def test_a_winner_that_has_no_such_file_is_told() -> None:
    both = (content("a", {"x.py": "1"}), content("b", {"x.py": "2"}))
    with pytest.raises(InstallConflict, match=r"c doesn't install .*x\.py: a and b do") as caught:
        settle(both, {"x.py": "c"}, SITE)
    assert caught.value.hint == 'name one of them: winners = { "x.py" = "b" } under [sync]'


def test_what_is_compiled_from_a_file_that_lost_goes_with_it() -> None:
    pyc = "__pycache__/x.cpython-312.pyc"
    both = (content("a", {pyc: "compiled 1", "x.py": "1"}), content("b", {"x.py": "2"}))
    assert standing(settled(*both, x="b")) == {"x.py": "2"}
    assert standing(settled(*both, x="a")) == {"x.py": "1", pyc: "compiled 1"}


def test_who_shares_a_path() -> None:
    a, b, c = (content(name, {path: name}).owner for name, path in ("ax", "bx", "cy"))
    assert sharing([b, c], [a]) == {"b"}
    assert sharing([c], [a, b]) == frozenset()
