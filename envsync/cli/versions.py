"""Which envsync this is, and with what compiled module."""

from envsync import __version__
from envsync.platform.many_files import version


def speedups_version() -> str:
    """Give the name and version of the compiled module that is used; "" is none."""
    return version()


def version_line() -> str:
    """Give the version, and that of what was compiled."""
    return " with ".join(filter(None, (f"envsync {__version__}", speedups_version())))
