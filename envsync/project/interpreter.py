"""Choose a project's interpreter, taking nothing from the clone that the project lies in.

A clone may be larger than the project: nothing below its top folder is run unasked.
"""

import os
from collections.abc import Collection

from packaging.specifiers import SpecifierSet

from envsync.events import Reporter
from envsync.model.target import Target
from envsync.platform.user import account_home
from envsync.project.paths import upwards
from envsync.project.user_config import read_user_config
from envsync.python.find import find_target
from envsync.python.trust import is_inside
from envsync.settings import Settings
from envsync.spec.user_config import UserConfig

_MARKS = ("env.toml", ".git", ".hg", ".jj", ".svn")


def find_interpreter(
    asked: str | None,
    requires_python: SpecifierSet | None,
    root: str,
    settings: Settings,
    reporter: Reporter,
) -> Target:
    """Give the interpreter that the user asks for, else the one that a project's env.toml means.

    `asked` is its `[env] python`, `root` the project's folder. Raises `UsageError` and
    `InterpreterNotFound`.
    """
    strangers = strangers_folder(settings.script_folder or root)
    return find_target(
        settings.python or asked,
        requires_python,
        cache_dir=settings.cache_dir,
        reporter=reporter,
        never_inside=strangers,
        by_user=bool(settings.python),
        allowed=lambda: allowed(settings, strangers),
    )


def allowed(settings: Settings, strangers: str | None) -> Collection[str]:
    """Give the interpreters that the user lets env.toml name."""
    return own_config(settings, strangers).pythons


def own_config(settings: Settings, strangers: str | None) -> UserConfig:
    """Read what config.toml gives leave for, whatever lies in the `strangers` folder.

    One that came with the clone is not the user's, unless ENVSYNC_CONFIG_FILE names it.
    """
    inside = strangers is not None and is_inside(settings.config_file, strangers)
    if inside and not settings.is_config_named:
        return UserConfig()
    return read_user_config(settings)


def strangers_folder(folder: str) -> str | None:
    """Give the top of the clone that a folder lies in: the folder itself where nothing marks one.

    None where that would hold the user's home, whose programs are the user's.
    """
    top = None
    for above in upwards(os.path.realpath(folder)):
        if _holds_home(above):
            break
        if top is None or any(os.path.lexists(os.path.join(above, mark)) for mark in _MARKS):
            top = above
    return top


def _holds_home(folder: str) -> bool:
    """Tell whether this account's home is a folder or below it, whatever HOME says."""
    return is_inside(account_home(), folder)
