"""Read [tool.uv] of a pyproject.toml."""

from collections.abc import Callable, Mapping

from packaging.utils import canonicalize_name

from envsync.adopt.addresses import Source, git_source, path_source, read_address
from envsync.adopt.draft import Draft, Origin
from envsync.adopt.indexes import add_index, index_source
from envsync.adopt.toml_file import Table, TomlFile, text_of
from envsync.spec.model import ALL, Part
from envsync.spec.policies import PRERELEASES
from envsync.spec.wording import quote

_ROOT = ("tool", "uv")

_MEANS_NOTHING = frozenset(
    {
        *("cache-dir", "cache-keys", "managed", "native-tls", "system-certs", "offline", "preview"),
        *("publish-url", "check-url", "trusted-publishing", "build-backend", "required-version"),
        *("python-preference", "python-downloads", "python-install-mirror", "pypy-install-mirror"),
        *("concurrent-builds", "concurrent-downloads", "concurrent-installs", "no-cache"),
        *("add-bounds", "python-downloads-json-url", "http-proxy", "https-proxy", "no-proxy"),
        *("no-build", "no-build-package", "no-progress", "pip"),
    }
)
"""About how uv works, or (no-build) what is so anyway: an environment is the same without."""
_ADVICE = {
    "exclude-dependencies": "say so where the package is asked for",
    "build-constraint-dependencies": "[build] extra-build-requires names versions for one package",
    "dependency-metadata": "what a package says of itself is believed",
    "exclude-newer-package": "[lock] exclude-newer is for all packages",
    "config-settings": "[build] config-settings are for one package each",
    "reinstall": "`envsync sync --verify` repairs",
    "upgrade": "`envsync lock --upgrade`",
    "no-sources": "take the rows of [sources] out",
    "allow-insecure-host": "hosts that are trusted unasked belong into your own config.toml",
    "no-build-isolation": "[build] no-isolation names packages",
    "keyring-provider": "keyring is asked where it is installed",
    "fork-strategy": "versions are chosen for each Python",
}
_NO_ADVICE = "there is nothing like it in env.toml"


def read_uv(draft: Draft, file: TomlFile) -> None:
    """Put what [tool.uv] says into the draft."""
    table = file.table(*_ROOT)
    _read_workspace(draft, file)
    _read_indexes(draft, file)
    for name in file.table(*_ROOT, "sources"):
        for row, origin in file.tables(*_ROOT, "sources", name):
            _read_source(draft, name, row, origin)
    _read_development(draft, file)
    for key, value in table.items():
        origin = file.origin(*_ROOT, key)
        if key in _KEYS:
            _KEYS[key](draft, file, key)
        elif key in _TAKEN:
            continue
        elif key in _MEANS_NOTHING:
            draft.leave(origin, f"tool.uv.{key}", "it is about uv itself", matters=False)
        elif value not in (False, [], {}, None):
            draft.leave(origin, f"tool.uv.{key}", _ADVICE.get(key, _NO_ADVICE))
    if table.get("package") is False:
        draft.is_package = None


_TAKEN = frozenset(
    {
        *("index", "index-url", "extra-index-url", "find-links", "no-index", "sources"),
        *("dev-dependencies", "default-groups", "package", "workspace", "dependency-groups"),
    }
)


def _read_indexes(draft: Draft, file: TomlFile) -> None:
    for row, origin in file.tables(*_ROOT, "index"):
        url = text_of(row, "url")
        if url is None:
            continue
        flat = row.get("format") == "flat"
        name = text_of(row, "name") or ""
        default, explicit = row.get("default") is True, row.get("explicit") is True
        more = {key: value for key, value in row.items() if key in _MORE_KEYS}
        add_index(
            draft,
            url,
            origin,
            name=name,
            default=default,
            explicit=explicit,
            flat=flat,
            more=more,
        )
        for key in sorted(row.keys() - _INDEX_KEYS - _MORE_KEYS):
            draft.leave(origin, f"{key} of index {name or quote(url)}", _NO_ADVICE)
    for url, origin in file.texts(*_ROOT, "extra-index-url"):
        add_index(draft, url, origin)
    for url, origin in file.texts(*_ROOT, "index-url"):
        add_index(draft, url, origin, default=True)
    for url, origin in file.texts(*_ROOT, "find-links"):
        add_index(draft, url, origin, flat=True)
    if file.table(*_ROOT).get("no-index") is True:
        advice = "an env.toml whose [[index]] has default = true asks no public index"
        draft.leave(file.origin(*_ROOT, "no-index"), "tool.uv.no-index", advice)


_MORE_KEYS = frozenset({"ignore-error-codes", "exclude-newer"})
_INDEX_KEYS = frozenset({"name", "url", "default", "explicit", "format", "publish-url"})


def _read_source(draft: Draft, name: str, row: Table, origin: Origin) -> None:
    if row.get("workspace") is True:
        draft.members[canonicalize_name(name)] = origin
        return
    if "package" in row:
        draft.leave(origin, f"package in the source of {name}", _NO_ADVICE)
    try:
        source = _source(draft, row)
    except ValueError as error:
        draft.lose(name, origin, f"the source of {name}", str(error))
        return
    if source is None:
        draft.lose(name, origin, f"the source of {name}", "it names no path, git, url or index")
        return
    when = {key: text_of(row, key) for key in ("marker", "extra", "group")}
    if source:
        given = {key: value for key, value in when.items() if value}
        draft.send(name, source | given, origin)


def _source(draft: Draft, row: Table) -> Source | None:
    below = text_of(row, "subdirectory")
    if url := text_of(row, "git"):
        given = [(key, text_of(row, key)) for key in ("tag", "branch", "rev")]
        revision = next(((key, value) for key, value in given if value), None)
        large = {"lfs": True} if row.get("lfs") is True else {}
        return git_source(url, revision, below) | large
    if url := text_of(row, "url"):
        return read_address(url) | ({"subdirectory": below} if below else {})
    if path := text_of(row, "path"):
        return path_source(path, editable=row.get("editable") is True)
    if index := text_of(row, "index"):
        return dict(index_source(draft, index) or {})
    return None


def _read_development(draft: Draft, file: TomlFile) -> None:
    for text, origin in file.texts(*_ROOT, "dev-dependencies"):
        draft.require(Part("group", canonicalize_name("dev")), text, origin)
    value = file.table(*_ROOT).get("default-groups")
    origin = file.origin(*_ROOT, "default-groups")
    if value == "all":
        names = [part.name for part in draft.parts if part.kind == "group"]
        draft.put(("env", "default-groups"), sorted(names), origin)
    elif isinstance(value, list):
        draft.put(("env", "default-groups"), [canonicalize_name(str(one)) for one in value], origin)
    for name, settings in file.table(*_ROOT, "dependency-groups").items():
        where = file.origin(*_ROOT, "dependency-groups", name)
        draft.leave(where, f"requires-python of group {name}", _NO_ADVICE + f" ({settings})")


def _constraints(draft: Draft, file: TomlFile, key: str) -> None:
    where = "overrides" if key == "override-dependencies" else "constraints"
    for text, origin in file.texts(*_ROOT, key):
        draft.constrain(text, origin, where)


def _markers(draft: Draft, file: TomlFile, key: str) -> None:
    for text, origin in file.texts(*_ROOT, key):
        draft.add(("lock", key), text, origin)


def _conflicts(draft: Draft, file: TomlFile, key: str) -> None:
    value = file.table(*_ROOT).get(key)
    for number, items in enumerate(value if isinstance(value, list) else ()):
        origin = file.origin(*_ROOT, key, number)
        listed = items if isinstance(items, list) else []
        rows = [item for item in listed if isinstance(item, Mapping)]
        names = [text_of(row, "extra") or text_of(row, "group") for row in rows]
        if any("package" in row for row in rows) or None in names or len(names) < 2:
            advice = "[lock] conflicts keeps extras and groups of this project apart"
            draft.leave(origin, "a conflict with packages of a workspace", advice)
        else:
            draft.add(("lock", key), [canonicalize_name(name or "") for name in names], origin)


def _prerelease(draft: Draft, file: TomlFile, key: str) -> None:
    value, origin = file.text_at(*_ROOT, key), file.origin(*_ROOT, key)
    if value in PRERELEASES:
        draft.put(("lock", "prereleases"), value, origin)
    else:
        advice = "the default, if-necessary-or-explicit, is taken"
        draft.leave(origin, f"tool.uv.{key} = {quote(str(value))}", advice)


def _to(*path: str) -> Callable[[Draft, TomlFile, str], None]:
    """Take a value as it is to a key of env.toml."""

    def take(draft: Draft, file: TomlFile, key: str) -> None:
        value = file.table(*_ROOT)[key]
        draft.put(path, value if isinstance(value, bool) else str(value), file.origin(*_ROOT, key))

    return take


def _no_binary(draft: Draft, file: TomlFile, key: str) -> None:
    origin = file.origin(*_ROOT, key)
    if file.table(*_ROOT)[key] is True:
        draft.add(("lock", "no-binary"), ALL, origin)
    for name, where in file.texts(*_ROOT, key):
        draft.add(("lock", "no-binary"), canonicalize_name(name), where)


def _no_isolation(draft: Draft, file: TomlFile, key: str) -> None:
    for name, origin in file.texts(*_ROOT, key):
        draft.add(("build", "no-isolation"), canonicalize_name(name), origin)


def _build_requires(draft: Draft, file: TomlFile, key: str) -> None:
    for name, items in file.table(*_ROOT, key).items():
        origin = file.origin(*_ROOT, key, name)
        texts = [item for item in items if isinstance(item, str)] if isinstance(items, list) else []
        if not isinstance(items, list) or len(texts) < len(items):
            draft.leave(origin, f"tool.uv.{key}.{name}", "only requirements are taken over")
        draft.put(("build", "extra-build-requires", canonicalize_name(name)), texts, origin)


def _build_settings(draft: Draft, file: TomlFile, key: str) -> None:
    for name, settings in file.table(*_ROOT, key).items():
        origin = file.origin(*_ROOT, key, name)
        draft.put(("build", "config-settings", canonicalize_name(name)), settings, origin)


def _strategy(draft: Draft, file: TomlFile, key: str) -> None:
    value = file.text_at(*_ROOT, key)
    if value != "first-index":
        what = f"tool.uv.{key} = {quote(str(value))}"
        draft.leave(file.origin(*_ROOT, key), what, "the first index with a package serves it")


def _read_workspace(draft: Draft, file: TomlFile) -> None:
    """Take the members of [tool.uv.workspace]; before sources, which may name them."""
    for key in ("members", "exclude"):
        for text, origin in file.texts(*_ROOT, "workspace", key):
            draft.add(("workspace", key), text, origin)


_KEYS: Mapping[str, Callable[[Draft, TomlFile, str], None]] = {
    "constraint-dependencies": _constraints,
    "override-dependencies": _constraints,
    "environments": _markers,
    "required-environments": _markers,
    "conflicts": _conflicts,
    "prerelease": _prerelease,
    "resolution": _to("lock", "resolution"),
    "exclude-newer": _to("lock", "exclude-newer"),
    "link-mode": _to("sync", "link-mode"),
    "compile-bytecode": _to("sync", "compile-bytecode"),
    "no-binary": _no_binary,
    "no-binary-package": _no_binary,
    "no-build-isolation-package": _no_isolation,
    "extra-build-dependencies": _build_requires,
    "config-settings-package": _build_settings,
    "index-strategy": _strategy,
}
