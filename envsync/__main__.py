"""Entry: answer sync, run and lock with nothing to do at once, else hand over to `cli.main`."""

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

try:
    _HERE = os.getcwd()
except OSError:  # it is gone
    _HERE = ""

if sys.path and sys.path[0] in ("", _HERE):
    # `python -m envsync` puts the current folder first, where anybody's `typing.py` may lie.
    del sys.path[0]


def _forget_here() -> None:
    """Import nothing that PYTHONPATH names in the current folder, and no bytecode kept there.

    `PYTHONPATH=:` and `PYTHONPATH=.` mean that folder, and come before Python's own modules. What
    holds envsync itself, or its Python, stays.
    """
    named = set(map(_absolute, os.environ.get("PYTHONPATH", "").split(os.pathsep)))
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    own = tuple(f"{path}{os.sep}" for path in (os.path.dirname(os.__file__), f"{sys.prefix}/lib"))
    sys.path[:] = [
        path
        for path in sys.path
        if path not in named
        or path == package
        or f"{path}{os.sep}".startswith(own)
        or not _is_here(path)
    ]
    if sys.pycache_prefix and _is_here(sys.pycache_prefix):
        sys.pycache_prefix = None


def _absolute(path: str) -> str:
    try:
        return os.path.abspath(path)
    except OSError:
        return path


def _is_here(path: str) -> bool:
    """Tell whether a path is relative, or leads to the current folder or below it.

    What is below the root or home folder, and written in full, can be anything of the user's.
    """
    if not os.path.isabs(path):
        return True
    real, wide = os.path.realpath(path), _HERE in ("", os.sep, os.path.expanduser("~"))
    return real == _HERE or (not wide and real.startswith(f"{_HERE}{os.sep}"))


if "PYTHONPATH" in os.environ or sys.pycache_prefix:
    _forget_here()

from envsync.platform.user import cache_dir, config_file, may_speak_of_venvs  # noqa: E402

_LARGEST = 1 << 20
"""Bytes of an env.toml or a script from which on somebody else has to look."""


def main() -> int:
    """Run envsync with the arguments of this process; gives the exit code."""
    try:
        return _main()
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        return 130
    finally:
        gc.freeze()  # what is left goes with the process; looking through it takes a moment


def _main() -> int:
    gc.set_threshold(100_000)  # tens of thousands of values are made, and few are ever garbage
    arguments = sys.argv[1:]
    if arguments == ["sync"] or arguments[:1] == ["run"]:
        _answer_from_stamp(arguments)
    elif arguments in (["lock"], ["lock", "--check"]):
        _answer_lock()
    elif arguments[:1] == ["completion"]:
        _complete(arguments[1:])
    from envsync.cli.main import main as run_command  # noqa: PLC0415
    from envsync.platform import interrupts  # noqa: PLC0415

    interrupts.install(lambda: sys.stderr.write("error: interrupted\n"))
    try:
        return run_command(arguments)
    finally:
        interrupts.ignore()  # one while Python shuts down would only spoil the exit code


def _answer_from_stamp(arguments: "list[str]") -> None:
    """End the process here when there is nothing to do but perhaps to run the command."""
    root = f"{_HERE}/.venv"
    if not os.path.exists("env.toml") or any(map(_asks_for_more, os.environ)):
        return
    command = _plain_command(root, arguments[1:])
    running = arguments[0] == "run"
    if running and not command:
        return
    if not _is_in_sync(root, files=not running) or _may_be_member():
        return
    if may_speak_of_venvs(config_file(os.environ)):
        return  # the environment may lie elsewhere by now
    if not running:
        _end("Nothing to do: .venv matches the lock")
    from envsync.platform.execute import execute  # noqa: PLC0415

    try:
        execute(root, command)
    except OSError:
        return  # cli.run says what is wrong


def _may_be_member() -> bool:
    """Tell whether a folder above may be a workspace's, whose lock and environment count then."""
    folder = os.path.dirname(_HERE)
    while True:
        path = f"{folder}/env.toml"
        if os.path.isfile(path) and _speaks_of_workspaces(path):
            return True
        above = os.path.dirname(folder)
        if above == folder:
            return False
        folder = above


def _speaks_of_workspaces(path: str) -> bool:
    from envsync.platform.flags import READ  # noqa: PLC0415  (few lie below another project)

    try:
        with open(os.open(path, READ), "rb", buffering=0) as file:
            return b"workspace" in (file.read(_LARGEST) or b"")
    except OSError:
        return False


def _answer_lock() -> None:
    """End the process here when the lock is known to answer env.toml."""
    cache = cache_dir(os.environ)
    if not cache or any(map(_asks_for_more, os.environ)):
        return
    from envsync.project.answered import is_known_fresh  # noqa: PLC0415

    index = os.environ.get("ENVSYNC_DEFAULT_INDEX")
    if is_known_fresh(cache, index, "env.toml", "pylock.toml") and not _may_be_member():
        _end("pylock.toml is up to date")


def _complete(words: "list[str]") -> None:
    """Answer a shell, at a key or when it starts; end the process here if that could be done."""
    from envsync.operations import completion  # noqa: PLC0415

    text = ""
    if words[:1] == ["--answer"] and len(words) > 2:
        table = completion.kept_table(os.environ)
        if table is not None:
            current, before = words[2][1:], words[3:]
            text = completion.answer_line(table, words[1], current, before, os.environ)
    elif len(words) == 1 and words[0] in completion.SCRIPTS and "ENVSYNC_JSON" not in os.environ:
        text = completion.script(words[0])
    if text and sys.stdout is not None:
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except (OSError, ValueError):
            os._exit(1)
        os._exit(0)


def _end(text: str) -> "NoReturn":
    """Say that there was nothing to do, if anybody listens, and end the process."""
    try:
        if sys.stderr is not None:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()
    except OSError:
        pass
    os._exit(0)  # nothing is open or waiting, and taking Python down takes a tenth of all this


def _is_in_sync(root: str, *, files: bool) -> bool:
    from envsync.environment import stamp  # noqa: PLC0415  (`lock` has no use for it)

    cache, python = cache_dir(os.environ), os.environ.get("ENVSYNC_PYTHON", "")
    selection = stamp.DEFAULT_SELECTION + (f" python={python}" if python else "")
    return bool(cache) and stamp.is_current(cache, root, selection, files=files)


def _plain_command(root: str, words: "list[str]") -> "list[str]":
    """Give the command that the arguments of `run` are; nothing where they may be more than that.

    Options, tasks, and scripts with metadata of their own are left to cli.run.
    """
    literal = words[:1] == ["--"]
    words = words[1:] if literal else words
    if not words or words[0].startswith("-"):
        return []
    try:
        if not literal and _may_be_task(words[0]):
            return []
        if not words[0].endswith(".py") or not os.path.isfile(words[0]):
            return words
        with open(words[0], "rb") as file:
            text = file.read(_LARGEST)
        if len(text) == _LARGEST or b"# /// script" in text:
            return []
        return [f"{root}/bin/python", *words]
    except OSError:
        return []


def _may_be_task(word: str) -> bool:
    from envsync.platform.execute import without_waiting  # noqa: PLC0415

    with open("env.toml", "rb", opener=without_waiting) as file:
        text = file.read(_LARGEST)
    if len(text) < _LARGEST and b"tasks" not in text and b"\\" not in text:
        return False
    from envsync.spec.task_names import may_be_task  # noqa: PLC0415

    return may_be_task(text, word)


def _asks_for_more(variable: str) -> bool:
    if variable == "ENVSYNC_PYTHON":  # a path that isn't absolute depends on the current folder
        return not os.path.isabs(os.environ[variable])
    return variable.startswith("ENVSYNC_") and variable not in (
        "ENVSYNC_CACHE_DIR",
        "ENVSYNC_DEFAULT_INDEX",
        "ENVSYNC_NO_BACKGROUND",
        "ENVSYNC_PURE",
    )


if __name__ == "__main__":
    sys.exit(main())
