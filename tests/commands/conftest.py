"""A served index of small real wheels, and a workplace beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Workplace
from tests.support.index_server import IndexServer
from tests.support.wheels import make_wheel


def publish(server: IndexServer, *wheels: tuple[str, bytes]) -> None:
    """Put wheels on the index."""
    for filename, content in wheels:
        server.add(filename.split("-")[0].replace("_", "-"), filename, content)


@pytest.fixture
def server() -> Iterator[IndexServer]:
    with IndexServer() as running:
        publish(
            running,
            make_wheel("base", "1.0", {"base.py": "VERSION = 1\n"}),
            make_wheel("base", "2.0", {"base.py": "VERSION = 2\n"}),
            make_wheel("base", "3.0rc1", {"base.py": "VERSION = 3\n"}),
            make_wheel(
                "webby",
                "1.5",
                {
                    "webby/__init__.py": "def main():\n    print('webby runs')\n",
                    "webby/data.txt": "d",
                },
                requires=["base>=1", "winner; sys_platform == 'win32'"],
                extras={"fast": ["speedups"]},
                entry_points={"console_scripts": {"webby": "webby:main"}},
            ),
            make_wheel("speedups", "0.9", {"speedups.py": "FAST = True\n"}),
            make_wheel("winner", "1.0", {"winner.py": ""}),
            make_wheel("checker", "7.0", {"checker.py": "CHECK = 1\n"}),
        )
        yield running


@pytest.fixture
def place(tmp_path: Path, server: IndexServer) -> Workplace:
    return Workplace(tmp_path, server.url)


SPEC = """\
[env]
name = "shop"
requires-python = ">=3.11"
dependencies = ["webby"]

[env.optional-dependencies]
fast = ["webby[fast]"]

[dependency-groups]
dev = ["checker"]
docs = ["speedups"]
"""


@pytest.fixture
def project(place: Workplace) -> Workplace:
    place.write(SPEC)
    return place
