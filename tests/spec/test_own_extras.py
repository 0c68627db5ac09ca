"""Extras that ask for other extras of the same file, and conflicts seen through includes."""

import pytest

from envsync.spec.conflicts import clash
from envsync.spec.model import Part, Spec
from tests.spec.samples import N, problem, read

SHOP = """\
[env]
name = "Shop"
[env.optional-dependencies]
"""


def shown(spec: Spec, extra: str) -> list[str]:
    return [str(requirement) for requirement in spec.optional_dependencies[N(extra)]]


def group(name: str) -> Part:
    return Part("group", N(name))


def extra(name: str) -> Part:
    return Part("extra", N(name))


def test_an_own_extra_stands_for_its_requirements() -> None:
    spec = read(SHOP + "redis = ['redis>=5']\nweb = ['a', 'b']\nall = ['shop[redis,Web]', 'c']\n")
    assert shown(spec, "all") == ["redis>=5", "a", "b", "c"]


def test_the_marker_of_a_reference_narrows_what_it_brings() -> None:
    spec = read(
        SHOP + "x = ['a', \"b; os_name == 'nt'\"]\nall = [\"shop[x]; python_version < '3.12'\"]\n"
    )
    assert shown(spec, "all") == [
        'a; python_version < "3.12"',
        'b; os_name == "nt" and python_version < "3.12"',
    ]
    assert shown(spec, "x") == ["a", 'b; os_name == "nt"']


def test_dependencies_and_groups_may_ask_for_own_extras() -> None:
    spec = read(
        "[env]\nname = 'shop'\ndependencies = ['shop[x]']\n[env.optional-dependencies]\nx = ['a']\n"
        "[dependency-groups]\ndev = ['shop[x]', 'b']\ntest = [{include-group = 'dev'}]\n"
    )
    assert [str(one) for one in spec.dependencies] == ["a"]
    assert [str(one) for one in spec.dependency_groups[N("test")]] == ["a", "b"]


@pytest.mark.parametrize(
    ("requirement", "before", "after"),
    [
        ("folder[x]", "name = 'shop'\n", ""),
        ("folder[x]", "", "[sources]\nfolder = {path = '.'}\n"),
        ("shop[x]", "name = 'shop'\n", "[sources]\nshop = {path = '.'}\n"),
        ("shop[y] @ https://files.example/shop-1.0.tar.gz", "name = 'shop'\n", ""),
    ],
    ids=["another name is given", "the folder has a source", "a source", "an address"],
)
def test_what_is_not_own_is_a_package(requirement: str, before: str, after: str) -> None:
    text = f"[env]\n{before}dependencies = ['{requirement}']\n"
    text += f"[env.optional-dependencies]\nx = ['a']\n{after}"
    assert [str(one) for one in read(text).dependencies] == [requirement]


def test_the_folder_names_the_own_extras_where_env_toml_has_no_name() -> None:
    spec = read("[env]\ndependencies = ['folder[x]']\n[env.optional-dependencies]\nx = ['a']\n")
    assert [str(one) for one in spec.dependencies] == ["a"]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[env]\nname = 'Shop'\ndependencies = ['shop>=1']\n", "env.dependencies[0]"),
        ("[env]\ndependencies = ['folder']\n", "env.dependencies[0]"),
        (SHOP + "all = ['shop']\n", "env.optional-dependencies.all[0]"),
        (SHOP + "[dependency-groups]\ndev = ['a', 'shop']\n", "dependency-groups.dev[1]"),
        ("[env]\nname = 'shop'\nseed = ['shop']\n", "env.seed[0]"),
        (SHOP + "[build]\nextra-build-requires = {a = ['shop']}\n", "extra-build-requires.a"),
    ],
)
def test_the_own_name_is_no_package(text: str, where: str) -> None:
    found = problem(text)
    assert where in found
    assert "this file's own name, which no index is asked for: say under [sources]" in found


def test_a_slip_in_an_own_extra_is_no_package_either() -> None:
    found = problem(SHOP + "redis = ['r']\nall = ['shop[redsi]']\n")
    assert "there is no extra 'redsi' in this file; did you mean 'redis'?" in found


def test_extras_in_a_circle() -> None:
    found = problem(SHOP + "a = ['shop[b]']\nb = ['shop[c]']\nc = ['x', 'shop[a]']\n")
    assert "optional-dependencies.c[1]: extras include each other in a circle" in found
    assert found.endswith(": a -> b -> c -> a")


def test_an_unknown_extra_beside_a_known_one() -> None:
    text = SHOP + "redis = ['r']\nweb = ['w']\nall = ['shop[redis,wbe]']\n"
    assert "there is no extra 'wbe' in this file; did you mean 'web'?" in problem(text)


def test_an_own_extra_has_no_version() -> None:
    assert "its extras have no version" in problem(SHOP + "a = ['x']\nb = ['shop[a]>=1']\n")


def test_conflicts_reach_what_brings_a_member_in() -> None:
    spec = read(
        SHOP + "cpu = ['a']\nall = ['shop[cpu]']\n"
        "[dependency-groups]\ngpu = ['b']\nlab = [{include-group = 'gpu'}]\n"
        "[lock]\nconflicts = [['cpu', 'gpu']]\n"
    )
    assert spec.exclusive == (
        (frozenset({extra("cpu"), extra("all")}), frozenset({group("gpu"), group("lab")})),
    )
    assert clash([extra("all"), group("lab")], spec.exclusive) == (extra("all"), group("lab"))
    assert clash([extra("all"), extra("cpu")], spec.exclusive) is None
    assert clash([group("lab")], spec.exclusive) is None


def test_a_name_of_an_extra_and_a_group_means_both() -> None:
    spec = read(
        SHOP + "cpu = ['a']\n[dependency-groups]\ncpu = ['a']\ngpu = ['b']\n"
        "[lock]\nconflicts = [['cpu', 'gpu']]\n"
    )
    assert spec.exclusive[0][0] == {extra("cpu"), group("cpu")}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            SHOP + "a = []\nb = []\nall = ['shop[a,b]']\n[lock]\nconflicts = [['a', 'b']]\n",
            "lock.conflicts[0]: the extra all would bring in both a and b",
        ),
        (
            SHOP.replace("name", "dependencies = ['shop[a]']\nname")
            + "a = []\nb = []\n[lock]\nconflicts = [['a', 'b']]\n",
            "the dependencies always include a, so nothing can be its alternative",
        ),
        (
            SHOP.replace("name", "default-groups = ['a', 'b']\nname")
            + "[dependency-groups]\na = []\nb = []\n[lock]\nconflicts = [['a', 'b']]\n",
            "env.default-groups: group a and group b are kept apart by lock.conflicts",
        ),
        (
            "[env]\n[dependency-groups]\n"
            + "".join(f"g{n} = []\n" for n in range(101))
            + f"[lock]\nconflicts = [{[f'g{n}' for n in range(101)]}]\n",
            "the conflicts hold over 100 names",
        ),
    ],
    ids=["one brings both", "always there", "defaults", "too many"],
)
def test_conflicts_that_could_never_be_met(text: str, says: str) -> None:
    assert says in problem(text)
