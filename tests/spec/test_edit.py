"""add, remove and init: the text of env.toml before and after."""

import tomllib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envsync.errors import EnvsyncError, SpecInvalid, UsageError
from envsync.spec.edit import add_dependency, allow_build, new_spec, remove_dependency
from envsync.spec.model import Spec
from envsync.spec.read import parse_spec
from tests.spec.samples import EVERYTHING, N, read, refusal

COMMENTED = """\
# What the shop needs
[env]
name = "shop"   # shown in the prompt

dependencies = [
    # the web
    "flask>=3",  # keep
    "rich",

    "six",  # old friend
]

# How to lock
[lock]
resolution = "lowest"
"""


def test_add_keeps_everything_else() -> None:
    assert add_dependency(COMMENTED, "httpx>=0.27") == COMMENTED.replace(
        '    "rich",\n', '    "httpx>=0.27",\n    "rich",\n'
    )


def test_a_list_out_of_order_gets_its_new_item_at_the_end() -> None:
    text = '[env]\ndependencies = ["rich", "flask"]\n'
    assert add_dependency(text, "httpx") == '[env]\ndependencies = ["rich", "flask", "httpx"]\n'


def test_order_is_that_of_normalised_names() -> None:
    text = '[env]\ndependencies = ["Flask", "jinja2", "Zope.x"]\n'
    assert read(add_dependency(text, "Markup_Safe")).dependencies[2].name == "Markup_Safe"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("flask>=2", "flask>=3", "flask>=3"),
        ("Flask_X>=2", "flask-x>=3", "flask-x>=3"),
        ("flask>=2", "flask", "flask>=2"),
        ("flask", "flask", "flask"),
        ("flask[async]>=2", "flask>=3", "flask[async]>=3"),
        ("flask[async]>=2", "flask[dotenv]", "flask[async,dotenv]>=2"),
        ("flask [async] >=2", "flask[async]", "flask [async] >=2"),
        (
            "flask>=2",
            "flask @ https://f.example/flask-3.zip",
            "flask @ https://f.example/flask-3.zip",
        ),
        ("flask; os_name == 'nt'", "flask>=3; os_name=='nt'", "flask>=3; os_name=='nt'"),
    ],
)
def test_a_requirement_of_the_same_name_is_replaced(old: str, new: str, expected: str) -> None:
    text = f'[env]\ndependencies = ["z", "{old}", "a"]  # why\n'
    assert add_dependency(text, new) == f'[env]\ndependencies = ["z", "{expected}", "a"]  # why\n'


def test_another_marker_is_another_requirement() -> None:
    text = "[env]\ndependencies = [\"flask<3; python_version < '3.9'\"]\n"
    assert add_dependency(text, 'flask>=3; python_version >= "3.9"') == (
        "[env]\ndependencies = [\"flask<3; python_version < '3.9'\", "
        "'flask>=3; python_version >= \"3.9\"']\n"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[env]", "[env]\nLIST"),
        ("[env]\nname = 'x'\n\n# lock\n[lock]\n", "[env]\nname = 'x'\nLIST\n# lock\n[lock]\n"),
        ("[env]\ndependencies = []\n", "[env]\nLIST"),
        ("env.name = 'x'\n", "env.name = 'x'\nenv.LIST"),
        (
            "[env.optional-dependencies]\na = []\n",
            "[env]\nLIST\n[env.optional-dependencies]\na = []\n",
        ),
        (
            "[env.optional-dependencies]\na = []\n[lock]\n[env] # c\nname = 'x'\n[sync]\n",
            "[env.optional-dependencies]\na = []\n[lock]\n[env] # c\nname = 'x'\nLIST[sync]\n",
        ),
        (
            "[env]\nname = 'x'\noptional-dependencies.a = []\n",
            "[env]\nname = 'x'\noptional-dependencies.a = []\nLIST",
        ),
    ],
)
def test_the_first_dependency(text: str, expected: str) -> None:
    listed = 'dependencies = [\n    "new>=1",\n]\n'
    assert add_dependency(text, "new>=1") == expected.replace("LIST", listed)


def test_the_first_dependency_of_an_inline_table() -> None:
    text = add_dependency("env = {name = 'x'} # c\n[lock]\n", "new>=1")
    assert read(text) == Spec(name="x", own_name=N("x"), dependencies=(Requirement("new>=1"),))
    assert text.endswith("} # c\n[lock]\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[env]\n", '[env]\n\n[dependency-groups]\ndev = [\n    "new",\n]\n'),
        ("[env]\n\n", '[env]\n\n[dependency-groups]\ndev = [\n    "new",\n]\n'),
        (
            "[env]\n[dependency-groups]\nlint = []\n\n# lock\n[lock]\n",
            '[env]\n[dependency-groups]\nlint = []\ndev = [\n    "new",\n]\n\n# lock\n[lock]\n',
        ),
        (
            "[env]\n[dependency-groups]\nDEV = ['z', {include-group = 'lint'}]\nlint = []\n",
            (
                "[env]\n[dependency-groups]\n"
                "DEV = [\"new\", 'z', {include-group = 'lint'}]\nlint = []\n"
            ),
        ),
        (
            "dependency-groups.lint = []\n[env]\n",
            'dependency-groups.lint = []\ndependency-groups.dev = [\n    "new",\n]\n[env]\n',
        ),
    ],
)
def test_groups(text: str, expected: str) -> None:
    assert add_dependency(text, "new", group="dev") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[env]\nname = 'x'\n\n# lock\n[lock]\n",
            (
                "[env]\nname = 'x'\n\n[env.optional-dependencies]\nfast-json = [\n    \"new\",\n]\n"
                "\n# lock\n[lock]\n"
            ),
        ),
        (
            "[env]\n[lock]\n[env.optional-dependencies]\n\"fast.json\" = ['a'] # c\n",
            '[env]\n[lock]\n[env.optional-dependencies]\n"fast.json" = [\'a\', "new"] # c\n',
        ),
        (
            "[env]\n[lock]\n[env.optional-dependencies]\na = ['a'] # c\n[sync]\n",
            (
                "[env]\n[lock]\n[env.optional-dependencies]\na = ['a'] # c\nfast-json = [\n"
                '    "new",\n]\n[sync]\n'
            ),
        ),
        ("env.name = 'x'\n", None),
        ("env = {name = 'x'}\n", None),
        ("env = {name = 'x', optional-dependencies = {a = []}}\n", None),
        ("[env]\noptional-dependencies = {a = []}\n", None),
        ("[env]\noptional-dependencies.a = []\n", None),
    ],
)
def test_extras(text: str, expected: str | None) -> None:
    written = add_dependency(text, "new", extra="Fast_Json")
    assert read(written).optional_dependencies[N("fast-json")][-1] == Requirement("new")
    if expected is not None:
        assert written == expected


def test_windows_line_ends_stay() -> None:
    text = COMMENTED.replace("\n", "\r\n")
    for written in (
        add_dependency(text, "httpx"),
        add_dependency(text, "httpx", group="dev"),
        add_dependency(text, "httpx", extra="net"),
        remove_dependency(text, "six"),
        allow_build(text, ["six"]),
    ):
        assert written.count("\n") == written.count("\r\n")
        parse_spec(written, folder_name="x")


def test_a_byte_order_mark_stays() -> None:
    assert add_dependency("\ufeff[env]\ndependencies = ['a']\n", "b") == (
        "\ufeff[env]\ndependencies = ['a', \"b\"]\n"
    )


def test_add_what_is_there_changes_nothing() -> None:
    text = "[env]\ndependencies=['a']"
    assert add_dependency(text, "a") == text


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: add_dependency("[env]\n", "flask=3"), "did you mean 'flask==3'?"),
        (lambda: add_dependency("[env]\n", "a", group="x y"), "not a valid name"),
        (lambda: add_dependency("[env]\n", "a", extra=""), "not a valid name"),
        (lambda: add_dependency("[env]\n", "a", extra="x", group="y"), "not both"),
        (lambda: remove_dependency("[env]\n", "a=1"), "not a valid name"),
        (lambda: remove_dependency("[env]\n", "a"), "a is not in env.dependencies"),
        (
            lambda: remove_dependency(COMMENTED, "six", group="dev"),
            "six is not in dependency-groups.dev",
        ),
        (lambda: allow_build("[env]\n", ["-x"]), "not a valid name"),
        (lambda: new_spec("x", None, ["a b"]), "not a valid requirement"),
    ],
)
def test_what_cannot_be_done_is_a_usage_error(call: Callable[[], str], reason: str) -> None:
    with pytest.raises(UsageError, match=r".") as caught:
        call()
    assert reason in str(caught.value)


def test_a_hint_says_where_the_package_is() -> None:
    text = "[env]\n[dependency-groups]\nDev = ['Six']\n"
    with pytest.raises(UsageError) as caught:
        remove_dependency(text, "six")
    assert caught.value.hint == "it is in dependency-groups.Dev: `envsync remove --group Dev six`"
    with pytest.raises(UsageError) as caught:
        remove_dependency(text, "sixx", group="dev")
    assert caught.value.hint == "`envsync remove --group Dev six`"


def test_a_broken_file_is_not_edited() -> None:
    for text in ("", "[env", "[env]\ndependencies = 'x'\n", "[env]\ndependencies = ['a=1']\n"):
        with pytest.raises(SpecInvalid):
            add_dependency(text, "b")


def test_a_result_that_would_be_invalid_is_refused() -> None:
    with pytest.raises(SpecInvalid, match=r"gives this package a URL already"):
        add_dependency("[env]\n[sources]\na = {path = '.'}\n", "a @ https://f.example/a.whl")


def test_remove_keeps_everything_else() -> None:
    assert remove_dependency(COMMENTED, "SIX") == COMMENTED.replace(
        '    "six",  # old friend\n', ""
    )


def test_remove_takes_all_requirements_of_the_name() -> None:
    text = '[env]\ndependencies = ["a", "b<2; os_name == \'nt\'", "c", "B>=2"]\n'
    assert remove_dependency(text, "b") == '[env]\ndependencies = ["a", "c"]\n'


def test_remove_from_groups_and_extras() -> None:
    assert "ruff" not in remove_dependency(EVERYTHING, "ruff", group="lint").partition("[tasks]")[0]
    assert read(remove_dependency(EVERYTHING, "redis", extra="Redis")).optional_dependencies == {
        "redis": ()
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[env]\n", '[env]\n\n[build]\nallow = ["a", "b-c"]\n'),
        (
            "[env]\n[build]\n# c\nallow = ['aa'] # d\n",
            '[env]\n[build]\n# c\nallow = ["a", \'aa\', "b-c"] # d\n',
        ),
        ("[env]\n[build]\nallow = ['B_c', 'a']\n", "[env]\n[build]\nallow = ['B_c', 'a']\n"),
        ("[env]\n[build]\nallow = [':all:']", "[env]\n[build]\nallow = [':all:']"),
        (
            "[env]\n[build]\nconfig-settings = {}\n\n[lock]\n",
            '[env]\n[build]\nconfig-settings = {}\nallow = ["a", "b-c"]\n\n[lock]\n',
        ),
    ],
)
def test_allow_build(text: str, expected: str) -> None:
    assert allow_build(text, ["B.c", "a", "A"]) == expected


def test_allow_nothing() -> None:
    assert allow_build("not even TOML", []) == "not even TOML"


def test_new_spec_of_another_environment_speaks_of_it() -> None:
    text = new_spec("shop", None, environment="gpu")
    assert text.count("`envsync -e gpu ") == 3
    assert "makes .venv-gpu match" in text


def test_new_spec() -> None:
    assert (
        new_spec("shop", ">=3.11", ["rich", "flask>=3"])
        == """\
# What this project needs. `envsync add NAME` writes a package here, `envsync sync`
# makes .venv match it.

[env]
name = "shop"
requires-python = ">=3.11"
dependencies = [
    "flask>=3",
    "rich",
]

# For work on the project itself: `envsync add --group dev NAME`.
[dependency-groups]
dev = []
"""
    )


@pytest.mark.parametrize("name", ["shop", 'a "b" c', "it's", "\\", "é", "a'\"b"])
def test_new_specs_read_back(name: str) -> None:
    assert read(new_spec(name, None)) == Spec(
        name=name,
        own_name=N(name) if name == "shop" else None,
        dependency_groups={N("dev"): ()},
        default_groups=(N("dev"),),
    )


def test_a_name_that_cannot_be_shown_is_refused() -> None:
    with pytest.raises(SpecInvalid):
        new_spec("a\nb", None)


NAMES = st.sampled_from(["a", "B_b", "c.c", "dd", "E", "f-f", "zz"])
VERSIONS = st.sampled_from(
    ["", ">=1", "==2.*", "[x]", "[x,y]<3", "; os_name == 'nt'", ' >1; os_name != "nt"']
)
REQUIREMENTS = st.builds(lambda name, rest: name + rest, NAMES, VERSIONS)
PLACES = st.sampled_from(
    [(None, None), ("dev", None), ("Other.x", None), (None, "fast"), (None, "new_x")]
)
GAPS = st.sampled_from(["", " ", "\n", "\n    ", " # x, ]\n\t", "\n\n# y\n"])


def quoted(text: str) -> str:
    return f"'{text}'" if '"' in text else f'"{text}"'


@st.composite
def lists(draw: st.DrawFn) -> str:
    items = draw(st.lists(REQUIREMENTS, max_size=4))
    text = "[" + draw(GAPS)
    for item in items:
        text += quoted(item) + "," + draw(GAPS)
    return text + "]"


@st.composite
def specs(draw: st.DrawFn) -> str:
    """A valid env.toml in one of the many ways to write it."""
    comment = st.sampled_from(["", "\n", "# about\n", "\n# [x]\n\n"])
    env = draw(
        st.sampled_from(
            [
                "[env]\n{c}dependencies = {d}\n{c}[env.optional-dependencies]\nfast = {e}\n{c}",
                "[env]\n{c}[lock]\n[env.optional-dependencies]\n{c}fast = {e} # fast\n{c}",
                "[env.optional-dependencies]\nfast = {e}\n[sync]\n{c}[env]\ndependencies = {d}\n",
                "[env]\noptional-dependencies.fast = {e}\n{c}dependencies = {d} # d\n{c}",
                "env.dependencies = {d}\n{c}env.optional-dependencies.fast = {e}\n",
                "env = {{dependencies = {d}, optional-dependencies = {{ fast = {e} }} }} # e\n{c}",
                "[env]\n'dependencies' = {d}\n{c}optional-dependencies = {{ fast = {e} }}\n{c}",
                "[env]\n{c}",
            ]
        )
    ).format(c=draw(comment), d=draw(lists()), e=draw(lists()))
    groups = draw(
        st.sampled_from(
            [
                "",
                "[dependency-groups]\n{c}",
                "[dependency-groups]\nDev = {d}\n{c}",
                "[build]\nallow = ['q']\n{c}",
            ]
        )
    ).format(c=draw(comment), d=draw(lists()))
    text = draw(comment) + env + groups
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))


def listed(spec: Spec, place: tuple[str | None, str | None]) -> tuple[Requirement, ...]:
    group, extra = place
    if group is not None:
        return spec.dependency_groups.get(canonicalize_name(group), ())
    if extra is not None:
        return spec.optional_dependencies.get(canonicalize_name(extra), ())
    return spec.dependencies


def comment_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.lstrip().startswith("#")]


@given(specs(), REQUIREMENTS, PLACES)
def test_add_then_remove(text: str, requirement: str, place: tuple[str | None, str | None]) -> None:
    """What was added is read back; removed again, all lists are as they were."""
    group, extra = place
    before, wanted = read(text), Requirement(requirement)
    added = add_dependency(text, requirement, group=group, extra=extra)
    others = [each for each in listed(before, place) if each.name.lower() != wanted.name.lower()]
    after = listed(read(added), place)
    assert [each for each in after if each.name.lower() != wanted.name.lower()] == others
    assert any(each.name == wanted.name and each.marker == wanted.marker for each in after)
    removed = remove_dependency(added, wanted.name, group=group, extra=extra)
    assert list(listed(read(removed), place)) == others
    assert comment_lines(removed) == comment_lines(text)
    assert tomllib.loads(removed).get("build") == tomllib.loads(text).get("build")


@given(specs(), REQUIREMENTS, PLACES)
def test_adding_twice_is_adding_once(
    text: str, requirement: str, place: tuple[str | None, str | None]
) -> None:
    group, extra = place
    once = add_dependency(text, requirement, group=group, extra=extra)
    assert add_dependency(once, requirement, group=group, extra=extra) == once


@given(specs(), st.lists(NAMES, min_size=1))
def test_allowed_builds_read_back(text: str, names: list[str]) -> None:
    before = read(text)
    after = read(allow_build(text, names))
    allowed = {name.lower().replace("_", "-").replace(".", "-") for name in names}
    assert after.build.allow == before.build.allow | allowed
    assert after._replace(build=before.build) == before


@given(st.text() | st.text(alphabet="[]{}=.,'\"\n#env dp1\\-", max_size=60), st.text(max_size=10))
def test_any_text_gives_a_result_or_an_error_of_ours(text: str, requirement: str) -> None:
    edits: tuple[Callable[[], str], ...] = (
        lambda: add_dependency(text, requirement),
        lambda: add_dependency(text, "a", group=requirement),
        lambda: remove_dependency(text, requirement),
        lambda: allow_build(text, [requirement]),
        lambda: new_spec(requirement, requirement, [requirement]),
    )
    for edit in edits:
        error = refusal(edit)
        assert isinstance(error, EnvsyncError) or read(edit())
