"""Commands on what a loss of power left: healed without `--force` and without the network."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands.conftest import publish
from tests.support.command import SECONDS, Ran, Workplace
from tests.support.index_server import IndexServer
from tests.support.notes import explain
from tests.support.wheels import make_wheel

RESTARTED = """
import sys
import envsync.platform.durable
envsync.platform.durable._BOOT_ID = sys.argv.pop(1)
from envsync.__main__ import main
sys.argv[0] = "envsync"
sys.exit(main())
"""


def after_restart(place: Workplace, *arguments: str) -> Ran:
    """Run envsync as after another start of the system."""
    boot = place.project.parent / "boot"
    boot.write_text("another-run-of-the-system\n")
    done = subprocess.run(
        [sys.executable, "-c", RESTARTED, str(boot), *arguments],
        cwd=place.project,
        env=place.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def garbage(path: Path) -> None:
    """Other bytes with the size, time and permissions that were promised (delayed allocation)."""
    status = path.stat()
    fresh = path.with_name("fresh")
    fresh.write_bytes(b"\0" * status.st_size)
    fresh.chmod(status.st_mode & 0o7777)
    os.utime(fresh, ns=(status.st_mtime_ns, status.st_mtime_ns))
    above = path.parent.stat()
    fresh.replace(path)
    os.utime(path.parent, ns=(above.st_mtime_ns, above.st_mtime_ns))


def hole(path: Path) -> None:
    fresh = path.with_name("fresh")
    fresh.touch()
    fresh.replace(path)


@pytest.fixture(params=["hardlink", "copy"])
def synced(project: Workplace, server: IndexServer, request: pytest.FixtureRequest) -> Workplace:
    project.write(f'{project.read()}\n[sync]\nlink-mode = "{request.param}"\n')
    project.given("sync")
    server.forget()
    return project


@pytest.mark.parametrize("damage", [garbage, hole])
def test_a_first_environment_is_compared_by_bytes_once_after_a_restart(
    synced: Workplace, server: IndexServer, damage: Callable[[Path], None]
) -> None:
    good = (synced.site / "webby/data.txt").read_bytes()
    damage(synced.site / "webby/data.txt")
    check = after_restart(synced, "sync", "--check")
    assert (check.code, "webby" in check.err) == (3, True)
    assert after_restart(synced, "sync").code == 0
    assert (synced.site / "webby/data.txt").read_bytes() == good
    assert after_restart(synced, "sync", "--check").code == 0
    assert server.paths() == []


def test_run_compares_a_first_environment_too(synced: Workplace, server: IndexServer) -> None:
    garbage(synced.site / "base.py")
    ran = after_restart(synced, "run", "python", "-c", "import base; print(base.VERSION)")
    assert (ran.code, ran.out) == (0, "2\n")
    assert server.paths() == []


def test_an_environment_that_was_compared_is_not_compared_again(synced: Workplace) -> None:
    first = after_restart(synced, "sync")
    assert (first.code, "Nothing to do" in first.err) == (0, True)
    garble_unseen(synced)
    assert after_restart(synced, "sync", "--check").code == 0
    assert after_restart(synced, "verify").code == 3


def garble_unseen(place: Workplace) -> None:
    """Damage a file so that only a look at every byte sees it."""
    garbage(place.site / "base.py")
    explain(place, place.site / "base.py")


def test_an_environment_is_not_compared_by_bytes_without_a_restart(synced: Workplace) -> None:
    garble_unseen(synced)
    assert synced.run("sync", "--check").code == 0
    assert after_restart(synced, "sync", "--check").code == 3


def test_an_updated_environment_is_on_disk_and_not_compared(
    synced: Workplace, server: IndexServer
) -> None:
    publish(server, make_wheel("late", "1.0", {"late.py": "LATE = 1\n"}))
    synced.ok("add", "late")
    garble_unseen(synced)
    assert after_restart(synced, "sync", "--check").code == 0


@pytest.mark.parametrize("name", ["id", "manifest"])
def test_an_emptied_file_of_envsyncs_own_is_healed(
    synced: Workplace, server: IndexServer, name: str
) -> None:
    before = synced.files()
    path = synced.venv / ".envsync" / name
    path.chmod(0o644)
    path.write_bytes(b"")
    assert after_restart(synced, "sync", "--check").code == 3
    done = after_restart(synced, "sync")
    assert (done.code, done.err.count("--force")) == (0, 0)
    assert synced.files() == before
    assert after_restart(synced, "sync", "--check").code == 0
    assert server.paths() == []


def test_links_into_a_store_that_was_torn_are_mended(
    project: Workplace, server: IndexServer
) -> None:
    project.write(f'{project.read()}\n[sync]\nlink-mode = "symlink"\n')
    project.ok("sync")
    target = (project.site / "base.py").resolve()
    garbage(target)
    assert after_restart(project, "sync").code == 0
    assert project.python("import base; print(base.VERSION)") == "2"
    assert after_restart(project, "sync", "--check").code == 0


def test_an_emptied_record_of_what_an_environment_uses_is_written_anew(synced: Workplace) -> None:
    (record,) = (synced.cache / "environments-v1").iterdir()
    before = record.read_bytes()
    record.write_bytes(b"")
    assert after_restart(synced, "sync").code == 0
    assert record.read_bytes() == before
