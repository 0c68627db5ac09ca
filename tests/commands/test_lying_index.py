"""H10, H97: what an index says of a file that it doesn't own, as whole commands see it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.conftest import publish
from tests.support.command import Workplace
from tests.support.index_server import IndexServer, Listed
from tests.support.wheels import make_wheel, render_metadata

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
    first.ok("lock")
    assert names(first.lock()) == ["evil", "webby"]

    second = project(tmp_path, "second", honest)
    second.ok("lock", *flags)
    assert names(second.lock()) == ["base", "webby"]
