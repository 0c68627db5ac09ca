"""What the second environment of a machine has compiled in the background, for the third."""

import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from envsync.platform import background
from envsync.store.compile_request import Request
from tests.support.command import Workplace

SECONDS = 120
TAG = sys.implementation.cache_tag
PLAIN = {"ENVSYNC_NO_BACKGROUND": "0"}


def another(project: Workplace, tmp_path: Path, name: str) -> Workplace:
    """A project with the same lock, of the same user."""
    folder = tmp_path / name
    folder.mkdir()
    other = Workplace(folder)
    other.environ.clear()
    other.environ.update(project.environ)
    other.cache = project.cache
    for file in ("env.toml", "pylock.toml"):
        shutil.copy(project.project / file, other.project / file)
    return other


def compiled(place: Workplace) -> list[str]:
    return sorted(path.relative_to(place.site).as_posix() for path in place.site.rglob("*.pyc"))


def entries(place: Workplace) -> list[str]:
    """The entries of compiled files that are in the store."""
    try:
        return [name for name in os.listdir(place.cache / "bytecode-v1") if name[0] != "."]
    except FileNotFoundError:
        return []


def test_the_third_environment_has_what_was_compiled_after_the_second(
    project: Workplace, tmp_path: Path
) -> None:
    project.environ |= PLAIN
    project.ok("sync")
    second, third = (another(project, tmp_path, name) for name in ("second", "third"))
    ran = second.ok("sync", "-v")
    assert "compiling 3 wheels for other environments meanwhile" in ran.err
    deadline = time.monotonic() + SECONDS
    while len(entries(project)) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    third.ok("sync")
    assert compiled(third) == [
        f"__pycache__/base.{TAG}.pyc",
        f"__pycache__/checker.{TAG}.pyc",
        f"webby/__pycache__/__init__.{TAG}.pyc",
    ]
    third.ok("verify")
    # What is there stays as it is.
    for place in (project, second):
        assert compiled(place) == []
        place.ok("sync", "--check")
        assert "Nothing to do" in place.ok("sync").err
        assert compiled(place) == []


class Started:
    """What would have been started, for commands in this process."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.requests: list[Request] = []
        self.environ: Mapping[str, str] = {}
        self.command: Sequence[str] = ()
        patch.setattr(background, "start_in_background", self._start)

    def _start(self, command: Sequence[str], data: bytes, *, env: Mapping[str, str]) -> None:
        self.command, self.environ = command, env
        self.requests.append(Request.from_bytes(data))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    return Started(monkeypatch)


@pytest.fixture
def second(project: Workplace, tmp_path: Path, started: Started) -> Workplace:
    """A second environment to be; the first is there, and nothing was started for it."""
    assert project.here("sync", environ=PLAIN).code == 0
    assert started.requests == []
    return another(project, tmp_path, "second")


def sha256s(place: Workplace) -> set[str]:
    return set(os.listdir(place.cache / "wheels-v1"))


def test_what_is_started_knows_no_secret(second: Workplace, started: Started) -> None:
    secret = {"ENVSYNC_INDEX_CORP_PASSWORD": "pssst", "TOKEN": "pssst"}
    assert second.here("sync", environ={**PLAIN, **secret}).code == 0
    (request,) = started.requests
    assert set(request.wheels) == sha256s(second)
    assert request.cache_dir == str(second.cache)
    assert "pssst" not in repr((request, started.environ, started.command))
    assert str(second.project) not in repr((request, started.environ, started.command))


@pytest.mark.parametrize(
    ("arguments", "environ"),
    [
        ([], {"ENVSYNC_NO_BACKGROUND": "1"}),
        ([], {**PLAIN, "CI": "true"}),
        (["--no-compile-bytecode"], PLAIN),
        (["--compile-bytecode"], PLAIN),
    ],
)
def test_nothing_is_started_where_it_is_not_wanted(
    second: Workplace, started: Started, arguments: list[str], environ: dict[str, str]
) -> None:
    assert second.here("sync", *arguments, environ=environ).code == 0
    assert started.requests == []


@pytest.mark.parametrize("wanted", [True, False])
def test_the_user_s_own_settings_decide(
    second: Workplace, started: Started, tmp_path: Path, wanted: bool
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f"[background]\ncompile-bytecode = {str(wanted).lower()}\n")
    environ = {**PLAIN, "ENVSYNC_CONFIG_FILE": str(config)}
    assert second.here("sync", environ=environ).code == 0
    assert len(started.requests) == wanted


def test_a_config_that_cannot_be_read_is_no_error_of_a_sync(
    second: Workplace, started: Started, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[background]\ncompile = 1\n")
    environ = {**PLAIN, "ENVSYNC_CONFIG_FILE": str(config)}
    assert second.here("sync", "--frozen", environ=environ).code == 0
    assert started.requests == []


def test_only_what_is_linked_anew_is_asked_for(second: Workplace, started: Started) -> None:
    """Known from memory, too: a sync that parses neither env.toml nor the lock."""
    assert second.here("sync").code == 0
    assert second.here("sync", environ=PLAIN).code == 0
    assert started.requests == []
    (second.site / "base.py").unlink()
    assert second.here("sync", environ=PLAIN).code == 0
    (request,) = started.requests
    assert len(request.wheels) == 1


def test_what_cannot_be_started_is_no_error(
    second: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no processes left")

    monkeypatch.setattr(background, "start_in_background", refuse)
    ran = second.here("sync", environ=PLAIN)
    assert ran.code == 0
    assert "no processes" not in ran.err
