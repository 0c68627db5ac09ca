"""Remember what env.toml and a lock mean, by their hashes, so that neither is parsed again.

    goals-v3/<key>      lines: the goal's plain values, the interpreter's, its marker variables,
                        its tags, the inputs, what env.toml puts in place of metadata, whose files
                        stand, how packages are built, the pins

The key holds everything that the meaning depends on: the bytes of both files, the selection, the
interpreter asked for, the project's place, and the version of envsync.
"""

import os
from collections.abc import Iterable

from envsync import __version__
from envsync.cache.bucket import VALUES, Bucket
from envsync.cache.values import ValueCache
from envsync.lock.pins import pack_pins, unpack_pins
from envsync.model.target import Target
from envsync.platform.files import sha256_file
from envsync.project.paths import Project
from envsync.project.request import SyncRequest
from envsync.settings import Settings
from envsync.sync.observe import Goal
from envsync.sync.place import DEFAULT, root_of

BUCKET = Bucket("goals-v3", VALUES)


def recall(project: Project, request: SyncRequest, settings: Settings) -> Goal | None:
    """Give the goal that was remembered for the files as they are now; None: work it out.

    The interpreter is only believed when its file is unchanged. Where a link in the environment's
    place leads isn't remembered.
    """
    try:
        spec = sha256_file(project.spec_path)
        lock = sha256_file(project.lock_path)
    except OSError:
        return None
    body = _values(settings).get(_key(project, request, settings, spec, lock))
    if body is None:
        return None
    try:
        goal = _unpack(body)
        status = os.stat(goal.target.executable)
    except (OSError, ValueError, IndexError, TypeError):
        return None
    if goal.target.signature != f"{status.st_size}:{status.st_mtime_ns}":
        return None
    return goal


def remember(goal: Goal, project: Project, request: SyncRequest, settings: Settings) -> None:
    """Keep a goal whose inputs are on disk; one that can't be kept is worked out again."""
    if not goal.inputs:
        return
    body = _pack(goal)
    if body is None:
        return
    (_, spec), (_, lock), *_ = goal.inputs
    _values(settings).put(_key(project, request, settings, spec, lock), body)


def _pack(goal: Goal) -> bytes | None:
    """Write a goal as blocks of lines; None when a value doesn't fit into a line."""
    pins = pack_pins(goal.pins)
    target = goal.target
    own = (goal.root, goal.base, goal.prompt, goal.selection, goal.link_mode)
    shape = "system" if goal.system_site_packages else "isolated"
    rows: list[Iterable[str]] = [
        (*own, shape, "compiled" if goal.compile_bytecode else "sources"),
        (str(value) for value in (*target[:4], *target[6:])),
        (f"{name}={value}" for name, value in target.environment.items()),
        target.tags,
        (f"{digest or '-'} {path}" for path, digest in goal.inputs),
        goal.overrides,
        goal.any_python,
        goal.keep,
        (f"{name} {path}" for path, name in goal.winners.items()),
        (f"{mark} {name}" for name, mark in goal.recipes.items()),
    ]
    lines = [list(row) for row in rows]
    if pins is None or not all(line.isprintable() for row in lines for line in row):
        return None
    blocks = ["\n".join([str(len(row)), *row]) for row in lines]
    return "\n".join([*blocks, pins]).encode()


def _unpack(body: bytes) -> Goal:
    lines = body.decode().split("\n")
    position = 0
    rows: list[list[str]] = []
    for _ in range(10):
        end = position + 1 + int(lines[position])
        rows.append(lines[position + 1 : end])
        position = end
    own, facts, variables, tags, inputs, overrides, any_python, keep, winners, recipes = rows
    root, base, prompt, selection, link_mode, shape, files = own
    *texts, bits, free_threaded = facts
    environment = dict(variable.split("=", 1) for variable in variables)
    values = (*texts[:4], environment, tuple(tags), *texts[4:], int(bits), free_threaded == "True")
    target = Target._make(values)
    return Goal(
        root=root,
        base=base,
        target=target,
        prompt=prompt,
        pins=unpack_pins("\n".join(lines[position:])),
        selection=selection,
        system_site_packages=shape == "system",
        link_mode=link_mode,
        compile_bytecode=files == "compiled",
        overrides=tuple(overrides),
        any_python=tuple(any_python),
        keep=tuple(keep),
        winners=dict(map(_swapped, winners)),
        recipes=dict(map(_swapped, recipes)),
        inputs=tuple(_input(line) for line in inputs),
    )


def _swapped(line: str) -> tuple[str, str]:
    value, _, key = line.partition(" ")
    return key, value


def _input(line: str) -> tuple[str, str]:
    digest, _, path = line.partition(" ")
    return path, "" if digest == "-" else digest


def _values(settings: Settings) -> ValueCache:
    return ValueCache(BUCKET.folder(settings.cache_dir))


def _key(project: Project, request: SyncRequest, settings: Settings, spec: str, lock: str) -> str:
    facts = (
        __version__,
        project.spec_path,
        project.lock_path,
        request.selection.line(settings.python),
        str(settings.compile_bytecode),
        root_of(project, DEFAULT, settings),
        spec,
        lock,
    )
    return "\0".join(facts)
