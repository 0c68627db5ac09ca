"""Read the tables that say how envsync works: [lock], [sync], [build] and [tasks]."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import partial

from packaging.requirements import Requirement
from packaging.utils import NormalizedName

from envsync.spec.command_line import read_command_line
from envsync.spec.fields import Table
from envsync.spec.model import (
    BuildPolicy,
    LinkMode,
    LockPolicy,
    Prereleases,
    Resolution,
    SyncOptions,
)
from envsync.spec.requirements import (
    read_known,
    read_marker,
    read_name,
    read_name_or_all,
    read_path_pattern,
    read_release,
    read_requirement,
)
from envsync.spec.tasks import task_problems
from envsync.spec.times import read_exclude_newer
from envsync.spec.variables import read_pattern, read_variables
from envsync.spec.wording import kind_of

RESOLUTIONS: tuple[Resolution, ...] = ("highest", "lowest", "lowest-direct")
PRERELEASES: tuple[Prereleases, ...] = ("if-necessary-or-explicit", "allow", "disallow")
LINK_MODES: tuple[LinkMode, ...] = ("auto", "clone", "hardlink", "copy", "symlink")

_TASK_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*")


def read_requirement_lists(table: Table) -> dict[NormalizedName, tuple[Requirement, ...]]:
    """Read a table of names, each with its list of requirements."""
    return {name: table.items(key, read_requirement) for key, name in table.names()}


def read_lock(table: Table, installable: Mapping[NormalizedName, object]) -> LockPolicy:
    """Read `[lock]`; `installable` are the groups and extras that conflicts may name."""
    policy = LockPolicy(
        environments=table.items("environments", read_marker),
        required_environments=table.items("required-environments", read_marker),
        resolution=table.choice("resolution", RESOLUTIONS),
        prereleases=table.choice("prereleases", PRERELEASES),
        exclude_newer=read_time(table, "exclude-newer"),
        constraints=table.items("constraints", read_requirement),
        overrides=table.items("overrides", read_requirement),
        ignore_requires_python=frozenset(table.items("ignore-requires-python", read_name)),
        no_binary=frozenset(table.items("no-binary", read_name_or_all)),
        conflicts=_read_conflicts(table, installable),
        trust_record=frozenset(table.items("trust-record", read_release)),
    )
    table.finish()
    return policy


def read_time(table: Table, key: str) -> str | None:
    """Read a time that may also be written as a TOML date or date-time."""
    value = table.value(key)
    if isinstance(value, date):
        is_utc = isinstance(value, datetime) and value.tzinfo == UTC
        text = value.isoformat()
        value = text.replace("+00:00", "Z") if is_utc else text
    return None if value is None else table.convert_at(value, read_exclude_newer, key)


def _read_conflicts(
    table: Table, installable: Mapping[NormalizedName, object]
) -> tuple[tuple[NormalizedName, ...], ...]:
    read = partial(read_known, installable, "extra or group")
    conflicts = []
    for position, item in enumerate(table.elements("conflicts")):
        if not isinstance(item, list):
            table.report(
                f"expected a list of names, found {kind_of(item)}: "
                'write conflicts = [["one", "other"]]',
                "conflicts",
                position,
            )
            continue
        names = {
            table.convert_at(name, read, "conflicts", position, place)
            for place, name in enumerate(item)
        }
        if len(names) < 2 and None not in names:
            table.report("a conflict is between two names or more", "conflicts", position)
        conflicts.append(tuple(sorted(name for name in names if name is not None)))
    return tuple(conflicts)


def read_sync(table: Table) -> SyncOptions:
    """Read `[sync]`."""
    options = SyncOptions(
        table.choice("link-mode", LINK_MODES),
        table.flag("compile-bytecode"),
        table.items("keep", read_path_pattern),
        table.table("winners").values(read_name),
    )
    table.finish()
    return options


def read_build(table: Table) -> BuildPolicy:
    """Read `[build]`."""
    settings, variables = table.table("config-settings"), table.table("environment")
    policy = BuildPolicy(
        allow=frozenset(table.items("allow", read_name_or_all)),
        config_settings={name: _read_settings(settings, key) for key, name in settings.names()},
        extra_build_requires=read_requirement_lists(table.table("extra-build-requires")),
        environment={name: read_variables(variables, key) for key, name in variables.names()},
        passed=table.items("pass", read_pattern),
        no_isolation=frozenset(table.items("no-isolation", read_name)),
        constraints=table.items("constraints", read_requirement),
        unconfined=frozenset(table.items("unconfined", read_name_or_all)),
    )
    table.finish()
    return policy


def _read_settings(table: Table, package: str) -> Mapping[str, str | list[str]]:
    """Read the settings for one package's build backend (PEP 517 config_settings)."""
    value = table.value(package)
    if isinstance(value, str):
        table.report("settings go by package: config-settings = { NAME = { KEY = ... } }", package)
        return {}
    settings = table.table_at(value, package)
    values: dict[str, str | list[str]] = {}
    for key, setting in settings.content.items():
        if isinstance(setting, list):
            values[key] = list(settings.items(key, str))
        else:
            values[key] = settings.convert(key, str) or ""
    return values


def read_tasks(table: Table) -> Mapping[str, str | tuple[str, ...]]:
    """Read `[tasks]`: a command line each, or a list of commands and names of tasks."""
    tasks: dict[str, str | tuple[str, ...]] = {}
    for key, value in table.content.items():
        if not _TASK_NAME.fullmatch(key):
            table.report("a task's name has letters a-z, digits, and inside also . : _ -", key)
        if isinstance(value, list):
            tasks[key] = table.items(key, _read_command)
            if not value:
                table.report("the list is empty", key)
        else:
            tasks[key] = table.convert(key, _read_command) or ""
    for reason, path in task_problems(tasks):
        table.report(reason, *path)
    return tasks


def _read_command(text: str) -> str:
    read_command_line(text)
    return text.strip()
