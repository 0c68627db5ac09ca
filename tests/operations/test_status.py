"""`status` and `verify` name what differs, by kind, and change nothing."""

import os
import sys
from pathlib import Path

import pytest

from envsync.environment import transaction
from envsync.environment.plan import Comparison, PackageChange
from envsync.errors import EnvDiffers, LockOutdated, Remedy
from envsync.events import Stage
from envsync.operations.discard import discard_quarantine
from envsync.operations.status import status
from envsync.operations.verify import verify
from envsync.project.request import FROZEN, SyncRequest
from tests.operations.conftest import Bench


@pytest.fixture
def synced(bench: Bench) -> Bench:
    bench.publish("base", "1.0", "VERSION = 1\n", requires_python=">=3.8")
    bench.write('"base"')
    bench.sync()
    return bench


def kinds(bench: Bench) -> set[tuple[str, str]]:
    found = status(bench.project, SyncRequest(), bench.settings, bench.told)
    return {(change.kind, os.path.basename(change.path)) for change in found.paths}


def test_nothing_differs(synced: Bench) -> None:
    found = status(synced.project, SyncRequest(), synced.settings, synced.told)
    assert found.is_clean()
    assert (found.packages, found.stale, found.set_aside) == (1, (), 0)
    synced.told.stages.clear()
    verified = verify(synced.project, SyncRequest(), synced.settings, synced.told)
    assert synced.told.stages == [Stage.VERIFYING]
    assert (verified.packages, verified.compared) == (1, 1)


def test_each_kind_of_difference_has_its_name(synced: Bench) -> None:
    module = synced.site / "base.py"
    os.utime(module, (1, 1))
    assert kinds(synced) == {("time", "base.py")}
    synced.sync()
    module.chmod(0o600)
    assert kinds(synced) == {("mode", "base.py")}
    module.unlink()
    assert kinds(synced) == {("missing", "base.py")}
    module.symlink_to("elsewhere")
    assert kinds(synced) == {("type", "base.py")}
    module.unlink()
    module.write_text("VERSION = 2\n")
    (synced.site / "stray.py").write_text("")
    assert kinds(synced) == {("edited", "base.py"), ("stray", "stray.py")}


def test_a_path_is_told_with_its_kind_and_package(synced: Bench) -> None:
    site = os.path.relpath(synced.site, synced.folder / ".venv")
    (synced.site / "base.py").unlink()
    os.utime(synced.site / "base-1.0.dist-info/METADATA", (1, 1))
    (synced.site / "stray.py").write_text("")
    synced.site.chmod(0o700)
    (synced.folder / ".venv").chmod(0o700)
    found = status(synced.project, SyncRequest(), synced.settings, synced.told)
    assert [change.line() for change in found.paths] == [
        f"missing:  {site}/base.py  (base)",
        f"stray:    {site}/stray.py",
        f"time:     {site}/base-1.0.dist-info/METADATA  (base)",
        "mode:     .",
        f"mode:     {site}",
    ]


def edit_unseen(path: Path, text: str) -> None:
    """Write other bytes with the old mode and time of modification."""
    before = path.stat()
    path.unlink()
    path.write_text(text)
    path.chmod(before.st_mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_an_edit_is_no_mere_change_of_mode(synced: Bench) -> None:
    module = synced.site / "base.py"
    edit_unseen(module, "VERSION = 9\n")
    assert kinds(synced) == {("edited", "base.py")}
    module.chmod(0o600)
    assert kinds(synced) == {("mode", "base.py")}  # the bytes aren't looked at
    edit_unseen(module, "VERSION = 10\n")
    assert kinds(synced) == {("edited", "base.py")}
    synced.sync()
    module.chmod(0o600)
    os.utime(module, (1, 1))
    assert kinds(synced) == {("edited", "base.py")}


def test_counts_are_of_what_is_there(synced: Bench) -> None:
    found = status(synced.project, SyncRequest(), synced.settings, synced.told)
    assert (found.root, found.packages) == (f"{synced.folder}/.venv", 1)
    assert found.python == ".".join(map(str, sys.version_info[:3]))
    verified = verify(synced.project, SyncRequest(), synced.settings, synced.told)
    assert found.files == verified.files > 5
    assert verified.root == found.root
    for name in ("one.py", "two.py"):
        (synced.site / name).write_text("")
    synced.sync()
    found = status(synced.project, SyncRequest(), synced.settings, synced.told)
    assert (found.set_aside, found.is_clean()) == (2, True)


def test_where_there_is_no_environment_that_is_told(synced: Bench) -> None:
    (synced.site / "stray.py").write_text("")
    synced.sync()
    os.rename(synced.folder / ".venv", synced.folder / "other")
    found = status(synced.project, SyncRequest(), synced.settings, synced.told)
    assert (found.absent, found.files, found.paths) == ("there is no environment", 0, ())
    assert not found.is_clean()
    assert found.comparison.lines() == ["+ base==1.0"]
    os.rename(synced.folder / "other", synced.folder / ".venv")
    (synced.folder / ".venv/.envsync/manifest").write_text("nonsense")
    found = status(synced.project, SyncRequest(), synced.settings, synced.told)
    assert found.absent not in ("", "there is no environment")
    assert found.set_aside == 0  # of what isn't believed nobody knows
    (synced.folder / ".venv/.envsync").rename(synced.folder / "state")
    (synced.folder / ".venv/pyvenv.cfg").unlink()
    found = status(synced.project, SyncRequest(), synced.settings, synced.told)
    assert found.absent  # the folder of a stranger is no error here


@pytest.mark.parametrize(
    "change",
    [
        {"stale": ("x",)},
        {"absent": "x"},
        {"interrupted": True},
        {"false": ("x",)},
        {"comparison": Comparison((PackageChange("a", None, "1"),))},
    ],
)
def test_one_thing_that_is_not_right_is_not_clean(synced: Bench, change: dict[str, object]) -> None:
    found = status(synced.project, SyncRequest(), synced.settings, synced.told)
    assert found.is_clean()
    assert not found._replace(**change).is_clean()  # type: ignore[arg-type]


def test_a_sync_that_was_interrupted_shows(synced: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> bool:
        return True

    monkeypatch.setattr(transaction, "is_interrupted", interrupted)
    assert status(synced.project, SyncRequest(), synced.settings, synced.told).interrupted


def test_a_lock_that_lies_of_what_is_there_is_told(synced: Bench) -> None:
    """The lock was edited: the wheel's own metadata says otherwise."""
    lie(synced)
    found = status(synced.project, SyncRequest(trust=FROZEN), synced.settings, synced.told)
    (line,) = found.false
    assert "base" in line
    assert not found.is_clean()
    (synced.site / "base.py").unlink()  # what is damaged is judged when it is made anew
    assert status(synced.project, SyncRequest(), synced.settings, synced.told).false == ()


def test_verify_reads_what_the_lock_is_about(synced: Bench) -> None:
    lie(synced)
    for request in (SyncRequest(trust=FROZEN), SyncRequest()):
        with pytest.raises(EnvDiffers, match="base"):
            verify(synced.project, request, synced.settings, synced.told)


def test_verify_asks_whether_the_lock_answers_unless_it_is_frozen(synced: Bench) -> None:
    synced.write('"base>=1"')
    verify(synced.project, SyncRequest(trust=FROZEN), synced.settings, synced.told)
    with pytest.raises(LockOutdated):
        verify(synced.project, SyncRequest(), synced.settings, synced.told)


def lie(bench: Bench) -> None:
    lock = bench.folder / "pylock.toml"
    head, key, rest = lock.read_text().partition('metadata = "sha256:')
    lock.write_text(head + key + "0" * 64 + rest[64:])


def test_an_outdated_lock_is_told_beside_the_environment(synced: Bench) -> None:
    synced.write('"base", "other"')
    found = status(synced.project, SyncRequest(), synced.settings, synced.told)
    assert found.stale
    assert not found.is_clean()


def test_an_edit_behind_the_manifests_back_is_found_in_the_bytes(synced: Bench) -> None:
    """Size and times are as they were: `verify` reads, and says what repairs."""
    module = synced.site / "base.py"
    edit_unseen(module, "VERSION = 9\n")
    with pytest.raises(EnvDiffers) as caught:
        verify(synced.project, SyncRequest(), synced.settings, synced.told)
    assert isinstance(caught.value.hint, Remedy)
    assert caught.value.hint.words == ("sync", "--verify")


def test_what_was_set_aside_is_deleted_when_asked_for(synced: Bench) -> None:
    (synced.site / "stray.py").write_text("mine")
    synced.sync()
    given = (synced.project, f"{synced.folder}/.venv", synced.settings, synced.told)
    (gone,) = discard_quarantine(*given)
    assert not os.path.exists(gone)
    assert synced.told.stages[-1] is Stage.DELETING
    assert list(discard_quarantine(*given)) == []
