"""Give a build private folders, and just those of the user's variables that it needs."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

from envsync.build.unpack import EARLIEST_TIME
from envsync.files import remove_tree, storage_errors

# Nothing that may hold a secret is on this list: it is all of the user's environment that a build
# gets to see.
_INHERITED = (
    *("CC", "CXX", "CPP", "FC", "F77", "LD", "AR", "RANLIB", "STRIP", "NVCC"),
    *("CFLAGS", "CXXFLAGS", "CPPFLAGS", "FFLAGS", "FCFLAGS", "LDFLAGS", "ARCHFLAGS", "RUSTFLAGS"),
    *("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH", "LD_LIBRARY_PATH"),
    *("PKG_CONFIG", "PKG_CONFIG_PATH", "PKG_CONFIG_LIBDIR", "PKG_CONFIG_SYSROOT_DIR"),
    *("CMAKE_PREFIX_PATH", "CMAKE_GENERATOR", "CMAKE_ARGS", "MAKEFLAGS", "NPY_NUM_BUILD_JOBS"),
    *("CMAKE_BUILD_PARALLEL_LEVEL", "CUDA_HOME", "CUDA_PATH", "JAVA_HOME", "LLVM_CONFIG"),
    *("MACOSX_DEPLOYMENT_TARGET", "SDKROOT", "DEVELOPER_DIR", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"),
)
_PROXIES = tuple(
    spelling
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
    for spelling in (name, name.upper())
)
"""Inherited too, but only without user name and password."""


class Room(NamedTuple):
    """Private folders of one build; all of it goes when the build is over."""

    home: str
    temporary: str
    result: str


@contextmanager
def open_room() -> Iterator[Room]:
    """Make the private folders of a build, and remove them with all that is in them afterwards."""
    with storage_errors(tempfile.gettempdir()):
        root = tempfile.mkdtemp(prefix="envsync-build-")
    try:
        room = Room(*(os.path.join(root, name) for name in Room._fields))
        with storage_errors(root):
            for folder in room:
                os.mkdir(folder, 0o700)
        yield room
    finally:
        with suppress(OSError):  # what a build made undeletable must not fail it
            remove_tree(root)


def scrub(environ: Mapping[str, str], path: Sequence[str], room: Room) -> dict[str, str]:
    """Give a build's environment variables: what compilers need, nothing that opens a door.

    Home and temporary folder are the build's own. PATH begins with `path` and keeps absolute
    folders only (hazard H21). Clock and hash seed are fixed, so that a backend that means to gives
    the same wheel twice.
    """
    inherited = {name: environ[name] for name in _INHERITED if name in environ}
    inherited |= {
        name: environ[name] for name in _PROXIES if name in environ and "@" not in environ[name]
    }
    folders = [*path, *environ.get("PATH", os.defpath).split(os.pathsep)]
    toolchains = os.path.join(environ.get("HOME", ""), ".rustup")
    if "RUSTUP_HOME" not in inherited and os.path.isabs(toolchains) and os.path.isdir(toolchains):
        inherited["RUSTUP_HOME"] = toolchains  # else cargo finds no compiler from another home
    return inherited | {
        "HOME": room.home,
        "LC_ALL": "C.UTF-8",
        "PATH": os.pathsep.join(folder for folder in folders if os.path.isabs(folder)),
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUTF8": "1",
        "SOURCE_DATE_EPOCH": str(EARLIEST_TIME),
        "TMPDIR": room.temporary,
        "TZ": "UTC",
    }
