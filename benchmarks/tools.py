"""The tools that are compared: how each is called, and what a project for it looks like."""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Failed
from benchmarks.workloads import Workload

Command = tuple[str, ...]
_SECONDS = 60.0
"""After which nothing is expected of what goes on in the background."""


def console_script(folder: Path) -> str:
    """Write the script of this interpreter's envsync as installers do by now; gives its path.

    pip before 24 has it import `re`: a quarter of what the shortest commands take.
    """
    path = folder / "bin" / "envsync"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (f"#!{sys.executable}", "import sys", "from envsync.__main__ import main")
    path.write_text("\n".join((*lines, "sys.exit(main())", "")))
    path.chmod(0o755)
    return str(path)


@dataclass(frozen=True)
class Setting:
    """Where everything of one benchmark lies."""

    folder: Path
    """Projects and caches, a folder for each tool."""
    index: str
    """Address of the copied index, with a place for the door: `http://.../{door}/simple/`."""
    python: str
    """The interpreter that environments are made for."""


class Tool:
    """One tool in a project, and with a cache, of its own; what it can't do is None.

    `door` of the index is `fresh` (pages may be used without asking) or `asked`.
    """

    name = ""
    spec_name = "pyproject.toml"
    lock_name = ""
    lock: Command | None = None
    sync: Command | None = None
    run: Command | None = None
    upgrade: Command | None = None
    upgrade_one: Command | None = None
    """The beginning of it; a package's name follows."""
    add: Command | None = None
    repair: Command | None = None
    """Make one package as it should be; its name follows where `repairs_by_name`."""
    repairs_by_name = True
    tree: Command | None = None
    why: Command | None = None
    """The beginning of it; a package's name follows."""
    listing: Command | None = None
    """What is installed."""
    difference: Command | None = None
    """The beginning of it; the path of another lock follows."""

    def __init__(self, executable: str, label: str, work: Workload, setting: Setting) -> None:
        self.executable, self.label, self.work, self.setting = executable, label, work, setting
        place = setting.folder / work.name / label
        self.project, self.cache = place / "project", place / "cache"
        self.environment = self.project / ".venv"
        self.trash = place / "trash"

    def set_up(self) -> None:
        """Write the project where it isn't there."""
        self.project.mkdir(parents=True, exist_ok=True)
        self.trash.mkdir(exist_ok=True)
        self.write(self.work.requirements)

    def write(self, requirements: Sequence[str]) -> None:
        """Write what is required."""
        text = self.spec(", ".join(f'"{one}"' for one in requirements))
        place = self.project / self.spec_name
        if not place.exists() or place.read_text() != text:
            place.write_text(text)

    def spec(self, listed: str) -> str:
        """The text of the project's file."""
        raise NotImplementedError

    def environ(self, door: str = "fresh") -> Mapping[str, str]:
        """The variables that it runs under."""
        dropped = ("UV_", "VIRTUAL_ENV", "ENVSYNC_", "PIP_", "PDM_", "POETRY_", "PYTHON")
        kept = {name: text for name, text in os.environ.items() if not name.startswith(dropped)}
        home = self.cache.parent / "home"
        home.mkdir(parents=True, exist_ok=True)
        kept |= {"HOME": str(home), "XDG_CACHE_HOME": str(self.cache), "CI": ""}
        kept |= {"XDG_STATE_HOME": str(home / "state"), "XDG_CONFIG_HOME": str(home / "config")}
        return {**kept, **self.variables(self.setting.index.format(door=door))}

    def variables(self, index: str) -> Mapping[str, str]:
        """Variables of its own."""
        raise NotImplementedError

    def command(self, words: Command) -> Command:
        """Put the executable before the words."""
        return (self.executable, *words)

    def call(self, words: Command, door: str = "fresh") -> None:
        """Run it, untimed. Raises `Failed`."""
        done = subprocess.run(
            self.command(words),
            cwd=self.project,
            env=self.environ(door),
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise Failed(f"{self.label} {' '.join(words)}: {done.stderr.decode()}")

    def have_compiled(self) -> None:
        """Have compiled what a tool compiles by itself, once a second environment is made."""

    def put_aside(self, *places: Path) -> None:
        """Rename folders and files away; deleting them at once would slow the next mkdir down."""
        for place in places:
            if place.exists():
                place.rename(self.trash / f"{len(os.listdir(self.trash))}-{place.name}")

    def empty_trash(self) -> None:
        """Delete what was put aside."""
        shutil.rmtree(self.trash)
        self.trash.mkdir()


def _is_locked(folder: Path) -> bool:
    """Say whether a process holds a folder's lock."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


class Envsync(Tool):
    """The tool of this repository."""

    name, spec_name, lock_name = "envsync", "env.toml", "pylock.toml"
    lock, sync, run = ("lock",), ("sync",), ("run", "true")
    upgrade, upgrade_one, add = ("lock", "-U"), ("lock", "-P"), ("add",)
    repair, repairs_by_name = ("sync",), False
    tree, why, listing = ("tree",), ("why",), ("list",)
    difference = ("diff", "--lock")

    def spec(self, listed: str) -> str:
        """The text of env.toml."""
        bound, python = self.work.requires_python, self.setting.python
        return (
            f'[env]\nname = "bench"\nrequires-python = "{bound}"\npython = "{python}"\n'
            f"dependencies = [{listed}]\n"
        )

    def variables(self, index: str) -> Mapping[str, str]:
        """Its cache and index; nothing goes on in the background while something is timed."""
        return {
            "ENVSYNC_CACHE_DIR": str(self.cache),
            "ENVSYNC_DEFAULT_INDEX": index,
            "ENVSYNC_NO_BACKGROUND": "1",
        }

    def set_up(self) -> None:
        """Write the project; what was compiled for one operation isn't there for the others."""
        super().set_up()
        self.put_aside(self._compiled)

    @property
    def _compiled(self) -> Path:
        return self.cache / "bytecode-v1"

    def have_compiled(self) -> None:
        """Make a second environment, and wait for what it leaves running."""
        second = self.project.with_name("second")
        second.mkdir(exist_ok=True)
        for name in (self.spec_name, self.lock_name):
            shutil.copy(self.project / name, second)
        self.put_aside(second / ".venv")
        environ = {**self.environ(), "ENVSYNC_NO_BACKGROUND": "0"}
        command = self.command(self.sync)
        subprocess.run(command, cwd=second, env=environ, capture_output=True, check=True)
        started = time.monotonic()
        while not (is_there := any(self._compiled.glob("*-*"))) or _is_locked(self._compiled):
            time.sleep(0.2)
            if not is_there and time.monotonic() - started > _SECONDS:
                return  # one that compiles nothing by itself


class Uv(Tool):
    """uv."""

    name, lock_name = "uv", "uv.lock"
    lock, sync, run = ("lock",), ("sync",), ("run", "true")
    upgrade, upgrade_one, add = ("lock", "-U"), ("lock", "-P"), ("add",)
    repair = ("sync", "--reinstall-package")
    tree, listing = ("tree", "--frozen"), ("pip", "list")
    why = ("tree", "--frozen", "--invert", "--package")
    # It compares no locks; to read one is what a difference is measured by.
    difference = ("tree", "--frozen", "--package")

    def spec(self, listed: str) -> str:
        """The text of pyproject.toml."""
        return _project(self.work, listed) + "[tool.uv]\npackage = false\n"

    def variables(self, index: str) -> Mapping[str, str]:
        """Its cache, index and interpreter."""
        return {
            "UV_CACHE_DIR": str(self.cache),
            "UV_DEFAULT_INDEX": index,
            "UV_PYTHON": self.setting.python,
            "UV_PYTHON_DOWNLOADS": "never",
        }


class Pdm(Tool):
    """pdm, with its cache of installed wheels and with uv's way of linking."""

    name, lock_name = "pdm", "pdm.lock"
    lock, sync, run = ("lock",), ("sync",), ("run", "true")
    upgrade, add = ("update", "--no-sync"), ("add",)

    def spec(self, listed: str) -> str:
        """The text of pyproject.toml."""
        return _project(self.work, listed) + "[tool.pdm]\ndistribution = false\n"

    def variables(self, index: str) -> Mapping[str, str]:
        """Its cache, index and interpreter."""
        return {
            "PDM_CACHE_DIR": str(self.cache),
            "PDM_PYPI_URL": index,
            "PDM_PYTHON": self.setting.python,
            "PDM_INSTALL_CACHE": "1",
            "PDM_CHECK_UPDATE": "0",
        }


class Poetry(Tool):
    """poetry."""

    name, lock_name = "poetry", "poetry.lock"
    lock, sync, run = ("lock",), ("sync",), ("run", "true")
    upgrade, add = ("update", "--lock"), ("add",)

    def spec(self, listed: str) -> str:
        """The text of pyproject.toml."""
        index = self.setting.index.format(door="fresh")
        return (
            _project(self.work, listed)
            + "[tool.poetry]\npackage-mode = false\n"
            + f'[[tool.poetry.source]]\nname = "copy"\nurl = "{index}"\npriority = "primary"\n'
        )

    def variables(self, index: str) -> Mapping[str, str]:  # noqa: ARG002
        """Its cache; the index stands in its project."""
        return {"POETRY_CACHE_DIR": str(self.cache), "POETRY_VIRTUALENVS_IN_PROJECT": "true"}


class Pip(Tool):
    """pip: locks for one platform; resolves anew into an environment that venv makes."""

    name, spec_name, lock_name = "pip", "requirements.txt", "pylock.toml"
    lock = ("lock", "--quiet", "--requirement", "requirements.txt")
    sync = ("install", "--quiet", "--requirement", "requirements.txt")

    def spec(self, listed: str) -> str:
        """The text of requirements.txt."""
        return listed.replace('", "', "\n").strip('"') + "\n"

    def variables(self, index: str) -> Mapping[str, str]:
        """Its cache and index."""
        return {
            "PIP_CACHE_DIR": str(self.cache),
            "PIP_INDEX_URL": index,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    def command(self, words: Command) -> Command:
        """Put the executable before the words, and make the environment where one is needed."""
        if words[0] != "install":
            return super().command(words)
        made = f"test -e .venv || {self.setting.python} -m venv --without-pip .venv"
        return ("sh", "-c", f'{made}; exec "$@"', "sh", self.executable, "--python=.venv", *words)


class Nab(Tool):
    """nab: locks, and installs nothing."""

    name, lock_name = "nab", "pylock.toml"
    lock = ("lock",)

    def spec(self, listed: str) -> str:
        """The text of pyproject.toml."""
        index = self.setting.index.format(door="fresh")
        return (
            _project(self.work, listed)
            + '[tool.nab]\nmode = "universal"\n'
            + f'[tool.nab.matrix]\npython = "{self.work.requires_python}"\n'
            + 'platforms = ["linux_x86_64", "macos_arm64"]\n'
            + f'[[tool.nab.indexes]]\nname = "copy"\nurl = "{index}"\n'
        )

    def variables(self, index: str) -> Mapping[str, str]:  # noqa: ARG002
        """Its cache; the index stands in its project."""
        return {"NAB_CACHE_DIR": str(self.cache)}


def _project(work: Workload, listed: str) -> str:
    return (
        f'[project]\nname = "bench"\nversion = "0"\nrequires-python = "{work.requires_python}"\n'
        f"dependencies = [{listed}]\n"
    )


KINDS: Mapping[str, type[Tool]] = {kind.name: kind for kind in (Envsync, Uv, Pdm, Poetry, Pip, Nab)}
