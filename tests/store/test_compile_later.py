"""Wheels compiled in a process of its own: whole entries or none, whatever happens to it."""

import contextlib
import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from envsync.errors import EnvironmentBusy, StorageFailed
from envsync.events import SILENT
from envsync.model.target import Target
from envsync.operations.cache import Pruning, prune
from envsync.operations.cache_verify import verify
from envsync.store.bytecode import bytecode_label, bytecode_reader
from envsync.store.compile_later import compile_missing
from envsync.store.compile_request import Request
from envsync.store.compiler import SourceDamaged, compile_wheels
from envsync.store.manifest import StoredWheel
from envsync.store.wheels import WheelStore
from tests.lock.samples import target_of
from tests.support.wheels import Files, make_wheel

SECONDS = 60
MANY = {f"large/part{number}.py": f"VALUE = {number}\n" * 400 for number in range(400)}


class Store:
    """A store of wheels in a cache of its own, and the interpreter of the tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        self.cache.mkdir(0o700)
        self.wheels = WheelStore(str(self.cache))
        version = ".".join(map(str, sys.version_info[:3]))
        self.target: Target = target_of()._replace(
            executable=sys.executable,
            version=version,
            cache_tag=sys.implementation.cache_tag,
        )

    def add(self, name: str, files: Files) -> StoredWheel:
        filename, content = make_wheel(name, "1", files)
        path = self.folder / filename
        path.write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        return self.wheels.add(str(path), sha256=sha256, filename=filename)

    def request(self, *wheels: StoredWheel) -> Request:
        return Request(str(self.cache), self.target, [wheel.sha256 for wheel in wheels])

    def compiled(self, wheel: StoredWheel) -> StoredWheel | None:
        return bytecode_reader(str(self.cache), bytecode_label(self.target)).get(wheel.sha256)

    def names(self) -> list[str]:
        """What lies in the bucket of compiled files."""
        return sorted(os.listdir(self.cache / "bytecode-v1"))

    @contextlib.contextmanager
    def running(self, request: Request) -> Iterator["subprocess.Popen[bytes]"]:
        """The process as it is started, but as a child."""
        path = self.folder / "request"
        path.write_bytes(request.to_bytes())
        with path.open("rb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "envsync.store.compile_later", str(file.fileno())],
                pass_fds=(file.fileno(),),
                stderr=subprocess.PIPE,
            )
        with process:
            try:
                yield process
            finally:
                process.kill()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def until(what: str, store: Store) -> None:
    """Wait until something lies in the bucket whose name begins with a text."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError):
            if any(name.startswith(what) for name in store.names()):
                return
        time.sleep(0.002)
    raise AssertionError(what)


def test_a_request_is_read_back(store: Store) -> None:
    request = store.request(store.add("a", {"a.py": "A = 1\n"}))
    assert Request.from_bytes(request.to_bytes()) == request


def test_the_process_compiles_what_is_missing(store: Store) -> None:
    one, two = store.add("one", {"one.py": "A = 1\n"}), store.add("two", {"two.py": "B = 1\n"})
    compile_wheels([one], str(store.cache), store.target, SILENT)
    before = os.stat(f"{store.cache}/bytecode-v1/{store.names()[0]}").st_ino
    with store.running(store.request(one, two)) as process:
        assert process.wait(SECONDS) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert all(store.compiled(wheel) is not None for wheel in (one, two))
    label = bytecode_label(store.target)
    assert store.names() == sorted(f"{wheel.sha256}-{label}" for wheel in (one, two))
    assert os.stat(f"{store.cache}/bytecode-v1/{one.sha256}-{label}").st_ino == before
    assert verify(str(store.cache), SILENT).damaged == ()


def test_only_one_at_a_time_works_for_a_store(store: Store) -> None:
    wheel = store.add("one", {"one.py": "A = 1\n"})
    bucket = store.cache / "bytecode-v1"
    bucket.mkdir()
    holder = os.open(bucket, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    with pytest.raises(EnvironmentBusy):
        compile_missing(store.request(wheel))
    with store.running(store.request(wheel)) as process:
        assert process.wait(SECONDS) == 0  # without a word
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert store.names() == []
    os.close(holder)
    compile_missing(store.request(wheel))
    assert store.compiled(wheel) is not None


def test_a_damaged_source_costs_its_own_wheel_only(store: Store) -> None:
    wheels = [store.add(name, {f"{name}.py": "A = 1\n"}) for name in ("one", "two", "six")]
    source = Path(f"{wheels[1].tree}/two.py")
    source.chmod(0o644)
    source.write_text("A = 2\n")
    compile_missing(store.request(*wheels))
    assert [store.compiled(wheel) is not None for wheel in wheels] == [True, False, True]


def test_a_wheel_that_is_gone_is_left_out(store: Store) -> None:
    one, two = store.add("one", {"one.py": "A = 1\n"}), store.add("two", {"two.py": "B = 1\n"})
    store.wheels.set_aside(one)
    compile_missing(store.request(one, two))
    assert [store.compiled(wheel) is not None for wheel in (one, two)] == [False, True]


def test_a_wheel_that_goes_while_it_is_compiled_leaves_no_entry(store: Store) -> None:
    """Or an entry would be there for good in which some files are missing."""
    wheel = store.add("one", {"one.py": "A = 1\n", "gone.py": "B = 1\n"})
    os.unlink(f"{wheel.tree}/gone.py")
    with pytest.raises(SourceDamaged):
        compile_wheels([wheel], str(store.cache), store.target, SILENT)
    assert store.compiled(wheel) is None


def test_killed_half_way_it_leaves_nothing_half(store: Store) -> None:
    small, large = store.add("small", {"small.py": "A = 1\n"}), store.add("large", MANY)
    with store.running(store.request(small, large)) as process:
        until(".staging-", store)
        os.kill(process.pid, signal.SIGSTOP)
        # Beside it: what it works on is left alone, and nothing is called damaged.
        prune(str(store.cache), Pruning(), SILENT)
        assert [name for name in store.names() if name.startswith(".staging-")]
        assert verify(str(store.cache), SILENT).damaged == ()
        process.kill()
        process.wait(SECONDS)
    assert store.compiled(large) is None
    assert verify(str(store.cache), SILENT).damaged == ()
    with store.running(store.request(small, large)) as process:
        assert process.wait(SECONDS) == 0
    entry = store.compiled(large)
    assert entry is not None
    assert len(entry.files) == len(MANY)
    assert verify(str(store.cache), SILENT).damaged == ()


def test_the_interpreter_that_it_started_ends_with_it(store: Store) -> None:
    large = store.add("large", MANY)
    with store.running(store.request(large)) as process:
        until(".staging-", store)
        deadline = time.monotonic() + SECONDS
        workers: list[str] = []
        while not workers and time.monotonic() < deadline:
            workers = _children(process.pid)
        assert workers
        process.kill()
        process.wait(SECONDS)
    while any(map(_is_there, workers)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(map(_is_there, workers))


def _children(parent: int) -> list[str]:
    """Children of any thread of a process."""
    found: list[str] = []
    for children in Path(f"/proc/{parent}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += children.read_text().split()
    return found


def _is_there(pid: str) -> bool:
    """Say whether a process runs: one that ended and waits for its parent doesn't."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_worker_that_is_ended_once_costs_no_file(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from envsync.store import compiler

    wheel = store.add("one", {"one.py": "A = 1\n", "two.py": "B = 1\n"})
    ask, asked = compiler._Worker.ask, []

    def end_first(self: compiler._Worker, *arguments: object) -> list[str]:
        asked.append(arguments)
        if len(asked) == 1:
            self.kill()
            self.process.wait()
        return ask(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(compiler._Worker, "ask", end_first)
    (entry,) = compile_wheels([wheel], str(store.cache), store.target, SILENT)
    assert len(entry.files) == 2
    assert len(asked) == 2


def test_where_nothing_can_be_kept_it_ends_without_a_word(store: Store) -> None:
    wheel = store.add("one", {"one.py": "A = 1\n"})
    (store.cache / "bytecode-v1").write_bytes(b"")
    with pytest.raises(StorageFailed):
        compile_missing(store.request(wheel))
    with store.running(store.request(wheel)) as process:
        assert process.wait(SECONDS) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_store_that_is_read_only_is_refused(store: Store) -> None:
    wheel = store.add("one", {"one.py": "A = 1\n"})
    store.cache.chmod(0o500)
    try:
        with pytest.raises(StorageFailed):
            compile_missing(store.request(wheel))
        with store.running(store.request(wheel)) as process:
            assert process.wait(SECONDS) == 0
    finally:
        store.cache.chmod(0o700)
    assert not (store.cache / "bytecode-v1").exists()
