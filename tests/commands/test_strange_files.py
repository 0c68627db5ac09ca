"""Whatever stands where a file is to be read, and however large: answered soon, and in words."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import Workplace

READERS = {
    "env.toml": (
        ["status"],
        ["sync"],
        ["sync", "--check"],
        ["lock"],
        ["run", "true"],
        ["add", "base"],
    ),
    "pylock.toml": (["status"], ["sync"], ["sync", "--frozen"], ["lock"], ["lock", "--check"]),
}


def fifo(path: Path) -> None:
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def socket_like(path: Path) -> None:
    path.symlink_to("/dev/null")


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.matrix(4)
@pytest.mark.parametrize("make", [fifo, endless, socket_like, folder])
@pytest.mark.parametrize("name", ["env.toml", "pylock.toml"])
def test_what_is_no_file_is_named_and_left(
    project: Workplace, name: str, make: Callable[[Path], None]
) -> None:
    project.given("sync")
    before = project.files()
    (project.project / name).unlink()
    make(project.project / name)
    for arguments in READERS[name]:
        ran = project.run(*arguments)
        assert ran.code in (1, 2), (arguments, ran)
        assert name in ran.err, arguments
        assert "hint: " in ran.err, arguments
    before.pop(name)
    assert {path: data for path, data in project.files().items() if path != name} == before


@pytest.mark.parametrize("make", [fifo, endless])
def test_file_of_variables_that_is_none(project: Workplace, make: Callable[[Path], None]) -> None:
    make(project.project / ".env")
    ran = project.run("run", "--env-file", ".env", "true")
    assert (ran.code, ".env: it is no regular file" in ran.err) == (1, True), ran.err


def test_file_of_variables_from_the_users_own_shell(project: Workplace) -> None:
    """A process substitution is a FIFO, too, but no file of the project."""
    reading, writing = os.pipe()
    os.write(writing, b"FROM_PIPE=yes\n")
    os.close(writing)
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "envsync", "run", "--env-file", f"/dev/fd/{reading}", "env"],
        cwd=project.project,
        env=project.environ,
        pass_fds=[reading],
        capture_output=True,
        check=False,
    )
    os.close(reading)
    assert (done.returncode, b"FROM_PIPE=yes\n" in done.stdout) == (0, True), done.stderr


def test_variables_that_double_each_other(project: Workplace) -> None:
    lines = ["A0=" + "x" * 100, *(f"A{n}=$A{n - 1}$A{n - 1}" for n in range(1, 60))]
    project.write("\n".join(lines), ".env")
    ran = project.run("run", "--env-file", ".env", "true")
    assert ran.code == 2
    assert "expansions come to more than 1024 KiB" in ran.err


def test_local_project_with_strange_files(project: Workplace) -> None:
    (project.project / "lib").mkdir()
    os.mkfifo(project.project / "lib/pyproject.toml")
    project.write('[env]\ndependencies = ["lib"]\n[sources]\nlib = { path = "lib" }\n')
    ran = project.run("lock")
    assert ran.code == 1
    assert "pyproject.toml" in ran.err


DEEP: dict[str, Callable[[], bytes]] = {
    "dotted": lambda: b"a" + b".a" * 50_000 + b" = 1\n",
    "dotted table": lambda: b"[" + b"a" + b".a" * 50_000 + b"]\n",
    "quoted": lambda: b'"a"' + b'."a"' * 30_000 + b" = 1\n",
    "spaced": lambda: b"a" + b" . a" * 30_000 + b" = 1\n",
    "brackets": lambda: b"a = " + b"[" * 100_000 + b"]" * 100_000 + b"\n",
    "braces": lambda: b"a = " + b"{a=" * 50_000 + b"1" + b"}" * 50_000 + b"\n",
    "digits": lambda: b"a = " + b"9" * 100_000 + b"\n",
    "many tables": lambda: b"".join(b"[a.b.c.d%d.e.f]\n" % n for n in range(400_000)),
    "many keys": lambda: b"".join(b"k%d = 1\n" % n for n in range(1_500_000)),
}


@pytest.mark.matrix(4)
@pytest.mark.parametrize("kind", DEEP)
def test_lock_that_no_tool_writes_is_refused_soon(project: Workplace, kind: str) -> None:
    project.given("lock")
    lock = project.project / "pylock.toml"
    lock.write_bytes(lock.read_bytes() + DEEP[kind]())
    for arguments in (["status"], ["lock", "--check"], ["sync", "--frozen"]):
        ran = project.run(*arguments)
        assert ran.code == 2, (arguments, ran.err[:300])
        assert len(ran.err) < 1000
        assert "pylock.toml" in ran.err
