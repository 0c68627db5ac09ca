"""C5: file systems that are really full: `sync` on disks of thirty sizes, from far too small up.

    python -m tests.campaigns.full_disk --sizes 30

Each disk is a tmpfs of its own, in a mount namespace of its own (`unshare -rm`). The environment
lies on it, or the cache, or both. A run ends with exit code 0 and exactly the new environment, or
with exit code 1, an error that names the cause, no traceback, and the old environment as it was.
With the disk grown, one sync then makes the environment exact.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.campaigns import oracle
from tests.campaigns.stage import SOURCES, Goal, SmallWorld, remove, say, scratch, small_world

PLACES = ("environment", "cache", "both")
LARGEST_KB = 2_000

_INSIDE = """\
set -e
size=$1 disk=$2; shift 2
mount -t tmpfs -o "size=${size}k" none "$disk"
exec "$@"
"""


def can_mount() -> bool:
    """Whether a private file system can be had here."""
    if shutil.which("unshare") is None:
        return False
    probe = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs none /mnt"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


class Outcome(NamedTuple):
    """What came of one disk."""

    code: int
    """Exit code of the sync."""
    wrong: list[str]


class Case(NamedTuple):
    """What is tried on a disk."""

    place: str
    """What lies on it: one of `PLACES`."""
    start: str
    """The saved stage that it begins with."""
    before: Goal | None
    after: Goal
    size: int
    """In kilobytes, free when everything of the start is there."""


def run(world: SmallWorld, case: Case, folder: Path) -> Outcome:
    """Try one case in a process that has the disk to itself."""
    stage = world.stage
    stage.restore(case.start)
    stage.write(case.after)
    disk = folder / "disk"
    disk.mkdir(exist_ok=True)
    order = {
        "disk": str(disk),
        "live": str(stage.live),
        "place": case.place,
        "environ": dict(stage.environ),
        "before": _plain(case.before),
        "after": _plain(case.after),
    }
    (folder / "order").write_text(json.dumps(order))
    wheels = folder / "wheels"
    wheels.mkdir(exist_ok=True)
    for number, goal in enumerate((case.before, case.after)):
        for index, content in enumerate(goal.wheels if goal else ()):
            (wheels / f"{number}-{index:03}").write_bytes(content)
    # What is there at the start is measured on the disk itself: its blocks count, not its bytes.
    size = _used(stage.live, case.place) + case.size
    done = subprocess.run(
        [
            *("unshare", "-rm", "sh", "-c", _INSIDE, "sh", str(size), str(disk)),
            *(sys.executable, "-m", "tests.campaigns.full_disk", "--inside", str(folder)),
        ],
        cwd=SOURCES,
        env=stage.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    remove(wheels)
    if done.returncode != 0:
        return Outcome(-1, [f"the harness failed: {done.stderr.strip()[-500:]}"])
    answer = json.loads(done.stdout)
    return Outcome(answer["code"], answer["wrong"])


def _plain(goal: Goal | None) -> dict[str, object] | None:
    return {**goal._asdict(), "wheels": len(goal.wheels)} if goal else None


def _moved(place: str) -> Sequence[str]:
    return {"environment": ("project",), "cache": ("cache",), "both": ("project", "cache")}[place]


def _used(live: Path, place: str) -> int:
    """Kilobytes that the moved folders take on a tmpfs, in pages of 4 KiB, and a little room."""
    pages, seen = 0, set()
    for name in _moved(place):
        for path in (live / name).rglob("*"):
            status = path.lstat()
            # A link into what stays behind becomes a copy there.
            if status.st_ino not in seen and path.is_file() and not path.is_symlink():
                pages += -(-status.st_size // 4096)
            seen.add(status.st_ino)
    return pages * 4 + 8


# --- inside the namespace ---


def inside(folder: Path) -> None:
    """Move the folders onto the disk, sync, grow the disk, sync again; print what was found."""
    order = json.loads((folder / "order").read_text())
    live, disk = Path(order["live"]), Path(order["disk"])
    for name in _moved(order["place"]):
        (live / name).rename(live / f"{name}.away")
    kept = [f"{live}/{name}.away" for name in _moved(order["place"])]
    subprocess.run(["cp", "-a", *kept, str(disk)], check=True)
    for name in _moved(order["place"]):
        (disk / f"{name}.away").rename(disk / name)
        (live / name).mkdir()
        subprocess.run(["mount", "--bind", disk / name, live / name], check=True)
    answer = _try(live, disk, order, folder)
    sys.stdout.write(json.dumps(answer))


def _wanted(folder: Path, number: int, goal: Mapping[str, str], venv: Path) -> oracle.Wanted:
    wheels = [path.read_bytes() for path in sorted((folder / "wheels").glob(f"{number}-*"))]
    return oracle.Wanted.by(wheels, goal["version"], venv)


def _try(
    live: Path, disk: Path, order: Mapping[str, dict[str, str]], folder: Path
) -> dict[str, object]:
    project, venv = live / "project", live / "project" / ".venv"
    before = _wanted(folder, 0, order["before"], venv) if order["before"] else None
    after = _wanted(folder, 1, order["after"], venv)

    def sync(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "envsync", "sync", *arguments],
            cwd=project,
            env=order["environ"],
            capture_output=True,
            text=True,
            check=False,
        )

    ran, wrong = sync(), []
    if ran.returncode not in (0, 1) or "Traceback" in ran.stderr:
        wrong.append(f"exit code {ran.returncode}: {ran.stderr[-600:]}")
    named = "no space left" in ran.stderr or " are free" in ran.stderr
    if ran.returncode == 1 and not named:
        wrong.append(f"the cause is not named: {ran.stderr[-600:]}")
    new = oracle.problems(venv, after)
    old = oracle.problems(venv, before) if before else ["there is one"] * venv.exists()
    if ran.returncode == 0 and new:
        wrong.append(f"exit 0, but {new[0]}")
    if ran.returncode == 1 and old and new and sync("--check").returncode != 3:
        wrong.append(f"neither old nor new: {old[0]}; {new[0]}")
    subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
    again = sync()
    if again.returncode != 0:
        wrong.append(f"with room, sync exits {again.returncode}: {again.stderr[-600:]}")
    wrong += [f"with room, {line}" for line in oracle.problems(venv, after)]
    return {"code": ran.returncode, "wrong": wrong}


def campaign(
    world: SmallWorld, sizes: int, folder: Path, only: Sequence[str] = ()
) -> tuple[dict[str, int], list[str]]:
    """Try every place and start, or `only` some, at so many sizes; gives counts and failures."""
    stage, goals = world.stage, world.goals
    stage.restore("warm")
    stage.write(goals["old"])
    stage.ok("sync")
    stage.save("made")
    stage.restore("warm")
    remove(stage.cache)
    stage.cache.mkdir()
    stage.save("cold")
    starts = {
        "fresh, warm": ("warm", None, goals["old"]),
        "fresh, cold": ("cold", None, goals["old"]),
        "upgrade": ("made", goals["old"], goals["new"]),
    }
    counts: dict[str, int] = {}
    failures: list[str] = []
    for place in PLACES:
        for name, (start, before, after) in starts.items():
            if only and f"{place}, {name}" not in only:
                continue
            codes = []
            for number in range(sizes):
                size = round(LARGEST_KB * (number / max(sizes - 1, 1)) ** 2)
                outcome = run(world, Case(place, start, before, after, size), folder)
                codes.append(outcome.code)
                failures += [f"{place}, {name}, {size} KB: {line}" for line in outcome.wrong]
            counts[f"{place}, {name}: too small"] = codes.count(1)
            counts[f"{place}, {name}: enough"] = codes.count(0)
    return counts, failures


def main() -> int:
    """Run the campaign from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, default=30)
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        inside(options.inside)
        return 0
    if not can_mount():
        say("unshare -rm with a tmpfs is not possible here")
        return 1
    with scratch() as folder, small_world(folder, switch=False) as world:
        counts, failures = campaign(world, options.sizes, folder)
    for failure in failures:
        say(f"    {failure}")
    for name, count in counts.items():
        say(f"{name:40} {count:6}")
    say(f"{'runs':40} {sum(counts.values()):6}\n{'failures':40} {len(failures):6}")
    return 1 if failures or not counts else 0


if __name__ == "__main__":
    sys.exit(main())
