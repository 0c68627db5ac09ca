"""`add` to a lock that is known: only what is new is resolved, where the rest stays as it is."""

import shutil

import pytest

from envsync.catalog.decisions import BUCKET
from tests.commands.conftest import SPEC, publish
from tests.support.command import Workplace
from tests.support.index_server import IndexServer
from tests.support.wheels import make_wheel

SHORT = "besides what is locked"


@pytest.fixture
def locked(place: Workplace, server: IndexServer) -> Workplace:
    publish(
        server,
        make_wheel("lone", "1.0", {"lone.py": ""}),
        make_wheel("child", "1.0", {"child.py": ""}, requires=["base>=2", "lone"]),
        make_wheel("elder", "1.0", {"elder.py": ""}, requires=["base<2"]),
        make_wheel("everywhere", "1.0", {"everywhere.py": ""}, requires=["winner"]),
        make_wheel("wanting", "1.0", {"wanting.py": ""}, requires=["webby[fast]"]),
        make_wheel("late", "1.0", {"late.py": ""}, requires_python=">=3.12"),
        make_wheel("bounded", "1.0", {"bounded.py": ""}, requires_python=">=3.11,<3.14"),
        make_wheel("early", "1.0a1", {"early.py": ""}),
        make_wheel("newer", "1.0", {"n.py": ""}, tag="cp315-cp315-win_amd64"),
        make_wheel("broken", "1.0", {"broken.py": ""}, requires=["nowhere"]),
    )
    place.write(SPEC)
    place.ok("lock")
    return place


def added(place: Workplace, *words: str) -> tuple[bool, list[str], list[str]]:
    """Whether `add` took the short way; what it told, and what it wrote."""
    ran = place.run("add", "--no-sync", "-v", *words)
    told = [
        line.rpartition(" in ")[0] or line
        for line in ran.err.splitlines()
        if " rounds for " not in line and not line.startswith("splitting on")
    ]
    files = [place.read("env.toml"), place.read("pylock.toml")]
    return SHORT in ran.err, [str(ran.code), *told], files


def both_ways(place: Workplace, *words: str) -> bool:
    """Add with what is known of the lock, and without: all is told and written alike.

    Whether the first was the short way; it is what stays.
    """
    before = [place.read("env.toml"), place.read("pylock.toml")]
    is_short, *first = added(place, *words)
    kept = place.cache / BUCKET.name
    shutil.move(kept, place.cache / "aside")
    place.write(before[0])
    place.write(before[1], "pylock.toml")
    is_second_short, *second = added(place, *words)
    assert not is_second_short
    assert first == second
    shutil.rmtree(kept, ignore_errors=True)
    shutil.move(place.cache / "aside", kept)
    return is_short


@pytest.mark.parametrize(
    ("words", "is_short", "why"),
    [
        (["lone"], True, "it leads nowhere"),
        (["lone>=1"], True, "with a bound that the user gave"),
        (["lone", "child"], True, "two at once"),
        (["child"], True, "the lock's pin of base is met"),
        (["base"], True, "the lock has it"),
        (["checker"], False, "it is locked for a group"),
        (["elder"], False, "the lock's pin of base is not met"),
        (["base<2"], False, "nor is this"),
        (["everywhere"], False, "winner is locked for one platform"),
        (["wanting"], False, "webby is locked without its extra"),
        (["late"], False, "it is not for all that is covered"),
        (["bounded"], False, "there is something to be told of it"),
        (["early"], False, "so is there of a pre-release"),
        (["newer"], False, "its wheel is for a newer Python than the others'"),
        (["broken"], False, "there is no solution"),
        (["--group", "dev", "lone"], True, "to a group"),
        (["--extra", "new", "lone"], True, "to a new extra"),
    ],
)
def test_it_comes_to_the_same(
    locked: Workplace, words: list[str], is_short: bool, why: str
) -> None:
    assert both_ways(locked, *words) == is_short, why


def test_one_addition_after_the_other(locked: Workplace) -> None:
    """What is known of the lock is known of the larger one, whichever way it was made."""
    assert both_ways(locked, "lone")
    assert both_ways(locked, "child")
    assert "nothing to resolve" in locked.ok("lock", "-P", "child", "-v").err
    assert not both_ways(locked, "everywhere")  # resolved as a whole, and known from there on
    assert both_ways(locked, "base")
    locked.ok("add", "--no-sync", "late; python_version >= '3.12'")
    assert not both_ways(locked, "winner")  # whether its bound made a difference isn't known


def test_only_pages_are_asked_of_what_is_locked(locked: Workplace, server: IndexServer) -> None:
    server.forget()

    assert added(locked, "lone")[0]
    pages = {path for path in server.paths() if path.startswith("/simple/")}
    files = set(server.paths()) - pages
    names = ("base", "checker", "lone", "speedups", "webby", "winner")
    assert pages == {f"/simple/{name}/" for name in names}
    assert all("lone" in path for path in files)


def test_news_of_what_is_locked_is_looked_at(locked: Workplace, server: IndexServer) -> None:
    publish(server, make_wheel("webby", "1.6", {"webby.py": ""}))

    assert not both_ways(locked, "lone")
    assert 'version = "1.5"' in locked.read("pylock.toml")


@pytest.mark.parametrize(
    "change",
    [
        'prereleases = "allow"',
        'constraints = ["lone<1"]',
        'conflicts = [["group:dev", "group:docs"]]',
    ],
)
def test_options_that_changed_meanwhile_count(locked: Workplace, change: str) -> None:
    """The lock on disk answers another env.toml than the one that is there."""
    locked.write(SPEC + f"\n[lock]\n{change}\n")

    assert not added(locked, "lone")[0]
