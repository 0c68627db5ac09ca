"""The seal of what envsync writes into an environment and believes later: only the user has it.

A sealed text ends in a line of two values: the sha256 of all before it, which shows damage, and an
HMAC (RFC 2104, with SHA-256) of that under the user's secret key, which shows who wrote it. A
checksum alone proves nothing: whoever ships an environment with a repository can write one.

    seal 77aa… 03be…
"""

import hashlib
import hmac
from typing import NamedTuple

KEY_BYTES = 32

LINE_BYTES = len("seal ") + 64 + len(" ") + 64 + len("\n")
"""Of the line that a seal is."""
_TEXT, _NAME = b"envsync text 1\n", b"envsync name 1\n"
"""What a code is for: that of a name is never that of a text."""
_NAME_DIGITS = 16


class NotBelieved(ValueError):
    """A text that is damaged, or that this user did not seal; its words go behind "it"."""


class Seal(NamedTuple):
    """Seals texts and names, and knows its own."""

    key: bytes
    """`KEY_BYTES` random bytes; empty for one who has sealed nothing yet: nothing is believed."""

    def close(self, body: bytes) -> bytes:
        """Give a text, which ends in a line feed, with its seal."""
        digest = hashlib.sha256(body).digest()
        return b"%b%b%b\n" % (body, _line_begin(digest), self._code(_TEXT + digest).encode())

    def open(self, data: bytes, *, trusted: bool = False) -> bytes:
        """Give a text without its seal; one that is `trusted` need only be undamaged.

        Raises `NotBelieved`.
        """
        body, line = data[:-LINE_BYTES], data[-LINE_BYTES:]
        digest = hashlib.sha256(body).digest()
        begin = _line_begin(digest)
        if not (line.startswith(begin) and line.endswith(b"\n")):
            raise NotBelieved("is damaged, or another version of envsync wrote it")
        if not trusted and not self._is_own(_TEXT + digest, line[len(begin) : -1]):
            raise NotBelieved("was not written by this user's envsync")
        return body

    def sign(self, name: str) -> str:
        """Give the code, 16 hexadecimal digits, that shows a name to be of this user's making."""
        return self._code(_NAME + name.encode("utf-8", "surrogateescape"))[:_NAME_DIGITS]

    def has_signed(self, name: str, code: str) -> bool:
        """Say whether `sign` gives this code for the name."""
        return bool(self.key) and code.isascii() and hmac.compare_digest(self.sign(name), code)

    def _code(self, text: bytes) -> str:
        if len(self.key) != KEY_BYTES:
            raise ValueError("nothing can be sealed without a key")
        return hmac.digest(self.key, text, "sha256").hex()

    def _is_own(self, text: bytes, code: bytes) -> bool:
        return bool(self.key) and hmac.compare_digest(self._code(text).encode(), code)


NOBODY = Seal(b"")
"""Of one who has sealed nothing yet."""


def end_of(data: bytes) -> int:
    """Give where a sealed text ends, with its seal, behind which there may be something else."""
    return data.find(b"\nseal ") + 1 + LINE_BYTES


def _line_begin(digest: bytes) -> bytes:
    return b"seal %b " % digest.hex().encode()
