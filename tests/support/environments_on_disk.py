"""Small environments on disk, made and changed through real transactions."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from envsync.environment import journal, transaction
from envsync.environment.belief import read_manifest
from envsync.environment.drift import scan
from envsync.environment.journal import Step
from envsync.environment.manifest import Manifest, Owner, Placed
from envsync.environment.placing import Files
from envsync.environment.plan import make_plan
from envsync.environment.seal import Seal
from envsync.environment.transaction import Prepared
from envsync.environment.tree import Tree
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
    prepared = transaction.prepare_new(
        str(root), files_of(files), one_owner(files), OWNED, seal=SEAL, placer=Placer("hardlink")
    )
    transaction.commit(prepared)


def prepare_change(root: Path, files: Mapping[str, bytes], linked: Files | None = None) -> Prepared:
    """Make everything ready for the environment to hold `files` instead.

    `linked` are the same where some come from elsewhere, by hard links.
    """
    manifest = read_manifest(str(root), SEAL)
    assert manifest is not None
    drift = scan(str(root), manifest.placed(), OWNED)
    wanted = linked or files_of(files)
    plan = make_plan(wanted.desired, manifest, drift)
    following = one_owner(files, manifest.environment_id)
    return transaction.prepare_update(
        str(root), plan, wanted, following, OWNED, seal=SEAL, placer=Placer("hardlink")
    )


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
