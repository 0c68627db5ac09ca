"""`lock -U`, `-P` where nothing is new: pages are asked, nothing is resolved. Else all as ever."""

import tomllib

import pytest

from tests.commands.conftest import SPEC, publish
from tests.support.command import Workplace
from tests.support.index_server import IndexServer
from tests.support.wheels import make_wheel

SHORT = "pages are as they were: nothing to resolve"


@pytest.fixture
def locked(place: Workplace) -> Workplace:
    place.write(SPEC)
    place.ok("lock")
    return place


def upgraded(place: Workplace, *options: str) -> tuple[bool, str]:
    """Whether `lock -U` took the short way; and the lock."""
    ran = place.ok("lock", "-U", "-v", *options)
    return SHORT in ran.err, place.read("pylock.toml")


def freed(place: Workplace, *names: str) -> tuple[bool, str]:
    """Whether `lock -P` took the short way; and the lock."""
    ran = place.ok("lock", "-v", *(word for name in names for word in ("-P", name)))
    return SHORT in ran.err, place.read("pylock.toml")


def versions(lock: str) -> dict[str, str]:
    """The locked version of each package."""
    return {row["name"]: row.get("version", "") for row in tomllib.loads(lock)["packages"]}


def test_what_was_locked_from_nothing_is_known(locked: Workplace, server: IndexServer) -> None:
    before = locked.read("pylock.toml")
    server.forget()

    assert upgraded(locked) == (True, before)
    assert sorted(server.paths()) == [
        f"/simple/{name}/" for name in ("base", "checker", "speedups", "webby", "winner")
    ]


def test_a_new_release_is_found(locked: Workplace, server: IndexServer) -> None:
    publish(server, make_wheel("base", "2.1", {"base.py": ""}))

    is_short, lock = upgraded(locked)

    assert not is_short
    assert versions(lock)["base"] == "2.1"
    assert upgraded(locked) == (True, lock)


def test_a_release_that_changes_nothing_is_looked_at_once(
    locked: Workplace, server: IndexServer
) -> None:
    before = locked.read("pylock.toml")
    publish(server, make_wheel("base", "0.5", {"base.py": ""}))

    assert upgraded(locked) == (False, before)
    assert upgraded(locked) == (True, before)


def test_an_old_pin_that_an_upgrade_frees(place: Workplace, server: IndexServer) -> None:
    """What was resolved with preferences is no answer to a question without them."""
    place.write(SPEC.replace('["webby"]', '["webby", "base<2"]'))
    place.ok("lock")
    place.write(SPEC)
    place.ok("lock")
    kept = place.read("pylock.toml")
    assert versions(kept)["base"] == "1.0"

    is_short, lock = upgraded(place)

    assert not is_short
    assert versions(lock)["base"] == "2.0"


def test_a_package_that_is_at_its_newest_is_freed_in_vain(
    locked: Workplace, server: IndexServer
) -> None:
    before = locked.read("pylock.toml")
    server.cache_control = "max-age=600"
    locked.ok("lock", "-U")
    server.forget()

    assert freed(locked, "webby", "base") == (True, before)
    # Only theirs are asked; the others are believed for a while.
    assert sorted(server.paths()) == ["/simple/base/", "/simple/webby/"]


def test_a_new_release_of_the_package_is_found(locked: Workplace, server: IndexServer) -> None:
    publish(server, make_wheel("base", "2.1", {"base.py": ""}))

    is_short, lock = freed(locked, "base")

    assert not is_short
    assert versions(lock)["base"] == "2.1"
    assert freed(locked, "base") == (True, lock)


def test_an_older_pin_that_is_freed_is_looked_for(place: Workplace, server: IndexServer) -> None:
    place.write(SPEC.replace('["webby"]', '["webby", "base<2"]'))
    place.ok("lock")
    place.write(SPEC)
    place.ok("lock")

    assert freed(place, "webby")[0] is True
    assert versions(place.read("pylock.toml"))["base"] == "1.0"
    is_short, lock = freed(place, "base")
    assert not is_short
    assert versions(lock)["base"] == "2.0"


def test_what_is_known_of_all_pins_freed_stays_known(locked: Workplace) -> None:
    """A lock that was made again from its own pins is still the one without them."""
    lock = locked.read("pylock.toml")
    locked.ok("lock", "-P", "base", "--refresh")

    assert upgraded(locked) == (True, lock)


def test_a_package_that_the_lock_has_not_is_told(locked: Workplace) -> None:
    assert "the lock has no such package" in locked.ok("lock", "-P", "missing").err


def test_another_env_toml_is_another_question(locked: Workplace) -> None:
    locked.write(
        SPEC.replace("[dependency-groups]", "[lock]\nprereleases = 'allow'\n\n[dependency-groups]")
    )

    is_short, lock = upgraded(locked)

    assert not is_short
    assert versions(lock)["base"] == "3.0rc1"


def test_a_lock_from_elsewhere_is_not_known(locked: Workplace) -> None:
    """The same env.toml, and a lock that somebody else made from older pages."""
    newest = locked.read("pylock.toml")
    locked.write(newest + "\n", "pylock.toml")

    assert upgraded(locked) == (False, newest)


def test_refresh_resolves(locked: Workplace) -> None:
    assert upgraded(locked, "--refresh")[0] is False


def test_metadata_that_proved_false_is_asked_for_again(locked: Workplace) -> None:
    from envsync.catalog.memory import believe_bytes

    believe_bytes(str(locked.cache), "", None, ["webby-1.5-py3-none-any.whl"])  # type: ignore[arg-type]

    assert upgraded(locked)[0] is False


def test_notices_and_gaps_are_told_again(place: Workplace, server: IndexServer) -> None:
    publish(server, make_wheel("compiled", "1.0", {"c.py": ""}, tag="cp311-cp311-win_amd64"))
    place.write(
        '[env]\nrequires-python = "==3.11.*"\ndependencies = ["compiled", "base==3.0rc1"]\n'
    )
    place.ok("lock")
    first = place.ok("lock", "-U", "--refresh")

    again = place.ok("lock", "-U")

    assert "compiled" in again.err
    assert strip_times(again.err) == strip_times(first.err)


def strip_times(text: str) -> list[str]:
    """The lines, without how long it took."""
    return [line.rpartition(" in ")[0] or line for line in text.splitlines()]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ('[lock]\nexclude-newer = "1 hour"\n', "an age is another time the next time"),
        ('[sources]\nlocal = { path = "local" }\n', "a folder is no page"),
    ],
)
def test_what_does_not_rest_on_pages_alone(place: Workplace, more: str, why: str) -> None:
    names = '["base", "local"]' if "local" in more else '["base"]'
    place.write(f'[env]\nrequires-python = ">=3.11"\ndependencies = {names}\n{more}')
    folder = place.project / "local"
    folder.mkdir()
    (folder / "pyproject.toml").write_text('[project]\nname = "local"\nversion = "1"\n')
    place.ok("lock")

    assert upgraded(place)[0] is False, why
    assert upgraded(place)[0] is False, why
