"""Archives that bend the ZIP format are refused with a reason; unusual good ones are read."""

import io
import zipfile
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envsync.errors import WheelInvalid
from envsync.wheel import zip as zip_reader
from envsync.wheel import zip_directory
from envsync.wheel.members import Member, read_member
from envsync.wheel.zip import read_entries
from tests.wheel.zips import (
    EXECUTABLE,
    FILES,
    Layout,
    Part,
    deflated,
    demo_parts,
    demo_with,
    descriptor,
    end64,
    end_record,
    extra,
    locator,
    pack_parts,
    zip64,
)

GOOD = pack_parts(demo_parts())
TEXT = FILES["demo/__init__.py"]
SIZES = (len(TEXT), len(deflated(TEXT)))


def read_all(data: bytes) -> dict[str, bytes]:
    """Content of every member, as our reader has it."""
    entries, _ = read_entries(data, file="demo.whl")
    found = {}
    for path, method, offset, compressed, size, crc, executable, streamed in entries:
        member = Member(
            path, method, offset, compressed, size, crc, executable, sha256="", streamed=streamed
        )
        found[path] = bytes(read_member(data, member, file="demo.whl")[0])
    return found


def unicode_path(name: bytes) -> bytes:
    return extra(0x7075, b"\1" + zlib.crc32(b"demo/__init__.py").to_bytes(4, "little") + name)


def streamed_part(**changes: object) -> Part:
    """A member whose size and CRC follow its data."""
    part = Part(b"demo/__init__.py", TEXT, 8, flags=8)
    part.local = {"crc": 0, "size": 0, "compressed_size": 0}
    part.after = descriptor(part)
    for key, value in changes.items():
        setattr(part, key, value)
    return part


def two_ends() -> bytes:
    """A second archive, an empty one, behind the first."""
    return GOOD + end_record(0, 0, len(GOOD))


def end_in_comment() -> bytes:
    return pack_parts(demo_parts(), Layout(comment=b"x" * 8 + end_record(0, 0, 0)))


def quoted_overlap() -> bytes:
    """Two directory entries for one member: the same bytes unpack twice."""
    parts = demo_parts()
    parts[1].listed = False
    archive = pack_parts(parts)
    twice = Part(b"demo/__init__.py", TEXT, 8, listed=True, central={"offset": 0})
    start = archive.rindex(b"PK\1\2demo") if b"PK\1\2demo" in archive else archive.index(b"PK\1\2")
    body, central = archive[:start], archive[start:-22]
    entry = pack_parts([twice])
    entry = entry[entry.index(b"PK\1\2") : -22]
    return body + central + entry + end_record(len(parts), len(central) + len(entry), start)


def bomb_of_overlaps() -> bytes:
    """Each member's data contains all the members that follow (after D. Fifield's bomb)."""
    kernel = Part(b"kernel", b"\0" * 5000, 8)
    parts = [
        Part(b"shell%d" % number, b"", 0, central={"compressed_size": 900, "size": 900})
        for number in range(5)
    ]
    return pack_parts([*parts, kernel])


def declared(size: int, compressed: int) -> bytes:
    """A member that claims to be large, with a zip64 field in both places."""
    part = Part(b"demo/big", b"", 8, data=b"\3\0")
    part.local = {
        "size": 0xFFFFFFFF,
        "extra": zip64(size, compressed),
        "compressed_size": compressed,
    }
    part.central = {"size": 0xFFFFFFFF, "extra": zip64(size), "compressed_size": compressed}
    return pack_parts([part])


def many(count: int) -> bytes:
    return end64(count, 46 * count, 0) + locator(0) + end_record(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)


def with_end(end: bytes) -> bytes:
    return pack_parts(demo_parts(), Layout(end=end))


def central_of(data: bytes) -> tuple[int, int]:
    """Where the central directory of `GOOD` starts, and its size."""
    start = data.index(b"PK\1\2")
    return start, len(data) - 22 - start


START, LENGTH = central_of(GOOD)
COUNT = len(demo_parts())

STRUCTURE: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "not a ZIP archive"),
    "not a zip": (lambda: b"<html>not found</html>" * 9, "not a ZIP archive"),
    "cut at the end": (lambda: GOOD[:-1], "not a ZIP archive"),
    "cut in the directory": (lambda: GOOD[: START + 10], "not a ZIP archive"),
    "empty directory": (lambda: with_end(end_record(0, 0, START + LENGTH)), "other bytes|precede"),
    "directory of size 0": (lambda: with_end(end_record(COUNT, 0, START)), "doesn't end where"),
    "second end record": (two_ends, "precede"),
    "end record in the comment": (end_in_comment, "bytes precede|doesn't end|follow"),
    "prefix": (lambda: b"MZ" * 20 + GOOD, "doesn't end where"),
    "prefix that the offsets know": (
        lambda: pack_parts(demo_parts(), Layout(prefix=b"#!/bin/sh\n", shift=10)),
        "overlaps",
    ),
    "tail": (lambda: GOOD + b"\0", "follow the end"),
    "tail after the comment": (
        lambda: pack_parts(demo_parts(), Layout(comment=b"hello", tail=b"!")),
        "follow the end",
    ),
    "gap between members": (lambda: pack_parts(demo_with([Part(b"z", before=b"gap")])), "between"),
    "gap before the first member": (lambda: pack_parts(demo_with(before=b"gap")), "between"),
    "hidden member between": (
        lambda: pack_parts(demo_with([Part(b"evil.so", b"evil", listed=False), Part(b"z")])),
        "between",
    ),
    "hidden member at the end": (
        lambda: pack_parts(demo_with([Part(b"evil.so", b"evil", listed=False)])),
        "between",
    ),
    "gap before the directory": (
        lambda: pack_parts(demo_parts(), Layout(before_central=b"gap")),
        "between",
    ),
    "gap behind the directory": (
        lambda: pack_parts(demo_parts(), Layout(after_central=b"gap")),
        "doesn't end where",
    ),
    "one member named twice": (quoted_overlap, "overlaps"),
    "overlapping bomb": (bomb_of_overlaps, "between them|own header"),
    "other name in the header": (
        lambda: pack_parts(demo_with(local={"name": b"demo/__init__.so"})),
        "another name",
    ),
    "shorter name in the header": (
        lambda: pack_parts(demo_with(local={"name": b"demo/__init__"})),
        "another name",
    ),
    "other CRC in the header": (lambda: pack_parts(demo_with(local={"crc": 7})), "size or CRC"),
    "other size in the header": (lambda: pack_parts(demo_with(local={"size": 7})), "size or CRC"),
    "other packed size in the header": (
        lambda: pack_parts(demo_with(local={"compressed_size": 7})),
        "size or CRC",
    ),
    "other method in the header": (
        lambda: pack_parts(demo_with(local={"method": 0})),
        "described differently",
    ),
    "other flags in the header": (
        lambda: pack_parts(demo_with(local={"flags": 0x800})),
        "described differently",
    ),
    "no header at all": (
        lambda: pack_parts(demo_with(local={"signature": b"XXXX"})),
        "own header",
    ),
    "second name in the directory": (
        lambda: pack_parts(demo_with(central={"extra": unicode_path(b"evil.py")})),
        "second name",
    ),
    "second name in the header": (
        lambda: pack_parts(demo_with(local={"extra": unicode_path(b"evil.py")})),
        "second name",
    ),
    "more members than there are": (
        lambda: pack_parts(demo_parts(), Layout(count=COUNT + 1)),
        "fewer members|too short",
    ),
    "fewer members than there are": (
        lambda: pack_parts(demo_parts(), Layout(count=COUNT - 1)),
        "more members",
    ),
    "split over disks": (
        lambda: with_end(end_record(COUNT, LENGTH, START, disk=1)),
        "split archive",
    ),
    "other count on this disk": (
        lambda: with_end(end_record(COUNT, LENGTH, START, here=1)),
        "split archive",
    ),
    "member on another disk": (lambda: pack_parts(demo_with(central={"disk": 1})), "another part"),
    "member of a future version": (
        lambda: pack_parts(demo_with(central={"needed": 99})),
        "needs a newer",
    ),
    "zip64 end record missing": (
        lambda: with_end(end_record(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)),
        "doesn't end where",
    ),
    "zip64 locator points elsewhere": (
        lambda: with_end(
            end64(COUNT, LENGTH, START) + locator(0) + end_record(COUNT, LENGTH, START)
        ),
        "points elsewhere",
    ),
    "zip64 locator of many disks": (
        lambda: with_end(
            end64(COUNT, LENGTH, START)
            + locator(START + LENGTH, disks=2)
            + end_record(COUNT, LENGTH, START)
        ),
        "points elsewhere",
    ),
    "zip64 end record disagrees": (
        lambda: with_end(
            end64(COUNT, LENGTH, START)
            + locator(START + LENGTH)
            + end_record(COUNT - 1, LENGTH, START)
        ),
        "disagree",
    ),
    "zip64 end record of another length": (
        lambda: with_end(
            end64(COUNT, LENGTH, START, length=45)
            + locator(START + LENGTH)
            + end_record(COUNT, LENGTH, START)
        ),
        "malformed",
    ),
    "zip64 end record split": (
        lambda: with_end(
            end64(COUNT, LENGTH, START, here=1)
            + locator(START + LENGTH)
            + end_record(0xFFFF, LENGTH, START)
        ),
        "split archive",
    ),
    "zip64 field that nothing asks for": (
        lambda: pack_parts(demo_with(central={"extra": zip64(5)})),
        "doesn't fit",
    ),
    "zip64 field missing": (
        lambda: pack_parts(demo_with(central={"size": 0xFFFFFFFF})),
        "doesn't fit",
    ),
    "zip64 field lies in the header": (
        lambda: pack_parts(demo_with(local={"extra": zip64(7, SIZES[1])})),
        "contradicts",
    ),
    "zip64 field short in the header": (
        lambda: pack_parts(demo_with(local={"extra": zip64(SIZES[0])})),
        "contradicts",
    ),
    "descriptor lies": (
        lambda: pack_parts([streamed_part(after=b"PK\7\x08" + b"\1" * 12)]),
        "contradicts",
    ),
    "descriptor missing": (lambda: pack_parts([streamed_part(after=b"")]), "contradicts"),
    "descriptor not announced": (
        lambda: pack_parts(demo_with(after=descriptor(demo_parts()[0]))),
        "between",
    ),
    "size in header beside a descriptor": (
        lambda: pack_parts([streamed_part(local={"crc": 0, "size": 7, "compressed_size": 0})]),
        "size or CRC",
    ),
    "stored with its size behind it": (
        lambda: pack_parts([streamed_part(method=0, after=descriptor(Part(b"", TEXT)))]),
        "stored, and its size follows",
    ),
    "stored with two sizes": (
        lambda: pack_parts([Part(b"demo/a", b"abc", data=b"abcdef")]),
        "two different sizes",
    ),
    "extra fields malformed": (
        lambda: pack_parts(demo_with(central={"extra": b"\1\2\3"})),
        "malformed extra",
    ),
    "extra field longer than all": (
        lambda: pack_parts(demo_with(local={"extra": b"\x55\x54\xff\0\0"})),
        "malformed extra",
    ),
    "extra field twice": (
        lambda: pack_parts(demo_with(central={"extra": extra(0x5455, b"") * 2})),
        "twice",
    ),
    "entry without signature": (
        lambda: pack_parts(demo_with(central={"signature": b"XXXX"})),
        "malformed",
    ),
    "entry's comment too long": (
        lambda: (
            GOOD.replace(b"PK\1\2", b"PK\1\2", 1)[: START + 32] + b"\xff\xff" + GOOD[START + 34 :]
        ),
        "malformed",
    ),
}

TYPES: dict[str, tuple[Part, str]] = {
    "symbolic link": (Part(b"a", b"/etc/passwd", attributes=0o120777 << 16), "symbolic link"),
    "character device": (Part(b"a", attributes=0o020644 << 16), "not a regular file"),
    "block device": (Part(b"a", attributes=0o060644 << 16), "not a regular file"),
    "pipe": (Part(b"a", attributes=0o010644 << 16), "not a regular file"),
    "socket": (Part(b"a", attributes=0o140644 << 16), "not a regular file"),
    "folder without slash": (Part(b"a", attributes=0o040755 << 16), "not a regular file"),
    "DOS folder without slash": (Part(b"a", attributes=0x10), "not a regular file"),
    "DOS volume label": (Part(b"a", attributes=0x08), "not a regular file"),
    "folder that is a link": (Part(b"a/", attributes=0o120777 << 16), "symbolic link"),
    "folder with content": (Part(b"a/", b"content"), "folder with content"),
    "folder of type folder with content": (
        Part(b"a/", b"content", attributes=0o040755 << 16),
        "folder with content",
    ),
    "bzip2": (Part(b"a", method=12), "method 12"),
    "lzma": (Part(b"a", method=14), "method 14"),
    "deflate64": (Part(b"a", method=9), "method 9"),
    "zstandard": (Part(b"a", method=93), "method 93"),
    "AES": (Part(b"a", method=99), "method 99"),
    "AES field": (Part(b"a", central={"extra": extra(0x9901, b"1234567")}), "encryption"),
    "encrypted": (Part(b"a", flags=0x1), "encrypted"),
    "strongly encrypted": (Part(b"a", flags=0x40), "encrypted"),
    "masked headers": (Part(b"a", flags=0x2000), "encrypted"),
    "patched data": (Part(b"a", flags=0x20), "unknown flags"),
    "unknown flag": (Part(b"a", flags=0x4000), "unknown flags"),
    "encrypted folder": (Part(b"a/", flags=0x1, attributes=0o040755 << 16), "encrypted"),
    "name in no encoding": (Part(b"caf\xe9.py"), "not marked as UTF-8"),
    "name in bad UTF-8": (Part(b"caf\xe9.py", flags=0x800), "not marked as UTF-8"),
    "UTF-8 not marked": (Part("café.py".encode()), "not marked as UTF-8"),
    "no name": (Part(b""), "not marked as UTF-8"),
}

BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "five million members": (lambda: many(5_000_000), "5000000 members"),
    "beyond 20 GiB": (lambda: declared(21 << 30, 30 << 20), "bytes; .* are allowed"),
    "shrinks too well": (lambda: declared(1 << 30, 2), "claims to shrink"),
}


@pytest.mark.parametrize("name", STRUCTURE)
def test_refuses_an_ambiguous_structure(name: str) -> None:
    build, reason = STRUCTURE[name]
    with pytest.raises(WheelInvalid, match=reason):
        read_all(build())


LINKS = {
    "absolute": b"/etc/passwd",
    "above": b"../../x",
    "above again": b"b/../../../x",
    "a drive": b"C:x",
    "backslashes": b"..\\x",
    "no text": b"\xff\xfe",
    "too long": b"b/" * 1000,
}


@pytest.mark.parametrize("method", [0, 8])
@pytest.mark.parametrize("name", LINKS)
def test_refuses_links_that_lead_outside(name: str, method: int) -> None:
    part = Part(b"demo/a", LINKS[name], method, attributes=0o120777 << 16)
    with pytest.raises(WheelInvalid, match=r"'demo/a' is a symbolic link that leads outside"):
        read_all(pack_parts([part]))


@pytest.mark.parametrize("target", [b"", b"b", b"../b", b"./c/../b"])
def test_a_link_inside_is_the_file_that_record_lists(target: bytes) -> None:
    """As with pip; nodejs-bin has empty ones. Format 1 of wheels has no links (PEP 778)."""
    part = Part(b"demo/a", target, 8, attributes=0o120777 << 16)
    assert read_all(pack_parts([part])) == {"demo/a": target}
    assert not read_entries(pack_parts([part]), file="demo.whl")[0][0].executable


@pytest.mark.parametrize("name", TYPES)
def test_refuses_a_member_that_wheels_have_no_use_for(name: str) -> None:
    part, reason = TYPES[name]
    with pytest.raises(WheelInvalid, match=reason):
        read_all(pack_parts([part]))


@pytest.mark.parametrize("name", BOMBS)
def test_refuses_a_bomb_before_unpacking(name: str) -> None:
    build, reason = BOMBS[name]
    with pytest.raises(WheelInvalid, match=reason):
        read_all(build())


def test_an_overlong_comment_is_found_but_a_longer_tail_is_not() -> None:
    full = pack_parts(demo_parts(), Layout(comment=b"c" * 0xFFFF))
    assert read_all(full) == read_all(GOOD)
    with pytest.raises(WheelInvalid):
        read_all(full + b"c")


DAMAGED: dict[str, Part] = {
    "CRC wrong in both places": Part(b"a", b"abc", local={"crc": 1}, central={"crc": 1}),
    "size too small in both": Part(b"a", TEXT, 8, local={"size": 3}, central={"size": 3}),
    "size too large in both": Part(b"a", TEXT, 8, local={"size": 999}, central={"size": 999}),
    "stream cut": Part(b"a", TEXT, 8, data=deflated(TEXT)[:-3]),
    "stream is noise": Part(b"a", TEXT, 8, data=b"\xff" * 30),
    "bytes behind a streamed member": streamed_part(
        data=deflated(TEXT) + b"hidden",
        after=descriptor(Part(b"", TEXT, 8, data=deflated(TEXT) + b"hidden")),
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_refuses_content_that_is_not_what_the_headers_say(name: str) -> None:
    with pytest.raises(WheelInvalid, match=r"damaged|another size or CRC"):
        read_all(pack_parts([DAMAGED[name]]))


ACCEPTED: dict[str, Callable[[], bytes]] = {
    "deflated": lambda: GOOD,
    "stored": lambda: pack_parts(demo_parts(method=0)),
    "comment": lambda: pack_parts(demo_parts(), Layout(comment=b"made by hand")),
    "zip64 end": lambda: pack_parts(demo_parts(), Layout(wide=True)),
    "zip64 end beside a full end record": lambda: with_end(
        end64(COUNT, LENGTH, START) + locator(START + LENGTH) + end_record(COUNT, LENGTH, START)
    ),
    "zip64 field that repeats the sizes": lambda: pack_parts(
        demo_with(local={"extra": zip64(*SIZES)})
    ),
    "zip64 fields in both places": lambda: pack_parts(
        demo_with(
            local={"extra": zip64(*SIZES), "size": 0xFFFFFFFF, "compressed_size": 0xFFFFFFFF},
            central={"extra": zip64(*SIZES), "size": 0xFFFFFFFF, "compressed_size": 0xFFFFFFFF},
        )
    ),
    "time stamps and owners": lambda: pack_parts(
        demo_with(local={"extra": extra(0x5455, b"\3" + b"\0" * 8) + extra(0x7875, b"\1" * 11)})
    ),
    "folder entries": lambda: pack_parts(
        [Part(b"demo/", attributes=0o040755 << 16 | 0x10), *demo_parts()]
    ),
    "deflated folder entry": lambda: pack_parts(
        [Part(b"demo/", b"", 8, attributes=0x10), *demo_parts()]
    ),
    "member comments": lambda: pack_parts(demo_with(central={"comment": b"hello"})),
    "compression hints": lambda: pack_parts(demo_with(flags=0x6)),
    "descriptor": lambda: pack_parts([streamed_part(), *demo_parts()[1:]]),
    "descriptor without signature": lambda: pack_parts(
        [
            streamed_part(after=descriptor(streamed_part(), signature=b"")),
            *demo_parts()[1:],
        ]
    ),
    "wide descriptor": lambda: pack_parts(
        [
            streamed_part(
                after=descriptor(streamed_part(), wide=True),
                local={
                    "crc": 0,
                    "size": 0xFFFFFFFF,
                    "compressed_size": 0xFFFFFFFF,
                    "extra": zip64(0, 0),
                },
            ),
            *demo_parts()[1:],
        ]
    ),
    "no modes": lambda: pack_parts(demo_with(attributes=0)),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_reads_an_unusual_good_archive_as_zipfile_does(name: str) -> None:
    data = ACCEPTED[name]()
    with zipfile.ZipFile(io.BytesIO(data)) as other:
        expected = {
            info.filename: other.read(info) for info in other.infolist() if not info.is_dir()
        }
    assert read_all(data) == expected
    assert expected["demo/__init__.py"] == TEXT


def test_reads_what_zipfile_streams_to_a_pipe() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", b"text" * 100)
    assert read_all(pipe.getvalue()) == {"a.txt": b"text" * 100}


def test_order_of_the_directory_is_free() -> None:
    """Offsets, not the order of entries, say where members are."""
    parts = demo_parts()
    good = pack_parts(parts)
    entries = [b"PK\1\2" + rest for rest in good[START:-22].split(b"PK\1\2")[1:]]
    turned = good[:START] + b"".join(reversed(entries)) + good[-22:]
    assert read_all(turned) == read_all(good)


def test_an_archive_without_members_is_read() -> None:
    assert read_all(end_record(0, 0, 0)) == {}


def test_modes_are_reduced_to_executable_or_not() -> None:
    modes = {
        0o100644: False,
        0o100755: True,
        0o100700: True,
        0o104755: True,
        0o102644: False,
        0o755: False,
        0: False,
        0o100001: True,
    }
    parts = [Part(b"m%o" % mode, attributes=mode << 16) for mode in modes]
    entries, _ = read_entries(pack_parts(parts), file="demo.whl")
    assert {int(entry.path[1:], 8): entry.executable for entry in entries} == modes


def test_names_marked_as_utf8_are_decoded() -> None:
    parts = [Part("naïve/æ.py".encode(), b"x", flags=0x800, attributes=EXECUTABLE)]
    assert read_all(pack_parts(parts)) == {"naïve/æ.py": b"x"}


def test_limits_are_the_promised_ones() -> None:
    limits = (zip_directory.MAX_MEMBERS, zip_reader.MAX_SIZE, zip_reader.MAX_RATIO)
    assert limits == (200_000, 20 << 30, 1100)


def test_small_text_may_shrink_beyond_the_ratio() -> None:
    """A member of 1 MiB of one letter is no bomb, whatever its ratio."""
    content = b"a" * (1 << 20)
    assert read_all(pack_parts([Part(b"a", content, 8)])) == {"a": content}


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_archive_is_refused_or_read_as_zipfile_reads_it(data: st.DataObject) -> None:
    """Only `WheelInvalid` ever comes out, and what is accepted has one reading."""
    base = ACCEPTED[data.draw(st.sampled_from(sorted(ACCEPTED)))]()
    mutant = bytearray(base)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(mutant) - 1))
        mutant[at] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(mutant)))
        mutant[at : data.draw(st.integers(at, len(mutant)))] = data.draw(st.binary(max_size=8))
    try:
        found = read_all(bytes(mutant))
    except WheelInvalid:
        return
    with zipfile.ZipFile(io.BytesIO(bytes(mutant))) as other:
        expected = {
            info.filename: other.read(info) for info in other.infolist() if not info.is_dir()
        }
    assert found == expected
