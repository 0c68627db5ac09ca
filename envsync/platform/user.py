"""The user of this process: where their own places are, what is theirs, and who else it may be.

On the shortest path of the program: imports next to nothing. Which folders can be believed is
`trust`'s matter.
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


def account_home() -> str:
    """Give the home of this account, whatever HOME says."""
    try:
        import pwd  # noqa: PLC0415  (not on every platform)

        return pwd.getpwuid(os.getuid()).pw_dir
    except (ImportError, KeyError):
        return os.path.expanduser("~")


# Whose is it


def is_root() -> bool:
    """Say whether this user may change what belongs to anybody."""
    return os.geteuid() == 0


def is_mine(status: os.stat_result) -> bool:
    """Say whether something belongs to this user."""
    return status.st_uid == os.geteuid()


def is_mine_or_roots(status: os.stat_result) -> bool:
    """Say whether something belongs to this user or to root.

    In a user namespace root has another number: that of whoever the root folder belongs to.
    """
    return status.st_uid in (os.geteuid(), 0, os.stat("/").st_uid)


def stranger(*things: os.stat_result) -> "int | None":
    """Give the number of a user, neither this one nor root, whom one of some things belongs to.

    For root, whoever became root (SUDO_UID) is no stranger either.
    """
    me = os.geteuid()
    sudo = os.environ.get("SUDO_UID", "") if me == 0 else ""
    own = {me, 0} | ({int(sudo)} if sudo.isascii() and sudo.isdigit() else set())
    return min({status.st_uid for status in things} - own, default=None)


def owner_name(status: os.stat_result) -> str:
    """Give the name of the user something belongs to, or the number of one without a name."""
    import pwd  # noqa: PLC0415

    try:
        return pwd.getpwuid(status.st_uid).pw_name
    except KeyError:
        return str(status.st_uid)


# Who may write to it


def others_cannot_write(status: os.stat_result) -> bool:
    """Say whether nobody but this user and root can have written something.

    No group counts as this user's own: looking one up takes longer than all the rest.
    """
    return status.st_uid in (os.geteuid(), 0) and not status.st_mode & 0o022


def only_root_writes(status: os.stat_result, *, sticky: bool = False) -> bool:
    """Say whether nobody but root can have written something.

    `sticky`: a folder in which nobody takes away what is another's (/tmp) is as good.
    """
    shared = status.st_mode & 0o022 and not (sticky and status.st_mode & 0o1000)
    return status.st_uid == 0 and not shared


def only_owner_writes(path: str, status: os.stat_result) -> bool:
    """Say whether neither everybody nor a group with other users may write to a folder."""
    if status.st_mode & 0o002:
        return False
    return not status.st_mode & 0o020 or (
        _is_own_group(status.st_gid) and "system.posix_acl_access" not in _attributes(path)
    )


def _is_own_group(group: int) -> bool:
    import grp  # noqa: PLC0415  (rarely needed)
    import pwd  # noqa: PLC0415

    me = os.geteuid()
    try:
        named = grp.getgrgid(group)
    except KeyError:
        return me != 0 and group in (os.getegid(), *os.getgroups())
    try:
        own = pwd.getpwuid(me)
    except KeyError:
        return False
    mine = me != 0 and own.pw_gid == group and own.pw_name == named.gr_name
    return mine and set(named.gr_mem) <= {own.pw_name}


def _attributes(path: str) -> list[str]:
    """Give the names of extended attributes: an access list may let others in through the group."""
    return os.listxattr(path) if hasattr(os, "listxattr") else []
