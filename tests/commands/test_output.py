"""Standard output that nobody takes, or that can't show all, is no reason for a traceback."""

import os
import subprocess
import sys

import pytest

from tests.support.command import SECONDS, Workplace

NOWHERE = {"full": '"$@" >/dev/full', "closed": '"$@" >&-', "no reader": '"$@" | true'}


def shell(place: Workplace, script: str, *arguments: str, **environ: str) -> tuple[int, str]:
    """Run a line of bash with an envsync command as its "$@": exit code and standard error."""
    command = [sys.executable, "-m", "envsync", *arguments]
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script, "bash", *command],
        cwd=place.project,
        env={**place.environ, **environ},
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    return done.returncode, done.stderr.decode()


@pytest.mark.parametrize("where", NOWHERE)
@pytest.mark.parametrize(
    ("command", "named"),
    [(["cache", "size"], "standard output"), (["-C", "nowhere", "status"], "nowhere")],
    ids=["a result", "a mistake"],
)
def test_output_that_nobody_takes_is_told_in_a_line(
    place: Workplace, where: str, command: list[str], named: str
) -> None:
    code, err = shell(place, NOWHERE[where], *command, "--json")
    assert code in (1, 2)
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    if where != "no reader":
        assert err.startswith("error: ")
        assert named in err


def test_what_the_locale_can_not_show_is_written_otherwise(place: Workplace) -> None:
    folder = place.project / "café"
    folder.mkdir()
    bare = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert os.fsencode(folder).isascii() is False
    code, err = shell(place, '"$@"', "-C", str(folder / "none"), "status", **bare)
    assert (code, err.isascii()) == (2, True)
    assert err.startswith("error: ")
