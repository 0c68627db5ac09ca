"""What every campaign stands on: an index, a project and a cache that can be put back as they were.

Commands run from the sources beside these tests, so a campaign can run on a copy of the tree.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from tests.campaigns import oracle
from tests.campaigns.disk import Known
from tests.support.command import Ran, clean_environ
from tests.support.index_server import IndexServer
from tests.support.interpreters import installed_interpreters
from tests.support.wheels import make_wheel

SOURCES = Path(__file__).resolve().parents[2]
SECONDS = 120

KILLED = -signal.SIGKILL


def temporary_parent() -> str | None:
    """A file system in memory, where there is one: thousands of runs are kind to no disk."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@contextmanager
def scratch() -> Iterator[Path]:
    """A private folder for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="campaign-", dir=temporary_parent()) as name:
        yield Path(name)


def say(text: str, out: TextIO | None = None) -> None:
    """Print a line at once."""
    (out or sys.stdout).write(f"{text}\n")
    (out or sys.stdout).flush()


def this_python() -> str:
    """The interpreter that runs here, not a link of an environment."""
    return os.path.realpath(sys.executable)


def other_python() -> str | None:
    """An interpreter of another minor version that envsync's environments can be made from."""
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for found in reversed(installed_interpreters()):
        if found.minor != here and tuple(map(int, found.minor.split("."))) >= (3, 11):
            return os.path.realpath(found.executable)
    return None


def minor_version(python: str) -> str:
    """The "3.11" of an interpreter."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.check_output([python, "-c", code], text=True).strip()


class Goal(NamedTuple):
    """What a project asks for, and what its environment must then hold."""

    spec: str
    """The text of env.toml."""
    lock: str
    wheels: tuple[bytes, ...]
    version: str
    """Of Python, "3.11"."""


class Restart(NamedTuple):
    """What a command sees after the system was started anew on a disk that was put together."""

    boot: str
    """A file that names the new run of the system."""
    known: Mapping[int, Known]
    """Inode numbers of now, with the number and time of last change from before the restart."""


class Warm:
    """The other end of `tests.campaigns.warm`: commands without the start of Python."""

    def __init__(self, environ: Mapping[str, str], gate: Path) -> None:
        os.mkfifo(gate)
        # Open at both ends, so that no end ever waits for the other to be opened.
        self._gate = os.open(gate, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.campaigns.warm"],
            cwd=SOURCES,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, order: Mapping[str, Any], under: Sequence[str]) -> int:
        """Run one command; gives its exit code, or the negative number of a signal."""
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("no pipes")
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        child = int(json.loads(process.stdout.readline())["pid"])
        tracer = None
        if under:
            tracer = subprocess.Popen(
                [*under, "-p", str(child)], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            _wait_for_tracer(child)
            os.write(self._gate, b"x")
        watch = threading.Timer(SECONDS, os.kill, (child, signal.SIGKILL))
        watch.start()
        try:
            code = int(json.loads(process.stdout.readline())["code"])
        finally:
            watch.cancel()
            watch.join()
        if tracer is not None:
            tracer.wait(SECONDS)  # a process that the command left behind ends before it does
            with suppress(BlockingIOError):
                os.read(self._gate, 100)
        return code

    def close(self) -> None:
        """End it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(SECONDS)
        os.close(self._gate)
        if self._process.stdout is not None:
            self._process.stdout.close()


def _wait_for_tracer(process: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with open(f"/proc/{process}/status", encoding="ascii") as file:
            if "TracerPid:\t0\n" not in file.read():
                return
        time.sleep(0.002)
    raise RuntimeError("strace can't attach")


class Stage:
    """A project and a cache in one folder, that can be saved and put back with all times."""

    def __init__(self, folder: Path, index_url: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.live = folder / "live"
        self.project, self.cache = self.live / "project", self.live / "cache"
        self.state = self.live / "state"
        self.project.mkdir(parents=True)
        self.venv = self.project / ".venv"
        self.environ = {
            **clean_environ(self.cache, index_url),
            "XDG_STATE_HOME": str(self.state),
            "PYTHONPATH": str(SOURCES),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        del self.environ["ENVSYNC_PYTHON"]
        self._wanted: dict[tuple[int, str], oracle.Wanted] = {}
        self._gate = folder / "gate"
        self._warm = Warm(self.environ, self._gate)

    def close(self) -> None:
        """End the process that runs the commands."""
        self._warm.close()

    def save(self, name: str) -> None:
        """Keep everything as it is now."""
        self.forget(name)
        subprocess.run(["cp", "-a", self.live, self.folder / name], check=True)

    def restore(self, name: str) -> None:
        """Put back what was saved; hard links between environment and store stay links."""
        remove(self.live)
        subprocess.run(["cp", "-a", self.folder / name, self.live], check=True)

    def forget(self, name: str) -> None:
        """Drop what was saved."""
        remove(self.folder / name)

    def write(self, goal: Goal, *, spec: bool = True, lock: bool = True) -> None:
        """Put a goal's env.toml and lock into the project."""
        if spec:
            (self.project / "env.toml").write_text(goal.spec)
        if lock:
            (self.project / "pylock.toml").write_text(goal.lock)

    def run(
        self,
        *arguments: str,
        under: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
        share: int = 0,
        restart: Restart | None = None,
    ) -> Ran:
        """Run envsync to its end.

        `under` is a strace to attach to it. `share`: work on that many files is shared by two
        processes already. `restart`: the system has been started anew before.
        """
        out, err = self.folder / "out", self.folder / "err"
        order = {
            "arguments": arguments,
            "cwd": str(self.project),
            "environ": {**self.environ, **(environ or {})},
            "out": str(out),
            "err": str(err),
            "gate": str(self._gate) if under else "",
            "share": share,
            "boot": restart.boot if restart else "",
            "known": list(restart.known.items()) if restart else [],
        }
        code = self._warm.run(order, under)
        return Ran(code, out.read_text(), err.read_text(errors="replace"))

    def ok(self, *arguments: str) -> Ran:
        """Run envsync and insist on success."""
        ran = self.run(*arguments)
        if ran.code != 0:
            raise RuntimeError(f"envsync {' '.join(arguments)}: {ran}")
        return ran

    def problems(self, goal: Goal) -> list[str]:
        """How the environment differs from a goal, by the independent reader."""
        key = (hash(goal.wheels), goal.version)
        if key not in self._wanted:
            self._wanted[key] = oracle.Wanted.by(goal.wheels, goal.version, self.venv)
        return oracle.problems(
            self.venv.resolve(), self._wanted[key]
        )  # the user may have linked it

    def lock_text(self) -> str | None:
        """The lock as it is on disk."""
        path = self.project / "pylock.toml"
        return path.read_text() if path.exists() else None


def remove(path: Path) -> None:
    """Remove a tree, quickly and whatever its permissions."""
    subprocess.run(["rm", "-rf", path], check=True)


def wait_for_group(group: int, *, seconds: float = 10.0) -> None:
    """Wait until no process of a killed group is left."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except (ProcessLookupError, PermissionError):
            return
        time.sleep(0.002)


# --- the environment of about 40 files that the small campaigns work on ---

_TEXT = "# {name} {version}\n"


def _app(version: str) -> tuple[str, bytes]:
    body = f"VERSION = {version!r}\n"
    files = {
        "app/__init__.py": body,
        "app/main.py": body + "def main():\n    print(VERSION)\n",
        "app/same.py": "SAME = 1\n",
        "app/data/table.txt": "t" * (5000 if version == "1.0" else 70_000),
        **{f"app/part{number}.py": f"{body}N = {number}\n" for number in range(4)},
    }
    if version == "1.0":
        files |= {"app/old/__init__.py": "", "app/old/gone.py": body}
    else:
        files |= {"app/new/deep/__init__.py": "", "app/new/deep/fresh.py": body}
    return make_wheel(
        "app",
        version,
        files,
        requires=["shape"],
        entry_points={"console_scripts": {"app": "app.main:main"}},
        data={
            "scripts/app-script": f"#!python\nprint({version!r})\n",
            "headers/app.h": f"/* {version} */\n",
            "data/share/app/readme.txt": f"read me {version}\n",
        },
        executable=["app/main.py"],
    )


def _shape(version: str) -> tuple[str, bytes]:
    """A module that becomes a folder and a folder that becomes a module (H77)."""
    if version == "1.0":
        files = {"multipart.py": "ONE = 1\n", "shape/__init__.py": "", "shape/inner.py": "I = 1\n"}
    else:
        files = {"multipart/__init__.py": "TWO = 2\n", "multipart/b.py": "", "shape.py": "S = 2\n"}
    return make_wheel("shape", version, files)


def small_wheels() -> dict[str, dict[str, bytes]]:
    """Version of the set -> file name -> wheel."""
    common = [
        make_wheel("left", "1.0", {"space/__init__.py": "", "space/left.py": "L = 1\n"}),
        make_wheel("right", "1.0", {"space/__init__.py": "", "space/right.py": "R = 1\n"}),
    ]
    extra = [make_wheel("extra", "1.0", {"extra/__init__.py": "", "extra/x.py": "X = 1\n"})]
    return {
        "old": dict([_app("1.0"), _shape("1.0"), *common, *extra]),
        "new": dict([_app("2.0"), _shape("2.0"), *common, *extra]),
        "less": dict([_shape("1.0"), *common]),
    }


_DEPENDENCIES = {
    "old": ["app==1.0", "shape==1.0", "left", "right", "extra"],
    "new": ["app==2.0", "shape==2.0", "left", "right", "extra"],
    "less": ["shape==1.0", "left", "right"],
}


def spec_text(dependencies: Sequence[str], python: str) -> str:
    """An env.toml."""
    listed = ", ".join(f'"{dependency}"' for dependency in dependencies)
    return (
        f'[env]\nname = "campaign"\nrequires-python = ">=3.11"\npython = "{python}"\n'
        f"dependencies = [{listed}]\n"
    )


def publish(server: IndexServer, wheels: Mapping[str, bytes]) -> None:
    """Put wheels on the index."""
    for filename, content in wheels.items():
        server.add(filename.partition("-")[0].replace("_", "-"), filename, content)


class SmallWorld(NamedTuple):
    """The stage with the small environment: its goals, and a warm cache."""

    stage: Stage
    server: IndexServer
    goals: Mapping[str, Goal]
    """old, new, less; and "switched" (old, another Python) where there is one."""


@contextmanager
def small_world(folder: Path, *, switch: bool = True) -> Iterator[SmallWorld]:
    """Lock and fetch every goal once; the stage is saved as "warm", without an environment."""
    sets = small_wheels()
    with IndexServer() as server:
        for wheels in sets.values():
            publish(server, wheels)
        stage = Stage(folder, server.url)
        python, another = this_python(), other_python() if switch else None
        goals: dict[str, Goal] = {}
        plans = [(name, name, python) for name in sets]
        if another is not None:
            plans.append(("switched", "old", another))
        for name, wheels_of, interpreter in plans:
            goal = Goal(
                spec_text(_DEPENDENCIES[wheels_of], interpreter),
                "",
                tuple(sets[wheels_of].values()),
                minor_version(interpreter),
            )
            stage.write(goal, lock=False)
            stage.ok("sync")
            goals[name] = goal._replace(lock=stage.lock_text() or "")
            if wrong := stage.problems(goals[name]):
                raise RuntimeError(f"the clean run for {name} is wrong: {wrong}")
            remove(stage.project)
            stage.project.mkdir()
        stage.save("warm")
        try:
            yield SmallWorld(stage, server, goals)
        finally:
            stage.close()
