"""pip and uv install from our locks what envsync installs: the same names and versions."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.command import Workplace

ROOT = Path(__file__).parents[2]
PIP_READS_EXTRAS = (26, 3)


def tool(name: str) -> str | None:
    """Where `make tools` or `make peers` put a tool."""
    places = (ROOT / ".tools" / "bin" / name, ROOT / ".tools" / "bench" / name / "bin" / name)
    return next((str(place) for place in places if place.exists()), None)


def pip() -> str | None:
    """A pip that knows extras and groups of locks."""
    path = tool("pip")
    if path is None:
        return None
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    version = tuple(map(int, re.findall(r"\d+", said.split()[1])[:2]))
    return path if version >= PIP_READS_EXTRAS else None


PIP, UV = pip(), tool("uv")
need_pip = pytest.mark.skipif(PIP is None, reason="pip 26.3 or newer is not in .tools")
need_uv = pytest.mark.skipif(UV is None, reason="uv is not in .tools")

SPEC = """\
[env]
name = "shop"
requires-python = ">=3.11"
dependencies = ["webby"]
default-groups = ["dev"]
[env.optional-dependencies]
fast = ["webby[fast]"]
[dependency-groups]
dev = ["checker"]
docs = ["speedups"]
"""

CHOICES = {
    "nothing else": ([], [], []),
    "an extra": (["--extra", "fast"], ["fast"], []),
    "a group": (["--group", "docs"], [], ["docs"]),
    "both": (["--extra", "fast", "--group", "docs"], ["fast"], ["docs"]),
}


@pytest.fixture
def locked(place: Workplace) -> Workplace:
    place.write(SPEC)
    place.given("lock")
    return place


def installed(site: Path) -> set[str]:
    return {path.name.removesuffix(".dist-info") for path in site.glob("*.dist-info")}


def run(words: list[str], place: Workplace) -> None:
    environ = {name: value for name, value in place.environ.items() if "ENVSYNC" not in name}
    environ |= {"HOME": str(place.project.parent), "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run(
        words, cwd=place.project, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@need_pip
@pytest.mark.parametrize("choice", CHOICES)
def test_pip_installs_the_same(locked: Workplace, choice: str) -> None:
    options, extras, groups = CHOICES[choice]
    locked.given("sync", *options)
    lock = f"pylock.toml[{','.join(extras)}]" if extras else "pylock.toml"
    words = [word for group in ("dev", *groups) for word in ("--group", f"pylock.toml:{group}")]
    target = locked.project.parent / "by-pip"
    command = [str(PIP), "install", "--no-input", "--no-deps", "--no-index"]
    run([*command, "--target", str(target), "-r", lock, *words], locked)
    assert installed(target) == installed(locked.site)


@need_uv
@pytest.mark.parametrize("choice", CHOICES)
def test_uv_installs_the_same(locked: Workplace, choice: str) -> None:
    options, extras, groups = CHOICES[choice]
    locked.given("sync", *options)
    chosen = [word for extra in extras for word in ("--extra", extra)]
    chosen += [word for group in ("dev", *groups) for word in ("--group", group)]
    target = locked.project.parent / "by-uv"
    command = [str(UV), "pip", "sync", "--preview", "--no-config", "--python"]
    command += [locked.environ["ENVSYNC_PYTHON"], "--target", str(target)]
    run([*command, *chosen, "pylock.toml"], locked)
    assert installed(target) == installed(locked.site)


@need_pip
def test_what_pip_reports_are_the_locks_own_files(locked: Workplace) -> None:
    """Not only names and versions: the very files, by their hashes."""
    report = locked.project.parent / "report.json"
    command = [str(PIP), "install", "--no-input", "--dry-run", "--ignore-installed"]
    run([*command, "--target", "x", "--report", str(report), "-r", "pylock.toml"], locked)
    rows = json.loads(report.read_text())["install"]
    assert rows
    for row in rows:
        assert row["download_info"]["archive_info"]["hashes"]["sha256"] in locked.lock()
