"""Remember what env.toml and a lock mean, by their hashes, so that neither is parsed again.

    goals-v3/<key>      lines: its plain values, the interpreter's, its marker variables, its tags,
                        the inputs, what env.toml puts in place of metadata, whose files stand,
                        how packages are built, the pins

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
from envsync.project.paths import Project, may_be_workspace
from envsync.project.request import SyncRequest
from envsync.settings import Settings
from envsync.sync.desired import DesiredEnvironment
from envsync.sync.location import DEFAULT, root_of

BUCKET = Bucket("goals-v3", VALUES)

_TARGET_LINES = tuple(name for name in Target._fields if name not in ("environment", "tags"))
"""What of an interpreter is a line each; its bits and whether it has no lock come last."""


def recall(project: Project, request: SyncRequest, settings: Settings) -> DesiredEnvironment | None:
    """Give what was remembered for the files as they are now; None: work it out.

    The interpreter is only believed when its file is unchanged. Where a link in the environment's
    place leads isn't remembered.
    """
    try:
        spec = sha256_file(project.spec_path)
        lock = sha256_file(project.lock_path)
    except OSError:
        return None
    members = _members(project, settings)
    if members is None:
        return None
    body = _values(settings).get(_key(project, request, settings, spec, lock, members))
    if body is None:
        return None
    try:
        desired = _unpack(body)
        status = os.stat(desired.target.executable)
    except (OSError, ValueError, IndexError, TypeError):
        return None
    # An interpreter that was upgraded in place has the same path, and other tags or markers.
    if desired.target.signature != f"{status.st_size}:{status.st_mtime_ns}":
        return None
    return desired if _inputs_hold(desired) else None


def _inputs_hold(desired: DesiredEnvironment) -> bool:
    """Say whether the files that env.toml takes from are as they were: those behind it and the
    lock, up to the interpreter.
    """
    for path, digest in desired.inputs[2:]:
        if not digest:
            return True
        try:
            if sha256_file(path) != digest:
                return False
        except OSError:
            return False
    return True


def remember(
    desired: DesiredEnvironment, project: Project, request: SyncRequest, settings: Settings
) -> None:
    """Keep one whose inputs are on disk; what can't be kept is worked out again."""
    if not desired.inputs:
        return
    body = _pack(desired)
    if body is None:
        return
    # The hashes of what was read: by now the files may be others.
    (_, spec), (_, lock), *_ = desired.inputs
    members = _members(project, settings)
    # Whether a folder is what was locked, the bytes of env.toml and lock don't say.
    is_known = members or not any(pin.kind == "directory" for pin in desired.pins)
    if members is not None and is_known:
        _values(settings).put(_key(project, request, settings, spec, lock, members), body)


def _members(project: Project, settings: Settings) -> str | None:
    """Name what a workspace's members say; "" where there are none, None where it isn't known."""
    if not may_be_workspace(project.spec_path):
        return ""
    from envsync.project.workspace_mark import known  # noqa: PLC0415  (few are one)

    return known(project, settings)


def _pack(desired: DesiredEnvironment) -> bytes | None:
    """Write one as blocks of lines; None when a value doesn't fit into a line."""
    pins = pack_pins(desired.pins)
    target = desired.target
    own = (desired.root, desired.base, desired.prompt, desired.selection, desired.link_mode)
    shape = "system" if desired.system_site_packages else "isolated"
    rows: list[Iterable[str]] = [
        (*own, shape, "compiled" if desired.compile_bytecode else "sources"),
        (str(getattr(target, name)) for name in _TARGET_LINES),
        (f"{name}={value}" for name, value in target.environment.items()),
        target.tags,
        (f"{digest or '-'} {path}" for path, digest in desired.inputs),
        desired.overrides,
        desired.any_python,
        desired.keep,
        (f"{name} {path}" for path, name in desired.winners.items()),
        (f"{mark} {name}" for name, mark in desired.recipes.items()),
    ]
    lines = [list(row) for row in rows]
    if pins is None or not all(line.isprintable() for row in lines for line in row):
        return None
    blocks = ["\n".join([str(len(row)), *row]) for row in lines]
    return "\n".join([*blocks, pins]).encode()


def _unpack(body: bytes) -> DesiredEnvironment:
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
    target = Target(
        **dict(zip(_TARGET_LINES[:-2], texts, strict=True)),
        environment=dict(variable.split("=", 1) for variable in variables),
        tags=tuple(tags),
        pointer_bits=int(bits),
        free_threaded=free_threaded == "True",
    )
    return DesiredEnvironment(
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


def _key(
    project: Project,
    request: SyncRequest,
    settings: Settings,
    spec: str,
    lock: str,
    members: str,
) -> str:
    facts = (
        __version__,
        project.spec_path,
        project.lock_path,
        request.selection.line(settings.python),
        str(settings.compile_bytecode),
        root_of(project, DEFAULT, settings),
        spec,
        lock,
        *([members] if members else []),
    )
    return "\0".join(facts)
