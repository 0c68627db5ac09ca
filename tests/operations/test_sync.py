"""Everything worked out: what is written, checked, foreseen and remembered."""

import os

import pytest

from envsync.environment import stamp
from envsync.environment.plan import Comparison
from envsync.errors import (
    BuildNotAllowed,
    EnvDiffers,
    LockMissing,
    LockOutdated,
    MetadataDiffers,
    TargetRefused,
    UsageError,
)
from envsync.events import Stage
from envsync.lock.evidence import evidence_of
from envsync.operations import sync as everything
from envsync.operations.lock_file import LockOutcome
from envsync.operations.results import Synced
from envsync.operations.sync import check_project, preview_project
from envsync.operations.ways import root_in_sync
from envsync.project.refuted import refute
from envsync.project.request import FROZEN, LOCKED, LockOptions, SyncRequest
from envsync.sync.outcome import SyncOutcome
from tests.operations.conftest import Bench
from tests.support.wheels import make_sdist

PLAIN = SyncRequest()
VERIFY = SyncRequest(verify=True)


@pytest.fixture
def project(bench: Bench) -> Bench:
    bench.publish("base", "1.0", "VERSION = 1\n")
    bench.write('"base"')
    return bench


def check(bench: Bench, request: SyncRequest = PLAIN) -> object:
    return check_project(bench.project, request, bench.settings, bench.told)


def test_lock_and_environment_are_written_together_and_told(project: Bench) -> None:
    done = project.sync()
    assert done.wrote_lock
    assert done.lock is not None
    assert (project.folder / "pylock.toml").read_bytes() == done.lock.data
    assert (done.outcome.created, done.outcome.recovered) == (True, False)
    again = project.sync(SyncRequest(trust=FROZEN))
    assert (again.wrote_lock, again.outcome.created) == (False, False)


def test_a_lock_is_not_written_where_the_environment_can_not_be_made(project: Bench) -> None:
    (project.folder / ".venv").mkdir()
    (project.folder / ".venv/mine").write_text("")
    with pytest.raises(TargetRefused):
        project.sync()
    assert not (project.folder / "pylock.toml").exists()
    done = project.sync(SyncRequest(force=True))
    assert done.outcome.created
    assert not (project.folder / ".venv/mine").exists()


def test_a_frozen_sync_leaves_no_mark_and_nothing_to_remember(project: Bench) -> None:
    """Another sync would ask whether the lock answers env.toml."""
    project.lock()
    project.sync(SyncRequest(trust=FROZEN))
    root = f"{project.folder}/.venv"
    assert root_in_sync(project.project, PLAIN, project.settings) is None
    assert not stamp.is_known(project.settings.cache_dir, root)
    assert not any(folder.startswith("goals") for folder in os.listdir(project.settings.cache_dir))
    project.sync()
    assert root_in_sync(project.project, PLAIN, project.settings) == root


def test_check_changes_nothing_and_names_the_difference(project: Bench) -> None:
    with pytest.raises(LockMissing):
        check(project)
    project.lock()
    with pytest.raises(EnvDiffers, match="there is no environment"):
        check(project)
    assert not (project.folder / ".venv").exists()
    project.sync()
    check(project)
    (project.site / "base.py").unlink()
    with pytest.raises(EnvDiffers, match=r"base\.py is missing"):
        check(project)
    assert not (project.site / "base.py").exists()


def test_check_asks_whether_the_lock_answers_unless_it_is_frozen(project: Bench) -> None:
    project.sync()
    project.write('"base>=1"')
    for request in (PLAIN, SyncRequest(trust=LOCKED)):
        with pytest.raises(LockOutdated):
            check(project, request)
    check(project, SyncRequest(trust=FROZEN))


def test_a_check_of_every_byte_takes_a_stage_and_sees_what_hides(project: Bench) -> None:
    project.sync()
    project.told.stages.clear()
    check(project)
    assert project.told.stages == []
    check(project, VERIFY)
    assert project.told.stages == [Stage.VERIFYING]


def test_a_preview_says_what_would_be_and_writes_nothing(project: Bench) -> None:
    def preview(request: SyncRequest = PLAIN) -> list[str]:
        done = preview_project(project.project, request, project.settings, project.told)
        assert done.lock is not None
        assert not done.wrote_lock
        return done.outcome.comparison.lines()

    assert preview() == ["+ base==1.0"]
    assert os.listdir(project.folder) == ["env.toml"]
    with pytest.raises(UsageError):
        preview(SyncRequest(trust=FROZEN))
    project.sync()
    project.publish("base", "2.0")
    upgrade = SyncRequest(lock=LockOptions(upgrade=True))
    assert preview() == []
    assert preview(upgrade) == ["~ base==1.0 -> 2.0"]
    project.write('"base>=2"')
    with pytest.raises(LockOutdated):
        preview(SyncRequest(trust=LOCKED))
    assert preview(SyncRequest(trust=FROZEN)) == []


def test_a_preview_sets_a_strangers_folder_aside_only_when_told_to(project: Bench) -> None:
    (project.folder / ".venv").mkdir()
    (project.folder / ".venv/mine").write_text("")
    given = (project.settings, project.told)
    with pytest.raises(TargetRefused):
        preview_project(project.project, PLAIN, *given)
    done = preview_project(project.project, SyncRequest(force=True), *given)
    assert done.outcome.created
    assert (project.folder / ".venv/mine").exists()


def test_leave_for_a_build_is_asked_for_the_way_that_helps(bench: Bench) -> None:
    bench.server.add("built", *make_sdist("built", "1.0"))
    bench.write('"built"', '[build]\nallow = ["built"]\n')
    bench.lock()
    bench.write('"built"')
    with pytest.raises(BuildNotAllowed) as caught:
        bench.sync(SyncRequest(trust=FROZEN))
    assert caught.value.hint is not None
    assert "`envsync sync --frozen --allow-build built` allows it this once" in caught.value.hint
    assert 'allow = ["built"] under [build]' in caught.value.hint
    bench.sync(SyncRequest(trust=FROZEN, allow_build=frozenset(["built"])))
    assert (bench.site / "built.py").exists()


class Disproof:
    """A local folder whose first build gives other metadata than was locked."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.shows = True
        """It shows that the lock doesn't answer what is there."""
        self._is_first = True
        (bench.folder / "own").mkdir()
        text = '[project]\nname = "own"\nversion = "1.0"\n'
        (bench.folder / "own/pyproject.toml").write_text(text)
        self.ask_for("own")
        outcome = bench.lock().outcome
        assert isinstance(outcome, LockOutcome)
        self._facts = evidence_of(outcome.pylock.packages[0]).facts

    def ask_for(self, requirement: str) -> None:
        """Write env.toml."""
        more = '[sources]\nown = { path = "own", editable = true }\n'
        self.bench.write(f'"{requirement}"', more)

    def sync_to(self, lock: LockOutcome, *_: object) -> Synced:
        """Bring the environment to what a lock says: the second time nothing is in the way."""
        if self._is_first:
            self._is_first = False
            if self.shows:
                refute(self.bench.settings.cache_dir, f"{self.bench.folder}/own", self._facts)
            raise MetadataDiffers("own", "own", [], [])
        return Synced(SyncOutcome(str(self.bench.folder), Comparison(), created=False), lock)


@pytest.fixture
def disproof(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Disproof:
    made = Disproof(bench)
    monkeypatch.setattr(everything, "_sync_to", made.sync_to)
    return made


def test_a_build_that_disproves_the_lock_makes_a_new_one(disproof: Disproof) -> None:
    done = disproof.bench.sync()
    assert done.lock is not None
    assert not done.lock.fresh


@pytest.mark.parametrize("trust", [LOCKED, FROZEN])
def test_a_lock_that_is_trusted_is_not_made_anew(disproof: Disproof, trust: str) -> None:
    with pytest.raises(MetadataDiffers):
        disproof.bench.sync(SyncRequest(trust=trust))


def test_a_lock_that_answers_after_the_build_too_is_wrong(disproof: Disproof) -> None:
    disproof.shows = False
    with pytest.raises(MetadataDiffers):
        disproof.bench.sync()


def test_a_lock_that_was_just_made_is_not_made_twice(disproof: Disproof) -> None:
    disproof.ask_for("own>=1")
    with pytest.raises(MetadataDiffers):
        disproof.bench.sync()
