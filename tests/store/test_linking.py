"""Stored files reach an environment whatever the file systems allow: for real, not by injection."""

import errno
import os
from pathlib import Path

import pytest

from envsync.platform.links import Placer
from tests.commands.conftest import publish
from tests.support.command import Workplace
from tests.support.index_server import IndexServer
from tests.support.wheels import make_wheel

ELSEWHERE = Path("/dev/shm")


def test_a_store_on_another_file_system_is_copied_from(tmp_path: Path) -> None:
    if not ELSEWHERE.is_dir() or ELSEWHERE.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one file system only")
    cache = ELSEWHERE / f"envsync-test-{os.getpid()}"
    try:
        with IndexServer() as server:
            publish(server, make_wheel("base", "2.0"))
            place = Workplace(tmp_path, server.url)
            place.write('[env]\ndependencies = ["base"]\n')
            place.environ["ENVSYNC_CACHE_DIR"] = str(cache)
            place.ok("sync")
            placed = (place.site / "base.py").stat()
            assert (placed.st_nlink, placed.st_mode & 0o777) == (1, 0o444)
            place.ok("sync", "--check")
            place.ok("verify")
    finally:
        import shutil

        shutil.rmtree(cache, ignore_errors=True)


def has_all_links(folder: Path) -> bool:
    """Make links to `source` until the file system takes no more."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for number in range(66_000):
            os.link("source", f"link-{number}", src_dir_fd=descriptor, dst_dir_fd=descriptor)
    except OSError as error:
        return error.errno == errno.EMLINK
    finally:
        os.close(descriptor)
    return False


def test_a_file_with_all_the_links_it_may_have_is_copied(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("text")
    source.chmod(0o444)
    if not has_all_links(tmp_path):
        pytest.skip("this file system has no such limit")
    placer = Placer("hardlink")
    placer.place(str(source), str(tmp_path / "placed"))
    placed = (tmp_path / "placed").stat()
    assert (placed.st_nlink, placed.st_mode & 0o777) == (1, 0o444)
    assert placed.st_mtime_ns == source.stat().st_mtime_ns
    (tmp_path / "other").write_text("x")
    placer.place(str(tmp_path / "other"), str(tmp_path / "linked"))  # the next one is linked again
    assert (tmp_path / "linked").stat().st_nlink == 2
