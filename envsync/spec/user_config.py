"""Read config.toml, the user's own settings file, as strictly as env.toml.

It holds what no file of a project can say: to which address an index's credentials belong, which
interpreters env.toml may name by path, which folders outside of projects their sources may lie
in, and where environments may lie outside of projects; and whether anything may be left to be done
after a command.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from envsync.errors import SpecInvalid
from envsync.spec.document import decode, load
from envsync.spec.fields import Problems, Table, TooManyProblems
from envsync.spec.locations import read_base_url
from envsync.spec.problem_lines import problem_lines
from envsync.spec.sources import read_index_name, variable_part
from envsync.spec.wording import quote

_ADVICE = {
    "indexes": "write [index.NAME]",
    "venvs": "write [venv] with folder or links",
    "interpreters": "write [python] with allow = [...]",
    "paths": "write [outside] with allow = [...]",
    **dict.fromkeys(("env", "sources", "lock", "sync", "tasks"), "it belongs in env.toml"),
}
_INDEX_ADVICE = dict.fromkeys(
    ("username", "user", "password", "token"),
    "passwords have no place in a file: use ENVSYNC_INDEX_<NAME>_USERNAME and _PASSWORD, "
    "netrc or keyring",
)


class VenvPlaces(NamedTuple):
    """Where the user lets environments lie outside of projects; absolute paths."""

    folder: str = ""
    """The folder that holds all environments, each below it under its own path; "" is none."""
    links: tuple[str, ...] = ()
    """Folders into which a link in the place of an environment may lead."""


class UserConfig(NamedTuple):
    """What config.toml says; without one, nothing."""

    index_urls: Mapping[str, str] = {}
    """Index name, as in variables (`CORP_EU`) -> the address that its credentials belong to."""
    pythons: tuple[str, ...] = ()
    """Absolute paths of interpreters that env.toml may name though no search finds them."""
    venvs: "VenvPlaces" = VenvPlaces()
    compile_in_background: bool = True
    outside: tuple[str, ...] = ()
    """Absolute paths of folders in which sources of any project may lie, whoever owns them."""


def parse_user_config(data: bytes, *, path: str) -> UserConfig:
    """Read the bytes of config.toml (UTF-8, at most 1 MiB); `path` is its name in messages.

    Raises `SpecInvalid` with all mistakes, each with its line and key path.
    """
    text = decode(data, path=path)
    problems = Problems()
    config = UserConfig()
    content = load(text, path=path)
    with suppress(TooManyProblems):
        config = _read(Table(content, (), problems))
    if problems.found:
        hint = (
            f"correct {path}; its tables are [index.NAME] with url, [python] and [outside] with "
            "allow, [venv] with folder and links, and [background] with compile-bytecode"
        )
        raise SpecInvalid(path, problem_lines(problems, text), hint=hint)
    return config


def _read(root: Table) -> UserConfig:
    if isinstance(root.content.get("index"), list):
        root.report("write [index.NAME], with one pair of brackets", "index")
        root.value("index")
        indexes: Mapping[str, str] = {}
    else:
        indexes = _read_indexes(root.table("index"))
    python = root.table("python")
    pythons = python.items("allow", _read_interpreter)
    python.finish({"path": "write allow = [...]"})
    venv = root.table("venv")
    venvs = VenvPlaces(
        venv.convert("folder", _read_folder) or "", tuple(venv.items("links", _read_folder))
    )
    venv.finish({"path": "write folder = ..."})
    background = root.table("background")
    compile_in_background = background.flag("compile-bytecode", default=True)
    background.finish()
    outside = root.table("outside")
    places = outside.items("allow", _read_folder)
    outside.finish({"path": "write allow = [...]"})
    root.finish(_ADVICE)
    own = tuple(dict.fromkeys(pythons))
    return UserConfig(indexes, own, venvs, compile_in_background, places)


def _read_indexes(table: Table) -> dict[str, str]:
    urls: dict[str, str] = {}
    spelled: dict[str, str] = {}
    for key, value in table.content.items():
        name = table.convert_at(key, read_index_name, key)
        index = table.table_at(value, key)
        url = index.convert("url", read_base_url)
        if isinstance(value, dict) and "url" not in index.content:
            index.report("the index has no url")
        index.finish(_INDEX_ADVICE)
        if name is None:
            continue
        part = variable_part(name)
        if part in spelled:
            table.report(f"the same name in variables as {quote(spelled[part])}", key)
        spelled.setdefault(part, name)
        if url is not None:
            urls.setdefault(part, url)
    return urls


def _read_interpreter(text: str) -> str:
    return _read_full_path(text, "an interpreter")


def _read_folder(text: str) -> str:
    return _read_full_path(text, "a folder").rstrip("/") or "/"


def _read_full_path(text: str, what: str) -> str:
    """Check an absolute path; it may lead anywhere, since the user wrote it."""
    if not text.isprintable():
        raise ValueError("the path has characters that cannot be shown")
    if not text.startswith("/") and not re.match(r"[A-Za-z]:[/\\]", text):
        raise ValueError(f"the path of {what} must be written in full, from / on")
    if ".." in re.split(r"[/\\]", text):
        raise ValueError("the path must be written without ..")
    return text
