"""What goes on after a command: nobody's child, without a terminal, behind everybody else."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from envsync.platform.background import start_in_background

SECONDS = 60

TELL = """\
import json, os, sys
where = sys.argv[1]
with open(int(sys.argv[2]), "rb") as file:
    data = file.read().decode()
at = "/proc/self/fd/"
facts = {
    "data": data,
    "parent": os.getppid(),
    "session": os.getsid(0),
    "folder": os.getcwd(),
    "environ": sorted(os.environ),
    "outputs": [os.readlink(f"{at}{number}") for number in (0, 1, 2)],
    "open": [number for number in range(3, 99) if os.path.lexists(f"{at}{number}")],
}
with open(where + ".new", "w") as file:
    json.dump(facts, file)
os.rename(where + ".new", where)
"""


def test_it_has_nothing_of_the_command_that_started_it(tmp_path: Path) -> None:
    told = tmp_path / "told"
    reading, writing = os.pipe()  # what is open here, as locks are, is closed there
    try:
        command = [sys.executable, "-I", "-c", TELL, str(told)]
        start_in_background(command, b"what to do", env={"PATH": "/bin:/usr/bin"})
        deadline = time.monotonic() + SECONDS
        while not told.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        os.close(writing)
        os.close(reading)
    facts = json.loads(told.read_text())
    assert facts["data"] == "what to do"
    assert facts["parent"] != os.getpid()
    assert facts["session"] != os.getsid(0)
    assert facts["folder"] == "/"
    assert facts["outputs"] == [os.devnull] * 3
    assert facts["open"] == []
    # A shell adds these of its own.
    assert set(facts["environ"]) - {"PATH", "PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"} == set()
    with pytest.raises(ChildProcessError):  # no child, and so no zombie, is left
        os.waitpid(-1, os.WNOHANG)


def test_without_a_shell_it_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("envsync.platform.background._SHELL", str(tmp_path / "none"))
    with pytest.raises(OSError, match="none"):
        start_in_background([sys.executable], b"", env={})


def test_it_is_last_in_line_and_its_time_is_bounded() -> None:
    code = (
        "import os, signal\n"
        "from envsync.platform.background import give_way\n"
        "give_way(1000)\n"
        "print(os.nice(0), os.sched_getscheduler(0) == os.SCHED_IDLE, signal.alarm(0) > 900)\n"
        "try: signal.raise_signal(signal.SIGALRM)\n"
        "except TimeoutError: print('told', signal.alarm(0) > 0)\n"
        "signal.raise_signal(signal.SIGALRM)\n"
        "print('not reached')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.stdout.decode().split("\n") == ["19 True True", "told True", ""]
    assert done.returncode == -signal.SIGALRM
