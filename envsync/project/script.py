"""A script with inline metadata (PEP 723) as a project of its own, kept in the cache.

    scripts-v1/<key>/      env.toml, pylock.toml and .venv: a project like any other

The key stands for the metadata and the interpreter that was asked for, not for the script's place
or name. Nothing is written beside the script.
"""

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from envsync.cache.bucket import ENTRIES, Bucket
from envsync.cache.values import key_of
from envsync.errors import SpecInvalid, UsageError
from envsync.events import Reporter
from envsync.platform.files import make_folders, read_limited, storage_errors
from envsync.project.paths import Project, project_at
from envsync.project.texts import write_if_changed
from envsync.settings import Settings

if TYPE_CHECKING:
    from envsync.spec.script_block import Block

BUCKET = Bucket("scripts-v1", ENTRIES)

_MARK = b"# /// script"
LIMIT = 16 << 20
"""Bytes that a script may have."""
_DAY = 86_400.0


def read_script_file(path: str) -> bytes:
    """Read a script. Raises `UsageError` for one that is too large, `StorageFailed`."""
    with storage_errors(path):
        try:
            return read_limited(path, LIMIT)
        except ValueError as error:
            raise UsageError(f"{path} is too large for a script: {error}") from error


def script_project(
    data: bytes, path: str, settings: Settings, reporter: Reporter
) -> Project | None:
    """Give the project that a script's metadata describes; None for a script without.

    `path` is what messages call the script. Its env.toml is written when it isn't there. Raises
    `SpecInvalid` for mistakes of the metadata, `StorageFailed`.
    """
    if _MARK not in data:
        return None

    from envsync.spec.script_block import find_block, unclosed_line  # noqa: PLC0415

    text = data.decode("utf-8-sig", "surrogateescape")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    block = find_block(text, path=path)
    if block is None:
        line = unclosed_line(text)
        if line is not None:
            reporter.warn(f"{path}: line {line}: `# /// script` has no end `# ///`: not metadata")
        return None
    key = key_of((block.content, settings.python or ""))
    project = project_at(f"{BUCKET.folder(settings.cache_dir)}/{key}")._replace(script=path)
    if os.path.exists(project.spec_path):
        _note_use(project.root)
        return project
    _write_spec(project, block, path, reporter)
    return project


def _write_spec(project: Project, block: "Block", path: str, reporter: Reporter) -> None:
    # Only what was never read before pays for these.
    import tomlkit  # noqa: PLC0415

    from envsync.spec.script import read_script  # noqa: PLC0415

    _refuse_bytes(block.content, block.line, path)
    meaning = read_script(block, path=path)
    for notice in meaning.notices:
        reporter.warn(notice)
    with storage_errors(project.root):
        make_folders(project.root)
    write_if_changed(project.spec_path, tomlkit.dumps(meaning.document).encode())


def _refuse_bytes(content: str, line: int, path: str) -> None:
    for number, text in enumerate(content.split("\n"), line):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise SpecInvalid(
                path, [f"line {number}: the text is not UTF-8"], hint=f"save {path} as UTF-8"
            ) from error


def _note_use(folder: str) -> None:
    """Keep, once a day, that an entry of the cache is in use."""
    with suppress(OSError):  # a cache that is read-only
        if os.stat(folder).st_mtime < time.time() - _DAY:
            os.utime(folder)
