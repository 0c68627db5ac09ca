"""The form of a text file that an edit leaves as it is: its byte order mark and its line ends."""

import re

_MARK = "\ufeff"
_BARE_NEWLINE = re.compile(r"(?<!\r)\n")


def without_mark(text: str) -> str:
    """Give a text without a byte order mark."""
    return text.removeprefix(_MARK)


def with_line_ends(written: str, before: str) -> str:
    """Give a changed text the line ends of what it was made from, where those are all alike."""
    if "\r\n" in before and not _BARE_NEWLINE.search(before):
        return _BARE_NEWLINE.sub("\r\n", written)
    return written


def with_mark(written: str, before: str) -> str:
    """Give a changed text the byte order mark that its file had."""
    return before[: len(before) - len(without_mark(before))] + written
