"""Commands end with what they started, and their output is waited for no longer than asked."""

import os
import sys
import time
from pathlib import Path

from envsync.platform.processes import end_group, has_output, start_group

ENVIRON = {"PATH": os.defpath}


def test_a_group_ends_with_the_children_of_its_command(tmp_path: Path) -> None:
    late = tmp_path / "late"
    script = f"(sleep 1; touch '{late}') & echo started; wait"
    process = start_group(["/bin/sh", "-c", script], cwd="/", env=ENVIRON)
    assert process.stdout is not None
    assert has_output(process.stdout, 10.0)
    end_group(process)
    assert process.returncode == -9
    time.sleep(1.2)
    assert not late.exists()


def test_a_command_that_has_ended_keeps_its_code() -> None:
    process = start_group(["/bin/sh", "-c", "exit 3"], cwd="/", env=ENVIRON)
    process.wait()
    end_group(process)
    assert process.returncode == 3


def test_output_and_its_end_are_told_and_silence_is_waited_for_in_vain() -> None:
    code = "import sys; print('one', flush=True); sys.stdin.read(); import time; time.sleep(60)"
    process = start_group([sys.executable, "-c", code], cwd="/", env=ENVIRON)
    try:
        assert process.stdout is not None
        assert has_output(process.stdout, 10.0)
        assert os.read(process.stdout.fileno(), 100) == b"one\n"
        assert not has_output(process.stdout, 0.05)
        process.kill()
        assert has_output(process.stdout, 10.0)
        assert os.read(process.stdout.fileno(), 100) == b""
    finally:
        end_group(process)
