"""Exact means more than files: folders' permissions, and what lies beside placed files."""

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.commands.conftest import publish
from tests.support.command import Workplace
from tests.support.index_server import IndexServer
from tests.support.wheels import make_wheel

SPEC = """\
[env]
name = "shop"
requires-python = ">=3.11"
dependencies = ["lab"]
"""


def folders(venv: Path) -> dict[str, int]:
    """The permissions of every folder of an environment, without envsync's own state."""
    found = {".": stat.S_IMODE(venv.lstat().st_mode)}
    for path in venv.rglob("*"):
        name = path.relative_to(venv).as_posix()
        if path.is_dir() and not path.is_symlink() and not name.startswith(".envsync/"):
            found[name] = stat.S_IMODE(path.lstat().st_mode)
    return found


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.fixture
def lab(place: Workplace, server: IndexServer) -> Workplace:
    """A package that places files in etc and share, as those of a notebook server do."""
    publish(
        server,
        make_wheel(
            "lab",
            "1.0",
            {"lab/__init__.py": "", "lab/deep/er/x.py": ""},
            data={
                "data/etc/lab/conf.d/lab.json": "{}",
                "data/share/lab/kernels/one/kernel.json": "{}",
                "headers/lab.h": "",
            },
            entry_points={"console_scripts": {"lab": "lab:main"}},
        ),
        make_wheel("more", "1.0", {"more/sub/x.py": ""}, data={"data/var/more/x.json": "theirs"}),
    )
    place.write(SPEC)
    return place


@pytest.mark.matrix(2)
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o027, 0o077])
def test_folders_are_the_same_under_every_umask(lab: Workplace, mask: int) -> None:
    with umask(mask):
        lab.ok("sync")
        assert set(folders(lab.venv).values()) == {0o755}
        lab.ok("add", "more")
        assert set(folders(lab.venv).values()) == {0o755}
        assert (lab.site / "more" / "sub" / "x.py").is_file()
        assert lab.run("sync", "--check").code == 0
        lab.ok("remove", "more")
    assert lab.run("sync", "--check").code == 0
    assert lab.run("verify").code == 0


@pytest.mark.matrix(3)
@pytest.mark.parametrize("mode", [0o700, 0o777, 0o555, 0o000])
@pytest.mark.parametrize(
    "folder", [".", "bin", "lib", "share/lab", "etc/lab/conf.d", "SITE", "SITE/lab/deep"]
)
def test_permissions_of_folders_are_drift_that_sync_repairs(
    lab: Workplace, folder: str, mode: int
) -> None:
    if mode == 0o000 and os.geteuid() != 0 and folder == ".":
        pytest.skip("nobody can look into it")
    lab.given("sync")
    site = lab.site.relative_to(lab.venv).as_posix()
    folder = folder.replace("SITE", site)
    (lab.venv / folder).chmod(mode)
    check = lab.run("sync", "--check")
    assert check.code == 3
    assert f"! {folder} has other permissions than 755" in check.err
    assert lab.run("verify").code == 3
    status = json.loads(lab.ok("status", "--json").out)
    assert status["clean"] is False
    assert {"kind": "mode", "path": folder, "owner": ""} in status["paths"]
    repaired = json.loads(lab.ok("sync", "--json").out)
    assert repaired["modes"] == [folder]
    assert set(folders(lab.venv).values()) == {0o755}
    assert lab.run("sync", "--check").code == 0
    assert "Nothing to do" in lab.ok("sync").err


def test_run_sees_the_permissions_of_folders(lab: Workplace) -> None:
    lab.given("sync")
    (lab.site / "lab").chmod(0o777)
    lab.ok("run", "python", "-c", "")
    assert set(folders(lab.venv).values()) == {0o755}


def test_setgid_of_the_project_is_handed_down_and_no_drift(lab: Workplace) -> None:
    lab.project.chmod(0o2775)
    lab.ok("sync")
    assert {mode & ~0o2000 for mode in folders(lab.venv).values()} == {0o755}
    for command in (("sync", "--check"), ("verify",)):
        assert lab.run(*command).code == 0
    lab.ok("add", "more")
    assert lab.run("sync", "--check").code == 0
    subprocess.run(["find", lab.venv, "-type", "d", "-exec", "chmod", "g+s", "{}", "+"], check=True)
    assert lab.run("sync", "--check").code == 0
    (lab.site / "lab").chmod(0o2700)
    lab.ok("sync")
    assert stat.S_IMODE((lab.site / "lab").stat().st_mode) == 0o2755


STRAYS = [
    "etc/lab/conf.d/other.json",
    "etc/lab/lab_config.py",
    "etc/evil.conf",
    "share/lab/kernels/evil/kernel.json",
    "share/lab/kernels/one/logo.svg",
    "lib/evil.so",
    "lib/PYTHON/evil.py",
    "include/evil.h",
    "SITE/lab/__pycache__/x.pyc.so",
    "SITE/lab/__pycache__/__init__.pyc",
    "SITE/lab/__pycache__/lab.cpython-39.so",
]


@pytest.mark.matrix(3)
@pytest.mark.parametrize("path", STRAYS)
def test_strays_beside_placed_files_are_set_aside(lab: Workplace, path: str) -> None:
    lab.given("sync")
    site = lab.site.relative_to(lab.venv).as_posix()
    path = path.replace("SITE", site).replace("PYTHON", site.split("/")[1])
    stray = lab.venv / path
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_text("mine")
    check = lab.run("sync", "--check")
    assert check.code == 3
    assert " is not from the lock" in check.err
    assert lab.run("verify").code == 3
    lab.ok("sync")
    assert not stray.exists()
    (kept,) = lab.venv.glob(f".envsync/quarantine/*/{path}")
    assert kept.read_text() == "mine"
    assert lab.run("sync", "--check").code == 0


def test_root_is_where_tools_may_keep_things(lab: Workplace) -> None:
    lab.given("sync")
    for name in (".lock", "notes.txt", "src/mine/x.py", "var/log"):
        path = lab.venv / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    for command in (("sync", "--check"), ("sync",), ("verify",)):
        assert lab.run(*command).code == 0
    assert (lab.venv / "src" / "mine" / "x.py").read_text() == "mine"
    assert "Nothing to do" in lab.ok("sync").err


def test_what_is_in_the_way_of_a_new_package_is_set_aside(lab: Workplace) -> None:
    """The folder was the user's, and becomes envsync's with the first file that is placed in it."""
    lab.given("sync")
    (lab.venv / "var" / "more").mkdir(parents=True)
    (lab.venv / "var" / "more").chmod(0o700)
    (lab.venv / "var" / "more" / "x.json").write_text("mine")
    (lab.venv / "var" / "other.txt").write_text("mine, too")
    added = lab.ok("add", "more")
    assert "! var/more/x.json is not from the lock" in added.err
    assert (lab.venv / "var" / "more" / "x.json").read_text() == "theirs"
    kept = {
        path.name: path.read_text() for path in lab.venv.glob(".envsync/quarantine/*/var/**/*.*")
    }
    assert kept == {"x.json": "mine", "other.txt": "mine, too"}
    assert lab.run("sync", "--check").code == 0


def test_stray_in_site_packages_without_packages_is_seen_at_once(place: Workplace) -> None:
    place.write('[env]\nname = "shop"\nrequires-python = ">=3.11"\n')
    place.given("sync")
    place.ok("sync")
    (place.site / "evil.pth").write_text("import os\n")
    assert place.run("sync", "--check").code == 3
    place.ok("sync")
    assert not (place.site / "evil.pth").exists()


def test_compiled_files_and_their_folder_are_no_drift_under_any_umask(lab: Workplace) -> None:
    lab.given("sync")
    with umask(0):
        lab.python("import lab, lab.deep.er.x")
    assert stat.S_IMODE((lab.site / "lab" / "__pycache__").stat().st_mode) == 0o777
    assert lab.run("sync", "--check").code == 0
    assert lab.run("verify").code == 0


def test_what_programs_write_beside_packages(place: Workplace, server: IndexServer) -> None:
    """B16: generated code that env.toml names stays; what is stray stops no `run`."""
    files = {"client/__init__.py": "", "client/model.py": "MODEL = 1\n"}
    publish(server, make_wheel("generator", "1.0", files))
    spec = SPEC.replace("lab", "generator")
    place.write(f'{spec}\n[sync]\nkeep = ["client/**"]\n')
    place.given("sync")
    (stored,) = place.cache.glob("wheels-v1/*/tree/client/model.py")
    model, fresh = place.site / "client/model.py", place.site / "client/fresh.py"
    assert model.stat().st_ino != stored.stat().st_ino
    model.write_text("MODEL = 2\n")
    fresh.write_text("FRESH = 1\n")
    for command in (["sync"], ["sync", "--check"], ["run", "true"], ["verify"]):
        place.ok(*command)
    assert "Nothing to do" in place.ok("sync").err
    assert place.python("import client.fresh, client.model as m; print(m.MODEL)") == "2"
    assert stored.read_text() == "MODEL = 1\n"

    place.write(spec)  # left to nobody any more
    stray = place.site / "stray.py"
    stray.write_text("STRAY = 1\n")
    ran = place.ok("sync").err
    assert "client/fresh.py is not from the lock" in ran
    assert model.read_text() == "MODEL = 1\n"
    stray.write_text("STRAY = 1\n")
    assert place.ok("run", "python", "-c", "import stray").err == ""
    assert stray.exists()
    (place.site / "client/model.py").unlink()  # now there is something to do
    place.ok("run", "true")
    assert not stray.exists()
