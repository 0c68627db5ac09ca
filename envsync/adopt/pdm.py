"""Read [tool.pdm] of a pyproject.toml."""

import re
from collections.abc import Mapping

from envsync.adopt.draft import Draft, Origin, Row
from envsync.adopt.indexes import add_index
from envsync.adopt.requirements_txt import require_editable
from envsync.adopt.tasks import add_task
from envsync.adopt.toml_file import Table, TomlFile, text_of, texts_of
from envsync.spec.model import Part

_ROOT = ("tool", "pdm")
_TAKEN = frozenset({"dev-dependencies", "source", "resolution", "scripts", "distribution"}) | {
    "overrides",
    "allow_prereleases",
}
_MEANS_NOTHING = frozenset({"version", "build", "publish", "plugins", "ignore_package_warnings"})
_NOTHING_LIKE = "there is nothing like it in env.toml"


def read_pdm(draft: Draft, file: TomlFile) -> None:
    """Put what [tool.pdm] says into the draft."""
    for row, origin in file.tables(*_ROOT, "source"):
        _read_source(draft, row, origin)
    for group in file.table(*_ROOT, "dev-dependencies"):
        part = draft.group_part(group, file.origin(*_ROOT, "dev-dependencies", group))
        for text, origin in file.texts(*_ROOT, "dev-dependencies", group) if part else ():
            _require(draft, part, text, origin)  # type: ignore[arg-type]
    _read_defaults(draft, file)
    _read_resolution(draft, file)
    for name, value in file.table(*_ROOT, "scripts").items():
        _read_script(draft, name, value, file.origin(*_ROOT, "scripts", name))
    for key in file.table(*_ROOT):
        if key not in _TAKEN | _MEANS_NOTHING:
            draft.leave(file.origin(*_ROOT, key), f"tool.pdm.{key}", _NOTHING_LIKE)
    if file.table(*_ROOT).get("distribution") is True:
        draft.is_package = draft.is_package or Row(True, file.origin(*_ROOT, "distribution"))


def _read_defaults(draft: Draft, file: TomlFile) -> None:
    """PDM installs every group of development unless it is told not to."""
    names = [part.name for part in draft.parts if part.kind == "group"]
    if names and names != ["dev"]:
        draft.put(("env", "default-groups"), names, file.origin(*_ROOT))


def _require(draft: Draft, part: Part, text: str, origin: Origin) -> None:
    text = re.sub(r"file:/{2,3}\$\{PROJECT_ROOT\}/?", "file:./", text)
    if text.startswith("-e "):
        require_editable(draft, part, text.removeprefix("-e ").strip(), origin)
    else:
        draft.require(part, text, origin)


def _read_source(draft: Draft, row: Table, origin: Origin) -> None:
    name, url = text_of(row, "name") or "", text_of(row, "url")
    if url is None:
        return
    flat = row.get("type") == "find_links"
    # The name of the public index, under which another one takes its place.
    default = name.lower() == "pypi" and not flat
    add_index(draft, url, origin, name=name, default=default, flat=flat)
    if row.get("verify_ssl") is False:
        advice = "hosts that are trusted unasked belong into your own config.toml"
        draft.leave(origin, f"verify_ssl of index {name}", advice)
    for pattern in texts_of(row, "include_packages"):
        if re.fullmatch(r"[A-Za-z0-9._-]+", pattern):
            known = next((one for one in draft.indexes if one.url == url), None)
            if known is not None:
                draft.send(pattern, {"index": known.name}, origin)
        else:
            draft.leave(origin, f"include_packages {pattern}", "name each package under [sources]")
    if texts_of(row, "exclude_packages"):
        draft.leave(origin, "exclude_packages", "send packages elsewhere under [sources]")


def _read_resolution(draft: Draft, file: TomlFile) -> None:
    # Before 2.3 these stood at the top.
    for name, version in file.table(*_ROOT, "overrides").items():
        _override(draft, name, str(version), file.origin(*_ROOT, "overrides", name))
    if file.table(*_ROOT).get("allow_prereleases") is True:
        draft.put(("lock", "prereleases"), "allow", file.origin(*_ROOT, "allow_prereleases"))
    keys = (*_ROOT, "resolution")
    for key, value in file.table(*keys).items():
        origin = file.origin(*keys, key)
        if key == "overrides" and isinstance(value, Mapping):
            for name, version in value.items():
                _override(draft, name, str(version), file.origin(*keys, key, name))
        elif key == "allow-prereleases" and isinstance(value, bool):
            draft.put(("lock", "prereleases"), "allow" if value else "disallow", origin)
        elif key == "respect-source-order":
            draft.leave(origin, key, "the first index with a package has it", matters=False)
        else:
            draft.leave(origin, f"tool.pdm.resolution.{key}", _NOTHING_LIKE)


def _override(draft: Draft, name: str, version: str, origin: Origin) -> None:
    if "://" in version:
        draft.constrain(f"{name} @ {version}", origin, "overrides")
        return
    bare = re.match(r"[0-9]", version.strip())
    draft.constrain(f"{name}{'==' if bare else ''}{version}", origin, "overrides")


def _read_script(draft: Draft, name: str, value: object, origin: Origin) -> None:
    if name == "_":
        draft.leave(origin, "tool.pdm.scripts._", "options go with each task")
        return
    if isinstance(value, Mapping):
        rest = value.keys() - {"cmd", "composite", "help"}
        given = value.get("cmd", value.get("composite"))
        if rest or given is None:
            what = f"script {name} with {', '.join(sorted(rest)) or 'nothing to run'}"
            draft.leave(origin, what, "a task is a command, or a list of commands")
            return
        is_words = "cmd" in value and isinstance(given, list)
        value = " ".join(map(str, given)) if is_words else given
    add_task(draft, name, value, origin)
