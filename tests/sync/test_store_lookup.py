"""A wheel in the store is a pin's by name and version, not by its hash alone."""

from pathlib import Path

import pytest

from envsync.errors import WheelInvalid
from envsync.lock.pins import Pinned
from envsync.sync.store_lookup import CheckDepth, all_in_store, in_store
from tests.support.synced import SyncedProject


@pytest.fixture
def pin(synced: SyncedProject) -> Pinned:
    return synced.pin("right", "1.0")


def test_the_wheel_of_a_pin_is_found(synced: SyncedProject, pin: Pinned) -> None:
    wheel = in_store(synced.store, pin, depth="bytes")
    assert wheel == synced.wheels["right"]
    assert all_in_store(synced.store, [pin], "bytes") == {"right": wheel}


@pytest.mark.parametrize("fields", [{"name": "other"}, {"version": "2.0"}])
def test_the_wheel_of_another_project_or_version_is_refused(
    synced: SyncedProject, pin: Pinned, fields: dict[str, str]
) -> None:
    """As a lock says that was edited: one project's hash under another's name."""
    wrong = pin._replace(**fields)  # type: ignore[arg-type]
    said = f"is right 1.0, not {wrong.name} {wrong.version}"
    with pytest.raises(WheelInvalid, match=said):
        in_store(synced.store, wrong, depth="trust")
    assert all_in_store(synced.store, [wrong], "trust") is None


def test_a_version_may_be_spelled_otherwise(synced: SyncedProject, pin: Pinned) -> None:
    assert in_store(synced.store, pin._replace(version="1.0.0"), depth="trust") is not None


@pytest.mark.parametrize(
    ("depth", "edited", "is_taken"),
    [("trust", "2.0", True), ("signature", "1.00", False), ("bytes", "2.0", False)],
)
def test_one_that_was_tampered_with_is_set_aside(
    synced: SyncedProject, pin: Pinned, depth: CheckDepth, edited: str, is_taken: bool
) -> None:
    path = Path(synced.wheels["right"].tree) / "right.py"
    path.chmod(0o644)
    path.write_text(edited)
    all_of_it = all_in_store(synced.store, [pin], depth)
    assert (in_store(synced.store, pin, depth=depth) is not None) == is_taken
    assert (all_of_it is not None) == is_taken
    assert (synced.store.get(pin.sha256) is not None) == is_taken


@pytest.mark.parametrize("fields", [{"sha256": ""}, {"filename": "right-1.0.tar.gz"}])
def test_what_names_no_wheel_is_not_looked_up(
    synced: SyncedProject, pin: Pinned, fields: dict[str, str]
) -> None:
    assert in_store(synced.store, pin._replace(**fields), depth="trust") is None  # type: ignore[arg-type]
