"""H10, H97: what an index says of a file that it doesn't own, as whole commands see it."""

import os
import platform
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.pylock import Pylock

from tests.commands.conftest import publish
from tests.support.accounting import sha256
from tests.support.command import Ran, Workplace
from tests.support.index_server import IndexServer, Listed
from tests.support.wheels import BACKEND, make_sdist, make_wheel, render_metadata

BASE = make_wheel("base", "2.0", {"base.py": "VERSION = 2\n"})
WEBBY = make_wheel("webby", "1.5", {"webby.py": "W = 1\n"}, requires=["base>=1"])
EVIL = make_wheel("evil", "6.6", {"evil.py": ""})
SPEC = """\
[env]
name = "{name}"
requires-python = ">=3.11"
dependencies = ["webby"]
"""


def says(*requires: str, **fields: object) -> Listed:
    """What a page says of WEBBY that it hasn't."""
    lie = render_metadata("webby", "1.5", requires=requires, **fields)  # type: ignore[arg-type]
    return Listed(metadata=lie.encode())


@pytest.fixture
def honest() -> Iterator[IndexServer]:
    with IndexServer(metadata=True) as server:
        publish(server, BASE, WEBBY, EVIL)
        yield server


@pytest.fixture
def lying() -> Iterator[IndexServer]:
    """Lists the very files of the honest one, and says that webby wants something else."""
    with IndexServer(metadata=True, listed={WEBBY[0]: says("evil")}) as server:
        publish(server, BASE, WEBBY, EVIL)
        yield server


def project(folder: Path, name: str, index: IndexServer) -> Workplace:
    """A project of its own folder that shares one cache with the others."""
    (folder / name).mkdir()
    place = Workplace(folder / name, index.url)
    place.environ["ENVSYNC_CACHE_DIR"] = str(folder / "cache")
    place.write(SPEC.format(name=name))
    return place


def names(lock: str) -> list[str]:
    return [line.split('"')[1] for line in lock.split("\n") if line.startswith("name = ")]


@pytest.mark.parametrize("flags", [(), ("--refresh",)])
def test_what_one_index_said_decides_nothing_for_other_projects(
    tmp_path: Path, honest: IndexServer, lying: IndexServer, flags: tuple[str, ...]
) -> None:
    first = project(tmp_path, "first", lying)
    first.given("lock")
    assert names(first.lock()) == ["evil", "webby"]

    second = project(tmp_path, "second", honest)
    second.ok("lock", *flags)
    assert names(second.lock()) == ["base", "webby"]


# -- at sync: the wheel itself is read


def refused(ran: Ran, *parts: str) -> None:
    """It failed for want of truth, and names both sides."""
    assert ran.code == 1, ran
    for part in ("error: webby 1.5", WEBBY[0], "locked: ", "in the wheel: ", "hint: ", *parts):
        assert part in ran.err, (part, ran.err)


@pytest.mark.matrix(4)
@pytest.mark.parametrize(
    ("lie", "parts"),
    [
        (says("evil"), ("locked: Requires-Dist: evil", "in the wheel: Requires-Dist: base>=1")),
        (says(), ("in the wheel: Requires-Dist: base>=1",)),
        (says("base>=2"), ("locked: Requires-Dist: base>=2", "Requires-Dist: base>=1")),
        (
            says("base>=1 ; sys_platform == 'win32'"),
            ("locked: Requires-Dist: base>=1 ; sys_platform", "in the wheel: Requires-Dist: base"),
        ),
        (says("base>=1", requires_python=">=3.9"), ("locked: Requires-Python: >=3.9",)),
        (says("base>=1", extras={"fast": []}), ("locked: Provides-Extra: fast",)),
        (says("base>=1", extras={"fast": ["evil"]}), ('Requires-Dist: evil ; extra == "fast"',)),
    ],
    ids=["other", "none", "version", "marker", "python", "extra", "extra's"],
)
def test_a_lie_is_found_when_the_wheel_is_unpacked(
    tmp_path: Path, lying: IndexServer, lie: Listed, parts: tuple[str, ...]
) -> None:
    lying.listed[WEBBY[0]] = lie
    place = project(tmp_path, "first", lying)
    place.given("lock")
    before = place.files()

    for _ in range(2):  # with a cold store, and with a warm one
        refused(place.run("sync"), *parts)
        assert not place.venv.exists()
        assert place.files() == before

    # What the hint says leads out, though the index goes on lying: the wheel was read.
    place.ok("lock", "--upgrade-package", "webby")
    assert names(place.lock()) == ["base", "webby"]
    place.ok("sync")
    assert place.python("import webby, base; print(webby.W, base.VERSION)") == "1 2"
    place.ok("verify")


def test_the_lie_is_gone_from_the_cache(
    tmp_path: Path, honest: IndexServer, lying: IndexServer
) -> None:
    """Also for others that the same index would tell it to, once the bytes were read."""
    place = project(tmp_path, "first", lying)
    place.given("lock")
    refused(place.run("sync"))

    second = project(tmp_path, "second", lying)
    second.ok("lock")
    assert names(second.lock()) == ["base", "webby"]
    third = project(tmp_path, "third", honest)
    third.ok("sync")
    assert names(third.lock()) == ["base", "webby"]


def test_a_lie_about_what_is_installed_already_is_found(
    tmp_path: Path, honest: IndexServer, lying: IndexServer
) -> None:
    """Nothing has to be unpacked then: the lock alone changed."""
    place = project(tmp_path, "first", honest)
    place.given("sync")
    before = {path: data for path, data in place.files().items() if path.startswith(".venv")}
    place.environ["ENVSYNC_DEFAULT_INDEX"] = lying.url
    place.environ["ENVSYNC_CACHE_DIR"] = str(tmp_path / "other cache")
    place.write(place.lock().replace(honest.url, lying.url), "pylock.toml")
    place.ok("lock", "--upgrade")
    assert names(place.lock()) == ["evil", "webby"]

    refused(place.run("sync"), "locked: Requires-Dist: evil")
    refused(place.run("sync", "--locked"))
    assert place.run("sync", "--check").code == 3
    assert {k: v for k, v in place.files().items() if k.startswith(".venv")} == before
    assert place.python("import base; print(base.VERSION)") == "2"


def test_a_lock_that_was_made_elsewhere_is_compared_as_well(
    tmp_path: Path, honest: IndexServer, lying: IndexServer
) -> None:
    """What it was made from isn't known here, but its digest is."""
    place = project(tmp_path, "first", lying)
    place.environ["ENVSYNC_CACHE_DIR"] = str(tmp_path / "elsewhere")
    place.given("lock")
    place.environ["ENVSYNC_CACHE_DIR"] = str(tmp_path / "cache")

    for arguments in ((), ("--locked",), ("--frozen",)):
        refused(place.run("sync", *arguments), "sha256:", "Requires-Dist: base>=1")
    assert place.run("run", "python", "-c", "").code == 1


def test_verify_reads_the_metadata_again(tmp_path: Path, honest: IndexServer) -> None:
    place = project(tmp_path, "first", honest)
    place.given("sync")
    place.ok("verify")
    digest = re.search(r'metadata = "sha256:([0-9a-f]{64})", metadata-from = "webby', place.lock())
    assert digest is not None
    place.write(place.lock().replace(digest[1], "ab" * 32), "pylock.toml")

    for arguments in (["verify"], ["sync", "--check"], ["sync", "--check", "--verify"]):
        ran = place.here(*arguments)
        assert ran.code == 3, ran
        assert WEBBY[0] in ran.err
        assert "Requires-Dist: base>=1" in ran.err
    assert WEBBY[0] in place.ok("status").out
    assert "Nothing differs" not in place.ok("status").out
    refused(place.run("sync"))


def test_verify_looks_at_stored_wheels_that_the_lock_names_for_others(
    tmp_path: Path, honest: IndexServer
) -> None:
    place = project(tmp_path, "first", honest)
    place.given("sync")
    other = WEBBY[0].replace("py3-none-any", "cp399-cp399-win_amd64")
    (row,) = [line for line in place.lock().split("\n") if WEBBY[0] in line and "url" in line]
    more = row.replace(WEBBY[0], other).replace(sha256(WEBBY[1]), sha256(BASE[1]))
    place.write(place.lock().replace(row, f"{row}\n{more}"), "pylock.toml")
    place.ok("sync")

    ran = place.run("verify")
    assert ran.code == 3, ran
    assert f"{other} is base 2.0 in the store, not webby 1.5" in ran.err


# -- what is not a lie


@pytest.mark.parametrize("way", ["metadata", "ranges", "whole"])
def test_the_truth_passes_however_it_came(tmp_path: Path, way: str) -> None:
    odd = [
        "Base >=1 , <3",
        "evil[a_b,A]==6.6; (python_version < '3') and extra == 'Fast_One'",
        "evil>=1; extra == 'fast-one' or extra == 'other'",
        "base!=3.0*",
    ]
    wheel = make_wheel(
        "webby",
        "1.5",
        {"webby.py": "W = 1\n"},
        requires=odd,
        requires_python=">=3.6,!=3.7.*",
        metadata_extra=["Provides-Extra: Fast_One", "Provides-Extra: other"],
    )
    with IndexServer(metadata=way == "metadata", ranges=way == "ranges") as server:
        publish(server, BASE, wheel, EVIL)
        place = project(tmp_path, "first", server)
        place.write(SPEC.format(name="x").replace('"webby"', '"webby[Fast.One]"'))
        place.given("sync")
        assert names(place.lock()) == ["base", "evil", "webby"]
        assert 'extras = [{ name = "fast-one" }]' in place.lock()
        place.ok("verify")
        place.ok("sync", "--check")


def test_what_env_toml_says_in_place_of_metadata_is_no_lie(tmp_path: Path) -> None:
    wheel = make_wheel("webby", "1.5", requires=["base<2", "gone"], requires_python="<3.5")
    with IndexServer(metadata=True) as server:
        publish(server, BASE, wheel)
        place = project(tmp_path, "first", server)
        place.write(
            SPEC.format(name="x")
            + '[lock]\noverrides = ["base>=2", "gone; python_version < \'3\'"]\n'
            + 'ignore-requires-python = ["webby"]\n'
        )
        place.given("sync")
        place.ok("verify")


def test_an_old_lock_without_digests_is_taken(tmp_path: Path, honest: IndexServer) -> None:
    place = project(tmp_path, "first", honest)
    place.given("lock")
    old = re.sub(r"(?m)^tool = .*\n", "", place.lock())
    assert "metadata-from" not in old
    place.write(old, "pylock.toml")

    place.ok("sync", "--locked")
    place.ok("sync", "--check")
    place.ok("verify")
    assert place.lock() == old


@pytest.mark.parametrize(
    ("locked", "wheel", "code"),
    [(">=3.8", ">=3.8", 0), (">=3.8", None, 0), (">=3.8", ">=3.9", 1), (">=3.8", "<3", 1)],
)
def test_requires_python_of_another_tools_lock(
    tmp_path: Path, locked: str, wheel: str | None, code: int
) -> None:
    found = make_wheel("webby", "1.5", requires_python=wheel)
    with IndexServer() as server:
        publish(server, found)
        place = project(tmp_path, "first", server)
        place.write(
            'lock-version = "1.0"\ncreated-by = "another"\n[[packages]]\nname = "webby"\n'
            f'version = "1.5"\nrequires-python = "{locked}"\n[[packages.wheels]]\n'
            f'url = "{server.file_url("webby", found[0])}"\n'
            f'hashes = {{ sha256 = "{sha256(found[1])}" }}\n',
            "pylock.toml",
        )
        ran = place.run("sync", "--frozen")
        assert ran.code == code, ran
        if code:
            refused(ran, f"locked: Requires-Python: {locked}", f"Requires-Python: {wheel}")
        else:
            place.ok("verify", "--frozen")


# -- several wheels of one version


def two_faced(tmp_path: Path, here: list[str], *, more: str = "") -> tuple[IndexServer, Workplace]:
    """A version whose wheel for this machine requires other things than the one that speaks."""
    tag = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    speaks = make_wheel(
        "webby", "1.5", requires=["base>=1"], tag=f"{tag}-{tag}-manylinux_2_17_x86_64"
    )
    mine = make_wheel(
        "webby",
        "1.5",
        {"webby.py": "W = 2\n"},
        requires=here,
        extras={"fast": ["evil"]},
        tag=f"{tag}-{tag}-linux_{platform.machine()}",
    )
    server = IndexServer(metadata=True)
    publish(server, BASE, speaks, mine, EVIL)
    place = project(tmp_path, "first", server)
    place.write(SPEC.format(name="x") + more)
    return server, place


def only_mine(place: Workplace) -> None:
    """Take the wheel that speaks out of the lock, as for a platform that can't use it."""
    lines = place.lock().split("\n")
    place.write(
        "\n".join(line for line in lines if "url" not in line or "manylinux" not in line),
        "pylock.toml",
    )


@pytest.mark.parametrize(
    "here",
    [
        ["base>=1"],
        ["base>=1.5", "evil; sys_platform == 'win32'"],
        ["BASE", "base<9 ; extra == 'fast'"],
        [],
    ],
)
def test_another_wheel_that_fits_the_lock_is_installed(tmp_path: Path, here: list[str]) -> None:
    server, place = two_faced(tmp_path, here)
    with server:
        place.given("lock")
        only_mine(place)
        place.ok("sync", "--frozen")
        assert place.python("import webby; print(webby.W)") == "2"
        place.ok("sync", "--frozen")
        place.ok("verify", "--frozen")


@pytest.mark.parametrize(
    ("here", "line"),
    [
        (["evil>=6"], "locked: no evil here"),
        (["base>=7"], "locked: base 2.0"),
        (["base[new]"], "locked: base without the extra new"),
    ],
)
def test_another_wheel_that_does_not_fit_is_refused(
    tmp_path: Path, here: list[str], line: str
) -> None:
    server, place = two_faced(tmp_path, here)
    with server:
        place.given("lock")
        only_mine(place)
        ran = place.run("sync", "--frozen")
        assert ran.code == 1, ran
        assert line in ran.err
        assert "hint: " in ran.err
        assert not place.venv.exists()


def test_overrides_count_for_another_wheel_as_well(tmp_path: Path) -> None:
    more = '[lock]\noverrides = ["base==2.0"]\n'
    server, place = two_faced(tmp_path, ["base>=7"], more=more)
    with server:
        place.given("lock")
        only_mine(place)
        place.ok("sync", "--frozen")
        place.ok("sync", "--frozen")


def test_the_hint_for_another_wheel_leads_out(tmp_path: Path) -> None:
    server, place = two_faced(tmp_path, ["base>=1", "evil>=6"])
    with server:
        place.given("lock")
        only_mine(place)
        ran = place.run("sync", "--frozen")
        assert "`envsync add evil`" in ran.err
        place.ok("add", "evil", "--no-sync")
        only_mine(place)
        place.ok("sync", "--frozen")


# -- what is built here


def test_a_build_that_says_otherwise_than_pkg_info_is_refused(tmp_path: Path) -> None:
    """PKG-INFO promises to be static (PEP 643), and the backend doesn't keep that."""
    backend = BACKEND.replace(
        '"METADATA": metadata.encode()',
        '"METADATA": metadata.encode().replace(b"Requires-Dist: base", b"Requires-Dist: evil")',
    )
    lying_sdist = make_sdist("webby", "1.5", requires=["base>=1"], backend_source=backend)
    with IndexServer() as server:
        publish(server, BASE, EVIL, lying_sdist)
        place = project(tmp_path, "first", server)
        place.write(SPEC.format(name="x") + '[build]\nallow = ["webby"]\n')
        place.given("lock")
        assert names(place.lock()) == ["base", "webby"]
        for _ in range(2):
            ran = place.run("sync")
            assert ran.code == 1, ran
            assert "locked: no evil here" in ran.err
            assert "in the wheel: Requires-Dist: evil>=1" in ran.err
            assert not place.venv.exists()


def test_a_build_that_words_it_otherwise_is_not(tmp_path: Path) -> None:
    backend = BACKEND.replace(
        '"METADATA": metadata.encode()',
        '"METADATA": metadata.encode().replace(b"Dist: base>=1", b"Dist: Base (>=1.0)")',
    )
    sdist = make_sdist("webby", "1.5", requires=["base>=1"], backend_source=backend)
    with IndexServer() as server:
        publish(server, BASE, sdist)
        place = project(tmp_path, "first", server)
        place.write(SPEC.format(name="x") + '[build]\nallow = ["webby"]\n')
        place.given("sync")
        place.ok("sync")
        place.ok("verify")


def test_what_builds_need_is_compared_too(tmp_path: Path, lying: IndexServer) -> None:
    """A build environment is locked and installed as every other."""
    sdist = make_sdist("made", "1.0", build_requires=["webby"])
    publish(lying, sdist)
    place = project(tmp_path, "first", lying)
    place.write(SPEC.format(name="x").replace("webby", "made") + '[build]\nallow = ["made"]\n')

    refused(place.run("sync"), "locked: Requires-Dist: evil")
    place.ok("sync")


def test_scripts_are_compared_too(tmp_path: Path, lying: IndexServer) -> None:
    place = project(tmp_path, "first", lying)
    script = '# /// script\n# dependencies = ["webby"]\n# ///\nimport webby\nprint(webby.W)\n'
    place.write(script, "job.py")

    refused(place.run("run", "job.py"), "locked: Requires-Dist: evil")
    assert place.ok("run", "job.py").out.strip() == "1"


@pytest.mark.parametrize("arguments", [("sync",), ("add", "webby"), ("run", "true")])
def test_where_nothing_is_locked_yet_the_command_is_run_again(
    tmp_path: Path, lying: IndexServer, arguments: tuple[str, ...]
) -> None:
    place = project(tmp_path, "first", lying)
    if arguments[0] == "add":
        place.write(SPEC.format(name="x").replace('"webby"', ""))
    before = place.files()
    ran = place.run(*arguments)
    refused(ran, "locked: Requires-Dist: evil", "run the command again")
    assert place.files() == before

    place.ok(*arguments)
    assert names(place.lock()) == ["base", "webby"]


def test_what_is_not_as_it_was_in_the_wheel_is_no_fact_about_it(
    tmp_path: Path, honest: IndexServer
) -> None:
    """METADATA in an environment may be edited so that no time or size tells."""
    place = project(tmp_path, "first", honest)
    place.given("sync")
    path = place.site / "webby-1.5.dist-info" / "METADATA"
    status, text = path.stat(), path.read_bytes()
    path.chmod(0o644)
    path.unlink()
    path.write_bytes(text.replace(b"base>=1", b"evil>=1"))
    path.chmod(status.st_mode & 0o7777)
    os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))
    digest = re.search(r'metadata = "sha256:([0-9a-f]{64})", metadata-from = "webby', place.lock())
    assert digest is not None
    place.write(place.lock().replace(digest[1], "ab" * 32), "pylock.toml")
    refused(place.run("sync"))

    second = project(tmp_path, "second", honest)
    second.ok("lock")
    assert names(second.lock()) == ["base", "webby"]


def test_other_tools_read_the_lock(tmp_path: Path, honest: IndexServer) -> None:
    place = project(tmp_path, "first", honest)
    place.ok("lock")
    table = tomllib.loads(place.lock())
    Pylock.from_dict(table).validate()
    tool = table["packages"][1]["tool"]["envsync"]
    assert sorted(tool) == ["metadata", "metadata-from"]
    assert tool["metadata-from"] == WEBBY[0]
