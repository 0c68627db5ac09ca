"""Describe an empty environment: target, place and prompt -> the folders, links and files it has.

The result is a value; `sync` writes it. The layout is that of `python -m venv` (PEP 405) without
pip, so that every tool that knows virtual environments knows these.
"""

import ntpath
import os
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from envsync.errors import TargetRefused, UsageError
from envsync.model.target import Target
from envsync.venv.activate import activation_scripts

# What backup programs look for: https://bford.info/cachedir/
_CACHEDIR_TAG = (
    b"Signature: 8a477f597d28d172789f06886806bc55\n"
    b"# This folder was made by envsync from env.toml and pylock.toml, and can be made again.\n"
)
_GITIGNORE = b"# Made by envsync: not to be committed.\n*\n"

MARKED = ("pyvenv.cfg", ".gitignore", "CACHEDIR.TAG")
"""Files of an environment that say that envsync made it. Anybody can write them: they tell what may
be made anew without asking, and nothing else."""

_VERSION = re.compile(r"([0-9.]+?)(?:(a|b|rc)([0-9]+))?\+?")
_STAGES = {"": "final", "a": "alpha", "b": "beta", "rc": "candidate"}


class EnvFile(NamedTuple):
    """One folder, link or file of an environment."""

    path: str
    """Relative to the environment's root, with forward slashes."""
    kind: Literal["dir", "file", "link", "copy"]
    content: bytes = b""
    """Of a file."""
    link: str = ""
    """Of a link, what it leads to; of a copy, the absolute path of the original."""
    mode: int = 0o644


def environment_files(
    target: Target, *, root: str, prompt: str, system_site_packages: bool = False
) -> tuple[EnvFile, ...]:
    """Give everything that an environment at `root` (absolute) holds before any package.

    Folders come before what is in them. An empty `prompt` means the name of the root's folder.
    Raises `TargetRefused` for a root that no PATH or script can hold, `UsageError` for a prompt
    that can't be printed.
    """
    windows = target.environment["os_name"] == "nt"
    refuse_root(root, windows=windows)
    prompt = prompt or os.path.basename(root)
    refuse_prompt(prompt)
    scripts = activation_scripts(target, root=root, prompt=prompt)
    return (
        *_folders(target),
        *(_windows_launchers(target) if windows else _posix_links(target)),
        EnvFile("pyvenv.cfg", "file", pyvenv_cfg(target, prompt, system_site_packages)),
        EnvFile(".gitignore", "file", _GITIGNORE),
        EnvFile("CACHEDIR.TAG", "file", _CACHEDIR_TAG),
        *(EnvFile(f"{target.scripts}/{name}", "file", content) for name, content in scripts),
    )


def is_mark(name: str, content: bytes) -> bool:
    """Say whether a file of an environment, one of `MARKED`, is as envsync writes it."""
    if name != "pyvenv.cfg":
        return content in (_GITIGNORE, _CACHEDIR_TAG)
    return any(line.partition(b"=")[0].strip() == b"envsync" for line in content.splitlines())


def refuse_root(root: str, *, windows: bool) -> None:
    """Raise `TargetRefused` for a path that can't be an environment's."""
    if not (ntpath.isabs(root) if windows else root.startswith("/")):
        raise TargetRefused(root, "an environment's path must be absolute")
    if any(character in root for character in "\n\r\0"):
        raise TargetRefused(
            ascii(root), "a line break in the path: no script could name it", hint=_ELSEWHERE
        )
    separator = ";" if windows else ":"
    if separator in root:
        raise TargetRefused(
            root, f'a "{separator}" in the path: PATH would break there', hint=_ELSEWHERE
        )


_ELSEWHERE = "rename the folder, or set `[env] path` in env.toml to another one"


def refuse_prompt(prompt: str) -> None:
    """Raise `UsageError` for a prompt that is not one line of printable text."""
    if not prompt.isprintable():
        raise UsageError(
            f"a prompt must be printable: {prompt!a}", hint="change `[env] name` in env.toml"
        )


def _folders(target: Target) -> Iterator[EnvFile]:
    """Give the folders, and `lib64` where Python makes it: some look for packages there."""
    include = "Include" if target.scripts == "Scripts" else "include"
    wanted = (include, target.scripts, target.purelib, target.platlib)
    seen = {""}
    for path in wanted:
        parts = path.split("/")
        for length in range(1, len(parts) + 1):
            folder = "/".join(parts[:length])
            if folder not in seen:
                seen.add(folder)
                yield EnvFile(folder, "dir", mode=0o755)
    environment = target.environment
    posix = environment["os_name"] == "posix" and environment["sys_platform"] != "darwin"
    if posix and target.pointer_bits == 64 and "lib64" not in seen:
        yield EnvFile("lib64", "link", link="lib", mode=0o777)


def _posix_links(target: Target) -> Iterator[EnvFile]:
    """Link `python` to the base interpreter, and all its other names to `python`."""
    yield EnvFile(f"{target.scripts}/python", "link", link=target.executable, mode=0o777)
    for name in interpreter_names(target)[1:]:
        yield EnvFile(f"{target.scripts}/{name}", "link", link="python", mode=0o777)


def interpreter_names(target: Target) -> list[str]:
    """Give the names that an environment's interpreter goes by, `python` first."""
    major, minor = target.version.split(".")[:2]
    names = ["python", f"python{major}", f"python{major}.{minor}"]
    if target.free_threaded:
        names.append(f"python{major}.{minor}t")
    if target.implementation != "cpython":
        name = target.implementation
        names += [name, f"{name}{major}", f"{name}{major}.{minor}"]
    return names


def _windows_launchers(target: Target) -> Iterator[EnvFile]:
    """Copy the launchers that come with Python; they find the base through pyvenv.cfg."""
    folder = ntpath.join(target.base_prefix, "Lib", "venv", "scripts", "nt")
    renamed = int(target.version.split(".")[1]) >= 13
    threads = "t" if target.free_threaded else ""
    for name, launcher in (("python", "venvlauncher"), ("pythonw", "venvwlauncher")):
        original = f"{launcher}{threads}.exe" if renamed else f"{name}.exe"
        source = ntpath.join(folder, original)
        yield EnvFile(f"{target.scripts}/{name}.exe", "copy", link=source, mode=0o755)


def pyvenv_cfg(target: Target, prompt: str, system_site_packages: bool) -> bytes:
    """Write `pyvenv.cfg` (PEP 405), with the keys that venv and virtualenv write, and our mark."""
    path = ntpath if target.environment["os_name"] == "nt" else os.path
    settings = {
        "home": path.dirname(target.executable),
        "implementation": target.environment["platform_python_implementation"],
        "version": target.version,
        "version_info": _version_info(target.version),
        "include-system-site-packages": "true" if system_site_packages else "false",
        "base-prefix": target.base_prefix,
        "base-exec-prefix": target.base_exec_prefix or target.base_prefix,
        "base-executable": target.executable,
        "prompt": prompt,
        "envsync": "1",
    }
    if any("\n" in value or "\r" in value for value in settings.values()):
        raise TargetRefused(ascii(target.executable), "a line break in the interpreter's path")
    lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
    return lines.encode("utf-8", "surrogateescape")


def _version_info(version: str) -> str:
    """Write "3.13.0rc1" as "3.13.0.candidate.1", as `sys.version_info` has it."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return version
    release, stage, serial = match.groups()
    return f"{release}.{_STAGES[stage or '']}.{serial or 0}"
