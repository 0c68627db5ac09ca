"""With few file descriptors a sync is whole or not at all, and says what to do."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands.conftest import publish
from tests.support.command import Ran, Workplace
from tests.support.index_server import IndexServer
from tests.support.wheels import make_wheel

LIMITS = [100, 64, 32, 24, 16, 12, 9, 7]
SPEC = '[env]\nname = "shop"\nrequires-python = ">=3.11"\ndependencies = ["wide=={}"]\n'


def wide(version: str) -> tuple[str, bytes]:
    """A package of many folders, some deep, and others in each version."""
    files = {f"wide/p{number}/__init__.py": f"V = '{version}'\n" for number in range(150)}
    files |= {f"wide/{version}/{number}/x.py": version for number in range(150)}
    files |= {"wide/" + "/".join(f"d{n}" for n in range(40)) + f"/{version}.py": version}
    return make_wheel("wide", version, files)


@pytest.fixture
def place(tmp_path: Path, server: IndexServer) -> Workplace:
    """A synced project that is about to change, with a deep folder of the user's in the way."""
    publish(server, wide("1.0"), wide("2.0"))
    made = Workplace(tmp_path, server.url)
    for version in ("2.0", "1.0"):  # both are in the store
        made.write(SPEC.format(version))
        made.given("sync")
    deep = made.site / "wide/p7" / "/".join(f"mine{number}" for number in range(120))
    deep.mkdir(parents=True)
    (deep / "notes.txt").write_text("notes")
    (made.site / "wide/p8/__init__.py").unlink()
    (made.site / "wide/p8/__init__.py").write_text("edited")
    made.write(SPEC.format("2.0"))
    return made


def limited(place: Workplace, limit: int, *arguments: str) -> Ran:
    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    done = subprocess.run(
        [sys.executable, "-m", "envsync", *arguments],
        cwd=place.project,
        env=place.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        preexec_fn=few,
        timeout=120,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".envsync" not in path.parts
    }


def replace_python(place: Workplace) -> None:
    """The environment is to be made anew: its state is gone."""
    (place.venv / ".envsync/manifest").unlink()


@pytest.mark.matrix(3)
@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("prepare", [lambda _: None, replace_python], ids=["update", "anew"])
def test_a_sync_is_whole_or_not_at_all(
    place: Workplace, limit: int, prepare: Callable[[Workplace], None]
) -> None:
    prepare(place)
    before, files = contents(place.site), place.files()
    ran = limited(place, limit, "sync")
    assert "Traceback" not in ran.err or limit < 10, ran.err
    if ran.code != 0:
        assert limit < 32, ran.err
        assert contents(place.site) == before
        assert place.files() == files
        assert not (place.venv / ".envsync/journal").exists()
        if "Traceback" not in ran.err:
            assert "hint: " in ran.err
            assert "ulimit -n" in ran.err
    place.ok("sync")
    place.ok("sync", "--check", "--verify")
    (notes,) = (place.venv / ".envsync/quarantine").rglob("notes.txt")
    assert notes.read_text() == "notes"
    if limit >= 16:
        assert limited(place, limit, "sync", "--discard").code == 0
        assert not (place.venv / ".envsync/quarantine").exists()
    assert os.listdir(place.venv.parent).count(".venv") == 1
    assert not [name for name in os.listdir(place.project) if "envsync-" in name]
