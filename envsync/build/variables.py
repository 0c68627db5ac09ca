"""Give a build its environment variables, and hide what is secret in them from what it prints.

    a stranger's source     what compilers need, nothing that opens a door, and what env.toml gives
    the user's own folder   the user's own environment, without envsync's and Python's part of it

A build of the user's own folder is a program of the user's, as it is for pip and uv. What steers
Python is left out of both, so that the build sees its requirements and nothing else.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from envsync.build.room import Room
from envsync.build.unpack import EARLIEST_TIME
from envsync.redaction import HIDDEN, is_secret_parameter

# Nothing that may hold a secret is on this list: it is all of the user's environment that the
# build of a stranger's source gets to see unasked.
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

_OWN_PREFIXES = ("ENVSYNC_", "PYTHON", "_PYTHON")
_OWN_NAMES = frozenset({"VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "__PYVENV_LAUNCHER__"})
"""What no build gets: secrets of envsync's own, and what leads Python elsewhere."""
_NO_SECRETS = frozenset({"USER", "LOGNAME", "USERNAME", "SUDO_USER", "PATH"})
_SHORTEST_SECRET = 4


def passed(environ: Mapping[str, str], patterns: Iterable[str]) -> dict[str, str]:
    """Give the user's variables whose names fit one of the patterns (`CARGO_*`)."""
    wanted = tuple(patterns)
    return {
        name: value
        for name, value in environ.items()
        if not _is_kept_out(name) and any(fnmatchcase(name, pattern) for pattern in wanted)
    }


def variables_of_a_strangers_build(
    environ: Mapping[str, str], given: Mapping[str, str], path: Sequence[str], room: Room
) -> dict[str, str]:
    """Give what compilers need, nothing that opens a door, and what is `given`.

    Home and temporary folder are the build's own. PATH begins with `path` and keeps absolute
    folders only (hazard H21). Clock and hash seed are fixed, so that a backend that means to gives
    the same wheel twice.
    """
    inherited = {name: environ[name] for name in _INHERITED if name in environ}
    inherited |= {
        name: environ[name] for name in _PROXIES if name in environ and "@" not in environ[name]
    }
    toolchains = os.path.join(environ.get("HOME", ""), ".rustup")
    if "RUSTUP_HOME" not in inherited and os.path.isabs(toolchains) and os.path.isdir(toolchains):
        inherited["RUSTUP_HOME"] = toolchains  # else cargo finds no compiler from another home
    fixed = {"LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": str(EARLIEST_TIME), "TZ": "UTC"}
    private = {"HOME": room.home, "PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}
    return {**inherited, **fixed, **given, **private, **_always(environ, path, room)}


def variables_of_an_own_build(
    environ: Mapping[str, str], given: Mapping[str, str], path: Sequence[str], room: Room
) -> dict[str, str]:
    """Give the user's own environment, and what is `given`; what it makes stays out of sources.

    The temporary folder is the build's own all the same: it goes with it.
    """
    own = {name: value for name, value in environ.items() if not _is_kept_out(name)}
    kept = {"PYTHONDONTWRITEBYTECODE": "1"}
    return {**own, **given, **kept, **_always(environ, path, room)}


def _always(environ: Mapping[str, str], path: Sequence[str], room: Room) -> dict[str, str]:
    folders = [*path, *environ.get("PATH", os.defpath).split(os.pathsep)]
    return {
        "PATH": os.pathsep.join(folder for folder in folders if os.path.isabs(folder)),
        "PYTHONNOUSERSITE": "1",
        "TMPDIR": room.temporary,
    }


def _is_kept_out(name: str) -> bool:
    return name.startswith(_OWN_PREFIXES) or name in _OWN_NAMES


def secrets_in(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Give the values that are secret, by the variable's name or their own look; longest first.

    Each line of a value is one: output is shown line by line. Where something lies is no secret.
    """
    secrets = {
        line.strip()
        for name, value in variables.items()
        if name not in _NO_SECRETS
        and is_secret_parameter(f"{name}={value}")
        and not _is_path(value)
        for line in value.splitlines()
    }
    return tuple(sorted((one for one in secrets if len(one) >= _SHORTEST_SECRET), key=len)[::-1])


def _is_path(value: str) -> bool:
    return os.path.isabs(value) and "\0" not in value and os.path.lexists(value)


def conceal(text: str, secrets: Iterable[str]) -> str:
    """Put `***` in the place of each secret in a text."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text
