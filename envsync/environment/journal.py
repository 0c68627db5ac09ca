"""The write-ahead journal of a sync: steps that may be repeated until all of them are done.

A sync first makes everything ready below `.envsync/stage/`, then writes the new manifest and the
journal, which is the commit; from there on each step is one rename, so that a process that dies
anywhere leaves work that the next `sync`, `run`, `add` or `remove` finishes (`recover`). Without a
journal, what is staged never counted and is thrown away.

    .envsync/id              identity of the environment
    .envsync/manifest        what is in place (`environment.manifest`)
    .envsync/manifest.next   what will be, once the journal is done
    .envsync/journal         the steps
    .envsync/stage/N         the N-th new file, ready to be renamed into place
    .envsync/trash/N         what envsync itself placed and no longer wants
    .envsync/quarantine/T/…  edited and stray files, kept until the user discards them
"""

import errno
import stat
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from envsync.environment.paths import STATE, is_inside, is_name
from envsync.environment.seal import NotBelieved, Seal
from envsync.environment.tree import Tree
from envsync.platform.files import storage_errors, write_atomic

HEADER = "envsync-journal 2"

_LIMIT = 256 << 20
_LEFTOVERS = ("stage", "trash", "manifest.next", "stamp")
"""What goes with the next sync; `stamp` is of versions that believed what lay here."""

# Why a folder may stay: something is in it, or it is gone or no folder any more.
_STAYS = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


class Step(NamedTuple):
    """One repeatable change: `chmod`, `date`, `keep`, `trash`, `rmdir`, `mkdir` or `place`."""

    action: str
    path: str
    """Relative to the environment's root; `chmod` has "" for the root itself."""
    store: str = ""
    """`keep`: the quarantine's folder; `trash` and `place`: a number; `date`: a time."""


def state_path(root: str, name: str = "") -> str:
    """Give the path of envsync's own state in an environment."""
    return f"{root}/{STATE}/{name}" if name else f"{root}/{STATE}"


class JournalInvalid(ValueError):
    """A journal that this user's envsync didn't write for this environment, where it is; its
    words go behind "its journal".
    """


def write_journal(root: str, environment_id: str, steps: Sequence[Step], seal: Seal) -> None:
    """Commit: from here on the steps will be done, by this process or a later one.

    Raises `StorageFailed`; then nothing has been committed.
    """
    with storage_errors(root), Tree(root) as tree:
        identity = _identity(environment_id, tree)
    # One write, flushed before and after its rename: no step is done that isn't on disk as a line,
    # and there is no half of a journal.
    lines = [HEADER, identity, *("\t".join(step) for step in steps)]
    body = ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")
    write_atomic(state_path(root, "journal"), seal.close(body))


def _identity(environment_id: str | None, tree: Tree) -> str:
    """Name the environment and the very folder that it is in: a copy is another."""
    return f"id {environment_id} {tree.identity()}"


def read_journal(tree: Tree, seal: Seal) -> list[Step] | None:
    """Give the steps that are to be finished in an environment; None when there is no journal.

    Raises `JournalInvalid`, `OSError`.
    """
    path = f"{STATE}/journal"
    if tree.find(path) is None:
        return None
    data = tree.read(path, _LIMIT) or b""
    # A link in the place of one would lead its files elsewhere; `Tree` refuses it in the middle of
    # the steps, so it is asked before the first.
    if no_folder(tree):
        raise JournalInvalid("has lost its folders")
    try:
        lines = seal.open(data).decode("utf-8", "surrogateescape").split("\n")
    except NotBelieved as error:
        raise JournalInvalid(str(error)) from error
    if lines[0] != HEADER or lines[1] != _identity(id_in(tree), tree):
        raise JournalInvalid("was written for another environment")
    return [_parse_step(line) for line in lines[2:-1]]


def is_committed(root: str, seal: Seal) -> bool:
    """Say whether this user's envsync began to change the folder at `root`. Raises `OSError`."""
    with Tree(root) as tree:
        try:
            return read_journal(tree, seal) is not None
        except JournalInvalid:
            return False


def _parse_step(line: str) -> Step:
    try:
        step = Step(*line.split("\t"))
    except TypeError as error:
        raise JournalInvalid("has a malformed line") from error
    if step.action not in _ACTIONS:
        raise JournalInvalid("has a step that nobody knows")
    if step.action == "date" and not (step.store.isascii() and step.store.isdecimal()):
        raise JournalInvalid("has a malformed line")
    is_root = step == Step("chmod", "")
    if not (is_root or is_inside(step.path)) or not (step.store == "" or is_name(step.store)):
        raise JournalInvalid("names a path outside the environment")
    return step


def recover(root: str, seal: Seal) -> bool:
    """Finish what a journal says, then drop it.

    The caller holds the environment's lock. Gives True when there was a journal. One that this
    user didn't write here is left alone. Raises `StorageFailed`.
    """
    with storage_errors(root), Tree(root) as tree:
        try:
            steps = read_journal(tree, seal)
        except JournalInvalid:
            return False
        if steps is not None:
            tree.reserve()  # a lack of descriptors shows before the first step, not between two
            _finish(tree, steps, {})
    return steps is not None


def staged(number: object) -> str:
    """Give the path of a new file that is ready to be renamed into place."""
    return f"{STATE}/stage/{number}"


def finish(root: str, steps: Sequence[Step], times: Mapping[str, int]) -> dict[str, int]:
    """Do every step that isn't done yet, put the new manifest in force, drop the journal.

    `times` say when files last changed that are right since then (`environment.times`), by path;
    what is given says the same of them afterwards. Raises `StorageFailed`.
    """
    carried = dict(times)
    with storage_errors(root), Tree(root) as tree:
        _finish(tree, steps, carried)
    return carried


def _finish(tree: Tree, steps: Sequence[Step], times: dict[str, int]) -> None:
    tree.make_folders(f"{STATE}/trash")
    _do(tree, steps, times)
    # After all steps: until then the old manifest says what was placed, and the journal the rest.
    with suppress(FileNotFoundError):  # done by the process that died after it
        tree.rename(f"{STATE}/manifest.next", f"{STATE}/manifest")
    tree.flush_all()  # as long as one step may still be lost, the journal must not be
    tree.remove(f"{STATE}/journal")
    # All is done: what fails from here on is no failure of the sync. A journal that comes back
    # after a power failure is only repeated, and leftovers go with the next sync.
    with suppress(OSError):
        tree.flush(STATE)
        drop_leftovers(tree)


def _do(tree: Tree, steps: Sequence[Step], times: dict[str, int]) -> None:
    """Do all steps; what is the user's is in quarantine for good before its place is taken."""
    users = [step for step in steps if step.action == "keep"]
    for step in steps:
        if users and step is users[0]:
            # The folders of quarantine reach the disk first: a rename that does and a folder that
            # doesn't would lose the file.
            _make_quarantine(tree, users)
        if step.action in _CHANGING and times:
            _carry(tree, step, times)
        else:
            _ACTIONS[step.action](tree, step)
            times.pop(step.path, None)
        if users and step is users[-1]:
            tree.flush_all()  # from here on something else takes its place


def _carry(tree: Tree, step: Step, times: dict[str, int]) -> None:
    """Do a step that changes a file's own time of change, and nothing else of what is known.

    A rename moves the time of change, so the new one is taken over if nobody else had moved it:
    the time before is the known one, and the same inode is there after.
    """
    path = staged(step.store) if step.action == "place" else step.path
    before, change = tree.find(path), times.pop(path, None)
    times.pop(step.path, None)
    _ACTIONS[step.action](tree, step)
    after = tree.find(step.path)
    if before and after and before.st_ino == after.st_ino and before.st_ctime_ns == change:
        times[step.path] = after.st_ctime_ns


def _make_quarantine(tree: Tree, steps: Iterable[Step]) -> None:
    for step in steps:
        if tree.find(step.path):
            tree.make_folders(_kept(step).rpartition("/")[0])
    tree.flush_all()


def no_folder(tree: Tree) -> str:
    """Give the part of the state that should be a folder and is something else; "" when none."""
    folders = (f"{STATE}/{name}" for name in ("stage", "trash", "quarantine"))
    return next((path for path in folders if tree.find(path) and not tree.is_folder(path)), "")


def has_leftovers(tree: Tree) -> bool:
    """Say whether something lies in the state of an environment that a sync takes away again."""
    return any(_is_leftover(name) for name in tree.names(STATE))


def drop_leftovers(tree: Tree) -> None:
    """Remove what was staged and never counted, and what is in the trash. Raises `OSError`."""
    for name in tree.names(STATE):
        if _is_leftover(name):
            tree.remove(f"{STATE}/{name}")


def _is_leftover(name: str) -> bool:
    return name in _LEFTOVERS or name.startswith(".")  # a file that was being written


def id_in(tree: Tree) -> str | None:
    """Give the identity of an environment; None when it says none. Raises `OSError`."""
    data = tree.read(f"{STATE}/id", 200)  # 32 digits and a line break; others' may be anything
    return data.decode("ascii", "replace").strip() or None if data is not None else None


def _chmod(tree: Tree, step: Step) -> None:
    tree.settle(step.path)


def _date(tree: Tree, step: Step) -> None:
    tree.date(step.path, int(step.store))


def _kept(step: Step) -> str:
    return f"{STATE}/quarantine/{step.store}/{step.path}"


def _keep(tree: Tree, step: Step) -> None:
    """Set a file or folder aside that envsync did not place, or that was edited."""
    if tree.find(step.path):
        tree.make_folders(_kept(step).rpartition("/")[0])  # it may have appeared just now
        _move(tree, step.path, _kept(step))


def _trash(tree: Tree, step: Step) -> None:
    _move(tree, step.path, f"{STATE}/trash/{step.store}")


def _move(tree: Tree, path: str, place: str) -> None:
    """Move what is at a path to a place of its own, where it isn't there already.

    The place says whether that was done: by the time that a journal is repeated, something new may
    stand at the path. A file that has both names, as a loss of power may leave it, keeps one.
    """
    here, there = tree.find(path), tree.find(place)
    if here is None:
        return
    if there is None:
        tree.rename(path, place)
    elif here.st_ino == there.st_ino and not stat.S_ISDIR(here.st_mode):
        tree.remove(path)


def _rmdir(tree: Tree, step: Step) -> None:
    try:
        tree.remove_folder(step.path)
    except OSError as error:
        if error.errno not in _STAYS:
            raise


def _mkdir(tree: Tree, step: Step) -> None:
    try:
        tree.make_folder(step.path)
    except FileExistsError:
        if not tree.is_folder(step.path):  # it appeared since the plan was made
            _set_aside(tree, step.path)
            tree.make_folder(step.path)
    tree.settle(step.path)  # the umask took some of its permissions, or it was there before


def _place(tree: Tree, step: Step) -> None:
    new = staged(step.store)
    if not tree.find(new):
        return  # done by a process that died: what is at the path by now is not looked at
    if tree.is_folder(step.path):  # a file in its place is replaced, a folder can't be
        _set_aside(tree, step.path)
    tree.rename(new, step.path)


def _set_aside(tree: Tree, path: str) -> None:
    """Move what appeared between planning and now out of the way, without losing it."""
    number = 0
    while tree.find(kept := f"{STATE}/quarantine/obstacle-{number}/{path}"):
        number += 1
    # As in `_do`: its folder is on disk before it moves, and it before something takes its place.
    tree.make_folders(kept.rpartition("/")[0])
    tree.flush_all()
    tree.rename(path, kept)
    tree.flush_all()


_ACTIONS = {
    "chmod": _chmod,
    "date": _date,
    "keep": _keep,
    "trash": _trash,
    "rmdir": _rmdir,
    "mkdir": _mkdir,
    "place": _place,
}
_CHANGING = ("date", "place")
"""Steps after which the same file is at the path, or is there first."""
