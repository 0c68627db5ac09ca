"""Remember what env.toml and a lock mean, by their hashes, so that neither is parsed again.

    goals-v1/<key>      sha256 of the rest, then JSON

The key holds everything that the meaning depends on: the bytes of both files, the selection, the
interpreter asked for, the project's place, and the version of envsync.
"""

import hashlib
import os

import orjson

from envsync import __version__
from envsync.files import read_limited, write_atomic
from envsync.lock.pins import Pinned, pack_pins, unpack_pins
from envsync.model.target import Target
from envsync.settings import Settings
from envsync.workflow.project import Project
from envsync.workflow.request import SyncRequest
from envsync.workflow.sync import Goal

_BUCKET = "goals-v1"
_LIMIT = 64 << 20


def recall(project: Project, request: SyncRequest, settings: Settings) -> Goal | None:
    """Give the goal that was remembered for the files as they are now; None: work it out.

    The interpreter is only believed when its file is unchanged.
    """
    try:
        spec = _sha256(project.spec_path)
        lock = _sha256(project.lock_path)
        data = read_limited(_path(project, request, settings, spec, lock), _LIMIT)
    except (OSError, ValueError):
        return None
    checksum, _, body = data.partition(b"\n")
    if hashlib.sha256(body).hexdigest().encode() != checksum:
        return None
    try:
        goal = _unpack(body)
        status = os.stat(goal.target.executable)
    except (OSError, ValueError, TypeError, KeyError):
        return None
    if goal.target.signature != f"{status.st_size}:{status.st_mtime_ns}":
        return None
    return goal


def remember(goal: Goal, project: Project, request: SyncRequest, settings: Settings) -> None:
    """Keep a goal whose inputs are on disk; one that can't be kept is worked out again."""
    if not goal.inputs:
        return
    (_, spec), (_, lock), *_ = goal.inputs
    body = orjson.dumps(
        {
            **{name: value for name, value in goal._asdict().items() if name != "pins"},
            "target": goal.target._asdict(),
            "pins": pack_pins(goal.pins).decode(),
        }
    )
    path = _path(project, request, settings, spec, lock)
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write_atomic(path, hashlib.sha256(body).hexdigest().encode() + b"\n" + body, sync=False)
    except OSError:
        return


def _unpack(body: bytes) -> Goal:
    fields = orjson.loads(body)
    target = fields["target"]
    target["tags"] = tuple(target["tags"])
    fields["target"] = Target(**target)
    pins: tuple[Pinned, ...] | None = unpack_pins(fields["pins"])
    if pins is None:
        raise ValueError("pins of another format")
    fields["pins"] = pins
    fields["inputs"] = tuple(map(tuple, fields["inputs"]))
    return Goal(**fields)


def _path(project: Project, request: SyncRequest, settings: Settings, spec: str, lock: str) -> str:
    facts = (
        __version__,
        project.spec_path,
        project.lock_path,
        request.selection.line(),
        settings.python or "",
        spec,
        lock,
    )
    key = hashlib.sha256("\0".join(facts).encode("utf-8", "surrogateescape")).hexdigest()
    return f"{settings.cache_dir}/{_BUCKET}/{key}"


def _sha256(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
