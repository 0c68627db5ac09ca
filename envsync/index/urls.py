"""Judge the addresses that come from users, pages and redirects, and show them without secrets."""

import re
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from envsync import redaction

MAX_URL = 8192
"""Characters in an address; longer ones are refused."""

# Host names, IPv4 and bracketed IPv6: what every URL parser reads in the same way.
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9._-]{0,253})|\[[0-9a-f:.]{2,45}\]")
_UNFIT = re.compile(r"[\\\x00-\x1f\x7f]")
_LEGAL = "%/:=&?~+!$,;'@()*[]"
_DOTS = {"%2e": ".", "%2e%2e": "..", ".%2e": "..", "%2e.": ".."}
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """Scheme, host and port: what credentials are bound to (RFC 6454)."""

    scheme: str
    host: str
    port: int


class Scope(NamedTuple):
    """An address and all that lies below it, by whole segments of the path."""

    origin: Origin
    segments: tuple[str, ...]
    """Of the path, percent-decoded; none for a whole origin."""

    @property
    def parent(self) -> "Scope":
        """The scope one segment further up."""
        return Scope(self.origin, self.segments[:-1])

    def holds(self, address: "Address") -> bool:
        """Tell whether an address is this one or below it, however a server reads its path."""
        if address.origin != self.origin:
            return False
        segments = _segments(address)
        is_below = segments[: len(self.segments)] == self.segments
        return is_below and not any(map(_leads_up, segments))


class Address(NamedTuple):
    """An http(s) address that may be asked."""

    url: str
    """Without user, password and fragment."""
    origin: Origin
    user: str | None = None
    password: str | None = None


def parse_address(text: str) -> Address:
    """Split and judge an http(s) URL; `ValueError` says in words why it can't be used."""
    if len(text) > MAX_URL:
        raise ValueError(f"longer than {MAX_URL} characters")
    if _UNFIT.search(text):
        raise ValueError("it holds a backslash or control characters")
    parts = urlsplit(text.strip())
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError(f"only http and https are used, not {parts.scheme or 'this'}")
    user, password, host, port = _split_authority(parts.netloc)
    origin = Origin(parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme])
    authority = host if port is None else f"{host}:{port}"
    path = quote(_without_dots(parts.path or "/"), safe=_LEGAL)
    query = quote(parts.query, safe=_LEGAL)
    return Address(urlunsplit((parts.scheme, authority, path, query, "")), origin, user, password)


def scope_of(address: Address) -> Scope:
    """Give an address as a scope."""
    segments = _segments(address)
    while segments and not segments[-1]:
        segments = segments[:-1]
    return Scope(address.origin, segments)


def _segments(address: Address) -> tuple[str, ...]:
    return tuple(unquote(part) for part in urlsplit(address.url).path.split("/")[1:])


def _leads_up(segment: str) -> bool:
    """Tell whether some server would take a segment for `..`: `..%2f`, `%252e%252e`, `..;x`."""
    while "%" in segment and (plain := unquote(segment)) != segment:
        segment = plain
    return ".." in segment and any(
        part.partition(";")[0].strip() == ".." for part in re.split(r"[/\\]", segment)
    )


def _without_dots(path: str) -> str:
    """Work out `.` and `..` (RFC 3986 section 5.2.4), as whoever sends the request would do."""
    if "/." not in path and "/%2" not in path:
        return path
    kept: list[str] = []
    parts = [_DOTS.get(part.lower(), part) for part in path.split("/")[1:]]
    for part in parts:
        if part == "..":
            del kept[-1:]
        elif part != ".":
            kept.append(part)
    if parts[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def _split_authority(authority: str) -> tuple[str | None, str | None, str, int | None]:
    userinfo, at, place = authority.rpartition("@")
    user, colon, password = userinfo.partition(":")
    match = re.fullmatch(r"(.*?)(?::(\d{0,5}))?", place)
    host = _ascii_host(match[1]) if match is not None else ""
    if match is None or _HOST.fullmatch(host) is None:
        raise ValueError("its host is missing or malformed")
    port = int(match[2]) if match[2] else None
    if port is not None and not 0 < port < 65536:
        raise ValueError("its port is out of range")
    return (user if at else None), (password if colon else None), host, port


def _ascii_host(host: str) -> str:
    if host.isascii():
        return host.lower()
    try:
        return host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return ""


def is_loopback(host: str) -> bool:
    """Tell whether a host is this very machine, to which plain http is always allowed."""
    numbers = host.split(".")
    is_ipv4 = len(numbers) == 4 and all(number.isdigit() for number in numbers)
    return (
        host in ("localhost", "[::1]")
        or host.endswith(".localhost")
        or (is_ipv4 and numbers[0] == "127")
    )


def display_url(url: str) -> str:
    """Give a URL for messages: no user, no password, no query, no fragment, printable."""
    return printable(redaction.redact_url(url))


def redact(text: str) -> str:
    """Take users, passwords and queries out of all URLs in a text, and make it printable."""
    return printable(redaction.redact(text))


def printable(text: str) -> str:
    r"""Show control, format and other unprintable characters of foreign text as `\xNN`."""
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape", "backslashreplace").decode()
        for character in text
    )
