"""Say which files of a local folder count as input of its build, as rows that change with them.

A build back end decides for itself what it reads, and tells nobody. What counts:

    project files       as `project.local_metadata` has them, with the back end's own tables
    at the top          code, files of build systems (Cargo.toml, meson.build), and whatever the
                        project files or code at the top name
    folders at the top  those that hold code, or are named; all that is in them
    commit and tags     where the version is made of them (setuptools-scm, pbr)

What doesn't: logs, bytecode, hidden files at the top and all hidden folders, environments, caches
(CACHEDIR.TAG), what builds leave behind, and tests, docs and examples that nothing names. So a log
file at the top, env.toml or a lock causes no build.
"""

import os
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress

from envsync.inside import real_path
from envsync.platform.files import read_limited
from envsync.project.local_metadata import PYPROJECT, Texts, metadata_rows, read_texts

_CODE = re.compile(
    r"(?i).+\.(pyi?|pyx|pxd|pxi|pth|c|cc|cpp|cxx|h|hh|hpp|hxx|cu|cuh|m|mm|f|f77|f90|f95|for|s|asm"
    r"|rs|go|java|swig|i|pyf|proto|zig|d|nim)"
)
_BUILD_FILES = frozenset(
    {
        *("MANIFEST.in", "Makefile", "CMakeLists.txt", "meson.build", "meson_options.txt"),
        *("meson.options", "Cargo.toml", "Cargo.lock", "WORKSPACE", "BUILD", "configure"),
    }
)
_LEFT_BEHIND = frozenset({"__pycache__", "build", "dist", "node_modules", "htmlcov"})
_ASIDE = re.compile(r"(?i)(unit)?tests?|(.*_)?tests?|docs?|documentation|examples?|benchmarks?")
_NOISE = re.compile(r"(?i).*(\.py[co]|\.log(\.\d+)?|\.sw[po]|~|\.tmp|\.orig|\.rej)|\.DS_Store")
_WORD = re.compile(r"[\w.+-]+")
_MAX_CODE = 1 << 20


def source_rows(root: str, folder: str) -> Iterator[str]:
    """Give the rows of a project's `folder`, relative to the project's `root`.

    Files count by size and time. What can't be read counts as absent. Raises `PathRefused` when
    links lead out of `root`, `StorageFailed`.
    """
    yield from metadata_rows(root, folder, files_too=True)
    if not os.path.lexists(os.path.join(root, folder)):
        return
    texts = read_texts(root, folder)
    place = real_path(root, folder)
    named = _named(place, texts)
    for entry in _entries(place):
        if entry.name in (PYPROJECT, *texts.scripts) or entry.name.startswith("."):
            continue
        if not entry.is_dir(follow_symlinks=False):
            if _CODE.fullmatch(entry.name) or entry.name in {*_BUILD_FILES, *named}:
                yield from _row(entry, place)
        elif entry.name in named or (not _ASIDE.fullmatch(entry.name) and _holds_code(entry)):
            for file in _files(entry):
                yield from _row(file, place)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """Give what is in a folder and may be a source, sorted by name."""
    with suppress(OSError), os.scandir(folder) as entries:
        return sorted(filter(_is_source, entries), key=lambda entry: entry.name)
    return []


def _is_source(entry: os.DirEntry[str]) -> bool:
    if not entry.is_dir(follow_symlinks=False):
        return _NOISE.fullmatch(entry.name) is None
    if entry.name in _LEFT_BEHIND or entry.name.startswith(".") or entry.name.endswith(".egg-info"):
        return False
    marks = ("pyvenv.cfg", "CACHEDIR.TAG")
    return not any(os.path.lexists(os.path.join(entry.path, mark)) for mark in marks)


def _files(folder: os.DirEntry[str]) -> Iterator[os.DirEntry[str]]:
    """Give every file below a folder, no link followed."""
    waiting = [folder.path]
    while waiting:
        for entry in _entries(waiting.pop()):
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            else:
                yield entry


def _holds_code(folder: os.DirEntry[str]) -> bool:
    return any(_CODE.fullmatch(entry.name) for entry in _files(folder))


def _row(entry: os.DirEntry[str], place: str) -> Iterator[str]:
    with suppress(OSError):  # gone meanwhile
        status = entry.stat(follow_symlinks=False)
        yield f"{os.path.relpath(entry.path, place)} {status.st_size} {status.st_mtime_ns}"


def _named(place: str, texts: Texts) -> Collection[str]:
    """Give every word of the project files and of code at the top."""
    named = set(_words(texts.words()))
    for entry in _entries(place):
        is_text = _CODE.fullmatch(entry.name) or entry.name in _BUILD_FILES
        if is_text and entry.is_file(follow_symlinks=False):
            with suppress(OSError, ValueError):
                text = read_limited(entry.path, _MAX_CODE).decode(errors="replace")
                named.update(_WORD.findall(text))
    return named


def _words(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from _WORD.findall(text)
