"""What can be reported while work runs, and the silent reporter that engines get by default.

Engines call a `Reporter`; only `ui` draws. Every method may be called from any thread.
"""


class Reporter:
    """Receives progress; each method does nothing here.

    `stage` names a kind of work: "resolving", "downloading", "building", "unpacking", "linking".
    """

    def begin(self, stage: str, total: int | None = None) -> None:
        """A stage starts; `total` counts its units (packages, bytes or files) when known."""

    def advance(self, stage: str, amount: int = 1, detail: str = "") -> None:
        """`amount` more units of a stage are done; `detail` is what is being worked on."""

    def end(self, stage: str) -> None:
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
