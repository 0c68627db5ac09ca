"""Follow an environment's python, or a link, to the interpreter that environments are made from."""

import os
from collections.abc import Iterator, Mapping

from envsync.errors import InterpreterNotFound
from envsync.platform.files import read_limited
from envsync.python.trust import is_interpreter


def base_of(path: str) -> str:
    """Give the base interpreter of an environment's python, read from its `pyvenv.cfg`.

    Nothing is run. A path that is in no environment is given back as it is. Raises
    `InterpreterNotFound` when the environment's base is gone.
    """
    for _ in range(5):  # environments made from environments
        settings, root = _pyvenv_cfg(path)
        if settings is None:
            return path
        base = next(filter(_is_executable, _bases(path, root, settings)), None)
        if base is None:
            home = settings.get("home", "nowhere")
            raise InterpreterNotFound(
                f"the environment {root}",
                [f"{home}: where its base interpreter was"],
                hint="make the environment anew, with a Python that is installed",
            )
        path = base
    return path


def _pyvenv_cfg(path: str) -> tuple[dict[str, str] | None, str]:
    """Read the `pyvenv.cfg` beside an executable or above its folder, as Python itself does."""
    folder = os.path.dirname(path)
    for root in (folder, os.path.dirname(folder)):
        try:
            data = read_limited(os.path.join(root, "pyvenv.cfg"), 64 << 10)
        except (OSError, ValueError):
            continue
        lines = data.decode("utf-8", "surrogateescape").splitlines()
        pairs = [line.partition("=") for line in lines if "=" in line]
        return {name.strip().lower(): value.strip() for name, _, value in pairs}, root
    return None, ""


def _bases(path: str, root: str, settings: Mapping[str, str]) -> Iterator[str]:
    for name in ("base-executable", "executable"):
        if os.path.isabs(settings.get(name, "")) and not _is_inside(settings[name], root):
            yield settings[name]
    home = settings.get("home", "")
    if not os.path.isabs(home):
        return
    version = settings.get("version") or settings.get("version_info") or "3"
    minor = ".".join(version.split(".")[:2])
    real = os.path.basename(os.path.realpath(path))
    names = dict.fromkeys((real, os.path.basename(path), f"python{minor}", "python3", "python"))
    for name in names:
        yield os.path.join(home, name)


def _is_inside(path: str, folder: str) -> bool:
    return os.path.abspath(path).startswith(os.path.join(os.path.abspath(folder), ""))


def _is_executable(path: str) -> bool:
    # Whoever wrote the file may have named any program.
    return os.path.isfile(path) and os.access(path, os.X_OK) and is_interpreter(path)


def settled(path: str, stdlib: str, base_prefix: str) -> str:
    """Choose the name of an interpreter that an environment is to link to.

    Of the links that lead to the file, the first below whose folder's ancestors the standard
    library lies (a relocatable Python finds it from there), then the last one in that folder:
    "/usr/bin/python3" gives "/usr/bin/python3.11", which the next release does not take over.
    """
    landmark = os.path.join(os.path.relpath(stdlib, base_prefix), "os.py")
    chain = list(_links(path))
    chosen = next((link for link in chain if _has_above(link, landmark)), path)
    folder = os.path.dirname(chosen)
    return next(link for link in reversed(chain) if os.path.dirname(link) == folder)


def _links(path: str) -> Iterator[str]:
    for _ in range(40):
        yield path
        if not os.path.islink(path):
            return
        path = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(path)))


def _has_above(path: str, landmark: str) -> bool:
    folder = os.path.dirname(path)
    while not os.path.isfile(os.path.join(folder, landmark)):
        parent = os.path.dirname(folder)
        if parent == folder:
            return False
        folder = parent
    return True
