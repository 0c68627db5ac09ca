"""What a shell may complete a command line with: the answer to one key, in milliseconds.

The words of the command line are in a table that is made of the parsers (`cli.completion`) and kept
in the cache; names in a project come from `project.words`. Nothing is run, locked or asked.

    completion-v1/<version>-<state of the modules>
        command  PATH  TEXT                     `cache prune`
        option   PATH  NAMES  KIND  more|once  TEXT
        argument PATH  KIND  more|once
"""

import os

from envsync import __version__
from envsync.platform.flags import READ
from envsync.platform.user import cache_dir, others_cannot_write
from envsync.project.words import Words, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

BUCKET = "completion-v1"
SCRIPTS = {
    "bash": "envsync.bash",
    "zsh": "envsync.zsh",
    "fish": "envsync.fish",
    "powershell": "envsync.ps1",
    "nushell": "envsync.nu",
}
"""By the name of a shell, the file in `completions`."""
OTHER_NAMES = {"pwsh": "powershell", "nu": "nushell"}

FLAG, CHOICE = "", "="
_LAST = "end\n"
_PYTHONS = ("3.14", "3.13", "3.12", "3.11", "3.10", "3.9", "3.8", "pypy3.11")
_PLATFORMS = (
    *("linux", "macos", "windows", "x86_64-manylinux_2_28", "aarch64-manylinux_2_28"),
    *("x86_64-musllinux_1_2", "macosx_11_0_arm64", "win_amd64"),
)
_BREAKS = "=:"
"""What bash takes for the end of a word (COMP_WORDBREAKS): only what follows is replaced."""


# Plain classes: a NamedTuple would import `typing`, which takes a third of the answer's time.


class Option:
    """One option of a command."""

    def __init__(self, names: "tuple[str, ...]", kind: str, text: str, *, repeats: bool) -> None:
        """`kind` is what it takes: "" is nothing."""
        self.names, self.kind, self.text, self.repeats = names, kind, text, repeats


class Table:
    """All words of the command line; a path is `cache prune`, and "" envsync itself."""

    def __init__(
        self,
        commands: "Mapping[str, str]",
        options: "Mapping[str, Sequence[Option]]",
        arguments: "Mapping[str, Sequence[tuple[str, bool]]]",
    ) -> None:
        """`arguments` are kinds, and whether the argument may be repeated."""
        self.commands, self.options, self.arguments = commands, options, arguments


class Answer:
    """What fits where the cursor is."""

    def __init__(self, kind: str, words: "Sequence[tuple[str, str]]") -> None:
        """`kind` is `words`, or what the shell itself is to add: `files`, `folders`, `commands`.

        `words` are those that fit, each with a description.
        """
        self.kind, self.words = kind, words


def script(shell: str) -> str:
    """Give what a shell evaluates so that it asks here."""
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "completions")
    with open(
        os.path.join(folder, SCRIPTS[OTHER_NAMES.get(shell, shell)]), encoding="utf-8"
    ) as file:
        return file.read()


# The table


def table_path(environ: "Mapping[str, str]") -> str:
    """Give where the table of this envsync is kept; "" where there is no cache."""
    folder = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cli")
    states = [one.stat().st_mtime_ns for one in os.scandir(folder) if one.name.endswith(".py")]
    cache = cache_dir(environ)
    name = f"{__version__}-{len(states)}-{max(states):x}"
    return f"{cache}/{BUCKET}/{name}" if cache else ""


def kept_table(environ: "Mapping[str, str]") -> Table | None:
    """Read the table; None where there is none, or another user could have written it."""
    path = table_path(environ)
    try:
        places = (os.path.dirname(os.path.dirname(path)), os.path.dirname(path), path)
        if not path or not all(others_cannot_write(os.lstat(place)) for place in places[1:]):
            return None
        if not others_cannot_write(os.stat(places[0])):
            return None
        with open(os.open(path, READ), encoding="utf-8") as file:
            text = file.read()
        return parse_table(text)
    except (OSError, ValueError):
        return None


def parse_table(text: str) -> Table:
    """Read the text of a table. Raises `ValueError` for one that isn't whole."""
    if not text.endswith(_LAST):
        raise ValueError("it is cut")
    commands: dict[str, str] = {}
    options: dict[str, list[Option]] = {}
    arguments: dict[str, list[tuple[str, bool]]] = {}
    for line in text[: -len(_LAST)].splitlines():
        row, path, *rest = line.split("\t")
        if row == "command":
            commands[path] = rest[0]
        elif row == "option":
            names, kind, often, words = rest
            option = Option(tuple(names.split()), kind, words, repeats=often == "more")
            options.setdefault(path, []).append(option)
        else:
            arguments.setdefault(path, []).append((rest[0], rest[1] == "more"))
    return Table(commands, options, arguments)


def render_table(table: Table) -> str:
    """Write a table; `parse_table` reads it."""
    lines = [f"command\t{path}\t{text}" for path, text in table.commands.items()]
    for path, options in table.options.items():
        for one in options:
            often = "more" if one.repeats else "once"
            lines.append(
                "\t".join(("option", path, " ".join(one.names), one.kind, often, one.text))
            )
    for path, arguments in table.arguments.items():
        for kind, repeats in arguments:
            lines.append("\t".join(("argument", path, kind, "more" if repeats else "once")))
    return "\n".join((*lines, _LAST))


# The answer


class _Line:
    """What stands before the cursor, understood."""

    def __init__(self) -> None:
        self.path = ""
        self.arguments = 0
        """How many stand there already."""
        self.waiting: Option | None = None
        """An option whose value comes now."""
        self.said: dict[str, str] = {}
        """Options that were said, by each of their names, with the values."""
        self.is_over = False
        """No options come any more."""


def answer_line(
    table: Table, shell: str, current: str, words: "Sequence[str]", environ: "Mapping[str, str]"
) -> str:
    """Answer a script of `completions`, in lines.

    `current` is the word at the cursor, `words` those before it; of bash, the line up to the
    cursor, and the words with the one at the cursor.
    """
    replaced = ""
    if shell == "bash":
        words = glued(current, words)
        *words, current = words or [""]
        replaced = current[: max(current.rfind(mark) for mark in _BREAKS) + 1]
    elif shell == "zsh" and current.startswith("--"):
        replaced = current[: current.find("=") + 1]
    found = answer(table, current, words, environ)
    lines = [found.kind]
    for word, text in found.words:
        lines.append(_row(shell, word[len(replaced) :], text))
    return "\n".join(lines) + "\n"


def _row(shell: str, word: str, text: str) -> str:
    text = "".join(one for one in text if one.isprintable())[:100]
    if shell == "bash" or not text:
        return word.replace(":", "\\:") if shell == "zsh" else word
    return f"{word.replace(':', chr(92) + ':')}:{text}" if shell == "zsh" else f"{word}\t{text}"


def glued(line: str, words: "Sequence[str]") -> list[str]:
    """Put together what bash takes apart at `=` and `:`, by the line that they stand in."""
    found: list[str] = []
    rest, is_apart = line, True
    for word in reversed(words):
        at = rest.rfind(word) if word else len(rest)
        if at < 0:  # the cursor stands inside of the word
            at = max(rest.rfind(" ") + 1, 0)
            word = rest[at:]
        gap = rest[at + len(word) :]
        if found and not gap and not is_apart:
            found[0] = word + found[0]
        else:
            found.insert(0, word)
        rest = rest[:at]
        is_apart = not rest or rest[-1].isspace()
        rest = rest.rstrip() if is_apart else rest
    return [word.replace('"', "").replace("'", "").replace("\\", "") for word in found]


def answer(
    table: Table, current: str, words: "Sequence[str]", environ: "Mapping[str, str]"
) -> Answer:
    """Say what fits at the cursor."""
    line = _understand(table, words)
    names = _Names(table, line, environ)
    if line.waiting is not None:
        return names.of(line.waiting.kind, current)
    if line.is_over:
        return names.of("run", current) if line.arguments == 0 else Answer("files", ())
    if current.startswith("--") and "=" in current:
        option = _option(table, line.path, current.partition("=")[0])
        if option is None or not option.kind:
            return Answer("words", ())
        start = current[: current.index("=") + 1]
        found = names.of(option.kind, current[len(start) :])
        return Answer(found.kind, [(start + word, text) for word, text in found.words])
    if current.startswith("-"):
        return Answer("words", _fitting(_unsaid(table, line), current))
    if below := list(_below(table, line.path)):
        return Answer("words", _fitting(below, current))
    kind = _argument(table, line)
    if kind is None:
        return Answer("words", _fitting(_unsaid(table, line), current))
    return names.of(kind, current)


def _understand(table: Table, words: "Sequence[str]") -> _Line:
    line = _Line()
    for word in words:
        if line.waiting is not None:
            line.said.update(dict.fromkeys(line.waiting.names, word))
            line.waiting = None
        elif line.is_over:
            line.arguments += 1
        elif word == "--":
            line.is_over = True
        elif word.startswith("-") and word != "-":
            name, equals, value = word.partition("=")
            option = _option(table, line.path, name)
            if option is not None:
                line.said.update(dict.fromkeys(option.names, value))
                line.waiting = option if option.kind and not equals else None
        elif (inner := f"{line.path} {word}".strip()) in table.commands:
            line.path = inner
        else:
            line.arguments += 1
            line.is_over = line.path == "run"
    return line


def _option(table: Table, path: str, name: str) -> Option | None:
    return next((one for one in table.options.get(path, ()) if name in one.names), None)


def _unsaid(table: Table, line: _Line) -> "Iterator[tuple[str, str]]":
    """Give the options that may still be said, the long name of each."""
    for option in table.options.get(line.path, ()):
        if option.repeats or option.names[0] not in line.said:
            for name in option.names:
                yield name, option.text


def _below(table: Table, path: str) -> "Iterator[tuple[str, str]]":
    """Give the commands of a command."""
    start = f"{path} " if path else ""
    for one, text in table.commands.items():
        if one.startswith(start) and " " not in one[len(start) :]:
            yield one[len(start) :], text


def _argument(table: Table, line: _Line) -> str | None:
    """Give the kind of the argument that comes now; None where none does."""
    arguments = table.arguments.get(line.path, ())
    if line.arguments < len(arguments):
        return arguments[line.arguments][0]
    return arguments[-1][0] if arguments and arguments[-1][1] else None


def _fitting(words: "Iterable[tuple[str, str]]", current: str) -> "list[tuple[str, str]]":
    short = len(current) > 1 and not current.startswith("--")
    is_option = current.startswith("-")
    return [
        (word, text)
        for word, text in dict(words).items()
        if word.startswith(current) and (not is_option or short or word.startswith("--"))
    ]


class _Names:
    """Names by the kind of what is asked for."""

    def __init__(self, table: Table, line: _Line, environ: "Mapping[str, str]") -> None:
        self._table, self._line, self._environ = table, line, environ

    def of(self, kind: str, current: str) -> Answer:
        """Give those that begin with what is typed."""
        if kind in ("files", "folders"):
            return Answer(kind, ())
        if kind.startswith(CHOICE):
            return Answer("words", _fitting(_bare(kind[1:].split(",")), current))
        if kind == "run":
            return Answer("commands", _fitting(self._words().tasks(), current))
        read: Mapping[str, Callable[[], Iterable[str]]] = {
            "group": lambda: self._words().groups(),
            "extra": lambda: self._words().extras(),
            "package": lambda: self._words().locked(),
            "required": lambda: self._words().required(),
            "environment": lambda: self._words().environments(),
            "member": lambda: self._words().members(),
            "index": lambda: self._words().indexes(),
            "python": lambda: _PYTHONS,
            "platform": lambda: _PLATFORMS,
        }
        if kind == "topic":
            return Answer("words", _fitting(_below(self._table, ""), current))
        names = read[kind]() if kind in read else ()
        return Answer("words", _fitting(_bare(plain(names)), current))

    def _words(self) -> Words:
        said, environ = self._line.said, self._environ
        folder = said.get("--project") or environ.get("ENVSYNC_PROJECT") or "."
        name = said.get("--env") or environ.get("ENVSYNC_ENV") or ""
        try:
            return Words(os.path.abspath(os.path.expanduser(folder)), name)
        except OSError:  # the current folder is gone
            return Words("/", name)


def _bare(words: "Iterable[str]") -> "Iterator[tuple[str, str]]":
    for word in words:
        yield word, ""
