"""What lock chooses and says, as whole commands: mistakes, merges, and odd indexes."""

from tests.commands.conftest import publish
from tests.support.command import Workplace
from tests.support.index_server import IndexServer
from tests.support.wheels import make_wheel


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
