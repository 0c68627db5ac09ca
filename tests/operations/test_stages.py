"""The stages that operations report: each once at a time, begun where its work is, and ended."""

import shutil

import pytest

from envsync.events import Stage
from envsync.operations.sync import check_project
from envsync.project.request import SyncRequest
from tests.operations.conftest import Bench, Told


class Stages(Told):
    """Sees that no stage is begun twice at a time, and that each is ended."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[Stage] = []

    def begin(self, stage: Stage, total: int | None = None) -> None:
        assert stage not in self.open
        self.open.append(stage)
        super().begin(stage, total)

    def advance(self, stage: Stage, amount: int = 1, detail: str = "") -> None:
        assert stage in self.open

    def end(self, stage: Stage) -> None:
        if stage in self.open:  # what ended may be ended again
            self.open.remove(stage)

    def taken(self) -> list[Stage]:
        """Give what was begun since this was asked last; all of it has ended."""
        assert self.open == []
        begun, self.stages = self.stages, []
        return begun


@pytest.fixture
def told(bench: Bench) -> Stages:
    bench.told = told = Stages()
    bench.publish("base", "1.0")
    bench.write('"base"')
    return told


def test_locking_resolves_once(bench: Bench, told: Stages) -> None:
    bench.lock()
    assert told.taken() == [Stage.RESOLVING]


def test_a_first_environment_is_downloaded_unpacked_and_linked(bench: Bench, told: Stages) -> None:
    bench.lock()
    told.taken()
    bench.sync()
    assert told.taken() == [Stage.DOWNLOADING, Stage.UNPACKING, Stage.LINKING]


def test_an_update_is_linked(bench: Bench, told: Stages) -> None:
    bench.sync()
    told.taken()
    (bench.site / "base.py").unlink()
    bench.sync()
    assert told.taken() == [Stage.LINKING]


def test_what_is_replaced_is_deleted(bench: Bench, told: Stages) -> None:
    bench.sync()
    told.taken()
    (bench.folder / ".venv/.envsync/manifest").unlink()
    bench.sync()
    assert told.taken() == [Stage.LINKING, Stage.DELETING]


def test_what_a_death_left_of_a_replaced_environment_is_deleted(
    bench: Bench, told: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.sync()
    (bench.folder / ".venv/.envsync/manifest").unlink()

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("envsync.environment.replace.retire", dies)
        with pytest.raises(KeyboardInterrupt):
            bench.sync()
    told.taken()
    assert bench.sync().outcome.recovered
    assert told.taken() == [Stage.DELETING]


def test_what_is_set_aside_whole_is_not_deleted(bench: Bench, told: Stages) -> None:
    bench.sync()
    shutil.rmtree(bench.folder / ".venv")
    (bench.folder / ".venv").mkdir()
    (bench.folder / ".venv/mine").write_text("mine")
    told.taken()
    bench.sync(SyncRequest(force=True))
    assert told.taken() == [Stage.LINKING]


def test_every_byte_is_verified_when_that_is_asked_for(bench: Bench, told: Stages) -> None:
    bench.sync()
    told.taken()
    bench.sync(SyncRequest(verify=True))
    assert told.taken() == [Stage.VERIFYING]
    check_project(bench.project, SyncRequest(verify=True), bench.settings, told)
    assert told.taken() == [Stage.VERIFYING]
    check_project(bench.project, SyncRequest(), bench.settings, told)
    assert told.taken() == []
