"""Ask for what the resolver will want next, before it does; nothing here changes an answer.

When the files of a project are known, the metadata of its likeliest version is asked for; when
that is known, the files of the projects that it requires. A guess that is wrong costs a request.

Guessing begins when something has to be waited for. While all that is asked is kept on this
machine, hints are only noted: guessing would read everything twice.
"""

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import NamedTuple, Protocol

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envsync.model.candidate import Candidate, CoreMetadata
from envsync.model.marker import MarkerSet, from_marker
from envsync.resolve.candidates import Listing
from envsync.resolve.offers import Claim, Offers, Versions

MAX_GUESSES = 3
"""Versions of one project whose metadata is asked for on a guess."""

MAX_EXPECTED = 64
"""Versions that are asked for side by side when the resolver goes through a project's versions."""

BASE = ""
"""Stands for a project without any of its extras."""


class Answers(Protocol):
    """What is asked on a guess: the very answers that the resolver will get."""

    def is_listed(self, name: NormalizedName) -> bool:
        """Start to fetch a project's files; say whether they are there already."""

    def when_listed(self, name: NormalizedName, call: Callable[[], None]) -> None:
        """Start to fetch a project's files; `call` when `listing` need not wait any more."""

    def listing(self, name: NormalizedName) -> Listing:
        """What there is of a project."""

    def when_known(self, candidate: Candidate, call: Callable[[], None]) -> None:
        """Start to fetch metadata; `call` when `metadata` need not wait. Or do nothing at all."""

    def metadata(self, candidate: Candidate) -> CoreMetadata:
        """What a candidate requires."""


def _nothing() -> None:
    """What is to do when an answer is there that is only to be there."""


class Guide(NamedTuple):
    """What is known beforehand of what the resolver will want."""

    environments: MarkerSet
    lowest: bool = False
    """The oldest version is the likeliest."""
    prereleases: bool = False
    preferences: Mapping[NormalizedName, tuple[Version, ...]] = {}
    elsewhere: frozenset[NormalizedName] = frozenset()
    """Projects that don't come from the indexes, which must not even hear of them."""


class _Project:
    """What is known and guessed of one project; touched by the speculating thread only."""

    def __init__(self) -> None:
        self.required = SpecifierSet()
        self.extras: set[str] = {BASE}
        self.listing: Listing | None = None
        self.guessed: set[Version] = set()
        self.known: list[CoreMetadata] = []
        self.followed: set[tuple[Version, str]] = set()


class Speculation:
    """Runs ahead of one resolution in a thread of its own, once it has begun; `close` ends it.

    `hint`, `expect` and `begin` are for the thread that resolves, and return at once.
    """

    def __init__(self, answers: Answers, guide: Guide) -> None:
        self._answers, self._guide = answers, guide
        self._projects: dict[NormalizedName, _Project] = {}
        self._verdicts: dict[tuple[int, str], bool] = {}
        self._markers: list[Marker] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="speculation")
        self._closed = threading.Event()
        self._noted: list[tuple[NormalizedName, SpecifierSet]] | None = []
        """The hints before the beginning; None after it."""

    def hint(self, name: NormalizedName, specifier: SpecifierSet) -> None:
        """A project will be required in these versions, and asked for soon."""
        if self._noted is None:
            self._later(partial(self._hint, name, specifier, ()))
            return
        self._noted.append((name, specifier))
        if name not in self._guide.elsewhere and not self._answers.is_listed(name):
            self.begin()

    def expect(self, candidates: Iterable[Candidate]) -> None:
        """Metadata of these will be wanted, in this order."""
        if self._noted is None:
            for candidate in islice(candidates, MAX_EXPECTED):
                self._later(partial(self._answers.when_known, candidate, _nothing))

    def begin(self) -> None:
        """Guess from now on, and from what was noted: something has to be waited for."""
        noted, self._noted = self._noted, None
        for name, specifier in noted or ():
            self._later(partial(self._hint, name, specifier, ()))

    def close(self) -> None:
        """Forget what has not begun."""
        self._closed.set()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _later(self, work: Callable[[], None]) -> None:
        if not self._closed.is_set():
            # Closed in between: then nobody wants the guess any more.
            with suppress(RuntimeError):
                self._thread.submit(self._quietly, work)

    def _quietly(self, work: Callable[[], None]) -> None:
        """Let a guess fail: who really asks gets the error."""
        if not self._closed.is_set():
            with suppress(Exception):
                work()

    def _hint(self, name: NormalizedName, specifier: SpecifierSet, extras: Iterable[str]) -> None:
        # A guess must not tell an index of names that are no business of its (H102).
        if name in self._guide.elsewhere:
            return
        project = self._projects.get(name)
        is_new = project is None
        if project is None:
            project = self._projects[name] = _Project()
        project.required &= specifier
        project.extras.update(map(canonicalize_name, extras))
        if is_new:
            self._answers.when_listed(name, lambda: self._later(partial(self._listed, name)))
            return
        self._guess(project, specifier)
        self._follow(project)

    def _listed(self, name: NormalizedName) -> None:
        project = self._projects[name]
        project.listing = self._answers.listing(name)
        self._guess(project, project.required)

    def _guess(self, project: _Project, specifier: SpecifierSet) -> None:
        """Ask for the likeliest version's metadata, unless it has been asked for."""
        if project.listing is None or len(project.guessed) >= MAX_GUESSES:
            return
        candidate = self._likeliest(project.listing, project.required)
        # Requirements may exclude each other, where they are of several versions: the last counts.
        candidate = candidate or self._likeliest(project.listing, specifier)
        if candidate is None or candidate.version in project.guessed:
            return
        project.guessed.add(candidate.version)
        learn = partial(self._learn, project, candidate)
        self._answers.when_known(candidate, lambda: self._later(learn))

    def _likeliest(self, listing: Listing, specifier: SpecifierSet) -> Candidate | None:
        """The most wanted version; a pre-release where nothing else fits, or they are allowed."""
        offers = Offers.of(listing.candidates)
        offers = offers[::-1] if self._guide.lowest else offers
        stable = offers.stable()
        is_split = not self._guide.prereleases and len(stable) < len(offers)
        for some in (stable, offers) if is_split else (offers,):
            if (candidate := self._first(listing.name, some, specifier)) is not None:
                return candidate
        return None

    def _first(
        self, name: NormalizedName, offers: Offers, specifier: SpecifierSet
    ) -> Candidate | None:
        """The first that fits; before that, what is preferred."""
        versions = offers.versions()

        def fits(at: int, claim: Claim) -> bool:
            return not claim.is_yanked and specifier.contains(versions[at], prereleases=True)

        for version in self._guide.preferences.get(name, ()):
            at = self._place(versions, version)
            if at is not None and fits(at, offers.claim(at)):
                return offers[at]
        return next((offers[at] for at, one in enumerate(offers.claims()) if fits(at, one)), None)

    def _place(self, versions: Versions, version: Version) -> int | None:
        """Where a version stands among these, found by halves: each one looked at is parsed."""
        ascending = versions if self._guide.lowest else versions[::-1]
        at = bisect_left(ascending, version)
        if at == len(ascending) or ascending[at] != version:
            return None
        return at if self._guide.lowest else len(ascending) - 1 - at

    def _learn(self, project: _Project, candidate: Candidate) -> None:
        project.known.append(self._answers.metadata(candidate))
        self._follow(project)

    def _follow(self, project: _Project) -> None:
        """Hint at all that the known versions require, base and extras each once."""
        for metadata in project.known:
            for extra in sorted(project.extras):
                if (metadata.version, extra) not in project.followed:
                    project.followed.add((metadata.version, extra))
                    self._follow_one(metadata, extra)

    def _follow_one(self, metadata: CoreMetadata, extra: str) -> None:
        for requirement in metadata.requires_dist:
            if requirement.url is None and self._applies(requirement.marker, extra):
                name = canonicalize_name(requirement.name)
                self._hint(name, requirement.specifier, requirement.extras)

    def _applies(self, marker: Marker | None, extra: str) -> bool:
        """A marker can hold in the covered environments, with this extra and not without it."""
        if marker is None:
            return extra == BASE
        # Markers that are written alike are one object here; the list keeps their ids taken.
        key = (id(marker), extra)
        verdict = self._verdicts.get(key)
        if verdict is None:
            self._markers.append(marker)
            verdict = self._verdicts[key] = self._can_hold(marker, extra)
        return verdict

    def _can_hold(self, marker: Marker, extra: str) -> bool:
        whole = from_marker(marker)
        base = whole.assign_extras(frozenset())
        if extra == BASE:
            return not base.is_disjoint(self._guide.environments)
        with_extra = whole.assign_extras(frozenset({extra}))
        return with_extra != base and not with_extra.is_disjoint(self._guide.environments)
