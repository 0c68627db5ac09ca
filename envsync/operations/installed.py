"""One page: what is installed in the environment, by its manifest."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from envsync.environment.belief import examine
from envsync.environment.key import UserKey
from envsync.environment.manifest import Manifest, ManifestInvalid, Owner, PackedFiles, Placed
from envsync.errors import EnvsyncError
from envsync.events import Reporter
from envsync.lock.graph import Row
from envsync.operations.look import read_graph
from envsync.platform.files import read_limited
from envsync.project.paths import Project
from envsync.project.request import SyncRequest
from envsync.settings import Settings
from envsync.sync.location import lies_at, root_of
from envsync.sync.remembered import recall

_MAX_DIRECT_URL = 64 << 10
_DIRECT = ("archive", "directory", "vcs")


class Installed(NamedTuple):
    """One package of an environment."""

    name: str
    version: str
    files: int
    size: int
    """Bytes of its files, compiled ones too where envsync placed them."""
    kind: str
    """"wheel", "sdist" (built here), "archive", "directory" or "vcs"."""
    place: str
    """The index, path or address that it is from; "" where that isn't known."""
    editable: bool


class Listing(NamedTuple):
    """What there is."""

    root: str
    packages: tuple[Installed, ...]


def installed(project: Project, settings: Settings, reporter: Reporter) -> Listing:
    """List the packages of a project's environment.

    Raises `EnvsyncError` where there is none that can be believed.
    """
    root, folder, manifest = _manifest(project, settings)
    rows = _rows(project, settings, reporter)
    owners = sorted((owner for owner in manifest.owners if owner.name), key=lambda one: one.name)
    try:
        return Listing(root, tuple(_installed(owner, folder, rows) for owner in owners))
    except ManifestInvalid as error:
        raise _nothing(root, f"its manifest {error}") from error


def versions_installed(project: Project, settings: Settings) -> Mapping[str, str]:
    """Give the versions of what is installed, by name; nothing where there is no environment."""
    with suppress(EnvsyncError):
        owners = _manifest(project, settings)[2].owners
        return {owner.name: owner.version for owner in owners if owner.name}
    return {}


def _manifest(project: Project, settings: Settings) -> tuple[str, str, Manifest]:
    root = _root(project, settings)
    folder = lies_at(project, root, settings)
    if not os.path.lexists(folder):
        raise _nothing(root, "there is no environment")
    belief = examine(folder, UserKey(settings).seal(), packed=True)
    if belief.manifest is None:
        raise _nothing(root, belief.doubt)
    return root, folder, belief.manifest


def _nothing(root: str, why: str) -> EnvsyncError:
    return EnvsyncError(f"{os.path.basename(root)}: {why}", hint="`envsync sync` makes it")


def _root(project: Project, settings: Settings) -> str:
    """Give the environment's path; what the last sync remembered saves reading env.toml."""
    known = recall(project, SyncRequest(), settings)
    if known is not None:
        return known.root
    from envsync.project.env_toml import read_spec  # noqa: PLC0415

    return root_of(project, read_spec(project)[0].path, settings)


def _rows(project: Project, settings: Settings, reporter: Reporter) -> Mapping[str, list[Row]]:
    """Give what the lock says of each package: where it is from. It may be gone, or another."""
    found: dict[str, list[Row]] = {}
    with suppress(EnvsyncError):
        for row in read_graph(project.lock_path, project, settings, reporter).rows:
            found.setdefault(row.name, []).append(row)
    return found


def _installed(owner: Owner, folder: str, rows: Mapping[str, list[Row]]) -> Installed:
    if isinstance(owner.files, PackedFiles):
        count, size = owner.files.total()
    else:
        count, size = len(owner.files), sum(file.size for file in owner.files)
    kind = owner.identity.partition(":")[0]
    editable = False
    if kind in _DIRECT:
        place, editable = _direct(owner, folder)
    else:
        places = {
            row.place
            for row in rows.get(owner.name, ())
            if row.kind == "index" and row.version == owner.version
        }
        place = min(places, default="")
    return Installed(owner.name, owner.version, count, size, kind, place, editable)


def _direct(owner: Owner, folder: str) -> tuple[str, bool]:
    """Read direct_url.json (PEP 610) of a package; what somebody edited says nothing."""
    placed = next(_direct_urls(owner), None)
    if placed is None:
        return "", False
    import json  # noqa: PLC0415  (few packages have one)

    from envsync.lock.urls import public_url  # noqa: PLC0415

    try:
        data = read_limited(f"{folder}/{placed.path}", _MAX_DIRECT_URL)
        if hashlib.sha256(data).hexdigest() != placed.content:
            return "", False
        said = json.loads(data)
        url, about = said["url"], said.get("dir_info", {})
        commit = said.get("vcs_info", {}).get("commit_id", "")
        place = f"{public_url(url)}@{commit}" if commit else public_url(url)
        return place, about.get("editable") is True
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return "", False


def _direct_urls(owner: Owner) -> Iterator[Placed]:
    return (file for file in owner.files if file.path.endswith(".dist-info/direct_url.json"))
