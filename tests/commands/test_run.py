"""`envsync run`: what a command gets, how it ends, and what is said when it can't be started."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Ran, Workplace

SPEC = f"""\
[env]
name = "my shop"
python = "{sys.executable}"

[tasks]
hello = "python -c 'print(1)'"
"""

SHOW = "import os, json, sys; print(json.dumps([sys.prefix, sys.argv[1:], dict(os.environ)]))"


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A project without dependencies, in sync; no test changes it for long."""
    place = Workplace(tmp_path_factory.mktemp("run"))
    place.write(SPEC)
    place.given("lock")
    time.sleep(0.1)  # a lock written in the same moment as the stamp is hashed once more
    place.given("sync")
    return place


@pytest.fixture(params=["short", "long"])
def place(request: pytest.FixtureRequest, synced: Workplace) -> Iterator[Workplace]:
    """The project, on the shortest path of the program and on the one that parses options."""
    before = dict(synced.environ)
    synced.environ.pop("ENVSYNC_PYTHON", None)
    if request.param == "long":
        synced.environ["ENVSYNC_NO_PROGRESS"] = "1"
    yield synced
    synced.environ.clear()
    synced.environ.update(before)


def bare(place: Workplace, *command: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command without envsync."""
    return subprocess.run(
        command, cwd=place.project, env=place.environ, capture_output=True, check=False
    )


def test_command_gets_the_environments_variables_and_all_others_as_they_are(
    place: Workplace,
) -> None:
    place.environ.update(ODD="a\nb", VIRTUAL_ENV="/other")
    before = bare(place, "env", "-0").stdout.split(b"\0")
    after = place.ok("run", "env", "-0").out.encode().split(b"\0")
    path = place.environ["PATH"]
    changed = {
        f"PATH={place.venv}/bin:{path}",
        f"VIRTUAL_ENV={place.venv}",
        "VIRTUAL_ENV_PROMPT=my shop",
    }
    replaced = {f"PATH={path}".encode(), b"VIRTUAL_ENV=/other"}
    assert {*after} - {*before} == {line.encode() for line in changed}
    assert {*before} - {*after} == replaced


def test_process_is_replaced_and_signals_are_as_python_found_them(place: Workplace) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "envsync", "run", "cat", "/proc/self/status"],
        cwd=place.project,
        env=place.environ,
        stdout=subprocess.PIPE,
    )
    shown = dict(line.split(b":", 1) for line in (child.communicate()[0]).splitlines())
    plain = dict(
        line.split(b":", 1) for line in bare(place, "cat", "/proc/self/status").stdout.splitlines()
    )
    assert int(shown[b"Pid"]) == child.pid
    for name in (b"SigIgn", b"SigBlk", b"FDSize", b"Umask"):
        assert shown[name] == plain[name]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import sys; sys.exit(7)", 7),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
    ],
)
def test_exit_code_is_the_commands(place: Workplace, code: str, expected: int) -> None:
    assert place.run("run", "python", "-c", code).code == expected


def test_standard_input_and_a_closed_pipe_are_the_commands(place: Workplace) -> None:
    done = subprocess.run(
        f"seq 1000000 | {sys.executable} -m envsync run sh -c 'cat; echo $?  >&2' | head -n 1",
        shell=True,
        cwd=place.project,
        env=place.environ,
        capture_output=True,
        check=False,
    )
    assert done.stdout == b"1\n"
    assert done.stderr.strip() in (b"141", b"")  # the shell may be ended, too


def test_python_module_file_and_standard_input(place: Workplace, tmp_path: Path) -> None:
    script = tmp_path / "it is.py"
    script.write_text("import sys; print(sys.prefix, sys.argv)\n")
    for words in (
        ["python", str(script), "-x"],
        [str(script), "-x"],
        ["--", str(script), "-x"],
        ["-s", str(script), "-x"],
        ["--script", str(script), "-x"],
    ):
        assert place.ok("run", *words).out == f"{place.venv} {[str(script), '-x']}\n"
    assert place.ok("run", "-m", "json.tool", "--help").out.startswith("usage:")
    done = subprocess.run(
        [sys.executable, "-m", "envsync", "run", "-", "-x"],
        input=script.read_bytes(),
        cwd=place.project,
        env=place.environ,
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode() == f"{place.venv} {['-', '-x']}\n"


def test_options_of_the_command_are_its_own(place: Workplace) -> None:
    code = "import sys; print(sys.argv[1:])"
    words = ["-q", "--", "-h", "--json", "", "a b"]
    assert place.ok("run", "python", "-c", code, *words).out == f"{words}\n"
    assert place.ok("run", "--", "python", "-c", code, *words).out == f"{words}\n"


def refused(place: Workplace, code: int, *arguments: str) -> Ran:
    before = place.files()
    ran = place.run(*arguments)
    assert (ran.code, ran.out) == (code, ""), ran.err
    assert "hint:" in ran.err
    assert place.files() == before
    return ran


def test_what_can_not_be_started(place: Workplace, tmp_path: Path) -> None:
    files = {
        "plain": ("text", 0o644),
        "plain.py.txt": ("text", 0o755),
        "lost": ("#!/nowhere/python\n", 0o755),
    }
    for name, (text, mode) in files.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(mode)
    for command, part in (
        ("pytohn", "`envsync run python`"),
        ("helo", "`envsync run hello`"),
        ("zzzzz", "envsync add NAME"),
        ("./nothing", "check the path"),
        ("nothing.py", "check the path"),
        (str(tmp_path / "plain"), "chmod +x"),
        (str(tmp_path / "plain.py.txt"), "is no program"),
        (str(tmp_path / "lost"), "first line"),
        (str(tmp_path), "is a folder"),
    ):
        assert part in refused(place, 1, "run", command).err, command


def test_without_a_command_the_tasks_are_listed(place: Workplace) -> None:
    assert place.ok("run").out == "hello  python -c 'print(1)'\n"
    assert '"hello": "python -c' in place.ok("run", "--json").out
    assert "MODULE" not in refused(place, 2, "run", "-m").out


def test_variables_of_files(place: Workplace, tmp_path: Path) -> None:
    (tmp_path / "one.env").write_text("A=one\nB=${A}-$HERE\nHERE=file\nPATH=/lost\n")
    (tmp_path / "two.env").write_text("A=two\nC=$B\nPYTHONHOME=/lost\nVIRTUAL_ENV=/lost\n")
    place.environ.update(HERE="process")
    one, two = str(tmp_path / "one.env"), str(tmp_path / "two.env")
    code = "import os; print([os.environ.get(n) for n in ('A','B','C','HERE','VIRTUAL_ENV')])"
    expected = f"{['two', 'one-process', 'one-process', 'process', str(place.venv)]}\n"
    command = ["python", "-c", code]
    assert place.ok("run", "--env-file", one, "--env-file", two, *command).out == expected
    place.environ["ENVSYNC_ENV_FILE"] = f"{one} {two}"
    assert place.ok("run", *command).out == expected


def test_unusable_files_of_variables(place: Workplace, tmp_path: Path) -> None:
    bad = tmp_path / "bad.env"
    bad.write_text("A=1\n\nB\n")
    assert (
        "bad.env: line 3: expected" in refused(place, 2, "run", "--env-file", str(bad), "true").err
    )
    assert "no such file" in refused(place, 2, "run", "--env-file", "none.env", "true").err
    assert "no such file" in refused(place, 2, "run", "--env-file", str(tmp_path), "true").err


def test_without_sync_the_environment_is_taken_as_it_is(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    place.write(SPEC)
    ran = refused(place, 1, "run", "--no-sync", "true")
    assert "no environment" in ran.err
    assert "`envsync sync`" in ran.err
    place.write("[env]\n", "env.test.toml")
    assert (
        "`envsync -e test sync`" in refused(place, 1, "-e", "test", "run", "--no-sync", "true").err
    )
    place.given("sync")
    place.write(SPEC + 'more = "true"\n[dependency-groups]\ndev = ["not-there-at-all"]\n')
    code = "import sys; print(sys.prefix)"
    assert place.ok("run", "--no-sync", "python", "-c", code).out == f"{place.venv}\n"
    place.environ["ENVSYNC_NO_SYNC"] = "1"
    assert place.ok("run", "python", "-c", code).out == f"{place.venv}\n"


def test_another_environment_of_the_project(place: Workplace) -> None:
    place.write(SPEC.replace("my shop", "other"), "env.test.toml")
    try:
        code = "import os, sys; print(sys.prefix, os.environ['VIRTUAL_ENV_PROMPT'])"
        other = f"{place.project}/.venv-test"
        assert place.ok("run", "-e", "test", "python", "-c", code).out == f"{other} other\n"
        assert place.ok("-e", "test", "run", "hello").out == "1\n"
        assert place.ok("run", "python", "-c", code).out == f"{place.venv} my shop\n"
    finally:
        for name in ("env.test.toml", "pylock.test.toml"):
            (place.project / name).unlink()
        subprocess.run(["rm", "-rf", other], check=True)


def test_current_folder_stays_and_the_project_is_found_above_it(place: Workplace) -> None:
    below = place.project / "below"
    below.mkdir(exist_ok=True)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "envsync",
            "run",
            "python",
            "-c",
            "import os,sys; print(os.getcwd(), sys.prefix)",
        ],
        cwd=below,
        env=place.environ,
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode() == f"{below} {place.venv}\n"


def test_outside_of_a_project(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    (place.project / "x.py").write_text("print(1)\n")
    assert "no env.toml" in refused(place, 2, "run", "true").err
    assert "# /// script" in refused(place, 2, "run", "x.py").err
    assert "no file y.py" in refused(place, 2, "run", "y.py").err


def test_short_path_is_taken_when_tasks_have_other_names(synced: Workplace) -> None:
    environ = {k: v for k, v in synced.environ.items() if k != "ENVSYNC_PYTHON"}
    # What is asked for is another thing without the variable, so the first time is no short path.
    command = [sys.executable, "-m", "envsync", "run", "true"]
    subprocess.run(command, cwd=synced.project, env=environ, capture_output=True, check=True)
    for words, expected in (
        (["run", "true"], True),
        (["run", "--", "hello"], False),
        (["run", "hello"], False),
    ):
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "envsync", *words],
            cwd=synced.project,
            env=environ,
            capture_output=True,
            check=False,
        )
        assert (b"argparse" not in done.stderr) is expected, words
