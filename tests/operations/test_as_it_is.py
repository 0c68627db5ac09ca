"""An environment is used as it is only where this user's envsync made it, here."""

import os
import shutil
from pathlib import Path

import pytest

from envsync.errors import EnvsyncError
from envsync.operations.as_it_is import refuse_altered, root_as_it_is
from tests.operations.conftest import Bench

ACTIVATE = "bin/activate"


@pytest.fixture
def synced(bench: Bench) -> Bench:
    bench.write("")
    bench.sync()
    return bench


def refused(bench: Bench) -> EnvsyncError:
    with pytest.raises(EnvsyncError) as caught:
        root_as_it_is(bench.project, bench.settings)
    return caught.value


def forget_marks(bench: Bench) -> None:
    shutil.rmtree(f"{bench.settings.cache_dir}/stamps-v1")


def break_seal(bench: Bench) -> None:
    """Let the environment be as one that came with the clone."""
    manifest = bench.folder / ".venv/.envsync/manifest"
    *lines, seal = manifest.read_bytes().splitlines(keepends=True)
    manifest.write_bytes(b"".join(lines) + seal[:-5] + b"0000\n")


def test_an_environment_is_given_in_sync_or_not(synced: Bench) -> None:
    root = f"{synced.folder}/.venv"
    assert root_as_it_is(synced.project, synced.settings) == root
    synced.write('"nobody"')
    (synced.site / "stray.py").write_text("")
    assert root_as_it_is(synced.project, synced.settings) == root
    forget_marks(synced)
    assert root_as_it_is(synced.project, synced.settings) == root
    (synced.folder / "env.toml").unlink()
    assert root_as_it_is(synced.project, synced.settings) == root


def test_env_path_says_which_one(bench: Bench) -> None:
    bench.write("", 'path = "other/env"\n')
    bench.sync()
    assert root_as_it_is(bench.project, bench.settings) == f"{bench.folder}/other/env"
    bench.write("")
    assert refused(bench).message == f"there is no environment at {bench.folder}/.venv"


def test_where_there_is_none_the_command_that_makes_one_is_told(bench: Bench) -> None:
    bench.write("")
    (bench.folder / ".venv").mkdir()
    error = refused(bench)
    assert error.message == f"there is no environment at {bench.folder}/.venv"
    assert error.hint == "`envsync sync` makes it"


def test_what_came_with_the_project_is_not_used(synced: Bench) -> None:
    break_seal(synced)
    forget_marks(synced)
    error = refused(synced)
    assert error.message.startswith(f"{synced.folder}/.venv is not used as it is: ")
    assert error.hint == "`envsync sync` makes it anew"
    shutil.rmtree(synced.folder / ".venv/.envsync")
    for name in ("pyvenv.cfg", ".gitignore", "CACHEDIR.TAG"):
        (synced.folder / ".venv" / name).write_text("home = /usr/bin\n")
    assert refused(synced).hint == "`envsync sync --force` makes it anew"


def test_what_was_moved_here_is_not_used(synced: Bench) -> None:
    other = synced.folder.parent / "other"
    os.rename(synced.folder, other)
    moved = Bench(other, synced.server, synced.settings)
    error = refused(moved)
    assert error.message == (
        f"{other}/.venv is not used as it is: it was moved or copied from {synced.folder}/.venv"
    )
    assert error.hint == "`envsync sync` makes it anew"


@pytest.mark.parametrize("change", ["edited", "gone", "a link", "not ours"])
def test_a_script_that_is_not_as_placed_is_refused(synced: Bench, change: str) -> None:
    root, path = f"{synced.folder}/.venv", ACTIVATE
    given = (synced.project, synced.settings)
    refuse_altered(root, path, *given)
    script = Path(root, path)
    if change == "edited":
        script.write_bytes(script.read_bytes() + b"#")
    elif change == "not ours":
        path = "bin/mine"
        Path(root, path).write_text("")
    else:
        os.rename(script, synced.folder / "moved")
    if change == "a link":
        script.symlink_to(synced.folder / "moved")
    with pytest.raises(EnvsyncError, match=f"{path} is not as envsync made it") as caught:
        refuse_altered(root, path, *given)
    assert caught.value.hint == "`envsync sync --verify` repairs the environment"
