"""Work done as another user of this machine, where the tests run as root."""

import codecs
import importlib
import os
import pkgutil
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

import envsync
from tests.support.command import Ran

SOMEBODY = 12_345
"""A user without a name or a home."""

_LAZY = ("array", "ctypes", "difflib", "grp", "json", "pwd", "shutil", "subprocess", "tomllib")


def need_root() -> None:
    """Skip where nobody else's part can be played."""
    if os.geteuid() != 0:
        pytest.skip("only root can do something as another user")


def as_user(user: int, work: Callable[[], int], out: Path) -> Ran:
    """Do something in a process of another user; what it writes goes to files beside `out`.

    Everything is imported before: that user may not be able to read where Python is.
    """
    for module in pkgutil.walk_packages(envsync.__path__, "envsync."):
        importlib.import_module(module.name)
    for name in _LAZY:
        importlib.import_module(name)
    for encoding in ("ascii", "idna", "latin-1", "utf-8-sig"):
        codecs.lookup(encoding)
    texts = [out.with_suffix(f".{stream}") for stream in ("out", "err")]
    child = os.fork()
    if child == 0:
        code = 70
        try:
            for number, text in enumerate(texts, 1):
                os.dup2(os.open(text, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            code = _ended(work)
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    written = [text.read_text() for text in texts]
    assert "Traceback" not in written[1], written[1]
    return Ran(os.waitstatus_to_exitcode(status), *written)


def _ended(work: Callable[[], int]) -> int:
    try:
        return work()
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 1
    except BaseException:
        os.write(2, traceback.format_exc().encode())
        return 70


def envsync_as_user(
    user: int, arguments: list[str], folder: Path, environ: Mapping[str, str], out: Path
) -> Ran:
    """Run a whole command as another user."""
    from envsync.__main__ import main

    def work() -> int:
        import sys

        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environ)
        sys.argv = ["envsync", *arguments]
        sys.stdout, sys.stderr = (os.fdopen(number, "w") for number in (1, 2))
        try:
            return main()
        finally:
            for stream in (sys.stdout, sys.stderr):
                with suppress(OSError):
                    stream.flush()

    return as_user(user, work, out)
