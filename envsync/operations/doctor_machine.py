"""The checks of `doctor` that are about this machine and user."""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping

from envsync import __version__
from envsync.errors import GitFailed, UsageError
from envsync.git.program import find_git
from envsync.index.certificates import find_authorities
from envsync.operations.findings import Finding, broken, place, well, worth_knowing
from envsync.operations.shell import which_shell
from envsync.platform.confined import confinement
from envsync.platform.many_files import version as speedups_version
from envsync.settings import Settings
from envsync.trust import refuse_shared_cache

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_LOW = 1 << 30
"""Bytes that are soon full."""
_ACTIVE = {
    "VIRTUAL_ENV": "a virtual environment",
    "CONDA_PREFIX": "a conda environment",
    "PIPENV_ACTIVE": "a shell of pipenv",
    "POETRY_ACTIVE": "a shell of poetry",
    "PYENV_VERSION": "a version chosen for pyenv",
}
_PYTHON_VARIABLES = ("PYTHONPATH", "PYTHONHOME")


def program() -> Iterator[Finding]:
    """Say which envsync this is."""
    compiled = speedups_version()
    python = ".".join(map(str, sys.version_info[:3]))
    text = f"{__version__} on Python {python} ({sys.executable})"
    if compiled:
        yield well("envsync", f"{text}, with {compiled}")
    else:
        why = "ENVSYNC_PURE is set" if os.environ.get("ENVSYNC_PURE") else "none is installed"
        yield well("envsync", f"{text}; without a compiled module: {why}")


def certificates(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Say whose signatures are believed. Raises `UsageError` for a choice that holds none."""
    chosen = find_authorities(None, environ)
    named = [path for path in (chosen.file, chosen.folder) if path]
    yield well("certificates", " and ".join(named) or "those that libcurl was built with")


def proxies(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Name the variables of proxies that are set."""
    names = [name for lower in _PROXIES for name in (lower, lower.upper()) if environ.get(name)]
    for name in names:
        value = environ[name]
        yield well("proxies", f"{name}={place(value) if '://' in value else value}")
    if not names:
        yield well("proxies", "none")


def cache(settings: Settings) -> Iterator[Finding]:
    """Say where the cache is, and whether it can be used. Raises as `refuse_shared_cache`."""
    folder = settings.cache_dir
    refuse_shared_cache(folder)
    there = folder
    while not os.path.lexists(there):
        there = os.path.dirname(there)
    if not os.access(there, os.W_OK | os.X_OK):
        advice = "`--cache-dir DIR` (or ENVSYNC_CACHE_DIR) names a folder of yours"
        yield broken("cache", f"{folder}: you may not write to {there}", advice)
        return
    free = shutil.disk_usage(there).free
    text = f"{folder}{'' if there == folder else ' (made when it is needed)'}"
    if free < _LOW:
        advice = "`envsync cache prune` deletes what nothing uses"
        yield worth_knowing("cache", f"{text}, {free >> 20:,} MiB free", advice)
    else:
        yield well("cache", f"{text}, {free / 1e9:,.0f} GB free")


def confined_builds() -> Iterator[Finding]:
    """Say whether builds can be kept from the network and other folders."""
    how = confinement()
    if how.words:
        by = "bubblewrap" if "bwrap" in how.words[0] else "namespaces"
        yield well("builds", f"of sources are confined ({by}): no network, few folders to write to")
    else:
        advice = (
            "allow only builds of packages that you trust; bubblewrap helps where it is allowed"
        )
        yield worth_knowing("builds", f"of sources are not confined: {how.why_not}", advice)


def git(environ: Mapping[str, str], strangers: str | None) -> Iterator[Finding]:
    """Say which git is used for git sources."""
    try:
        yield well("git", find_git(environ, strangers))
    except GitFailed as error:
        yield worth_knowing("git", "none on PATH: git sources can't be had", error.hint or "")


def shell(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Say which shell `envsync shell` starts."""
    try:
        found = which_shell(None, dict(environ), typed=True)
    except UsageError as error:
        yield worth_knowing("shell", error.message, error.hint or "")
        return
    yield well("shell", f"{found.name} ({found.path})")


def first_python(environ: Mapping[str, str], root: str) -> Iterator[Finding]:
    """Say which Python is run when one types `python` outside of `envsync run`."""
    names = ("python", "python3")
    paths = {name: shutil.which(name, path=environ.get("PATH", os.defpath)) for name in names}
    said = [f"{name} is {path}" for name, path in paths.items() if path]
    inside = any(path and path.startswith(f"{root}{os.sep}") for path in paths.values())
    text = "; ".join(said) or "no python at all"
    if inside:
        yield well("PATH", text)
    else:
        yield well("PATH", text, "`envsync run python` is the project's own")


def others(environ: Mapping[str, str], root: str) -> Iterator[Finding]:
    """Name what other tools have switched on in this shell."""
    there = False
    for variable, what in _ACTIVE.items():
        value = environ.get(variable)
        if not value or (variable == "VIRTUAL_ENV" and value.startswith(f"{root}{os.sep}")):
            continue
        there = True
        advice = "envsync doesn't install into it; its programs come first on PATH outside of "
        yield worth_knowing(
            "other tools", f"{variable}={value}: {what} is active", f"{advice}`envsync run`"
        )
    for variable in _PYTHON_VARIABLES:
        if environ.get(variable):
            there = True
            yield worth_knowing(
                "other tools",
                f"{variable}={environ[variable]}: Python imports from there, too",
                f"`unset {variable}` unless it is meant",
            )
    if not there:
        yield well("other tools", "none are active")


def ci(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Say whether this is taken for a CI job."""
    if environ.get("CI"):
        yield well("CI", "yes: nothing is asked, drawn, or left to be done afterwards")
    else:
        yield well("CI", "no")
