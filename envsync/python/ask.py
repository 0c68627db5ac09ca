"""Ask an interpreter about itself, once: path -> `Target`, remembered until the file changes.

The interpreter runs `python.facts.py` with `-I -S`, in the root folder and with variables of its
own: no site-packages, no `.pth` files, nothing of the current folder. An environment's own python
is never run: `pyvenv.cfg` names its base.
"""

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from envsync.cache.bucket import VALUES, Bucket
from envsync.cache.values import ValueCache
from envsync.errors import InterpreterNotFound
from envsync.model.target import Target, target_from_json, target_to_json
from envsync.model.wheel_tags import TagFacts, wheel_tags
from envsync.platform import system
from envsync.platform.processes import end_group, has_output, start_group
from envsync.python.base import base_of, settled
from envsync.python.facts import MARK
from envsync.python.trust import is_inside, is_interpreter, own_environment

BUCKET = Bucket("pythons-v2", VALUES)
OLDEST = (3, 8)

_SECONDS = 10.0
_MOST_BYTES = 1 << 20
_QUESTION = os.path.join(os.path.dirname(os.path.abspath(__file__)), "facts.py")


class _Broken(Exception):
    """An interpreter that does not answer; the message says in its own words why."""


def ask(executable: str, cache_dir: str, never_inside: str | None = None) -> Target:
    """Give what the interpreter at a path is; environments and shims lead to their base.

    Answers are remembered below `cache_dir` by path, size and time of the file. Nothing is run that
    lies inside `never_inside` or is reached through it. Raises `InterpreterNotFound`, with the
    interpreter's own words, when it is missing, broken, silent for 10 seconds or older than Python
    3.8.
    """
    path = base_of(os.path.abspath(executable))
    try:
        return _ask(path, cache_dir, never_inside)
    except _Broken as error:
        problems = [f"{path}: {error}"]
        raise InterpreterNotFound(executable, problems, hint=_HINT) from error


_HINT = "repair or reinstall that Python, or name another one with `--python`"


def _ask(path: str, cache_dir: str, never_inside: str | None, *, wrappers: int = 3) -> Target:
    if never_inside is not None and is_inside(path, never_inside):
        raise _Broken(f"leads into {never_inside}, of which nothing is run")
    key = _key(path)
    remembered = recall(cache_dir, path, key)
    if remembered is not None:
        with suppress(ValueError):  # as good as absent
            target = target_from_json(remembered)
            if os.path.realpath(target.executable) == os.path.realpath(path):
                return target
    facts = _question(path, never_inside)
    real = _text(facts, "executable")
    if wrappers and os.path.realpath(real) != os.path.realpath(path):
        # A shim's answer depends on settings, so only what it leads to is remembered.
        base = base_of(_text(facts, "base_executable"))
        if not is_interpreter(base):
            raise _Broken(f"leads to {base}, which isn't named as an interpreter is")
        return _ask(base, cache_dir, never_inside, wrappers=wrappers - 1)
    target = _target(path, facts)
    remember(cache_dir, path, key, target_to_json(target))
    return target


def _key(path: str) -> list[str]:
    """Give what an answer depends on: the file, and the system that decides on wheel tags."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise _Broken((error.strerror or str(error)).lower()) from error
    return [path, os.path.realpath(path), _signature(status), *system.names()]


def _signature(status: os.stat_result) -> str:
    return f"{status.st_size}:{status.st_mtime_ns}"


# Asking


def _question(path: str, never_inside: str | None) -> Mapping[str, Any]:
    environ = own_environment(os.environ, never_inside)
    output, code = _run([path, "-I", "-S", "-B", _QUESTION], environ)
    text = output.decode("utf-8", "replace")
    answers = [line for line in text.splitlines() if line.startswith(MARK)]
    if code != 0:
        way = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        raise _Broken(way + _words(text))
    if not answers:
        raise _Broken(f"did not answer as a Python does{_words(text)}")
    try:
        facts = json.loads(answers[-1].removeprefix(MARK))
        version = tuple(facts["version_info"][:2])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _Broken(f"did not answer as a Python does{_words(text)}") from error
    if version < OLDEST:
        raise _Broken(f"is Python {facts['version']}, and envsync needs 3.8 or newer")
    checked: Mapping[str, Any] = facts
    return checked


def _words(text: str) -> str:
    """Give the last lines that an interpreter wrote, printable and short."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    words = " / ".join(lines[-6:])[-400:]
    printable = "".join(character if character.isprintable() else "?" for character in words)
    return f": {printable}" if printable else " and wrote nothing"


def _run(command: Sequence[str], environ: Mapping[str, str]) -> tuple[bytes, int]:
    """Run a command for at most 10 seconds; gives what it wrote (a megabyte at most) and its code.

    It has no input, the root folder, and a process group of its own, which is ended whole.
    """
    try:
        process = start_group(command, cwd=os.path.abspath(os.sep), env=environ)
    except OSError as error:
        raise _Broken(f"cannot be started: {(error.strerror or str(error)).lower()}") from error
    deadline = time.monotonic() + _SECONDS
    try:
        output = _read(process, deadline)
        return output, process.wait(max(0.0, deadline - time.monotonic()))
    except (TimeoutError, subprocess.TimeoutExpired) as error:
        raise _Broken(f"did not answer within {_SECONDS:.0f} seconds") from error
    finally:
        end_group(process)


def _read(process: "subprocess.Popen[bytes]", deadline: float) -> bytes:
    if process.stdout is None:
        return b""
    collected = bytearray()
    while len(collected) <= _MOST_BYTES:
        if not has_output(process.stdout, max(0.0, deadline - time.monotonic())):
            raise TimeoutError
        chunk = os.read(process.stdout.fileno(), 1 << 16)
        if not chunk:
            return bytes(collected)
        collected += chunk
    raise _Broken(f"wrote more than a megabyte{_words(collected[:300].decode('utf-8', 'replace'))}")


# From facts to a target


def _text(facts: Mapping[str, Any], name: str) -> str:
    value = facts.get(name)
    if not isinstance(value, str):
        raise _Broken(f"did not say what its {name.replace('_', ' ')} is")
    return value


def _target(path: str, facts: Mapping[str, Any]) -> Target:
    try:
        major, minor = facts["version_info"][:2]
        layout = _layout(facts)
        base_exec_prefix = facts["base_exec_prefix"]
        return Target(
            executable=settled(path, facts["stdlib"], facts["base_prefix"]),
            version=facts["version"].rstrip("+"),
            implementation=facts["implementation"],
            cache_tag=facts["cache_tag"],
            environment=facts["environment"],
            tags=wheel_tags(_tag_facts(facts)),
            base_prefix=facts["base_prefix"],
            signature=_signature(os.stat(path)),
            purelib=layout["purelib"],
            platlib=layout["platlib"],
            scripts=layout["scripts"],
            headers=f"include/site/python{major}.{minor}",
            data="",
            base_exec_prefix="" if base_exec_prefix == facts["base_prefix"] else base_exec_prefix,
            pointer_bits=facts["pointer_bits"],
            free_threaded=facts["free_threaded"],
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise _Broken(f"did not answer as a Python does: {error}") from error


def _layout(facts: Mapping[str, Any]) -> dict[str, str]:
    layout: dict[str, str] = facts["layout"]
    if facts["pointer_bits"] == 64 and layout["platlib"].startswith("lib64/"):
        # `lib64` is a link to `lib` in an environment (create.py), so both are one place.
        return layout | {"platlib": layout["platlib"].replace("lib64/", "lib/", 1)}
    return layout


def _tag_facts(facts: Mapping[str, Any]) -> TagFacts:
    major, minor = facts["version_info"][:2]
    return TagFacts(
        implementation=facts["implementation"],
        version=(major, minor),
        version_nodot=facts["version_nodot"],
        ext_suffix=facts["ext_suffix"],
        debug=facts["debug"],
        free_threaded=facts["free_threaded"],
        pointer_bits=facts["pointer_bits"],
        system=facts["environment"]["platform_system"],
        platform=facts["platform"],
        mac=(facts["mac"][0], facts["mac"][1]),
        libc=(facts["libc"][0], facts["libc"][1]),
        elf=tuple(facts["elf"]),
    )


# Remembering


def recall(cache_dir: str, name: str, key: Sequence[str]) -> object | None:
    """Give what was remembered under a name, when the key is the same; None otherwise."""
    try:
        entry = json.loads(_values(cache_dir).get(name) or b"")
        return entry["value"] if entry["key"] == list(key) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def remember(cache_dir: str, name: str, key: Sequence[str], value: object) -> None:
    """Keep a JSON value under a name, in place of one with an older key."""
    body = json.dumps({"key": list(key), "value": value}, separators=(",", ":")).encode("ascii")
    _values(cache_dir).put(name, body)


def _values(cache_dir: str) -> ValueCache:
    return ValueCache(BUCKET.folder(cache_dir))
