"""`lock -U`, `-P` where nothing is new: pages that decided the lock are asked, no more is done.

That the lock answers env.toml needs no look either, nor is it read: it was made from this text.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from envsync.catalog.decisions import Decision, Decisions
from envsync.events import Reporter
from envsync.lock.compare import Change
from envsync.lock.coverage import Gap
from envsync.lock.fingerprint import whole_fingerprint
from envsync.operations.lock_file import lock_bytes
from envsync.project.paths import Project
from envsync.project.request import LockOptions
from envsync.settings import Settings
from envsync.spec.model import InputFile, Spec

if TYPE_CHECKING:
    from envsync.acquire.package_sources import PackageSources


class Unchanged(NamedTuple):
    """A lock that stands since all that decided it is as it was (compare `LockOutcome`)."""

    path: str
    packages: int
    """How many are locked."""
    notices: tuple[str, ...]
    gaps: tuple[Gap, ...]
    seconds: float
    changes: tuple[Change, ...] = ()
    fresh: bool = False
    """Always: it was asked for anew."""


def whole_text(text: str, spec: Spec) -> str:
    """Give all that decides a lock: of a workspace env.toml is a part."""
    return text if spec.workspace is None else f"{text}\0{whole_fingerprint(spec)}"


def decisions_about(text: str, settings: Settings, inputs: Sequence[InputFile] = ()) -> Decisions:
    """Give what is known of the locks of an env.toml with this text, and of what it takes from."""
    read = ((one.path, one.data.decode("utf-8", "backslashreplace")) for one in inputs)
    facts = (settings.default_index or "", *chain.from_iterable(read))
    return Decisions(settings.cache_dir, text, *facts)


class Asked(NamedTuple):
    """What asking came to."""

    unchanged: Unchanged | None = None
    sources: "PackageSources | None" = None
    """What has asked: it knows the pages by now."""


@contextmanager
def ask_pages(
    project: Project,
    spec: Spec,
    decisions: Decisions,
    options: LockOptions,
    settings: Settings,
    reporter: Reporter,
) -> Iterator[Asked]:
    """Ask whether the pages that led to the lock on disk hold, where it may be the answer then.

    `options` say which pins are freed.
    `sources` are open for the time of the `with` block. Raises `IndexFailed` and `StorageFailed`.
    """
    started = time.monotonic()
    lock = lock_bytes(project)
    known = None
    if lock is not None and not settings.refresh:
        known = decisions.find(lock, options.upgrade)
    if known is None:
        yield Asked()
        return
    # What talks to the network is imported only where something must be asked.
    from envsync.acquire.package_sources import PackageSources  # noqa: PLC0415

    renewed = options.renewed()
    with PackageSources(project.root, spec, settings, reporter, renewed=renewed) as sources:
        if not sources.say_the_same(known.pages):
            yield Asked(sources=sources)
            return
        reporter.detail(f"{len(known.pages)} pages are as they were: nothing to resolve")
        yield Asked(_unchanged(project, known, started))


def _unchanged(project: Project, known: Decision, started: float) -> Unchanged:
    return Unchanged(
        path=project.lock_path,
        packages=known.packages,
        notices=known.notices,
        gaps=known.gaps,
        seconds=time.monotonic() - started,
    )
