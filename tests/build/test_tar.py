"""The tar reader: what it reads, and what it refuses because readers differ on it."""

import contextlib
import gzip
import io
import tarfile
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.build.members import SourceMember
from envsync.build.tar import inflate, parse_tar
from tests.build import tars


def read(*members: bytes) -> list[SourceMember]:
    return list(parse_tar(tars.tar(*members), deadline=time.monotonic() + 10))


def contents(data: bytes) -> dict[str, tuple[str, bytes]]:
    """Kind and content, or target, by path."""
    return {
        member.path: (
            member.kind,
            member.target.encode()
            if member.kind == "link"
            else data[member.offset : member.offset + member.size],
        )
        for member in parse_tar(data, deadline=time.monotonic() + 10)
    }


def inflated(archive: bytes) -> bytes:
    spool = io.BytesIO()
    inflate(io.BytesIO(archive), spool, deadline=time.monotonic() + 10)
    return spool.getvalue()


def test_reads_files_folders_and_links() -> None:
    data = tars.tar(
        tars.folder("shop-1.0/"),
        tars.file("shop-1.0/a.py", b"x = 1\n", mode=b"0000755\0"),
        tars.link("shop-1.0/docs/b.py", "../a.py"),
        tars.hard_link("shop-1.0/c.py", "shop-1.0/a.py"),
    )
    members = parse_tar(data, deadline=time.monotonic() + 10)
    assert [
        SourceMember("shop-1.0", "folder"),
        SourceMember("shop-1.0/a.py", "file", 1024, 6, True, 0o11111111111),
        SourceMember("shop-1.0/docs/b.py", "link", target="../a.py"),
        SourceMember("shop-1.0/c.py", "file", 1024, 6, True, 0o11111111111),
    ] == list(members)
    assert contents(data)["shop-1.0/c.py"] == ("file", b"x = 1\n")


@pytest.mark.parametrize("dialect", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_reads_what_tarfile_writes(dialect: int) -> None:
    """Long names make each dialect use its own extension."""
    long = "shop-1.0/" + "folder/" * 12 + "n" * 40 + ".py"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=dialect) as archive:
        for path in ("shop-1.0/a.py", long):
            info = tarfile.TarInfo(path)
            info.size, info.mtime = 3, 1_700_000_000
            archive.addfile(info, io.BytesIO(b"abc"))
    expected = {"shop-1.0/a.py": ("file", b"abc"), long: ("file", b"abc")}
    assert expected == contents(buffer.getvalue())


def test_reads_old_archives_without_magic() -> None:
    members = read(
        tars.header("shop-1.0/src/", kind=b"\0", magic=bytes(8)),
        tars.file("shop-1.0/a.py", kind=b"\0", magic=bytes(8)),
    )
    assert [member.kind for member in members] == ["folder", "file"]


def test_takes_names_from_pax_and_gnu_extensions() -> None:
    members = read(
        tars.pax({"path": "shop-1.0/käse.py", "mtime": "1.5", "comment": "x"}),
        tars.file("shop-1.0/short"),
        tars.long_name("shop-1.0/long"),
        tars.long_name("target", kind=b"K"),
        tars.header("x", kind=b"2", link="cut", magic=b"ustar  \0"),
    )
    assert [(member.path, member.target) for member in members] == [
        ("shop-1.0/käse.py", ""),
        ("shop-1.0/long", "target"),
    ]


def test_allows_a_comment_for_all_members() -> None:
    """As `git archive` writes it."""
    assert len(read(tars.pax({"comment": "0" * 40}, kind=b"g"), tars.file("a/b"))) == 1


def test_a_repeated_equal_member_is_one() -> None:
    assert len(read(tars.file("a/b", b"same"), tars.file("a/b", b"same"))) == 1


REFUSED = {
    "leads out": [
        [tars.file("../evil")],
        [tars.file("/etc/passwd")],
        [tars.file("a/../../evil")],
        [tars.file("a/./b")],
        [tars.file("a//b")],
        [tars.file("..")],
        [tars.file("")],
        [tars.pax({"path": "../evil"}), tars.file("a/b")],
        [tars.long_name("../evil"), tars.file("a/b", magic=b"ustar  \0")],
        [tars.file("b", prefix=b"../..")],
        [tars.link("a/b", "../../evil")],
        [tars.link("a/b", "/etc/passwd")],
        [tars.link("a/b", "")],
        [tars.link("a/b", "..\\..\\evil")],
        [tars.link("a/b/c", "x/../../../evil")],
        [tars.link("a/b/c", "d/../e")],
        [tars.pax({"linkpath": "../../evil"}), tars.link("a/b", "ok")],
        [tars.link("top", "../x")],
    ],
    "not portable": [
        [tars.file("a\\b")],
        [tars.file("C:evil")],
        [tars.file("a/\nb")],
        [tars.pax({"path": "a/\0b"}), tars.file("a/b")],
    ],
    "too long or too deep": [
        [tars.pax({"path": "a/" + "n" * 256}), tars.file("a/b")],
        [tars.pax({"path": "a/" * 64 + "b"}), tars.file("a/b")],
    ],
    "not UTF-8": [[tars.file(b"a/\xff")]],
    "hidden bytes": [[tars.file(b"a/b.py\0evil")], [tars.header("a/b", kind=b"2", link=b"c\0d")]],
    "names no earlier file": [
        [tars.hard_link("a/b", "a/c"), tars.file("a/c")],
        [tars.hard_link("a/b", "a/b")],
        [tars.folder("a/d/"), tars.hard_link("a/b", "a/d")],
        [tars.link("a/l", "x"), tars.hard_link("a/b", "a/l")],
    ],
    "is a device": [[tars.header("a/b", kind=b"3")], [tars.header("a/b", kind=b"4")]],
    "is a pipe": [[tars.header("a/b", kind=b"6")]],
    "sparse": [
        [tars.header("a/b", kind=b"S")],
        [tars.pax({"GNU.sparse.major": "1"}), tars.file("a/b")],
        [tars.pax({"SCHILY.realsize": "9"}), tars.file("a/b")],
    ],
    "unknown kind": [[tars.header("a/b", kind=b"Z")]],
    "two different sizes": [
        [tars.pax({"size": "512"}), tars.header("a/b", size=0), tars.ZEROS],
        [tars.pax({"size": "0"}), tars.file("a/b", b"x" * 512)],
        [tars.pax({"size": "-1"}), tars.file("a/b")],
        [tars.pax({"size": "0x1"}), tars.file("a/b")],
        [tars.pax({"size": ""}), tars.file("a/b")],
    ],
    "global header": [
        [tars.pax({"size": "1"}, kind=b"g"), tars.file("a/b")],
        [tars.pax({"path": "a/c"}, kind=b"g"), tars.file("a/b")],
    ],
    "set the same thing": [
        [tars.pax({"path": "a/b"}), tars.pax({"path": "a/c"}), tars.file("a/d")],
        [tars.long_name("a/b"), tars.pax({"path": "a/c"}), tars.file("a/d")],
    ],
    "character set": [[tars.pax({"hdrcharset": "BINARY"}), tars.file("a/b")]],
    "malformed": [
        [tars.raw_pax(b"99 path=a\n"), tars.file("a/b")],
        [tars.raw_pax(b"0 path=a\n"), tars.file("a/b")],
        [tars.raw_pax(b"9 path=ab"), tars.file("a/b")],
        [tars.raw_pax(b"7 patha\n"), tars.file("a/b")],
        [tars.raw_pax(b"-9 path=a\n"), tars.file("a/b")],
    ],
    "twice": [
        [tars.raw_pax(b"10 path=a\n10 path=b\n"), tars.file("a/b")],
        [tars.file("a/b", b"one"), tars.file("a/b", b"two")],
        [tars.file("a/b", b"one"), tars.link("a/b", "c")],
        [tars.file("a/b", b"one"), tars.file("a/b", b"one", mode=b"0000755\0")],
    ],
    "belongs to no member": [[tars.file("a/b"), tars.pax({"path": "a/c"})]],
    "too large": [[tars.header("x", kind=b"x", size=2 << 20), bytes(2 << 20)]],
    "checksum": [[tars.header("a/b", checksum=b"0000000\0")], [b"\x01" * 512]],
    "not a number": [
        [tars.header("a/b", size=b"\x80" + bytes(10) + b"\x01")],
        [tars.header("a/b", size=b"-0000000001\0")],
        [tars.header("a/b", size=b"99999999999\0")],
        [tars.header("a/b", mode=b"rw-r--r-")],
    ],
    "unknown dialect": [[tars.header("a/b", magic=b"ustar\x0001")]],
    "yet has content": [
        [tars.file("a/b", b"data", kind=b"5")],
        [tars.file("a/b", b"data", kind=b"2", link=b"c")],
        [tars.file("a/c"), tars.file("a/b", b"data", kind=b"1", link=b"a/c")],
    ],
    "named like a folder": [[tars.file("a/b/")], [tars.header("a/b/", kind=b"2", link=b"c")]],
    "cut short inside": [[tars.header("a/b", size=1 << 30)]],
    "follows the end mark": [[tars.file("a/b"), 2 * tars.ZEROS, tars.file("a/c")]],
}


@pytest.mark.parametrize(
    ("reason", "members"),
    [(reason, members) for reason, cases in REFUSED.items() for members in cases],
)
def test_refuses(reason: str, members: list[bytes]) -> None:
    with pytest.raises(ValueError, match=reason):
        read(*members)


@pytest.mark.parametrize("keep", [0, 1, 511, 512, 700, 1024, 1024 + 512, 2047])
def test_refuses_every_cut(keep: int) -> None:
    with pytest.raises(ValueError, match="cut short"):
        parse_tar(tars.tar(tars.file("a/b"))[:keep], deadline=time.monotonic() + 10)


def test_stops_in_time() -> None:
    with pytest.raises(ValueError, match="too long"):
        parse_tar(tars.tar(tars.file("a/b")), deadline=time.monotonic() - 1)


@given(st.binary(max_size=600), st.integers(0, 1500), st.integers(0, 255))
def test_never_fails_otherwise(tail: bytes, position: int, value: int) -> None:
    """Whatever one changed byte makes of an archive, it is read or refused."""
    data = bytearray(tars.tar(tars.pax({"path": "a/bc"}), tars.file("a/b", b"content")) + tail)
    data[position] = value
    with contextlib.suppress(ValueError):
        parse_tar(bytes(data), deadline=time.monotonic() + 10)


def test_inflates_one_member() -> None:
    assert inflated(gzip.compress(b"content" * 1000)) == b"content" * 1000


STREAMS = {
    "empty": (b"", "cut short"),
    "another format": (b"PK\x03\x04", "not a sound gzip"),
    "no trailer": (gzip.compress(b"x" * 99)[:-1], "cut short"),
    "half": (gzip.compress(b"x" * 99)[:20], "cut short"),
    "two members": (gzip.compress(b"one") + gzip.compress(b"two"), "follows the end"),
    "padding": (gzip.compress(b"one") + bytes(512), "follows the end"),
    "wrong checksum": (gzip.compress(b"one")[:-8] + bytes(8), "not a sound gzip"),
}


@pytest.mark.parametrize("case", STREAMS)
def test_refuses_other_streams(case: str) -> None:
    archive, reason = STREAMS[case]
    with pytest.raises(ValueError, match=reason):
        inflated(archive)


def test_refuses_a_bomb() -> None:
    with pytest.raises(ValueError, match="200 times"):
        inflated(gzip.compress(bytes(80 << 20)))


def test_inflating_stops_in_time() -> None:
    with pytest.raises(ValueError, match="too long"):
        inflate(io.BytesIO(gzip.compress(b"x")), io.BytesIO(), deadline=time.monotonic() - 1)


@given(st.binary(max_size=4000), st.integers(1, 9))
def test_inflating_gives_what_was_deflated(content: bytes, level: int) -> None:
    packer = zlib.compressobj(level, wbits=31)
    assert content == inflated(packer.compress(content) + packer.flush())
