"""Entry: answer a sync or run with nothing to do from the stamp, else hand over to `cli.main`."""

import gc
import os
import sys

if sys.path and sys.path[0] in ("", os.getcwd()):
    # `python -m envsync` puts the current folder first, where anybody's `typing.py` may lie.
    del sys.path[0]

from envsync.sync import stamp


def main() -> int:
    """Run envsync with the arguments of this process; gives the exit code."""
    try:
        return _main()
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        return 130


def _main() -> int:
    gc.set_threshold(100_000)  # tens of thousands of values are made, and few are ever garbage
    arguments = sys.argv[1:]
    if arguments == ["sync"] or _runs_plainly(arguments):
        _answer_from_stamp(arguments)
    from envsync.cli.main import main as run_command  # noqa: PLC0415

    return run_command(arguments)


def _answer_from_stamp(arguments: "list[str]") -> None:
    """End the process here when there is nothing to do but perhaps to run the command."""
    root = f"{os.getcwd()}/.venv"
    if not os.path.exists("env.toml") or any(map(_asks_for_more, os.environ)):
        return
    running = arguments[0] == "run"
    if not stamp.is_current(root, stamp.DEFAULT_SELECTION, files=not running):
        return
    if not running:
        sys.stderr.write("Nothing to do: .venv matches the lock\n")
        sys.exit(0)
    from envsync.venv.execute import execute  # noqa: PLC0415

    try:
        execute(root, arguments[1:])
    except OSError:
        return  # cli.run says what is wrong


def _runs_plainly(arguments: "list[str]") -> bool:
    return len(arguments) > 1 and arguments[0] == "run" and not arguments[1].startswith("-")


def _asks_for_more(variable: str) -> bool:
    return variable.startswith("ENVSYNC_") and variable not in (
        "ENVSYNC_CACHE_DIR",
        "ENVSYNC_DEFAULT_INDEX",
    )


if __name__ == "__main__":
    sys.exit(main())
