"""Locking: what is written, what is kept, and what a lock must agree with."""

import hashlib
import sys

import pytest

from envsync.errors import (
    BuildNotAllowed,
    HashMismatch,
    LockInvalid,
    LockMissing,
    LockOutdated,
    LockTooNew,
    NoSolution,
)
from envsync.events import Stage
from envsync.lock.evidence import evidence_of
from envsync.lock.reading import STRICT
from envsync.operations import lock, lock_file
from envsync.operations.freshness import why_stale
from envsync.operations.lock import Locked, check_lock, lock_project
from envsync.operations.lock_file import LockOutcome, read_lock
from envsync.operations.ways import lock_stands
from envsync.project.env_toml import read_spec
from envsync.project.refuted import refute
from envsync.project.request import FROZEN, LockOptions, SyncRequest
from tests.operations.conftest import Bench
from tests.support.index_server import Listed
from tests.support.wheels import make_sdist, make_wheel


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
    bench.lock(LockOptions(upgrade=frozenset(["nobody", "bsae"])))
    assert bench.told.warnings == [
        "--upgrade-package bsae: the lock has no such package; did you mean 'base'?",
        "--upgrade-package nobody: the lock has no such package",
    ]


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


# --- what is asked, and what of it is believed --------------------------------------------------


def test_leave_for_a_build_goes_into_env_toml_with_the_lock(bench: Bench) -> None:
    bench.server.add("built", *make_sdist("built", "1.0", metadata_version="2.1"))
    bench.write('"built"')
    before = (bench.folder / "env.toml").read_text()

    def allowing(*, dry_run: bool) -> Locked:
        given = (bench.project, LockOptions(), bench.settings, bench.told)
        return lock_project(*given, allow_build=["built"], dry_run=dry_run)

    with pytest.raises((BuildNotAllowed, NoSolution)):
        bench.lock()
    assert [change.name for change in allowing(dry_run=True).outcome.changes] == ["built"]
    assert (bench.folder / "env.toml").read_text() == before
    assert allowing(dry_run=False).written
    assert 'allow = ["built"]' in (bench.folder / "env.toml").read_text()
    assert lock_stands(bench.project, bench.settings)  # of env.toml as it is now
    assert not allowing(dry_run=False).written


def test_a_dry_run_waits_for_nobody(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    class Taken(Exception):
        """The project's lock was asked for."""

    def taken(*_: object) -> None:
        raise Taken

    monkeypatch.setattr(lock, "project_lock", taken)
    bench.write("")
    bench.lock(dry_run=True)
    with pytest.raises(Taken):
        bench.lock()


def test_a_lock_of_a_newer_format_is_not_made_anew(bench: Bench) -> None:
    bench.write("")
    bench.lock()
    path = bench.folder / "pylock.toml"
    path.write_text(path.read_text().replace('lock-version = "1.0"', 'lock-version = "2.0"'))
    before = lock_text(bench)
    with pytest.raises(LockTooNew):
        bench.lock()
    assert lock_text(bench) == before


def test_a_lock_of_which_nothing_can_be_read_is_told_as_that(bench: Bench) -> None:
    bench.publish("base", "1.0")
    bench.write('"base"')
    (bench.folder / "pylock.toml").write_text("\0")
    bench.lock()
    (warning,) = bench.told.warnings
    assert warning.endswith("it is made anew, nothing of it is kept")
    assert "base" in lock_text(bench)


def test_the_lock_of_another_tool_gives_its_pins_and_is_told(bench: Bench) -> None:
    bench.publish("base", "1.0")
    bench.write('"base"')
    bench.lock()
    path = bench.folder / "pylock.toml"
    head, _, _ = lock_text(bench).partition("[tool.envsync]")
    path.write_text(head.replace('created-by = "envsync"', 'created-by = "other"'))
    bench.publish("base", "2.0")
    bench.lock()
    (warning,) = bench.told.warnings
    assert warning.startswith("pylock.toml was made by other; a lock made from env.toml takes")
    assert 'version = "1.0"' in lock_text(bench)
    bench.lock(LockOptions(upgrade=True))
    assert len(bench.told.warnings) == 1
    assert 'version = "2.0"' in lock_text(bench)


def test_an_upgrade_of_everything_or_of_what_is_there_needs_no_warning(bench: Bench) -> None:
    bench.publish("base", "1.0")
    bench.write('"base"')
    bench.lock()
    bench.lock(LockOptions(upgrade=True))
    bench.lock(LockOptions(upgrade=frozenset(["base"])))
    assert bench.told.warnings == []
    bench.lock(LockOptions(upgrade=frozenset(["base", "two", "one"])))
    assert [line.partition(":")[0] for line in bench.told.warnings] == [
        "--upgrade-package one",
        "--upgrade-package two",
    ]


def without_asking_again(bench: Bench) -> Locked:
    return lock_project(bench.project, LockOptions(), bench.settings, bench.told)


def test_pages_are_believed_until_they_lead_nowhere(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.server, "cache_control", "max-age=600")
    bench.publish("base", "1.0")
    bench.write('"base"')
    bench.lock()
    bench.publish("base", "2.0")
    bench.write('"base>=1"')
    without_asking_again(bench)
    assert 'version = "1.0"' in lock_text(bench)
    bench.write('"base>=2"')
    without_asking_again(bench)
    assert 'version = "2.0"' in lock_text(bench)
    bench.write('"base>=3"')
    with pytest.raises(NoSolution):
        without_asking_again(bench)


def test_what_has_no_solution_on_a_fresh_page_is_asked_once(bench: Bench) -> None:
    bench.publish("base", "1.0")
    bench.write('"base>=3"')
    before = len(bench.server.paths())
    with pytest.raises(NoSolution):
        bench.lock()
    assert bench.server.paths()[before:].count("/simple/base/") == 1


def test_exclude_newer_hides_what_came_later(bench: Bench) -> None:
    for version, uploaded in (("1.0", "2024-01-01T00:00:00Z"), ("2.0", "2024-03-01T00:00:00Z")):
        bench.publish("base", version)
        bench.server.listed[f"base-{version}-py3-none-any.whl"] = Listed(upload_time=uploaded)
    bench.write('"base"', '[lock]\nexclude-newer = "2024-02-01T00:00:00Z"\n')
    bench.lock()
    assert 'version = "1.0"' in lock_text(bench)
    bench.write('"base"')
    bench.lock(LockOptions(upgrade=True))
    assert 'version = "2.0"' in lock_text(bench)


def test_without_requires_python_the_chosen_minor_version_and_newer_are_covered(
    bench: Bench,
) -> None:
    (bench.folder / "env.toml").write_text("[env]\n")
    bench.lock()
    major, minor = sys.version_info[:2]
    assert f'requires-python = ">={major}.{minor}"' in lock_text(bench)


def test_a_lock_tells_what_it_took(bench: Bench) -> None:
    bench.publish("base", "1.0")
    bench.write('"base"')
    locked = bench.lock()
    assert set(bench.told.stages) == {Stage.RESOLVING}
    assert any(line.endswith(" rounds for 1 packages") for line in bench.told.details)
    assert 0 < locked.outcome.seconds < 60
    assert [(one.before, one.after) for one in locked.outcome.changes] == [((), ("1.0",))]
    assert bench.lock().outcome.changes == ()


def test_packages_without_a_wheel_somewhere_are_told(bench: Bench) -> None:
    bench.publish("base", "1.0", tag="py3-none-win_amd64")
    bench.server.add("base", *make_sdist("base", "1.0"))
    bench.write('"base"')
    (gap,) = bench.lock().outcome.gaps
    assert gap.name == "base"


@pytest.mark.parametrize("hashed", [True, False])
def test_a_url_whose_hash_is_given_may_have_another_file_with_another_hash(
    bench: Bench, hashed: bool
) -> None:
    """Who writes the hash into env.toml says which file is wanted; else a change is told."""

    def ask_for(text: str) -> None:
        bench.publish("elsewhere", "1.0", text)
        name = "elsewhere-1.0-py3-none-any.whl"
        sha256 = hashlib.sha256(bench.server.projects["elsewhere"][name]).hexdigest()
        url = bench.server.file_url("elsewhere", name) + (f"#sha256={sha256}" if hashed else "")
        # An edit that makes the lock outdated, too.
        more = "" if text == "one" else "[dependency-groups]\ndev = []\n"
        bench.write('"elsewhere"', f'{more}[sources]\nelsewhere = {{ url = "{url}" }}\n')

    ask_for("one")
    bench.lock()
    before = lock_text(bench)
    ask_for("two")
    if hashed:
        bench.lock()
        assert lock_text(bench) != before
    else:
        with pytest.raises(HashMismatch):
            bench.lock()
        assert lock_text(bench) == before
        bench.lock(LockOptions(upgrade=frozenset(["elsewhere"])))
        assert lock_text(bench) != before


# --- whether a lock answers ---------------------------------------------------------------------


def stale(bench: Bench) -> tuple[str, ...]:
    spec, _ = read_spec(bench.project)
    before = read_lock(bench.project, STRICT, bench.told)
    assert before is not None
    return why_stale(bench.project, spec, before[0], bench.settings)


def test_a_local_source_that_went_is_told(bench: Bench) -> None:
    for name in ("own", "other"):
        (bench.folder / name).mkdir()
        text = f'[project]\nname = "{name}"\nversion = "1.0"\n'
        (bench.folder / name / "pyproject.toml").write_text(text)
    own, other = (f'{name} = {{ path = "{name}" }}\n' for name in ("own", "other"))
    bench.write('"own"', f"[sources]\n{own}{other}")
    bench.lock()
    assert stale(bench) == ()
    before = lock_text(bench)
    bench.write('"own"', f"[sources]\n{own}")
    bench.lock()
    assert stale(bench) == ()
    after = lock_text(bench)
    assert before != after
    # What env.toml says is the same again; only the list of local projects isn't.
    rows = before[before.index("local-projects") :].partition("]\n")[0]
    kept = after[after.index("local-projects") :].partition("]\n")[0]
    (bench.folder / "pylock.toml").write_text(after.replace(kept, rows))
    assert stale(bench) == ("a local source has gone",)


def test_a_folder_that_a_build_showed_to_be_otherwise_makes_the_lock_outdated(
    bench: Bench,
) -> None:
    (bench.folder / "lib/own").mkdir(parents=True)
    text = '[project]\nname = "own"\nversion = "1.0"\n'
    (bench.folder / "lib/own/pyproject.toml").write_text(text)
    bench.write('"own"', '[sources]\nown = { path = "lib/own" }\n')
    outcome = bench.lock().outcome
    assert isinstance(outcome, LockOutcome)
    assert stale(bench) == ()
    facts = evidence_of(outcome.pylock.packages[0]).facts
    refute(bench.settings.cache_dir, f"{bench.folder}/lib/own", facts)
    assert stale(bench) == ("the last build of own gave other metadata than is locked",)


def test_a_file_of_the_project_that_changed_is_a_reason_with_a_way_out(bench: Bench) -> None:
    filename, content = make_wheel("own", "1.0")
    (bench.folder / filename).write_bytes(content)
    bench.write('"own"', f'[sources]\nown = {{ path = "{filename}" }}\n')
    bench.lock()
    check_lock(bench.project, bench.settings, bench.told)
    (bench.folder / filename).write_bytes(b"other")
    assert [line.partition(":")[0] for line in stale(bench)] == [f"{filename} changed"]
    with pytest.raises(LockOutdated) as caught:
        check_lock(bench.project, bench.settings, bench.told)
    assert "`envsync lock --upgrade-package own`" in str(caught.value.hint)
    with pytest.raises(HashMismatch):
        bench.lock()
    (bench.folder / filename).unlink()
    assert [line.partition(":")[0] for line in stale(bench)] == [filename]


def test_a_lock_of_another_default_index_does_not_answer(bench: Bench) -> None:
    bench.publish("base", "1.0")
    bench.write('"base"')
    bench.lock()
    assert stale(bench) == ()
    bench.settings = bench.settings._replace(default_index="https://other.example/simple/")
    assert stale(bench) != ()
    bench.settings = bench.settings._replace(default_index=None)
    assert stale(bench) != ()


def test_a_marker_that_nothing_can_evaluate_is_a_reason(bench: Bench) -> None:
    bench.publish("base", "1.0")
    bench.write('"base"')
    bench.lock()
    good = lock_text(bench)
    row = good[good.index("[[packages]]") : good.index("[tool.envsync]")]
    marked = 'version = "1.0"\nmarker = \'python_version === ""\'\n'
    bad = row.replace('version = "1.0"\n', marked)
    (bench.folder / "pylock.toml").write_text(good.replace(row, row.replace("1.0", "0.9") + bad))
    (reason,) = stale(bench)
    assert reason.startswith("a marker in it has no meaning: ")


def test_a_lock_that_is_too_large_is_refused_and_not_salvaged(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.publish("base", "1.0")
    bench.write('"base"')
    bench.lock()
    size = len(lock_text(bench))
    monkeypatch.setattr(lock_file, "MAX_BYTES", size)
    assert bench.lock().outcome.fresh
    monkeypatch.setattr(lock_file, "MAX_BYTES", size - 1)
    with pytest.raises(LockInvalid, match=r"pylock\.toml"):
        bench.sync(SyncRequest(trust=FROZEN))
    bench.lock()
    assert bench.told.warnings[-1].endswith("nothing of it is kept")
