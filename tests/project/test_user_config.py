"""Where config.toml is, and what happens when it can't be read."""

import os
from pathlib import Path

import pytest

from envsync.errors import EnvsyncError, SpecInvalid, StorageFailed
from envsync.project.user_config import read_user_config
from envsync.settings import Settings, read_settings
from envsync.spec.user_config import UserConfig

CONFIG = '[python]\nallow = ["/opt/python"]\n'


def settings_for(path: Path, *, is_named: bool = False) -> Settings:
    return Settings(cache_dir="/", config_file=str(path), is_config_named=is_named)


def test_its_place_follows_the_platform_and_the_variables(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    assert read_settings({"XDG_CONFIG_HOME": "/etc/xdg"}).config_file == (
        "/etc/xdg/envsync/config.toml"
    )
    named = read_settings({"ENVSYNC_CONFIG_FILE": "/srv/own.toml", **home})
    assert (named.config_file, named.is_config_named) == ("/srv/own.toml", True)


def test_a_relative_base_folder_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    found = read_settings({"XDG_CONFIG_HOME": "config"}).config_file
    assert found == "/home/someone/.config/envsync/config.toml"


def test_without_a_home_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    settings = read_settings({})
    assert settings.config_file == ""
    assert read_user_config(settings) == UserConfig()


def test_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(CONFIG)
    config = read_user_config(settings_for(tmp_path / "config.toml"))
    assert config.pythons == ("/opt/python",)


def test_a_missing_one_says_nothing_unless_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "no" / "config.toml"
    assert read_user_config(settings_for(path)) == UserConfig()
    with pytest.raises(StorageFailed, match="no such file") as caught:
        read_user_config(settings_for(path, is_named=True))
    assert "ENVSYNC_CONFIG_FILE" in (caught.value.hint or "")


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(EnvsyncError):
            read_user_config(settings_for(path))


def test_a_huge_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"#" * (2 << 20))
    with pytest.raises(SpecInvalid, match="larger than"):
        read_user_config(settings_for(tmp_path / "config.toml"))
