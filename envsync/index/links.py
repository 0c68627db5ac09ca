"""Judge the links of a project page: address, file name, hashes."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote, urljoin, urlsplit

from envsync.index.urls import MAX_URL, parse_address

MAX_LINKS = 200_000
"""Links on one page."""
MAX_TAG = 64 * 1024
"""Characters of a tag: one that is longer is no link."""
MAX_FILENAME = 255
"""Bytes in a file name."""
MAX_FIELD = 4096
"""Characters of requires-python and of a reason for yanking; the rest is cut off."""
MAX_TIME = 64
"""Characters of an upload time; the rest is cut off."""
MAX_SIZE = 10**15
"""Bytes from which a listed size is nonsense."""


class Links:
    """Resolves and judges the links of one page."""

    def __init__(self, url: str) -> None:
        self._page_url = url
        self._site = "\0"
        """The last scheme and host that was found good: `https://host/`."""
        self.set_base(url)

    def is_plain(self, url: str) -> bool:
        """Tell quickly that a URL is absolute and has nothing to be encoded, decoded or refused.

        False only means that `resolve` has to look at it.
        """
        return (
            (url.startswith(self._site) or self.is_site(url[: url.find("/", 8) + 1]))
            and _is_bare(url)
            and len(url) <= MAX_URL
        )

    def quick(self, link: str) -> str | None:
        """Give the absolute URL of a link that is plain or relative in a usual way, at once.

        None only means that `resolve` has to look at it.
        """
        url = link if link.startswith(("https://", "http://")) else self._joined(link)
        return url if url is not None and self.is_plain(url) else None

    def all_quick(self, links: Sequence[str]) -> Sequence[str] | None:
        """Give what `quick` gives of each, at once; None where it would give None of any.

        What is asked of one text is asked of all of them in a row. That may find fault where there
        is none, between two of them.
        """
        first, last = min(links, default=""), max(links, default="")
        if not first.startswith(("https://", "http://")):
            match = _RELATIVE(first)
            if match is None:
                return None
            head = match[1]
            # With it they have the next letter in common, with which no folder's name begins.
            if not last.startswith(first[: len(head) + 1]):
                return None
            rests = [link[len(head) :] for link in links]
            row = "".join(rests)
            if _USUAL(row) is None or "/." in row or "//" in row or max(map(len, rests)) > _LONGEST:
                return None
            above = self._above(len(head) // 3)
            links = [above + rest for rest in rests]
            first, last = above + first[len(head) :], above + last[len(head) :]
        site = first[: first.find("/", 8) + 1]
        is_plain = (
            last.startswith(site)
            and self.is_site(site)
            and _is_bare("".join(links))
            and max(map(len, links)) <= MAX_URL
        )
        return links if is_plain else None

    def _joined(self, link: str) -> str | None:
        """Join a link that is relative in a usual way; None for any other."""
        match = _RELATIVE(link)
        if match is None or "/." in match[2] or "//" in match[2] or match[2][-1] == ";":
            return None
        return self._above(len(match[1]) // 3) + match[2]

    def _above(self, levels: int) -> str:
        """Give the folder so many levels above the page's, joined once."""
        known = self._folders.get(levels)
        if known is None:
            known = self._folders[levels] = urljoin(self._base, "../" * levels + "x")[:-1]
        return known

    def is_site(self, url: str) -> bool:
        """Tell whether a URL is scheme and host alone, as they are written here: `https://host/`."""
        try:
            is_good = parse_address(url).url == url and url.count("/") == 3
        except ValueError:
            return False
        if is_good:
            self._site = url
        return is_good

    def set_base(self, url: str) -> None:
        """Let relative links start at `url`, itself relative to the page."""
        try:
            self._base = urljoin(self._page_url, url)
            parts = urlsplit(self._base)
        except ValueError:
            self._base = ""
            parts = urlsplit("")
        self._folders: dict[int, str] = {}
        self._root = f"{parts.scheme}://{parts.netloc}"

    def resolve(self, link: str) -> str | None:
        """Give the absolute URL of a link without its fragment; None for one that can't be used."""
        if not link.startswith(("https://", "http://")):
            joined = self._joined(link)
            if joined is not None:
                link = joined
            elif link[:1] == "/" and link[1:2] != "/":
                link = self._root + link
            else:
                try:
                    link = urljoin(self._base, link)
                except ValueError:
                    return None
        if _PLAIN_URL(link) is not None:
            return link
        try:
            return parse_address(link).url
        except ValueError:
            return None


# Nothing to judge: a usual host and path, no user, no port out of range, nothing to encode.
_PLAIN_URL = re.compile(
    r"https?://[a-z0-9][a-z0-9.-]{0,252}(?::\d{1,4})?/[\w./%+~!=,;:@-]{0,4000}", re.ASCII
).fullmatch
# What joins a base by putting its text behind a folder's (RFC 3986 section 5.2.3).
_RELATIVE = re.compile(r"((?:\.\./){0,16})([\w+~-][\w.+~!=,;@/-]{0,4000})", re.ASCII).fullmatch
_LONGEST = 4000
"""Characters of a relative link, as above."""
_USUAL = re.compile(r"[\w.+~!=,@/-]*", re.ASCII).fullmatch
_FOLDERS = frozenset({"", ".", ".."})
_DIGEST = re.compile(r"[0-9a-f]{32,256}").fullmatch


def _is_bare(url: str) -> bool:
    """Tell that nothing in an address is to be encoded or decoded, and that it is a path alone."""
    return (
        url.isascii()
        and url.isprintable()
        and "%" not in url
        and " " not in url
        and "&" not in url
        and "?" not in url
        and "#" not in url
        and "\\" not in url
    )


def judge_filename(text: str) -> str | None:
    """Give a file name as it stands, or None when it is none (hazard H1).

    Refused are separators of any system, control and format characters, names of folders, and
    more than 255 bytes.
    """
    is_name = (
        text not in _FOLDERS
        and text.isprintable()
        and "/" not in text
        and "\\" not in text
        and (len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass")))
        <= MAX_FILENAME
    )
    return text if is_name else None


def all_filenames(texts: Sequence[str]) -> bool:
    """Tell that `judge_filename` takes each; False only means that it has to be asked."""
    row = "".join(texts)
    return (
        row.isascii()
        and row.isprintable()
        and "/" not in row
        and "\\" not in row
        and max(map(len, texts), default=0) <= MAX_FILENAME
        and _FOLDERS.isdisjoint(texts)
    )


def filename_of(url: str) -> str | None:
    """The last part of a URL's path, percent-decoded once: `%252e` stays `%2e`."""
    path = url.partition("?")[0] if "?" in url else url
    segment = path[path.rfind("/") + 1 :]
    if "%" in segment:
        segment = unquote(segment, errors="replace")
    return judge_filename(segment)


def fragment_hashes(fragment: str) -> Mapping[str, str]:
    """Read `sha256=…` (and others, joined by `&`) of a link's fragment (PEP 503)."""
    digest = fragment[7:]
    if fragment.startswith("sha256=") and is_sha256(digest):
        return {"sha256": digest}
    pairs = (part.partition("=") for part in fragment[:2000].split("&"))
    return judge_hashes({algorithm.strip(): digest.strip() for algorithm, _, digest in pairs})


def judge_hashes(hashes: Mapping[str, str]) -> Mapping[str, str]:
    """Keep what can be hashes, in lower case: algorithm -> hexadecimal digest."""
    lower = {algorithm.lower(): digest.lower() for algorithm, digest in hashes.items()}
    return {
        algorithm: digest
        for algorithm, digest in lower.items()
        if algorithm.isidentifier() and algorithm.isascii() and _DIGEST(digest) is not None
        if algorithm != "sha256" or len(digest) == 64
    }


def is_sha256(text: str) -> bool:
    """Tell whether a text is a sha256 in lower case."""
    return len(text) == 64 and is_lower_hex(text)


def all_sha256(texts: Sequence[str]) -> bool:
    """Tell whether each is a sha256 in lower case."""
    return {*map(len, texts)} <= {64} and is_lower_hex("".join(texts))


def is_lower_hex(text: str) -> bool:
    """Tell whether a text is bytes in hexadecimal digits, in lower case."""
    try:
        return bytes.fromhex(text).hex() == text
    except ValueError:
        return False
