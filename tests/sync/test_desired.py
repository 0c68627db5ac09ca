"""What an environment is to be: where it lies, what it is for, and what a mark needs of it."""

from envsync.environment.manifest import Manifest
from envsync.sync.desired import owned_folders, place_of, target_line
from tests.support.synced import SyncedProject


def test_an_environment_lies_where_a_good_link_leads(synced: SyncedProject) -> None:
    goal = synced.desired()
    assert (goal.folder, goal.at(goal.root)) == (goal.root, goal)
    moved = goal.at("/elsewhere")
    assert (moved.root, moved.folder) == (goal.root, "/elsewhere")
    assert moved.at(goal.root) == goal


def test_what_more_than_env_toml_and_the_lock_decided_leaves_no_mark(synced: SyncedProject) -> None:
    goal = synced.desired()
    assert goal.inputs
    assert goal.unmarked_if(False) == goal
    assert goal.unmarked_if(True) == goal._replace(inputs=())


def test_an_environment_is_for_one_interpreter_kind_and_place(synced: SyncedProject) -> None:
    goal = synced.desired()
    line = target_line(goal)
    assert place_of(Manifest("id", line, "default", ())) == goal.root
    target = goal.target
    others = [
        goal._replace(system_site_packages=True),
        goal._replace(root="/other"),
        goal._replace(target=target._replace(executable="other")),
        goal._replace(target=target._replace(signature="other")),
        goal._replace(target=target._replace(version="other")),
    ]
    assert len({line, *map(target_line, others)}) == 6
    assert target_line(goal._replace(prompt="other", selection="other")) == line


def test_every_folder_that_wheels_go_to_is_owned_once(synced: SyncedProject) -> None:
    target = synced.target._replace(purelib="b", platlib="b", scripts="a", headers="c")
    assert owned_folders(target) == ["a", "b", "c"]
    assert owned_folders(target._replace(platlib="d")) == ["a", "b", "c", "d"]
