"""The user's own places, as the variables name them: the cache, envsync's state, the settings file.

On the shortest path of the program: imports next to nothing. Which of these folders can be believed
is `trust`'s matter.
"""

import os

_LARGEST = 1 << 20

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def cache_dir(environ: "Mapping[str, str]") -> str:
    """Give the absolute path of the store and caches; "" where no variable leads to one.

    `ENVSYNC_CACHE_DIR`, else `envsync` in the platform's place for caches (XDG base directories
    on POSIX).
    """
    chosen = environ.get("ENVSYNC_CACHE_DIR")
    if chosen:
        return os.path.abspath(chosen)
    if os.name == "nt":
        base = environ.get("LOCALAPPDATA") or os.path.expanduser("~\\AppData\\Local")
        return os.path.join(base, "envsync", "Cache")
    return _below_home(environ, "XDG_CACHE_HOME", ".cache")


def state_dir(environ: "Mapping[str, str]") -> str:
    """Give the absolute path of what envsync keeps of the user's, and no cleaning takes away.

    "" where no variable leads to one. `envsync` in the place for state (XDG base directories).
    """
    return _below_home(environ, "XDG_STATE_HOME", ".local/state")


def config_file(environ: "Mapping[str, str]") -> str:
    """Give the absolute path of the user's own settings file; "" where no variable leads to one."""
    chosen = environ.get("ENVSYNC_CONFIG_FILE")
    if chosen:
        return os.path.abspath(chosen)
    if os.name == "nt":
        base = environ.get("APPDATA") or os.path.expanduser("~\\AppData\\Roaming")
        return os.path.join(base, "envsync", "config.toml")
    # Without a home there is none: what lies in a folder called `~` here would be a stranger's.
    folder = _below_home(environ, "XDG_CONFIG_HOME", ".config")
    return folder and os.path.join(folder, "config.toml")


def may_speak_of_venvs(path: str) -> bool:
    """Say whether a settings file may say where environments lie; parsing it takes longer."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            text = file.read(_LARGEST)
    except OSError:
        return False
    return b"venv" in text or b"\\" in text or len(text) == _LARGEST


def home_dir(environ: "Mapping[str, str]") -> str:
    """Give the user's home; "" where neither HOME nor the users' database has an absolute path."""
    home = environ.get("HOME", os.path.expanduser("~"))
    return os.path.normpath(home) if home.startswith("/") else ""


def _below_home(environ: "Mapping[str, str]", variable: str, default: str) -> str:
    """A relative path in an XDG variable is invalid, the specification says: as if unset."""
    base = environ.get(variable, "")
    if not base.startswith("/"):
        home = home_dir(environ)
        if not home:
            return ""
        base = os.path.join(home, default)
    return os.path.join(base, "envsync")
