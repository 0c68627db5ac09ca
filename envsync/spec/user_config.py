"""Read config.toml, the user's own settings file, as strictly as env.toml.

It holds what no file of a project can say: to which address an index's credentials belong and what
stands in for it, which interpreters env.toml may name by path, which folders outside of projects
their sources may lie in, and where environments may lie outside of projects; and whether anything
may be left to be done after a command.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from envsync.errors import SpecInvalid
from envsync.spec.document import decode, load
from envsync.spec.fields import Problems, Table, TooManyProblems
from envsync.spec.locations import read_base_url, read_index_place
from envsync.spec.model import IndexFormat
from envsync.spec.problem_lines import problem_lines
from envsync.spec.sources import FORMATS, read_index_name, variable_part
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


class UserMirror(NamedTuple):
    """Another place that the files of an index are got from."""

    of: str
    """The address of the index."""
    url: str
    """http or https, or a place on this machine (`model.file_urls`), absolute."""
    format: IndexFormat = "simple"
    fallback: bool = True
    """What it doesn't give is got from the index itself."""


class ClientCertificate(NamedTuple):
    """What the user shows to a server in the TLS handshake; absolute paths of PEM files."""

    certificate: str
    key: str = ""
    """"": it is in the same file."""


class UserConfig(NamedTuple):
    """What config.toml says; without one, nothing."""

    index_urls: Mapping[str, str] = {}
    """Index name, as in variables (`CORP_EU`) -> the address that its credentials belong to."""
    pythons: tuple[str, ...] = ()
    """Absolute paths of interpreters that env.toml may name though no search finds them."""
    venvs: "VenvPlaces" = VenvPlaces()
    compile_in_background: bool = True
    mirrors: tuple[UserMirror, ...] = ()
    certificates: Mapping[str, ClientCertificate] = {}
    """Index name, likewise -> what to show at its address."""
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
            f"correct {path}; its tables are [index.NAME] with url, mirror, client-cert and "
            "client-key, [python] and [outside] with allow, [venv] with folder and links, and "
            "[background] with compile-bytecode"
        )
        raise SpecInvalid(path, problem_lines(problems, text), hint=hint)
    return config


def _read(root: Table) -> UserConfig:
    if isinstance(root.content.get("index"), list):
        root.report("write [index.NAME], with one pair of brackets", "index")
        root.value("index")
        indexes: Mapping[str, _Index] = {}
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
    return UserConfig(
        {part: one.url for part, one in indexes.items()},
        tuple(dict.fromkeys(pythons)),
        venvs,
        compile_in_background,
        tuple(one.mirror for one in indexes.values() if one.mirror is not None),
        {part: one.shown for part, one in indexes.items() if one.shown is not None},
        places,
    )


class _Index(NamedTuple):
    """One `[index.NAME]`."""

    url: str
    mirror: UserMirror | None
    shown: ClientCertificate | None


def _read_indexes(table: Table) -> dict[str, _Index]:
    known: dict[str, _Index] = {}
    spelled: dict[str, str] = {}
    for key, value in table.content.items():
        name = table.convert_at(key, read_index_name, key)
        index = table.table_at(value, key)
        url = index.convert("url", read_base_url)
        if isinstance(value, dict) and "url" not in index.content:
            index.report("the index has no url")
        mirror = _read_mirror(index, url or "")
        shown = _read_certificate(index)
        index.finish(_INDEX_ADVICE)
        if name is None:
            continue
        part = variable_part(name)
        if part in spelled:
            table.report(f"the same name in variables as {quote(spelled[part])}", key)
        spelled.setdefault(part, name)
        if url is not None:
            known.setdefault(part, _Index(url, mirror, shown))
    return known


def _read_mirror(index: Table, of: str) -> UserMirror | None:
    """Read `mirror`: an address or folder, or a table with url, format and fallback."""
    value = index.value("mirror")
    if value is None:
        return None
    table = index.table_at(value if isinstance(value, dict) else {"url": value}, "mirror")
    url = table.convert("url", _read_place)
    if "url" not in table.content:
        table.report("the mirror has no url")
    fallback = table.flag("fallback", default=True)
    mirror = UserMirror(of, url or "", table.choice("format", FORMATS), fallback)
    table.finish()
    return mirror if url else None


def _read_place(text: str) -> str:
    if text.startswith("/"):
        return read_index_place(_read_folder(text), outside=True, credentials_go="")
    if not text.startswith("file:") and "://" not in text:
        raise ValueError("write a URL, or the path of a folder in full, from / on")
    return read_index_place(text, outside=True, credentials_go="into your netrc file")


def _read_certificate(index: Table) -> ClientCertificate | None:
    certificate = index.convert("client-cert", _read_file)
    key = index.convert("client-key", _read_file)
    if key and "client-cert" not in index.content:
        index.report("goes with client-cert", "client-key")
    return ClientCertificate(certificate, key or "") if certificate else None


def _read_file(text: str) -> str:
    return _read_full_path(text, "a PEM file")


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
