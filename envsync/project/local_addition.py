"""What a path that was typed after `add` means: a package's name, and its source for env.toml.

The name of a folder's package is read from its files as they stand, of a wheel or archive from its
name. Nothing is run.
"""

import ast
import configparser
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    NormalizedName,
    parse_sdist_filename,
    parse_wheel_filename,
)

from envsync.errors import StorageFailed, UsageError
from envsync.platform.files import NotRegular, read_limited
from envsync.spec.locations import leads_outside, read_place
from envsync.spec.model import SourceSpec
from envsync.spec.requirements import read_name
from envsync.spec.toml import loads

_FILES = (".whl", ".tar.gz", ".zip")
_WITH_EXTRAS = re.compile(r"(?P<path>.+?)(?P<extras>\[[^\]/]*\])?")
_MOST = 1 << 20


class LocalAddition(NamedTuple):
    """A package that lies on the disk."""

    requirement: str
    """Its name, with the extras that were typed."""
    name: NormalizedName
    source: SourceSpec


def is_path(word: str) -> bool:
    """Say whether a word means a path and no requirement: it begins as one, or names a file."""
    plain = word.partition("[")[0]
    if plain in (".", "..") or plain.startswith(("./", "../", "/", "~/", "file:")):
        return True
    return "@" not in word and (plain.endswith(_FILES) or ("/" in plain and os.path.exists(plain)))


def local_addition(word: str, folder: str, *, editable: bool) -> LocalAddition:
    """Say what a path means in the env.toml of a `folder`; it was typed in the current one.

    Raises `UsageError` where there is nothing, or where no name can be told.
    """
    if word.startswith(("file:", "~")):
        raise UsageError(
            f"{word}: write the path itself, without file: or ~", hint="`envsync add ../lib`"
        )
    match = _WITH_EXTRAS.fullmatch(word)
    typed, extras = (match["path"], match["extras"] or "") if match else (word, "")
    if not os.path.exists(typed):
        raise UsageError(
            f"{typed}: there is no such file or folder",
            hint="a path begins with ./, ../ or /; a package of an index is a name alone",
        )
    is_folder = os.path.isdir(typed)
    if editable and not is_folder:
        raise UsageError(f"{typed}: only a folder can be editable", hint="leave --editable out")
    name = _name_of_folder(typed) if is_folder else _name_of_file(typed)
    location = _location(typed, folder)
    return LocalAddition(f"{name}{extras}", name, SourceSpec("path", location, editable=editable))


def _location(typed: str, folder: str) -> str:
    """Give the path as env.toml has it: relative, but as it was typed where that leads out."""
    inside = os.path.relpath(os.path.abspath(typed), folder).replace(os.sep, "/")
    location = os.path.normpath(typed) if os.path.isabs(typed) and leads_outside(inside) else inside
    try:
        return read_place(location, outside=True)
    except ValueError as error:
        raise UsageError(f"{typed}: {error}") from error


def _name_of_file(path: str) -> NormalizedName:
    filename = os.path.basename(path)
    try:
        if filename.endswith(".whl"):
            return parse_wheel_filename(filename)[0]
        if filename.endswith(_FILES):
            return parse_sdist_filename(filename)[0]
    except (InvalidWheelFilename, InvalidSdistFilename) as error:
        raise _unnamed(path, str(error)) from error
    raise _unnamed(path, "is neither a wheel (.whl) nor a source archive (.tar.gz, .zip)")


def _name_of_folder(path: str) -> NormalizedName:
    for text in _names(path):
        with suppress(ValueError):
            return read_name(text)
    if not any(
        os.path.lexists(os.path.join(path, name)) for name in ("pyproject.toml", "setup.py")
    ):
        raise _unnamed(path, "has neither pyproject.toml nor setup.py")
    raise _unnamed(path, "its files don't say what it is called")


def _names(path: str) -> Iterator[str]:
    """Give what the files of a project call it, the one that counts first."""
    document: Mapping[str, object] = {}
    with suppress(ValueError):
        document = loads(_read(path, "pyproject.toml"))
    tool = document.get("tool")
    for table in (document.get("project"), tool.get("poetry") if isinstance(tool, dict) else None):
        name = table.get("name") if isinstance(table, dict) else None
        if isinstance(name, str):
            yield name
    config = configparser.ConfigParser(interpolation=None, strict=False)
    with suppress(configparser.Error):
        config.read_string(_read(path, "setup.cfg"))
        yield config.get("metadata", "name", fallback="")
    yield from _setup_names(_read(path, "setup.py"))


def _setup_names(text: str) -> Iterator[str]:
    """Give the literal `name` of each call of `setup`; the code is parsed, not run."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("setup"):
            for keyword in node.keywords:
                if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                    yield str(keyword.value.value)


def _read(folder: str, name: str) -> str:
    try:
        return read_limited(os.path.join(folder, name), _MOST).decode(errors="replace")
    except (OSError, ValueError, StorageFailed, NotRegular):
        return ""


def _unnamed(path: str, reason: str) -> UsageError:
    shown = os.path.relpath(path) if not os.path.isabs(path) else path
    return UsageError(
        f"{path}: {reason}",
        hint=f'write NAME = {{ path = "{shown}" }} under [sources], then `envsync add NAME`',
    )
