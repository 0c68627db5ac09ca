"""Interrupts: where they may come in, and that they end the process."""

import signal
import subprocess
import sys
import time

import pytest

HEAD = (
    "import os, signal, sys, time\nfrom envsync import interrupts\n"
    "interrupts.install(lambda: sys.stderr.write('last words\\n'))\n"
)


def run(code: str, *, ignored: signal.Signals | None = None) -> "subprocess.CompletedProcess[str]":
    """Run code in a process of its own, one signal ignored as `nohup` does."""

    def prepare() -> None:
        if ignored is not None:
            signal.signal(ignored, signal.SIG_IGN)

    return subprocess.run(
        [sys.executable, "-c", HEAD + code],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        preexec_fn=prepare,
    )


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_is_a_keyboard_interrupt_that_knows_its_exit_code(name: str, code: int) -> None:
    ran = run(
        f"try:\n    os.kill(os.getpid(), signal.{name}); time.sleep(10)\n"
        "except KeyboardInterrupt as interrupt:\n    print(interrupt.exit_code)\n"
    )
    assert ran.stdout == f"{code}\n", ran.stderr


def test_held_work_is_done_before_the_interrupt_comes_in() -> None:
    ran = run(
        "try:\n"
        "    with interrupts.held():\n"
        "        with interrupts.held():\n"
        "            os.kill(os.getpid(), signal.SIGTERM)\n"
        "            print('inner')\n"
        "        print('outer')\n"
        "    print('never')\n"
        "except KeyboardInterrupt as interrupt:\n    print(interrupt.exit_code)\n"
    )
    assert ran.stdout == "inner\nouter\n143\n", ran.stderr


def test_what_does_not_end_in_time_is_ended() -> None:
    started = time.monotonic()
    ran = run(
        "with interrupts.held():\n    os.kill(os.getpid(), signal.SIGTERM)\n    time.sleep(25)\n"
    )
    assert (ran.returncode, ran.stderr) == (143, "last words\n")
    assert time.monotonic() - started < 15


def test_an_ignored_signal_stays_ignored() -> None:
    ran = run("os.kill(os.getpid(), signal.SIGHUP); print('still here')", ignored=signal.SIGHUP)
    assert ran.stdout == "still here\n", ran.stderr


def test_no_interrupt_comes_in_once_the_work_is_done() -> None:
    ran = run("interrupts.ignore(); os.kill(os.getpid(), signal.SIGTERM); print('end')")
    assert (ran.returncode, ran.stdout) == (0, "end\n")
