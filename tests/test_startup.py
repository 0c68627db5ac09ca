"""What is imported on the shortest paths of the program, and what every error carries."""

import inspect
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from envsync import errors
from envsync.errors import EnvsyncError
from tests.commands.conftest import SPEC, publish
from tests.support.command import Workplace
from tests.support.index_server import IndexServer
from tests.support.wheels import make_wheel

SHOW_MODULES = """
import atexit, os, sys
before = set(sys.modules)
def show():
    import json
    names = sorted(set(shown) - before)
    sys.stdout.write(json.dumps(names))
class Keep(dict):
    pass
import envsync.__main__ as entry
shown = None
def finish():
    global shown
    shown = list(sys.modules)
    show()
atexit.register(finish)
leave = os._exit
def leave_at_once(code):  # the shortest paths do
    finish()
    sys.stdout.flush()
    leave(code)
os._exit = leave_at_once
sys.argv = ["envsync", *ARGUMENTS]
sys.exit(entry.main())
"""

STAMP = {
    *(
        "envsync",
        "envsync.platform",
        "envsync.platform.durable",
        "envsync.platform.fork_join",
        "envsync.platform.many_files",
        "envsync.platform.user",
        "envsync.environment",
        "envsync.environment.stamp",
    ),
}
NOTHING_TO_DO = STAMP | {"envsync.__main__", "_operator", "gc"}  # but ours, built into Python

# Heavy ones, none of which a sync from the store may need.
HEAVY = {
    *("packaging", "resolvelib", "tomllib", "tomlkit", "orjson", "pycurl", "rich", "json", "csv"),
    *("email", "http", "urllib", "logging", "dataclasses", "subprocess", "shutil", "tempfile"),
    *("concurrent", "asyncio", "distlib", "pyproject_hooks", "zipfile", "deflate"),
}


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    """A synced project whose interpreter is chosen by env.toml."""
    with IndexServer(cache_control="max-age=600") as server:
        publish(server, make_wheel("base", "2.0"), make_wheel("checker", "7.0"))
        publish(server, make_wheel("webby", "1.5"))
        made = Workplace(tmp_path, server.url)
        del made.environ["ENVSYNC_PYTHON"]
        text = SPEC.replace("[env]", f'[env]\npython = "{sys.executable}"', 1)
        made.write(text.split("[env.optional")[0])
        made.ok("lock")
        time.sleep(0.1)  # a lock written in the same moment as the stamp is hashed once more
        made.ok("sync")
    return made


def imported(place: Workplace, *arguments: str) -> set[str]:
    """The modules that a command imports beyond those that Python starts with."""
    code = SHOW_MODULES.replace("ARGUMENTS", repr(list(arguments)))
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=place.project,
        env={**place.environ, "PYTHONPATH": str(Path(errors.__file__).parent.parent)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return set(json.loads(done.stdout))


def test_sync_with_nothing_to_do_imports_only_the_stamp(place: Workplace) -> None:
    assert imported(place, "sync") - {"envsync_speedups"} == NOTHING_TO_DO


@pytest.mark.parametrize("arguments", [["lock"], ["lock", "--check"]])
def test_lock_with_nothing_to_do_imports_only_what_remembers_it(
    place: Workplace, arguments: list[str]
) -> None:
    assert imported(place, *arguments) == {
        *("envsync", "envsync.__main__", "envsync.platform", "envsync.platform.flags"),
        *("envsync.platform.user", "envsync.project", "envsync.project.answered"),
        *("_blake2", "gc"),
    }


def test_what_a_lock_is_made_with_unpacks_nothing() -> None:
    code = (
        "import sys, envsync.operations.lock, envsync.operations.unchanged\n"
        "unpacking = ('envsync.store', 'envsync.sync')\n"
        "print([name for name in sys.modules if name.startswith(unpacking)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == b"[]\n"


def test_lock_from_kept_pages_imports_nothing_of_the_network(place: Workplace) -> None:
    """Nor what explains failures, or reads HTML, direct sources, or parts of wheels."""
    os.unlink(place.project / "pylock.toml")
    found = imported(place, "lock")
    assert (place.project / "pylock.toml").exists()
    unneeded = {
        *("pycurl", "envsync.index.curl", "envsync.index.html_page", "envsync.index.sdist"),
        *("envsync.resolve.explain", "envsync.resolve.conflicts", "envsync.catalog.direct"),
        *("envsync.acquire.later", "envsync.wheel.tail", "packaging.direct_url"),
    }
    assert found & unneeded == set()


def test_fresh_environment_from_the_store_imports_nothing_heavy(place: Workplace) -> None:
    subprocess.run(["rm", "-rf", place.venv], check=True)
    found = imported(place, "sync")
    assert (place.venv / "bin/python").exists()
    assert {name for name in found if name.partition(".")[0] in HEAVY} == set()


def test_run_with_nothing_to_do_becomes_the_command(place: Workplace) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "envsync", "run", "true"],
        cwd=place.project,
        env=place.environ,
        capture_output=True,
        check=True,
    )
    names = {line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines()}
    ours = {name for name in names if name.startswith("envsync")} - {"envsync_speedups"}
    assert ours == STAMP | {"envsync.platform.execute"}


ERRORS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, Exception) and kind.__module__ == errors.__name__
]


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_has_a_base_an_exit_code_and_a_place_in_the_tree(
    kind: type[EnvsyncError],
) -> None:
    assert issubclass(kind, EnvsyncError)
    assert kind.exit_code in (1, 2, 3)
    assert kind is EnvsyncError or kind.__name__ in (errors.__doc__ or "")
    parameters = inspect.signature(kind).parameters
    assert parameters["hint"].kind is inspect.Parameter.KEYWORD_ONLY


def test_output_to_a_closed_pipe_is_quiet(place: Workplace) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "envsync", "lock", "--check", "--json"],
        cwd=place.project,
        env=place.environ,
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write)
    assert b"Traceback" not in done.stderr
