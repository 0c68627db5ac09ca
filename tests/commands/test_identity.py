"""H25: a hash is no identity; name and version are compared with a cold store and a warm one."""

import shutil

import pytest

from tests.commands.conftest import publish
from tests.support.accounting import locked_wheels, sha256
from tests.support.command import Ran, Workplace
from tests.support.index_server import IndexServer
from tests.support.wheels import make_sdist, make_wheel

ONE = make_wheel("base", "1.0", {"base.py": "VERSION = 1\n"})
TWO = make_wheel("base", "2.0", {"base.py": "VERSION = 2\n"})
SPEC = """\
[env]
name = "shop"
requires-python = ">=3.11"
dependencies = ["base{wanted}"]
"""


def lock_of(place: Workplace, wanted: str) -> str:
    place.write(SPEC.format(wanted=wanted))
    place.ok("lock", "--upgrade")
    return place.lock()


def confuse(place: Workplace) -> None:
    """Let the lock say 2.0, with the hash of 1.0."""
    text = lock_of(place, "==2.0").replace(sha256(TWO[1]), sha256(ONE[1]))
    place.write(text.replace(f"size = {len(TWO[1])}", f"size = {len(ONE[1])}"), "pylock.toml")
    assert locked_wheels(place.lock()) == {TWO[0]: sha256(ONE[1])}


def refused(ran: Ran) -> None:
    assert ran.code == 1, ran
    assert "base-2.0-py3-none-any.whl" in ran.err
    assert "1.0" in ran.err
    assert "hint: " in ran.err


@pytest.mark.matrix(4)
@pytest.mark.parametrize("store", ["cold", "warm"])
@pytest.mark.parametrize("environment", ["none", "kept"])
@pytest.mark.parametrize("trust", ["--frozen", "--locked"])
def test_one_version_with_the_hash_of_another(
    place: Workplace, server: IndexServer, store: str, environment: str, trust: str
) -> None:
    lock_of(place, "==1.0")
    place.given("sync")
    before = place.files()
    confuse(place)
    # Whoever wrote the lock may have put the bytes there, too.
    server.add("base", TWO[0], ONE[1])
    if store == "cold":
        shutil.rmtree(place.cache)
    if environment == "none":
        shutil.rmtree(place.venv)

    refused(place.run("sync", trust))

    after = place.files()
    if environment == "kept":
        assert {k: v for k, v in after.items() if k.startswith(".venv")} == {
            k: v for k, v in before.items() if k.startswith(".venv")
        }
        assert place.run("sync", "--check", trust).code == 3
    else:
        assert not place.venv.exists()


def test_the_hint_leads_out(place: Workplace) -> None:
    lock_of(place, "==1.0")
    place.given("sync")
    confuse(place)
    refused(place.run("sync"))

    (place.project / "pylock.toml").unlink()
    place.ok("lock")
    place.ok("sync")
    assert place.python("import base; print(base.VERSION)") == "2"


def test_versions_that_are_spelled_otherwise_are_equal(
    place: Workplace, server: IndexServer
) -> None:
    """A lock may say 1.0.0 of a wheel that says 1.0; nothing is done again each time."""
    text = lock_of(place, "==1.0").replace('version = "1.0"', 'version = "1.0.0"')
    place.write(text, "pylock.toml")
    place.ok("sync", "--frozen")
    shutil.rmtree(place.venv)
    place.ok("sync", "--frozen")
    assert "base" not in place.ok("sync", "--frozen").err
    place.ok("sync", "--check")


def test_a_source_that_was_built_as_another_version_is_no_other(
    place: Workplace, server: IndexServer
) -> None:
    """The wheel that is kept for the sha256 of a source is compared as a new one is."""
    old, new = make_sdist("made", "1.0"), make_sdist("made", "2.0")
    publish(server, old, new)
    text = SPEC.replace("base{wanted}", "made=={version}") + '[build]\nallow = ["made"]\n'
    place.write(text.format(version="1.0"))
    place.given("sync")
    place.write(text.format(version="2.0"))
    place.ok("lock")
    lie = place.lock().replace(sha256(new[1]), sha256(old[1]))
    place.write(lie.replace(f"size = {len(new[1])}", f"size = {len(old[1])}"), "pylock.toml")

    ran = place.run("sync", "--frozen")
    assert ran.code == 1, ran
    assert "made-1.0" in ran.err


def test_a_wheel_that_was_renamed_with_a_local_version(
    place: Workplace, server: IndexServer
) -> None:
    """`flashy-2.5.8+cu122` whose METADATA says 2.5.8, as builds for CUDA often do."""
    filename, content = make_wheel("flashy", "2.5.8", {"flashy.py": "X = 1\n"})
    server.add("flashy", filename.replace("2.5.8", "2.5.8+cu122"), content)
    says = "flashy 2.5.8+cu122: its METADATA says 2.5.8"
    place.write('[env]\nrequires-python = ">=3.11"\ndependencies = ["flashy==2.5.8+cu122"]\n')
    assert says in place.ok("lock").err
    place.ok("sync")  # a cold store
    shutil.rmtree(place.venv)
    place.ok("sync", "--locked")  # a warm one
    assert "Nothing to do" in place.ok("sync", "--frozen").err
    place.ok("verify")
    assert place.python("import flashy; print(flashy.X)") == "1"
