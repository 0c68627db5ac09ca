"""Find git, and say with which variables and configuration it runs (hazards H21, H50).

The user's own configuration stays in force where it says how to reach a server: helpers that know
passwords, ssh, proxies, certificates, other addresses (`url.*.insteadOf`). What could run something
for a stranger's repository is switched off: hooks, monitors, filters, transports by name.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence

from envsync.errors import GitFailed
from envsync.python.trust import is_own

_KEPT = re.compile(
    r"GIT_(?:ASKPASS|SSH|SSH_COMMAND|SSH_VARIANT|CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM|COUNT)"
    r"|CONFIG_(?:KEY|VALUE)_[0-9]+|(?:PROXY_)?SSL_[A-Z]+|HTTP_PROXY_AUTHMETHOD)"
)
"""What the user says by git's own variables of how to reach a server. All others go: they may be
of a hook or an alias that runs envsync, and lead elsewhere."""
_PROGRAMS = frozenset({"GIT_ASKPASS", "GIT_SSH", "SSH_ASKPASS", "GIT_CONFIG_GLOBAL"})
_FOLDERS = frozenset({"HOME", "XDG_CONFIG_HOME"})
"""Where programs and configuration lie: not in a stranger's folder."""
_LISTS = frozenset({"PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"})
_DROPPED = ("GIT_", "ENVSYNC_", "PYTHON", "LD_", "DYLD_")

_CONFIG = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.attributesFile": os.devnull,
    "core.autocrlf": "false",
    "core.eol": "lf",
    "core.symlinks": "true",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "core.sparseCheckout": "false",
    "safe.bareRepository": "all",  # ours are named in full
    "init.templateDir": "",
    "init.defaultObjectFormat": "sha1",
    "init.defaultRefFormat": "files",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "fetch.prune": "false",
    "fetch.pruneTags": "false",
    "fetch.writeCommitGraph": "false",
    # Packs are made whole and renamed into place; loose objects would be linked one by one.
    "fetch.unpackLimit": "1",
    "transfer.unpackLimit": "1",
    "transfer.bundleURI": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "advice.detachedHead": "false",
    "credential.interactive": "false",
}

_PROTOCOLS = {
    "https": "https:ssh",
    "ssh": "https:ssh",
    "http": "http:https:ssh",
    "file": "file",
}
"""By the scheme of an address, what git may speak: the user's own configuration may put ssh in the
place of https. Nothing leads from a server to a file of this machine, or to a program (`ext::`)."""


def find_git(environ: Mapping[str, str], never_inside: str | None) -> str:
    """Give the absolute path of git: on PATH, and not in a stranger's folder.

    Raises `GitFailed`.
    """
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder, "git")
        if is_own(path, never_inside) and os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise GitFailed(
        "git", "there is no such program on PATH", hint="install git, then run this again"
    )


def variables(
    environ: Mapping[str, str], never_inside: str | None, scheme: str = "https"
) -> dict[str, str]:
    """Give git's variables for talking to an address of this scheme; it never asks the user."""
    kept = {name: value for name, value in environ.items() if _stays(name, value, never_inside)}
    lists = {name: environ[name].split(os.pathsep) for name in _LISTS if name in environ}
    return {
        **kept,
        **{
            name: os.pathsep.join(folder for folder in folders if is_own(folder, never_inside))
            for name, folders in {"PATH": os.defpath.split(os.pathsep), **lists}.items()
        },
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": _PROTOCOLS[scheme],
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "LC_ALL": "C",
        "LANGUAGE": "C",
    }


def _stays(name: str, value: str, never_inside: str | None) -> bool:
    if name in _PROGRAMS or name in _FOLDERS:
        # A bare name of a program is looked for on PATH, which is judged by itself.
        is_name = name in _PROGRAMS and os.sep not in value
        return is_name or is_own(value, never_inside)
    return _KEPT.fullmatch(name) is not None or not name.startswith(_DROPPED)


def options(filters: Sequence[str] = (), *, idle_seconds: float = 60.0) -> Iterator[str]:
    """Give the words of git's command line that switch off what a repository could bring about.

    `filters` are the drivers that the user's own configuration has: none of them runs.
    """
    config = {
        **_CONFIG,
        "http.lowSpeedLimit": "1",
        "http.lowSpeedTime": str(max(1, round(idle_seconds))),
        **{f"filter.{name}.{key}": value for name in filters for key, value in _NO_FILTER},
    }
    for key, value in config.items():
        yield "-c"
        yield f"{key}={value}"


_NO_FILTER = (("smudge", ""), ("clean", ""), ("process", ""), ("required", "false"))
