"""Locking: what is written, what is kept, and what a lock must agree with."""

import pytest

from envsync.errors import HashMismatch, LockInvalid, LockMissing, LockOutdated
from envsync.operations.lock import check_lock
from envsync.operations.ways import lock_stands
from envsync.project.request import LockOptions
from tests.operations.conftest import Bench


def lock_text(bench: Bench) -> str:
    return (bench.folder / "pylock.toml").read_text()


def test_a_dry_run_writes_nothing(bench: Bench) -> None:
    bench.publish("base", "1.0")
    bench.write('"base"')
    locked = bench.lock(dry_run=True)
    assert [change.name for change in locked.outcome.changes] == ["base"]
    assert not locked.written
    assert not (bench.folder / "pylock.toml").exists()


def test_a_file_that_was_locked_must_be_the_same_file(bench: Bench) -> None:
    """The call of `check_hashes`: the index has other bytes under the name that is in the lock."""
    bench.publish("base", "1.0", "honest")
    bench.write('"base"')
    bench.lock()
    before = lock_text(bench)
    bench.publish("base", "1.0", "forged")
    for options in (LockOptions(upgrade=True), LockOptions(upgrade=frozenset(["base"]))):
        with pytest.raises(HashMismatch, match="as in the lock"):
            bench.lock(options)
    bench.write('"base>=1"')  # an edit that leads to the same version
    with pytest.raises(HashMismatch, match=r"base-1\.0"):
        bench.lock()
    assert lock_text(bench) == before


def test_pins_stay_until_they_are_freed(bench: Bench) -> None:
    bench.publish("base", "1.0")
    bench.write('"base"')
    bench.lock()
    bench.publish("base", "2.0")
    bench.write('"base>=0.5"')
    assert bench.lock().outcome.changes == ()
    (change,) = bench.lock(LockOptions(upgrade=frozenset(["base"]))).outcome.changes
    assert (change.before, change.after) == (("1.0",), ("2.0",))


def test_upgrading_what_is_not_there_is_told(bench: Bench) -> None:
    bench.publish("base", "1.0")
    bench.write('"base"')
    bench.lock()
    bench.lock(LockOptions(upgrade=frozenset(["nobody"])))
    assert bench.told.warnings == ["--upgrade-package nobody: the lock has no such package"]


def test_a_lock_that_answers_is_kept_and_known(bench: Bench) -> None:
    bench.publish("base", "1.0")
    bench.write('"base"')
    bench.lock()
    asked = len(bench.server.requests)
    locked = bench.lock()
    assert (locked.outcome.fresh, locked.written) == (True, False)
    assert len(bench.server.requests) == asked
    assert lock_stands(bench.project, bench.settings)
    bench.write('"base>=1"')
    assert not lock_stands(bench.project, bench.settings)


def test_a_lock_with_local_sources_is_looked_at_each_time(bench: Bench) -> None:
    own = bench.folder / "own"
    own.mkdir()
    (own / "pyproject.toml").write_text('[project]\nname = "own"\nversion = "1.0"\n')
    bench.write('"own"', '[sources]\nown = { path = "own" }\n')
    bench.lock()
    assert not lock_stands(bench.project, bench.settings)
    check_lock(bench.project, bench.settings, bench.told)
    (own / "pyproject.toml").write_text('[project]\nname = "own"\nversion = "2.0"\n')
    with pytest.raises(LockOutdated, match="project files of own changed"):
        check_lock(bench.project, bench.settings, bench.told)
    assert not bench.lock().outcome.fresh
    check_lock(bench.project, bench.settings, bench.told)


def test_what_cannot_be_read_is_made_anew_by_lock_alone(bench: Bench) -> None:
    bench.publish("base", "1.0")
    bench.write('"base"')
    bench.lock()
    good = lock_text(bench)
    bench.publish("base", "2.0")
    (bench.folder / "pylock.toml").write_text(f"{good}\n<<<<<<< ours\n")
    with pytest.raises(LockInvalid):
        bench.sync()
    assert not (bench.folder / ".venv").exists()
    bench.lock()
    assert "pins that can be read are kept" in bench.told.warnings[0]
    assert lock_text(bench) == good


def test_check_says_why(bench: Bench) -> None:
    bench.publish("base", "1.0")
    bench.write('"base"')
    with pytest.raises(LockMissing):
        check_lock(bench.project, bench.settings, bench.told)
    bench.lock()
    check_lock(bench.project, bench.settings, bench.told)
    bench.write('"base", "other"')
    with pytest.raises(LockOutdated) as caught:
        check_lock(bench.project, bench.settings, bench.told)
    assert caught.value.reasons
