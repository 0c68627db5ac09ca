"""What can be reported while work runs, and the silent reporter that engines get by default.

Engines call a `Reporter`; only `ui` draws. Every method may be called from any thread.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum


class Stage(Enum):
    """A kind of work that takes time; its value is what it is called while it runs."""

    RESOLVING = "Resolving"
    DOWNLOADING = "Downloading"
    BUILDING = "Building"
    UNPACKING = "Unpacking"
    COMPILING = "Compiling"
    LINKING = "Linking"
    DELETING = "Deleting"
    VERIFYING = "Verifying"


class Reporter:
    """Receives progress; each method does nothing here."""

    def begin(self, stage: Stage, total: int | None = None) -> None:
        """A stage starts; `total` counts its units (packages, bytes or files) when known."""

    def advance(self, stage: Stage, amount: int = 1, detail: str = "") -> None:
        """`amount` more units of a stage are done; `detail` is what is being worked on."""

    def end(self, stage: Stage) -> None:
        """A stage is over."""

    def note(self, text: str) -> None:
        """Something worth a line that is not a problem."""

    def detail(self, text: str) -> None:
        """Something worth a line only to those who asked for more (`-v`)."""

    def warn(self, text: str) -> None:
        """Something that the user should know about; work goes on."""

    def confirm(self, question: str) -> bool | None:  # noqa: ARG002
        """Ask for leave; False is the answer of whoever only presses return, None: nobody can."""
        return None


SILENT = Reporter()


@contextmanager
def during(stage: Stage, reporter: Reporter, total: int | None = None) -> Iterator[None]:
    """Report a stage for the time of a `with` block."""
    reporter.begin(stage, total)
    try:
        yield
    finally:
        reporter.end(stage)
