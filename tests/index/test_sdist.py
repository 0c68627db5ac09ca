"""PKG-INFO inside source distributions, sound and hostile."""

import gzip
import io
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

from envsync.errors import StorageFailed
from envsync.index import sdist
from envsync.index.sdist import read_pkg_info
from tests.support.effort import calls

INFO = b"Metadata-Version: 2.2\nName: shop\n"


def tar(*members: tuple[str, bytes], format: int = tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=format) as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            if name.endswith("/"):
                member.type = tarfile.DIRTYPE
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def pkg_info(folder: Path, content: bytes, filename: str = "shop-1.0.tar.gz") -> bytes | None:
    path = folder / "archive"
    path.write_bytes(content)
    return read_pkg_info(str(path), filename)


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize("folder", ["shop-1.0", "./shop-1.0", "x" * 80])
def test_pkg_info_at_the_top(tmp_path: Path, format: int, folder: str) -> None:
    members = [
        (f"{folder}/", b""),
        (f"{folder}/src/shop.egg-info/PKG-INFO", b"another"),
        (f"{folder}/big.bin", bytes(3_000_000)),
        (f"{folder}/PKG-INFO", INFO),
        (f"{folder}/later/PKG-INFO", b"later"),
    ]

    assert pkg_info(tmp_path, gzip.compress(tar(*members, format=format))) == INFO


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
@pytest.mark.parametrize("folder", ["shöp-1.0", "y" * 200])
def test_long_and_odd_names(tmp_path: Path, format: int, folder: str) -> None:
    archive = tar((f"{folder}/a", b"x"), (f"{folder}/PKG-INFO", INFO), format=format)

    assert pkg_info(tmp_path, gzip.compress(archive)) == INFO


def test_a_zip(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("shop-1.0/src/x.egg-info/PKG-INFO", b"another")
        archive.writestr("shop-1.0/PKG-INFO", INFO)

    assert pkg_info(tmp_path, stream.getvalue(), "shop-1.0.zip") == INFO
    assert pkg_info(tmp_path, stream.getvalue()[:-10], "shop-1.0.zip") is None
    assert pkg_info(tmp_path, b"", "shop-1.0.zip") is None


WHOLE = gzip.compress(tar(("a/b", b"x" * 5000), ("shop-1.0/PKG-INFO", INFO)))


@pytest.mark.parametrize("filename", ["shop-1.0.tar.bz2", "shop-1.0.exe", "shop"])
def test_other_formats_have_none(tmp_path: Path, filename: str) -> None:
    assert pkg_info(tmp_path, WHOLE, filename) is None


def test_an_archive_cut_anywhere_has_none(tmp_path: Path) -> None:
    # The last 60 bytes hold the end of the archive, which comes after PKG-INFO.
    for size in range(len(WHOLE) - 60):
        assert pkg_info(tmp_path, WHOLE[:size]) is None


def _header(name: bytes, size: bytes, kind: bytes = b"0") -> bytes:
    return (name.ljust(124, b"\0") + size.ljust(12, b"\0")).ljust(156, b"\0") + kind + bytes(355)


@pytest.mark.parametrize(
    "archive",
    [
        b"",
        bytes(1024),
        b"x" * 5000,
        _header(b"a/PKG-INFO", b"-7"),
        _header(b"a/PKG-INFO", b"9"),
        _header(b"a/PKG-INFO", b"77777777777"),
        _header(b"a/PKG-INFO", b"\xff" * 12),
        _header(b"a/b", b"\x80" + b"\xff" * 11),
        _header(b"a/b", b"-1000"),
        _header(b"a/PKG-INFO", b"0", b"2"),
        _header(b"a/PKG-INFO", b"0", b"5"),
        _header(b"/PKG-INFO", b"0"),
        _header(b"PKG-INFO", b"0"),
        _header(b"x", b"77777777777", b"x"),
        tar(("a/b", b"x")),
    ],
)
def test_archives_without_a_usable_one(tmp_path: Path, archive: bytes) -> None:
    assert pkg_info(tmp_path, gzip.compress(archive)) is None


def test_a_bomb_is_not_unpacked_to_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdist, "MAX_UNPACKED", 10_000_000)
    packer = zlib.compressobj(9, wbits=31)
    bomb = packer.compress(_header(b"a/b", b"77777777777"))
    bomb += b"".join(packer.compress(bytes(1_000_000)) for _ in range(100)) + packer.flush()

    assert pkg_info(tmp_path, bomb) is None
    assert calls(lambda: pkg_info(tmp_path, bomb)) < 300  # some ten for each MiB; there are 100


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed):
        read_pkg_info(str(tmp_path / "none"), "shop-1.0.tar.gz")
