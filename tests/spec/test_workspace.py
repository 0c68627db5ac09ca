"""[workspace]: which folders its patterns mean."""

import pytest
from packaging.utils import NormalizedName

from envsync.spec.member_patterns import matches, member_above
from envsync.spec.members import MemberSpec, combine, from_root, stays_inside
from envsync.spec.model import WorkspaceSpec
from envsync.spec.read import parse_spec
from tests.spec.samples import problem, read


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("packages/*", "packages/a", True),
        ("packages/*", "packages/a/b", False),
        ("packages/*", "packages", False),
        ("packages/*", "packages/.a", False),
        ("packages/.*", "packages/.a", True),
        ("*", "packages", True),
        ("p?ck*s/[ab]", "packages/a", True),
        ("p?ck*s/[ab]", "packages/c", False),
        ("**/x", "x", True),
        ("**/x", "a/b/x", True),
        ("**/x", "a/.b/x", False),
        ("a/**", "a/b/c", True),
        ("a/**/**/**/**/**/**/**/b", "/".join("a" * 30), False),
        ("Packages/a", "packages/a", False),
    ],
)
def test_a_pattern_means_folders(pattern: str, path: str, expected: bool) -> None:
    assert matches(pattern, path) is expected


def test_a_folder_in_a_member_belongs_to_the_inner_one_that_is_not_excluded() -> None:
    members, exclude = ["packages/*", "packages/a/plugins/*", "b"], ["packages/x*", "b/c"]
    for folder, expected in (
        ("packages/a", "packages/a"),
        ("packages/a/src/deep", "packages/a"),
        ("packages/a/plugins", "packages/a"),
        ("packages/a/plugins/p/src", "packages/a/plugins/p"),
        ("packages/xy/src", None),
        ("packages", None),
        ("b/c", "b"),
        ("c", None),
    ):
        assert member_above(members, exclude, folder) == expected


def test_the_root_needs_no_table_of_its_own() -> None:
    spec = read("[workspace]\nmembers = ['./a//b/', 'c/*']\nexclude = ['c/d']\n")
    assert spec.workspace == WorkspaceSpec(("a/b", "c/*"), ("c/d",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("members = 'a'", "workspace.members: expected a list, found a string"),
        ("members = []", "workspace: members must list folders"),
        ("members = ['../a']", "workspace.members[0]: the path must stay inside"),
        ("members = ['./']", "workspace.members[0]: the workspace's own folder needs no entry"),
        ("members = ['a', 'a/']", "workspace.members[1]: 'a' is listed twice"),
        (f"members = ['{'a/' * 40}']", "workspace.members[0]: the pattern has over 32 parts"),
        ("members = ['a']\nexclude = [1]", "workspace.exclude[0]: expected a string"),
    ],
)
def test_bad_workspaces(text: str, expected: str) -> None:
    assert expected in problem(f"[env]\n[workspace]\n{text}\n")


def test_a_members_paths_seen_from_the_workspace() -> None:
    for location, expected in (
        (".", "a/b"),
        ("x", "a/b/x"),
        ("../c", "a/c"),
        ("../../../d", "../d"),
    ):
        assert from_root("a/b", location) == expected
        assert stays_inside("a/b", location) is not expected.startswith("..")
    assert not stays_inside("a/b", "/d")


def test_a_members_source_for_an_extra_or_group_is_for_that_group_of_the_lock() -> None:
    root = read("[env]\n[[index]]\nname = 'corp'\nurl = 'https://i.example/'\n")
    member = parse_spec(
        "[env]\noptional-dependencies.fast = ['a']\noptional-dependencies.all = ['m[fast]']\n"
        "name = 'm'\n[dependency-groups]\ndev = ['b']\n[sources]\n"
        "a = {index = 'corp', extra = 'fast', marker = \"os_name == 'nt'\"}\n"
        "b = {path = 'b', group = 'dev'}\n",
        folder_name="m",
        member_of=["corp"],
    )
    one = MemberSpec("x/m", "x/m/env.toml", NormalizedName("m"), member, False, False)
    (first,), (second,) = combine(root, [one], path="env.toml").sources.values()
    assert (first.extra, first.group) == (None, "member-m-extra-fast")
    assert str(first.marker) == (
        'os_name == "nt" and ("member-m-extra-all" in dependency_groups or '
        '"member-m-extra-fast" in dependency_groups)'
    )
    assert (second.location, second.group) == ("x/m/b", "member-m-group-dev")
    assert str(second.marker) == '"member-m-group-dev" in dependency_groups'
