"""The user's key: one for all processes, secret, and never somebody else's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from envsync.environment.key import UserKey
from envsync.environment.seal import KEY_BYTES, NOBODY
from envsync.errors import StorageFailed
from envsync.settings import Settings

MAKE = """\
import sys
from envsync.settings import Settings
from envsync.environment.key import UserKey
sys.stdin.read(1)
print(UserKey(Settings(cache_dir=sys.argv[2], state_dir=sys.argv[1])).made().key.hex())
"""


@pytest.fixture
def key(tmp_path: Path) -> UserKey:
    state, cache = tmp_path / "home/state/envsync", tmp_path / "cache"
    return UserKey(Settings(cache_dir=str(cache), state_dir=str(state)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home/state/envsync/key"


def put(path: Path, content: bytes, mode: int = 0o600) -> None:
    path.parent.mkdir(parents=True, mode=0o700)
    path.write_bytes(content)
    path.chmod(mode)


def test_a_key_is_made_once_and_only_when_something_is_sealed(key: UserKey, path: Path) -> None:
    assert key.seal() is NOBODY
    assert not path.parent.parent.exists()
    made = key.made()
    assert path.read_bytes() == made.key
    assert len(made.key) == KEY_BYTES
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert os.listdir(path.parent) == ["key"]
    assert key.made() == key.seal() == made


def test_many_processes_at_once_make_one_key(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MAKE, str(tmp_path / "state/envsync"), str(tmp_path / "cache")]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(12)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"x")
        process.stdin.flush()
    keys = {process.communicate()[0] for process in processes}
    assert keys == {(tmp_path / "state/envsync/key").read_bytes().hex().encode() + b"\n"}


@pytest.mark.parametrize(
    ("content", "mode"),
    [(b"", 0o600), (bytes(31), 0o600), (bytes(33), 0o600), (bytes(32), 0o640), (bytes(32), 0o604)],
)
def test_a_key_that_is_damaged_or_open_to_others_is_made_anew(
    key: UserKey, path: Path, content: bytes, mode: int
) -> None:
    put(path, content, mode)
    assert key.seal() is NOBODY
    made = key.made()
    assert path.read_bytes() == made.key != content
    assert path.stat().st_mode & 0o777 == 0o600


def other_place(key: UserKey, path: Path, tmp_path: Path) -> None:
    """Neither the key nor what lies in its place is touched: another one is made in the cache."""
    before = path.lstat()
    assert key.seal() is NOBODY
    made = key.made()
    assert (tmp_path / "cache/state/key").read_bytes() == made.key
    assert key.seal() == made
    assert path.lstat() == before


def test_a_key_that_is_a_link_is_not_looked_into(key: UserKey, path: Path, tmp_path: Path) -> None:
    put(tmp_path / "elsewhere/known", b"k" * 32)
    path.parent.mkdir(parents=True, mode=0o700)
    path.symlink_to(tmp_path / "elsewhere/known")
    other_place(key, path, tmp_path)
    assert (tmp_path / "elsewhere/known").read_bytes() == b"k" * 32


@pytest.mark.parametrize("kind", ["folder", "fifo"])
def test_what_is_no_file_is_no_key(key: UserKey, path: Path, tmp_path: Path, kind: str) -> None:
    path.parent.mkdir(parents=True, mode=0o700)
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    other_place(key, path, tmp_path)


def test_a_key_of_another_user_is_not_looked_into(key: UserKey, path: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    put(path, b"k" * 32)
    os.chown(path, 12345, 12345)
    other_place(key, path, tmp_path)


def test_a_folder_that_others_may_write_to_holds_no_key(
    key: UserKey, path: Path, tmp_path: Path
) -> None:
    put(path, b"k" * 32)
    path.parent.chmod(0o777)
    other_place(key, path, tmp_path)


def test_no_key_is_made_where_others_may_write(key: UserKey, path: Path, tmp_path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.parent.chmod(0o777)
    made = key.made()
    assert os.listdir(path.parent) == []
    assert (tmp_path / "cache/state/key").read_bytes() == made.key


def test_without_a_home_the_key_is_in_the_cache(tmp_path: Path) -> None:
    key = UserKey(Settings(cache_dir=str(tmp_path / "cache"), state_dir=""))
    made = key.made()
    assert (tmp_path / "cache/state/key").read_bytes() == made.key


def test_a_key_that_the_cache_has_stays_the_key(key: UserKey, path: Path, tmp_path: Path) -> None:
    """A home that could hold no key may be able to by now."""
    put(tmp_path / "cache/state/key", b"c" * 32)
    assert key.made().key == b"c" * 32
    assert not path.exists()


def test_no_place_for_a_key_is_an_error_that_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    places = Settings(cache_dir=f"{tmp_path}/file/cache", state_dir=f"{tmp_path}/file/state")
    key = UserKey(places)
    assert key.seal() is NOBODY
    with pytest.raises(StorageFailed, match=r"file.*no key can be kept there") as failed:
        key.made()
    assert failed.value.hint is not None
    assert "XDG_STATE_HOME" in failed.value.hint


def test_reading_a_key_leaves_no_file_open(key: UserKey, path: Path) -> None:
    def free_descriptor() -> int:
        number = os.dup(0)
        os.close(number)
        return number

    key.made()
    before = free_descriptor()
    assert key.seal() is not NOBODY
    path.unlink()
    os.mkfifo(path)
    assert key.seal() is NOBODY
    assert free_descriptor() == before
