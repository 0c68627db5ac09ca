"""What a lock records of the metadata that decided a package."""

import itertools
import tomllib

import pytest
from packaging.markers import Marker
from packaging.pylock import Package, Pylock
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from envsync.errors import LockInvalid
from envsync.lock.evidence import NOTHING, Evidence, evidence_of
from envsync.lock.pylock import to_pylock
from envsync.lock.read import parse_lock
from envsync.lock.select import Choice, pins_of_wheels, select
from envsync.lock.text import render
from envsync.model.candidate import Candidate, CoreMetadata, DirectSource, File
from envsync.model.marker import ALWAYS, MarkerSet, extra, from_text
from envsync.model.resolution import Resolution, ResolvedPackage
from envsync.spec.read import parse_spec
from envsync.wheel.facts import facts_digest
from tests.lock.samples import MACOS, digest, target_of

SPEC = parse_spec(
    '[env]\nrequires-python = ">=3.11"\n[env.optional-dependencies]\nred = ["flask[fast]"]\n',
    folder_name="shop",
)
FLASK = canonicalize_name("flask")
METADATA = CoreMetadata(FLASK, Version("3"), (Requirement("click>=8"),), SpecifierSet(">=3.9"))
WHEELS = [
    File(name, f"https://files.example/{name}", {"sha256": digest(name)})
    for name in (
        "flask-3-cp312-cp312-manylinux_2_17_x86_64.whl",
        "flask-3-cp312-cp312-macosx_11_0_arm64.whl",
    )
]


def package(**fields: object) -> ResolvedPackage:
    candidate = Candidate(FLASK, Version("3"), WHEELS, requires_python=SpecifierSet(">=3.8"))
    plain = ResolvedPackage(FLASK, Version("3"), ALWAYS, candidate, ())
    known = {"metadata": METADATA, "extras": ((canonicalize_name("fast"), ALWAYS),)}
    made = plain._replace(**{**known, **fields})  # type: ignore[arg-type]
    return made._replace(facts=facts_digest(made.metadata) if made.metadata else "")


def locked(*packages: ResolvedPackage) -> tuple[str, Pylock]:
    resolution = Resolution(packages, ALWAYS, (), 0)
    text = render(to_pylock(resolution, SPEC))
    return text, parse_lock(text.encode(), path="pylock.toml")


def test_the_digest_the_speaker_and_the_extras_are_written_and_read() -> None:
    text, lock = locked(package())

    (row,) = lock.packages
    facts = facts_digest(METADATA)
    assert evidence_of(row) == Evidence(facts, WHEELS[0].filename, (("fast", None),))
    assert tomllib.loads(text)["packages"][0]["tool"] == {
        "envsync": {
            "metadata": f"sha256:{facts}",
            "metadata-from": WHEELS[0].filename,
            "extras": [{"name": "fast"}],
        }
    }
    assert render(lock) == text


def test_a_release_whose_record_is_trusted_is_marked() -> None:
    resolution = Resolution((package(),), ALWAYS, (), 0)
    trusting = frozenset({(FLASK, Version("3"))})
    spec = SPEC._replace(lock=SPEC.lock._replace(trust_record=trusting))
    text = render(to_pylock(resolution, spec))
    assert 'record = "not compared"' in text
    (row,) = parse_lock(text.encode(), path="pylock.toml").packages
    assert evidence_of(row).trust_record
    assert [pin.trust_record for pin in pins_of_wheels(row)] == [True, True]
    spec = SPEC._replace(lock=SPEC.lock._replace(trust_record=frozenset({(FLASK, Version("2"))})))
    assert "not compared" not in render(to_pylock(resolution, spec))


def test_requires_python_is_what_the_metadata_says() -> None:
    without = METADATA._replace(requires_python=None)
    said = [locked(package(metadata=one))[1] for one in (METADATA, without, None)]
    rows = [lock.packages[0].requires_python for lock in said]
    assert rows == [SpecifierSet(">=3.9"), SpecifierSet(">=3.8"), SpecifierSet(">=3.8")]


def test_what_is_not_known_is_not_written() -> None:
    text, lock = locked(package(metadata=None))
    assert evidence_of(lock.packages[0]) == NOTHING
    assert "tool = " not in text


def test_a_folder_has_no_file_that_speaks() -> None:
    source = DirectSource("directory", path=".")
    candidate = Candidate(FLASK, Version("3"), source=source)
    _, lock = locked(package(candidate=candidate, extras=()))
    assert evidence_of(lock.packages[0]) == Evidence(facts_digest(METADATA), "", ())


def test_an_archive_speaks_for_itself() -> None:
    url = "https://files.example/my%20folder/flask-3%2Blocal-py3-none-any.whl?x=1"
    source = DirectSource("wheel", url=url, hashes={"sha256": digest("x")})
    candidate = Candidate(FLASK, Version("3+local"), source=source)
    _, lock = locked(package(candidate=candidate, version=Version("3+local"), extras=()))
    assert evidence_of(lock.packages[0]).speaker == "flask-3+local-py3-none-any.whl"


def test_the_order_of_extras_and_requirements_changes_nothing() -> None:
    extras = [(canonicalize_name(name), ALWAYS) for name in ("a", "b", "c")]
    requires = [Requirement(text) for text in ("x", "y>=1,<2", "z; os_name == 'nt'")]
    texts = {
        locked(
            package(
                extras=tuple(sorted(some, key=lambda pair: pair[0])),
                metadata=METADATA._replace(requires_dist=tuple(wants)),
            )
        )[0]
        for some in itertools.permutations(extras)
        for wants in itertools.permutations(requires)
    }
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("where", "chosen", "target", "found"),
    [
        (ALWAYS, (), target_of(), ("fast",)),
        (from_text("sys_platform == 'linux'"), (), target_of(), ("fast",)),
        (from_text("sys_platform == 'linux'"), (), target_of(MACOS), ()),
        (extra("red"), (), target_of(), ()),
        (extra("red"), ("red",), target_of(), ("fast",)),
    ],
)
def test_a_pin_has_the_extras_that_hold_for_its_environment(
    where: MarkerSet, chosen: tuple[str, ...], target: object, found: tuple[str, ...]
) -> None:
    _, lock = locked(package(extras=((canonicalize_name("fast"), where),)))
    (pin,) = select(lock, target, Choice(extras=chosen))  # type: ignore[arg-type]

    assert pin.extras == found
    assert (pin.facts, pin.speaker) == (facts_digest(METADATA), WHEELS[0].filename)
    assert pin.requires_python == ">=3.9"


def test_every_wheel_of_a_row_can_be_looked_up() -> None:
    _, lock = locked(package())
    pins = list(pins_of_wheels(lock.packages[0]))
    assert sorted(pin.filename for pin in pins) == sorted(file.filename for file in WHEELS)
    assert {(pin.facts, pin.speaker) for pin in pins} == {
        (facts_digest(METADATA), WHEELS[0].filename)
    }


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"metadata": 5}, "metadata"),
        ({"metadata": "md5:" + "a" * 32}, "metadata"),
        ({"metadata": "sha256:" + "A" * 64}, "metadata"),
        ({"metadata": "sha256:" + "a" * 64 + "\n"}, "metadata"),
        ({"metadata-from": 5}, "metadata-from"),
        ({"metadata-from": "a\nerror: b"}, "metadata-from"),
        ({"metadata-from": "a" * 256}, "metadata-from"),
        ({"record": True}, "record"),
        ({"extras": "fast"}, "extras"),
        ({"extras": ["fast"]}, "extras"),
        ({"extras": [{"name": "../x"}]}, "extras"),
        ({"extras": [{"name": 5}]}, "extras"),
        ({"extras": [{"marker": "os_name == 'nt'"}]}, "extras"),
        ({"extras": [{"name": "x", "marker": "no marker"}]}, "extras"),
        ({"extras": [{"name": "x", "marker": "(" * 5000}]}, "extras"),
        ({"extras": [{"name": "x", "marker": "os_name == 'nt' or " * 9000}]}, "extras"),
    ],
)
def test_values_that_are_none_are_refused_with_their_place(
    table: dict[str, object], words: str
) -> None:
    text, _ = locked(package())
    document = tomllib.loads(text)
    document["packages"][0]["tool"]["envsync"].update(table)
    with pytest.raises(LockInvalid, match=words) as caught:
        parse_lock(render(Pylock.from_dict(document)).encode(), path="pylock.toml")
    assert caught.value.where == "packages[0].tool.envsync"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("tool", [None, {}, {"envsync": {}}, {"envsync": 5}, {"other": {"x": 1}}])
def test_tables_of_other_tools_say_nothing(tool: dict[str, object] | None) -> None:
    assert evidence_of(Package(name=FLASK, tool=tool)) == NOTHING


def test_markers_of_extras_are_read_as_markers() -> None:
    _, lock = locked(package(extras=((canonicalize_name("fast"), extra("red")),)))
    assert evidence_of(lock.packages[0]).extras == (("fast", Marker("'red' in extras")),)
