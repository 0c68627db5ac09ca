"""Which version is guessed first, and how many are looked at for that."""

from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envsync.catalog.speculation import Guide, Speculation
from envsync.model.candidate import Candidate, CoreMetadata
from envsync.model.marker import ALWAYS
from envsync.resolve.candidates import Listing
from envsync.resolve.offers import Claim, Offers

NAME = canonicalize_name("a")


class Shelf:
    """Versions, some of them yanked; counts those that are looked at."""

    def __init__(self, versions: Sequence[Version], yanked: frozenset[Version]) -> None:
        self._versions, self._yanked = versions, yanked
        self.seen = 0

    def version(self, at: int) -> Version:
        self.seen += 1
        return self._versions[at]

    def claim(self, at: int) -> Claim:
        return Claim(None, self._versions[at] in self._yanked)

    def prereleases(self) -> Sequence[int]:
        return [at for at, one in enumerate(self._versions) if one.is_prerelease]

    def candidate(self, at: int) -> Candidate:
        return Candidate(NAME, self._versions[at], (), None)


class Answers:
    """One project; keeps what is guessed."""

    def __init__(self, shelf: Shelf, count: int, *, is_listed: bool = False) -> None:
        self._is_listed = is_listed
        self._listing = Listing(NAME, Offers(shelf, range(count - 1, -1, -1)))
        self.guessed: list[Version] = []

    def is_listed(self, name: NormalizedName) -> bool:
        return self._is_listed

    def when_listed(self, name: NormalizedName, call: Callable[[], None]) -> None:
        assert name == NAME
        call()

    def listing(self, name: NormalizedName) -> Listing:
        assert name == NAME
        return self._listing

    def when_known(self, candidate: Candidate, call: Callable[[], None]) -> None:
        self.guessed.append(candidate.version)

    def metadata(self, candidate: Candidate) -> CoreMetadata:
        raise NotImplementedError


def guess(
    versions: Sequence[Version],
    yanked: frozenset[Version],
    specifier: SpecifierSet,
    guide: Guide,
) -> tuple[list[Version], int]:
    """What is guessed, and how many versions were looked at for it."""
    shelf = Shelf(versions, yanked)
    answers = Answers(shelf, len(versions))
    speculation = Speculation(answers, guide)
    speculation.hint(NAME, specifier)
    # Two pieces of work, one of which the other hands on.
    for _ in range(3):
        speculation._thread.submit(int).result()
    speculation.close()
    return answers.guessed, shelf.seen


def slowly(
    versions: Sequence[Version],
    yanked: frozenset[Version],
    specifier: SpecifierSet,
    guide: Guide,
) -> list[Version]:
    """The same by going through all: stable ones first, of these what is preferred."""
    fitting = [
        one for one in versions if one not in yanked and specifier.contains(one, prereleases=True)
    ]
    ordered = sorted(fitting, reverse=not guide.lowest)
    preferred = [one for one in guide.preferences.get(NAME, ()) if one in fitting]
    stable = [one for one in (*preferred, *ordered) if not one.is_prerelease]
    return ([] if guide.prereleases else stable)[:1] or [*preferred, *ordered][:1]


VERSIONS = [
    Version(text) for text in ("1.0", "1.5", "2.0a1", "2.0", "2.1", "3.0b2", "3.0", "4.0rc1")
]


@given(
    versions=st.sets(st.sampled_from(VERSIONS)).map(sorted),
    yanked=st.frozensets(st.sampled_from(VERSIONS), max_size=3),
    specifier=st.sampled_from(("", ">=2", "<3", "==2.0", "!=2.1", ">=3.0a1", ">9")).map(
        SpecifierSet
    ),
    preferred=st.lists(st.sampled_from(VERSIONS), max_size=2),
    lowest=st.booleans(),
    prereleases=st.booleans(),
)
def test_the_first_guess_is_the_most_wanted_version(
    versions: list[Version],
    yanked: frozenset[Version],
    specifier: SpecifierSet,
    preferred: list[Version],
    lowest: bool,
    prereleases: bool,
) -> None:
    guide = Guide(ALWAYS, lowest, prereleases, {NAME: tuple(preferred)})
    found, _ = guess(versions, yanked, specifier, guide)
    assert found == slowly(versions, yanked, specifier, guide)


def test_what_is_preferred_is_found_by_looking_at_few() -> None:
    many = [Version(str(number)) for number in range(1000)]
    guide = Guide(ALWAYS, preferences={NAME: (Version("123"),)})
    assert guess(many, frozenset(), SpecifierSet(">=5"), guide)[0] == [Version("123")]
    assert guess(many, frozenset(), SpecifierSet(">=5"), guide)[1] < 20


def test_nothing_is_guessed_while_all_is_there_already() -> None:
    """Guesses would read everything twice; what was hinted at until then counts later."""
    shelf = Shelf([Version("1")], frozenset())
    answers = Answers(shelf, 1, is_listed=True)
    speculation = Speculation(answers, Guide(ALWAYS))
    speculation.hint(NAME, SpecifierSet(">=1"))
    speculation.expect(answers.listing(NAME).candidates)
    assert (shelf.seen, answers.guessed) == (0, [])
    speculation.begin()
    for _ in range(3):
        speculation._thread.submit(int).result()
    speculation.close()
    assert answers.guessed == [Version("1")]
