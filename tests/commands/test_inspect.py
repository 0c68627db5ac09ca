"""`status`, `verify` and `sync --verify`, as whole commands."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from envsync.environment.seal import Seal
from tests.commands.conftest import SPEC, publish
from tests.support.command import Workplace
from tests.support.index_server import IndexServer
from tests.support.manifests import forge_manifest
from tests.support.notes import explain, own_seal
from tests.support.wheels import make_wheel


def site_packages(place: Workplace) -> Path:
    (found,) = (place.venv / "lib").glob("python3.*/site-packages")
    return found


def edit_unseen(path: Path) -> None:
    """Change a byte; size, mode and time stay. In place, so that a hard link shares it."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    mode = before.st_mode & 0o7777
    path.chmod(mode | 0o200)
    with path.open("r+b") as file:
        file.write(content)
    path.chmod(mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_status_of_an_environment_that_matches(project: Workplace) -> None:
    project.given("sync")
    out = project.ok("status").out
    assert "pylock.toml: up to date" in out
    assert out.endswith("Nothing differs\n")
    assert json.loads(project.ok("--json", "status").out)["clean"] is True


def test_status_names_what_differs_and_changes_nothing(project: Workplace) -> None:
    project.given("sync")
    site = site_packages(project)
    (site / "stray.pth").write_text("import this\n")
    (site / "base.py").unlink()
    (project.venv / "bin/webby").chmod(0o600)
    (site / "checker.py").unlink()
    (site / "checker.py").symlink_to("/nowhere")
    (site / "webby/__init__.py").chmod(0o644)
    (site / "webby/__init__.py").write_text("edited\n")
    before = project.files()
    out = project.ok("status").out
    relative = site.relative_to(project.venv)
    for line in (
        f"missing:  {relative}/base.py  (base)",
        "mode:     bin/webby  (webby)",
        f"type:     {relative}/checker.py  (checker)",
        f"edited:   {relative}/webby/__init__.py  (webby)",
        f"stray:    {relative}/stray.pth",
    ):
        assert line in out
    assert project.files() == before
    found = json.loads(project.ok("--json", "status").out)
    assert found["clean"] is False
    assert {"kind": "stray", "path": f"{relative}/stray.pth", "owner": ""} in found["paths"]


def test_status_of_a_lock_that_is_outdated_and_of_no_environment(project: Workplace) -> None:
    project.given("lock")
    project.write(SPEC.replace('"webby"', '"webby", "base<2"'))
    out = project.ok("status").out
    assert "pylock.toml: outdated\n    base<2 was added" in out
    assert ".venv: there is no environment" in out
    assert not project.venv.exists()


def test_status_counts_what_was_set_aside(project: Workplace) -> None:
    project.given("sync")
    (site_packages(project) / "stray.py").write_text("")
    project.ok("sync")
    assert "Set aside by earlier syncs: 1 file in" in project.ok("status").out


def test_status_without_a_lock(project: Workplace) -> None:
    ran = project.run("status")
    assert ran.code == 2
    assert "envsync lock" in ran.err


def test_verify_of_an_environment_that_is_right(project: Workplace) -> None:
    project.given("sync")
    ran = project.ok("verify")
    assert "Every byte of .venv is right" in ran.err
    found = json.loads(project.ok("--json", "verify").out)
    assert found["packages"] == found["compared"] == 3


def test_a_wheel_that_is_damaged_in_the_store_says_nothing(
    place: Workplace, server: IndexServer
) -> None:
    wheel = make_wheel("tool", "1.0", {}, data={"scripts/tool": "#!python\n"})
    publish(server, wheel)
    place.write('[env]\ndependencies = ["tool"]\n\n[sync]\nlink-mode = "copy"\n')
    place.ok("sync")
    (stored,) = place.cache.glob("wheels-v1/*/tree/tool-1.0.data/scripts/tool")
    edit_unseen(stored)
    assert json.loads(place.ok("--json", "verify").out)["compared"] == 0


@pytest.mark.parametrize("mode", ["hardlink", "copy", "symlink"])
def test_an_edit_that_hides_its_traces(project: Workplace, mode: str) -> None:
    project.write(f'{SPEC}\n[sync]\nlink-mode = "{mode}"\n')
    project.given("sync")
    target = site_packages(project) / "base.py"
    edit_unseen(target.resolve())
    if mode != "symlink":  # there the file is the store's
        explain(project, target)
    assert "Nothing to do" in project.ok("sync").err
    ran = project.run("verify")
    assert ran.code == 3
    assert "base.py" in ran.err
    assert "envsync sync --verify" in ran.err
    project.ok("sync", "--verify")
    assert target.read_text() == "VERSION = 2\n"
    project.ok("verify")


def test_check_can_look_at_every_byte(project: Workplace) -> None:
    project.given("sync")
    edit_unseen(site_packages(project) / "base.py")
    explain(project, site_packages(project) / "base.py")
    project.ok("sync", "--check")
    assert project.run("sync", "--check", "--verify").code == 3


def forge(place: Workplace, seal: Seal) -> None:
    """Change a file so that no time shows it, and the manifest with it."""
    target = site_packages(place) / "base.py"
    before = target.read_bytes()
    edit_unseen(target)
    old, new = (hashlib.sha256(data).hexdigest().encode() for data in (before, target.read_bytes()))
    forge_manifest(place.venv, old, new, own_seal(place), seal)


def test_a_manifest_that_the_user_forged_with_the_file(project: Workplace) -> None:
    project.given("sync")
    forge(project, own_seal(project))
    ran = project.run("verify")
    assert ran.code == 3
    assert "base.py" in ran.err


def test_a_manifest_that_was_forged_is_a_difference_at_once(project: Workplace) -> None:
    project.write(f'{SPEC}\n[sync]\nlink-mode = "copy"\n')
    project.given("sync")
    forge(project, Seal(b"a stranger's key, of as many bytes"[:32]))
    for command in (["sync", "--check"], ["verify"]):
        ran = project.run(*command)
        assert ran.code == 3
        assert "its manifest was not written by this user's envsync" in ran.err
        assert "hint: `envsync sync`" in ran.err
    assert "its manifest was not written by this user's envsync" in project.ok("status").out
    project.ok("sync")
    assert (site_packages(project) / "base.py").read_text() == "VERSION = 2\n"
    project.ok("verify")


def test_verify_refuses_an_outdated_lock(project: Workplace) -> None:
    project.given("sync")
    project.write(SPEC.replace('"webby"', '"webby", "base<2"'))
    assert project.run("verify").code == 3
    project.ok("verify", "--frozen")
