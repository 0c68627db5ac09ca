"""Give a build private folders that go when it is over."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from envsync.cache.bucket import SCRATCH, VALUES, Bucket
from envsync.platform.files import remove_tree, storage_errors

BUILDS = Bucket("builds-v1", SCRATCH)
"""For source trees and environments of builds; what a back end sees as its temporary folder and
home lies below the system's own."""


REQUIRES = Bucket("requires-v1", VALUES)
"""What the `[build-system]` of a source distribution asks for, a line each."""


class Room(NamedTuple):
    """Private folders of one build; all of it goes when the build is over."""

    root: str
    """The folder that the others are in."""
    home: str
    temporary: str
    result: str


@contextmanager
def open_room() -> Iterator[Room]:
    """Make the private folders of a build, and remove them with all that is in them afterwards."""
    with storage_errors(tempfile.gettempdir()):
        root = tempfile.mkdtemp(prefix="envsync-build-")
    try:
        room = Room(root, *(os.path.join(root, name) for name in Room._fields[1:]))
        with storage_errors(root):
            for folder in room[1:]:
                os.mkdir(folder, 0o700)
        yield room
    finally:
        with suppress(OSError):  # what a build made undeletable must not fail it
            remove_tree(root)
