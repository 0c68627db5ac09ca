"""Build tar archives block by block, honest or not."""

from tests.support.wheels import stored_gzip

ZEROS = bytes(512)


def header(
    name: str | bytes,
    *,
    kind: bytes = b"0",
    size: int | bytes = 0,
    mode: bytes = b"0000644\0",
    link: str | bytes = b"",
    magic: bytes = b"ustar\x0000",
    prefix: bytes = b"",
    mtime: bytes = b"11111111111\0",
    checksum: bytes | None = None,
) -> bytes:
    """One header block; `size` and `checksum` may be raw bytes."""
    raw_name = name.encode() if isinstance(name, str) else name
    raw_link = link.encode() if isinstance(link, str) else link
    raw_size = size if isinstance(size, bytes) else b"%011o\0" % size
    block = b"".join(
        (
            raw_name.ljust(100, b"\0"),
            mode + b"0000000\0" * 2,
            raw_size.ljust(12, b"\0"),
            mtime.ljust(12, b"\0"),
            b" " * 8,
            kind,
            raw_link.ljust(100, b"\0"),
            magic,
            bytes(32 + 32 + 16),
            prefix.ljust(155, b"\0"),
            bytes(12),
        )
    )
    stated = checksum if checksum is not None else b"%06o\0 " % sum(block)
    return block[:148] + stated + block[156:]


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 512)


def file(name: str | bytes, content: bytes = b"x", **fields: bytes) -> bytes:
    """A member with content: header and blocks."""
    return header(name, size=len(content), **fields) + padded(content)


def folder(name: str) -> bytes:
    return header(name, kind=b"5", mode=b"0000755\0")


def link(name: str, target: str) -> bytes:
    return header(name, kind=b"2", link=target)


def hard_link(name: str, target: str) -> bytes:
    return header(name, kind=b"1", link=target)


def pax(records: dict[str, str], kind: bytes = b"x") -> bytes:
    """An extended header."""
    payload = b"".join(pax_record(key, value) for key, value in records.items())
    return raw_pax(payload, kind)


def raw_pax(payload: bytes, kind: bytes = b"x") -> bytes:
    return file("PaxHeader", payload, kind=kind)


def pax_record(key: str, value: str) -> bytes:
    body = f" {key}={value}\n".encode()
    length = len(body)
    while length != len(body) + len(str(length)):
        length = len(body) + len(str(length))
    return str(length).encode() + body


def long_name(name: str, kind: bytes = b"L") -> bytes:
    """A GNU long name (L) or long link (K)."""
    return file("././@LongLink", name.encode() + b"\0", kind=kind, magic=b"ustar  \0")


def tar(*members: bytes) -> bytes:
    return b"".join(members) + 2 * ZEROS


def tar_gz(*members: bytes) -> bytes:
    return stored_gzip(tar(*members))
