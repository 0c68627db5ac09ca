"""A project that is synced from a real store, without an index."""

from pathlib import Path

import pytest

from tests.support.synced import SyncedProject


@pytest.fixture
def synced(tmp_path: Path) -> SyncedProject:
    return SyncedProject(tmp_path)
