"""What this machine is: its kernel and C library, and how many processors a process may use."""

import os


def names() -> list[str]:
    """Give the names and versions of kernel and C library, by which wheel tags are decided.

    "" stands for a library that has none.
    """
    parts = []
    if hasattr(os, "uname"):
        kernel = os.uname()
        parts.append(f"{kernel.release} {kernel.version}")
    try:
        parts.append(os.confstr("CS_GNU_LIBC_VERSION") or "")
    except (AttributeError, OSError, ValueError):
        parts.append("")
    return parts


def processors() -> int:
    """Give how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
