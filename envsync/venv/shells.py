"""The shells that people use: which one this is, how it enters an environment, how it is started.

What a shell is told of an environment's path is quoted as data, or handed over in a variable.
"""

import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from envsync.platform.parents import commands_of_parents
from envsync.venv.activate import (
    quote_csh,
    quote_fish,
    quote_nu,
    quote_powershell,
    quote_python,
    quote_sh,
)


class Family(NamedTuple):
    """What shells of one language have in common."""

    script: str
    """The activation script, in the environment's folder of scripts."""
    line: str
    """The statement that reads a script; {} is the quoted path."""
    quote: Callable[[str], str]
    usage: str
    """What a user types to evaluate what `envsync activate` prints."""


_SH = Family("activate", ". {}", quote_sh, 'eval "$(envsync activate)"')
_CSH = Family("activate.csh", "source {}", quote_csh, 'eval "`envsync activate`"')
_POWERSHELL = Family(
    "activate.ps1", ". {}", quote_powershell, "envsync activate | Out-String | Invoke-Expression"
)

SHELLS: Mapping[str, Family] = {
    **dict.fromkeys(("bash", "zsh", "sh", "dash", "ash", "ksh", "ksh93", "mksh", "yash"), _SH),
    "fish": Family("activate.fish", "source {}", quote_fish, "envsync activate | source"),
    "csh": _CSH,
    "tcsh": _CSH,
    "nu": Family("activate.nu", "overlay use {}", quote_nu, "overlay use .venv/bin/activate.nu"),
    "xonsh": Family("activate.xsh", "source @({})", quote_python, "execx($(envsync activate))"),
    "pwsh": _POWERSHELL,
    "powershell": _POWERSHELL,
}


class Found(NamedTuple):
    """A shell that was found."""

    name: str
    """A key of `SHELLS`."""
    path: str
    """Of the program, or its name where the path isn't known."""


def activation(name: str, scripts: str) -> str:
    """Give the line that enters an environment in a shell; `scripts` is its folder of scripts."""
    family = SHELLS[name]
    return family.line.format(family.quote(f"{scripts}/{family.script}"))


# Which shell


def surrounding_shell(environ: Mapping[str, str], *, typed: bool) -> Found | None:
    """Give the shell that called this process, by its parents, else the user's ($SHELL).

    With `typed` one that only runs a command for another program (`sh -c`) is passed over.
    """
    for command in commands_of_parents():
        caller = _shell_of(_called(command))
        if caller and not (typed and any(re.fullmatch(r"-[a-z]*c", word) for word in command[1:])):
            return caller
    shell = environ.get("SHELL", "")
    return _shell_of(shell) if shell else None


def _called(command: Sequence[str]) -> str:
    """Give what was called: `busybox ash` is ash."""
    is_many = os.path.basename(command[0]) in ("busybox", "toybox") and len(command) > 1
    return command[1] if is_many else command[0]


def _shell_of(program: str) -> Found | None:
    """Recognise a shell by how it was called; a login shell has a hyphen in front."""
    name = os.path.basename(program.removeprefix("-")).removesuffix(".exe").lower()
    if name not in SHELLS:
        return None
    return Found(name, program if os.path.isabs(program) else name)


def program_of(
    shell: Found, environ: Mapping[str, str], is_own: Callable[[str], bool] = os.path.isabs
) -> str | None:
    """Give the path of a shell's program: as it was found, the user's own, or from PATH.

    `is_own` says of a folder of PATH whether it is the user's: an empty or relative entry means
    the current folder, which may be anybody's.
    """
    for path in (shell.path, environ.get("SHELL", "")):
        is_it = os.path.isabs(path) and os.path.basename(path).removesuffix(".exe") == shell.name
        if is_it and os.access(path, os.X_OK):
            return path
    folders = environ.get("PATH", os.defpath).split(os.pathsep)
    return shutil.which(shell.name, path=os.pathsep.join(filter(is_own, folders)))


# Starting


class Start(NamedTuple):
    """How a shell is started that reads the user's own files first, then enters an environment."""

    command: list[str]
    variables: Mapping[str, str | None]
    """To be set, or removed, for the shell; its start file puts them back."""
    files: Mapping[str, str] = {}
    """Start files, by name: they are the same for all environments and users."""


def start(shell: Found, root: str, folder: str, environ: Mapping[str, str]) -> Start:
    """Say how to start a shell in the environment at `root`; its start files go to `folder`."""
    program, name = shell.path, shell.name
    script = f"{root}/bin/{SHELLS[name].script}"
    handed: dict[str, str | None] = {"_ENVSYNC_ACTIVATE": script}
    if name == "bash":
        return Start([program, "--rcfile", f"{folder}/bashrc", "-i"], handed, {"bashrc": _BASHRC})
    if name == "yash":
        return Start([program, "--rcfile", f"{folder}/yashrc", "-i"], handed, {"yashrc": _YASHRC})
    if name == "zsh":
        zdotdir = {"ZDOTDIR": folder, "_ENVSYNC_ZDOTDIR": environ.get("ZDOTDIR")}
        return Start([program, "-i"], handed | zdotdir, {".zshenv": _ZSHENV, ".zshrc": _ZSHRC})
    if name in ("tcsh", "csh"):
        home = {"HOME": folder, "_ENVSYNC_HOME": environ.get("HOME")}
        return Start([program, "-i"], handed | home, {".tcshrc": _TCSHRC, ".cshrc": _TCSHRC})
    if SHELLS[name] is _SH:
        # Shells expand what ENV holds: with a name in it, the path itself isn't looked into. Only
        # mksh takes it as it stands.
        path = f"{folder}/shrc"
        env = {"ENV": path if name == "mksh" else "$_ENVSYNC_RC", "_ENVSYNC_RC": path}
        return Start(
            [program, "-i"], handed | env | {"_ENVSYNC_ENV": environ.get("ENV")}, {"shrc": _SHRC}
        )
    if name == "fish":
        return Start([program, "-i", "-C", _FISH], handed)
    if name == "xonsh":
        return Start([program, "-i", "--rc", *_xonsh_files(environ), script], {})
    line = SHELLS[name].line.format(SHELLS[name].quote(script))
    if name == "nu":
        return Start([program, "--execute", line], {})
    return Start([program, "-NoLogo", "-NoExit", "-Command", line], {})


_BASHRC = """\
if [ -r ~/.bashrc ]; then . ~/.bashrc; fi
. "$_ENVSYNC_ACTIVATE"
unset _ENVSYNC_ACTIVATE
"""

_YASHRC = _BASHRC.replace("bashrc", "yashrc")

_ZSHENV = """\
_envsync_folder=$ZDOTDIR
if [[ -n ${_ENVSYNC_ZDOTDIR+set} ]]; then ZDOTDIR=$_ENVSYNC_ZDOTDIR; else unset ZDOTDIR; fi
if [[ -r ${ZDOTDIR:-$HOME}/.zshenv ]]; then . "${ZDOTDIR:-$HOME}/.zshenv"; fi
if [[ -n ${ZDOTDIR+set} ]]; then _ENVSYNC_ZDOTDIR=$ZDOTDIR; else unset _ENVSYNC_ZDOTDIR; fi
ZDOTDIR=$_envsync_folder
"""

_ZSHRC = """\
if [[ -n ${_ENVSYNC_ZDOTDIR+set} ]]; then ZDOTDIR=$_ENVSYNC_ZDOTDIR; else unset ZDOTDIR; fi
if [[ ${HISTFILE-} == $_envsync_folder/* ]]; then HISTFILE=${ZDOTDIR:-$HOME}/${HISTFILE:t}; fi
unset _ENVSYNC_ZDOTDIR _envsync_folder
if [[ -r ${ZDOTDIR:-$HOME}/.zshrc ]]; then . "${ZDOTDIR:-$HOME}/.zshrc"; fi
. "$_ENVSYNC_ACTIVATE"
unset _ENVSYNC_ACTIVATE
"""

_SHRC = """\
if [ -n "${_ENVSYNC_ENV+set}" ]; then ENV=$_ENVSYNC_ENV; else unset ENV; fi
unset _ENVSYNC_RC _ENVSYNC_ENV
case ${KSH_VERSION-} in
    *MIRBSD* | *LEGACY*) _envsync_rc=${ENV:-~/.mkshrc} ;;
    *)
        if [ -n "${ENV-}" ]; then
            eval "_envsync_rc=\\"$ENV\\""
        else
            _envsync_rc=${KSH_VERSION:+~/.kshrc}
        fi
        ;;
esac
if [ -n "$_envsync_rc" ] && [ -r "$_envsync_rc" ]; then . "$_envsync_rc"; fi
unset _envsync_rc
. "$_ENVSYNC_ACTIVATE"
unset _ENVSYNC_ACTIVATE
"""

_TCSHRC = """\
if ( $?_ENVSYNC_HOME ) then
    setenv HOME "$_ENVSYNC_HOME"
    # To tcsh that was enough, and what comes now would make it look for files of such a name.
    if ( ! $?tcsh ) set home = "$_ENVSYNC_HOME"
    unsetenv _ENVSYNC_HOME
else
    setenv HOME ""
    unsetenv HOME
endif
if ( $?tcsh && -r "$home/.tcshrc" ) then
    source "$home/.tcshrc"
else if ( -r "$home/.cshrc" ) then
    source "$home/.cshrc"
endif
source "$_ENVSYNC_ACTIVATE"
unsetenv _ENVSYNC_ACTIVATE
"""

_FISH = 'source "$_ENVSYNC_ACTIVATE"; set -e _ENVSYNC_ACTIVATE'


def _xonsh_files(environ: Mapping[str, str]) -> list[str]:
    """Give the files that xonsh reads by itself; naming others replaces them."""
    home = environ.get("HOME", "")
    config = environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    own = ("/etc/xonsh/xonshrc", "/etc/xonshrc", f"{config}/xonsh/rc.xsh", f"{home}/.xonshrc")
    return [path for path in own if os.path.isfile(path)]
