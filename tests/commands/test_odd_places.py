"""Environments that were copied, linked otherwise, or shared with a damaged store."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.conftest import SPEC, publish
from tests.support.command import Workplace
from tests.support.index_server import IndexServer
from tests.support.wheels import make_sdist, make_wheel, pack_zip, wheel_files


def test_copied_project_is_not_taken_for_the_original(project: Workplace, tmp_path: Path) -> None:
    project.given("sync")
    (tmp_path / "second").mkdir()
    copy = Workplace(tmp_path / "second", project.environ["ENVSYNC_DEFAULT_INDEX"])
    for name in ("ENVSYNC_CACHE_DIR", "XDG_STATE_HOME"):
        copy.environ[name] = project.environ[name]
    copy.project.rmdir()
    subprocess.run(["cp", "-a", project.project, copy.project], check=True)
    copy.write(SPEC.replace('"webby"', '"webby", "winner"'))
    ran = copy.ok("sync")
    assert "moved or copied" in ran.err
    copy.python("import winner")
    assert str(copy.venv) in (copy.venv / "bin/webby").read_text()


@pytest.mark.parametrize("mode", ["hardlink", "copy", "symlink", "clone", "auto"])
def test_every_link_mode_gives_a_working_environment_that_settles(
    project: Workplace, mode: str
) -> None:
    project.write(f'{SPEC}\n[sync]\nlink-mode = "{mode}"\n')
    project.ok("sync")
    assert project.python("import base; print(base.VERSION)") == "2"
    assert "Nothing to do" in project.ok("sync").err
    assert (project.site / "base.py").is_symlink() == (mode == "symlink")
    project.ok("sync", "--check")


def test_one_byte_changed_in_the_store_never_reaches_an_environment(
    project: Workplace, server: IndexServer
) -> None:
    project.given("sync")
    shutil.rmtree(project.venv)
    (stored,) = project.cache.glob("wheels-v1/*/tree/base.py")
    stored.chmod(0o644)
    stored.write_text("POISON = 1\n")
    project.ok("sync")
    assert (project.site / "base.py").read_text() == "VERSION = 2\n"


def test_changed_store_copy_of_a_built_wheel_is_made_anew(
    project: Workplace, server: IndexServer
) -> None:
    filename, content = make_sdist("sourced", "1.0", {"src/sourced.py": "X = 1\n"})
    server.add("sourced", filename, content)
    project.write(SPEC.replace("webby", "sourced", 1).split("[env.opt")[0])
    project.given("lock", "--allow-build", "sourced")
    project.ok("sync")
    shutil.rmtree(project.venv)
    (stored,) = project.cache.glob("wheels-v1/*/tree/sourced.py")
    stored.chmod(0o644)
    stored.write_text("POISON = 1\n")
    project.ok("sync")
    assert (project.site / "sourced.py").read_text() == "X = 1\n"


NO_JOURNAL = """\
import os
real = os.replace
def replace(old, new, **folders):
    if str(new).endswith("/.envsync/journal"):
        raise OSError(5, "the disk is ill", new)
    return real(old, new, **folders)
os.replace = replace
"""


def test_lock_is_put_back_when_the_environment_cannot_change(
    project: Workplace, server: IndexServer, tmp_path: Path
) -> None:
    project.given("sync")
    publish(server, make_wheel("late", "1.0"))
    before = project.files()
    (tmp_path / "ill").mkdir()
    (tmp_path / "ill/sitecustomize.py").write_text(NO_JOURNAL)
    ran = project.run("add", "late", environ={"PYTHONPATH": str(tmp_path / "ill")})
    assert ran.code == 1
    assert "the disk is ill" in ran.err
    assert project.files() == before
    project.ok("add", "late")
    project.python("import late")


def test_an_old_release_whose_record_is_wrong(project: Workplace, server: IndexServer) -> None:
    members = wheel_files("old", "1.0", {"old.py": "OLD = 1\n"})
    members["old-1.0.dist-info/RECORD"] = b"old-1.0.dist-info/RECORD,,\n"
    server.add("old", "old-1.0-py3-none-any.whl", pack_zip(members))
    spec = SPEC.replace('"webby"', '"old"').split("[env.opt")[0]
    project.write(spec)
    ran = project.run("sync")
    assert ran.code == 1
    assert "'old.py' is not in RECORD" in ran.err
    trust = 'trust-record = ["old==1.0"]'
    assert "hint: tell its authors; until then, exclude this version in env.toml" in ran.err
    assert 'trust-record = ["old==1.0"] under [lock]' in ran.err
    project.write(f"{spec}\n[lock]\n{trust}\n")
    project.ok("sync")
    assert 'record = "not compared"' in project.lock()
    project.python("import old")
    project.ok("verify")
    project.ok("lock", "--check")
    project.write(spec)
    shutil.rmtree(project.venv)
    assert "RECORD" in project.run("sync").err


def test_wheel_with_all_kinds_of_files(project: Workplace, server: IndexServer) -> None:
    publish(
        server,
        make_wheel(
            "kinds",
            "1.0",
            {"kinds.py": "import sys\n\ndef main():\n    sys.exit(3)\n"},
            data={
                "scripts/kinds-tool": "#!python\nimport sys\nprint(sys.prefix)\n",
                "scripts/kinds-shell": "#!/bin/sh\necho shell\n",
                "data/share/kinds/info.txt": "info\n",
                "headers/kinds.h": "#define KINDS\n",
                "purelib/kinds_pure.py": "PURE = 1\n",
                "platlib/kinds_plat.py": "PLAT = 1\n",
            },
            entry_points="""
    [console_scripts]
    kinds = kinds:main
    kinds++ = kinds:main
    """,
        ),
    )
    project.write(SPEC.replace('"webby"', '"kinds"').split("[env.opt")[0])
    project.ok("sync")
    venv = project.venv
    for name in ("kinds", "kinds++"):
        assert subprocess.run([venv / "bin" / name], check=False).returncode == 3
    tool = subprocess.run([venv / "bin/kinds-tool"], capture_output=True, check=True)
    assert tool.stdout.decode().strip() == str(venv)
    shell = subprocess.run([venv / "bin/kinds-shell"], capture_output=True, check=True)
    assert shell.stdout == b"shell\n"
    assert (venv / "share/kinds/info.txt").read_text() == "info\n"
    assert len(list(venv.glob("include/site/python*/kinds/kinds.h"))) == 1
    project.python("import kinds_pure, kinds_plat")
    project.write(SPEC.replace('"webby"', '"base"').split("[env.opt")[0])
    project.ok("sync")
    for gone in ("bin/kinds", "bin/kinds++", "bin/kinds-tool", "bin/kinds-shell", "share/kinds"):
        assert not (venv / gone).exists()


def test_system_site_packages_are_seen_only_when_asked_for(project: Workplace) -> None:
    project.ok("sync")
    shown = (
        "import sys; print(any(p.startswith(sys.base_prefix) and 'site-p' in p for p in sys.path))"
    )
    assert project.python(shown) == "False"
    project.write(SPEC.replace("[env]", "[env]\nsystem-site-packages = true", 1))
    assert "system-site-packages changed" in project.ok("sync").err
    assert project.python(shown) == "True"


def test_a_current_folder_that_is_gone(project: Workplace) -> None:
    code = (
        "import os, runpy, shutil, sys\n"
        "gone = sys.argv.pop(1)\nos.mkdir(gone)\nos.chdir(gone)\nos.rmdir(gone)\n"
        "sys.argv[0] = 'envsync'\nrunpy.run_module('envsync', run_name='__main__')\n"
    )
    gone = str(project.project / "gone")
    for words in (["sync"], ["run", "true"], ["lock"]):
        done = subprocess.run(
            [sys.executable, "-c", code, gone, *words],
            cwd=project.project,
            env=project.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1, done.stderr
        assert "the current folder: it cannot be read" in done.stderr
        assert "Traceback" not in done.stderr
