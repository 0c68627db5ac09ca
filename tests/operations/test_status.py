"""`status` and `verify` name what differs, by kind, and change nothing."""

import os

import pytest

from envsync.errors import EnvDiffers, Remedy
from envsync.events import Stage
from envsync.operations.discard import discard_quarantine
from envsync.operations.status import status
from envsync.operations.verify import verify
from envsync.project.request import SyncRequest
from tests.operations.conftest import Bench


@pytest.fixture
def synced(bench: Bench) -> Bench:
    bench.publish("base", "1.0", "VERSION = 1\n")
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


def test_an_outdated_lock_is_told_beside_the_environment(synced: Bench) -> None:
    synced.write('"base", "other"')
    found = status(synced.project, SyncRequest(), synced.settings, synced.told)
    assert found.stale
    assert not found.is_clean()


def test_an_edit_behind_the_manifests_back_is_found_in_the_bytes(synced: Bench) -> None:
    """Size and times are as they were: `verify` reads, and says what repairs."""
    module = synced.site / "base.py"
    before = module.stat()
    module.unlink()
    module.write_text("VERSION = 9\n")
    os.utime(module, ns=(before.st_atime_ns, before.st_mtime_ns))
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
