"""What identifies a pin's files in an environment, and what direct_url.json says of it."""

import hashlib
from collections.abc import Iterable, Iterator

from envsync.environment.manifest import Placed
from envsync.lock.pins import Pinned
from envsync.lock.urls import public_url
from envsync.sync.desired import DesiredEnvironment
from envsync.sync.keep import kept_by, touches


def identity(pin: Pinned, project_root: str) -> str:
    """Name the files that an environment holds of a pin: equal names, equal files.

    A local folder is looked at: an editable one counts as changed when its project files changed
    (`project.local_metadata`), another one when any source did (`project.source_files`).
    `project_root` is the lock's folder. Raises `PathRefused` when links lead out of it,
    `StorageFailed`.
    """
    content = pin.sha256 or ",".join(f"{k}={v}" for k, v in sorted(pin.hashes.items()))
    if pin.kind in ("wheel", "sdist"):
        return f"{pin.kind}:{content}"
    if pin.kind == "directory":
        rows = "\n".join(_rows(pin, project_root))
        content = hashlib.sha256(rows.encode("utf-8", "surrogateescape")).hexdigest()
    origin = "\0".join(map(str, (pin.url, pin.path, pin.subdirectory, pin.editable, pin.commit)))
    return f"{pin.kind}:{content}:{hashlib.sha256(origin.encode()).hexdigest()[:16]}"


def _rows(pin: Pinned, project_root: str) -> Iterator[str]:
    # Packages from an index, nearly all there are, need none of this.
    from envsync.project.local_metadata import metadata_rows  # noqa: PLC0415
    from envsync.project.outside import place_of  # noqa: PLC0415
    from envsync.project.source_files import source_rows  # noqa: PLC0415

    place = place_of(project_root, pin.path or ".", pin.subdirectory)
    if pin.editable:
        return metadata_rows(*place, files_too=True)
    return source_rows(*place)


def identity_in(desired: DesiredEnvironment, pin: Pinned, files: Iterable[Placed]) -> str:
    """Name the files that the environment holds of a pin (`identity`), with how env.toml has
    it built, and those of its paths that env.toml gives it or leaves to programs. `files` are what
    is in place.
    """
    name = identity(pin, desired.base)
    recipe = desired.recipes.get(pin.name)
    name = f"{name}:{recipe}" if recipe else name
    won = sorted(path for path, owner in desired.winners.items() if owner == pin.name)
    # Only of packages that have such paths: a new pattern must not make all others new.
    kept = desired.keep if desired.keep and touches(files, kept_by(desired)) else ()
    for mark, paths in (("winner", won), ("keep", kept)):
        if paths:
            digest = hashlib.sha256("\n".join(paths).encode("utf-8", "surrogateescape"))
            name = f"{name}+{mark}:{digest.hexdigest()[:16]}"
    return name


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

    from envsync.project.outside import absolute  # noqa: PLC0415

    return f"file://{pathname2url(absolute(project_root, pin.path or '.'))}"
