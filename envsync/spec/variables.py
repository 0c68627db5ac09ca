"""Read names of environment variables, as `[build] environment` and `pass` have them."""

import re
from collections.abc import Mapping

from envsync.spec.fields import Table
from envsync.spec.wording import quote

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PATTERN = re.compile(r"[A-Za-z_*][A-Za-z0-9_*]*")
_OURS = re.compile(r"PATH|HOME|TMPDIR|VIRTUAL_ENV|_?PYTHON.*|ENVSYNC_.*")


def read_variables(table: Table, package: str) -> Mapping[str, str]:
    """Read the variables of one package: `environment = { NAME = { VARIABLE = "value" } }`."""
    value = table.value(package)
    if isinstance(value, str):
        table.report(
            "variables go by package: environment = { NAME = { VARIABLE = ... } }", package
        )
        return {}
    given = table.table_at(value, package)
    variables: dict[str, str] = {}
    for name in given.content:
        given.convert_at(name, _check_name, name)
        variables[name] = given.convert(name, _read_value) or ""
    return variables


def _check_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"{quote(text)} is no name for an environment variable")
    _refuse_ours(text)
    return text


def _read_value(text: str) -> str:
    if "\0" in text:
        raise ValueError("a variable can't hold a zero byte")
    return text


def read_pattern(text: str) -> str:
    """Read a name of variables, in which `*` stands for anything: `CARGO_*`."""
    if not _PATTERN.fullmatch(text):
        raise ValueError(f"{quote(text)} is no name for environment variables, such as CARGO_*")
    if not text.strip("*_"):
        raise ValueError(f"{quote(text)} would pass everything on: name what builds need")
    _refuse_ours(text)
    return text


def _refuse_ours(text: str) -> None:
    """Builds have their own home, PATH and Python; envsync's variables hold its secrets."""
    if _OURS.fullmatch(text):
        raise ValueError(f"{quote(text)} is set by envsync itself, or kept from builds")
