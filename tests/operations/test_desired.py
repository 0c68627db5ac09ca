"""What an environment is to be: interpreter, pins under a selection, and what decided it."""

import hashlib
import os
from pathlib import Path

import pytest

from envsync.errors import HashMismatch, LockInvalid, LockMissing, LockOutdated, UsageError
from envsync.lock.pins import Pinned
from envsync.operations.desired import (
    desired_on_disk,
    lock_for_sync,
    lock_on_disk,
    with_inputs,
)
from envsync.operations.lock_file import LockOutcome
from envsync.project.env_toml import read_spec
from envsync.project.request import FROZEN, LOCKED, LockOptions, Selection
from envsync.sync.desired import DesiredEnvironment
from tests.operations.conftest import Bench
from tests.support.wheels import make_sdist, make_wheel

SPEC = """\
[env.optional-dependencies]
fast = ["fast"]
slow = ["slow"]

[dependency-groups]
dev = ["devel"]
docs = ["docs"]
"""
ALL = {"base", "fast", "slow", "devel", "docs"}


@pytest.fixture
def parted(bench: Bench) -> Bench:
    """A locked project with two extras and two groups, of which one is a default."""
    for name in ALL:
        bench.publish(name, "1.0")
    bench.write('"base"', SPEC)
    bench.lock()
    return bench


def desired(bench: Bench, selection: Selection = Selection()) -> DesiredEnvironment:  # noqa: B008
    return on_disk(bench, FROZEN, selection)[1]


def on_disk(
    bench: Bench,
    trust: str,
    selection: Selection = Selection(),  # noqa: B008
) -> tuple[LockOutcome, DesiredEnvironment]:
    spec, _ = read_spec(bench.project)
    given = (bench.project, spec, selection, bench.settings, bench.told)
    return desired_on_disk(*given, trust=trust)


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), {"base", "devel"}),
        (Selection(default_groups=False), {"base"}),
        (Selection(no_groups=("Dev",)), {"base"}),
        (Selection(groups=("Docs",)), {"base", "devel", "docs"}),
        (Selection(groups=("docs",), default_groups=False), {"base", "docs"}),
        (Selection(all_groups=True), {"base", "devel", "docs"}),
        (Selection(all_groups=True, no_groups=("docs",)), {"base", "devel"}),
        (Selection(extras=("Fast",)), {"base", "devel", "fast"}),
        (Selection(all_extras=True), {"base", "devel", "fast", "slow"}),
        (Selection(all_extras=True, no_extras=("Slow",)), {"base", "devel", "fast"}),
        (Selection(extras=("slow",), no_extras=("slow",)), {"base", "devel"}),
        (Selection(all_groups=True, all_extras=True), ALL),
    ],
)
def test_a_selection_takes_in_and_leaves_out(
    parted: Bench, selection: Selection, expected: set[str]
) -> None:
    goal = desired(parted, selection)
    assert {pin.name for pin in goal.pins} == expected
    assert goal.selection == selection.line(parted.settings.python)


def test_what_conflicts_is_not_installed_together(parted: Bench) -> None:
    parted.write('"base"', SPEC + '[lock]\nconflicts = [["fast", "docs"]]\n')
    parted.lock()
    with pytest.raises(UsageError) as caught:
        desired(parted, Selection(extras=("Fast",), groups=("docs",)))
    assert caught.value.message == (
        "lock.conflicts keeps group docs and extra fast apart: install one of them"
    )
    assert caught.value.hint == "leave one out, such as with `--no-extra fast`"
    desired(parted, Selection(extras=("fast",), groups=("docs",), no_groups=("docs",)))
    desired(parted, Selection(extras=("slow",), groups=("docs",)))


def test_env_toml_decides_how_the_environment_is_made(bench: Bench) -> None:
    bench.server.add("base", *make_sdist("base", "1.0"))
    bench.write(
        '"base"',
        'system-site-packages = true\npath = "other/env"\n'
        '[lock]\noverrides = ["nobody<2"]\nignore-requires-python = ["base"]\n'
        '[sync]\nlink-mode = "copy"\nkeep = ["base/data/**"]\ncompile-bytecode = true\n'
        '[sync.winners]\n"base.py" = "base"\n'
        '[build]\nallow = ["base"]\n[build.environment.base]\nCFLAGS = "-O1"\n',
    )
    bench.lock()
    goal = desired(bench)
    assert (goal.root, goal.base) == (f"{bench.folder}/other/env", str(bench.folder))
    assert (goal.prompt, goal.system_site_packages, goal.link_mode) == ("shop", True, "copy")
    assert (goal.overrides, goal.any_python) == (("nobody<2",), ("base",))
    assert (goal.keep, dict(goal.winners)) == (("base/data/**",), {"base.py": "base"})
    assert (goal.compile_bytecode, set(goal.recipes)) == (True, {"base"})
    assert bench.told.details[-1] == f"Python {goal.target.version}: {goal.target.executable}"
    bench.settings = bench.settings._replace(compile_bytecode=False)
    assert not desired(bench).compile_bytecode


def test_an_environment_whose_path_is_a_good_link_lies_where_that_leads(parted: Bench) -> None:
    (parted.folder / "elsewhere").mkdir()
    (parted.folder / ".venv").symlink_to("elsewhere")
    goal = desired(parted)
    assert goal.root == f"{parted.folder}/.venv"
    assert goal.folder == f"{parted.folder}/elsewhere"


def test_the_interpreter_fits_the_lock_where_env_toml_says_nothing(bench: Bench) -> None:
    (bench.folder / "env.toml").write_text("[env]\n")
    bench.lock()
    lock = bench.folder / "pylock.toml"
    text = lock.read_text()
    assert 'requires-python = ">=3.' in text
    head, _, rest = text.partition('requires-python = "')
    lock.write_text(head + 'requires-python = ">=3.99' + rest[rest.index('"') :])
    with pytest.raises(Exception, match=r"3\.99"):
        desired(bench)


# --- the lock that is worked from ---------------------------------------------------------------


def for_sync(bench: Bench, trust: str | None) -> LockOutcome:
    spec, _ = read_spec(bench.project)
    given = (bench.project, spec, bench.settings, bench.told)
    return lock_for_sync(*given, trust=trust, options=LockOptions())


def to_compare(bench: Bench, trust: str) -> LockOutcome:
    return on_disk(bench, trust)[0]


def test_a_lock_that_answers_is_taken_under_every_trust(parted: Bench) -> None:
    for trust in (None, LOCKED, FROZEN):
        lock = for_sync(parted, trust)
        assert lock.fresh
        assert lock.texts() == []
        assert lock.data == (parted.folder / "pylock.toml").read_bytes()
    assert to_compare(parted, LOCKED).fresh


def test_a_lock_that_does_not_answer_is_made_anew_refused_or_taken(parted: Bench) -> None:
    parted.write('"base>=1"', SPEC)
    lock = for_sync(parted, None)
    assert not lock.fresh
    assert [text.path for text in lock.texts()] == [parted.project.lock_path]
    assert for_sync(parted, FROZEN).fresh
    assert to_compare(parted, FROZEN).fresh
    for give in (for_sync, to_compare):
        with pytest.raises(LockOutdated):
            give(parted, LOCKED)


def test_without_a_lock_there_is_none_to_take(bench: Bench) -> None:
    bench.write("")
    spec, _ = read_spec(bench.project)
    given = (bench.project, spec, bench.settings, bench.told)
    with pytest.raises(LockMissing):
        lock_on_disk(*given, trust=LOCKED)
    with pytest.raises(UsageError, match=r"there is no pylock\.toml") as caught:
        lock_on_disk(*given, trust=FROZEN)
    assert caught.value.hint == "`envsync lock` makes it"


@pytest.fixture
def local(bench: Bench) -> Bench:
    """A wheel in the project, locked."""
    filename, content = make_wheel("own", "1.0")
    (bench.folder / filename).write_bytes(content)
    bench.write('"own"', f'[sources]\nown = {{ path = "{filename}" }}\n')
    bench.lock()
    return bench


def wheel(bench: Bench) -> Path:
    (path,) = bench.folder.glob("*.whl")
    return path


def test_a_file_of_the_project_that_was_altered_is_refused(local: Bench) -> None:
    for trust in (LOCKED, FROZEN):
        assert for_sync(local, trust).fresh
    wheel(local).write_bytes(b"other")
    for trust in (LOCKED, FROZEN):
        with pytest.raises(HashMismatch):
            for_sync(local, trust)
    with pytest.raises(LockOutdated, match=r"own-1\.0"):
        to_compare(local, LOCKED)
    assert to_compare(local, FROZEN).fresh


def test_a_file_that_is_gone_may_be_in_the_store_of_a_frozen_sync_alone(local: Bench) -> None:
    wheel(local).unlink()
    assert for_sync(local, FROZEN).fresh
    with pytest.raises(Exception, match=r"own-1\.0"):
        for_sync(local, LOCKED)


# --- what decided it ----------------------------------------------------------------------------


def inputs(bench: Bench) -> dict[str, str]:
    lock, goal = on_disk(bench, FROZEN)
    assert goal.inputs == ()
    given = with_inputs(goal, bench.project, *read_spec(bench.project), lock)
    assert given._replace(inputs=()) == goal
    return dict(given.inputs)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_env_toml_the_lock_and_local_wheels_decide_by_their_bytes(local: Bench) -> None:
    found = inputs(local)
    python = desired(local).target.executable
    expected = [local.folder / "env.toml", local.folder / "pylock.toml", wheel(local)]
    assert found == {python: "", **{str(path): sha256(path) for path in expected}}


def source(bench: Bench, how: str, text: str | None) -> Bench:
    (bench.folder / "lib/own").mkdir(parents=True)
    if text is not None:
        (bench.folder / "lib/own/pyproject.toml").write_text(text)
    bench.write('"own"', f"[sources]\nown = {{ path = '{how}' }}\n")
    return bench


def test_a_folder_decides_by_its_metadata_where_it_is_editable(bench: Bench) -> None:
    text = '[project]\nname = "own"\nversion = "1.0"\n'
    source(bench, "lib/own", text)
    bench.write('"own"', "[sources]\nown = { path = 'lib/own', editable = true }\n")
    bench.lock()
    assert inputs(bench)[f"{bench.folder}/lib/own/pyproject.toml"] == ""
    bench.write('"own"', "[sources]\nown = { path = 'lib/own', editable = false }\n")
    bench.lock()
    assert inputs(bench) == {}  # every file of it counts


def test_a_folder_below_the_one_that_is_named_is_the_one_that_counts(bench: Bench) -> None:
    bench.write("")
    bench.lock()
    lock, goal = on_disk(bench, FROZEN)
    spec, text = read_spec(bench.project)
    (bench.folder / "lib/own").mkdir(parents=True)

    def given(pin: Pinned) -> dict[str, str]:
        return dict(with_inputs(goal._replace(pins=(pin,)), bench.project, spec, text, lock).inputs)

    pin = Pinned("own", None, "directory", "", None, "lib", "", {}, editable=True)
    below = pin._replace(subdirectory="own")
    assert given(below) == given(pin) == {}  # a mark can't say that a file isn't there
    (bench.folder / "lib/own/pyproject.toml").write_text('[project]\nname = "own"\nversion = "1"\n')
    path = f"{bench.folder}/lib/own/pyproject.toml"
    assert path in given(below)
    assert given(pin) == {}
    (bench.folder / "pyproject.toml").write_text('[project]\nname = "own"\nversion = "1"\n')
    assert f"{bench.folder}/pyproject.toml" in given(pin._replace(path="."))
    assert os.path.isabs(min(given(below)))


def test_a_damaged_lock_is_told(parted: Bench) -> None:
    (parted.folder / "pylock.toml").write_text("not toml")
    for trust in (LOCKED, FROZEN):
        with pytest.raises(LockInvalid):
            for_sync(parted, trust)
