"""Which environment uses what, and folders whose maker is gone or not."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from envsync.cache.scratch import is_abandoned, scratch, sweep_abandoned
from envsync.store.inventory import Inodes, bucket_version
from envsync.store.users import User, recall_user, register, users

USER = User("/projects/ä\udcff b/.venv", "auto", {"a": ("wheels-v1/1",), "b": ("x/2", "y/3")})


def test_what_was_registered_is_recalled(tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    assert recall_user(cache, USER.root) is None
    assert list(users(cache)) == []
    register(cache, USER)
    assert recall_user(cache, USER.root) == USER
    assert [user for _, user in users(cache)] == [USER]
    assert not USER.is_there()


@pytest.mark.parametrize("damage", [b"", b"x", b"envsync environment 1\n", b"\xff" * 100])
def test_a_damaged_record_is_known_as_such(tmp_path: Path, damage: bytes) -> None:
    cache = str(tmp_path)
    register(cache, USER)
    ((path, _),) = users(cache)
    Path(path).write_bytes(damage)
    assert recall_user(cache, USER.root) is None
    assert list(users(cache)) == [(path, None)]


def old(path: str | Path, days: float = 2) -> None:
    os.utime(path, (time.time() - days * 86_400,) * 2)


def test_a_scratch_folder_is_abandoned_when_its_maker_is_gone(tmp_path: Path) -> None:
    code = (
        "import os, sys\nfrom envsync.cache.scratch import scratch\n"
        "with scratch(sys.argv[1], 'x-') as folder:\n"
        "    print(folder, flush=True)\n    sys.stdin.read()\n    os._exit(0)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    folder = process.stdout.readline().strip()
    old(folder)
    assert not is_abandoned(folder)
    sweep_abandoned(str(tmp_path), "x-")
    assert os.path.isdir(folder)
    process.communicate("")
    assert is_abandoned(folder)
    sweep_abandoned(str(tmp_path), "y-")
    assert os.path.isdir(folder)
    sweep_abandoned(str(tmp_path), "x-")
    assert not os.path.exists(folder)


def test_a_scratch_folder_made_just_now_is_nobodys_to_take(tmp_path: Path) -> None:
    (tmp_path / "x-1").mkdir()
    assert not is_abandoned(str(tmp_path / "x-1"))


def test_a_scratch_folder_goes_and_what_was_renamed_out_of_it_stays(tmp_path: Path) -> None:
    with scratch(str(tmp_path), "x-") as folder:
        Path(folder, "file").write_text("kept")
        os.rename(f"{folder}/file", tmp_path / "file")
    assert os.listdir(tmp_path) == ["file"]
    with scratch(str(tmp_path), "x-") as folder:
        os.rename(folder, tmp_path / "entry")
    assert sorted(os.listdir(tmp_path)) == ["entry", "file"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("wheels-v1", ("wheels", 1)),
        ("http-v12", ("http", 12)),
        ("notes-v1", None),
        ("wheels", None),
        ("wheels-v", None),
        ("wheels-v1x", None),
        ("wheels-v-1", None),
        ("wheels-v²", None),
    ],
)
def test_names_of_buckets(name: str, expected: tuple[str, int] | None) -> None:
    assert bucket_version(name) == expected


def test_links_count_once_and_what_others_hold_is_not_freed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    for name in ("alone", "twice", "shared"):
        (inside / name).write_bytes(b"x" * 10_000)
    os.link(inside / "twice", inside / "again")
    os.link(inside / "shared", outside / "shared")
    inodes = Inodes()
    inodes.add(str(inside))
    size = inodes.size()
    one = (inside / "alone").stat().st_blocks * 512
    assert size.files == 4
    assert size.bytes == 3 * one + inside.stat().st_blocks * 512
    assert size.shared == one
