"""The model of a disk: what each of its rules may take, and what it must leave."""

import random
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.campaigns import tracing
from tests.campaigns.disk import (
    BOTH,
    EARLY,
    GARBAGE,
    LOST,
    ROOT,
    TORN,
    ZEROS,
    Fates,
    Flush,
    Link,
    Move,
    Node,
    Operation,
    Record,
    State,
    Touch,
    Unlink,
    Write,
    digest,
    materialise,
    ordered,
    paths,
    undecided,
    worst,
)
from tests.campaigns.recording import Recorder, recorder

OLD, NEW, FOLDER = 1, 2, 3
DATA = b"n" * 9000


def record(*operations: Operation) -> Record:
    """A disk with a file `old` and a folder, on which `NEW` may get a name."""
    file, folder = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755
    start: State = {
        ROOT: Node(folder, 0, entries={"old": OLD, "folder": FOLDER}),
        OLD: Node(file, 0, b"old"),
        NEW: Node(file, 0),
        FOLDER: Node(folder, 0),
    }
    return Record(start, operations, [1] * len(operations), {}, {})


def files(state: State) -> dict[str, bytes]:
    return {
        path: state[inode].data for path, inode in paths(state) if stat.S_ISREG(state[inode].mode)
    }


def all_ordered(made: Record) -> list[dict[str, bytes]]:
    """What ext4 may hold when the last commit came after all operations."""
    end = len(made.operations)
    found = [files(ordered(made, end, 1.0, random.Random(seed))) for seed in range(40)]
    return [state for at, state in enumerate(found) if state not in found[:at]]


def one_worst(made: Record, fates: Fates, at: int | None = None) -> dict[str, bytes]:
    end = len(made.operations) if at is None else at
    return files(worst(made, undecided(made, end), fates, random.Random(0)))


def things(made: Record) -> Sequence[tuple[str, int]]:
    return undecided(made, len(made.operations)).things


def test_ordered_a_new_file_may_be_empty_or_end_early() -> None:
    found = all_ordered(record(Link(ROOT, "new", NEW), Write(NEW, 0, DATA)))
    sizes = {len(state["new"]) for state in found}
    assert sizes == {0, 4096, 8192}
    assert all(DATA.startswith(state["new"]) for state in found)


@pytest.mark.parametrize("inode", [NEW, None])
def test_ordered_what_was_flushed_is_there(inode: int | None) -> None:
    found = all_ordered(record(Link(ROOT, "new", NEW), Write(NEW, 0, DATA), Flush(inode)))
    assert found == [{"old": b"old", "new": DATA}]


def test_ordered_a_file_that_takes_anothers_name_is_whole() -> None:
    steps = (Link(ROOT, "beside", NEW), Write(NEW, 0, DATA))
    assert all_ordered(record(*steps, Move(ROOT, "beside", ROOT, "old", NEW))) == [{"old": DATA}]
    found = all_ordered(record(*steps, Move(ROOT, "beside", ROOT, "new", NEW)))
    assert {"old": b"old", "new": b""} in found


def test_ordered_names_come_in_their_order() -> None:
    made = record(Link(ROOT, "one", NEW), Link(ROOT, "two", NEW), Unlink(ROOT, "old"))
    names = [sorted(files(ordered(made, at, 0.0, random.Random(0)))) for at in range(4)]
    assert names == [["old"], ["old", "one"], ["old", "one", "two"], ["one", "two"]]


def test_worst_names_come_in_any_order() -> None:
    made = record(Link(ROOT, "one", NEW), Unlink(ROOT, "old"))
    assert things(made) == (("entry", 0), ("entry", 1))
    assert one_worst(made, {("entry", 0): LOST}) == {}
    assert one_worst(made, {("entry", 1): LOST}) == {"old": b"old", "one": b""}


@pytest.mark.parametrize("flush", [Flush(ROOT), Flush(None)])
def test_worst_names_are_there_when_their_folder_was_flushed(flush: Flush) -> None:
    made = record(Link(ROOT, "one", NEW), Unlink(ROOT, "old"), flush)
    assert things(made) == ()
    assert one_worst(made, {("entry", 0): LOST, ("entry", 1): LOST}) == {"one": b""}


def test_worst_a_flushed_file_has_its_bytes_but_not_its_name() -> None:
    made = record(Link(ROOT, "new", NEW), Write(NEW, 0, DATA), Flush(NEW))
    assert things(made) == (("entry", 0),)
    assert one_worst(made, {("entry", 0): LOST}) == {"old": b"old"}
    assert one_worst(made, {("inode", NEW): LOST}) == {"old": b"old", "new": DATA}


def test_worst_bytes_may_be_lost_early_zeros_garbage_or_torn() -> None:
    made = record(Link(ROOT, "new", NEW), Write(NEW, 0, DATA), Touch(NEW, 0o444))
    found = {fate: one_worst(made, {("inode", NEW): fate})["new"] for fate in (LOST, ZEROS, TORN)}
    assert (found[LOST], found[ZEROS]) == (b"", bytes(9000))
    assert len(found[TORN]) == 9000
    assert found[TORN] != DATA
    other = one_worst(made, {("inode", NEW): GARBAGE})["new"]
    assert len(other) == 9000
    assert other not in (DATA, bytes(9000))
    assert one_worst(made, {("inode", NEW): EARLY})["new"] in (b"", DATA)


def test_worst_a_rename_is_one_change_that_may_leave_both_names() -> None:
    made = record(Move(ROOT, "old", FOLDER, "old", OLD))
    assert one_worst(made, {}) == {"folder/old": b"old"}
    assert one_worst(made, {("entry", 0): LOST}) == {"old": b"old"}
    assert one_worst(made, {("entry", 0): BOTH}) == {"old": b"old", "folder/old": b"old"}
    flushed = record(Move(ROOT, "old", FOLDER, "old", OLD), Flush(ROOT))
    assert things(flushed) == ()


def test_a_state_is_made_real_with_its_links_times_and_modes(tmp_path: Path) -> None:
    made = record(
        Link(ROOT, "new", NEW),
        Write(NEW, 0, DATA),
        Touch(NEW, 0o444, 1_500_000_000_000_000_000),
        Link(FOLDER, "again", NEW),
    )
    state = ordered(made, 4, 0.0, random.Random(0))
    materialise(state, tmp_path, {})
    one, two = tmp_path / "new", tmp_path / "folder/again"
    assert one.read_bytes() == DATA
    assert one.samefile(two)
    assert (one.stat().st_mode & 0o777, one.stat().st_mtime) == (0o444, 1_500_000_000)
    assert digest(state) != digest(ordered(made, 3, 0.0, random.Random(0)))


@pytest.mark.skipif(not tracing.works(), reason="strace can't attach here")
def test_a_real_process_is_written_down_call_by_call(tmp_path: Path) -> None:
    import subprocess
    import sys

    top, log = tmp_path / "top", tmp_path / "log"
    (top / "sub").mkdir(parents=True)
    (top / "sub" / "a").write_bytes(b"a")
    code = (
        "import os\n"
        "with open('new', 'wb') as f: f.write(b'x' * 5000); f.flush(); os.fsync(f.fileno())\n"
        "os.rename('new', 'sub/é'); os.link('sub/a', 'b'); os.symlink('b', 'l')\n"
        "d = os.open('sub', os.O_RDONLY); os.unlink('a', dir_fd=d); os.fsync(d)\n"
        "os.chmod('b', 0o400); os.utime('b', (5, 5)); os.mkdir('m', 0o700); os.rmdir('m')\n"
    )
    following = Recorder(top, top)
    command = [*recorder(log), sys.executable, "-I", "-S", "-c", code]
    subprocess.run(command, cwd=top, check=True)
    made = following.follow(log)  # raises where the model and the disk differ
    kinds = [type(operation).__name__ for operation in made.operations]
    assert kinds == [
        *("Link", "Write", "Flush", "Move", "Link", "Link", "Unlink", "Flush"),
        *("Touch", "Touch", "Link", "Unlink"),
    ]
