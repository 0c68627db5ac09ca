"""Read [tool.hatch.envs] of a pyproject.toml: an environment each is a dependency group here."""

from collections.abc import Mapping

from envsync.adopt.draft import Draft, Origin
from envsync.adopt.tasks import add_task
from envsync.adopt.toml_file import TomlFile, texts_of
from envsync.spec.wording import quote

_ROOT = ("tool", "hatch", "envs")
_MEANS_NOTHING = frozenset({"description", "path", "installer", "type", "detached", "template"})
_ADVICE = {
    "matrix": "`[lock] environments` says for what it is locked; env.NAME.toml is another one",
    "python": "env.NAME.toml is an environment with a Python of its own",
    "env-vars": "variables go into a file for `envsync run --env-file`",
}
_NOTHING_LIKE = "there is nothing like it in env.toml"
_DEFAULT = "default"


def read_hatch(draft: Draft, file: TomlFile) -> None:
    """Put what [tool.hatch.envs] says into the draft."""
    default = None
    for name, table in file.table(*_ROOT).items():
        origin = file.origin(*_ROOT, name)
        if not isinstance(table, Mapping):
            continue
        _read_environment(draft, file, name, origin)
        if name == _DEFAULT and texts_of(table, "dependencies"):
            default = origin
        if name == _DEFAULT and table.get("skip-install") is True:
            draft.is_package = None
    if default is not None:
        draft.put(("env", "default-groups"), [_DEFAULT], default)


def _read_environment(draft: Draft, file: TomlFile, name: str, origin: Origin) -> None:
    keys = (*_ROOT, name)
    for key in ("dependencies", "extra-dependencies"):
        part = draft.group_part(name, origin) if file.has(*keys, key) else None
        for text, where in file.texts(*keys, key) if part is not None else ():
            if "{" in text:
                advice = "what hatch puts in for {...} has no place here: write it out"
                draft.leave(where, quote(text), advice)
            elif part is not None:
                draft.require(part, text, where)
    for feature, where in file.texts(*keys, "features"):
        part = draft.group_part(name, origin)
        if part is not None and draft.name is not None:
            draft.require(part, f"{draft.name.value}[{feature}]", where)
    for group, where in file.texts(*keys, "dependency-groups"):
        part = draft.group_part(name, origin)
        if part is not None:
            draft.include(part, group, where)
    _read_scripts(draft, file, name)
    for key in file.table(*keys).keys() - _TAKEN - _MEANS_NOTHING:
        where = file.origin(*keys, key)
        draft.leave(where, f"{key} of environment {name}", _ADVICE.get(key, _NOTHING_LIKE))


def _read_scripts(draft: Draft, file: TomlFile, environment: str) -> None:
    keys = (*_ROOT, environment, "scripts")
    for name, value in file.table(*keys).items():
        task = name if environment == _DEFAULT else f"{environment}:{name}"
        # What follows the task's name is given to its command anyway.
        plain = _without_arguments(value)
        add_task(draft, task, plain, file.origin(*keys, name))


def _without_arguments(value: object) -> object:
    if not isinstance(value, str):
        return value
    return value.rstrip().removesuffix("{args}").rstrip()


_TAKEN = frozenset(
    {"dependencies", "extra-dependencies", "features", "dependency-groups", "scripts"}
) | {"skip-install", "dev-mode"}
