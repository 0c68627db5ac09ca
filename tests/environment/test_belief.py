"""Whose state is believed: the user's own, and root's where only root can write."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from envsync.environment import belief
from envsync.environment.belief import Belief, examine, holds_nothing
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


@pytest.fixture
def somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks isn't root, as far as `belief` knows."""
    monkeypatch.setattr(belief, "is_root", lambda: False)


@pytest.mark.usefixtures("somebody")
def test_what_root_made_is_trusted_by_others_and_said_to_be(root: Path) -> None:
    seen = examine(str(root), NOBODY)
    assert seen.manifest is not None
    assert seen.trusted
    assert seen.marked


def test_only_what_nobody_else_can_have_made_is_called_trusted(root: Path) -> None:
    assert not examine(str(root), SEAL).trusted
    assert examine(str(root), NOBODY, trusted=True).trusted
    assert examine(str(root), NOBODY, trusted=True).manifest is not None


@pytest.mark.usefixtures("somebody")
@pytest.mark.parametrize("place", [".", ".envsync", ".envsync/manifest", ".."])
def test_one_place_that_others_may_write_to_is_enough_for_doubt(root: Path, place: str) -> None:
    path = root / place
    path.chmod(path.stat().st_mode | 0o002)
    seen = examine(str(root), NOBODY)
    assert seen.manifest is None
    assert not seen.trusted
    assert "not written by this user" in seen.doubt


@pytest.mark.usefixtures("somebody")
def test_without_a_manifest_of_root_s_nothing_is_trusted(root: Path) -> None:
    (root / ".envsync/manifest").unlink()
    assert "its manifest is missing" in examine(str(root), NOBODY).doubt
    shutil.rmtree(root / ".envsync")
    assert "it has no .envsync" in examine(str(root), NOBODY).doubt


# -- whose it seems to be ----------------------------------------------------------------------


def marked(root: Path) -> bool:
    seen = examine(str(root), SEAL)
    assert seen.manifest is None
    return seen.marked


@pytest.mark.parametrize("name", ["id", "manifest"])
def test_a_state_with_anything_of_ours_is_a_mark(tmp_path: Path, name: str) -> None:
    (tmp_path / ".envsync").mkdir()
    (tmp_path / ".envsync" / name).write_text("whatever")
    assert marked(tmp_path)


def test_a_state_that_is_empty_or_no_folder_is_no_mark(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/id").write_text("whatever")
    state = tmp_path / ".envsync"
    state.mkdir()
    assert not marked(tmp_path)
    state.rmdir()
    state.symlink_to("elsewhere")
    assert not marked(tmp_path)
    state.unlink()
    state.write_text("mine")
    assert not marked(tmp_path)


def test_a_pyvenv_cfg_is_a_mark_if_envsync_is_named_in_it(tmp_path: Path) -> None:
    config = tmp_path / "pyvenv.cfg"
    config.write_text("home = /usr/bin\n")
    assert not marked(tmp_path)
    config.write_text("home = /usr/bin\nenvsync = 1\n")
    assert marked(tmp_path)


def test_a_file_at_the_place_is_nobody_s(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert examine(str(tmp_path / "file"), SEAL) == Belief(
        doubt="it is no folder, or a link to one"
    )


@pytest.mark.parametrize("name", ["stage", "trash", "quarantine"])
def test_a_part_of_the_state_that_is_no_folder_is_told(tmp_path: Path, name: str) -> None:
    make(tmp_path / ".venv", FILES)
    (tmp_path / ".venv/.envsync" / name).write_text("")
    seen = examine(str(tmp_path / ".venv"), SEAL)
    assert seen.doubt == f"its .envsync/{name} is no folder"
    assert seen.marked


def test_a_manifest_of_another_identity_is_not_believed(tmp_path: Path) -> None:
    make(tmp_path / ".venv", FILES)
    (tmp_path / ".venv/.envsync/id").write_text("1" * 32 + "\n")
    assert "its identity is missing or another" in examine(str(tmp_path / ".venv"), SEAL).doubt


# -- whether there is anything -----------------------------------------------------------------


def test_empty_folders_hold_nothing_however_many(tmp_path: Path) -> None:
    for folder in ("a/b", "a/c", "d", ".envsync/stage", "lost+found"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "lost+found/of the disk").write_text("")
    (tmp_path / ".envsync/id").write_text("")
    assert holds_nothing(str(tmp_path))


@pytest.mark.parametrize("place", ["a/file", "a/lost+found/file", "a/.envsync/file", "d/deep/file"])
def test_one_file_somewhere_is_something(tmp_path: Path, place: str) -> None:
    for folder in ("a", "d", "z"):
        (tmp_path / folder).mkdir()
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_text("")
    assert not holds_nothing(str(tmp_path))


def test_a_link_is_something_and_so_is_a_folder_behind_one(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    assert not holds_nothing(str(tmp_path))
    assert not holds_nothing(str(tmp_path / "link"))
    assert not holds_nothing(str(tmp_path / "nowhere"))
    assert holds_nothing(str(tmp_path / "empty"))
