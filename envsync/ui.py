"""The only module that writes to a terminal: progress, results, warnings, errors.

Data goes to standard output, everything else to standard error. Text that came from outside is
made printable first, so that nothing a package, index or path says can steer a terminal.
"""

import errno
import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TextIO

from envsync.errors import EnvsyncError
from envsync.events import Reporter, Stage
from envsync.redaction import redact
from envsync.settings import Settings

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_COLORS = {"red": "31;1", "yellow": "33;1", "cyan": "36;1", "green": "32", "dim": "2"}
_MARK_COLORS = {"+": "green", "-": "red", "~": "yellow", "!": "yellow"}


MOST_PATHS = 20
"""Damaged paths that are named, of those in one environment."""

_COMMAND = re.compile(r"`envsync (?!-)")
"""The beginning of a command to type that doesn't name a place itself."""
_SPEC = re.compile(r"(?<![\w/.-])env\.toml\b")
"""The file that engines speak of, whatever its name is."""


_PLAIN_SIGNS = str.maketrans({"├": "|", "└": "`", "│": "|", "─": "-", "→": ">", "↑": "^", "↓": "v"})
"""For an output that has no others."""
_BEGIN, _MIDDLE, _END = "\ue000", "\ue001", "\ue002"
"""Stand for colours until a line was made printable: characters that mean nothing to a terminal."""
_COLORED = re.compile(f"{_BEGIN}([a-z]+){_MIDDLE}([^{_BEGIN}{_END}]*){_END}")


def printable(text: str) -> str:
    """Give text that steers no terminal: control, direction and zero-width characters escaped.

    Line feeds too: nothing that a stranger names can begin a line of its own.
    """
    if text.isprintable():  # which knows of no character that `_steers` does
        return text
    return "".join(_escape(character) if _steers(character) else character for character in text)


def _steers(character: str) -> bool:
    import unicodedata  # noqa: PLC0415  (most text is ASCII)

    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def counted(number: int, what: str) -> str:
    """Give a number of things in words: `1 package`, `17,697 files`, `2 entries`."""
    if number != 1:
        what = f"{what[:-1]}ies" if what.endswith("ry") else f"{what}s"
    return f"{number:,} {what}"


def terminal_columns() -> int:
    """Give the terminal's width, without the module that argparse loads to ask it."""
    try:
        return int(os.environ.get("COLUMNS") or os.get_terminal_size(1).columns) or 80
    except (OSError, ValueError):
        return 80


class Ui(Reporter):
    """Shows what happens: lines always, moving progress only on a terminal."""

    def __init__(
        self, settings: Settings, *, said: str = "", environment: str | None = None
    ) -> None:
        """`said` are the flags by which the user named project, environment and interpreter;
        `environment` is the name of the one that is worked on.
        """
        self._settings = settings
        self._said, self._environment = said, environment
        self._mutex = threading.RLock()
        self._progress: Progress | None = None
        self._tasks: dict[Stage, TaskID] = {}
        terminal = _is_terminal(sys.stderr)
        self._color = settings.color == "always" or (settings.color == "auto" and terminal)
        answers = settings.color == "always" or (
            settings.color == "auto" and _is_terminal(sys.stdout)
        )
        self._data_color = answers and not settings.json
        self._moving = settings.progress and terminal and settings.verbosity >= 0

    @property
    def wants_json(self) -> bool:
        """Results are asked for as JSON."""
        return self._settings.json

    # Reporter

    def begin(self, stage: Stage, total: int | None = None) -> None:
        """Show that a stage starts; on a terminal only."""
        if not self._moving:
            return
        with self._mutex:
            progress = self._started_progress()
            if stage not in self._tasks:
                self._tasks[stage] = progress.add_task(
                    stage.value, total=total, detail="", count=""
                )
            else:
                progress.update(self._tasks[stage], total=total, completed=0, visible=True)

    def advance(self, stage: Stage, amount: int = 1, detail: str = "") -> None:
        """Move a stage on."""
        if not self._moving:
            return
        with self._mutex:
            if self._progress is not None and stage in self._tasks:
                task = self._tasks[stage]
                state = self._progress.tasks[self._progress.task_ids.index(task)]
                done = state.completed + amount
                count = _count(stage, done, state.total)
                shown = printable("-".join(detail.split("-")[:2]))[:40]  # project and version
                self._progress.update(task, completed=done, detail=shown, count=count)

    def end(self, stage: Stage) -> None:
        """Take a stage off the screen."""
        with self._mutex:
            if self._progress is not None and stage in self._tasks:
                self._progress.remove_task(self._tasks.pop(stage))
                if not self._tasks:
                    self._progress.stop()
                    self._progress = None

    def note(self, text: str) -> None:
        """Write a line, unless quiet."""
        if self._settings.verbosity >= 0:
            self._line(self._safe(text))

    def detail(self, text: str) -> None:
        """Write a line when verbose."""
        if self._settings.verbosity > 0:
            self._line(self._paint("dim", self._safe(text)))

    def warn(self, text: str) -> None:
        """Write a warning."""
        self._line(f"{self._paint('yellow', 'warning')}: {self._safe(text)}")

    def confirm(self, question: str) -> bool | None:
        """Ask on the terminal; None where there is none, or nobody before it (CI, `--json`)."""
        if not (self._settings.can_ask and _is_terminal(sys.stdin) and _is_terminal(sys.stderr)):
            return None
        if self._settings.json:
            return None
        self.close()
        with self._mutex:
            _write(sys.stderr, f"{printable(question)} [y/N] ")
            return sys.stdin.readline().strip().lower() in ("y", "yes")

    # Results

    def error(self, error: EnvsyncError) -> None:
        """Write what went wrong, and what to type next."""
        self.close()
        self._line(f"{self._paint('red', 'error')}: {self._safe(error.message)}")
        for line in self.in_short(error.lines):
            self._line(f"  {self._safe(line)}")
        if error.hint:
            self._line(f"{self._paint('cyan', 'hint')}: {self._safe(error.hint)}")

    def hint(self, text: str) -> None:
        """Write what could be typed next."""
        if self._settings.verbosity >= 0:
            self._line(f"{self._paint('cyan', 'hint')}: {self._safe(text)}")

    def changes(self, lines: Iterable[str]) -> None:
        """Write one line a change; the mark at its front decides the colour."""
        for line in self.in_short(lines):
            mark = _MARK_COLORS.get(line[:1])
            text = self._safe(line)
            self.note_painted(f" {self._paint(mark, text) if mark else text}")

    def note_painted(self, text: str) -> None:
        """Write a line whose colours are set already, unless quiet."""
        if self._settings.verbosity >= 0:
            self._line(text)

    def data(self, text: str) -> None:
        """Write data to standard output. Raises `OSError` where that is closed or full."""
        self.close()
        try:
            if sys.stdout is None:
                raise OSError(errno.EBADF, "it is closed")
            sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
            sys.stdout.flush()
        except OSError as error:
            raise OSError(error.errno, error.strerror, "standard output") from error

    def data_lines(self, lines: Iterable[str]) -> None:
        """Write lines of data, each made printable but for colours of `in_color`."""
        texts: Iterable[str] = map(self._safe, lines)
        if self._data_color:  # else a stranger's text could ask for one
            texts = (_COLORED.sub(_repaint, text) for text in texts)
        text = "\n".join(texts)
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            plain = text.translate(_PLAIN_SIGNS)
            text = plain.encode(encoding, "backslashreplace").decode(encoding)
        self.data(text)

    def in_color(self, color: str, text: str) -> str:
        """Give text for data in a colour, where standard output shows one."""
        return f"{_BEGIN}{color}{_MIDDLE}{text}{_END}" if self._data_color and text else text

    def columns(self) -> int | None:
        """Give the width of the terminal that data goes to; None where it goes elsewhere."""
        return terminal_columns() if _is_terminal(sys.stdout) else None

    def document(self, value: Mapping[str, object]) -> None:
        """Write one JSON document to standard output."""
        import json  # noqa: PLC0415  (7 ms that only --json pays)

        self.data(json.dumps(value, indent=2, ensure_ascii=True))

    def in_short(self, lines: Iterable[str], mark: str = "!") -> Iterator[str]:
        """Leave out what is past the first `MOST_PATHS` lines with a mark, unless verbose."""
        marked = 0
        for line in lines:
            marked += line.startswith(mark)
            if marked <= MOST_PATHS or self._settings.verbosity > 0 or not line.startswith(mark):
                yield line
        if marked > MOST_PATHS and self._settings.verbosity <= 0:
            yield f"{mark} and {marked - MOST_PATHS:,} more (-v shows all)".lstrip()

    def in_place(self, text: str) -> str:
        """Let commands in a text name the place as the user's own did, and env.toml be the one."""
        if self._environment:
            text = _SPEC.sub(f"env.{self._environment}.toml", text)
        return _COMMAND.sub(lambda _: f"`envsync {self._said} ", text) if self._said else text

    def close(self) -> None:
        """Take all progress off the screen."""
        with self._mutex:
            if self._progress is not None:
                self._progress.stop()
                self._progress = None
                self._tasks.clear()

    def _safe(self, text: str) -> str:
        """Give foreign text for a line of ours: no password in a URL, nothing that steers."""
        return printable(redact(self.in_place(text)))

    def _line(self, text: str) -> None:
        with self._mutex:
            if self._progress is not None:
                self._progress.console.print(
                    text, markup=False, highlight=False, emoji=False, soft_wrap=True
                )
                return
            _write(sys.stderr, f"{text}\n")

    def _paint(self, color: str, text: str) -> str:
        if not self._color or self._progress is not None:
            return text
        return f"\x1b[{_COLORS[color]}m{text}\x1b[0m"

    def _started_progress(self) -> "Progress":
        if self._progress is None:
            self._progress = _new_progress()
            self._progress.start()
        return self._progress


def _new_progress() -> "Progress":
    # rich takes 40 ms to import: only what is drawn pays for it.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415
    from rich.table import Column  # noqa: PLC0415

    return Progress(
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[count]}", markup=False, table_column=Column(no_wrap=True)),
        TextColumn(
            "{task.fields[detail]}",
            markup=False,
            table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
        ),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )


def _count(stage: Stage, done: float, total: float | None) -> str:
    """Say how far a stage is: megabytes of a download, packages or files of everything else."""
    if stage is Stage.DOWNLOADING:
        of = f" of {total / 1e6:.1f}" if total else ""
        return f"{done / 1e6:.1f}{of} MB"
    return f"{done:.0f} of {total:.0f}" if total else f"{done:.0f}"


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"
    except ValueError:  # closed
        return False


def _repaint(match: re.Match[str]) -> str:
    code = _COLORS.get(match[1])
    return f"\x1b[{code}m{match[2]}\x1b[0m" if code else match[2]


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:
        return
    try:
        stream.write(text)
        stream.flush()
    except UnicodeEncodeError:
        stream.write(text.encode("ascii", "backslashreplace").decode())
        stream.flush()
    except (OSError, ValueError):  # nobody can be told
        return
