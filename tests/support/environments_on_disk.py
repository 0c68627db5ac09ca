"""Small environments on disk, made and changed through real transactions."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from envsync.environment import journal, transaction
from envsync.environment.belief import read_manifest
from envsync.environment.change import Contents, Means
from envsync.environment.drift import scan
from envsync.environment.journal import Step
from envsync.environment.manifest import Manifest, Owner, Placed
from envsync.environment.placing import Files
from envsync.environment.plan import make_plan
from envsync.environment.replace import Replacement, prepare_replacement
from envsync.environment.seal import Seal
from envsync.environment.tree import Tree
from envsync.environment.update import Update, prepare_update
from envsync.platform.links import Placer

SITE = "lib/site-packages"
OWNED = (SITE, "bin")
SEAL = Seal(b"k" * 32)
"""Of the user who runs the tests."""


def placed_file(path: str, data: bytes) -> Placed:
    """What the manifest says of a file with this content."""
    return Placed(path, 0o100644, len(data), hashlib.sha256(data).hexdigest())


def one_owner(files: Mapping[str, bytes], identity: str = "0" * 32) -> Manifest:
    """A manifest in which one package owns all files."""
    owned = tuple(placed_file(path, data) for path, data in files.items())
    return Manifest(identity, "target", "default", (Owner("pkg", "1", "x", owned),))


def files_of(files: Mapping[str, bytes]) -> Files:
    """The files as a transaction wants them."""
    return Files({path: placed_file(path, data) for path, data in files.items()}, dict(files))


def make(root: Path, files: Mapping[str, bytes]) -> None:
    """Make a new environment that holds `files`."""
    transaction.commit(prepare_new(root, files, folders=OWNED, link_mode="hardlink"))


def prepare_new(
    root: Path,
    files: Mapping[str, bytes],
    linked: Files | None = None,
    *,
    folders: Sequence[str] = (),
    link_mode: str = "auto",
) -> Replacement:
    """Make everything ready for a new environment with `files`; `linked` as for a change."""
    contents = Contents(one_owner(files), linked or files_of(files), folders)
    return prepare_replacement(str(root), contents, Means(SEAL, Placer(link_mode)))


def prepare_change(root: Path, files: Mapping[str, bytes], linked: Files | None = None) -> Update:
    """Make everything ready for the environment to hold `files` instead.

    `linked` are the same where some come from elsewhere, by hard links.
    """
    manifest = read_manifest(str(root), SEAL)
    assert manifest is not None
    drift = scan(str(root), manifest.placed(), OWNED)
    wanted = linked or files_of(files)
    plan = make_plan(wanted.desired, manifest, drift)
    following = one_owner(files, manifest.environment_id)
    contents = Contents(following, wanted, OWNED)
    return prepare_update(str(root), plan, contents, Means(SEAL, Placer("hardlink")))


def tree(root: Path) -> dict[str, bytes]:
    """Every file below a folder with its content, envsync's own state left out."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".envsync" not in path.relative_to(root).parts
    }


def quarantined(root: Path) -> dict[str, bytes]:
    """What was set aside, by the path that it had."""
    folder = root / ".envsync" / "quarantine"
    return {
        "/".join(path.relative_to(folder).parts[1:]): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class Died(BaseException):
    """Stands for kill -9: nothing catches it, nothing cleans up."""


def finish_and_die(root: Path, steps: Sequence[Step], after: int) -> None:
    """Finish a journal, and die after so many steps."""
    left = after

    def counted(action: Callable[[Tree, Step], None]) -> Callable[[Tree, Step], None]:
        def act(tree: Tree, step: Step) -> None:
            nonlocal left
            if left == 0:
                raise Died
            left -= 1
            action(tree, step)

        return act

    def flush(tree: Tree) -> None:
        if left == 0:
            raise Died

    with pytest.MonkeyPatch.context() as patch:
        actions = {name: counted(action) for name, action in journal._ACTIONS.items()}
        patch.setattr(journal, "_ACTIONS", actions)
        patch.setattr(Tree, "flush_all", flush)
        with pytest.raises(Died):
            journal.finish(str(root), steps, {})
