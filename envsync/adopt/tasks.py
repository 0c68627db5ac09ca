"""Scripts of other tools as tasks of env.toml."""

import re

from envsync.adopt.draft import Draft, Origin
from envsync.spec.command_line import read_command_line

_PLACEHOLDER = re.compile(r"\{[^{}]*\}|\$\{|\$[A-Za-z_(]")
_LONGEST = 4096
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*")


def add_task(draft: Draft, name: str, value: object, origin: Origin) -> None:
    """Take a script over where a task can be the same: words, without a shell's meaning."""
    lines = value if isinstance(value, list) else [value]
    texts = [line for line in lines if isinstance(line, str) and line.strip()]
    if len(texts) < len(lines) or not texts:
        draft.leave(origin, f"script {name}", "a task is a command, or a list of commands")
        return
    if not _NAME.fullmatch(name):
        draft.leave(origin, f"script {name}", "a task's name has letters, digits and . : _ -")
        return
    for line in texts:
        if why := _why_not(line):
            draft.leave(origin, f"script {name}", why)
            return
    draft.put(("tasks", name), value, origin)


def _why_not(line: str) -> str | None:
    """Say why a line would mean something else as a task; None where it means the same."""
    if len(line) > _LONGEST:
        return f"a task has at most {_LONGEST} characters"
    found = _PLACEHOLDER.search(line)
    if found:
        return f"{found[0]} is put in by the other tool: write the command out under [tasks]"
    try:
        read_command_line(line)
    except ValueError as error:
        return f"a task has no shell: {error}"
    return None
