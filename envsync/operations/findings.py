"""What `doctor` finds: each thing is well, worth knowing, or broken with what to do."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from envsync.redaction import redact, redact_url

State = Literal["ok", "note", "broken"]


class Finding(NamedTuple):
    """One line of the report."""

    topic: str
    state: State
    text: str
    advice: str = ""
    """What to do, or what it means."""


def well(topic: str, text: str, advice: str = "") -> Finding:
    """Say that something is as it should be."""
    return Finding(topic, "ok", redact(text), redact(advice))


def worth_knowing(topic: str, text: str, advice: str = "") -> Finding:
    """Say what works, but otherwise than one may think."""
    return Finding(topic, "note", redact(text), redact(advice))


def broken(topic: str, text: str, advice: str = "") -> Finding:
    """Say what can't work as it is."""
    return Finding(topic, "broken", redact(text), redact(advice))


def place(url: str) -> str:
    """Give an address without secrets."""
    return redact_url(url)


def is_broken(findings: Iterable[Finding]) -> bool:
    """Tell whether anything is broken."""
    return any(one.state == "broken" for one in findings)
