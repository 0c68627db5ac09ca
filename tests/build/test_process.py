"""Commands of a build: bounded, scrubbed of control characters, and never left running."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.build.process import DEFAULT_LIMITS, Ended, Limits, printable, run

LOOP = "import time, sys\nwhile True:\n open(sys.argv[1], 'a').write('x')\n time.sleep(0.01)\n"
# Starts a child that writes for ever, says so, and then sleeps as long as the second argument says.
PARENT = f"""
import os, subprocess, sys, time
subprocess.Popen([sys.executable, '-c', {LOOP!r}, sys.argv[1]])
while not os.path.exists(sys.argv[1]):
    time.sleep(0.01)
print('started', flush=True)
time.sleep(float(sys.argv[2]))
"""


def python(
    code: str, *arguments: str, limits: Limits = DEFAULT_LIMITS, lines: list[str] | None = None
) -> Ended:
    return run(
        [sys.executable, "-c", code, *arguments],
        directory="/",
        environment={"A": "1"},
        limits=limits,
        on_line=(lines if lines is not None else []).append,
    )


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_still(path: Path) -> bool:
    """Tell whether nobody writes to a file any more."""
    size = path.stat().st_size
    time.sleep(0.15)
    return size == path.stat().st_size


def test_gives_output_line_by_line_and_the_exit_code() -> None:
    lines: list[str] = []
    code = "import os, sys; print('one\\n\\ntwo'); print('err', file=sys.stderr); sys.exit(7)"
    ended = python(code, lines=lines)
    assert ended[:2] == ("exit", 7)
    assert sorted(lines) == ["err", "one", "two"]


def test_a_signal_is_an_exit_code_too() -> None:
    assert python("import os; os.kill(os.getpid(), 11)") == ("exit", 128 + 11, "")


def test_has_only_the_given_environment_and_folder_and_no_input() -> None:
    code = "import os, sys; print(sorted(os.environ), os.getcwd(), repr(sys.stdin.read()))"
    assert python(code).output.strip() == "['A', 'LC_CTYPE'] / ''"


def test_variables_of_a_build_reach_nothing_of_envsyncs() -> None:
    """They may come from a stranger's env.toml, and what watches over the build is envsync's."""
    code = "import os; print(b'A=1' in open(f'/proc/{os.getppid()}/environ', 'rb').read())"
    assert python(code).output.strip() == "False"


def test_has_no_terminal_and_no_open_files() -> None:
    code = "import os; print(os.isatty(1), sorted(os.listdir('/proc/self/fd'))[:4])"
    assert python(code).output.strip() == "False ['0', '1', '2', '3']"


def test_a_command_that_is_missing_ends_with_127() -> None:
    ended = run(
        ["/none/python"], directory="/", environment={}, limits=Limits(), on_line=lambda _: None
    )
    assert ended == ("exit", 127, "/none/python: No such file or directory\n")


def test_keeps_the_end_of_long_output() -> None:
    lines: list[str] = []
    ended = python("print('x' * 9_000_000); print('end')", lines=lines)
    assert ended.output.endswith("x\nend\n")
    assert len(ended.output) <= 1 << 18
    assert lines == ["x" * 4096, "end"]


def test_ends_when_time_is_up() -> None:
    assert python("import time; time.sleep(60)", limits=Limits(seconds=0.3)).how == "timeout"


def test_ends_when_cancelled(tmp_path: Path) -> None:
    written = tmp_path / "f"
    ended = python(PARENT, str(written), "60", limits=Limits(cancelled=written.exists))
    assert ended.how == "cancelled"
    assert is_still(written)


def test_kills_what_the_command_leaves_behind(tmp_path: Path) -> None:
    ended = python(PARENT, str(tmp_path / "f"), "0")
    assert ended == ("exit", 0, "started\n")
    assert is_still(tmp_path / "f")


def test_does_not_wait_for_a_daemon_that_left_the_group() -> None:
    code = (
        "import subprocess, sys\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'],\n"
        "                     start_new_session=True)\n"
        "print(p.pid)"
    )
    start = time.monotonic()
    ended = python(code)
    os.kill(int(ended.output), signal.SIGKILL)
    assert ended.how == "exit"
    assert time.monotonic() - start < 30


def test_follows_a_command_that_closes_its_output(tmp_path: Path) -> None:
    code = "import os, time; os.close(1); os.close(2); time.sleep(60)"
    assert python(code, limits=Limits(seconds=0.3)).how == "timeout"


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_dies_with_its_starter(tmp_path: Path, name: str) -> None:
    """Hazard H49: nobody is left to write when envsync itself is killed."""
    written = tmp_path / "f"
    code = (
        "import sys\nfrom envsync.build.process import Limits, run\n"
        "run(sys.argv[1:], directory='/', environment={}, limits=Limits(), on_line=lambda _: None)"
    )
    command = [sys.executable, "-c", code, sys.executable, "-c", PARENT, str(written), "60"]
    starter = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    wait_until(written.exists)
    starter.send_signal(getattr(signal, name))
    starter.wait()
    wait_until(lambda: is_still(written))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"a\tb\r\nc\rd\n", "a\tb\nc\nd\n"),
        (b"\x1b[31mred\x1b[0m \x1b]0;title\x07x", "red x"),
        (b"\x1b[2J\x1b(B\x00\x07\x9b", "?(B??\N{REPLACEMENT CHARACTER}"),
        ("\u202eevil\u2028".encode(), "?evil?"),
        ("käse \N{CHECK MARK}".encode(), "käse \N{CHECK MARK}"),
    ],
)
def test_output_is_made_printable(data: bytes, text: str) -> None:
    assert text == printable(data)
