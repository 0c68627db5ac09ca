"""Changes below a folder never leave it, whatever links lie or are put on the way."""

import os
import resource
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from envsync.environment import journal, transaction
from envsync.environment.journal import Step
from envsync.environment.tree import Tree
from envsync.errors import EnvsyncError, StorageFailed
from tests.support.environments_on_disk import SEAL, make, prepare_change
from tests.support.users import SOMEBODY, as_user, need_root


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder of the user's, with files that must stay as they are."""
    folder = tmp_path / "home"
    (folder / "deep").mkdir(parents=True)
    (folder / "keep.txt").write_text("precious")
    (folder / "deep/keep.txt").write_text("precious too")
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "env"
    (folder / "lib/pkg").mkdir(parents=True)
    (folder / "lib/pkg/a.py").write_text("a")
    (folder / ".envsync/stage").mkdir(parents=True)
    (folder / ".envsync/trash").mkdir()
    (folder / ".envsync/id").write_text("abc\n")
    (folder / ".envsync/stage/0").write_text("new")
    return folder


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def put_link(root: Path, place: str, target: Path) -> None:
    """Put a link to a folder elsewhere where something stood."""
    path = root / place
    if path.is_dir():
        os.rename(path, f"{root}-was-{place.replace('/', '-')}")
    path.symlink_to(target)


def write_journal(root: Path, steps: list[Step]) -> None:
    journal.write_journal(str(root), "abc", steps, SEAL)


STEPS = [
    Step("keep", "lib/pkg/keep.txt", "T"),
    Step("trash", "lib/pkg/keep.txt", "1"),
    Step("trash", "lib/keep.txt", "2"),
    Step("rmdir", "lib/pkg/deep"),
    Step("mkdir", "lib/pkg/new"),
    Step("place", "lib/pkg/keep.txt", "0"),
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step.action}-{step.path}")
@pytest.mark.parametrize("place", ["lib", "lib/pkg"])
def test_a_link_in_place_of_a_folder_leads_no_step_outside(
    root: Path, outside: Path, place: str, step: Step
) -> None:
    write_journal(root, [step])
    put_link(root, place, outside)
    before = contents(outside)
    with suppress(EnvsyncError):
        journal.recover(str(root), SEAL)
    assert contents(outside) == before
    assert (outside / "deep").is_dir()


@pytest.mark.parametrize("place", [".envsync", ".envsync/trash", ".envsync/stage"])
def test_state_that_is_a_link_is_not_followed(root: Path, outside: Path, place: str) -> None:
    write_journal(root, [Step("trash", "lib/pkg/a.py", "0"), Step("place", "lib/pkg/b.py", "0")])
    if place == ".envsync":
        for name in ("id", "journal"):
            (outside / name).write_bytes((root / ".envsync" / name).read_bytes())
        (outside / "stage").mkdir()
        (outside / "stage/mine").write_text("precious")
    before = contents(outside)
    put_link(root, place, outside)
    with suppress(EnvsyncError):
        journal.recover(str(root), SEAL)
    assert contents(outside) == before


def test_state_that_is_a_link_is_nobody_of_ours(root: Path, outside: Path) -> None:
    (outside / "id").write_text("abc\n")
    put_link(root, ".envsync", outside)
    with Tree(str(root)) as tree:
        assert journal.id_in(tree) is None


def test_a_journal_of_a_copied_environment_is_refused(root: Path, tmp_path: Path) -> None:
    write_journal(root, [Step("trash", "lib/pkg/a.py", "0")])
    copy = tmp_path / "copy"
    os.system(f"cp -a {root} {copy}")
    assert not journal.recover(str(copy), SEAL)
    assert (copy / "lib/pkg/a.py").exists()
    assert journal.recover(str(root), SEAL)
    assert not (root / "lib/pkg/a.py").exists()


def test_a_journal_of_a_moved_environment_is_finished(root: Path, tmp_path: Path) -> None:
    write_journal(root, [Step("trash", "lib/pkg/a.py", "0")])
    root.rename(tmp_path / "moved")
    assert journal.recover(str(tmp_path / "moved"), SEAL)
    assert not (tmp_path / "moved/lib/pkg/a.py").exists()


@pytest.mark.parametrize(
    "path",
    [
        "../home/keep.txt", "/etc/passwd", "lib/../../home/keep.txt", ".envsync/id", "lib//a", "",
        ".", "lib/./a",
    ],
)  # fmt: skip
def test_a_forged_journal_with_a_path_that_leads_elsewhere(
    root: Path, outside: Path, path: str
) -> None:
    write_journal(root, [Step("trash", "lib/pkg/a.py", "0"), Step("trash", path, "1")])
    before = contents(outside), contents(root)
    assert not journal.recover(str(root), SEAL)
    assert (contents(outside), contents(root)) == before


def test_a_folder_that_is_swapped_for_a_link_again_and_again(root: Path, outside: Path) -> None:
    before = contents(outside)
    stop = threading.Event()
    swaps = 0

    def swap() -> None:
        nonlocal swaps
        real, link = str(root / "real"), str(root / "link")
        while not stop.is_set():
            os.rename(root / "lib/pkg", real)
            os.symlink(outside, link)
            os.rename(link, root / "lib/pkg")
            os.unlink(root / "lib/pkg")
            os.rename(real, root / "lib/pkg")
            swaps += 1

    thread = threading.Thread(target=swap)
    thread.start()
    done = 0
    try:
        while swaps < 500 or (not done and swaps < 100_000):
            with Tree(str(root)) as tree:
                for path in ("lib/pkg/keep.txt", "lib/pkg/deep/keep.txt"):
                    try:
                        tree.remove(path)
                        tree.rename("lib/pkg/a.py", "lib/pkg/keep.txt")
                        tree.rename("lib/pkg/keep.txt", "lib/pkg/a.py")
                        done += 1
                    except OSError:
                        continue
    finally:
        stop.set()
        thread.join()
    assert done
    assert contents(outside) == before


def test_folders_are_made_and_many_may_be_open(root: Path) -> None:
    with Tree(str(root)) as tree:
        for number in range(300):
            tree.make_folders(f"many/{number}/deep")
        for number in range(300):
            tree.rename("lib/pkg/a.py", f"many/{number}/deep/a.py")
            tree.rename(f"many/{number}/deep/a.py", "lib/pkg/a.py")
        tree.rename("many/7", "elsewhere")
        assert tree.find("many/7/deep") is None
        assert tree.is_folder("elsewhere/deep")
        tree.remove("many")
        tree.remove("many")
        assert sorted(tree.names("")) == [".envsync", "elsewhere", "lib"]


def test_the_root_itself_must_be_a_folder(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    with pytest.raises(OSError, match=r"link|directory"):
        Tree(str(tmp_path / "link"))


@pytest.fixture
def few() -> Iterator[Callable[[int], None]]:
    """Leave only so many descriptors; a negative number gives all of them back."""
    taken: list[int] = []

    def leave(count: int) -> None:
        if count < 0:
            while taken:
                os.close(taken.pop())
            return
        while True:
            try:
                taken.append(os.open(os.devnull, os.O_RDONLY))
            except OSError:
                break
        for _ in range(count):
            os.close(taken.pop())

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        yield leave
    finally:
        leave(-1)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_few_descriptors_are_enough_for_deep_and_wide(
    root: Path, few: Callable[[int], None]
) -> None:
    deep = "/".join(f"d{number}" for number in range(300))
    few(7)
    with Tree(str(root)) as tree:
        tree.reserve()
        tree.make_folders(f"keep/{deep}")
        for number in range(100):
            tree.make_folders(f"wide/{number}")
            tree.rename("lib/pkg/a.py", f"wide/{number}/a.py")
            tree.rename(f"wide/{number}/a.py", f"keep/{deep}/a.py")
            tree.rename(f"keep/{deep}/a.py", "lib/pkg/a.py")
        assert tree.read("lib/pkg/a.py", 100) == b"a"
        tree.rename("keep", "kept")
        assert tree.is_folder(f"kept/{deep}")
        assert not tree.is_folder(f"keep/{deep}")
        tree.remove("kept")
        tree.remove("wide")
        assert sorted(tree.names("")) == [".envsync", "lib"]


@pytest.mark.parametrize("left", [0, 1, 3, 6])
def test_nothing_is_committed_without_descriptors(
    tmp_path: Path, few: Callable[[int], None], left: int
) -> None:
    root = tmp_path / "project/.venv"
    root.parent.mkdir()
    make(root, {"lib/a.py": b"1\n"})
    update = prepare_change(root, {"lib/a.py": b"2\n"})
    few(left)
    with pytest.raises(StorageFailed) as failed:
        transaction.commit(update)
    few(-1)
    assert "ulimit -n" in (failed.value.hint or "")
    assert (root / "lib/a.py").read_bytes() == b"1\n"
    assert not (root / ".envsync/journal").exists()


def test_unwritable_folders_are_removed_by_their_owner(root: Path) -> None:
    for mode in (0o500, 0o000, 0o300):
        (root / f"shut{mode}/inner").mkdir(parents=True)
        (root / f"shut{mode}/inner/file").write_text("x")
        (root / f"shut{mode}/inner").chmod(mode)
        (root / f"shut{mode}").chmod(mode)
    with Tree(str(root)) as tree:
        for mode in (0o500, 0o000, 0o300):
            tree.remove(f"shut{mode}")
        assert sorted(tree.names("")) == [".envsync", "lib"]


def test_only_regular_files_are_read(root: Path, outside: Path) -> None:
    (root / "link").symlink_to(outside / "keep.txt")
    (root / "folder-link").symlink_to(outside)
    os.mkfifo(root / "pipe")
    with Tree(str(root)) as tree:
        for path in ("link", "folder-link/keep.txt", "pipe", "lib", "gone", "lib/pkg/a.py/x"):
            assert tree.read(path, 100) is None
        assert tree.read("lib/pkg/a.py", 1) == b"a"
        assert tree.read("lib/pkg/a.py", 0) is None


def test_a_folder_of_another_user_s_that_all_may_write_to_is_removed(
    root: Path, tmp_path: Path
) -> None:
    """Its mode is nothing that only its owner may change, as long as it keeps nobody out."""
    need_root()
    root = Path(tempfile.mkdtemp(prefix="tree-"))
    try:
        os.chown(root, SOMEBODY, SOMEBODY)
        (root / "shared").mkdir()
        (root / "shared").chmod(0o777)
        (root / "shared/file").write_text("")

        def work() -> int:
            with Tree(str(root)) as tree:
                tree.remove("shared")
            return 0

        assert as_user(SOMEBODY, work, tmp_path / "x").code == 0
        assert os.listdir(root) == []
    finally:
        shutil.rmtree(root)


def test_only_folders_that_keep_their_owner_out_get_another_mode_to_be_removed(
    root: Path,
) -> None:
    settled: list[str] = []

    class Watched(Tree):
        def set_folder_mode(self, path: str, mode: int) -> None:
            settled.append(path)
            super().set_folder_mode(path, mode)

    for mode in (0o777, 0o711, 0o500, 0o600, 0o300):
        (root / f"top/{mode:o}").mkdir(parents=True)
        (root / f"top/{mode:o}").chmod(mode)
    with Watched(str(root)) as tree:
        tree.remove("top")
        assert sorted(settled) == ["top/300", "top/500", "top/600"]
        assert not tree.is_folder("top")


def test_only_a_folder_with_another_mode_is_settled(root: Path) -> None:
    (root / "lib").chmod(0o2700)
    (root / "lib/pkg").chmod(0o500)
    (root / "lib/pkg/a.py").chmod(0o600)
    with Tree(str(root)) as tree:
        for path in ("lib", "lib/pkg", "lib/pkg/a.py", "gone"):
            tree.settle(path)
    assert (root / "lib").stat().st_mode == 0o42755
    assert (root / "lib/pkg").stat().st_mode == 0o40755
    assert (root / "lib/pkg/a.py").stat().st_mode == 0o100600
