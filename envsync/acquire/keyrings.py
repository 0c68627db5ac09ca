"""Ask the user's keyring for a user and password: the library, where it is installed beside
envsync, else the command `keyring`, which may be installed anywhere.

It is asked for the address of the index first, then for its host: what a keyring has for a whole
host is for all of it. A keyring that fails has nothing; it is optional.
"""

import importlib
import importlib.util
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from envsync.index.auth import Pair
from envsync.index.urls import Address, Scope, scope_of
from envsync.python.trust import is_own

_SECONDS = 60.0
"""A keyring may ask the user to unlock it."""
_MAX_ANSWER = 1 << 16


class KeyringPlace(NamedTuple):
    """Where the command is looked for."""

    path: str = ""
    """PATH; its relative entries don't count."""
    never_inside: str | None = None
    """The folder of the clone, which brings no programs (H21)."""


def ask_keyring(place: KeyringPlace, address: Address, user: str | None) -> Pair | None:
    """Give what the keyring has for an index; `user` where that is known already."""
    origin = address.origin
    whole = Scope(origin, ())
    services = {
        address.url: scope_of(address),
        f"{origin.host}:{origin.port}": whole,
        origin.host: whole,
    }
    has_library = importlib.util.find_spec("keyring") is not None
    command = None if has_library else _find_command(place)
    if not has_library and command is None:
        return None
    for service, scope in services.items():
        try:
            if command is None:
                pair = _from_library(service, user)
            else:
                pair = _from_command(command, service, user)
        except Exception:  # a backend of keyring may raise anything
            return None
        if pair is not None:
            return Pair(scope, *pair, "keyring" if command is None else f"keyring ({command})")
    return None


def _from_library(service: str, user: str | None) -> tuple[str, str] | None:
    keyring = importlib.import_module("keyring")
    found = keyring.get_credential(service, user)
    if found is None or not found.username or not found.password:
        return None
    return str(found.username), str(found.password)


def _find_command(place: KeyringPlace) -> str | None:
    names = ("keyring.exe", "keyring") if os.name == "nt" else ("keyring",)
    for folder in place.path.split(os.pathsep):
        for name in names:
            path = os.path.join(folder, name)
            is_there = os.path.isfile(path) and os.access(path, os.X_OK)
            if is_there and is_own(path, place.never_inside):
                return path
    return None


def _from_command(command: str, service: str, user: str | None) -> tuple[str, str] | None:
    """Ask the command: `get SERVICE USER`, or for any user what its JSON says (keyring 25.2)."""
    if user:
        lines = _run(command, "get", service, user).splitlines()
        return (user, lines[0]) if lines and lines[0] else None
    answer = _run(command, "--mode", "creds", "--output", "json", "get", service)
    found = json.loads(answer) if answer.strip() else None
    return next(_pair(found), None)


def _pair(found: object) -> Iterator[tuple[str, str]]:
    if isinstance(found, Mapping):
        user, password = found.get("username"), found.get("password")
        if isinstance(user, str) and isinstance(password, str) and user and password:
            yield user, password


def _run(command: str, *words: str) -> str:
    done = subprocess.run(
        [command, *words],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=_SECONDS,
        check=False,
    )
    return done.stdout[:_MAX_ANSWER].decode() if done.returncode == 0 else ""
