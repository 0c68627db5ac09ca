"""What tests begin with is what users have: a command leaves the same without its own process."""

import shutil
import stat

from tests.commands.conftest import SPEC
from tests.support.command import Workplace


def left(place: Workplace) -> tuple[dict[str, bytes], dict[str, int]]:
    """The project's files, and whatever lies in project, cache and state with its mode."""
    folder = place.project.parent
    modes = {
        str(path.relative_to(folder)): path.lstat().st_mode & ~stat.S_ISGID
        for path in folder.rglob("*")
        if "stamps-v1" not in path.parts  # named by the environment's random identity
    }
    return place.files(), modes


def test_a_sync_in_this_process_leaves_what_a_process_of_its_own_does(place: Workplace) -> None:
    found = []
    for sync in (place.ok, place.given):
        for folder in (place.project, place.cache, place.cache.parent / "state"):
            shutil.rmtree(folder, ignore_errors=True)
        place.project.mkdir()
        place.write(SPEC)
        sync("sync")
        found.append(left(place))
        assert "Nothing to do" in place.ok("sync").err
    assert found[0] == found[1]
    assert "project/.venv/.envsync/manifest" in found[1][1]
