"""What `run` takes its words for, in which environment, and how a task's commands end."""

import os
from pathlib import Path

import pytest

from envsync.errors import EnvsyncError, ProjectNotFound, UsageError
from envsync.operations import run, standard_input
from envsync.operations.run import (
    Asked,
    Job,
    enter_for,
    environ_of,
    find_job,
    go_to_project,
    run_step,
    steps,
    tasks_of,
    words_of,
)
from envsync.operations.start import Inside
from envsync.project.paths import Project
from envsync.project.request import LockOptions, Selection, SyncRequest
from tests.operations.conftest import Bench

PLAIN = SyncRequest()
TASKS = """\
[tasks]
one = "python -V"
many = ["one", "ONE=1 sh -c 'exit 3'"]
"""
BLOCK = "# /// script\n# dependencies = []\n# ///\nprint(1)\n"


@pytest.fixture
def bench(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A project with tasks, in whose folder `run` was typed."""
    bench.write("", TASKS)
    monkeypatch.chdir(bench.folder)
    return bench


@pytest.fixture
def outside(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a project, in which `run` was typed."""
    folder = bench.folder.parent / "outside"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def job_of(bench: Bench, *words: str, **how: object) -> Job:
    asked = Asked(words, str(os.getcwd()), **how)  # type: ignore[arg-type]
    return find_job(asked, bench.settings, bench.told)


def test_a_word_is_a_task_where_the_project_has_one_and_else_a_command(bench: Bench) -> None:
    task = job_of(bench, "one", "-x")
    assert task.tasks is not None
    assert set(task.tasks) == {"one", "many"} == set(tasks_of(bench.project))
    assert (task.words, task.python, task.project) == (("one", "-x"), False, bench.project)
    command = job_of(bench, "two", "-x")
    assert (command.tasks, command.python) == (None, False)
    assert job_of(bench, "one", literal=True).tasks is None


def test_a_list_of_commands_takes_no_arguments(bench: Bench) -> None:
    assert job_of(bench, "many").tasks is not None
    with pytest.raises(UsageError, match="the task many is a list of commands, and takes no"):
        job_of(bench, "many", "-x")


def test_a_module_is_one_whatever_it_is_called(bench: Bench) -> None:
    (bench.folder / "it.py").write_text(BLOCK)
    for name in ("one", "it.py", "-"):
        job = job_of(bench, name, "-x", module=True)
        assert (job.words, job.python, job.tasks) == (("-m", name, "-x"), True, None)
        assert job.project == bench.project


def test_a_python_file_that_is_there_is_a_script(bench: Bench) -> None:
    (bench.folder / "plain.py").write_text("print(1)\n")
    job = job_of(bench, "plain.py", "-x")
    assert (job.words, job.python, job.project) == (("plain.py", "-x"), True, bench.project)
    assert not job_of(bench, "gone.py").python
    (bench.folder / "folder.py").mkdir()
    assert not job_of(bench, "folder.py").python
    (bench.folder / "plain").write_text("print(1)\n")
    assert not job_of(bench, "plain").python
    assert job_of(bench, "plain", script=True).python


def test_a_script_with_metadata_is_a_project_of_its_own(bench: Bench) -> None:
    (bench.folder / "own.py").write_text(BLOCK)
    job = job_of(bench, "own.py")
    assert job.project.script == "own.py"
    assert job.project.root.startswith(bench.settings.cache_dir)
    assert job.python
    assert bench.told.warnings == []
    job_of(bench, "own.py", environment="test")
    assert bench.told.warnings == ["own.py has an environment of its own: --env is not used"]


def test_outside_of_a_project_a_script_must_say_what_it_needs(bench: Bench, outside: Path) -> None:
    (outside / "own.py").write_text(BLOCK)
    (outside / "plain.py").write_text("print(1)\n")
    assert job_of(bench, "own.py").project.script == "own.py"
    with pytest.raises(UsageError, match=r"plain\.py doesn't say what it needs") as caught:
        job_of(bench, "plain.py")
    assert "PEP 723" in str(caught.value.hint)


def test_outside_of_a_project_a_missing_script_is_told_as_that(bench: Bench, outside: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no file gone\.py, and no env\.toml in"):
        job_of(bench, "gone.py")
    for words, how in ((("tool",), {}), (("gone.py",), {"module": True})):
        with pytest.raises(ProjectNotFound) as caught:
            job_of(bench, *words, **how)
        assert caught.value.message.startswith("no env.toml in")


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What comes by standard input; its limit is noted."""
    given = [b"print(1)\n"]

    def read(limit: int) -> bytes:
        return given[0][:limit]

    monkeypatch.setattr(standard_input, "read_ahead", read)
    monkeypatch.setattr(run, "LIMIT", 100)
    return given


def test_a_hyphen_is_a_script_by_standard_input(bench: Bench, typed: list[bytes]) -> None:
    job = job_of(bench, "-", "-x")
    assert (job.words, job.python, job.project) == (("-", "-x"), True, bench.project)
    typed[0] = BLOCK.encode()
    assert job_of(bench, "-").project.script == "standard input"


def test_a_script_by_standard_input_has_a_limit(bench: Bench, typed: list[bytes]) -> None:
    typed[0] = b"#" * 100
    assert job_of(bench, "-").python
    typed[0] = b"#" * 101
    with pytest.raises(UsageError, match="larger than 100 bytes: too large for a script"):
        job_of(bench, "-")


def test_the_environment_that_is_named_is_looked_for(bench: Bench) -> None:
    (bench.folder / "env.test.toml").write_text("[env]\n")
    assert job_of(bench, "tool", environment="test").project.environment == "test"


def test_variables_of_files_stand_behind_those_that_are_there(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bench.folder / ".env").write_text("MINE=file\nOTHER=file\n")
    monkeypatch.setenv("MINE", "given")
    environ = environ_of([".env"])
    assert (environ["MINE"], environ["OTHER"]) == ("given", "file")
    assert "OTHER" not in environ_of([])


# --- the environment ----------------------------------------------------------------------------


def entered(bench: Bench, job: Job, request: SyncRequest = PLAIN, **how: bool) -> Inside:
    how = {"no_sync": False, **how}
    return enter_for(job, request, bench.settings, bench.told, **how)


def test_a_job_is_run_in_its_projects_environment(bench: Bench) -> None:
    job = job_of(bench, "tool", "-x")
    inside = entered(bench, job)
    assert inside.root == f"{bench.folder}/.venv"
    assert words_of(job, inside) == ["tool", "-x"]
    module = job_of(bench, "http", module=True)
    assert words_of(module, inside) == [f"{inside.root}/bin/python", "-m", "http"]
    with pytest.raises(EnvsyncError, match="there is no environment"):
        entered(bench, job_of(bench, "tool")._replace(project=_other(bench)), no_sync=True)


def _other(bench: Bench) -> Project:
    (bench.folder / "env.test.toml").write_text("[env]\n")
    return job_of(bench, "tool", environment="test").project


def test_a_script_has_an_environment_in_the_cache_and_no_groups(bench: Bench) -> None:
    (bench.folder / "own.py").write_text(BLOCK)
    job = job_of(bench, "own.py")
    inside = entered(bench, job)
    assert inside.root == f"{job.project.root}/.venv"
    assert inside.settings.script_folder == str(bench.folder)
    for selection in (Selection(groups=("dev",)), Selection(all_extras=True)):
        with pytest.raises(UsageError, match="environment of its own, without groups and extras"):
            entered(bench, job, SyncRequest(selection))


def test_refresh_means_newer_versions_for_a_script(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody locks a script by hand: asking the index anew is asking for what is new there."""
    requests: list[SyncRequest] = []

    def note(project: object, request: SyncRequest, *_: object, **__: object) -> Inside:
        requests.append(request)
        return Inside("", bench.project, Selection(), bench.settings)

    monkeypatch.setattr(run, "enter", note)
    (bench.folder / "own.py").write_text(BLOCK)
    job, plain = job_of(bench, "own.py"), job_of(bench, "tool")
    entered(bench, job)
    bench.settings = bench.settings._replace(refresh=True)
    entered(bench, job)
    entered(bench, plain)
    named = SyncRequest(lock=LockOptions(upgrade=frozenset(["base"])))
    entered(bench, job, named)
    assert requests == [PLAIN, SyncRequest(lock=LockOptions(upgrade=True)), PLAIN, named]


@pytest.fixture
def lint(bench: Bench) -> Bench:
    """An environment with a group whose command a plain sync would remove."""
    scripts = {"console_scripts": {"lint": "linter:main", "python-lint": "linter:main"}}
    bench.publish("linter", "1.0", entry_points=scripts)
    bench.write("", '[dependency-groups]\nmore = ["linter"]\n[tasks]\ncheck = ["lint", "true"]\n')
    bench.sync(SyncRequest(Selection(groups=("more",))))
    return bench


@pytest.mark.parametrize("words", [("lint", "a b"), ("check",)])
def test_a_command_that_this_sync_would_remove_is_not_taken_away(
    lint: Bench, words: tuple[str, ...]
) -> None:
    job = job_of(lint, *words)
    with pytest.raises(EnvsyncError, match="lint is of linter, which this run would remove") as c:
        entered(lint, job)
    assert "it belongs to the group more; nothing was changed" in c.value.message
    line = "lint 'a b'" if words[0] == "lint" else "check"
    assert c.value.hint == f"`envsync run --group more {line}`"
    assert (lint.site / "linter.py").exists()
    inside = entered(lint, job, SyncRequest(Selection(groups=("more",))))
    assert inside.synced is None
    assert (lint.site / "linter.py").exists()


@pytest.mark.parametrize(
    ("words", "how"),
    [
        (("lint",), {"module": True}),
        (("other",), {}),
        (("./lint",), {}),
        (("python-lint",), {}),
    ],
)
def test_any_other_command_is_synced_for(
    lint: Bench, words: tuple[str, ...], how: dict[str, object]
) -> None:
    entered(lint, job_of(lint, *words, **how))
    assert not (lint.site / "linter.py").exists()


def test_a_command_that_is_not_there_can_not_be_taken_away(lint: Bench) -> None:
    lint.sync()
    (lint.folder / ".venv/bin/python").unlink()  # there is something to do
    os.utime(lint.folder / ".venv/bin")
    assert entered(lint, job_of(lint, "lint")).synced is not None


def test_env_path_is_where_the_command_is_looked_for(lint: Bench) -> None:
    text = (lint.folder / "env.toml").read_text()
    lint.write("", 'path = "other/env"\n' + text[text.index("[dep") :])
    lint.sync(SyncRequest(Selection(groups=("more",))))
    for name in (".venv", "gone"):
        if (lint.folder / ".venv").exists():
            os.rename(lint.folder / ".venv", lint.folder / name)
    with pytest.raises(EnvsyncError, match="lint is of linter"):
        entered(lint, job_of(lint, "lint"))


# --- the commands of tasks ----------------------------------------------------------------------


def test_a_task_begins_in_the_projects_folder(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bench.folder / "src"
    folder.mkdir()
    monkeypatch.chdir(folder)
    job = job_of(bench, "one")
    environ = go_to_project(job, {"MINE": "1", "PWD": "x"})
    assert os.getcwd() == str(bench.folder)
    assert environ == {"MINE": "1", "INIT_CWD": str(folder), "PWD": str(bench.folder)}


def test_the_steps_of_a_task_come_in_order_with_their_arguments(bench: Bench) -> None:
    assert [step.words for step in steps(job_of(bench, "one", "-x"))] == [("python", "-V", "-x")]
    first, second = steps(job_of(bench, "many"))
    assert first.words == ("python", "-V")
    assert (second.words, second.variables) == (("sh", "-c", "exit 3"), (("ONE", "1"),))


def test_a_step_of_a_list_is_a_child_with_its_own_variables(bench: Bench) -> None:
    inside = Inside("/no/env", bench.project, Selection(), bench.settings)
    bench.write("", '[tasks]\nmany = ["ONE=1 sh -c \'exit $ONE$TWO\'", "nobodys-command"]\n')
    job = job_of(bench, "many")
    first, second = steps(job)
    environ = {"PATH": os.environ["PATH"], "ONE": "0", "TWO": "2"}
    assert run_step(inside, job, first, environ) == 12
    with pytest.raises(EnvsyncError, match="no command nobodys-command in /no/env"):
        run_step(inside, job, second, environ)


def test_a_tasks_only_command_takes_the_place_of_the_process(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Replaced(Exception):
        """The process would be another now."""

    def become(inside: Inside, command: list[str], environ: dict[str, str]) -> None:
        raise Replaced(inside.root, command, environ)

    monkeypatch.setattr(run, "become", become)
    bench.write("", '[tasks]\none = "ONE=1 tool"\n')
    inside = Inside("/no/env", bench.project, Selection(), bench.settings)
    job = job_of(bench, "one", "-x")
    (step,) = steps(job)
    with pytest.raises(Replaced) as caught:
        run_step(inside, job, step, {"TWO": "2"})
    assert caught.value.args == ("/no/env", ["tool", "-x"], {"ONE": "1", "TWO": "2"})
