"""Replace this process by a command that runs inside an environment.

On the shortest path of the program: imports `os` and nothing else.
"""

import os

_FOLDER = "Scripts" if os.name == "nt" else "bin"


def variables(root: str, environ: "dict[str, str]") -> "dict[str, str]":
    """Give the environment variables of a process inside the environment at `root`.

    VIRTUAL_ENV is set, its scripts come first on PATH, PYTHONHOME is gone: what an activation
    script does, without the prompt.
    """
    inside = dict(environ)
    inside.pop("PYTHONHOME", None)
    inside.pop("VIRTUAL_ENV_PROMPT", None)
    inside["VIRTUAL_ENV"] = root
    path = inside.get("PATH", os.defpath)
    inside["PATH"] = f"{root}/{_FOLDER}{os.pathsep}{path}" if path else f"{root}/{_FOLDER}"
    return inside


def execute(root: str, command: "list[str]") -> None:
    """Become `command`, with the environment's variables; its exit code and signals are its own.

    Raises `OSError` (`FileNotFoundError`, `PermissionError`) when it can't be started.
    """
    inside = variables(root, dict(os.environ))
    os.execvpe(command[0], command, inside)
