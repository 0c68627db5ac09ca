"""Tasks as the commands that they run, and mistakes between tasks."""

import tomllib
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.errors import SpecInvalid
from envsync.spec.task_names import may_be_task
from envsync.spec.tasks import Step, Tasks, plain_tasks, steps_of
from tests.spec.samples import read


def problems(text: str) -> list[str]:
    with pytest.raises(SpecInvalid) as caught:
        read(f"[env]\n[tasks]\n{text}")
    return list(caught.value.problems)


def test_command_with_arguments_appended() -> None:
    tasks = {"test": "A=1 pytest -q"}
    steps = list(steps_of(tasks, "test", ["-x", "a b"]))
    assert steps == [Step("test", ("pytest", "-q", "-x", "a b"), (("A", "1"),))]


def test_list_of_commands_and_tasks() -> None:
    tasks: Tasks = {
        "lint": "ruff check",
        "test": "V=1 pytest",
        "check": ("lint", "V=2 W=3 test -x", "mypy ."),
        "all": ("X=4 check", "lint --fix"),
    }
    assert list(steps_of(tasks, "all")) == [
        Step("lint", ("ruff", "check"), (("X", "4"),)),
        Step("test", ("pytest", "-x"), (("V", "1"), ("V", "2"), ("W", "3"), ("X", "4"))),
        Step("check", ("mypy", "."), (("X", "4"),)),
        Step("lint", ("ruff", "check", "--fix")),
    ]


def test_command_is_no_task_even_if_it_has_the_name_of_one() -> None:
    tasks = {"pytest": "pytest -q", "again": "pytest"}
    assert list(steps_of(tasks, "pytest")) == [Step("pytest", ("pytest", "-q"))]
    assert list(steps_of(tasks, "again")) == [Step("again", ("pytest",))]


def test_lists_of_lists_are_not_written_out() -> None:
    tasks = {f"t{n}": (f"t{n + 1}", f"t{n + 1}") for n in range(2000)} | {"t2000": "x"}
    text = "".join(
        f"{name} = {list(task) if isinstance(task, tuple) else repr(task)}\n"
        for name, task in tasks.items()
    )
    spec = read(f"[env]\n[tasks]\n{text}")
    assert list(islice(steps_of(spec.tasks, "t0"), 3)) == [Step("t2000", ("x",))] * 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = ['a']", "line 3: tasks.a: the task runs itself: a -> a"),
        ("a = ['b']\nb = ['c']\nc = ['x', 'a']", "runs itself: "),
        ("a = ['b x']\nb = ['c']", "line 3: tasks.a[0]: the task b is a list"),
        ("a = []", "line 3: tasks.a: the list is empty"),
        ("a = 'x | y'", "line 3: tasks.a: no shell runs this, so | means nothing"),
        ("a = [\n'x',\n'echo $X']", "line 5: tasks.a[1]: no shell runs this, so $X means nothing"),
    ],
)
def test_mistakes(text: str, expected: str) -> None:
    (problem,) = problems(text)
    assert expected in problem


def test_circle_is_shown_in_the_order_of_running() -> None:
    (problem,) = problems("a = ['b']\nb = ['c']\nc = ['a']")
    assert any(
        f"{circle};" in problem
        for circle in ("a -> b -> c -> a", "b -> c -> a -> b", "c -> a -> b -> c")
    )


NAME = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,6}", fullmatch=True)


@given(NAME, st.sampled_from(["'", '"']), st.sampled_from(["", " ", "\t  "]), st.booleans())
def test_every_spelling_of_a_task_is_seen(name: str, quote: str, space: str, inline: bool) -> None:
    bare = not set(name) & set(".:")
    for key in (f"{quote}{name}{quote}", *([name] if bare else [])):
        pair = f"{key}{space}={space}'x'"
        for text in (
            f"[env]\n[tasks]\n{pair}\n",
            f"[env]\n[{quote}tasks{quote}]\nfirst = 'y'\n  {pair}\n",
            f"tasks = {{first = 'y', {pair}}}\n[env]\n",
            f"tasks.{pair}\n[env]\n",
            f"tasks{space}.{space}{pair}\n[env]\n",
        ):
            if name != "first":
                assert name in read(text).tasks
                assert may_be_task(text.encode(), name)


def test_spelling_by_escapes_is_seen() -> None:
    for text in ('[env]\n["\\u0074asks"]\na = "x"\n', '[env]\n[tasks]\n"\\U00000061" = "x"\n'):
        assert read(text).tasks == {"a": "x"}
        assert may_be_task(text.encode(), "a")


def test_what_is_certainly_no_task() -> None:
    text = b"[env]\npython = '3'\ndependencies = ['pytest==8']\n[tasks]\ntest = 'pytest -q'\n"
    assert [
        name for name in ("python", "pytest", "ruff", "test", "tes") if may_be_task(text, name)
    ] == ["test"]
    assert not may_be_task(b"[env]\nruff = 1\n", "ruff")


@pytest.mark.parametrize(
    "text",
    [
        "a = 'x y'\nb = ['a', 'c d']\n",
        "",
        "a = ['a']",
        "a = []",
        "a = 'x | y'",
        "a = 1",
        "a = ['x', 1]",
        "a = ['b x']\nb = ['c']",
    ],
)
def test_plain_reading_gives_the_same_or_leaves_it(text: str) -> None:
    found = plain_tasks(tomllib.loads(text))
    if found is None:
        assert problems(text)
    else:
        assert found == read(f"[env]\n[tasks]\n{text}").tasks
