import errno
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.environment import beside, journal, replace, transaction
from envsync.environment.belief import examine
from envsync.environment.drift import expected_mtime
from envsync.environment.journal import Step
from envsync.environment.placing import Files, Tampered
from envsync.environment.replace import Replacement
from envsync.environment.seal import Seal
from envsync.environment.tree import Tree
from envsync.errors import StorageFailed
from envsync.platform.files import write_new
from tests.support.effort import calls
from tests.support.environments_on_disk import (
    SEAL,
    SITE,
    Died,
    files_of,
    finish_and_die,
    make,
    prepare_change,
    prepare_new,
    quarantined,
    tree,
)

OLD = {
    f"{SITE}/same.py": b"same = 1\n",
    f"{SITE}/changed.py": b"version = 1\n",
    f"{SITE}/gone.py": b"gone = 1\n",
    f"{SITE}/folder/__init__.py": b"",
    f"{SITE}/folder/inner/x.py": b"x = 1\n",
    f"{SITE}/becomes_folder.py": b"b = 1\n",
    "bin/tool": b"#!/bin/sh\n",
}
NEW = {
    f"{SITE}/same.py": b"same = 1\n",
    f"{SITE}/changed.py": b"version = 2\n",
    f"{SITE}/folder": b"a file now\n",
    f"{SITE}/becomes_folder.py/__init__.py": b"",
    f"{SITE}/new/deep/y.py": b"y = 1\n",
    "share/doc.txt": b"doc\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "project" / ".venv"
    path.parent.mkdir()
    make(path, OLD)
    return path


def test_new_environment_holds_its_files_and_nothing_lies_beside_it(root: Path) -> None:
    assert tree(root) == OLD
    assert os.listdir(root.parent) == [".venv"]
    with Tree(str(root)) as opened:
        assert journal.id_in(opened) == "0" * 32


def test_failing_preparation_leaves_nothing_behind(root: Path) -> None:
    broken = files_of({**NEW, f"{SITE}/z.py": b""})
    sources = {**broken.sources, f"{SITE}/z.py": "/nowhere/at/all"}
    with pytest.raises(Exception, match="nowhere"):
        prepare_new(root.parent / "other", NEW, broken._replace(sources=sources))
    assert os.listdir(root.parent) == [".venv"]


def test_change_gives_exactly_the_new_files(root: Path) -> None:
    transaction.commit(prepare_change(root, NEW))
    assert tree(root) == NEW
    assert sorted(os.listdir(root / ".envsync")) == ["id", "manifest"]


def test_change_removes_folders_that_became_empty(root: Path) -> None:
    transaction.commit(prepare_change(root, {f"{SITE}/same.py": b"same = 1\n"}))
    assert os.listdir(root / SITE) == ["same.py"]


def test_discarded_preparation_changes_nothing(root: Path) -> None:
    prepare_change(root, NEW).discard()
    assert tree(root) == OLD
    assert sorted(os.listdir(root / ".envsync")) == ["id", "manifest"]


def test_edited_and_stray_files_are_set_aside_with_their_bytes(root: Path) -> None:
    (root / SITE / "changed.py").write_bytes(b"mine = 1\n")
    (root / SITE / "stray.txt").write_bytes(b"notes\n")
    (root / SITE / "new").mkdir()
    (root / SITE / "new" / "mine.txt").write_bytes(b"more notes\n")
    transaction.commit(prepare_change(root, NEW))
    assert tree(root) == NEW
    assert quarantined(root) == {
        f"{SITE}/changed.py": b"mine = 1\n",
        f"{SITE}/stray.txt": b"notes\n",
        f"{SITE}/new/mine.txt": b"more notes\n",
    }


def test_death_after_any_step_is_finished_by_recovery(tmp_path: Path) -> None:
    steps = 1
    after = 0
    while after <= steps:
        root = tmp_path / str(after) / ".venv"
        root.parent.mkdir()
        make(root, OLD)
        (root / SITE / "gone.py").write_bytes(b"edited = 1\n")
        prepared = prepare_change(root, NEW)
        steps = len(prepared.steps)
        journal.write_journal(str(root), prepared.manifest.environment_id, prepared.steps, SEAL)
        finish_and_die(root, prepared.steps, after)
        assert transaction.is_interrupted(str(root), SEAL)
        assert transaction.recover(str(root), SEAL)
        assert tree(root) == NEW
        assert quarantined(root) == {f"{SITE}/gone.py": b"edited = 1\n"}
        assert not transaction.recover(str(root), SEAL)
        after += 1
    assert steps > 15


def test_death_during_recovery_is_finished_by_the_next_recovery(tmp_path: Path) -> None:
    for first, second in ((2, 1), (3, 9), (9, 3), (14, 15)):
        root = tmp_path / f"{first}-{second}" / ".venv"
        root.parent.mkdir()
        make(root, OLD)
        prepared = prepare_change(root, NEW)
        journal.write_journal(str(root), prepared.manifest.environment_id, prepared.steps, SEAL)
        for after in (first, second):
            finish_and_die(root, prepared.steps, after)
        transaction.recover(str(root), SEAL)
        assert tree(root) == NEW


def test_death_before_the_journal_leaves_the_old_environment(root: Path) -> None:
    prepare_change(root, NEW)
    assert not transaction.recover(str(root), SEAL)
    assert tree(root) == OLD
    assert sorted(os.listdir(root / ".envsync")) == ["id", "manifest"]


def test_death_while_a_new_environment_is_built_leaves_nothing(root: Path) -> None:
    prepared = prepare_new(root, NEW)
    assert os.path.isdir(prepared.built)
    transaction.recover(str(root), SEAL)
    assert os.listdir(root.parent) == [".venv"]
    assert tree(root) == OLD


def rename_away(root: Path) -> Path:
    """Give an environment the name that it has between the two renames of a replacement."""
    with Tree(str(root.parent)) as folder:
        name = beside.old_name(folder, root.name, root.lstat().st_ino, SEAL)
    return root.rename(root.parent / name)


def test_death_between_the_two_renames_of_a_replacement_gives_the_old_one_back(
    root: Path,
) -> None:
    rename_away(root)
    assert transaction.is_interrupted(str(root), SEAL)
    assert transaction.recover(str(root), SEAL)
    assert tree(root) == OLD
    assert os.listdir(root.parent) == [".venv"]


def test_death_after_the_two_renames_keeps_what_the_user_had(root: Path) -> None:
    (root / SITE / "notes.txt").write_bytes(b"notes\n")
    rename_away(root)
    make(root, NEW)  # which empties all that waits
    assert not transaction.is_interrupted(str(root), SEAL)
    assert tree(root) == NEW
    assert quarantined(root) == {f"{SITE}/notes.txt": b"notes\n"}
    assert os.listdir(root.parent) == [".venv"]


def test_replacing_an_environment_keeps_what_the_user_had_in_it(root: Path) -> None:
    (root / SITE / "notes.txt").write_bytes(b"notes\n")
    (root / SITE / "changed.py").write_bytes(b"mine = 1\n")
    make(root, NEW)
    assert tree(root) == NEW
    assert quarantined(root) == {
        f"{SITE}/notes.txt": b"notes\n",
        f"{SITE}/changed.py": b"mine = 1\n",
    }
    assert os.listdir(root.parent) == [".venv"]


def test_replacing_an_environment_keeps_files_beside_its_folders(root: Path) -> None:
    (root / "top.txt").write_bytes(b"top\n")
    (root / "mine").mkdir()
    (root / "mine" / "deep.txt").write_bytes(b"deep\n")
    make(root, NEW)
    assert tree(root) == NEW
    assert quarantined(root) == {"top.txt": b"top\n", "mine/deep.txt": b"deep\n"}


def test_what_is_left_of_a_retired_environment_is_nobody_s(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Death while the old one is removed, its manifest gone first: the rest is no user's file."""

    def die(self: Tree, path: str) -> None:
        shutil.rmtree(f"{root.parent}/{path}/.envsync")
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(Tree, "remove", die)
        with pytest.raises(Died):
            make(root, NEW)
    transaction.recover(str(root), SEAL)
    assert tree(root) == NEW
    assert quarantined(root) == {}
    assert os.listdir(root.parent) == [".venv"]


@pytest.mark.parametrize("replaces", [False, True])
def test_new_environment_that_cannot_be_made_durable_is_taken_back(
    root: Path, monkeypatch: pytest.MonkeyPatch, replaces: bool
) -> None:
    flushes = iter([None] * replaces)

    def fail(self: Tree, path: str) -> None:
        if next(flushes, "last") is not None:
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)

    place = root if replaces else root.parent / "other"
    prepared = prepare_new(place, NEW)
    with monkeypatch.context() as patched:
        patched.setattr(Tree, "flush", fail)
        with pytest.raises(StorageFailed):
            transaction.commit(prepared)
    prepared.discard()
    assert os.listdir(root.parent) == [".venv"]
    assert tree(root) == OLD


def test_replacing_a_foreign_folder_keeps_all_of_it(tmp_path: Path) -> None:
    root = tmp_path / ".venv"
    (root / "bin").mkdir(parents=True)
    (root / "bin" / "python").write_bytes(b"theirs\n")
    make(root, NEW)
    assert tree(root) == NEW
    assert quarantined(root) == {"bin/python": b"theirs\n"}


def refused(root: Path, steps: list[Step], identity: str, why: str, seal: Seal = SEAL) -> None:
    """Write a journal of which no step may be done, and which is no more believed than it is."""
    journal.write_journal(str(root), identity, steps, seal)
    assert not transaction.recover(str(root), SEAL)
    assert not transaction.is_interrupted(str(root), SEAL)
    assert tree(root) == OLD
    assert quarantined(root) == {}
    found = examine(str(root), SEAL)
    assert found.manifest is None
    assert why in found.doubt


@pytest.mark.parametrize(
    "line",
    [
        "place\t../../outside\t0",
        "trash\t/etc/passwd\t0",
        "keep\tlib/x\t../../../outside",
        "keep\tlib/x\ta/b",
        "place\t.envsync/id\t0",
        "mkdir\tlib//x\t",
        "mkdir\t\t",
        "chmod\t..\t",
        "chmod\t.envsync\t",
        "rmdir\tlib\\x\t",
        "trash\tlib/\x1b[2J\t0",
        "trash\tlib/x\t..",
    ],
    ids=ascii,
)
def test_journal_that_leaves_the_environment_is_refused(root: Path, line: str) -> None:
    action, path, store = line.split("\t")
    refused(root, [Step(action, path, store)], "0" * 32, "outside")


def test_journal_of_another_environment_is_refused(root: Path) -> None:
    step = Step("trash", f"{SITE}/same.py", "0")
    refused(root, [step], "1" * 32, "another environment")


def test_journal_of_another_user_is_refused(root: Path) -> None:
    step = Step("trash", f"{SITE}/same.py", "0")
    refused(root, [step], "0" * 32, "not written by this user", Seal(b"o" * 32))


def test_journal_with_an_unknown_step_is_refused(root: Path) -> None:
    refused(root, [Step("shred", f"{SITE}/same.py", "0")], "0" * 32, "nobody knows")


@pytest.mark.parametrize("text", [b"", b"\n", b"x", b"envsync-journal 2", b"sha256 ", bytes(200)])
def test_journal_that_is_no_text_of_ours_is_refused(root: Path, text: bytes) -> None:
    (root / ".envsync/journal").write_bytes(text)
    assert not transaction.recover(str(root), SEAL)
    assert "its journal is damaged" in examine(str(root), SEAL).doubt
    assert tree(root) == OLD


def test_damaged_journal_is_refused(root: Path) -> None:
    journal.write_journal(str(root), "0" * 32, [Step("trash", f"{SITE}/same.py", "0")], SEAL)
    path = root / ".envsync" / "journal"
    path.write_bytes(path.read_bytes().replace(b"same", b"gone"))
    assert not transaction.recover(str(root), SEAL)
    assert "damaged" in examine(str(root), SEAL).doubt
    assert tree(root) == OLD


def test_obstacle_that_appears_before_the_commit_is_set_aside(root: Path) -> None:
    prepared = prepare_change(root, NEW)
    (root / "share").write_bytes(b"an obstacle\n")
    transaction.commit(prepared)
    assert tree(root) == NEW
    assert quarantined(root) == {"share": b"an obstacle\n"}
    assert os.listdir(root / ".envsync/quarantine") == ["obstacle-0"]


def test_folder_that_appears_where_a_file_is_placed_is_set_aside(root: Path) -> None:
    prepared = prepare_change(root, {**OLD, f"{SITE}/new.py": b"new = 1\n"})
    (root / SITE / "new.py").mkdir()
    (root / SITE / "new.py/mine.txt").write_bytes(b"mine\n")
    transaction.commit(prepared)
    assert tree(root) == {**OLD, f"{SITE}/new.py": b"new = 1\n"}
    assert quarantined(root) == {f"{SITE}/new.py/mine.txt": b"mine\n"}


@pytest.fixture
def stored(root: Path) -> tuple[Path, Files]:
    """A file as the store has it, and what an environment with it holds."""
    files = files_of({**NEW, f"{SITE}/z.py": b"z = 1\n"})
    path, placed = root.parent / "stored", files.desired[f"{SITE}/z.py"]
    write_new(str(path), b"z = 1\n", mode=placed.mode, mtime=expected_mtime(placed))
    sources = {**files.sources, f"{SITE}/z.py": str(path)}
    known = {path.stat().st_ino: path.stat().st_ctime_ns}
    return path, files._replace(sources=sources, stored_times=known)


def prepare_other(root: Path, files: Files) -> Replacement:
    return prepare_new(root.parent / "other", NEW, files, link_mode="hardlink")


def edit_and_put_time_back(path: Path) -> None:
    before = path.stat()
    path.write_bytes(b"z = 2\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    "change", [lambda path: path.write_bytes(b"other\n"), edit_and_put_time_back, Path.unlink]
)
def test_stored_file_that_was_changed_is_not_linked(
    root: Path, stored: tuple[Path, Files], change: Callable[[Path], object]
) -> None:
    change(stored[0])
    with pytest.raises(Tampered):
        prepare_other(root, stored[1])
    assert {*os.listdir(root.parent)} - {"stored"} == {".venv"}


def test_stored_file_that_lost_its_time_or_mode_gets_them_back(
    root: Path, stored: tuple[Path, Files]
) -> None:
    path, files = stored
    path.chmod(0o600)
    os.utime(path)
    prepare_other(root, files).discard()
    placed = files.desired[f"{SITE}/z.py"]
    assert (path.stat().st_mode, path.stat().st_mtime) == (placed.mode, expected_mtime(placed))


def test_times_of_change_are_known_through_links_and_renames(
    root: Path, stored: tuple[Path, Files]
) -> None:
    """Of each new file, also in an update, and of the stored file that it is a link to."""
    path, files = stored
    times = prepare_other(root, files).times
    assert times.stored == {path.stat().st_ino: path.stat().st_ctime_ns}
    later = files._replace(stored_times=times.stored)
    change = prepare_change(root, {**NEW, f"{SITE}/z.py": b"z = 1\n"}, later)
    times = transaction.commit(change).times
    assert times.stored == {path.stat().st_ino: path.stat().st_ctime_ns}
    assert times.placed == {
        name: (root / name).lstat().st_ctime_ns for name in files.desired if name in times.placed
    }
    assert f"{SITE}/z.py" in times.placed


def test_what_hides_a_new_environment_from_git_comes_first_and_goes_last(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = {**NEW, ".gitignore": b"*\n"}
    broken = files_of(hidden)
    broken = broken._replace(sources={**broken.sources, next(iter(NEW)): "/nowhere/at/all"})
    left: list[set[str]] = []

    class Stopped(Tree):
        def remove_folder(self, path: str) -> None:
            left.append(set(os.listdir(root.parent / path.partition("/")[0])))
            super().remove_folder(path)

    monkeypatch.setattr(replace, "Tree", Stopped)
    with pytest.raises(Tampered):
        prepare_new(root, hidden, broken)
    *before, last = left
    assert before
    assert all(".gitignore" in names for names in before)
    assert last == set()
    assert os.listdir(root.parent) == [".venv"]


def test_an_environment_without_a_state_has_nothing_to_finish(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    assert not transaction.recover(str(tmp_path / ".venv"), SEAL)
    assert not transaction.is_interrupted(str(tmp_path / ".venv"), SEAL)
    (tmp_path / "link").symlink_to(".venv")
    (tmp_path / "file").write_text("")
    for name in ("no/where", "link", "file", "none"):
        assert not transaction.recover(str(tmp_path / name), SEAL)
        assert not transaction.is_interrupted(str(tmp_path / name), SEAL)


def test_what_is_tidy_is_told_without_reading_what_was_placed(root: Path) -> None:
    few = calls(lambda: transaction.recover(str(root), SEAL))
    make(root, {f"{SITE}/{at}.py": b"" for at in range(50)})
    assert calls(lambda: transaction.recover(str(root), SEAL)) <= few + 5


def test_leftovers_in_the_state_of_a_stranger_s_are_left_alone(root: Path) -> None:
    for name in ("stage", "trash"):
        (root / ".envsync" / name).mkdir()
    (root / ".envsync/.half.written").write_text("")
    assert not transaction.recover(str(root), Seal(b"o" * 32))
    assert len(os.listdir(root / ".envsync")) == 5
    assert not transaction.recover(str(root), SEAL)
    assert sorted(os.listdir(root / ".envsync")) == ["id", "manifest"]


def test_folders_of_a_new_environment_are_no_news_of_this_moment(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is added to one later shows by its time, at once; so a mark may be left at once."""
    later = time.time() + 100
    monkeypatch.setattr(time, "time", lambda: later)
    fresh = root.parent / "fresh"
    transaction.commit(prepare_new(fresh, NEW, folders=("include",)))
    folders = [path for path in fresh.rglob("*") if path.is_dir() and ".envsync" not in path.parts]
    assert all(path.stat().st_mtime < time.time() - 99 for path in folders)
    earlier = time.time() - 1_000
    monkeypatch.setattr(time, "time", lambda: earlier)
    transaction.commit(prepare_new(root.parent / "old", NEW, folders=("include",)))
    for folder in ("include", SITE, f"{SITE}/new/deep"):
        mtime = (root.parent / "old" / folder).stat().st_mtime
        assert mtime == pytest.approx(earlier - 0.1, abs=0.01)


def test_what_an_update_sets_aside_is_known_before(root: Path) -> None:
    (root / SITE / "stray.txt").write_text("mine")
    (root / SITE / "changed.py").write_bytes(b"mine, too")
    prepared = prepare_change(root, NEW)
    assert prepared.set_aside == {f"{SITE}/stray.txt", f"{SITE}/changed.py"}
    prepared.discard()


def test_a_folder_where_a_file_was_set_aside_is_made(root: Path) -> None:
    """Of a folder that may be empty, and in whose place the user had a file."""
    shutil.rmtree(root / "bin")
    (root / "bin").write_text("mine")
    transaction.commit(prepare_change(root, {f"{SITE}/same.py": b"same = 1\n"}))
    assert (root / "bin").is_dir()
    assert quarantined(root) == {"bin": b"mine"}


def test_an_owned_folder_that_is_gone_is_made_again_and_one_that_is_there_needs_no_step(
    root: Path,
) -> None:
    (root / "bin/tool").unlink()
    (root / "bin").rmdir()
    wanted = {f"{SITE}/same.py": b"same = 1\n"}
    transaction.commit(prepare_change(root, wanted))
    assert os.listdir(root / "bin") == []
    prepared = prepare_change(root, wanted)
    assert prepared.steps == ()
    prepared.discard()


def test_bytecode_goes_with_its_source_and_its_folder_when_empty(root: Path) -> None:
    cache = root / SITE / "__pycache__"
    cache.mkdir()
    (cache / "changed.cpython-311.pyc").write_bytes(b"")
    transaction.commit(prepare_change(root, {**OLD, f"{SITE}/changed.py": b"version = 2\n"}))
    assert not cache.exists()
    assert quarantined(root) == {}


def test_a_new_environment_is_built_beside_its_place_and_discarded_whole(root: Path) -> None:
    prepared = prepare_new(root, NEW)
    assert os.path.basename(prepared.built).startswith(".venv.envsync-new-")
    assert os.stat(prepared.built).st_mode == 0o40755
    prepared.discard()
    assert os.listdir(root.parent) == [".venv"]


def test_what_took_the_place_and_is_not_believed_gets_nothing_of_the_old_one(root: Path) -> None:
    """The old one waits, with what the user had in it, until something believed is there."""
    (root / SITE / "notes.txt").write_bytes(b"notes\n")
    waiting = rename_away(root)
    root.mkdir()
    (root / "theirs").write_text("theirs")
    assert not transaction.recover(str(root), SEAL)
    assert (waiting / SITE / "notes.txt").read_bytes() == b"notes\n"
    assert tree(root) == {"theirs": b"theirs"}
    shutil.rmtree(root)
    make(root, NEW)
    assert quarantined(root) == {f"{SITE}/notes.txt": b"notes\n"}


def test_of_an_old_state_that_is_not_believed_what_others_left_is_kept(root: Path) -> None:
    state = root / ".envsync"
    for name in ("manifest.next", "journal", "stamp", "shell", "times"):
        (state / name).write_text("ours")
    (state / "mine.txt").write_text("mine")
    (state / "id").write_text("another")
    (root / "pyvenv.cfg").write_text("envsync = 1\n")
    make(root, {**OLD, "pyvenv.cfg": b"envsync = 1\n"})
    assert quarantined(root) == {".envsync/mine.txt": b"mine"}


def test_links_beside_the_folders_of_an_old_environment_are_kept(root: Path) -> None:
    (root / "link").symlink_to("/nowhere")
    (root / "mine").mkdir()
    (root / "mine/link").symlink_to("/nowhere")
    make(root, NEW)
    (kept,) = (root / ".envsync/quarantine").iterdir()
    assert os.readlink(kept / "link") == os.readlink(kept / "mine/link") == "/nowhere"


def test_two_replacements_of_one_second_have_names_of_their_own(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "gmtime", lambda: time.struct_time((2026, 1, 2, 3, 4, 5, 4, 2, 0)))
    for number in range(3):
        (root / "mine.txt").write_text(f"{number}")
        make(root, NEW)
    folder = root / ".envsync/quarantine"
    moment = "20260102T030405Z"
    assert {path.name: (path / "mine.txt").read_text() for path in folder.iterdir()} == {
        moment: "0",
        f"{moment}-2": "1",
        f"{moment}-3": "2",
    }


def test_an_environment_that_cannot_be_renamed_away_stays_and_why_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Tree.rename
    failed: list[str] = []

    def fail(tree: Tree, old: str, new: str) -> None:
        if not failed:
            failed.append(old)
            raise OSError(errno.EIO, os.strerror(errno.EIO), old)
        rename(tree, old, new)

    prepared = prepare_new(root, NEW)
    with monkeypatch.context() as patched:
        patched.setattr(Tree, "rename", fail)
        with pytest.raises(StorageFailed, match="nput/output error"):
            transaction.commit(prepared)
    assert os.listdir(root.parent) == [".venv"]
    assert tree(root) == OLD
