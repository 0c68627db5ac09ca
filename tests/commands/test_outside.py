"""Sources outside of the project's folder: with leave, exact, and never unseen."""

import os
import re
import shutil
from pathlib import Path

import pytest

from envsync.lock.fingerprint import fingerprint
from envsync.spec.read import parse_spec
from tests.commands.test_local_files import made
from tests.commands.test_local_sources import HEAD, write_shop
from tests.support.command import Workplace

OUTSIDE = f'{HEAD}[sources]\nshop = {{ path = "../lib", outside = true, editable = EDITABLE }}\n'


@pytest.fixture
def lib(place: Workplace) -> Path:
    """A project beside the workplace's own."""
    write_shop(place, "base<2")
    return (place.project / "lib").rename(place.project.parent / "lib")


def config(place: Workplace, text: str) -> None:
    """Write the user's own settings."""
    file = place.project.parent / "config.toml"
    file.write_text(text)
    place.environ["ENVSYNC_CONFIG_FILE"] = str(file)


@pytest.mark.parametrize("editable", ["true", "false"])
def test_a_folder_outside_is_installed_and_its_changes_are_seen(
    place: Workplace, lib: Path, editable: str
) -> None:
    place.write(OUTSIDE.replace("EDITABLE", editable))
    assert "shop comes from ../lib, outside of the project" in place.ok("sync").err
    assert 'path = "../lib"' in place.lock()
    assert place.python("import shop, base; print(shop.X, base.VERSION)") == "1 1"
    assert "Nothing to do" in place.ok("sync").err
    place.given("lock", "--check")
    (lib / "src" / "shop.py").write_text("X = 'new'\n")
    assert place.ok("run", "python", "-c", "import shop; print(shop.X)").out == "new\n"
    write_shop(place, "base<2", "speedups")
    shutil.copytree(place.project / "lib", lib, dirs_exist_ok=True)
    ran = place.here("lock", "--check")
    assert (ran.code, "the project files of shop changed" in ran.err) == (3, True)
    place.ok("sync")
    place.python("import speedups")


def test_without_leave_neither_env_toml_nor_a_lock_reaches_out(place: Workplace, lib: Path) -> None:
    place.write(OUTSIDE.replace("EDITABLE", "true"))
    place.given("lock")
    lock = place.lock()
    place.write(place.read().replace("outside = true, ", ""))
    ran = place.here("lock")
    assert ran.code == 2
    assert "line 5: sources.shop.path: " in ran.err
    assert "unless outside = true" in ran.err
    place.write(HEAD)
    for arguments in (["sync", "--frozen"], ["status"]):
        ran = place.here(*arguments)
        assert ran.code == 2
        assert "directory.path: shop: ../lib leads out of its folder" in ran.err
    # Whoever writes a lock can write its fingerprint, too.
    right = fingerprint(parse_spec(HEAD, folder_name=place.project.name))
    lock = re.sub('fingerprint = ".*"', f'fingerprint = "{right}"', lock)
    place.write(lock, "pylock.toml")
    for arguments in (["sync", "--locked"], ["lock", "--check"]):
        ran = place.here(*arguments)
        assert ran.code == 3
        assert "editable directory ../lib, which env.toml does not name" in ran.err
    assert place.here("sync").code == 1  # shop is asked of the index now
    assert not place.venv.exists()
    assert place.lock() == lock
    assert not list(lib.glob("build"))


@pytest.mark.parametrize("allowed", ["FOLDER", "FOLDER/lib"])
def test_the_users_own_settings_give_leave_to_env_toml_and_other_tools_locks(
    place: Workplace, lib: Path, allowed: str
) -> None:
    config(place, f'[outside]\nallow = ["{allowed.replace("FOLDER", str(lib.parent))}"]\n')
    place.write(OUTSIDE.replace("EDITABLE", "true").replace("outside = true, ", ""))
    place.given("sync")
    foreign = place.lock().split("[tool.envsync]")[0].replace('"envsync"', '"other"')
    place.write(foreign, "pylock.toml")
    place.write(HEAD)
    place.given("sync", "--frozen", "--discard")
    place.python("import shop")


def test_settings_that_came_with_the_clone_are_no_leave(place: Workplace, lib: Path) -> None:
    place.write(OUTSIDE.replace("EDITABLE", "true").replace("outside = true, ", ""))
    folder = place.project / ".config" / "envsync"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(f'[outside]\nallow = ["{lib}"]\n')
    assert place.run("lock", environ={"HOME": str(place.project)}).code == 2


def test_settings_for_another_folder_are_no_leave(place: Workplace, lib: Path) -> None:
    config(place, f'[outside]\nallow = ["{lib}rary", "{lib}/src"]\n')
    place.write(OUTSIDE.replace("EDITABLE", "true").replace("outside = true, ", ""))
    assert place.here("lock").code == 2


def test_an_absolute_path_stands_in_the_lock_as_written(place: Workplace, lib: Path) -> None:
    place.write(OUTSIDE.replace("EDITABLE", "true").replace("../lib", str(lib)))
    place.given("sync")
    assert f'path = "{lib}"' in place.lock()
    place.python("import shop")


@pytest.mark.parametrize("kind", ["wheel", "archive"])
def test_a_file_outside_is_compared_with_the_lock(place: Workplace, kind: str) -> None:
    filename, content = made(kind, "honest")
    file = place.project.parent / filename
    file.write_bytes(content)
    place.write(
        HEAD.replace("shop", "sd")
        + f'[sources]\nsd = {{ path = "../{filename}", outside = true }}\n'
    )
    place.given("sync")
    assert place.python("import sd; print(sd.VALUE)") == "honest"
    assert f'path = "../{filename}"' in place.lock()
    file.write_bytes(made(kind, "forged")[1])
    ran = place.here("sync")
    assert ran.code == 1
    assert f"error: ../{filename}: expected sha256:" in ran.err
    file.unlink()
    ran = place.here("lock", "--check")
    assert (ran.code, f"../{filename}: there is no such file" in ran.err) == (3, True)


def test_what_is_gone_or_leads_on_is_named(place: Workplace, lib: Path) -> None:
    place.write(OUTSIDE.replace("EDITABLE", "true"))
    (lib / "pyproject.toml").rename(lib.parent / "elsewhere.toml")
    (lib / "pyproject.toml").symlink_to(lib.parent / "elsewhere.toml")
    ran = place.here("lock")
    assert ran.code == 1
    assert "leads out of" in ran.err
    lib.rename(lib.parent / "moved")
    ran = place.here("lock")
    assert ran.code == 1
    assert "error: ../lib: there is no such file or folder" in ran.err
    assert "[sources]" in ran.err


def test_a_folder_of_others_is_not_built_from_unasked(place: Workplace, lib: Path) -> None:
    place.write(OUTSIDE.replace("EDITABLE", "true"))
    place.given("lock")
    for mode, user in [(0o777, -1), *([(0o755, 12345)] if os.geteuid() == 0 else [])]:
        lib.chmod(mode)
        os.chown(lib, user, user)
        for command in ("lock", "sync"):
            ran = place.here(command)
            assert ran.code == 1, ran.err
            assert "../lib: lies outside of the project and " in ran.err
        config(place, f'[outside]\nallow = ["{lib}"]\n')
        place.given("sync")
        del place.environ["ENVSYNC_CONFIG_FILE"]
