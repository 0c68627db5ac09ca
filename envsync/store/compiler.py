"""Compile the sources of stored wheels in the interpreter that will run them, and keep the result.

No source is run: compiling only reads it. A worker process that dies or hangs over a file, twice,
costs that file only. What can't be compiled (templates, files for another Python) is left out
silently.
"""

import json
import os
import subprocess
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import NamedTuple, Self

from envsync.errors import EnvsyncError
from envsync.events import Reporter, Stage
from envsync.model.target import Target
from envsync.platform.files import content_mtime, set_folder_mode
from envsync.platform.processes import has_output
from envsync.platform.system import processors
from envsync.store.bytecode import BUCKET, Source, bytecode_label, sources_of
from envsync.store.entries import FOLDER_MODE
from envsync.store.manifest import StoredFile, StoredWheel
from envsync.store.writer import StoreWriter
from envsync.wheel.paths import folders_of

_WORKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "compile_worker.py")
_AT_ONCE = 64
_MOST_WORKERS = 16
_READ = 1 << 16


class Pace(NamedTuple):
    """How much of the machine compiling takes, and how long it waits."""

    workers: int
    """Processes, at most."""
    seconds: float
    """For one file; the largest ones of real packages take one or two of work."""


IN_HASTE = Pace(_MOST_WORKERS, 60.0)
"""Somebody waits for it."""
AT_EASE = Pace(1, 3600.0)
"""Nobody does, and all others go first: how long a file takes says nothing of it."""


class SourceDamaged(Exception):
    """A stored source is not as it was unpacked; nothing was kept of it. Holds the wheel."""

    def __init__(self, wheel: StoredWheel) -> None:
        super().__init__(wheel.tree)
        self.wheel = wheel


class Compiled(NamedTuple):
    """A compiled file that Python itself wrote."""

    source: str
    path: str
    optimize: int


def compile_wheels(
    wheels: Sequence[StoredWheel],
    cache_dir: str,
    target: Target,
    reporter: Reporter,
    pace: Pace = IN_HASTE,
) -> list[StoredWheel]:
    """Compile wheels for an interpreter, side by side; gives their entries in the store, in order.

    Raises `SourceDamaged`, `StorageFailed`, and `EnvsyncError` when the interpreter can't be run.
    """
    store = StoreWriter(cache_dir, BUCKET, bytecode_label(target))
    work = sorted(wheels, key=lambda wheel: -len(wheel.files))
    count = max(1, min(processors(), pace.workers, len(work)))
    compilers: list[_Compiler] = []
    mine = threading.local()

    def compile_one(wheel: StoredWheel) -> StoredWheel:
        if not hasattr(mine, "compiler"):
            mine.compiler = _Compiler(target, pace.seconds)
            compilers.append(mine.compiler)
        made = store.make(lambda staging: _build(staging, wheel, store, mine.compiler))
        reporter.advance(Stage.COMPILING, 1, f"{wheel.name}-{wheel.version}")
        return made

    reporter.begin(Stage.COMPILING, len(work))
    pool = ThreadPoolExecutor(count)
    try:
        made = dict(zip((wheel.sha256 for wheel in work), pool.map(compile_one, work), strict=True))
    finally:
        for compiler in compilers:
            compiler.abandon()
        pool.shutdown(wait=True, cancel_futures=True)
        for compiler in compilers:
            compiler.close()
        reporter.end(Stage.COMPILING)
    return [made[wheel.sha256] for wheel in wheels]


def unfaithful(rows: Sequence[Compiled], target: Target) -> list[str]:
    """Give the compiled files that an interpreter would run though their sources say otherwise.

    Nothing of them is run. One that takes the process down that reads it counts. Raises
    `EnvsyncError` when the interpreter can't be run.
    """
    count = max(1, min(processors(), _MOST_WORKERS, len(rows) // _AT_ONCE))
    with ThreadPoolExecutor(count) as pool:
        parts = pool.map(lambda at: _unfaithful(rows[at::count], target), range(count))
        return sorted(path for part in parts for path in part)


def _unfaithful(rows: Sequence[Compiled], target: Target) -> list[str]:
    wrong: list[str] = []
    worker = _Worker.start(target.executable, IN_HASTE.seconds)
    try:
        at = 0
        while at < len(rows):
            chunk = rows[at : at + _AT_ONCE]
            answers = worker.compare(chunk)
            wrong += [row.path for row, said in zip(chunk, answers, strict=False) if said != "same"]
            at += len(answers)
            if len(answers) < len(chunk):
                wrong.append(rows[at].path)
                at += 1
                worker.close()
                worker = _Worker.start(target.executable, IN_HASTE.seconds)
    finally:
        worker.close()
    return wrong


def _build(
    staging: str, wheel: StoredWheel, store: StoreWriter, compiler: "_Compiler"
) -> StoredWheel:
    """Fill an entry with the compiled files of a wheel."""
    tree = f"{staging}/tree"
    wanted = list(sources_of(wheel, compiler.target.cache_tag))
    folders = folders_of(source.compiled for source in wanted)
    for folder in (tree, *(f"{tree}/{folder}" for folder in folders)):
        os.mkdir(folder)
        set_folder_mode(folder, FOLDER_MODE)
    files: list[StoredFile] = []
    waiting = iter(wanted)
    while chunk := list(islice(waiting, _AT_ONCE)):
        files += compiler.compile(wheel, chunk, tree)
    for file in files:
        mtime = content_mtime(file.sha256)
        os.utime(f"{tree}/{file.path}", (mtime, mtime))
    return store.seal(
        staging,
        StoredWheel(
            sha256=wheel.sha256,
            tree=f"{store.entry(wheel.sha256)}/tree",
            name=wheel.name,
            version=wheel.version,
            dist_info=store.label,
            purelib=wheel.purelib,
            files=tuple(files),
            entry_points=(),
            folders=tuple(folders),
        ),
    )


class _Compiler:
    """A worker process for one thread, started when needed and again after it died."""

    def __init__(self, target: Target, seconds: float) -> None:
        self.target, self._seconds = target, seconds
        self._worker: _Worker | None = None
        self._abandoned = False

    def compile(
        self, wheel: StoredWheel, sources: Sequence[Source], tree: str
    ) -> Iterable[StoredFile]:
        """Compile some files into a tree; gives those that could be.

        Raises `SourceDamaged`, `EnvsyncError` when the interpreter can't be run at all.
        """
        left, died_over = list(sources), None
        while left:
            with_answers = self._ask(wheel.tree, left, tree)
            for source, answer in with_answers:
                if answer == "!":
                    raise SourceDamaged(wheel)
                if answer != "-":
                    size, sha256 = answer.split()
                    yield StoredFile(source.compiled, int(size), sha256, False)
            done = len(with_answers)
            if done < len(left):  # it died over the next one, or hung, or was ended
                self._fail_if_useless(left[done])
                with suppress(FileNotFoundError):
                    os.unlink(f"{tree}/{left[done].compiled}")
                if left[done] is died_over:  # twice is no accident: that is left out
                    done += 1
                else:
                    died_over = left[done]
            left = left[done:]

    def _ask(
        self, source_tree: str, sources: Sequence[Source], tree: str
    ) -> list[tuple[Source, str]]:
        """Give the answers of a worker, fewer than the sources when it ended before its time."""
        if self._abandoned:
            raise EnvsyncError("compiling was given up")
        if self._worker is None:
            self._worker = _Worker.start(self.target.executable, self._seconds)
        answers = self._worker.ask(source_tree, sources, tree)
        if len(answers) < len(sources):
            self.close()
        return list(zip(sources, answers, strict=False))

    def _fail_if_useless(self, culprit: Source) -> None:
        """Tell an interpreter that can't compile at all from a file that it can't compile."""
        if self._abandoned:
            return
        self._worker = _Worker.start(self.target.executable, self._seconds)
        if not self._worker.is_alive():
            raise EnvsyncError(
                f"{self.target.executable} ends before it compiled {culprit.name}",
                hint="`envsync sync --no-compile-bytecode` goes without",
            )

    def abandon(self) -> None:
        """End the worker, from any thread: what it works on is given up."""
        self._abandoned = True
        if self._worker is not None:
            self._worker.kill()

    def close(self) -> None:
        """End the worker."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None


class _Worker(NamedTuple):
    """One process that compiles."""

    process: "subprocess.Popen[bytes]"
    seconds: float
    """How long it may take for one file."""

    @classmethod
    def start(cls, executable: str, seconds: float) -> Self:
        """Start the interpreter. Raises `EnvsyncError`."""
        # As `-I`, but that the seed of hashes is ours: before 3.11 the order of sets depends on it.
        # In the root folder, where no variable with a relative path leads into a stranger's.
        environ = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        try:
            process = subprocess.Popen(
                [executable, "-S", "-s", "-B", "-W", "ignore", _WORKER],
                cwd=os.sep,
                env={**environ, "PYTHONHASHSEED": "0"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            raise EnvsyncError(
                f"{executable} could not be started to compile: {error.strerror or error}",
                hint="`envsync sync --no-compile-bytecode` goes without",
            ) from error
        return cls(process, seconds)

    def ask(self, source_tree: str, sources: Sequence[Source], tree: str) -> list[str]:
        """Have files compiled; fewer answers than files mean that it died or was ended."""
        files = [
            (one.file.path, one.compiled, one.name, content_mtime(one.file.sha256), one.file.sha256)
            for one in sources
        ]
        asked = {"source": source_tree, "target": tree, "files": files}
        return self._say(asked, len(files))

    def compare(self, rows: Sequence[Compiled]) -> list[str]:
        """Have compiled files compared with their sources; one answer each, as from `ask`."""
        return self._say({"compare": True, "files": rows}, len(rows))

    def is_alive(self) -> bool:
        """Say whether it answers."""
        return len(self._say({"files": []}, 1)) == 1

    def _say(self, asked: object, count: int) -> list[str]:
        """Send a request; gives the lines of the answer, fewer when it ended before its time."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(asked).encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            return []
        data = b""
        while data.count(b"\n") < count:
            ready = has_output(self.process.stdout, self.seconds)
            piece = os.read(self.process.stdout.fileno(), _READ) if ready else b""
            if not piece:
                break
            data += piece
        return data.decode("ascii", "replace").split("\n")[:-1]

    def kill(self) -> None:
        """End it, from any thread."""
        with suppress(OSError):
            self.process.kill()

    def close(self) -> None:
        """End it and take its pipes."""
        self.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self.process.wait()
