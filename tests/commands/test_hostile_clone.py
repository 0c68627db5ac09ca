"""Commands that only look, in a clone full of traps: nothing of it runs, nothing elsewhere changes.

What may be executed is envsync itself, and interpreters that the search of this machine finds:
asked with `-I -S -B`, or comparing compiled files with their sources (`-S -s -B`), in the root
folder. What may be changed is the cache.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import envsync
from envsync.python.trust import is_inside, is_interpreter
from tests.commands.test_own_imports import names
from tests.support.command import Workplace
from tests.support.index_server import IndexServer
from tests.support.tracing import STRACE, Executed, audit, trace

LOOKING = (
    *(("status",), ("lock", "--check"), ("sync", "--check"), ("sync", "--check", "--verify")),
    *(("verify",), ("python", "list"), ("python", "find"), ("activate", "--shell", "bash")),
    *(("cache", "dir"), ("cache", "size"), ("cache", "verify"), ("cache", "prune")),
)
"""Those that change nothing of the project, nor anything beside the cache."""

CHANGING = (("sync", "--dry-run"), ("lock",), ("sync",), ("sync", "--verify"), ("cache", "clean"))

PACKAGE = os.path.dirname(envsync.__file__)
INTERPRETER = os.path.realpath(sys.executable)
SCRIPT = os.path.join(os.path.dirname(sys.executable), "envsync")

PROGRAMS = (
    *("python", "python3", "python3.99", "pypy3", "git", "make", "sh", "bash", "ps", "uname"),
    *("ldconfig", "gcc", "cc", "ld", "objdump", "uv", "pip", "keyring", "pyenv", "true"),
)
SPEC = """\
[env]
name = "shop"
requires-python = ">=3.8"
dependencies = ["webby", "own", "local"]

[sources]
own = { path = "own", editable = true }
local = { path = "local" }

[tasks]
status = "./trap"
"""


class Clone:
    """A project that a stranger made, and what shows that anything of it ran."""

    def __init__(self, place: Workplace, server: IndexServer) -> None:
        self.place, self.root = place, place.project
        self.canary = self.root.parent / "canary"
        self.home = self.root.parent / "home"
        self._server = server
        self.has_bytecode = False
        """`verify` gets so far that it compares compiled files with their sources."""
        (self.home / ".ssh").mkdir(parents=True)
        (self.home / ".bashrc").write_text("# mine\n")
        (self.home / ".ssh" / "id").write_text("secret\n")

    # Making it

    def build(self, *, own: bool, sources: bool) -> None:
        """Lock and sync, as this user or as a stranger; then set the traps.

        With `sources` env.toml asks for folders of the project, too.
        """
        for name in ("own", "local"):
            self._write(f"{name}/pyproject.toml", f'[project]\nname = "{name}"\nversion = "1"\n')
            self._write(f"{name}/{name}.py", "X = 1\n")
        self.place.write(SPEC.replace(', "own", "local"', "").partition("[sources]")[0])
        strangers = {} if own else self._stranger()
        ran = self.place.run("sync", environ=strangers)
        assert ran.code == 0, ran.err
        if sources:
            self.place.write(SPEC)
            ran = self.place.run("lock", environ=strangers)
            assert ran.code == 0, ran.err
        self._programs()
        self._modules()
        self._project_files()
        self._environment()
        if not own:
            self._state()
        self.has_bytecode = own
        self.place.environ |= self.variables()

    def _stranger(self) -> dict[str, str]:
        elsewhere = self.root.parent / "stranger"
        return {
            "ENVSYNC_CACHE_DIR": str(elsewhere / "cache"),
            "XDG_STATE_HOME": str(elsewhere / "state"),
        }

    def variables(self) -> dict[str, str]:
        """What a careless user may have set."""
        path = [".", "", "bin", str(self.root / "bin"), str(self.root / ".venv" / "bin")]
        return {
            "HOME": str(self.home),
            "PATH": os.pathsep.join([*path, os.path.dirname(INTERPRETER), "/usr/bin", "/bin"]),
            "PYENV_ROOT": ".",
            "XDG_DATA_HOME": "share",
            "PYTHONDONTWRITEBYTECODE": "1",
            "ENVSYNC_DEFAULT_INDEX": self._server.url,
        }

    def _write(self, name: str, text: str, mode: int = 0o644) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or path.exists():
            path.unlink()
        path.write_text(text)
        path.chmod(mode)

    def _program(self, name: str) -> None:
        self._write(name, f'#!/bin/sh\necho "{name} $*" >> "{self.canary}"\n', 0o755)

    def _module(self, name: str) -> None:
        self._write(name, f"open({str(self.canary)!r}, 'a').write({name!r})\n")

    def _programs(self) -> None:
        for folder in ("", "bin/", "home/"):
            for name in PROGRAMS:
                self._program(f"{folder}{name}")
        self._program("trap")
        self._program("versions/3.99.0/bin/python3.99")
        self._program("share/uv/python/cpython-3.99.0-linux-x86_64-gnu/bin/python3.99")
        self._program(".git/hooks/post-checkout")
        self._write(".git/config", "[core]\n\tfsmonitor = ../trap\n\tpager = ../trap\n")
        (self.root / "bin" / "awk").symlink_to("/usr/bin/env")

    def _modules(self) -> None:
        for name in (*names(), "sitecustomize", "usercustomize", "runpy", "re", "encodings"):
            self._module(f"{name}.py")
        self._module("envsync/__init__.py")
        self._module("envsync/__main__.py")
        self._module("conftest.py")
        self._write("trap.pth", f"import os; open({str(self.canary)!r}, 'a')\n")

    def _project_files(self) -> None:
        hook = f"open({str(self.canary)!r}, 'a').write('build')\n"
        backend = "[build-system]\nrequires = []\nbuild-backend = 'trap'\nbackend-path = ['.']\n"
        self._write("pyproject.toml", backend)
        for folder in ("own", "local"):
            self._write(f"{folder}/setup.py", hook)
            self._write(f"{folder}/trap.py", hook)
        self._write("setup.py", hook)
        self._write("Makefile", f"x := $(shell touch {self.canary})\n%:\n")
        self._write("pyvenv.cfg", f"home = {self.root}/home\n")
        self._write(".python-version", "3.99\n")
        self._write(".tool-versions", "python 3.99\n")
        self._write(".envrc", f"touch {self.canary}\n")
        self._write("pip.conf", "[global]\nindex-url = http://127.0.0.1:9/\n")
        self._write("keyringrc.cfg", "[backend]\ndefault-keyring = trap.Trap\n")
        self._write("config.toml", f'[python]\nallow = ["{self.root}/python3"]\n')
        os.mkfifo(self.root / ".env")
        os.mkfifo(self.root / "own" / "fifo.py")

    def _environment(self) -> None:
        (site,) = self.place.venv.glob("lib/python*/site-packages")
        inside = site.relative_to(self.root)
        for name in ("sitecustomize", "usercustomize", "json", "typing", "base"):
            self._module(f"{inside}/{name}.py")
        self._write(f"{inside}/trap.pth", f"import os; open({str(self.canary)!r}, 'a')\n")
        self._forge(site / "webby")
        os.mkfifo(site / "fifo.py")
        for name in (*PROGRAMS, "activate", "webby"):
            self._program(f".venv/bin/{name}")
        self._write(".venv/pyvenv.cfg", f"home = {self.root}/home\nversion = 3.99.0\n")

    def _forge(self, package: Path) -> None:
        """Bytecode that Python would believe, and that isn't what its source says."""
        source, text = package / "__init__.py", f"open({str(self.canary)!r}, 'a')"
        status = source.stat()
        code = (
            "import importlib._bootstrap_external as b, sys;"
            f"c = compile({text!r}, 'x', 'exec');"
            f"d = b._code_to_timestamp_pyc(c, {int(status.st_mtime)}, {status.st_size});"
            "sys.stdout.buffer.write(d)"
        )
        data = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
        cache = package / "__pycache__"
        cache.mkdir(exist_ok=True)
        (cache / f"__init__.{sys.implementation.cache_tag}.pyc").write_bytes(data)

    def _state(self) -> None:
        """State of envsync's as only a stranger writes it, and folders that lead out."""
        state = self.place.venv / ".envsync"
        shutil.rmtree(state / "quarantine", ignore_errors=True)
        (state / "quarantine").symlink_to(self.home / ".ssh")
        (state / "stage").symlink_to(self.home)
        (state / "stamp").write_bytes(b"envsync-stamp 2\n")
        old = self.root / ".venv.envsync-old-1"
        (old / ".envsync").mkdir(parents=True)
        shutil.copy(state / "id", old / ".envsync" / "id")
        (old / ".envsync" / "quarantine").symlink_to(self.home / ".ssh")
        (self.root / ".venv.envsync-new-1").symlink_to(self.home)

    def make_fifos(self) -> None:
        """Whoever opens one waits for ever."""
        for name in ("id", "manifest", "journal", "stamp"):
            (self.place.venv / ".envsync" / name).unlink(missing_ok=True)
            os.mkfifo(self.place.venv / ".envsync" / name)
        (self.place.venv / "pyvenv.cfg").unlink()
        os.mkfifo(self.place.venv / "pyvenv.cfg")

    # Looking at it

    def snapshot(self, *, project: bool = True) -> dict[str, object]:
        """Everything in the home folder, and in the clone, with times."""
        found: dict[str, object] = {}
        for top in (self.home, self.root) if project else (self.home,):
            for folder, folders, files in os.walk(top):
                for name in (*folders, *files):
                    status = os.lstat(os.path.join(folder, name))
                    facts = status.st_mode, status.st_size, status.st_mtime_ns, status.st_ino
                    found[os.path.join(folder, name)] = facts
        return found

    def is_allowed(self, started: Executed) -> bool:
        """Say whether a program may be started: an interpreter of this machine's, isolated."""
        question = [f"{PACKAGE}/python/facts.py"]
        worker = [f"{PACKAGE}/store/compile_worker.py"]
        if started == Executed("/usr/bin/uname", ("uname", "-p"), "/"):
            return True  # PyPy's `platform` asks the system so
        return (
            is_interpreter(started.path)
            and not is_inside(started.path, str(self.root))
            and started.folder == "/"
            and list(started.words[1:])
            in (["-I", "-S", "-B", *question], ["-S", "-s", "-B", "-W", "ignore", *worker])
        )


KINDS = (
    *("a stranger's environment", "the user's own environment", "a program is named"),
    "state of FIFOs",
)


@pytest.fixture(params=KINDS)
def clone(request: pytest.FixtureRequest, place: Workplace, server: IndexServer) -> Iterator[Clone]:
    made = Clone(place, server)
    # A sync builds folders of the project, as env.toml says; looking builds nothing.
    sources = "syncing" not in request.function.__name__
    made.build(own=request.param == KINDS[1], sources=sources)
    if request.param == KINDS[2]:
        named = shutil.which("make") or "/bin/sh"
        place.write(place.read().replace("[env]", f'[env]\npython = "{named}"', 1))
    if request.param == KINDS[3]:
        made.make_fifos()
    del place.environ["ENVSYNC_PYTHON"]
    yield made
    assert not made.canary.exists(), made.canary.read_text()


@pytest.mark.matrix(4)
@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
@pytest.mark.parametrize("way", ["script", "module"])
def test_looking_executes_nothing_of_the_clone_and_changes_only_the_cache(
    clone: Clone, way: str
) -> None:
    command: Sequence[str] = [SCRIPT]
    if way == "module":
        command = [sys.executable, "-m", "envsync"]
        shutil.rmtree(clone.root / "envsync")  # `-m` means that one, before envsync has started
        for name in ("sitecustomize", "usercustomize", "runpy", "re", "encodings"):
            (clone.root / f"{name}.py").unlink()  # as Python's own start does, by PYTHONPATH
        clone.place.environ["PYTHONPATH"] = ":."
    before = clone.snapshot()
    seen: set[str] = set()
    for number, arguments in enumerate(LOOKING if way == "script" else LOOKING[:7]):
        done = trace(
            [*command, *arguments],
            folder=clone.root,
            environ=clone.place.environ,
            log=clone.root.parent / f"log{number}",
        )
        told = (arguments, done.code, done.err)
        assert done.code in (0, 1, 2, 3), told
        assert "Traceback" not in done.err, told
        first, *others = done.executed
        assert first.words[: len(command)] == tuple(command), told
        assert [one for one in others if not clone.is_allowed(one)] == [], told
        seen |= {os.path.basename(one.words[-1]) for one in others}
        assert done.outside(clone.place.cache, Path("/dev/null")) == [], told
        assert clone.snapshot() == before, told
    assert "facts.py" in seen
    assert ("compile_worker.py" in seen) == clone.has_bytecode


@pytest.mark.matrix(2)
@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
def test_syncing_executes_nothing_of_the_clone_and_changes_only_what_is_its_own(
    clone: Clone,
) -> None:
    before = clone.snapshot(project=False)
    own = (clone.root, clone.place.cache, clone.root.parent / "state", Path("/dev/null"))
    for number, arguments in enumerate(CHANGING):
        done = trace(
            [SCRIPT, *arguments],
            folder=clone.root,
            environ=clone.place.environ,
            log=clone.root.parent / f"log{number}",
        )
        told = (arguments, done.code, done.err)
        assert done.code in (0, 1, 2, 3), told
        assert [one for one in done.executed[1:] if not clone.is_allowed(one)] == [], told
        assert done.outside(*own) == [], told
        assert clone.snapshot(project=False) == before, told


@pytest.mark.matrix(2)
def test_looking_as_an_audit_hook_sees_it(clone: Clone) -> None:
    """Where there is no strace, too; it also sees whose code runs inside envsync."""
    before = clone.snapshot()
    for number, arguments in enumerate(LOOKING):
        done = audit(
            arguments,
            folder=clone.root,
            environ=clone.place.environ,
            log=clone.root.parent / f"log{number}",
        )
        told = (arguments, done.code, done.err)
        assert done.code in (0, 1, 2, 3), told
        for program, *words in done.started:
            assert clone.is_allowed(Executed(program, tuple(words), "/")), (program, words, told)
        strange = [path for path in done.code_of if is_inside(path, str(clone.root))]
        assert strange == [], told
        own = (str(clone.place.cache), os.devnull)
        assert [row for row in done.changed if not row[1].startswith(own)] == [], told
        assert clone.snapshot() == before, told


def test_the_traps_would_show(clone: Clone) -> None:
    """Each kind of trap is sharp: run as a careless tool would, it leaves its mark."""
    (site,) = clone.place.venv.glob("lib/python*/site-packages")
    environ = {"PATH": "."}
    for command in (
        [str(clone.root / "git")],
        [str(clone.place.venv / "bin" / "python")],
        [sys.executable, "-S", "-c", "import typing"],
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = [{str(site)!r}]; import webby"],
    ):
        subprocess.run(command, cwd=clone.root, env=environ, check=False, capture_output=True)
        assert clone.canary.exists(), command
        clone.canary.unlink()
