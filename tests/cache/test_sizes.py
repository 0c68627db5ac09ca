"""What files take on the disk, and what of it would be freed."""

import os
from pathlib import Path

from envsync.cache.sizes import Inodes


def test_links_count_once_and_what_others_hold_is_not_freed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    for name in ("alone", "twice", "shared"):
        (inside / name).write_bytes(b"x" * 10_000)
    os.link(inside / "twice", inside / "again")
    os.link(inside / "shared", outside / "shared")
    inodes = Inodes()
    inodes.add(str(inside))
    size = inodes.size()
    one = (inside / "alone").stat().st_blocks * 512
    assert size.files == 4
    assert size.bytes == 3 * one + inside.stat().st_blocks * 512
    assert size.shared == one
