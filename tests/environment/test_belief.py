"""Whose state is believed: the user's own, and root's where only root can write."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from envsync.environment.belief import Belief, examine
from envsync.environment.seal import NOBODY, Seal
from tests.support.environments_on_disk import SEAL, SITE, make, tree
from tests.support.users import SOMEBODY, as_user, need_root

FILES = {f"{SITE}/a.py": b"a = 1\n"}


@pytest.fixture
def root() -> Iterator[Path]:
    """An environment that root made where everybody can look, and nobody else write."""
    need_root()
    folder = Path(tempfile.mkdtemp(prefix="belief-"))
    try:
        folder.chmod(0o755)
        make(folder / ".venv", FILES)
        yield folder / ".venv"
    finally:
        shutil.rmtree(folder)


def seen(root: Path, out: Path, seal: Seal = NOBODY) -> str:
    """What another user makes of it: "" when it is believed."""

    def work() -> int:
        found: Belief = examine(str(root), seal)
        os.write(1, found.doubt.encode())
        assert (found.manifest is None) == bool(found.doubt)
        assert found.marked
        return 0

    ran = as_user(SOMEBODY, work, out)
    assert ran.code == 0
    return ran.out


def test_what_root_made_where_only_root_writes_is_believed(root: Path, tmp_path: Path) -> None:
    assert seen(root, tmp_path / "x") == ""
    assert seen(root, tmp_path / "x", Seal(b"o" * 32)) == ""
    assert tree(root) == FILES


def test_root_does_not_believe_what_root_cloned(root: Path) -> None:
    assert "not written by this user" in examine(str(root), NOBODY).doubt
    assert examine(str(root), SEAL).manifest is not None


@pytest.mark.parametrize(
    "place", [".", ".envsync", ".envsync/manifest", ".."], ids=["root", "state", "manifest", "way"]
)
@pytest.mark.parametrize("how", ["all", "group", "owner"])
def test_what_others_may_write_to_is_not_believed(
    root: Path, tmp_path: Path, place: str, how: str
) -> None:
    path = root / place
    change: dict[str, Callable[[], None]] = {
        "all": lambda: path.chmod(path.stat().st_mode | 0o002),
        "group": lambda: path.chmod(path.stat().st_mode | 0o020),
        "owner": lambda: os.chown(path, SOMEBODY + 1, 0),
    }
    change[how]()
    assert "not written by this user" in seen(root, tmp_path / "x")


def test_a_link_on_the_way_is_judged_where_it_leads(root: Path, tmp_path: Path) -> None:
    link = Path(tempfile.mkdtemp(prefix="belief-"))
    try:
        link.chmod(0o755)
        (link / "here").symlink_to(root.parent)
        assert seen(link / "here/.venv", tmp_path / "x") == ""
        root.parent.chmod(0o777)
        assert "not written by this user" in seen(link / "here/.venv", tmp_path / "x")
    finally:
        shutil.rmtree(link)


def test_damage_is_seen_though_root_is_trusted(root: Path, tmp_path: Path) -> None:
    manifest = root / ".envsync/manifest"
    manifest.write_bytes(manifest.read_bytes().replace(b"a.py", b"b.py"))
    assert "its manifest is damaged" in seen(root, tmp_path / "x")


def test_a_journal_of_root_s_is_not_believed(root: Path, tmp_path: Path) -> None:
    (root / ".envsync/journal").write_bytes(SEAL.close(b"x\n"))
    assert "its journal" in seen(root, tmp_path / "x")
