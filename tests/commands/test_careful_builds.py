"""Builds of strangers' sources: confined, logged, bounded, and passed over where they fail."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from envsync.platform.confined import confinement
from tests.commands.conftest import publish
from tests.support.command import Workplace
from tests.support.index_server import IndexServer
from tests.support.wheels import BACKEND, make_sdist, make_wheel, source_files

HEAD = '[env]\nname = "shop"\nrequires-python = ">=3.11"\ndependencies = ["made"]\n'
LEAVE = '[build]\nallow = ["made"]\n'

can_confine = pytest.mark.skipif(not confinement().words, reason="builds can't be confined here")


def made(version: str, code: str = "", requires: Sequence[str] = ()) -> tuple[str, bytes]:
    """A source whose metadata is so old that only a build can tell what it requires."""
    source = f"{code}\n{BACKEND}"
    return make_sdist(
        "made", version, backend_source=source, build_requires=requires, metadata_version="2.1"
    )


@can_confine
def test_a_build_reaches_neither_files_nor_network(
    place: Workplace, server: IndexServer, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    touch = f"open({str(mark)!r}, 'w')"
    ask = "import socket; socket.create_connection(('192.0.2.1', 80), 5)"
    for version, code in (("1.0", touch), ("2.0", ask)):
        publish(server, made(version, code))
        place.write(HEAD.replace('"made"', f'"made=={version}"') + LEAVE)
        ran = place.run("sync")
        assert ran.code == 1
        assert f"could not build made=={version}" in ran.err
        assert 'unconfined = ["made"] under [build]' in ran.err.replace("`", "")
        assert not mark.exists()
        assert not (place.project / "pylock.toml").exists()
    place.write(HEAD.replace('"made"', '"made<2"') + LEAVE + 'unconfined = ["made"]\n')
    place.ok("sync")
    assert mark.exists()
    assert place.python("import made; print(made.__version__)") == "1.0"


def test_a_local_folder_is_built_by_the_users_own_programs(
    place: Workplace, tmp_path: Path
) -> None:
    source = f"open({str(tmp_path / 'mark')!r}, 'w')\n{BACKEND}"
    for path, data in source_files("made", "1.0", backend_source=source).items():
        file = place.project / "made" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    place.write(HEAD + '[sources]\nmade = { path = "made" }\n')
    place.ok("sync")
    assert (tmp_path / "mark").exists()


def test_a_version_whose_build_fails_is_passed_over_and_reported(
    place: Workplace, server: IndexServer
) -> None:
    publish(server, made("1.0"), made("2.0", "raise SystemExit('made needs libmade')"))
    place.write(HEAD + LEAVE)
    ran = place.ok("lock")
    told = " ".join(ran.err.split())
    assert "made 2.0 was passed over: its build failed" in told
    assert 'version = "1.0"' in place.lock()
    place.ok("sync")
    assert place.python("import made; print(made.__version__)") == "1.0"


def test_where_nothing_else_fits_the_build_is_the_error(
    place: Workplace, server: IndexServer
) -> None:
    publish(
        server, made("1.0", "raise SystemExit('no 1')"), made("2.0", "raise SystemExit('no 2')")
    )
    place.write(HEAD + LEAVE)
    ran = place.run("lock")
    assert ran.code == 1
    assert "could not build made==2.0" in ran.err
    assert "no 2" in ran.err
    assert not (place.project / "pylock.toml").exists()


def test_the_search_for_one_that_builds_ends(place: Workplace, server: IndexServer) -> None:
    log = place.project.parent / "log"
    code = f"open({str(log)!r}, 'a').write('x'); raise SystemExit('never')"
    publish(server, *(made(f"{at}.0", code) for at in range(1, 12)))
    place.write(HEAD + LEAVE + 'unconfined = ["made"]\n')
    ran = place.run("lock")
    assert ran.code == 1
    assert "could not build made==" in ran.err
    assert len(log.read_text()) < 11


def test_a_newest_file_that_is_no_archive_is_passed_over(
    place: Workplace, server: IndexServer
) -> None:
    publish(server, ("made-2.0-py3-none-any.whl", b"<html>not a wheel</html>"))
    publish(server, make_wheel("made", "1.0", {"made.py": "__version__ = '1.0'\n"}))
    place.write(HEAD)
    told = " ".join(place.ok("lock").err.split())
    assert "made 2.0 was passed over" in told
    place.write(HEAD.replace('"made"', '"made>=2"'))
    ran = place.run("lock")
    assert ran.code == 1
    assert "made-2.0-py3-none-any.whl" in ran.err


def test_the_end_of_what_a_failed_build_printed_and_where_all_of_it_is(
    place: Workplace, server: IndexServer
) -> None:
    code = "for at in range(300): print('line', at)\nprint('token', 'PASSED')\nraise SystemExit(1)"
    code = f"import os\n{code.replace(chr(39) + 'PASSED' + chr(39), 'os.environ[chr(84)]')}"
    publish(server, made("1.0", code))
    place.write(HEAD + LEAVE + '[build.environment.made]\nT = "x"\nMY_TOKEN = "s3cr3t-value"\n')
    place.write(place.read().replace('T = "x"', 'T = "s3cr3t-value"'))
    ran = place.run("sync")
    assert ran.code == 1
    assert "line 299" in ran.err
    assert "line 200" not in ran.err
    (log,) = map(Path, re.findall(r"lines that it printed: (\S+)", ran.err))
    text = log.read_text()
    log.unlink()
    assert "line 0\n" in text
    assert "line 299\n" in text
    assert "s3cr3t-value" not in text + ran.err
    assert log.name.startswith("envsync-made-1.0-")


def test_constraints_bound_what_builds_require(place: Workplace, server: IndexServer) -> None:
    publish(
        server,
        made("1.0", "import tool; print('tool', tool.VERSION)", ["tool"]),
        make_wheel("tool", "1.0", {"tool.py": "VERSION = 1\n"}),
        make_wheel("tool", "2.0", {"tool.py": "VERSION = 2\n"}),
    )
    place.write(HEAD + LEAVE + 'constraints = ["tool<2"]\n')
    assert "tool 1" in place.ok("sync", "-v").err
    place.write(HEAD + LEAVE)
    ran = place.ok("sync", "-v")
    assert "tool 2" in ran.err, "another constraint, another build"
    place.write(HEAD + LEAVE + 'constraints = ["tool<1"]\n')
    ran = place.run("sync")
    assert ran.code == 1
    assert "build.constraints" in ran.err


several = pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor, one build")
WAIT = """
import os, time
folder, name, other = FOLDER, NAME, OTHER
open(f"{folder}/{name}", "w").close()
ends = time.monotonic() + 30
while not os.path.exists(f"{folder}/{other}"):
    if time.monotonic() > ends:
        raise SystemExit("alone")
    time.sleep(0.01)
"""


def waiting(name: str, other: str, folder: Path, more: str = "") -> tuple[str, bytes]:
    """A source whose build begins, and waits for another one to begin."""
    code = WAIT.replace("FOLDER", repr(str(folder)))
    code = code.replace("NAME", repr(name)).replace("OTHER", repr(other))
    return make_sdist(name, "1.0", backend_source=f"{code}\n{more}\n{BACKEND}")


BOTH = HEAD.replace('"made"', '"one", "two"') + '[build]\nallow = [":all:"]\n'


@several
def test_builds_run_side_by_side(place: Workplace, server: IndexServer, tmp_path: Path) -> None:
    publish(server, waiting("one", "two", tmp_path), waiting("two", "one", tmp_path))
    place.write(BOTH + 'unconfined = [":all:"]\n')
    place.ok("sync")
    assert place.python("import one, two; print(one.__version__)") == "1.0"


@several
def test_the_first_that_fails_ends_the_others(
    place: Workplace, server: IndexServer, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    publish(
        server,
        waiting("one", "two", tmp_path, "raise SystemExit('one is broken')"),
        waiting("two", "one", tmp_path, f"time.sleep(100); open({str(mark)!r}, 'w')"),
    )
    place.write(BOTH + 'unconfined = [":all:"]\n')
    ran = place.run("sync")
    assert ran.code == 1
    assert "could not build one==1.0" in ran.err
    assert "one is broken" in ran.err
    assert not mark.exists()
    assert not (place.project / ".venv").exists()
