"""Interrupts: where they may come in, and that they end the process."""

import signal
import subprocess
import sys
import time

import pytest

HEAD = (
    "import os, signal, sys, time\nfrom envsync.platform import interrupts\n"
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


def test_an_interrupt_in_a_finalizer_comes_in_afterwards() -> None:
    ran = run(
        "class Late:\n"
        "    def __del__(self):\n        os.kill(os.getpid(), signal.SIGTERM); print('deleted')\n"
        "try:\n"
        "    Late()\n    time.sleep(10)\n    print('never')\n"
        "except KeyboardInterrupt as interrupt:\n    print(interrupt.exit_code)\n"
    )
    assert (ran.stdout.splitlines()[-1], ran.stderr) == ("143", "")


def test_an_interrupt_in_a_finalizer_waits_for_held_work() -> None:
    ran = run(
        "class Late:\n    def __del__(self): os.kill(os.getpid(), signal.SIGINT); str()\n"
        "late = Late()\n"
        "try:\n"
        "    del late\n"
        "    with interrupts.held():\n        time.sleep(0.2); print('held')\n"
        "    print('never')\n"
        "except KeyboardInterrupt as interrupt:\n    print(interrupt.exit_code)\n"
    )
    assert (ran.stdout.splitlines()[-1], ran.stderr) == ("130", "")


def test_what_else_a_finalizer_raises_is_said_as_ever() -> None:
    ran = run("class Bad:\n    def __del__(self): raise ValueError('told')\nBad()\n")
    assert "ValueError: told" in ran.stderr


def test_an_interrupt_that_was_dropped_in_the_last_moment_does_not_spoil_the_end() -> None:
    ran = run(
        "class Late:\n    def __del__(self): os.kill(os.getpid(), signal.SIGTERM); str()\n"
        "late = Late(); del late; interrupts.ignore(); time.sleep(0.2); print('end')\n"
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "end\n", "")
