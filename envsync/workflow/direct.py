"""What identifies a pin's files in an environment, and what direct_url.json says of it."""

import hashlib
import os
from collections.abc import Iterator

from envsync.inside import hash_inside, real_path
from envsync.lock.pins import Pinned
from envsync.lock.urls import public_url

_PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
_SKIPPED = frozenset({".git", ".hg", ".svn", ".venv", "__pycache__", "build", "dist"})


def identity(pin: Pinned, project_root: str) -> str:
    """Name the files that an environment holds of a pin: equal names, equal files.

    A local folder is looked at: an editable one counts as changed when its project files changed,
    another one when anything in it did. `project_root` is the lock's folder. Raises `OSError`,
    `PathRefused` when links lead out of it.
    """
    content = pin.sha256 or ",".join(f"{k}={v}" for k, v in sorted(pin.hashes.items()))
    if pin.kind in ("wheel", "sdist"):
        return f"{pin.kind}:{content}"
    if pin.kind == "directory":
        folder = os.path.join(pin.path or ".", pin.subdirectory or "")
        files = (_project_files if pin.editable else _all_files)(project_root, folder)
        content = hashlib.sha256("\n".join(files).encode("utf-8", "surrogateescape")).hexdigest()
    origin = "\0".join(map(str, (pin.url, pin.path, pin.subdirectory, pin.editable, pin.commit)))
    return f"{pin.kind}:{content}:{hashlib.sha256(origin.encode()).hexdigest()[:16]}"


def _project_files(project_root: str, folder: str) -> Iterator[str]:
    for name in _PROJECT_FILES:
        path = os.path.join(folder, name)
        if os.path.lexists(os.path.join(project_root, path)):
            yield f"{name} {hash_inside(project_root, path).hashes['sha256']}"


def _all_files(project_root: str, folder: str) -> Iterator[str]:
    if not os.path.lexists(os.path.join(project_root, folder)):
        return
    folder = real_path(project_root, folder)
    for current, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if _is_source(current, name))
        for name in sorted(names):
            path = os.path.join(current, name)
            status = os.lstat(path)
            yield f"{os.path.relpath(path, folder)} {status.st_size} {status.st_mtime_ns}"


def _is_source(folder: str, name: str) -> bool:
    """Leave out repositories, environments, and what builds leave behind."""
    if name in _SKIPPED or name.endswith(".egg-info"):
        return False
    return not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))


def direct_url(pin: Pinned, project_root: str) -> bytes | None:
    """Write direct_url.json of a pin that doesn't come from an index (PEP 610); None of others.

    `project_root` is the lock's folder, absolute.
    """
    if pin.kind in ("wheel", "sdist"):
        return None
    # Packages from an index, nearly all there are, need none of this.
    from packaging.direct_url import VcsInfo  # noqa: PLC0415

    from envsync.wheel.metadata import render_direct_url  # noqa: PLC0415

    vcs = None
    if pin.kind == "vcs":
        vcs = VcsInfo(
            vcs=pin.vcs or "git",
            commit_id=pin.commit or "",
            requested_revision=pin.requested_revision,
        )
    return render_direct_url(
        public_url(pin.url) if pin.url else _file_url(pin, project_root),
        hashes=dict(sorted(pin.hashes.items())),
        vcs=vcs,
        editable=pin.editable if pin.kind == "directory" else None,
        subdirectory=pin.subdirectory,
    )


def _file_url(pin: Pinned, project_root: str) -> str:
    from urllib.request import pathname2url  # noqa: PLC0415  (40 ms, for local sources only)

    path = os.path.normpath(os.path.join(project_root, pin.path or "."))
    return f"file://{pathname2url(path)}"
