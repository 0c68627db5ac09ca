"""Folders for work in progress whose maker is gone or not."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from envsync.cache.bucket import SCRATCH, Bucket
from envsync.cache.scratch import is_abandoned, scratch, scratch_in, sweep_abandoned
from envsync.errors import StorageFailed


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


def test_what_is_no_folder_is_judged_by_its_age(tmp_path: Path) -> None:
    for name in ("new", "old"):
        (tmp_path / name).symlink_to("/")
    os.utime(tmp_path / "old", (1, 1), follow_symlinks=False)

    assert [is_abandoned(str(tmp_path / name)) for name in ("new", "old")] == [False, True]


ROOMS = Bucket("rooms-v1", SCRATCH)


def test_a_bucket_of_scratch_folders_is_swept_by_who_makes_one(tmp_path: Path) -> None:
    with scratch_in(ROOMS, str(tmp_path / "cache"), "a-") as folder:
        bucket = tmp_path / "cache" / "rooms-v1"
        assert Path(folder).parent == bucket
        assert os.stat(folder).st_mode & 0o777 == 0o700
        (bucket / "left-1").mkdir()
        (bucket / "left-2").write_text("")
        (bucket / "new").mkdir()
        for name in (folder, bucket / "left-1", bucket / "left-2"):
            old(name)
        with scratch_in(ROOMS, str(tmp_path / "cache"), "b-") as other:
            assert {*os.listdir(bucket)} == {Path(folder).name, Path(other).name, "new"}
    assert os.listdir(bucket) == ["new"]


def test_what_the_system_refuses_names_the_place(tmp_path: Path) -> None:
    (tmp_path / "rooms-v1").write_text("in the way")
    with pytest.raises(StorageFailed, match="rooms-v1"), scratch_in(ROOMS, str(tmp_path), "a-"):
        pass
