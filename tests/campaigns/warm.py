"""A process that has everything imported and starts envsync commands as copies of itself.

Half of what a small command costs is starting Python under strace; a campaign of thousands of
deaths has better uses for that time. Each command still is a process of its own that starts in
`envsync.__main__.main`, as the installed script does.

    > {"arguments": ["sync"], "cwd": ..., "environ": {...}, "out": ..., "err": ..., "gate": ...}
    < {"pid": 4711}         the copy is there; with a gate it waits for a byte from it
    < {"code": 0}           it ended; negative: the signal that it died of
"""

import ctypes
import importlib
import json
import os
import pkgutil
import sys
from contextlib import suppress
from typing import Any

_SET_PTRACER, _ANYBODY = 0x59616D61, ctypes.c_ulong(-1)


def main() -> None:
    """Serve commands until standard input ends."""
    import envsync

    for module in pkgutil.walk_packages(envsync.__path__, "envsync."):
        importlib.import_module(module.name)
    for line in sys.stdin:
        order = json.loads(line)
        ready, tell = os.pipe()
        child = os.fork()
        if child == 0:
            _become(order, tell)
        os.close(tell)
        os.read(ready, 1)
        os.close(ready)
        _answer({"pid": child})
        _answer({"code": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])})


def _answer(value: dict[str, int]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def _become(order: dict[str, Any], ready: int) -> None:
    """Run one command and end the process; `ready` is closed when only the command is left to do.

    Whoever counts calls from then on counts the same ones each time.
    """
    import envsync.__main__ as entry

    code = 70
    try:
        os.chdir(order["cwd"])
        os.environ.clear()
        os.environ.update(order["environ"])
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
        sys.argv = ["envsync", *order["arguments"]]
        if order["share"]:
            import envsync.platform.fork_join

            envsync.platform.fork_join.WORTH_A_PROCESS = order["share"]
        if order["boot"]:
            _restart(order["boot"], dict(order["known"]))
        entry._HERE = os.getcwd()  # it was imported elsewhere
        gate = os.open(order["gate"], os.O_RDONLY) if order["gate"] else -1
        if gate >= 0:
            ctypes.CDLL(None).prctl(_SET_PTRACER, _ANYBODY, 0, 0, 0)
        os.close(ready)
        if gate >= 0:
            with suppress(OSError):  # a fault that is meant for the command may hit the waiting
                os.read(gate, 1)
            with suppress(OSError):
                os.close(gate)
        code = _command(entry)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _restart(boot: str, known: dict[int, tuple[int, int]]) -> None:
    """Let the system be another run of itself, in which inodes are known by what they were."""
    import envsync.platform.durable

    envsync.platform.durable._BOOT_ID = boot

    def before(found: os.stat_result) -> os.stat_result:
        if found.st_ino not in known:
            return found
        number, changed_ns = known[found.st_ino]
        named = {name: getattr(found, name) for name in dir(found) if name.startswith("st_")}
        named["st_ctime_ns"], named["st_ctime"] = changed_ns, changed_ns / 1e9
        return os.stat_result([found[0], number, *found[2:9], changed_ns // 10**9], named)

    def seen(call: Any) -> Any:
        return lambda *arguments, **options: before(call(*arguments, **options))

    for name in ("stat", "lstat", "fstat"):
        setattr(os, name, seen(getattr(os, name)))
    same = os.path.samestat  # for `shutil`, which has one of the two from a listing
    os.path.samestat = lambda s1, s2: same(before(s1), before(s2))


def _command(entry: Any) -> int:
    try:
        code: int = entry.main()
        return code
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1


if __name__ == "__main__":
    main()
