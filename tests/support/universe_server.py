"""Scenarios as the world sees them: real files on a real index, env.toml, and perhaps an old lock.

    with UniverseServer() as server:
        served = server.publish(scenario_path)      # each under a path of its own
        served.write_project(folder)
        ran = lock_in_process(folder, served.index_url, *served.arguments)

What a scenario says in the resolver's own terms is put into env.toml's: a source of another name
becomes an index of its own, a direct reference the address of a wheel, preferences an old lock,
upgrades the flags of `envsync lock`.
"""

import hashlib
import html
import io
import json
import os
import tomllib
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

import tomlkit
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from tests.support.catalog import (
    SCENARIOS,
    Expected,
    Release,
    extras_of,
    read_scenario,
)
from tests.support.command import Ran, clean_environ, in_process
from tests.support.index_server import HTML_TYPE, JSON_TYPE, IndexServer, Reply, Seen, range_reply
from tests.support.lock_oracle import MemoryShelf, metadata_in
from tests.support.wheels import make_sdist, make_wheel

ONLY_IN_MEMORY = frozenset({"max-rounds", "max-regions"})
"""Budgets that env.toml has no keys for."""


class Served(NamedTuple):
    """One scenario, ready to be locked."""

    name: str
    env_toml: str
    index_url: str
    arguments: tuple[str, ...]
    """Of `envsync lock`."""
    old_lock: str | None
    expected: Expected
    contents: Mapping[str, bytes]
    """Every file on the server, by address."""
    listed: Mapping[tuple[str, str | None], list[str]]

    def write_project(self, folder: Path) -> None:
        """Write env.toml, and the old lock where there is one."""
        (folder / "env.toml").write_text(self.env_toml)
        if self.old_lock is not None:
            (folder / "pylock.toml").write_text(self.old_lock)

    def shelf(self) -> MemoryShelf:
        """Give the files to a judge of locks."""
        return MemoryShelf(self.contents, self.listed)


class _File(NamedTuple):
    """One line of a project page."""

    filename: str
    content: bytes
    release: Release


class UniverseServer(IndexServer):
    """An index server of many universes, each an index or more below a path of its own.

    Half of the universes are served as HTML (PEP 503), half as JSON (PEP 691); every other one has
    metadata files (PEP 658) beside its wheels.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pages: dict[str, Reply] = {}
        self._contents: dict[str, bytes] = {}

    def answer(self, seen: Seen) -> Reply:
        """Give a page, a file or a part of one."""
        self.requests.append(seen)
        path = unquote(urlsplit(seen.path).path)
        if path in self._pages:
            return self._pages[path]
        content = self._contents.get(path)
        if content is None:
            return Reply(404, body=b"not here")
        wanted = seen.headers.get("range")
        return Reply(body=content) if wanted is None else range_reply(content, wanted)

    def publish(self, path: str) -> Served:
        """Serve the universe of a scenario file; gives the scenario in env.toml's terms."""
        with open(path, "rb") as file:
            data = tomllib.load(file)
        return _Publication(self, data, os.path.relpath(path, SCENARIOS)[:-5]).served()

    def put_page(self, path: str, files: list[_File], variant: int) -> None:
        """Serve a project page at `path`, which ends in a slash, and its files below it."""
        with_metadata = bool(variant & 2)
        for file in files:
            self._contents[path + file.filename] = file.content
            if with_metadata and (metadata := _metadata(file)) is not None:
                self._contents[f"{path}{file.filename}.metadata"] = metadata
        render = _json_page if variant & 1 else _html_page
        body = render(path, files, self._contents)
        kind = JSON_TYPE if variant & 1 else HTML_TYPE
        self._pages[path] = Reply(headers=(("Content-Type", kind),), body=body)

    def put_file(self, path: str, content: bytes) -> str:
        """Serve one file; gives its address."""
        self._contents[path] = content
        return self.root + quote(path)


def _metadata(file: _File) -> bytes | None:
    """METADATA of a wheel, None where there is none."""
    if not zipfile.is_zipfile(io.BytesIO(file.content)):
        return None
    return metadata_in(file.filename, file.content).encode()


def _says(path: str, file: _File, contents: Mapping[str, bytes]) -> dict[str, Any]:
    """What a page says of a file, in JSON's terms."""
    release = file.release
    row: dict[str, Any] = {
        "filename": file.filename,
        "url": quote(path + file.filename),
        "hashes": {"sha256": hashlib.sha256(file.content).hexdigest()},
        "size": len(file.content),
    }
    if release.listed_python is not None:
        row["requires-python"] = release.listed_python
    if release.upload_time is not None:
        row["upload-time"] = release.upload_time
    if release.yanked is not None:
        row["yanked"] = release.yanked or True
    metadata = contents.get(f"{path}{file.filename}.metadata")
    if metadata is not None:
        row["core-metadata"] = {"sha256": hashlib.sha256(metadata).hexdigest()}
    return row


def _json_page(path: str, files: list[_File], contents: Mapping[str, bytes]) -> bytes:
    rows = [_says(path, file, contents) for file in files]
    name = path.split("/")[-2]
    return json.dumps({"meta": {"api-version": "1.1"}, "name": name, "files": rows}).encode()


def _html_page(path: str, files: list[_File], contents: Mapping[str, bytes]) -> bytes:
    lines = ["<!DOCTYPE html><html><body>"]
    for file in files:
        says = _says(path, file, contents)
        attributes = {
            "href": f"{says['url']}#sha256={says['hashes']['sha256']}",
            "data-requires-python": says.get("requires-python"),
            "data-upload-time": says.get("upload-time"),
            "data-yanked": "" if says.get("yanked") is True else says.get("yanked"),
        }
        if "core-metadata" in says:
            attributes["data-core-metadata"] = f"sha256={says['core-metadata']['sha256']}"
        given = {key: value for key, value in attributes.items() if value is not None}
        text = " ".join(f'{key}="{html.escape(value)}"' for key, value in given.items())
        lines.append(f"<a {text}>{html.escape(file.filename)}</a><br/>")
    return "\n".join([*lines, "</body></html>"]).encode()


# -- a scenario in env.toml's terms -----------------------------------------------------------


class _Publication:
    """The work of `UniverseServer.publish`."""

    def __init__(self, server: UniverseServer, data: dict[str, Any], name: str) -> None:
        self._server, self._data, self._name = server, data, name
        self._scenario = read_scenario(data, name)
        self._variant = zlib.crc32(name.encode()) & 3
        self._listed: dict[tuple[str, str | None], list[str]] = {}
        self._contents: dict[str, bytes] = {}
        self._urls: dict[str, str] = {}

    def served(self) -> Served:
        data = self._data
        root, lock = data.get("root", {}), dict(data.get("lock", {}))
        elsewhere = {key: name for name, rows in root.get("sources", {}).items() for _, key in rows}
        indexes = []
        for key, releases in self._scenario.universe.items():
            if "://" in key:
                self._direct(key, releases)
            elif key in elsewhere:
                url = self._project(f"{self._base}/{key}", elsewhere[key], key)
                indexes.append({"name": key, "url": url, "explicit": True})
            else:
                self._project(self._base, key, key)
        upgrade = lock.pop("upgrade", False)
        return Served(
            name=self._name,
            env_toml=self._env_toml(root, lock, indexes),
            index_url=f"{self._server.root}{self._base}/simple/",
            arguments=_upgrade_flags(upgrade),
            old_lock=self._old_lock() if data.get("preferences") else None,
            expected=self._scenario.expected,
            contents=self._contents,
            listed=self._listed,
        )

    @property
    def _base(self) -> str:
        return f"/{self._name}"

    def _project(self, base: str, name: str, key: str) -> str:
        """Serve one project below `base`; gives the address of that index."""
        project = canonicalize_name(name)
        path = f"{base}/simple/{project}/"
        files = [
            file
            for text, release in self._scenario.universe[key].items()
            for file in _files(project, text, release, self._requires(key, text))
        ]
        self._server.put_page(path, files, self._variant)
        index_url = f"{self._server.root}{base}/simple/"
        self._listed[project, index_url] = [
            file.filename for file in files if file.release.yanked is None
        ]
        for file in files:
            self._contents[self._server.root + quote(path + file.filename)] = file.content
        return index_url

    def _requires(self, key: str, text: str) -> tuple[str, ...]:
        return tuple(self._data["packages"][key]["versions"][text].get("requires", ()))

    def _direct(self, key: str, releases: Mapping[str, Release]) -> None:
        """Serve the wheel that a direct reference stands for."""
        asked = self._data["root"]["requires"]
        (name,) = {text.partition("@")[0].strip() for text in asked if key in text}
        ((text, release),) = releases.items()
        ((filename, content, _),) = _files(name, text, release, self._requires(key, text))
        url = self._server.put_file(f"{self._base}/direct/{filename}", content)
        self._contents[url] = content
        self._urls[key] = url

    def _env_toml(
        self, root: dict[str, Any], lock: dict[str, Any], indexes: list[dict[str, Any]]
    ) -> str:
        env: dict[str, Any] = {
            "name": "scenario",
            "requires-python": root.get("requires-python", ">=3.9"),
            "dependencies": [self._with_urls(text) for text in root.get("requires", ())],
        }
        document: dict[str, Any] = {"env": env}
        if "extras" in root:
            env["optional-dependencies"] = root["extras"]
        if "groups" in root:
            document["dependency-groups"] = root["groups"]
        if indexes:
            document["index"] = indexes
            document["sources"] = {
                name: [
                    {"index": key, **({"marker": marker} if marker else {})} for marker, key in rows
                ]
                for name, rows in root["sources"].items()
            }
        if lock:
            document["lock"] = lock
        if "build" in self._data:
            document["build"] = self._data["build"]
        return tomlkit.dumps(document)

    def _with_urls(self, requirement: str) -> str:
        for key, url in self._urls.items():
            requirement = requirement.replace(key, url)
        return requirement

    def _old_lock(self) -> str:
        """A lock with the preferred versions; what it was made from is no longer known."""
        index_url = f"{self._server.root}{self._base}/simple/"
        rows = []
        for name, versions in self._data["preferences"].items():
            for at, version in enumerate(versions):
                url = f"{index_url}{name}/{name}-{version}-py3-none-any.whl"
                content = self._contents.get(url, b"gone")
                sha256 = hashlib.sha256(content).hexdigest()
                row = {"name": name, "version": version, "index": index_url}
                if len(versions) > 1:  # rows of one package must be told apart
                    row["marker"] = f"python_version == '3.{9 + at}'"
                rows.append({**row, "wheels": [{"url": url, "hashes": {"sha256": sha256}}]})
        return tomlkit.dumps(
            {
                "lock-version": "1.0",
                "created-by": "envsync",
                "packages": rows,
                "tool": {"envsync": {"fingerprint": "of an earlier env.toml", "roots": []}},
            }
        )


def _upgrade_flags(upgrade: bool | list[str]) -> tuple[str, ...]:
    if isinstance(upgrade, bool):
        return ("--upgrade",) if upgrade else ()
    return tuple(word for name in upgrade for word in ("--upgrade-package", name))


@lru_cache(maxsize=4096)
def _files(name: str, text: str, release: Release, requires: tuple[str, ...]) -> tuple[_File, ...]:
    """The files of one release."""
    return tuple(_File(*one, release) for one in _made(name, text, release, requires))


def _made(
    name: str, text: str, release: Release, requires: tuple[str, ...]
) -> Iterator[tuple[str, bytes]]:
    try:
        Version(text)
    except InvalidVersion:
        yield f"{name}-{text}-py3-none-any.whl", b"nobody reads this"
        return
    provides = [f"Provides-Extra: {extra}" for extra in sorted(extras_of(release))]
    stem = f"{name.replace('-', '_')}-{Version(text)}"
    broken = {f"{stem}.dist-info/METADATA": _broken(name, text, release.broken or "")}
    for tag in release.wheels:
        yield make_wheel(
            name,
            text,
            broken if release.broken else None,
            requires=requires,
            requires_python=release.requires_python,
            metadata_extra=provides,
            tag=tag,
        )
    if release.sdist:
        yield make_sdist(
            name,
            text,
            requires=requires,
            requires_python=release.requires_python,
            metadata_extra=provides,
        )


def _broken(name: str, text: str, how: str) -> str:
    """Metadata with one fault: no name, or a requirement that is none."""
    lines = ["Metadata-Version: 2.1", f"Version: {text}"]
    lines += [] if "Name" in how else [f"Name: {name}", "Requires-Dist: (no requirement"]
    return "\n".join([*lines, "", ""])


# -- locking ----------------------------------------------------------------------------------


def lock_in_process(folder: Path, index_url: str, *arguments: str) -> Ran:
    """Run `envsync lock` as its own process would, but in this one, which is much faster.

    The cache is a folder beside the project's.
    """
    environ = clean_environ(folder.parent / "cache", index_url)
    return in_process(environ, "lock", "-C", str(folder), *arguments)
