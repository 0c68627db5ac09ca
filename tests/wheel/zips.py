"""Write ZIP archives field by field, so that any one of them can lie."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from struct import pack

from tests.support.wheels import wheel_files

Fields = dict[str, int | bytes]

REGULAR = 0o100644 << 16
EXECUTABLE = 0o100755 << 16


@dataclass
class Part:
    """One member. `local` and `central` replace fields of its header and of its directory entry:
    name, flags, method, crc, compressed_size, size, extra; of the entry offset, disk, comment,
    attributes, needed, signature too.
    """

    name: bytes
    content: bytes = b""
    method: int = 0
    flags: int = 0
    attributes: int = REGULAR
    local: Fields = field(default_factory=dict)
    central: Fields = field(default_factory=dict)
    data: bytes | None = None
    """What lies there in place of the content, compressed."""
    before: bytes = b""
    """Bytes between the member before and this one."""
    after: bytes = b""
    """Bytes behind the data: a descriptor."""
    listed: bool = True
    """The central directory names it."""

    def packed(self) -> bytes:
        if self.data is not None:
            return self.data
        return deflated(self.content) if self.method == 8 else self.content

    def fields(self) -> Fields:
        return {
            "name": self.name,
            "flags": self.flags,
            "method": self.method,
            "crc": zlib.crc32(self.content),
            "compressed_size": len(self.packed()),
            "size": len(self.content),
            "extra": b"",
            "needed": 20,
        }


def deflated(content: bytes) -> bytes:
    """Compress as a ZIP member."""
    compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
    return compressor.compress(content) + compressor.flush()


def extra(kind: int, content: bytes) -> bytes:
    """One extra field."""
    return pack("<HH", kind, len(content)) + content


def zip64(*values: int) -> bytes:
    """The zip64 extra field with these values."""
    return extra(1, b"".join(pack("<Q", value) for value in values))


def descriptor(part: Part, *, signature: bytes = b"PK\7\x08", wide: bool = False) -> bytes:
    """The data descriptor that is true for a part."""
    values = (zlib.crc32(part.content), len(part.packed()), len(part.content))
    return signature + pack("<IQQ" if wide else "<3I", *values)


def _local_header(part: Part) -> bytes:
    known = part.fields() | part.local
    name, more = known["name"], known["extra"]
    assert isinstance(name, bytes)
    assert isinstance(more, bytes)
    numbers = [known[key] for key in ("needed", "flags", "method")]
    sizes = [known[key] for key in ("crc", "compressed_size", "size")]
    signature = known.get("signature", b"PK\3\4")
    return (
        pack("<4s5H3I2H", signature, *numbers, 0, 0x21, *sizes, len(name), len(more)) + name + more
    )


def _central_entry(part: Part, offset: int) -> bytes:
    known = {
        "offset": offset,
        "disk": 0,
        "comment": b"",
        "attributes": part.attributes,
        "signature": b"PK\1\2",
        **part.fields(),
        **part.central,
    }
    name, more, comment = known["name"], known["extra"], known["comment"]
    assert isinstance(name, bytes)
    assert isinstance(more, bytes)
    assert isinstance(comment, bytes)
    numbers = [known[key] for key in ("needed", "flags", "method")]
    sizes = [known[key] for key in ("crc", "compressed_size", "size")]
    lengths = (len(name), len(more), len(comment))
    rest = (known["disk"], 0, known["attributes"], known["offset"])
    head = pack(
        "<4s6H3I5H2I", known["signature"], 0x0314, *numbers, 0, 0x21, *sizes, *lengths, *rest
    )
    return head + name + more + comment


def end_record(
    count: int,
    size: int,
    start: int,
    *,
    comment: bytes = b"",
    disk: int = 0,
    here: int | None = None,
) -> bytes:
    """An end of central directory record."""
    here = count if here is None else here
    return pack("<4s4H2IH", b"PK\5\6", disk, disk, here, count, size, start, len(comment)) + comment


def end64(count: int, size: int, start: int, *, length: int = 44, here: int | None = None) -> bytes:
    """A zip64 end of central directory record."""
    here = count if here is None else here
    return pack("<4sQ2H2I4Q", b"PK\6\6", length, 45, 45, 0, 0, here, count, size, start)


def locator(where: int, *, disks: int = 1) -> bytes:
    """A zip64 end of central directory locator."""
    return pack("<4sIQI", b"PK\6\7", 0, where, disks)


@dataclass
class Layout:
    """What to put around the members."""

    prefix: bytes = b""
    shift: int = 0
    """Added to every offset: the length of the prefix, for an archive that knows of it."""
    before_central: bytes = b""
    after_central: bytes = b""
    comment: bytes = b""
    tail: bytes = b""
    count: int | None = None
    end: bytes | None = None
    """In place of the end record."""
    wide: bool = False
    """Write zip64 end records, and "see there" in the end record."""


def pack_parts(parts: Sequence[Part], layout: Layout | None = None) -> bytes:
    """Write an archive."""
    layout = layout or Layout()
    body = bytearray()
    central = bytearray()
    count = 0
    for part in parts:
        body += part.before
        offset = len(body)
        body += _local_header(part) + part.packed() + part.after
        if part.listed:
            central += _central_entry(part, offset + layout.shift)
            count += 1
    body += layout.before_central
    count = count if layout.count is None else layout.count
    start = len(body) + layout.shift
    whole = layout.prefix + bytes(body + central) + layout.after_central
    if layout.end is not None:
        return whole + layout.end + layout.tail
    if layout.wide:
        wide = end64(count, len(central), start) + locator(len(whole))
        plain = end_record(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, comment=layout.comment)
        return whole + wide + plain + layout.tail
    plain = end_record(count, len(central), start, comment=layout.comment)
    return whole + plain + layout.tail


FILENAME = "demo-1.0-py3-none-any.whl"
FILES: Mapping[str, bytes] = {"demo/__init__.py": b"x = 1\n" * 40, "demo/data.txt": b"data\n"}


def demo_parts(files: Mapping[str, bytes] | None = None, *, method: int = 8) -> list[Part]:
    """The members of a valid wheel of demo 1.0."""
    members = wheel_files("demo", "1.0", FILES if files is None else files)
    return [Part(path.encode(), content, method) for path, content in members.items()]


def demo_with(extra_parts: Iterable[Part] = (), **changes: object) -> list[Part]:
    """The members of the wheel with the first one changed, and more behind."""
    first, *rest = demo_parts()
    for key, value in changes.items():
        setattr(first, key, value)
    return [first, *rest, *extra_parts]
