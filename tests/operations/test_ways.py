"""The short ways to an environment: when each is taken, and when it must not be."""

import os
import time
from pathlib import Path

import pytest

from envsync.operations import sync as everything
from envsync.operations.ways import root_in_sync
from envsync.project.request import FROZEN, LOCKED, LockOptions, Selection, SyncRequest
from tests.operations.conftest import Bench

PLAIN = SyncRequest()


@pytest.fixture
def synced(bench: Bench) -> Bench:
    """A project in sync, whose mark says so."""
    bench.publish("base", "1.0", "VERSION = 1\n")
    bench.write('"base"', '[dependency-groups]\nmore = ["base"]\n')
    bench.lock()
    time.sleep(0.1)  # a lock written in the same moment as the mark is hashed once more
    bench.sync()
    return bench


def test_the_mark_answers_for_what_it_is_about(synced: Bench) -> None:
    root = f"{synced.folder}/.venv"
    for request in (PLAIN, SyncRequest(trust=LOCKED)):
        assert root_in_sync(synced.project, request, synced.settings) == root


@pytest.mark.parametrize(
    "request_",
    [
        SyncRequest(trust=FROZEN),
        SyncRequest(lock=LockOptions(upgrade=True)),
        SyncRequest(lock=LockOptions(upgrade=frozenset(["base"]))),
        SyncRequest(verify=True),
        SyncRequest(Selection(groups=("more",))),
    ],
)
def test_the_mark_does_not_answer_who_asks_for_more(synced: Bench, request_: SyncRequest) -> None:
    assert root_in_sync(synced.project, request_, synced.settings) is None


@pytest.mark.parametrize(
    "change", [{"refresh": True}, {"compile_bytecode": True}, {"compile_bytecode": False}]
)
def test_the_mark_does_not_answer_under_settings_that_ask_for_more(
    synced: Bench, change: dict[str, bool]
) -> None:
    """`--refresh` asks the index again, whatever the mark says."""
    settings = synced.settings._replace(**change)  # type: ignore[arg-type]
    assert root_in_sync(synced.project, PLAIN, settings) is None


def worked_out(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note when everything is worked out."""
    calls: list[str] = []
    real = everything.sync_project

    def noted(*given: object, **named: object) -> object:
        calls.append("everything")
        return real(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(everything, "sync_project", noted)
    return calls


def test_what_is_remembered_is_not_worked_out(
    synced: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = worked_out(monkeypatch)
    (synced.site / "base.py").write_text("edited")
    done = synced.sync()
    assert calls == []
    assert done.lock is None
    assert done.outcome.comparison.drift.edited
    assert (synced.site / "base.py").read_text() == "VERSION = 1\n"


def test_what_the_store_lacks_is_fetched_on_the_way(
    synced: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = worked_out(monkeypatch)
    (synced.site / "base.py").unlink()
    for folder in Path(synced.settings.cache_dir).glob("wheels-*"):
        os.rename(folder, f"{folder}.gone")
    synced.sync()
    assert calls == []
    assert (synced.site / "base.py").read_text() == "VERSION = 1\n"


@pytest.mark.parametrize("change", ["env.toml", "refresh", "frozen", "verify", "selection"])
def test_everything_is_worked_out_where_the_meaning_is_not_known(
    synced: Bench, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = worked_out(monkeypatch)
    requests = {
        "frozen": SyncRequest(trust=FROZEN),
        "verify": SyncRequest(verify=True),
        "selection": SyncRequest(Selection(groups=("more",))),
    }
    if change == "env.toml":
        synced.write('"base"')
    if change == "refresh":
        synced.settings = synced.settings._replace(refresh=True)
    done = synced.sync(requests.get(change, PLAIN))
    assert calls == ["everything"]
    assert done.lock is not None


@pytest.mark.parametrize("times", [1, 2])
def test_a_sync_that_compiles_otherwise_than_env_toml_says_leaves_no_mark(
    bench: Bench, times: int
) -> None:
    """Who doesn't say the same wants what env.toml says; the second time is from memory."""
    bench.publish("base", "1.0")
    bench.write('"base"', "[sync]\ncompile-bytecode = true\n")
    plain, other = bench.settings, bench.settings._replace(compile_bytecode=False)
    bench.settings = other
    for _ in range(times):
        bench.sync()
    assert root_in_sync(bench.project, PLAIN, plain) is None
    assert not (bench.site / "__pycache__").exists()
    bench.settings = plain
    bench.sync()
    assert (bench.site / "__pycache__").exists()
