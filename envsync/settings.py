"""Environment variables and global flags, read once into one frozen value."""

import os
from collections.abc import Mapping
from typing import NamedTuple

from envsync.errors import UsageError
from envsync.platform.user import cache_dir, config_file, state_dir

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"", "0", "false", "no", "off"})


class Settings(NamedTuple):
    """What the machine and the user say, as opposed to env.toml."""

    cache_dir: str
    """Absolute path of the store and caches (`ENVSYNC_CACHE_DIR`); "" where there is no place."""
    state_dir: str = ""
    """Absolute path of what is kept of this user beside caches; "" where there is no place."""
    default_index: str | None = None
    """URL that stands in for the public index (`ENVSYNC_DEFAULT_INDEX`)."""
    python: str | None = None
    """The interpreter asked for (`--python`, `ENVSYNC_PYTHON`)."""
    offline: bool = False
    refresh: bool = False
    keyring: bool = False
    timeout: float = 30.0
    """Seconds without a byte after which a transfer is given up."""
    insecure_hosts: frozenset[str] = frozenset()
    """Hosts beside loopback to which plain http is allowed."""
    index_credentials: Mapping[str, tuple[str, str]] = {}
    """Index name, upper case with `_`, -> user name and password."""
    index_urls: Mapping[str, str] = {}
    """Index name, likewise, -> the address that its credentials belong to."""
    client_certificates: Mapping[str, tuple[str, str]] = {}
    """Index name, likewise, or "" for every server -> PEM files of certificate and key."""
    netrc: str | None = None
    script_folder: str = ""
    """Where the script lies whose metadata is the project (PEP 723); "" for other projects."""
    config_file: str = ""
    """Absolute path of the user's own config.toml, which needn't exist; "" where none can be."""
    is_config_named: bool = False
    """`ENVSYNC_CONFIG_FILE` names it, so it must exist."""
    can_ask: bool = True
    """Questions make sense: this is no CI job."""
    verbosity: int = 0
    """-1 quiet, 0 normal, 1 verbose."""
    progress: bool = True
    color: str = "auto"
    json: bool = False
    wheelhouse: str = ""
    """The folder that all files come from (`sync --from`), absolute; "": from where the lock
    says."""
    venvs: str = ""
    """The user's own folder for environments (`ENVSYNC_VENV`), absolute; "" where none is named."""
    compile_bytecode: bool | None = None
    """What stands in for env.toml's `[sync] compile-bytecode` (`ENVSYNC_COMPILE_BYTECODE`)."""
    background: bool = False
    """Something may be left to be done after the command (not in CI, `ENVSYNC_NO_BACKGROUND`)."""


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read the `ENVSYNC_*` variables, and the shared ones such as `NO_COLOR` and `NETRC`.

    Raises `UsageError` for a value that can't be used.
    """
    quiet = flag(environ, "ENVSYNC_QUIET")
    return Settings(
        cache_dir=cache_dir(environ),
        state_dir=state_dir(environ),
        default_index=environ.get("ENVSYNC_DEFAULT_INDEX") or None,
        python=environ.get("ENVSYNC_PYTHON") or None,
        offline=flag(environ, "ENVSYNC_OFFLINE"),
        refresh=flag(environ, "ENVSYNC_REFRESH"),
        keyring=flag(environ, "ENVSYNC_KEYRING"),
        timeout=_seconds(environ, "ENVSYNC_HTTP_TIMEOUT", 30.0),
        insecure_hosts=frozenset(environ.get("ENVSYNC_ALLOW_INSECURE_HOST", "").split()),
        index_credentials=_credentials(environ),
        index_urls=_index_urls(environ),
        client_certificates=_client_certificates(environ),
        netrc=environ.get("NETRC") or None,
        config_file=config_file(environ),
        is_config_named=bool(environ.get("ENVSYNC_CONFIG_FILE")),
        can_ask=not environ.get("CI"),
        verbosity=-1 if quiet else int(flag(environ, "ENVSYNC_VERBOSE")),
        progress=not flag(environ, "ENVSYNC_NO_PROGRESS") and not environ.get("CI"),
        color=_color(environ),
        json=flag(environ, "ENVSYNC_JSON"),
        venvs=_folder(environ, "ENVSYNC_VENV"),
        compile_bytecode=(
            flag(environ, "ENVSYNC_COMPILE_BYTECODE")
            if environ.get("ENVSYNC_COMPILE_BYTECODE")
            else None
        ),
        background=not flag(environ, "ENVSYNC_NO_BACKGROUND") and not environ.get("CI"),
    )


def flag(environ: Mapping[str, str], name: str) -> bool:
    """Read a yes-or-no variable: 0/1, true/false, yes/no, on/off; unset and empty are no."""
    value = environ.get(name, "").strip().lower()
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise UsageError(f"{name}={environ[name]}: expected true or false", hint=f"{name}=1")


def _folder(environ: Mapping[str, str], name: str) -> str:
    text = environ.get(name, "")
    if text and not os.path.isabs(text):
        raise UsageError(
            f"{name}={text}: expected a folder, written in full", hint=f"{name}=/var/tmp/venvs"
        )
    return os.path.normpath(text) if text else ""


def _seconds(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name)
    if not text:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= 86_400:
        raise UsageError(f"{name}={text}: expected a number of seconds", hint=f"{name}=30")
    return seconds


def _color(environ: Mapping[str, str]) -> str:
    """`ENVSYNC_COLOR`, else what NO_COLOR, FORCE_COLOR and CLICOLOR_FORCE say."""
    chosen = environ.get("ENVSYNC_COLOR")
    if chosen:
        if chosen not in ("auto", "always", "never"):
            raise UsageError(
                f"ENVSYNC_COLOR={chosen}: expected auto, always or never", hint="ENVSYNC_COLOR=auto"
            )
        return chosen
    if environ.get("NO_COLOR"):
        return "never"
    if environ.get("FORCE_COLOR") or environ.get("CLICOLOR_FORCE"):
        return "always"
    return "auto"


def _credentials(environ: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Collect ENVSYNC_INDEX_NAME_USERNAME and ENVSYNC_INDEX_NAME_PASSWORD."""
    pairs: dict[str, tuple[str, str]] = {}
    for variable in environ:
        if variable.startswith("ENVSYNC_INDEX_") and variable.endswith(("_USERNAME", "_PASSWORD")):
            name = variable.removeprefix("ENVSYNC_INDEX_").rsplit("_", 1)[0]
            user = environ.get(f"ENVSYNC_INDEX_{name}_USERNAME", "")
            password = environ.get(f"ENVSYNC_INDEX_{name}_PASSWORD", "")
            if user or password:
                pairs[name] = (user, password)
    return pairs


def _client_certificates(environ: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Collect ENVSYNC_INDEX_NAME_CLIENT_CERT with _CLIENT_KEY, and SSL_CLIENT_CERT for all."""
    shown = {
        name: (path, environ.get(f"ENVSYNC_INDEX_{name}_CLIENT_KEY", ""))
        for variable, path in environ.items()
        if variable.startswith("ENVSYNC_INDEX_") and variable.endswith("_CLIENT_CERT") and path
        for name in (variable.removeprefix("ENVSYNC_INDEX_").removesuffix("_CLIENT_CERT"),)
    }
    if environ.get("SSL_CLIENT_CERT"):
        shown[""] = (environ["SSL_CLIENT_CERT"], "")
    return shown


def _index_urls(environ: Mapping[str, str]) -> dict[str, str]:
    """Collect ENVSYNC_INDEX_NAME_URL."""
    return {
        variable.removeprefix("ENVSYNC_INDEX_").removesuffix("_URL"): url
        for variable, url in environ.items()
        if variable.startswith("ENVSYNC_INDEX_") and variable.endswith("_URL") and url
    }
