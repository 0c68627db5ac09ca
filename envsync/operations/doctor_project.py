"""The checks of `doctor` that are about a project: interpreter, environment, indexes, links."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from envsync.acquire.credentials import bind_credentials
from envsync.acquire.own_settings import mirrors_for, shown_certificates
from envsync.acquire.public_index import default_index
from envsync.catalog.places import indexes_for
from envsync.errors import InterpreterNotFound
from envsync.events import SILENT
from envsync.index.auth import Credentials
from envsync.index.urls import parse_address
from envsync.model.file_urls import is_local
from envsync.operations.findings import Finding, broken, place, well, worth_knowing
from envsync.platform.links import try_ways
from envsync.project.interpreter import find_interpreter, own_config
from envsync.project.paths import Project
from envsync.settings import Settings
from envsync.spec.model import Spec
from envsync.sync.location import root_of
from envsync.trust import refuse_shared_cache

_LIKE_TOKENS = ("token", "pypi-", "gh", "glpat-")


class Seen(NamedTuple):
    """What the checks are about."""

    root: str
    """The project's folder; without one, the current."""
    spec: Spec | None
    settings: Settings
    environ: Mapping[str, str]
    strangers: str | None


def interpreter(seen: Seen) -> Iterator[Finding]:
    """Say which interpreter is taken, and why."""
    spec, settings = seen.spec, seen.settings
    # What the cache says of interpreters is run.
    refuse_shared_cache(settings.cache_dir)
    asked = spec.python if spec else None
    requires = spec.requires_python if spec else None
    try:
        target = find_interpreter(asked, requires, seen.root, settings, SILENT)
    except InterpreterNotFound as error:
        yield broken("interpreter", str(error), error.hint or "")
        return
    if settings.python:
        why = f"--python or ENVSYNC_PYTHON asks for {settings.python}"
    elif asked:
        why = f"[env] python asks for {asked}"
    elif requires is not None:
        why = f"the newest that fits requires-python {requires}"
    else:
        why = "the newest that was found"
    name = f"{target.implementation} {target.version}"
    yield well("interpreter", f"{name}, {target.executable}: {why}")


def environment(seen: Seen, project: Project | None) -> Iterator[Finding]:
    """Say where the environment is."""
    if project is None or seen.spec is None:
        return
    root = root_of(project, seen.spec.path, seen.settings)
    if os.path.isdir(root):
        yield well("environment", root, "`envsync status` compares it with the lock")
    else:
        yield worth_knowing("environment", f"{root}: not there yet", "`envsync sync` makes it")


def indexes(seen: Seen) -> Iterator[Finding]:
    """Name the indexes in order, and where the user and password for each come from.

    Raises `UsageError` for credentials without an address, which no index would get.
    """
    spec, settings = seen.spec or Spec(""), seen.settings
    # A question on the terminal is for whoever uses an index.
    pairs = bind_credentials(spec, settings._replace(offline=False), SILENT)
    shown = shown_certificates(spec, settings, own_config(settings, seen.strangers))
    known = Credentials(pairs, netrc_path=settings.netrc)
    for index in indexes_for(spec, default_index(settings, seen.root)):
        name = f"{index.name}: " if index.name else ""
        if is_local(index.url):
            yield well("indexes", f"{name}{place(index.url)}, on this machine")
            continue
        address = parse_address(index.url)
        known.learn(address)
        pair = known.pair_for(address, is_page=True)
        text = f"{name}{place(index.url)}"
        if pair is not None:
            text += f", as {_user(pair.user)} of {pair.source}"
        elif settings.keyring:
            text += ", with what the keyring may have"
        if any(one.scope is None or one.scope.holds(address) for one in shown):
            text += ", with a client certificate"
        yield well("indexes", text)
    if settings.offline:
        yield worth_knowing("indexes", "none is asked: ENVSYNC_OFFLINE or --offline")


def _user(user: str) -> str:
    """Give a user's name, which may be the secret itself where there is no password."""
    is_plain = len(user) <= 32 and user.replace("-", "").replace("_", "").replace(".", "").isalnum()
    return user if is_plain and not user.lower().startswith(_LIKE_TOKENS) else "the user"


def mirrors(seen: Seen) -> Iterator[Finding]:
    """Name the mirrors, and what they are of."""
    config = own_config(seen.settings, seen.strangers)
    known = mirrors_for(seen.spec or Spec(""), config)
    for of, each in known.by_index.items():
        for mirror in each:
            alone = "" if mirror.fallback else ", and nothing else"
            yield well("mirrors", f"{place(mirror.place.url)} for the files of {place(of)}{alone}")


def links(seen: Seen) -> Iterator[Finding]:
    """Say how stored files get into environments here, by trying it with one file of our own."""
    mode = seen.spec.sync.link_mode if seen.spec else "auto"
    cache, into = _existing(seen.settings.cache_dir or "/"), _existing(seen.root)
    if not all(os.access(folder, os.W_OK | os.X_OK) for folder in (cache, into)):
        yield worth_knowing("links", f"not tried: {cache} or {into} can't be written to")
        return
    with (
        tempfile.TemporaryDirectory(prefix=".envsync-doctor-", dir=cache) as source,
        tempfile.TemporaryDirectory(prefix=".envsync-doctor-", dir=into) as target,
    ):
        way, refused = try_ways(source, target, mode)
    text = f"files come into environments by {way} (link-mode {mode})"
    because = "; ".join(f"no {name}: {why}" for name, why in refused.items())
    if way == "copy" and mode != "copy":
        yield worth_knowing(
            "links", f"{text}: {because}", "a cache on the file system of your projects is faster"
        )
    else:
        yield well("links", f"{text}{': ' if because else ''}{because}")


def _existing(folder: str) -> str:
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder
