"""Replace this process by a command that runs inside an environment.

On the shortest path of the program: imports next to nothing.
"""

import _signal  # type: ignore[import-not-found]  # `signal` takes longer than all the rest
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_FOLDER = "Scripts" if os.name == "nt" else "bin"
_COERCED = ("C.UTF-8", "C.utf8", "UTF-8")
_LONGEST = 1 << 16


def without_waiting(path: str, flags: int) -> int:
    """Open for reading, as `open` wants its opener: a FIFO that nobody writes to is as empty."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


def variables(root: str, environ: "dict[str, str]") -> "dict[str, str]":
    """Give the environment variables of a process inside the environment at `root`.

    VIRTUAL_ENV and VIRTUAL_ENV_PROMPT are set, its scripts come first on PATH, PYTHONHOME is
    gone: what an activation script does, but for the shell's own prompt.
    """
    inside = dict(environ)
    inside.pop("PYTHONHOME", None)
    inside["VIRTUAL_ENV"] = root
    inside["VIRTUAL_ENV_PROMPT"] = _prompt(root)
    scripts = f"{root}/{_FOLDER}"
    path = inside.get("PATH", os.defpath)
    if path != scripts and not path.startswith(f"{scripts}{os.pathsep}"):
        inside["PATH"] = f"{scripts}{os.pathsep}{path}" if path else scripts
    return inside


def _prompt(root: str) -> str:
    """Give the name that the environment's own configuration has for the prompt."""
    try:
        with open(f"{root}/pyvenv.cfg", "rb", opener=without_waiting) as file:
            for line in file.read(_LONGEST).splitlines():
                if line.startswith(b"prompt = "):
                    return line[9:].strip().decode("utf-8", "surrogateescape")
    except OSError:
        pass
    return os.path.basename(root)


def own_variables() -> "dict[str, str]":
    """Give the variables that this process was started with.

    Python may have added LC_CTYPE by itself (PEP 538): it is no concern of a command's.
    """
    environ = dict(os.environ)
    if environ.get("LC_CTYPE") in _COERCED and "LC_ALL" not in environ:
        try:
            with open("/proc/self/environ", "rb") as file:
                given = b"\0" + file.read()
        except OSError:
            return environ
        if b"\0LC_CTYPE=" not in given:
            del environ["LC_CTYPE"]
    return environ


def find(name: str, environ: "dict[str, str]") -> str:
    """Give the path of a command as these variables have it.

    Raises `FileNotFoundError`, or `PermissionError` where there is only a file that can't be run.
    """
    if "/" in name:
        places = [name]
    else:
        folders = environ.get("PATH", os.defpath).split(os.pathsep)
        places = [f"{folder}/{name}" if folder else name for folder in folders]
    for place in places:
        if os.access(place, os.X_OK) and not os.path.isdir(place):
            return place
    if any(map(os.path.isfile, places)):
        raise PermissionError(13, os.strerror(13), name)
    raise FileNotFoundError(2, os.strerror(2), name)


def execute(root: str, command: "list[str]", environ: "dict[str, str] | None" = None) -> "NoReturn":
    """Become `command` inside the environment; its exit code and signals are its own.

    `environ` are the variables that it gets beside those of the environment; without, those of
    this process. Raises `OSError` when it can't be started.
    """
    inside = variables(root, own_variables() if environ is None else environ)
    become(find(command[0], inside), command, inside)


def become(path: str, command: "list[str]", environ: "dict[str, str]") -> "NoReturn":
    """Become a program. Raises `OSError` when it can't be started."""
    ignored = [
        number
        for number in (getattr(_signal, "SIGPIPE", None), getattr(_signal, "SIGXFSZ", None))
        if number is not None and _signal.getsignal(number) == _signal.SIG_IGN
    ]
    for number in ignored:  # Python ignores them, and what is ignored would stay so
        _signal.signal(number, _signal.SIG_DFL)
    try:
        os.execve(path, command, environ)
    finally:
        for number in ignored:
            _signal.signal(number, _signal.SIG_IGN)
