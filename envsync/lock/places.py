"""Where a lock may lead: its URLs, its paths, and text that is shown, each judged (H24)."""

import re
from urllib.parse import SplitResult, urlsplit

from envsync.lock.reading import ReadingPolicy, is_reached
from envsync.redaction import redact
from envsync.spec.locations import Reach, leads_outside, nowhere, shortest

MAX_TEXT_LENGTH = 8 * 1024

_PLAIN = re.compile(
    r"(https?)://([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::[1-5]?[0-9]{1,4})?/[!-\[\]-~]*"
)
_LOOPBACK = re.compile(r"localhost|::1|127(?:\.[0-9]{1,3}){3}")
_DRIVE = re.compile(r"[A-Za-z]:")
_LEAVE = ", and neither [sources] nor config.toml allows that"


class Refused(Exception):
    """A value that is not accepted; gathers its key path while it climbs, as packaging's does."""

    def __init__(self, reason: str, *keys: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.keys = keys

    def within(self, key: str) -> "Refused":
        """Give it as seen from one level above."""
        return Refused(self.reason, key, *self.keys)

    @property
    def where(self) -> str:
        """Give the key path."""
        return ".".join(self.keys)


def is_plain(url: str, policy: ReadingPolicy) -> bool:
    """Whether a URL is so plain that there is nothing to judge."""
    match = _PLAIN.fullmatch(url)
    if match is None or len(url) > MAX_TEXT_LENGTH:
        return False
    return match[1] == "https" or _is_trusted(match[2], policy)


def _is_trusted(host: str, policy: ReadingPolicy) -> bool:
    """Whether files may come from a host over plain http."""
    return host in policy.insecure_hosts or _LOOPBACK.fullmatch(host) is not None


def judge_url(url: str, policy: ReadingPolicy, *, ssh: bool = False) -> None:
    """Https anywhere, http where the user allows the host, ssh for version control only (H24)."""
    judge_text(url, "url")
    if "\\" in url or " " in url:
        raise Refused(f"{shown(url)} is not a URL", "url")
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as error:
        raise Refused(f"{shown(url)} is not a URL: {error}", "url") from error
    if parts.scheme == "file" and not ssh:
        if is_reached(url, policy):
            return
        _judge_file_url(parts, policy)
        return
    if parts.scheme not in ("https", "http", *(("ssh",) if ssh else ())):
        raise Refused(f"scheme {shown(parts.scheme)!r} is not allowed", "url")
    if not host or host.startswith("-") or (parts.username or "").startswith("-"):
        raise Refused(f"{shown(url)} has no host", "url")
    if parts.scheme == "http" and not _is_trusted(host, policy):
        raise Refused(f"plain http is not allowed for {shown(host)}", "url")


def _judge_file_url(parts: SplitResult, policy: ReadingPolicy) -> None:
    if not policy.file_urls:
        raise Refused("a file: URL is bound to one machine and not allowed", "url")
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise Refused("a file: URL must not name another host", "url")


def judge_path(path: str, key: str, reach: Reach = nowhere) -> None:
    """Relative to the lock's folder and inside it, with forward slashes (H24).

    Or out of it, to where `reach` lets it lead.
    """
    judge_text(path, key)
    if "\\" in path:
        raise Refused(f"{shown(path)} has backslashes; a portable path has slashes", key)
    absolute = path.startswith("/")
    parts = path.removeprefix("/").split("/")
    place = shortest([part for part in parts if part not in ("", ".")], absolute=absolute)
    if not (leads_outside(place) and reach(place)):
        leave = _LEAVE if key == "path" else ""
        if absolute or _DRIVE.match(path) is not None:
            raise Refused(f"{shown(path)} is an absolute path{leave}", key)
        if ".." in parts:
            raise Refused(f"{shown(path)} leads out of its folder{leave}", key)
    if not path or "" in parts[:-1] or any(part.startswith(("-", "~")) for part in parts):
        raise Refused(f"{shown(path)} is not a relative path", key)


def judge_text(text: str, key: str) -> None:
    """Printable, short, and no option of a command."""
    if len(text) > MAX_TEXT_LENGTH:
        raise Refused("is too long", key)
    if not text.isprintable() or text.startswith("-"):
        raise Refused(f"{shown(text)} is not acceptable here", key)


def shown(text: str) -> str:
    """Foreign text for a message: printable, short, no passwords (H92, H93)."""
    safe = redact(text)
    short = safe if len(safe) <= 120 else f"{safe[:117]}..."
    return short if short.isprintable() else ascii(short)[1:-1]
