"""A lock that is known to answer its env.toml."""

import os
import sys
from pathlib import Path

import pytest

from envsync.project import answered
from envsync.settings import Settings
from envsync.spec.model import InputFile

INDEX = "https://index.example/simple/"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A project whose lock is known to answer, with the cache beside it."""
    (tmp_path / "env.toml").write_bytes(b"[env]\n")
    (tmp_path / "pylock.toml").write_bytes(b"lock-version = '1.0'\n")
    answered.remember_fresh(b"[env]\n", b"lock-version = '1.0'\n", settings(tmp_path))
    return tmp_path


def settings(place: Path, index: str | None = None) -> Settings:
    return Settings(cache_dir=str(place / "cache"), default_index=index)


def is_known(place: Path, index: str | None = None) -> bool:
    spec, lock = str(place / "env.toml"), str(place / "pylock.toml")
    return answered.is_known_fresh(str(place / "cache"), index, spec, lock)


def mark_of(place: Path) -> Path:
    (mark,) = (place / "cache" / answered.BUCKET).iterdir()
    return mark


def test_only_these_bytes_and_this_index_are_known(place: Path) -> None:
    assert is_known(place)
    assert not is_known(place, INDEX)
    for name in ("env.toml", "pylock.toml"):
        before = (place / name).read_bytes()
        (place / name).write_bytes(before + b"\n")
        assert not is_known(place)
        (place / name).write_bytes(before)
        assert is_known(place)


def test_what_goes_from_one_file_to_the_other_is_not_the_same(place: Path) -> None:
    (place / "env.toml").write_bytes(b"[env]\nlock")
    (place / "pylock.toml").write_bytes(b"-version = '1.0'\n")
    assert not is_known(place)


def test_another_version_of_envsync_decides_anew(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answered, "__version__", "99")
    assert not is_known(place)


@pytest.mark.parametrize("name", ["env.toml", "pylock.toml"])
def test_strange_files_are_looked_at_by_others(
    place: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (place / name).read_bytes()
    (place / name).unlink()
    assert not is_known(place)
    os.mkfifo(place / name)
    assert not is_known(place)
    (place / name).unlink()
    (place / name).symlink_to("/dev/zero")
    assert not is_known(place)
    (place / name).unlink()
    (place / name).write_bytes(text)
    monkeypatch.setattr(answered, "_LARGEST", len(text))
    assert not is_known(place)


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757])
@pytest.mark.parametrize("shared", ["cache", "bucket", "mark"])
def test_what_others_could_have_put_there_counts_for_nothing(
    place: Path, shared: str, mode: int
) -> None:
    mark = mark_of(place)
    path = {"cache": mark.parent.parent, "bucket": mark.parent, "mark": mark}[shared]
    path.chmod(mode)
    assert not is_known(place)
    path.chmod(0o700)
    assert is_known(place)


def test_a_cache_that_takes_nothing_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    answered.remember_fresh(b"", b"", settings(tmp_path))


def test_the_key_is_the_same_where_hashes_come_from_openssl(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "_blake2", None)
    assert is_known(place)


def test_files_that_env_toml_takes_from_have_a_part_in_it(place: Path) -> None:
    spec, lock = b"[env]\nfrom = ['a.txt']\n", b"lock-version = '1.0'\n"
    (place / "env.toml").write_bytes(spec)
    (place / "a.txt").write_bytes(b"flask\n")
    read = [InputFile("a.txt", b"flask\n")]
    answered.remember_fresh(spec, lock, settings(place), read)
    assert is_known(place)
    (place / "a.txt").write_bytes(b"django\n")
    assert not is_known(place)
    (place / "a.txt").unlink()
    assert not is_known(place)
    (place / "a.txt").write_bytes(b"flask\n")
    assert is_known(place)


def test_a_file_whose_path_is_no_line_is_not_remembered(place: Path) -> None:
    before = list((place / "cache" / answered.BUCKET).iterdir())
    answered.remember_fresh(b"x", b"y", settings(place), [InputFile("a\nb.txt", b"")])
    assert list((place / "cache" / answered.BUCKET).iterdir()) == before
