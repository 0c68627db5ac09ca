"""envsync imports nothing of the folder that it is called in, whatever PYTHONPATH says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import envsync
from tests.support.command import Workplace

THIRD_PARTY = (
    *("packaging", "rich", "orjson", "pycurl", "resolvelib", "tomlkit", "distlib", "deflate"),
    *("pyproject_hooks", "keyring", "pygments", "certifi", "typing_extensions"),
)


def names() -> list[str]:
    """What a hostile folder can stand in for once Python itself has started."""
    # The others are what Python runs `-m` with.
    shown = "import sys, runpy, importlib.util, importlib.machinery; print(*sys.modules)"
    started = subprocess.run([sys.executable, "-c", shown], capture_output=True, check=True)
    known = {name.partition(".")[0] for name in started.stdout.decode().split()}
    return sorted({*sys.stdlib_module_names, *THIRD_PARTY} - known)


@pytest.fixture
def trapped(project: Workplace) -> Workplace:
    """A project whose folder, and a folder in it, has a module of every name."""
    for folder in (project.project, project.project / "src"):
        folder.mkdir(exist_ok=True)
        for name in names():
            (folder / f"{name}.py").write_text(f"open({str(canary(project))!r}, 'a').write('!')\n")
    return project


def canary(place: Workplace) -> Path:
    return place.project.parent / "canary"


@pytest.mark.matrix(3)
@pytest.mark.parametrize(
    "value", ["", ":", ".", "./", "src", "src/..", ":/nowhere", "HERE", "HERE/", "HERE/src", "LINK"]
)
def test_nothing_of_the_current_folder_is_imported(trapped: Workplace, value: str) -> None:
    link = trapped.project.parent / "link"
    link.symlink_to(trapped.project)
    path = value.replace("HERE", str(trapped.project)).replace("LINK", str(link))
    trapped.environ["PYTHONPATH"] = path
    trapped.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    for command in (("sync",), ("python", "list")):
        trapped.ok(*command)
    assert not canary(trapped).exists()
    # It is the user's word for other programs, and reaches them.
    shown = trapped.ok("run", "python", "-c", "import os; print(os.environ['PYTHONPATH'])")
    assert shown.out.rstrip("\n") == path


def test_a_cache_of_bytecode_in_the_current_folder_is_not_read(project: Workplace) -> None:
    project.environ["PYTHONPYCACHEPREFIX"] = "cached"
    project.ok("lock")
    compiled = [path.name for path in (project.project / "cached").rglob("*.pyc")]
    assert not any(name.startswith(("stamp.", "tomllib", "lock.")) for name in compiled)


def kept(folder: Path | str, *paths: Path | str, home: Path | str = "/nowhere") -> list[str]:
    """What envsync leaves of PYTHONPATH when it starts in a folder."""
    code = (
        "import os, sys; import envsync.__main__;"
        "print(*(p for p in os.environ['PYTHONPATH'].split(os.pathsep) if p in sys.path), sep='|')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={"PYTHONPATH": os.pathsep.join(map(str, paths)), "HOME": str(home)},
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().strip().split("|")


def test_other_folders_of_pythonpath_stay(tmp_path: Path) -> None:
    here, other = tmp_path / "here", tmp_path / "other"
    here.mkdir()
    assert kept(here, here, other, here / "src", f"{here}2", here) == [str(other), f"{here}2"]


@pytest.mark.parametrize("what", ["package", "stdlib", "site"])
def test_what_holds_envsync_or_its_python_stays(what: str) -> None:
    path = {
        "package": str(Path(envsync.__file__).parents[1]),
        "stdlib": os.path.dirname(os.__file__),
        "site": next(path for path in sys.path if path.endswith("site-packages")),
    }[what]
    assert kept(path, path) == [path]


def test_below_the_root_or_home_folder_a_full_path_stays(tmp_path: Path) -> None:
    below = tmp_path / "modules"
    assert kept(tmp_path, below) == [""]
    assert kept(tmp_path, below, tmp_path, home=tmp_path) == [str(below)]
    assert kept("/", below, "/") == [str(below)]
