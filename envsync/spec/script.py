"""Read the metadata of a script (PEP 723) as the env.toml that asks for the same."""

from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from envsync.errors import SpecInvalid
from envsync.model.file_urls import is_local, path_of
from envsync.spec.document import MAX_BYTES, load
from envsync.spec.fields import Problems, Table, TooManyProblems
from envsync.spec.lines import find_lines, line_of
from envsync.spec.policies import read_build, read_lock, read_sync
from envsync.spec.requirements import read_python_range, read_requirement
from envsync.spec.script_block import Block
from envsync.spec.sources import index_names, read_indexes, read_sources
from envsync.spec.wording import near_miss, quote, show_path

NAME = "a script"
"""The environment's name, whatever the file is called: files of one meaning share one. It is none
that a package could have, so that no dependency is the file's own."""

_TABLES = ("index", "sources", "lock", "sync", "build")
_KNOWN = ("dependencies", "requires-python", "tool")
_ADVICE = {
    "env": "dependencies and requires-python stand at the top, without [env]",
    "tasks": "a script has no tasks",
    "dependency-groups": "a script has no groups",
}


class ScriptMeaning(NamedTuple):
    """What a script's metadata asks for."""

    document: Mapping[str, object]
    """The env.toml that asks for the same."""
    notices: tuple[str, ...]


def read_script(block: Block, *, path: str) -> ScriptMeaning:
    """Read the metadata: `dependencies`, `requires-python`, and of `[tool.envsync]` the tables
    index, sources, lock, sync and build of env.toml.

    Raises `SpecInvalid` with all mistakes, each with its line in the script.
    """
    if len(block.content) > MAX_BYTES:
        raise SpecInvalid(path, [f"line {block.line}: the metadata is too large"], hint=_hint(path))
    padded = "\n" * (block.line - 1) + block.content  # lines are those of the script
    try:
        content = load(padded, path=path)
    except SpecInvalid as error:
        raise SpecInvalid(path, error.problems, hint=_hint(path)) from error
    problems = Problems()
    document: dict[str, object] = {}
    with suppress(TooManyProblems):
        document = _document(Table(content, (), problems))
    if problems.found:
        lines = find_lines(padded)
        placed = [(line_of(lines, each.path), each) for each in problems.found]
        sentences = [
            f"line {max(line, block.line)}: {show_path(each.path)}: {each.text}"
            for line, each in sorted(placed, key=lambda pair: pair[0])
        ]
        raise SpecInvalid(path, sentences, hint=_hint(path))
    return ScriptMeaning(document, tuple(_unknown(content, path)))


def _hint(path: str) -> str:
    return f"correct the comment block `# /// script` of {path}"


def _unknown(content: Mapping[str, object], path: str) -> list[str]:
    """Keys that mean nothing here are no mistakes: other tools may know them."""
    return [
        f"{path}: nothing is known of the key {quote(key)}{near_miss(key, _KNOWN)}"
        for key in content
        if key not in _KNOWN
    ]


def _document(root: Table) -> dict[str, object]:
    root.convert("requires-python", read_python_range)
    root.items("dependencies", read_requirement)
    own = root.table("tool").table("envsync")
    for position, index in enumerate(read_indexes(own)):
        if is_local(index.url) and not path_of(index.url).startswith("/"):
            own.report("a script has no folder that a path could start at", "index", position)
    for name, sources in read_sources(own, index_names(own)).items():
        if any(source.extra or source.group for source in sources):
            own.report("a script has no extras and no groups", "sources", name)
        if any(source.kind == "path" for source in sources):
            own.report("a script has no folder that a path could start at", "sources", name)
    read_lock(own.table("lock"), {})
    read_sync(own.table("sync"))
    read_build(own.table("build"))
    own.finish(_ADVICE)
    env = {key: root.content[key] for key in _KNOWN[:2] if key in root.content}
    tables = {key: own.content[key] for key in _TABLES if key in own.content}
    return {"env": {"name": NAME, **env}, **tables}
