"""Whether a lock answers env.toml and the project's files, and why it no longer does."""

import dataclasses
import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain

from packaging.pylock import Pylock

from envsync.acquire.public_index import default_index, public_index
from envsync.errors import LockMissing, LockOutdated, PathRefused, StorageFailed
from envsync.lock.evidence import evidence_of
from envsync.lock.fingerprint import put_together, stale_reasons, tool_table
from envsync.lock.origins import same_index, unfounded
from envsync.model.file_urls import is_local, lies_below, path_of, reach_of
from envsync.project import workspace_mark
from envsync.project.answered import remember_fresh
from envsync.project.local_files import altered, files_of_lock, refuse_altered
from envsync.project.local_metadata import input_paths, metadata_digest
from envsync.project.members import member_inputs
from envsync.project.outside import absolute, place_of
from envsync.project.paths import Project
from envsync.settings import Settings
from envsync.spec.model import Spec


def why_stale(project: Project, spec: Spec, pylock: Pylock, settings: Settings) -> tuple[str, ...]:
    """Say why a lock doesn't answer env.toml, or the project's files; a phrase each.

    The first kind of reason that there is: env.toml changed; it doesn't lead to what is in the
    lock; a local project changed; a file is not what was locked.
    """
    reasons = _why_unanswered(project, spec, pylock, settings)
    return reasons or tuple(one.reason for one in altered(project.root, pylock))


def _why_unanswered(
    project: Project, spec: Spec, pylock: Pylock, settings: Settings
) -> tuple[str, ...]:
    try:
        reasons = (
            stale_reasons(spec, pylock)
            or unfounded(spec, pylock, lambda url: _is_default_index(url, settings, project.root))
            or tuple(put_together(spec, pylock))
        )
    except ValueError as error:  # `packaging` reads markers that nothing can evaluate
        reasons = (f"a marker in it has no meaning: {error}",)
    # Only then: these read the files of local projects.
    return reasons or (
        *_changed_projects(pylock, project, spec),
        *_refuted_projects(pylock, project, settings),
    )


def refuse_stale(project: Project, spec: Spec, pylock: Pylock | None, settings: Settings) -> None:
    """See that a lock answers env.toml and the project's files. Raises `LockOutdated`."""
    name = os.path.basename(project.lock_path)
    if pylock is None:
        raise LockMissing(name)
    refuse_unanswered(project, spec, pylock, settings)
    others = tuple(altered(project.root, pylock))
    if others:
        raise LockOutdated(name, [one.reason for one in others], hint=others[0].hint)


def refuse_unanswered(project: Project, spec: Spec, pylock: Pylock, settings: Settings) -> None:
    """See that a lock answers env.toml, whatever files hold. Raises `LockOutdated`."""
    reasons = _why_unanswered(project, spec, pylock, settings)
    if reasons:
        raise LockOutdated(os.path.basename(project.lock_path), reasons)


def _is_default_index(url: str, settings: Settings, root: str) -> bool:
    chosen = settings.default_index
    if is_local(url):
        folder = default_index(settings, root)
        reach = "file:" if not path_of(folder).startswith("/") else reach_of(folder, "simple")
        return is_local(folder) and lies_below(url, reach)
    return (chosen is not None and same_index(url, chosen)) or same_index(url, public_index())


_LOCAL = "local-projects"


def _local_projects(project: Project, spec: Spec) -> list[dict[str, str]]:
    """Name each local source with the hash of what decides its metadata, which is in the lock."""
    rows = []
    for name, sources in sorted(spec.sources.items()):
        for source in sources:
            if source.kind == "path":
                digest = ""
                with suppress(PathRefused, StorageFailed):
                    place = place_of(project.root, source.location, source.subdirectory)
                    digest = metadata_digest(*place)
                rows.append({"name": name, "sha256": digest})
    return rows


def _changed_projects(pylock: Pylock, project: Project, spec: Spec) -> Iterator[str]:
    """Say of which local sources other metadata is to be expected than was locked."""
    recorded, now = tool_table(pylock).get(_LOCAL) or [], _local_projects(project, spec)
    before = recorded if isinstance(recorded, list) else []
    for name in dict.fromkeys(row["name"] for row in now if row not in before):
        yield f"the project files of {name} changed: pyproject.toml, setup.*, or what they name"
    if before != now and all(row in before for row in now):
        yield "a local source has gone"


def _refuted_projects(pylock: Pylock, project: Project, settings: Settings) -> Iterator[str]:
    """Say of which local folders a build gave metadata that doesn't fit what was locked."""
    for package in pylock.packages:
        if package.directory is not None:
            from envsync.project.refuted import is_refuted  # noqa: PLC0415  (few have one)

            row = package.directory
            folder = os.path.join(absolute(project.root, row.path), row.subdirectory or "")
            if is_refuted(settings.cache_dir, folder, evidence_of(package).facts):
                yield f"the last build of {package.name} gave other metadata than is locked"


def with_local_projects(pylock: Pylock, project: Project, spec: Spec) -> Pylock:
    """Record in a lock what decides the metadata of each local source as it is now."""
    local = _local_projects(project, spec)
    if not local:
        return pylock
    tool = {**(pylock.tool or {}), "envsync": {**tool_table(pylock), _LOCAL: local}}
    return dataclasses.replace(pylock, tool=tool)


def keep_answer(
    project: Project,
    spec: Spec,
    pylock: Pylock,
    answer: workspace_mark.Answer,
    settings: Settings,
) -> None:
    """Note that a lock answers env.toml, where that can be told again without reading the lock."""
    if spec.workspace is not None:
        keep_mark(project, spec, pylock, answer, settings)
    # Files and folders of the project may change what is fresh.
    elif not spec.sources and not any(files_of_lock(pylock)):
        remember_fresh(answer.spec, answer.lock, settings, spec.inputs)


def keep_mark(
    project: Project,
    spec: Spec,
    pylock: Pylock,
    answer: workspace_mark.Answer,
    settings: Settings,
) -> None:
    """Note that a lock answers a workspace's files."""
    inputs = member_inputs(project, spec)
    if inputs is None:
        return
    with suppress(PathRefused, StorageFailed):
        for source in chain(*spec.sources.values()):
            if source.kind == "path":
                place = place_of(project.root, source.location, source.subdirectory)
                inputs += (paths := input_paths(*place))
                if not paths and os.path.isdir(absolute(*place)):
                    return  # what decides a folder without pyproject.toml can't all be named
        inputs += [absolute(project.root, file.path) for file in files_of_lock(pylock)]
        inputs += [os.path.join(project.root, one.path) for one in spec.inputs]
        workspace_mark.keep(project, answer, inputs, settings)


def stands(project: Project, spec: Spec, pylock: Pylock, settings: Settings) -> bool:
    """Say whether a lock needs no new one; an altered file is refused as by `check_hashes`."""
    if _why_unanswered(project, spec, pylock, settings):
        return False
    return refuse_altered(project.root, pylock, may_lack=True)
