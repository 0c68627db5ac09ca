"""Say whether a project finds its version in the history of its repository.

    [build-system] requires = ["setuptools-scm"], no version     history and tags
    [project] version = "1.0"                                    the commit alone

A commit without history has no tags to count from: setuptools-scm would call it 0.1.dev1. What
isn't noticed here (a setup.py that asks git by other words) may go wrong by that, and fetching all
of every history would cost every other package dearly.
"""

import re

from envsync.spec.toml import loads

_VERSION_CONTROL = re.compile(
    r"(?i)scm|vcs|pbr\b|versioneer|dunamai|versioningit|dynamic.versioning|git.version"
    r"|(?<![\w./@:])git(?![\w.:+])"
)
_COMMENT = re.compile(r"(?m)^\s*#.*$")


READ = (
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "meson.build",
    "CMakeLists.txt",
    "hatch_build.py",
)
"""Names of the files that say it, pyproject.toml first."""


def asks_history(pyproject: bytes | None, *scripts: bytes | None) -> bool:
    """Judge pyproject.toml, and the scripts and files of build systems beside it (`READ`)."""
    texts = [data.decode(errors="replace") for data in (pyproject, *scripts) if data]
    if pyproject is not None and _has_version(pyproject):
        return False
    return any(_VERSION_CONTROL.search(_COMMENT.sub("", text)) for text in texts)


def _has_version(pyproject: bytes) -> bool:
    try:
        table = loads(pyproject.decode()).get("project")
    except ValueError:
        return False
    return isinstance(table, dict) and isinstance(table.get("version"), str)
