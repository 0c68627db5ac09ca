"""What every comparison needs: the copied index, the peers that are there, a first lock."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Failed
from benchmarks.tools import Envsync, Tool

ROOT = Path(__file__).parent.parent
PEERS = ROOT / ".tools" / "bench"
"""Where `make peers` puts the other tools, each in a folder of its own."""


def begins(tool: Tool) -> bool:
    """Lock and install once. Raises `Failed` for envsync; others are left out then."""
    try:
        tool.set_up()
        for words in (tool.lock, tool.sync if tool.work.installs else None):
            if words:
                tool.call(words)
    except Failed as failed:
        if isinstance(tool, Envsync):
            raise
        print(f"left out: {failed}", flush=True)
        return False
    return True


@contextlib.contextmanager
def serve(folder: Path, latency: float = 0.0) -> Iterator[str]:
    """Start the copied index; gives its address with a place for the door.

    `latency`: the milliseconds that each answer takes.
    """
    command = [sys.executable, "-m", "benchmarks.mirror", str(folder), "--latency", str(latency)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/{{door}}/simple/"
        process.stdin.close()
