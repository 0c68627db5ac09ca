"""Files put in place, by links where they are stored, and what is known of their times after."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from envsync.environment.drift import expected_mtime
from envsync.environment.manifest import Placed
from envsync.environment.placing import (
    ChangeTimes,
    Files,
    FileTimes,
    Tampered,
    fill,
    make_folders,
    put_all,
)
from envsync.platform.files import content_mtime, write_new
from envsync.platform.links import Placer
from tests.support.effort import calls
from tests.support.environments_on_disk import files_of, placed_file, tree

pytestmark = pytest.mark.usefixtures("pure_and_compiled")

DATA = b"z = 1\n"
PLACED = placed_file("z.py", DATA)
HASH = "ab" * 32


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "stored"
    write_new(str(path), DATA, mode=PLACED.mode, mtime=expected_mtime(PLACED))
    return path


def known(stored: Path) -> dict[int, int]:
    return {stored.stat().st_ino: stored.stat().st_ctime_ns}


def put(
    placed: Placed, source: str | bytes, path: str, placer: Placer, times: dict[int, int]
) -> FileTimes:
    (noted,) = put_all([(path, placed, source)], placer, times)
    return noted


def put_stored(stored: Path, placer: Placer, times: dict[int, int]) -> FileTimes:
    return put(PLACED, str(stored), str(stored.parent / "new"), placer, times)


def test_bytes_and_links_have_no_source(tmp_path: Path) -> None:
    link = Placed("bin/python", 0o120777, 4, "z.py")
    for placed, content in ((PLACED, DATA), (link, b"z.py")):
        path = tmp_path / placed.path.replace("/", "-")
        times = put(placed, content, str(path), Placer(), {})
        status = path.lstat()
        assert times == (status.st_ctime_ns, 0, 0)
        assert (status.st_mode, status.st_size) == (placed.mode, placed.size)
        assert status.st_mtime == expected_mtime(placed)
    assert (tmp_path / "bin-python").readlink() == Path("z.py")


def test_a_hard_link_moves_the_time_of_the_stored_file(stored: Path) -> None:
    times = put_stored(stored, Placer("hardlink"), known(stored))
    status = stored.stat()
    assert times == (status.st_ctime_ns, status.st_ino, status.st_ctime_ns)
    assert (stored.parent / "new").stat().st_ino == status.st_ino


def test_a_copy_leaves_the_time_of_the_stored_file(stored: Path) -> None:
    before = stored.stat()
    times = put_stored(stored, Placer("copy"), known(stored))
    new = (stored.parent / "new").stat()
    assert times == (new.st_ctime_ns, before.st_ino, before.st_ctime_ns)
    assert stored.stat().st_ctime_ns == before.st_ctime_ns


@pytest.mark.parametrize("size", [b"z = 2\n", b"z = 10\n"])
def test_a_stored_file_of_which_no_time_is_known_is_read(stored: Path, size: bytes) -> None:
    put_stored(stored, Placer("copy"), {})
    (stored.parent / "new").unlink()
    stored.write_bytes(size)
    with pytest.raises(Tampered):
        put_stored(stored, Placer("copy"), {})
    assert not (stored.parent / "new").exists()


def test_a_stored_file_that_is_gone_is_told_whenever_it_went(stored: Path) -> None:
    class Late(Placer):
        def place(self, source: str, destination: str) -> None:
            os.unlink(source)
            super().place(source, destination)

    with pytest.raises(Tampered, match="stored"):
        put_stored(stored, Late(), known(stored))
    for path in (stored, stored / "below"):
        with pytest.raises(Tampered, match="stored"):
            put_stored(path, Placer(), {})


def test_a_place_that_is_gone_is_no_fault_of_the_stored_file(stored: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        put(PLACED, str(stored), str(tmp_path / "gone/new"), Placer("hardlink"), known(stored))


def test_all_files_are_put_with_their_folders_and_times(tmp_path: Path, stored: Path) -> None:
    (tmp_path / "built").mkdir(mode=0o755)
    wanted = {"lib/deep/a.py": b"a", ".gitignore": b"*\n", "z.py": DATA}
    files = files_of(wanted)
    files = files._replace(sources={**files.sources, "z.py": str(stored)})
    times = fill(str(tmp_path / "built"), files, Placer("hardlink"))
    assert tree(tmp_path / "built") == wanted
    assert times == ChangeTimes(
        {path: (tmp_path / "built" / path).lstat().st_ctime_ns for path in wanted}, known(stored)
    )


def test_nothing_at_all_can_be_put_in_place(tmp_path: Path) -> None:
    assert fill(str(tmp_path), Files({}, {}), Placer()) == ChangeTimes({}, {})
    assert os.listdir(tmp_path) == []


def many_stored(folder: Path, number: int) -> Files:
    """Files of a store, at times that are known; their bytes aren't, so that nothing reads them."""
    desired: dict[str, Placed] = {}
    sources: dict[str, str | bytes] = {}
    times: dict[int, int] = {}
    for at in range(number):
        source = folder / f"{at}.py"
        source.write_bytes(b"x = 1\n")
        source.chmod(0o444)
        os.utime(source, (content_mtime(HASH), content_mtime(HASH)))
        path = f"lib/pkg{at // 10}/{at}.py"
        desired[path] = Placed(path, stat.S_IFREG | 0o444, 6, HASH)
        sources[path] = str(source)
        status = source.stat()
        times[status.st_ino] = status.st_ctime_ns
    return Files(desired, sources, times)


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "built"
    folder.mkdir(mode=0o755)
    return folder


def test_a_stored_file_as_its_times_say_takes_a_dozen_calls(tmp_path: Path, built: Path) -> None:
    """Two looks and a link are what it needs; there are tens of thousands of such files."""

    def effort(number: int) -> int:
        store, new = tmp_path / f"store{number}", built / f"new{number}"
        store.mkdir()
        new.mkdir(mode=0o755)
        files, placer = many_stored(store, number), Placer("hardlink")
        return calls(lambda: fill(str(new), files, placer))

    assert (effort(300) - effort(200)) / 100 < 14


@pytest.fixture(params=[0o022, 0o077, 0])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_permissions_are_set_where_the_umask_took_some(
    built: Path, umask: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    built.chmod(0o755)
    changed: list[str] = []
    chmod = os.chmod

    def noted(path: str, mode: int) -> None:
        changed.append(path)
        chmod(path, mode)

    monkeypatch.setattr(os, "chmod", noted)
    make_folders(str(built), ["a/b/c/file", "a/d/file"])
    assert len(changed) == (0 if umask == 0o022 else 4)
    modes = {stat.S_IMODE(folder.stat().st_mode) for folder in built.rglob("*")}
    assert modes == {0o755}


def some_stored(folder: Path) -> tuple[list[Placed], Files]:
    """Six stored files; of one no time is known, one was changed and put back since."""
    folder.mkdir()
    placed, sources, times = [], dict[str, str](), dict[int, int]()
    for number in range(6):
        file = placed_file(f"lib/d{number % 2}/{number}.py", b"%d" % number)
        source = folder / str(number)
        write_new(str(source), b"%d" % number, mode=file.mode, mtime=expected_mtime(file))
        placed.append(file)
        sources[file.path] = str(source)
        times |= known(source)
    del times[(folder / "2").stat().st_ino]
    times[(folder / "3").stat().st_ino] -= 1
    return placed, Files({file.path: file for file in placed}, {**sources}, times)


@pytest.mark.parametrize("mode", ["auto", "hardlink", "copy"])
def test_files_of_which_no_time_is_known_are_compared_and_put_with_the_rest(
    tmp_path: Path, mode: str
) -> None:
    placed, files = some_stored(tmp_path / "store")
    (tmp_path / "built").mkdir()
    times = fill(str(tmp_path / "built"), files, Placer(mode))
    for number, file in enumerate(placed):
        new, source = (tmp_path / "built" / file.path).stat(), tmp_path / "store" / str(number)
        assert (tmp_path / "built" / file.path).read_bytes() == b"%d" % number
        assert times.placed[file.path] == new.st_ctime_ns
        is_known = number not in (2, 3) or mode != "copy"  # a copy says nothing of its source
        assert not is_known or times.stored[source.stat().st_ino] == source.stat().st_ctime_ns
        assert mode != "hardlink" or os.path.samefile(tmp_path / "built" / file.path, source)


@pytest.mark.parametrize("number", [1, 5])
@pytest.mark.parametrize("way", ["gone", "other bytes"])
def test_a_stored_file_that_was_tampered_with_is_never_linked(
    tmp_path: Path, number: int, way: str
) -> None:
    placed, files = some_stored(tmp_path / "store")
    (tmp_path / "built").mkdir()
    source, status = tmp_path / "store" / str(number), (tmp_path / "store" / str(number)).stat()
    if way == "gone":
        source.unlink()
    else:
        source.chmod(0o644)
        source.write_bytes(b"!")
        source.chmod(status.st_mode & 0o777)
        os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(Tampered):
        fill(str(tmp_path / "built"), files, Placer("hardlink"))
    assert not (tmp_path / "built" / placed[number].path).exists()
