"""Write a lock as its one canonical text: TOML 1.0, keys in PEP 751's order, one artifact a line.

Only the order of keys and the layout are decided here; the order of packages and files is the
lock's own. `Pylock.from_dict(tomllib.loads(render(lock))) == lock` holds for every valid lock.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from packaging.markers import Marker
from packaging.pylock import (
    Package,
    PackageArchive,
    PackageDirectory,
    PackageSdist,
    PackageVcs,
    PackageWheel,
    Pylock,
)
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envsync.lock.builds import KEY, locked_builds

_Artifact = PackageWheel | PackageSdist | PackageArchive | PackageVcs | PackageDirectory

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SHORT_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\f": "\\f",
    "\r": "\\r",
}


def render(pylock: Pylock, before: tuple[Pylock, str] | None = None) -> str:
    """Text of a lock, ending in a newline. Equal locks give equal text.

    `before` is a lock with its text, as this gives it, some of whose packages (the very same
    values) are in this one too: what it has of them is not written out again.
    """
    known = _known_texts(*before) if before is not None else {}
    lines = list(_head(pylock))
    for package in pylock.packages:
        text = known.get(id(package))
        lines += ["", "[[packages]]", *([text] if text is not None else _package(package))]
    if not pylock.packages:
        lines.append("packages = []")
    lines += _tool(pylock.tool)
    for build in locked_builds(pylock.tool):
        lines += ["", f"[[tool.envsync.{KEY}]]"]
        lines += _fields(("for", build.names), ("requires", build.requires))
        for package in build.packages:
            lines += ["", f"[[tool.envsync.{KEY}.packages]]", *_package(package)]
    return "\n".join(lines) + "\n"


def _known_texts(pylock: Pylock, text: str) -> Mapping[int, str]:
    """What a lock's text has of each package, by identity. No value spans lines as its parts do."""
    body = text.partition("\n\n[tool")[0].removesuffix("\n")
    parts = body.split("\n\n[[packages]]\n")[1:]
    return dict(zip(map(id, pylock.packages), parts, strict=True))


def _head(pylock: Pylock) -> Iterable[str]:
    yield f"lock-version = {_value(str(pylock.lock_version))}"
    if pylock.environments is not None:
        yield _spread("environments", [str(marker) for marker in pylock.environments])
    yield from _fields(
        ("requires-python", pylock.requires_python),
        ("extras", pylock.extras),
        ("dependency-groups", pylock.dependency_groups),
        ("default-groups", pylock.default_groups),
        ("created-by", pylock.created_by),
    )


def _package(package: Package) -> Iterable[str]:
    yield from _fields(
        ("name", package.name),
        ("version", package.version),
        ("marker", package.marker),
        ("requires-python", package.requires_python),
    )
    if package.dependencies is not None:
        yield _spread("dependencies", package.dependencies)
    for key, source in (
        ("vcs", package.vcs),
        ("directory", package.directory),
        ("archive", package.archive),
    ):
        if source is not None:
            yield f"{key} = {_artifact(source)}"
    yield from _fields(("index", package.index))
    if package.sdist is not None:
        yield f"sdist = {_artifact(package.sdist)}"
    if package.wheels is not None:
        yield _spread_lines("wheels", map(_artifact, package.wheels))
    if package.attestation_identities is not None:
        yield _spread("attestation-identities", package.attestation_identities)
    yield from _fields(("tool", package.tool))


def _with_keys(*names: str) -> Sequence[tuple[str, str]]:
    return [(name, name.replace("_", "-")) for name in names]


# Attributes in PEP 751's order, with their keys; None is left out.
_ARTIFACT_KEYS: Mapping[type[_Artifact], Sequence[tuple[str, str]]] = {
    PackageVcs: _with_keys(
        "type", "url", "path", "requested_revision", "commit_id", "subdirectory"
    ),
    PackageDirectory: _with_keys("path", "editable", "subdirectory"),
    PackageArchive: _with_keys("url", "path", "size", "upload_time", "hashes", "subdirectory"),
    PackageSdist: _with_keys("name", "upload_time", "url", "path", "size", "hashes"),
    PackageWheel: _with_keys("name", "upload_time", "url", "path", "size", "hashes"),
}


def _artifact(artifact: _Artifact) -> str:
    if type(artifact) is PackageWheel:
        return _wheel(artifact)
    present = [
        f"{key} = {_value(value)}"
        for name, key in _ARTIFACT_KEYS[type(artifact)]
        if (value := getattr(artifact, name)) is not None
    ]
    return f"{{ {', '.join(present)} }}"


def _wheel(wheel: PackageWheel) -> str:
    """The same for a wheel, of which a lock has thousands: what is usual in them is asked first."""
    present = []
    if wheel.name is not None:
        present.append(f"name = {_string(wheel.name)}")
    if wheel.upload_time is not None:
        present.append(f"upload-time = {_moment(wheel.upload_time)}")
    if wheel.url is not None:
        present.append(f"url = {_string(wheel.url)}")
    if wheel.path is not None:
        present.append(f"path = {_string(wheel.path)}")
    if wheel.size is not None:
        present.append(f"size = {wheel.size!r}")
    present.append(f"hashes = {_inline_table(wheel.hashes)}")
    return f"{{ {', '.join(present)} }}"


def _tool(tool: Mapping[str, object] | None) -> Iterable[str]:
    if tool is None:
        return
    plain = {key: value for key, value in tool.items() if not isinstance(value, Mapping)}
    if plain or not tool:
        yield from ("", "[tool]", *_table(plain))
    for key in sorted(tool.keys() - plain.keys()):
        table = tool[key]
        if isinstance(table, Mapping):
            yield from ("", f"[tool.{_key(key)}]", *_table(table))


def _table(table: Mapping[str, object]) -> Iterable[str]:
    for key in sorted(table):
        value = table[key]
        if key == KEY and isinstance(value, list):
            continue  # rows like those of packages, and written after all tables
        if isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            yield _spread(_key(key), value)
        else:
            yield f"{_key(key)} = {_value(value)}"


def _fields(*fields: tuple[str, object]) -> Iterable[str]:
    return (f"{key} = {_value(value)}" for key, value in fields if value is not None)


def _spread(key: str, items: Iterable[object]) -> str:
    return _spread_lines(key, map(_value, items))


def _spread_lines(key: str, items: Iterable[str]) -> str:
    lines = "".join(f"    {item},\n" for item in items)
    return f"{key} = [\n{lines}]" if lines else f"{key} = []"


def _value(value: object) -> str:
    """One TOML value on one line (TOML 1.0, "Values")."""
    # Rows of files have these three in turn, thousands of times.
    if type(value) is str:
        return _string(value)
    if type(value) is int:
        return repr(value)
    if type(value) is dict:
        return _inline_table(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, (Version, Marker, SpecifierSet)):
        return _string(str(value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (datetime, date, time)):
        return _moment(value)
    if isinstance(value, Mapping):
        return _inline_table(value)
    if isinstance(value, Sequence):
        return f"[{', '.join(map(_value, value))}]"
    raise TypeError(f"TOML has no form for {type(value).__name__}")


def _inline_table(table: Mapping[str, object]) -> str:
    rows = ", ".join(f"{_key(key)} = {_value(table[key])}" for key in sorted(table))
    return f"{{ {rows} }}" if rows else "{}"


def _moment(value: datetime | date | time) -> str:
    text = value.isoformat()
    if isinstance(value, datetime) and value.utcoffset() == timedelta(0):
        return f"{text.removesuffix('+00:00')}Z"
    return text


@lru_cache(maxsize=256)
def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _string(key)


def _string(text: str) -> str:
    """A string as it reads best; what cannot be seen is escaped, so that it shows in a review."""
    if text.isprintable():
        if '"' not in text and "\\" not in text:
            return f'"{text}"'
        if "'" not in text:
            return f"'{text}'"
    return f'"{"".join(map(_character, text))}"'


def _character(character: str) -> str:
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
