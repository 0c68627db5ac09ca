"""What envsync notes of an environment, written by a test: changes that only bytes tell then."""

from pathlib import Path

from envsync.environment import stamp
from envsync.environment.seal import Seal
from envsync.environment.times import keep_times, read_times
from tests.support.command import Workplace


def own_seal(place: Workplace) -> Seal:
    """The seal of the workplace's user."""
    return Seal((Path(place.environ["XDG_STATE_HOME"]) / "envsync/key").read_bytes())


def explain(place: Workplace, path: Path) -> None:
    """Note of a placed file, as it is now, that nothing happened to it; and forget the no-op mark,
    which would have noted the same in the tick in which such an edit happens.
    """
    seal, root = own_seal(place), str(place.venv)
    name = (place.venv / ".envsync/id").read_text().strip()
    times = read_times(root, name, seal, trusted=False)
    inside = path.relative_to(place.venv).as_posix()
    assert inside in times
    stamp.drop(str(place.cache), root)
    keep_times(root, name, {**times, inside: path.lstat().st_ctime_ns}, seal)
