"""env.toml -> lock -> environment, with whole commands on a served index."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.conftest import SPEC, publish
from tests.support.accounting import locked_wheels, site_files, unaccounted
from tests.support.command import Workplace
from tests.support.index_server import IndexServer
from tests.support.wheels import make_wheel


def contents(server: IndexServer, names: set[str]) -> dict[str, bytes]:
    """The published wheels of these file names."""
    return {
        filename: content
        for files in server.projects.values()
        for filename, content in files.items()
        if filename in names
    }


def installed(place: Workplace) -> dict[str, str]:
    """Name -> version of what the environment's own interpreter sees."""
    text = place.python(
        "import importlib.metadata as m, json;"
        "print(json.dumps({d.name: d.version for d in m.distributions()}))"
    )
    found: dict[str, str] = json.loads(text)
    return found


def test_lock_then_sync_gives_exactly_what_the_lock_says(
    project: Workplace, server: IndexServer
) -> None:
    project.given("lock")
    project.ok("sync")
    assert installed(project) == {"base": "2.0", "webby": "1.5", "checker": "7.0"}
    wheels = {
        name for name in locked_wheels(project.lock()) if name.split("-")[0] in installed(project)
    }
    assert unaccounted(project.site, contents(server, wheels)) == ([], [])


def test_sync_locks_when_there_is_no_lock_and_again_when_env_toml_changed(
    project: Workplace,
) -> None:
    project.given("sync")
    assert "base" in project.lock()
    project.write(SPEC.replace('"webby"', '"webby", "base<2"'))
    project.ok("sync")
    assert installed(project)["base"] == "1.0"


def test_sync_twice_says_that_there_is_nothing_to_do(project: Workplace) -> None:
    project.given("sync")
    before = project.files()
    assert "Nothing to do" in project.ok("sync").err
    assert project.files() == before


def test_lock_holds_every_platform(project: Workplace) -> None:
    project.ok("lock")
    lock = project.lock()
    assert 'name = "winner"' in lock
    assert """marker = 'sys_platform == "win32"'""" in lock


def test_lock_twice_gives_the_same_bytes_whatever_the_surroundings(
    project: Workplace, tmp_path: Path
) -> None:
    project.given("lock")
    first = project.lock()
    for number, environ in enumerate(
        (
            {"PYTHONHASHSEED": "1", "LC_ALL": "C"},
            {"PYTHONHASHSEED": "2", "LC_ALL": "C.UTF-8", "TZ": "Asia/Tokyo"},
        )
    ):
        folder = tmp_path / f"elsewhere{number}" / "with a space"
        folder.mkdir(parents=True)
        other = Workplace(folder, project.environ["ENVSYNC_DEFAULT_INDEX"])
        other.write(SPEC)
        assert other.run("lock", environ=environ).code == 0
        assert other.lock() == first


def test_unchanged_lock_is_not_rewritten(project: Workplace) -> None:
    project.given("lock")
    lock = project.project / "pylock.toml"
    before = lock.stat()
    assert "up to date" in project.ok("lock").err
    project.write("# a comment\n" + SPEC)
    assert "up to date" in project.ok("lock").err
    project.ok("lock", "--upgrade")
    assert (lock.stat().st_ino, lock.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_lock_keeps_pins_until_asked_to_upgrade(project: Workplace, server: IndexServer) -> None:
    project.given("lock")
    publish(server, make_wheel("base", "2.5", {"base.py": ""}))
    publish(server, make_wheel("checker", "8.0", {"checker.py": ""}))
    project.write(SPEC.replace('"webby"', '"webby", "winner"'))
    project.given("lock")
    assert 'version = "2.0"' in project.lock()
    ran = project.ok("lock", "-P", "base")
    assert "~ base 2.0 -> 2.5" in ran.err
    assert 'version = "7.0"' in project.lock()
    assert "~ checker 7.0 -> 8.0" in project.ok("lock", "--upgrade").err


def test_groups_and_extras_are_chosen_by_flags(project: Workplace) -> None:
    base = {"base", "webby"}
    for flags, wanted in (
        ([], base | {"checker"}),
        (["--no-dev"], base),
        (["--no-default-groups"], base),
        (["--group", "docs"], base | {"checker", "speedups"}),
        (["--group", "docs", "--no-group", "docs"], base | {"checker"}),
        (["--no-dev", "--extra", "fast"], base | {"speedups"}),
        (["--all-groups", "--all-extras"], base | {"checker", "speedups"}),
        (["--all-groups", "--no-dev"], base | {"speedups"}),
    ):
        project.ok("sync", *flags)
        assert set(installed(project)) == wanted, flags


def test_unknown_group_is_a_usage_error(project: Workplace) -> None:
    project.given("sync")
    before = project.files()
    ran = project.run("sync", "--group", "dcos")
    assert ran.code == 2
    assert "dcos" in ran.err
    assert "docs" in ran.err
    assert project.files() == before


def test_console_script_runs(project: Workplace) -> None:
    ran = project.ok("run", "webby")
    assert ran.out == "webby runs\n"
    direct = subprocess.run([project.venv / "bin/webby"], capture_output=True, check=True)
    assert direct.stdout == b"webby runs\n"


def test_console_script_runs_below_an_odd_path(tmp_path: Path, server: IndexServer) -> None:
    for folder in ("with space", "x" * 150, "quote'\"$dollar`back", "ünïcode"):
        (tmp_path / folder).mkdir()
        place = Workplace(tmp_path / folder, server.url)
        place.write(SPEC)
        place.ok("sync")
        ran = subprocess.run([place.venv / "bin/webby"], capture_output=True, check=True)
        assert ran.stdout == b"webby runs\n"
        assert place.ok("run", "webby").out == "webby runs\n"


def test_run_passes_on_exit_code_arguments_and_environment(project: Workplace) -> None:
    assert project.run("run", "python", "-c", "import sys; sys.exit(7)").code == 7
    shown = project.ok(
        "run", "--", "python", "-c", "import os,sys; print(os.environ['VIRTUAL_ENV'])"
    )
    assert shown.out.strip() == str(project.venv)
    assert project.ok("run", "python", "-c", "import sys; print(sys.prefix)").out.strip() == str(
        project.venv
    )


def test_run_of_a_missing_command_says_so(project: Workplace) -> None:
    ran = project.run("run", "no-such-command")
    assert ran.code == 1
    assert "no-such-command" in ran.err
    assert "hint:" in ran.err


def test_run_syncs_first_when_env_toml_changed(project: Workplace) -> None:
    project.ok("run", "python", "-c", "import base")
    project.write(SPEC.replace('"webby"', '"webby", "winner"'))
    assert project.run("run", "python", "-c", "import winner").code == 0


def test_check_changes_nothing_and_says_what_differs(project: Workplace) -> None:
    assert project.run("sync", "--check").code == 3
    assert "there is no pylock.toml" in project.run("sync", "--check").err
    project.ok("lock")
    assert project.ok("lock", "--check").err.strip().endswith("up to date")
    ran = project.run("sync", "--check")
    assert ran.code == 3
    assert "there is no environment" in ran.err
    assert not project.venv.exists()
    project.ok("sync")
    assert "matches the lock" in project.ok("sync", "--check").err
    project.write(SPEC.replace('"webby"', '"webby", "winner"'))
    before = project.files()
    assert project.run("lock", "--check").code == 3
    assert project.run("sync", "--check").code == 3
    assert project.run("sync", "--locked").code == 3
    assert "winner" in project.run("lock", "--check").err
    assert project.files() == before


def test_dry_run_changes_nothing(project: Workplace) -> None:
    before = project.files()
    assert "+ webby 1.5" in project.ok("sync", "--dry-run").err
    assert "+ webby 1.5" in project.ok("lock", "--dry-run").err
    assert project.files() == before


def test_frozen_takes_the_lock_as_it_stands(project: Workplace) -> None:
    project.ok("lock")
    project.write(SPEC.replace('"webby"', '"webby", "winner"'))
    lock = project.lock()
    project.ok("sync", "--frozen")
    assert project.lock() == lock
    assert "winner" not in installed(project)


def test_what_the_lock_drops_is_removed(project: Workplace) -> None:
    project.given("sync", "--all-extras")
    project.python("import speedups, webby")
    project.write(SPEC.replace('"webby"]', '"base"]').replace('fast = ["webby[fast]"]', ""))
    ran = project.ok("sync")
    assert "- webby 1.5" in ran.err
    assert installed(project) == {"base": "2.0", "checker": "7.0"}
    assert not (project.venv / "bin/webby").exists()
    assert not (project.site / "webby").exists()
    assert not (project.site / "speedups.py").exists()


def test_no_pip_and_no_setuptools_unless_locked(project: Workplace) -> None:
    project.ok("sync")
    names = {path.name for path in project.site.iterdir()}
    assert not any(name.startswith(("pip", "setuptools", "wheel")) for name in names)


def test_damage_is_found_repaired_and_nothing_of_the_users_lost(project: Workplace) -> None:
    project.given("sync")
    clean = site_files(project.site)
    edited = project.site / "base.py"
    edited.chmod(0o644)
    edited.write_text("VERSION = 'edited'\n")
    (project.site / "webby/data.txt").unlink()
    (project.site / "stray.pth").write_text("import os\n")
    ran = project.run("sync", "--check")
    assert ran.code == 3
    for line in ("base.py was edited", "data.txt is missing", "stray.pth is not from the lock"):
        assert line in ran.err
    project.ok("sync")
    assert site_files(project.site) == clean
    kept = {
        path.name: path.read_text() for path in project.venv.rglob(".envsync/quarantine/*/**/*.p*")
    }
    assert kept == {"base.py": "VERSION = 'edited'\n", "stray.pth": "import os\n"}
    project.ok("sync", "--discard")
    assert not (project.venv / ".envsync/quarantine").exists()


def test_edit_through_a_hard_link_does_not_reach_a_new_environment(
    project: Workplace, tmp_path: Path
) -> None:
    project.given("sync")
    edited = project.site / "base.py"
    edited.chmod(0o644)
    with edited.open("a") as file:
        file.write("POISON = 1\n")
    (tmp_path / "second").mkdir()
    second = Workplace(tmp_path / "second", project.environ["ENVSYNC_DEFAULT_INDEX"])
    second.environ["ENVSYNC_CACHE_DIR"] = str(project.cache)
    second.write(SPEC)
    second.ok("sync")
    assert (second.site / "base.py").read_text() == "VERSION = 2\n"
    project.ok("sync")
    assert (project.site / "base.py").read_text() == "VERSION = 2\n"


def test_json_is_one_document_on_stdout(project: Workplace) -> None:
    locked = json.loads(project.ok("lock", "--json").out)
    assert locked["written"] is True
    assert {"kind": "added", "name": "base", "before": [], "after": ["2.0"]} in locked["changes"]
    synced = json.loads(project.ok("sync", "--json", "--quiet").out)
    assert synced["created"] is True
    assert {"name": "base", "old": None, "new": "2.0"} in synced["packages_changed"]


def test_offline_works_from_what_is_on_the_machine(project: Workplace, server: IndexServer) -> None:
    project.given("sync")
    server.forget()
    subprocess.run(["rm", "-rf", project.venv], check=True)
    project.ok("sync", "--offline")
    assert server.paths() == []
    assert installed(project)["base"] == "2.0"


def test_environment_of_another_name_is_separate(project: Workplace) -> None:
    project.write(SPEC.replace('"webby"', '"speedups"'), "env.test.toml")
    project.ok("sync", "-e", "test")
    assert (project.project / "pylock.test.toml").exists()
    assert list((project.project / ".venv-test").glob("lib/*/site-packages/speedups.py"))
    assert not project.venv.exists()


def test_project_is_found_from_a_folder_below_and_by_flag(project: Workplace) -> None:
    project.given("lock")
    below = project.project / "src" / "deep"
    below.mkdir(parents=True)
    assert project.ok("lock", "--check", "-C", "src/deep").code == 0


@pytest.mark.parametrize("module", ["typing", "tomllib", "ssl", "json"])
def test_module_of_the_projects_folder_is_never_imported(project: Workplace, module: str) -> None:
    (project.project / f"{module}.py").write_text("raise SystemExit('hijacked')\n")
    assert "hijacked" not in project.ok("lock").err


def test_version_and_help() -> None:
    for arguments in (["--version"], ["--help"], ["sync", "--help"], ["add", "-h"]):
        done = subprocess.run(
            [sys.executable, "-m", "envsync", *arguments],
            capture_output=True,
            check=False,
            env={**os.environ, "COLUMNS": "100"},
        )
        assert done.returncode == 0
        assert b"envsync" in done.stdout
