"""What lock chooses and says, as whole commands: mistakes, merges, and odd indexes."""

import hashlib

from tests.commands.conftest import publish
from tests.support.command import Workplace
from tests.support.index_server import IndexServer, Listed
from tests.support.wheels import make_sdist, make_wheel

SPEC = '[env]\nname = "shop"\nrequires-python = ">=3.11"\ndependencies = {}\n'


def test_the_own_name_is_never_asked_of_the_index(place: Workplace, server: IndexServer) -> None:
    """The folder is called "project": what a stranger has put on the index under that name."""
    publish(server, make_wheel("project", "6.6"), make_wheel("plugin", "1", requires=["project"]))
    place.write('[env]\nrequires-python = ">=3.11"\ndependencies = ["plugin"]\n')
    locked = place.run("lock")
    added = place.run("add", "project[fast]")

    assert (locked.code, added.code) == (1, 2)
    assert "project is this project's own name, which no index is asked for" in locked.err
    assert "there is no extra 'fast' in this file" in added.err
    assert "/simple/project/" not in server.paths()


def test_a_merge_keeps_the_pins_of_both_sides(place: Workplace) -> None:
    """Nothing that fits moves, and what moves is shown as moved."""
    place.write(SPEC.format(["base<2", "checker"]))
    place.given("lock")
    ours = place.lock()
    conflict = f"<<<<<<< HEAD\n{ours}=======\n{ours.replace('checker', 'winner')}>>>>>>> other\n"
    place.write(conflict.replace('"7.0"', '"9.0"', 1), "pylock.toml")
    place.write(SPEC.format(["base", "checker", "winner"]))
    checked, locked = place.run("lock", "--check"), place.ok("lock")

    assert checked.code == 2
    assert "pins that can be read are kept where they fit" in locked.err
    assert "base" not in locked.err
    assert "~ checker 9.0 -> 7.0" in locked.err
    assert "~ winner 7.0 -> 1.0" in locked.err
    assert place.run("lock", "--check").code == 0


def test_a_prerelease_is_taken_after_all_stable_releases_and_told(place: Workplace) -> None:
    """The index has base 1.0, 2.0 and 3.0rc1."""
    place.write(SPEC.format(["base>=1.0a1"]))
    stable = place.ok("lock")
    place.write(SPEC.format(["base>2"]))
    forced = place.ok("lock")

    assert "+ base 2.0" in stable.err
    assert "pre-release" not in stable.err
    assert "pre-releases, as no stable release meets what is required: base 3.0rc1" in forced.err


def test_files_with_odd_names_are_skipped(place: Workplace, server: IndexServer) -> None:
    name, content = make_wheel("odd", "1.0")
    publish(server, (name, content), ("odd-1.0-build-py3-none-any.whl", content))
    server.add("odd", "odd-1.0-1.tar.gz", make_sdist("odd", "1.0.post1")[1])
    place.write(SPEC.format(["odd"]) + '[build]\nallow = ["odd"]\n')
    ran = place.ok("lock", "-v")

    assert "+ odd 1.0.post1" in ran.err
    assert "odd: skipped odd-1.0-build-py3-none-any.whl: not the name of a wheel" in ran.err


def test_what_the_user_asks_for_is_asked_of_the_index(place: Workplace) -> None:
    """Whatever the index lets a cache believe; and nothing is missing by the cache's word alone."""
    with IndexServer(cache_control="max-age=600", validators=True) as index:
        place.environ["ENVSYNC_DEFAULT_INDEX"] = index.url
        publish(index, make_wheel("a", "1"), make_wheel("b", "1", requires=["a"]))
        publish(index, make_wheel("c", "1"))
        place.write(SPEC.format(["b", "c"]))
        place.given("lock")
        publish(index, make_wheel("a", "2"), make_wheel("b", "2", requires=["a>=2"]))
        publish(index, make_wheel("c", "2"))
        place.write(SPEC.format(["b"]))
        added = place.ok("add", "--no-sync", "b>=2")
        again = place.ok("add", "--no-sync", "c")
        publish(index, make_wheel("a", "3"), make_wheel("b", "3"))
        one = place.ok("lock", "-P", "a")
        every = place.ok("lock", "-U")

    assert "~ a 1 -> 2" in added.err
    assert "~ b 1 -> 2" in added.err
    assert "+ c 2" in again.err
    assert ("~ a 2 -> 3" in one.err, "b 2" in one.err) == (True, False)
    assert "~ b 2 -> 3" in every.err


def test_files_without_a_hash_that_proves_something_are_hashed(
    place: Workplace, server: IndexServer
) -> None:
    """As on a plain listing of files; once, and never against what was locked."""
    name, content = make_wheel("bare", "1.0")
    publish(server, (name, content))
    server.listed[name] = Listed(sha256="")
    place.write(SPEC.format(["bare"]))
    first = place.ok("lock")
    server.forget()
    place.write(SPEC.format(["bare", "checker"]))
    second = place.ok("lock")

    assert "no sha256 on the index for files of bare: they were downloaded" in first.err
    assert hashlib.sha256(content).hexdigest() in place.lock()
    assert "no sha256" not in second.err


def test_no_wheel_for_a_covered_python_is_a_gap(place: Workplace, server: IndexServer) -> None:
    content = make_wheel("gappy", "1.0")[1]
    publish(server, ("gappy-1.0-cp313-cp313-manylinux_2_17_x86_64.whl", content))
    place.write(SPEC.format(["gappy"]).replace(">=3.11", ">=3.12"))
    ran = place.ok("lock")

    assert "+ gappy 1.0" in ran.err
    assert "1 package has no wheel for some of what the lock covers" in ran.err
    assert "none on 3.12" in ran.err


def test_every_reader_tells_of_a_newer_lock_version(place: Workplace) -> None:
    place.write(SPEC.format(["checker"]))
    place.given("sync")
    place.write(place.lock().replace('"1.0"', '"1.7"', 1), "pylock.toml")
    commands = (["lock", "--check"], ["sync", "--locked"], ["sync", "--check"], ["status"])
    told = ["has lock-version 1.7; what is newer" in place.ok(*each).err for each in commands]

    assert told == [True] * 4


def test_a_marker_that_nothing_can_evaluate_has_a_place(place: Workplace) -> None:
    place.write(SPEC.format(["checker"]))
    place.given("lock")
    good = place.lock()
    for marker in ('python_version === ""', f'python_version >= "{"9" * 5000}"'):
        row = f"version = \"7.0\"\nmarker = '{marker}'\n"
        place.write(good.replace('version = "7.0"\n', row, 1), "pylock.toml")
        ran = place.run("sync", "--frozen")

        assert ran.code == 2
        assert "pylock.toml: packages[0].marker: " in ran.err
        place.ok("lock")


def test_the_first_index_has_the_name_and_not_the_version(place: Workplace) -> None:
    """Later ones serve nothing of it; who has it is said. An empty page is called one."""
    place_of = '[[index]]\nname = "corp"\nurl = "{}"\n'
    with IndexServer({"base": {}, "checker": {}}) as corp:
        publish(corp, make_wheel("base", "1.5"))
        place.write(SPEC.format(["base>=1.9"]) + place_of.format(corp.url))
        lacks = place.run("lock")
        place.write(SPEC.format(["checker"]) + place_of.format(corp.url))
        empty = place.run("lock")

    assert (lacks.code, empty.code) == (1, 1)
    assert f"index corp ({corp.url}) has base and serves it alone" in lacks.err
    assert "base>=1.9 is on the public index" in lacks.err
    assert "hint: to take base from there" in lacks.err
    assert f"its page on {corp.url} is empty" in empty.err
