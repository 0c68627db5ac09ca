"""Write the checked members of a source archive below a new folder, through descriptors only.

Folders are opened without following links (`platform.open_folder`), files are made new in them, and
mode and time are set on the descriptor that made the file. Symbolic links come last, so nothing can
be written through one.
"""

import os
import time
from collections.abc import Callable, Iterable, Sequence

from envsync.build.members import SourceMember
from envsync.platform.files import set_mode, storage_errors
from envsync.platform.open_folder import OpenFolder

Content = Callable[[SourceMember], Iterable[bytes]]
"""Gives the content of a file member, piece by piece."""

# ZIP archives, and so wheels, know no time before 1980; tar's own field ends in 2242.
EARLIEST_TIME = 315_619_200
"""Seconds since the epoch of 1980-01-02, the first day that is in 1980 in every time zone."""
LATEST_TIME = (1 << 31) - 1


def unpack(
    members: Sequence[SourceMember], content: Content, *, directory: str, deadline: float
) -> None:
    """Write `members` below `directory`, which exists and is empty and nobody else's.

    Files get mode 0644 or 0755. `deadline` is on `time.monotonic`'s clock: `ValueError` when it
    passes. Raises `StorageFailed` when the disk refuses.
    """
    with storage_errors(directory), OpenFolder(directory) as top:
        for folder in dict.fromkeys(map(_folder_of, members)):
            _check(deadline)
            top.make_folders(folder)
        for member in members:
            _check(deadline)
            if member.kind == "file":
                _write_member(top, member, content(member))
        for member in members:
            if member.kind == "link":
                top.new_link(member.path, member.target)


def _folder_of(member: SourceMember) -> str:
    """Give the folder that a member is, or lies in."""
    return member.path if member.kind == "folder" else member.path.rpartition("/")[0]


def _check(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise ValueError("unpacking it takes too long")


def _write_member(top: OpenFolder, member: SourceMember, pieces: Iterable[bytes]) -> None:
    with top.new_file(member.path) as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        set_mode(file.fileno(), 0o755 if member.executable else 0o644)
        mtime = min(max(member.mtime, EARLIEST_TIME), LATEST_TIME)
        os.utime(file.fileno(), ns=(mtime * 1_000_000_000, mtime * 1_000_000_000))
