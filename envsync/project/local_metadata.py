"""Say what of a local project decides its metadata, as rows that are equal where it is.

    pyproject.toml      the values of [project], [build-system] and the back end's own tables in
                        [tool]: comments, order and other tools' tables mean nothing
    setup.py, setup.cfg by content
    files that these name (`file = "VERSION"`, `open("requirements.txt")`), by content
    commit and tags     where the version is made of them (`project.commit`): they decide what is
                        installed, and no lock, which has no version of a folder (PEP 751) and is
                        to hold in a clone without tags, too

Where [project] says all that is wanted of metadata, nothing else decides it. Nothing is run, so
what setup.py computes otherwise stays unseen until a build tells (`project.refuted`). A lock keeps
the digest of these rows, so they hold nothing of one machine.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from packaging.utils import canonicalize_name

from envsync.errors import MetadataInvalid, PathRefused, StorageFailed
from envsync.inside import hash_inside, read_inside
from envsync.project.commit import commit_paths, commit_rows
from envsync.project.pyproject_table import static_metadata
from envsync.spec.toml import loads

PYPROJECT = "pyproject.toml"
SCRIPTS = ("setup.py", "setup.cfg")
_MAX_PROJECT_FILE = 4 << 20
_MAX_TEXT = 1 << 20
_MAX_NAMED = 256
_VERSION_CONTROL = re.compile(
    r"(?i)scm|vcs|git(?!hub|lab)|pbr|versioneer|dunamai|dynamic-versioning"
)
_WORD = re.compile(r"""[^\s'"=:,;()\[\]{}]{1,255}""")
# What is named and yet never a requirement or a version: code, and texts for people.
_NO_METADATA = re.compile(
    r"(?i).*\.(pyi?|md|rst|adoc|html?|png|svg)"
    r"|(.*/)?(readme|changelog|changes|history|news|authors|licen[cs]e|copying|notice)[^/]*"
)


class Texts(NamedTuple):
    """What a project's files say, as far as it matters to a build."""

    values: Mapping[str, object]
    """Of pyproject.toml; `text` alone where that isn't TOML."""
    tools: Mapping[str, object]
    """The back end's own tables in it."""
    scripts: Mapping[str, str]
    """setup.py and setup.cfg: name -> text."""
    static: bool
    """[project] says all that is wanted of metadata (PEP 621)."""
    setuptools: bool
    """setup.py and setup.cfg mean something to the back end."""

    def has_version_of_commit(self) -> bool:
        """Say whether the version is made of what version control says."""
        if self.static or (not self.setuptools and not self.values):
            return False
        project = self.values.get("project")
        if isinstance(project, Mapping) and "version" in project:
            return False
        said = [*_strings(self.values.get("build-system")), *_strings(self.tools)]
        return any(map(_VERSION_CONTROL.search, [*said, *self.tools, *self.scripts.values()]))

    def words(self) -> Iterable[str]:
        """Give every text in the values, and every word of the scripts."""
        yield from _strings(self.values)
        yield from _strings(self.tools)
        for text in self.scripts.values():
            yield from _WORD.findall(text)


def read_texts(root: str, folder: str) -> Texts:
    """Read the project files of `folder`, relative to the project's `root`.

    Raises `PathRefused` for one that is no file of the project, `StorageFailed`.
    """
    data = _read(root, os.path.join(folder, PYPROJECT))
    scripts = {name: _read(root, os.path.join(folder, name)) for name in SCRIPTS}
    document, static = _document(data)
    table = document.get("build-system")
    build = table if isinstance(table, Mapping) else {}
    values = {key: document[key] for key in ("project", "build-system", "text") if key in document}
    return Texts(
        values,
        _own_tables(document.get("tool"), build),
        {name: text.decode(errors="replace") for name, text in scripts.items() if text is not None},
        static,
        "backend-path" in build or _is_of("setuptools", _builders(build)),
    )


def _read(root: str, path: str) -> bytes | None:
    if not os.path.lexists(os.path.join(root, path)):
        return None
    return read_inside(root, path, _MAX_PROJECT_FILE)


def _document(data: bytes | None) -> tuple[Mapping[str, object], bool]:
    if data is None:
        return {}, False
    try:
        return loads(data.decode()), static_metadata(data, file=PYPROJECT) is not None
    except MetadataInvalid:
        return loads(data.decode()), False
    except ValueError:
        return {"text": data.decode(errors="replace")}, False


def _own_tables(tool: object, build: Mapping[str, object]) -> Mapping[str, object]:
    """Give the [tool] tables of what builds: "hatch" of hatchling, "poetry" of poetry-core.

    A back end in the tree may read any of them.
    """
    if not isinstance(tool, Mapping):
        return {}
    if "backend-path" in build:
        return tool
    names = _builders(build)
    return {key: table for key, table in tool.items() if _is_of(canonicalize_name(key), names)}


def _builders(build: Mapping[str, object]) -> Sequence[str]:
    requires = build.get("requires")
    return [_name(text) for text in requires] if isinstance(requires, list) else ["setuptools"]


def _name(requirement: object) -> str:
    return canonicalize_name(re.split(r"[^\w.-]", str(requirement).strip(), maxsplit=1)[0])


def _is_of(key: str, names: Iterable[str]) -> bool:
    return any(name.startswith(key) or key.startswith(name) for name in names if name)


def metadata_rows(root: str, folder: str, *, files_too: bool = False) -> Iterator[str]:
    """Give the rows of a project; with `files_too` also of what decides which files are installed.

    A file that these name and that can't be read is as absent. Raises as `read_texts`.
    """
    texts = read_texts(root, folder)
    # PEP 621: what [project] says, no back end changes.
    counts = files_too or not texts.static
    yield f"{PYPROJECT} {_digest(texts.values)} {_digest(texts.tools if counts else {})}"
    for name, text in sorted(texts.scripts.items()) if counts else ():
        yield f"{name} {_digest(text)}"
    if not texts.static:
        for path in _named(root, folder, texts):
            with suppress(PathRefused, StorageFailed):
                yield f"{path} {hash_inside(root, os.path.join(folder, path)).hashes['sha256']}"
    if files_too and texts.has_version_of_commit():
        yield from commit_rows(os.path.join(root, folder))


def input_paths(root: str, folder: str) -> list[str]:
    """Give what the rows come from, absolute: files, and the folder where one may yet appear.

    None without pyproject.toml. Raises as `read_texts`.
    """
    if not os.path.lexists(os.path.join(root, folder, PYPROJECT)):
        return []
    texts = read_texts(root, folder)
    named = [] if texts.static else _named(root, folder, texts)
    may_appear = not texts.static and texts.setuptools and len(texts.scripts) < len(SCRIPTS)
    names = (PYPROJECT, *sorted(texts.scripts), *named, *(["."] if may_appear else []))
    paths = [os.path.normpath(os.path.join(root, folder, name)) for name in names]
    if texts.has_version_of_commit():
        paths += commit_paths(os.path.normpath(os.path.join(root, folder)))
    return paths


def metadata_digest(root: str, folder: str) -> str:
    """Digest what decides the metadata of a project: sha256 in hexadecimal. Raises as above."""
    return hashlib.sha256("\n".join(metadata_rows(root, folder)).encode()).hexdigest()


def _digest(value: object) -> str:
    data = json.dumps(value, default=str, sort_keys=True)  # of a time its text is as good
    return hashlib.sha256(data.encode()).hexdigest()


def _named(root: str, folder: str, texts: Texts) -> Sequence[str]:
    """Give the small files that the project's texts name, by their paths as named; sorted."""
    words = {os.path.normpath(word) for word in texts.words() if "\0" not in word}
    named = []
    for word in sorted(words):
        # A path of this machine, too, would make the lock another one on each.
        if _NO_METADATA.fullmatch(word) or os.path.isabs(word) or word in (PYPROJECT, *SCRIPTS):
            continue
        path = os.path.join(root, folder, word)
        with suppress(OSError, ValueError):
            if os.path.isfile(path) and os.stat(path).st_size <= _MAX_TEXT:
                named.append(word)
    return named[:_MAX_NAMED]


def _strings(value: object) -> Iterator[str]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one[:4096]
        elif isinstance(one, Mapping):
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
