"""Commands that have no network and may write to some folders only, as the system sees to it."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from envsync.platform import confined
from envsync.platform.confined import Confinement, confinement

TRY = """
import ctypes, json, multiprocessing, os, socket, struct, sys

def tried(act):
    try:
        act()
        return "done"
    except OSError as error:
        return os.strerror(error.errno)

def undo():
    libc, change = ctypes.CDLL(None, use_errno=True), struct.pack("=QQQQ", 0, 1, 0, 0)
    libc.unshare(0x10020000)
    libc.syscall(442, -100, b"/", 0x8000, change, ctypes.c_size_t(32))
    open(outside + "/undone", "w")

def own_server():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), 5).close()

inside, outside, port = sys.argv[1:]
print(json.dumps({
    "writes inside": tried(lambda: open(inside + "/new", "w")),
    "writes outside": tried(lambda: open(outside + "/new", "w")),
    "changes outside": tried(lambda: os.chmod(outside, 0o700)),
    "removes outside": tried(lambda: os.rmdir(outside + "/kept")),
    "asks a server": tried(lambda: socket.create_connection(("127.0.0.1", int(port)), 5)),
    "asks the world": tried(lambda: socket.create_connection(("192.0.2.1", 80), 5)),
    "asks itself": tried(own_server),
    "shares memory": tried(multiprocessing.Semaphore),
    "undoes it": tried(undo),
    "user": os.getuid(), "folder": os.getcwd(),
}))
"""
REFUSED = "Read-only file system"


@pytest.fixture
def confines() -> Confinement:
    found = confinement()
    if not found.words:
        pytest.skip(f"commands can't be confined here: {found.why_not}")
    return found


def test_a_confined_command_has_its_folders_and_nothing_else(
    tmp_path: Path, confines: Confinement
) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    (outside / "kept").mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        command = [sys.executable, "-I", "-c", TRY, str(inside), str(outside), port]
        plain, closed = (
            json.loads(subprocess.run(words, cwd=inside, capture_output=True, check=True).stdout)
            for words in (command, confines.around(command, [str(inside)]))
        )
    assert plain["writes outside"] == plain["asks a server"] == plain["removes outside"] == "done"
    assert closed == {
        "writes inside": "done",
        "writes outside": REFUSED,
        "changes outside": REFUSED,
        "removes outside": REFUSED,
        "asks a server": "Connection refused",
        "asks the world": "Network is unreachable",
        "asks itself": "done",
        "shares memory": "done",
        "undoes it": REFUSED,
        "user": plain["user"],
        "folder": str(inside),
    }


def test_exit_codes_and_what_cannot_be_started(confines: Confinement) -> None:
    run = [sys.executable, "-c", "raise SystemExit(7)"]
    assert subprocess.run(confines.around(run, []), check=False).returncode == 7
    gone = subprocess.run(confines.around(["/none"], []), capture_output=True, check=False)
    assert gone.returncode != 0
    assert b"No such file or directory" in gone.stderr


def test_where_nothing_confines_the_command_runs_as_it_is_and_it_is_said(tmp_path: Path) -> None:
    refusing = tmp_path / "confine.py"
    refusing.write_text("import os\nos.write(2, b'unshare: no\\n')\nos._exit(125)\n")
    with (
        mock.patch.object(confined, "_CONFINE", str(refusing)),
        mock.patch.object(confined, "_BUBBLEWRAP", "/none/bwrap"),
    ):
        found = confinement.__wrapped__()
    assert found == Confinement(why_not="unshare: no")
    assert found.around(["/bin/true", "x"], ["/tmp"]) == ["/bin/true", "x"]


@pytest.mark.skipif(not Path("/usr/bin/bwrap").exists(), reason="bubblewrap is not installed")
def test_bubblewrap_does_the_same(tmp_path: Path) -> None:
    with mock.patch.object(confined, "_CONFINE", "/none/confine.py"):
        found = confinement.__wrapped__()
    if not found.words:
        pytest.skip(f"bubblewrap can't confine here: {found.why_not}")
    assert found.words[0].endswith("bwrap")
    outside = tmp_path / "outside"
    code = f"open({str(outside)!r}, 'w')"
    done = subprocess.run(
        found.around([sys.executable, "-c", code], []), capture_output=True, check=False
    )
    assert REFUSED.encode() in done.stderr
