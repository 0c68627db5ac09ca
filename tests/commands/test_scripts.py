"""Scripts with inline metadata (PEP 723): environments of their own, kept in the cache."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.conftest import publish
from tests.support.command import Ran, Workplace
from tests.support.index_server import IndexServer
from tests.support.wheels import make_wheel

METADATA = """\
# /// script
# requires-python = ">=3.11"
# dependencies = ["webby", "base<2"]
# ///
"""
SCRIPT = METADATA + "import base, sys, webby\nprint(sys.prefix, sys.argv[1:], base.VERSION)\n"

KEPT = ("project", "cache", "state", "tmp")


@pytest.fixture
def folder(place: Workplace, tmp_path: Path) -> Iterator[Path]:
    """A folder without a project, in which the commands run."""
    place.project.rmdir()
    place.project.mkdir()
    (place.project / "tool.py").write_text(SCRIPT)
    yield place.project
    assert not [path for path in tmp_path.iterdir() if path.name not in KEPT]


def environments(place: Workplace) -> list[Path]:
    return sorted((place.cache / "scripts-v1").glob("*"))


def test_script_runs_in_an_environment_of_its_own(
    place: Workplace, folder: Path, server: IndexServer
) -> None:
    before = place.files()
    ran = place.ok("run", "tool.py", "-q", "a b")
    (entry,) = environments(place)
    assert ran.out == f"{entry}/.venv {['-q', 'a b']} 1\n"
    assert (entry / "pylock.toml").exists()
    asked = len(server.requests)
    again = place.ok("run", "tool.py")
    assert (again.out, again.err) == (f"{entry}/.venv [] 1\n", "")
    assert len(server.requests) == asked
    assert place.files() == before


def test_same_metadata_shares_an_environment_and_other_metadata_does_not(
    place: Workplace, folder: Path
) -> None:
    place.ok("run", "tool.py")
    (folder / "copy.py").write_text("# the same\n" + SCRIPT.replace("\n", "\r\n"))
    assert place.ok("run", "copy.py").err == ""
    (folder / "other.py").write_text(SCRIPT.replace('"base<2"', '"base>=2"'))
    assert place.ok("run", "other.py").out.endswith(" 2\n")
    assert len(environments(place)) == 2


def test_new_versions_are_taken_when_asked_for(
    place: Workplace, folder: Path, server: IndexServer
) -> None:
    (folder / "tool.py").write_text(SCRIPT.replace('"base<2"', '"base"'))
    assert place.ok("run", "tool.py").out.endswith(" 2\n")
    publish(server, make_wheel("base", "4.0", {"base.py": "VERSION = 4\n"}))
    assert place.ok("run", "tool.py").out.endswith(" 2\n")
    assert place.ok("run", "--refresh", "tool.py").out.endswith(" 4\n")
    publish(server, make_wheel("base", "5.0", {"base.py": "VERSION = 5\n"}))
    assert place.ok("--refresh", "run", "-P", "base", "tool.py").out.endswith(" 5\n")
    assert place.ok("run", "-U", "tool.py").out.endswith(" 5\n")


def test_damaged_environment_is_repaired(place: Workplace, folder: Path) -> None:
    place.ok("run", "tool.py")
    (entry,) = environments(place)
    for damaged in (entry / ".venv", entry / "pylock.toml"):
        if damaged.is_dir():
            shutil.rmtree(damaged)
        else:
            damaged.unlink()
        assert place.ok("run", "tool.py").out.endswith(" 1\n")


def test_project_around_does_not_matter(place: Workplace, folder: Path) -> None:
    place.write('[env]\ndependencies = ["not-there-at-all"]\n')
    assert place.ok("run", "tool.py").out.endswith(" 1\n")
    place.write("this is no TOML")
    assert place.ok("run", "tool.py").out.endswith(" 1\n")
    assert place.ok("-e", "test", "run", "tool.py").err.startswith("warning: tool.py has an env")


def test_program_with_a_first_line_for_envsync(place: Workplace, folder: Path) -> None:
    program = folder / "program"
    program.write_text("#!/usr/bin/env -S envsync -q run --script\n" + SCRIPT)
    program.chmod(0o755)
    (folder / "bin").mkdir()
    (folder / "bin/envsync").write_text(f'#!/bin/sh\nexec {sys.executable} -m envsync "$@"\n')
    (folder / "bin/envsync").chmod(0o755)
    done = subprocess.run(
        [program, "x"],
        cwd="/",
        env={**place.environ, "PATH": f"{folder}/bin:{place.environ['PATH']}"},
        capture_output=True,
        check=False,
    )
    assert done.stdout.decode().endswith("/.venv ['x'] 1\n"), done.stderr


def test_own_tables_are_heeded(place: Workplace, folder: Path) -> None:
    table = "# [tool.envsync.lock]\n# constraints = ['webby<1.5']\n# ///\n"
    (folder / "tool.py").write_text(SCRIPT.replace("# ///\n", table))
    assert (
        "tool.py: tool.envsync.lock.constraints asks for webby"
        in refused(place, 1, "run", "tool.py").err
    )
    table = "# [tool.other]\n# x = 1\n# [tool.envsync]\n# sync = {link-mode = 'copy'}\n# ///\n"
    (folder / "tool.py").write_text(SCRIPT.replace("# ///\n", table))
    place.ok("run", "tool.py")
    copied = list(place.cache.rglob("site-packages/base.py"))
    assert [path.stat().st_nlink for path in copied] == [1]


def refused(place: Workplace, code: int, *arguments: str) -> Ran:
    ran = place.run(*arguments)
    assert (ran.code, ran.out) == (code, ""), ran.err
    assert "hint:" in ran.err or "no versions" in ran.err
    return ran


def test_mistakes(place: Workplace, folder: Path) -> None:
    for text, part in (
        (METADATA.replace('"base<2"', '"base<"'), "tool.py: line 3: dependencies[1]"),
        (METADATA.replace("]", ""), "tool.py: line 4: unclosed"),
        (METADATA.replace(">=3.11", "three"), "tool.py: line 2: requires-python"),
        (f"{METADATA}\n{METADATA}", "tool.py: line 6: a second block"),
        (METADATA.replace("webby", "web\udcffby"), "tool.py: line 3: the text is not UTF-8"),
    ):
        (folder / "tool.py").write_bytes(text.encode("utf-8", "surrogateescape"))
        assert part in refused(place, 2, "run", "tool.py").err, text
    assert environments(place) == []
    (folder / "tool.py").write_text(SCRIPT)
    assert "groups" in refused(place, 2, "run", "--group", "dev", "tool.py").err
    assert "pylock.toml" in refused(place, 3, "run", "--locked", "tool.py").err
    assert "pylock.toml" in refused(place, 2, "run", "--frozen", "tool.py").err


def test_open_block_is_no_metadata_but_named(place: Workplace, folder: Path) -> None:
    (folder / "tool.py").write_text(METADATA.removesuffix("# ///\n") + "print(1)\n")
    assert "tool.py: line 1: `# /// script` has no end" in refused(place, 2, "run", "tool.py").err
    place.write("[env]\n")
    assert place.ok("run", "tool.py").out == "1\n"


def test_failed_locking_leaves_nothing_that_a_later_run_stumbles_over(
    place: Workplace, folder: Path, server: IndexServer
) -> None:
    (folder / "tool.py").write_text(SCRIPT.replace('"webby', '"later'))
    assert "later" in place.run("run", "tool.py").err
    publish(server, make_wheel("later", "1.0", {"webby.py": ""}))
    assert place.ok("run", "--refresh", "tool.py").out.endswith(" 1\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_script_that_can_not_be_read(place: Workplace, folder: Path) -> None:
    (folder / "tool.py").chmod(0)
    assert "permission denied" in refused(place, 1, "run", "tool.py").err


def test_script_that_is_no_file(place: Workplace, folder: Path) -> None:
    assert "it is a folder" in place.run("run", "-s", str(folder)).err
    assert place.run("run", "-s", "none").code == 1


def test_a_script_by_standard_input(place: Workplace, folder: Path) -> None:
    """Out of a pipe and out of a file, and Python reads all of it."""
    (folder / "env.toml").write_text('[env]\nname = "around"\nrequires-python = ">=3.11"\n')
    shutil.move(folder / "tool.py", folder / "tool")
    command = f"{sys.executable} -m envsync run"
    for line in (f"cat tool | {command} - -q", f"{command} --script - -q < tool"):
        done = subprocess.run(
            line, shell=True, cwd=folder, env=place.environ, capture_output=True, check=False
        )
        (entry,) = environments(place)
        assert done.stdout.decode() == f"{entry}/.venv {['-q']} 1\n", done.stderr
    (folder / "tool").write_text(SCRIPT.replace('"base<2"', "base"))
    done = subprocess.run(
        f"{command} - < tool", shell=True, cwd=folder, env=place.environ, capture_output=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert b"error: standard input: line 3: " in done.stderr
