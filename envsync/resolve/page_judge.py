"""Judge the versions on a page of an index under the policy: candidates, and reasons for the rest.

What decides is known of each version without its files (`index.releases.Shape`), and most versions
of a project are alike in it. Only `exclude-newer` has the files of all versions read.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Generic, TypeAlias, TypeVar, overload

from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.index.packed import Releases, pack_page, unpack_page
from envsync.index.releases import SOURCE, Release
from envsync.model.candidate import Candidate, Chosen, File, Files
from envsync.model.version_text import parse_version
from envsync.resolve.candidates import ALL, Listing, ResolvePolicy, may_build
from envsync.resolve.compatibility import WheelJudge
from envsync.resolve.offers import Claim, Offers, Versions
from envsync.resolve.rejections import (
    ListingReason,
    NeedsPython,
    NotAVersion,
    NoUploadTime,
    NoUsableFile,
    Rejected,
    StrangeName,
    TooNew,
)
from envsync.resolve.versions import parse_specifiers

T_co = TypeVar("T_co", covariant=True)
_Row: TypeAlias = tuple[bool, str | None, int]
"""What decides of one file: whether it is yanked, requires-python, and kind."""
_Rows: TypeAlias = tuple[_Row, ...]
_UNKNOWN = Claim(None, is_yanked=False)


def candidates_of(
    name: NormalizedName,
    files: Releases | Iterable[File],
    index_url: str | None,
    policy: ResolvePolicy,
) -> Listing:
    """Judge each version of an index page under the policy.

    The candidates come newest first. Yanked versions and pre-releases stay in: whether they may
    be used depends on who asks.
    """
    if not isinstance(files, Releases):
        files = unpack_page(pack_page(name, Files.of(files)))
    shelf = _Shelf(name, files, index_url, policy)
    return Listing(
        name,
        shelf.offers(),
        _OnDemand(shelf.rejected),
        index_url,
        shelf.held_back(),
    )


class _OnDemand(Sequence[T_co], Generic[T_co]):
    """Values that are made when the first of them is looked at: few ever are."""

    def __init__(self, make: Callable[[], Iterable[T_co]]) -> None:
        self._make = make
        self._made: tuple[T_co, ...] | None = None

    def __len__(self) -> int:
        return len(self._values())

    @overload
    def __getitem__(self, at: int) -> T_co: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[T_co]: ...
    def __getitem__(self, at: int | slice) -> T_co | Sequence[T_co]:
        return self._values()[at]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._values() == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # equal to lists, too

    def _values(self) -> tuple[T_co, ...]:
        if self._made is None:
            self._made = tuple(self._make())
        return self._made


class _Judge:
    """Tells by rows which files of a version may be used."""

    def __init__(self, name: NormalizedName, releases: Releases, policy: ResolvePolicy) -> None:
        outline, judge = releases.outline, WheelJudge.of(policy.environments)
        self.may_build = may_build(name, policy)
        self.no_wheels = name in policy.no_binary or ALL in policy.no_binary
        # Judged once for each text: a page has many files, and few texts for all of them.
        self._pythons = {text for text in outline.pythons if judge.python_fits(text)}
        tags = () if self.no_wheels else outline.tags
        self._is_usable = _UsableKinds(tags, judge, can_build=self.may_build)

    def counting(self, rows: Sequence[_Row]) -> Sequence[int]:
        """The files that count: those that are not yanked, where there are any (PEP 592)."""
        return [at for at, row in enumerate(rows) if not row[0]] or range(len(rows))

    def fitting(self, rows: Sequence[_Row]) -> list[int]:
        """Those of them that are for a covered Python."""
        return [at for at in self.counting(rows) if rows[at][1] in self._pythons]

    def wheels(self, rows: Sequence[_Row]) -> list[int]:
        """Those of them that are wheels and may be used."""
        usable = self._is_usable
        return [at for at in self.fitting(rows) if rows[at][2] != SOURCE and usable[rows[at][2]]]

    def sources(self, rows: Sequence[_Row]) -> list[int]:
        """Those of them that are source distributions."""
        return [at for at in self.fitting(rows) if rows[at][2] == SOURCE]

    def claim(self, rows: _Rows) -> Claim | None:
        """What is known of a version; None if it can't be used."""
        pythons, usable = self._pythons, self._is_usable
        counting = [row for row in rows if not row[0]] or rows
        fitting = [row for row in counting if row[1] in pythons]
        # One that may be used is enough: most kinds of wheels are never asked about.
        for row in fitting:
            if usable[row[2]]:
                is_yanked, requires_python, _ = fitting[0]
                return Claim(requires_python, is_yanked)
        return None


class _UsableKinds(dict[int, bool]):
    """Whether files of a kind may be used; each is judged when it is first asked about."""

    def __init__(self, tags: Sequence[str], judge: WheelJudge, *, can_build: bool) -> None:
        """`tags` are those of wheels; with none of them no wheel may be used."""
        super().__init__({SOURCE: can_build})
        self._tags, self._tags_fit = tags, judge.tags_fit

    def __missing__(self, kind: int) -> bool:
        at = kind - SOURCE - 1
        fits = self[kind] = at < len(self._tags) and self._tags_fit(self._tags[at])
        return fits


class _Shelf:
    """The versions of a page, from old to new (`offers.Shelf`)."""

    def __init__(
        self, name: NormalizedName, releases: Releases, index_url: str | None, policy: ResolvePolicy
    ) -> None:
        self._name, self._index_url = name, index_url
        self._releases, self._outline = releases, releases.outline
        self._environments = policy.environments
        self._judge = _Judge(name, releases, policy)
        self._too_new = _age_test(policy.exclude_newer)
        self._texts = list(self._outline.texts)
        self._shape: Sequence[int] = self._outline.shape
        self._shapes = self._listed_shapes() if self._too_new is None else self._old_shapes()
        self._claims = list(map(self._judge.claim, self._shapes))
        self._made: dict[int, Candidate] = {}

    def offers(self) -> Offers:
        """All that can be used, newest first."""
        return Offers(self, self._newest_first(claim is not None for claim in self._claims))

    def held_back(self) -> Versions:
        """The versions that only want leave to be built, newest first."""
        shapes = zip(self._claims, self._shapes, strict=True)
        wants_leave = (claim is None and self._judge.sources(rows) for claim, rows in shapes)
        return Versions(self, self._newest_first(map(bool, wants_leave)))

    def version(self, at: int) -> Version:
        text = self._texts[at]
        return parse_version(text) or Version(text)

    def claim(self, at: int) -> Claim:
        return self._claims[self._shape[at]] or _UNKNOWN

    def prereleases(self) -> Sequence[int]:
        return self._outline.prereleases

    def candidate(self, at: int) -> Candidate:
        candidate = self._made.get(at)
        if candidate is None:
            candidate = self._made[at] = self._candidate(at)
        return candidate

    def rejected(self) -> Iterator[Rejected]:
        """What was passed over: strange files, too new ones, then versions, newest first."""
        outline = self._outline
        yield from (Rejected(filename, "", StrangeName()) for filename in outline.strangers)
        # Texts of strangers, kept for messages: in bounds (H17).
        for filename, text in outline.oddities:
            yield Rejected(filename, text[:40], NotAVersion())
        if self._too_new is not None:
            for at in range(len(outline.texts) - 1, -1, -1):
                yield from self._too_new_files(at, self._too_new)
        unusable = [bool(rows) and self._judge.claim(rows) is None for rows in self._shapes]
        yield from map(self._refused, self._newest_first(unusable))

    def _newest_first(self, holds: Iterable[bool]) -> list[int]:
        """The versions of the shapes for which something holds."""
        good = list(holds)
        if not any(good):
            return []
        return [at for at, shape in enumerate(self._shape) if good[shape]][::-1]

    def _listed_shapes(self) -> list[_Rows]:
        pythons = self._outline.pythons
        return [
            tuple([(is_yanked, pythons[python], kind) for is_yanked, python, kind in shape])
            for shape in self._outline.shapes
        ]

    def _old_shapes(self) -> list[_Rows]:
        """The shapes of what `exclude-newer` leaves, which may be nothing of a version."""
        shapes: dict[_Rows, int] = {}
        found = []
        for at in range(len(self._texts)):
            release = self._read(at)
            self._texts[at] = next(iter(release.texts), self._texts[at])
            found.append(shapes.setdefault(_rows(release), len(shapes)))
        self._shape = found
        return list(shapes)

    def _read(self, at: int) -> Release:
        """The files of a version, without those that `exclude-newer` shuts out."""
        release, too_new = self._releases.read(at), self._too_new
        if too_new is None:
            return release
        times = release.files.upload_time
        return _chosen(release, [one for one, time in enumerate(times) if too_new(time) is None])

    def _candidate(self, at: int) -> Candidate:
        release, judge = self._read(at), self._judge
        files, rows = release.files, _rows(release)
        names = files.filename
        sdist = min(judge.sources(rows), key=lambda one: _sdist_rank(names[one]), default=None)
        first = judge.fitting(rows)[0]
        return Candidate(
            name=self._name,
            version=self.version(at),
            wheels=Chosen(files, judge.wheels(rows)),
            sdist=None if sdist is None else files[sdist],
            index_url=self._index_url,
            requires_python=parse_specifiers(files.requires_python[first]),
            yanked=files.yanked[first],
        )

    def _too_new_files(self, at: int, too_new: "_AgeTest") -> Iterator[Rejected]:
        release = self._releases.read(at)
        files = zip(release.files.filename, release.texts, release.files.upload_time, strict=True)
        for filename, text, time in files:
            if (reason := too_new(time)) is not None:
                yield Rejected(filename, text[:40], reason)

    def _refused(self, at: int) -> Rejected:
        release, judge = self._read(at), self._judge
        rows, names = _rows(release), release.files.filename
        counting, fitting = judge.counting(rows), judge.fitting(rows)
        reason: ListingReason
        if fitting:
            wheels = [names[one] for one in fitting if rows[one][2] != SOURCE]
            reason = self._why_unusable(wheels, has_source=bool(judge.sources(rows)))
        else:
            reason = NeedsPython(str(rows[counting[0]][1]))
        return Rejected(names[(fitting or counting)[0]], str(self.version(at)), reason)

    def _why_unusable(self, wheels: Sequence[str], *, has_source: bool) -> NoUsableFile:
        judge = WheelJudge.of(self._environments)
        others = () if self._judge.no_wheels else tuple(judge.other_pythons(wheels))
        return NoUsableFile(has_wheels=bool(wheels), has_source=has_source, pythons=others)


def _rows(release: Release) -> _Rows:
    files = release.files
    is_yanked = [text is not None for text in files.yanked]
    return tuple(zip(is_yanked, files.requires_python, release.kind, strict=True))


def _chosen(release: Release, places: Sequence[int]) -> Release:
    """Some files of a version."""
    if len(places) == len(release.files):
        return release
    return Release(
        Files.of(release.files[at] for at in places),
        [release.kind[at] for at in places],
        [release.texts[at] for at in places],
    )


def _sdist_rank(filename: str) -> tuple[bool, str]:
    return not filename.endswith(".tar.gz"), filename


_AgeTest: TypeAlias = Callable[[str | None], TooNew | NoUploadTime | None]


def _age_test(limit: datetime | None) -> _AgeTest | None:
    """A function from an upload time to the reason for refusing it, or None where all is allowed.

    Times of one form compare as text, which is what makes this cheap.
    """
    if limit is None:
        return None
    limit = limit.astimezone(UTC)
    seconds = limit.strftime("%Y-%m-%dT%H:%M:%S")
    late_reason = TooNew(seconds)

    def reason(upload_time: str | None) -> TooNew | NoUploadTime | None:
        if not upload_time:
            return NoUploadTime()
        head = upload_time[:19]
        # Within the same second the fractions decide, which text of other lengths can't tell.
        if upload_time[-1] == "Z" and len(head) == len(seconds) and head != seconds:
            late = head > seconds
        else:
            moment = _parse_time(upload_time)
            late = moment is None or moment >= limit
        return late_reason if late else None

    return reason


def _parse_time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
