"""Render the activation scripts of an environment from the templates in `venv/activate/`.

A template's placeholder stands where a whole quoted word or a plain name belongs, never inside
quotes: paths and names go in as data, quoted by the rules of the script's own shell.
"""

import os
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from envsync.model.target import Target

_TEMPLATES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "activate")
_PLACEHOLDER = re.compile(r"@@([A-Z_]+)@@")


class Script(NamedTuple):
    """One file of the environment's scripts folder."""

    name: str
    content: bytes


def activation_scripts(target: Target, *, root: str, prompt: str) -> tuple[Script, ...]:
    """Give the scripts that enter the environment at `root` (absolute), one for each shell.

    `prompt` is the name that the prompt shows. Both must be free of newlines and NULs (see
    `venv.create`), and may hold anything else.
    """
    windows = target.environment["os_name"] == "nt"
    posix_shells = ["activate", "activate.fish"] if windows else _POSIX
    names = [*posix_shells, "activate.ps1", "activate.nu", "activate.xsh", "activate_this.py"]
    if windows:
        names += ["activate.bat", "deactivate.bat"]
    scripts = [Script(name, _render(name, target, root, prompt)) for name in names]
    if target.environment["sys_platform"] == "linux":
        # `python -m venv` spells it so, and here, unlike elsewhere, the case of a letter matters.
        scripts.append(Script("Activate.ps1", scripts[names.index("activate.ps1")].content))
    return tuple(sorted(scripts))


_POSIX = ["activate", "activate.fish", "activate.csh"]


def _render(name: str, target: Target, root: str, prompt: str) -> bytes:
    template = _template("activate_this.in" if name == "activate_this.py" else name)
    quote = _QUOTES[name.rpartition(".")[2]]
    sites = dict.fromkeys((target.purelib, target.platlib))
    values = {
        "BIN": target.scripts,
        "ROOT": quote(root),
        "PROMPT": quote(prompt),
        "LABEL": quote(_csh_label(prompt)),
        "SITE": "".join(f"{quote(site)}, " for site in sites).rstrip(),
        "SET_PROMPT": f'"VIRTUAL_ENV_PROMPT={_batch_text(prompt)}"',
        "SET_LABEL": f'"PROMPT=({_batch_text(prompt.replace("$", "$$"))}) %PROMPT%"',
    }
    text = fill(template, values)
    if name.endswith(".bat"):
        text = text.replace("\n", "\r\n")
    # Windows PowerShell 5 reads a file as UTF-8 only when it begins with a byte order mark.
    mark = "\N{ZERO WIDTH NO-BREAK SPACE}" if name.endswith(".ps1") and not text.isascii() else ""
    return (mark + text).encode("utf-8", "surrogateescape")


def fill(template: str, values: Mapping[str, str]) -> str:
    """Put values in place of the placeholders, in one pass: a value is never looked into."""
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template)


def _template(name: str) -> str:
    with open(os.path.join(_TEMPLATES, name), encoding="utf-8", newline="\n") as file:
        return file.read()


# Quoting: text -> one word or literal of a language that stands for exactly this text


def quote_sh(text: str) -> str:
    """Quote for bash, zsh, ksh, dash and sh."""
    return "'" + text.replace("'", "'\\''") + "'"


def quote_fish(text: str) -> str:
    """Quote for fish, where a backslash also quotes inside single quotes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_csh(text: str) -> str:
    """Quote for csh and tcsh (`backslash_quote` unset), which expand ! inside single quotes."""
    return quote_sh(text).replace("!", "\\!")


def quote_powershell(text: str) -> str:
    """Quote for PowerShell, to which four typographic quotes are single quotes too."""
    return "'" + re.sub("(['\u2018\u2019\u201a\u201b])", r"\1\1", text) + "'"


def quote_nu(text: str) -> str:
    """Quote for nushell."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def quote_python(text: str) -> str:
    """Quote for Python and xonsh, in ASCII."""
    return ascii(text)


def _batch_text(value: str) -> str:
    """Write text inside the quotes of cmd.exe's `set "NAME=..."`.

    A double quote can't be quoted there and becomes a single one.
    """
    return value.replace("%", "%%").replace('"', "'")


def _csh_label(prompt: str) -> str:
    """Give what tcsh shows as `prompt`: it reads backslash, !, ^ and % in a prompt."""
    return re.sub(r"([\\!^])", r"\\\1", prompt).replace("%", "%%")


_QUOTES: Mapping[str, Callable[[str], str]] = {
    "activate": quote_sh,
    "fish": quote_fish,
    "csh": quote_csh,
    "ps1": quote_powershell,
    "nu": quote_nu,
    "xsh": quote_python,
    "py": quote_python,
    "bat": quote_sh,
}
