"""Read the files of a project page in HTML (PEP 503, 592, 658, 714).

Pages come from strangers and are large. The scanner is linear whatever it is given, looks only at
what it needs (start tags, comments, raw text), and takes links that are written as indexes really
write them by a short way.
"""

import re
from collections.abc import Sequence
from html import unescape
from typing import NamedTuple

from envsync.errors import IndexFailed
from envsync.index.links import (
    MAX_FIELD,
    MAX_FILENAME,
    MAX_LINKS,
    MAX_TIME,
    Links,
    filename_of,
    fragment_hashes,
)
from envsync.index.urls import display_url
from envsync.model.candidate import File

_new = tuple.__new__
"""Makes a `File` of all its fields in less than half the time of a call: pages have thousands."""

# What can matter: comments, elements whose content is no markup, the base, links, and start tags
# with attributes, because a value may look like markup.
_MARKUP = re.compile(
    r"<(?:!--|(script|style|textarea|title|a|base)(?=[\s/>])|([a-z][^\s/><]*+)(?=\s[^>]))",
    re.IGNORECASE,
).search
# A start tag from after its name up to its ">". Possessive, so it never goes back. Where it
# doesn't match, a value or the tag is open until the end of the page: there are no more links.
_REST_OF_TAG = re.compile(
    r"""(
        (?: [\s/]++
          | =(?!\s*["'])
          | [^\s/>=][^\s/>=]*+ (?: \s*+=\s*+ (?: "[^"]*+" | '[^']*+' | [^\s>"'][^\s>]*+ | (?=>)) )?+
        )*+
    )>""",
    re.VERBOSE,
).match
_ATTRIBUTE = re.compile(
    r"""([^\s/>=][^\s/>=]*+) (?: \s*+=\s*+ (?: "([^"]*+)" | '([^']*+)' | ([^\s>"'][^\s>]*+)) )?+""",
    re.VERBOSE,
).findall
_END_OF_RAW = {
    name: re.compile(f"</{name}", re.IGNORECASE).search
    for name in ("script", "style", "textarea", "title")
}
# What stands between the text of one link and the next link of a usual page.
_BETWEEN = re.compile(r"</a>\s{0,20}(?:<br\s?/?>)?\s{0,20}").fullmatch
# Attributes as pages have them, cut at the double quotes: what stands before each value.
_WANTED = {
    "href": 0,
    "data-requires-python": 1,
    "data-yanked": 2,
    "data-core-metadata": 3,
    "data-dist-info-metadata": 4,
    "data-upload-time": 5,
    "data-size": 6,
}
_WANTED_AS_WRITTEN = {f" {name}=": place for name, place in _WANTED.items()}


def read_html(text: str, url: str) -> tuple[File, ...]:
    """Read the links of a page that stands at `url`; raises `IndexFailed` for no project page."""
    return _HtmlPage(url).read(text)


class _HtmlPage:
    def __init__(self, url: str) -> None:
        self._url = url
        self._links = Links(url)
        self._base_seen = False
        self._files: list[File] = []
        self._tails: set[str] = set()
        self._said: dict[str, _Says] = {}
        """Attributes repeat: a page has a few forms of requires-python for thousands of files."""

    def read(self, text: str) -> tuple[File, ...]:
        self._scan(text)
        files = self._files
        if not files and "<" not in text:
            raise self._refuse("the answer is not a project page")
        if not files and _PASSWORD_FIELD(text) is not None:
            raise self._refuse("the answer is a login form, not a project page")
        return tuple(files)

    def _refuse(self, reason: str) -> IndexFailed:
        return IndexFailed(display_url(self._url), reason)

    def _scan(self, text: str) -> None:
        """Go from tag to tag; each character is looked at a bounded number of times."""
        position = 0
        while (markup := _MARKUP(text, position)) is not None:
            start, position = markup.span()
            if markup[1] is None and markup[2] is None:
                position = text.find("-->", position - 2) + 3
                if position < 3:
                    return
                continue
            end_of_run = self._take_run(text, start)
            if end_of_run > start:
                position = end_of_run
                continue
            rest = _REST_OF_TAG(text, position)
            if rest is None:
                return
            position = rest.end()
            name = (markup[1] or "").lower()
            if name == "a":
                self._take(rest[1])
            elif name == "base":
                self._set_base(rest[1])
            elif name:
                end_of_raw = _END_OF_RAW[name](text, position)
                if end_of_raw is None:
                    return
                position = end_of_raw.end()

    def _take_run(self, text: str, position: int) -> int:
        """Take links of the usual form, one after another; gives where the first other tag starts.

        The form is `<a href="URL#sha256=HASH" data-…="…">NAME</a><br/>`. This is the way of nearly
        all links, thousands to a page, so it is one loop of string methods that asks only what it
        must; whatever is unusual ends the run and is left to the general way.
        """
        find, said, tails = text.find, self._said, self._tails
        is_plain, take = self._links.is_plain, self._files.append
        while text.startswith('<a href="', position):
            quote = find('"', position + 9)
            close = find(">", quote)
            tail_at = find("<", close)
            end = find("<a ", tail_at)
            if quote < 0 or close < 0 or tail_at < 0 or end < 0:
                break
            attributes = text[quote + 1 : close]
            uploaded = None
            if ' data-upload-time="' in attributes:  # the one that is different in each link
                before, _, after = attributes.partition(' data-upload-time="')
                uploaded, _, after = after.partition('"')
                if before.count('"') % 2 or not _is_plain_time(uploaded):
                    break
                attributes = before + after
            says = said.get(attributes) or self._learn(attributes)
            tail = text[tail_at:end]
            if says is None or (tail not in tails and not self._learn_tail(tail)):
                break
            url, _, fragment = text[position + 9 : quote].partition("#")
            filename = url[url.rfind("/") + 1 :]
            if not is_plain(url) or filename in _FOLDERS or len(filename) > MAX_FILENAME:
                break
            hashes = fragment_hashes(fragment if "&" not in fragment else unescape(fragment))
            if uploaded is None:
                uploaded = says[2]
            fields = (filename, url, hashes, says[0], says[1], uploaded, says[3], says[4], says[5])
            take(_new(File, fields))
            position = end
        self._check_count()
        return position

    def _learn(self, attributes: str) -> "_Says | None":
        """Read attributes that no link had before, when they are in the usual form."""
        values = _usual_attributes(attributes)
        if values is None:
            return None
        says = _says(values)
        if len(self._said) < _MAX_SAID:
            self._said[attributes] = says
        return says

    def _learn_tail(self, tail: str) -> bool:
        is_usual = _BETWEEN(tail) is not None
        if is_usual:
            self._tails.add(tail)
        return is_usual

    def _check_count(self) -> None:
        if len(self._files) > MAX_LINKS:
            raise self._refuse(f"more than {MAX_LINKS:,} links on one page")

    def _set_base(self, attributes: str) -> None:
        link = _attributes(attributes)[0]
        if link is not None and not self._base_seen:  # HTML: the first one counts
            self._base_seen = True
            self._links.set_base(unescape(link).strip())

    def _take(self, attributes: str) -> None:
        values = _attributes(attributes)
        link = values[0]
        if link is None:
            return
        link, _, fragment = unescape(link).strip().partition("#")
        url = self._links.resolve(link)
        filename = None if url is None else filename_of(url)
        if url is not None and filename is not None:
            self._files.append(File(filename, url, fragment_hashes(fragment), *_says(values)))
            self._check_count()


def _is_plain_time(text: str) -> bool:
    """A time in the one form that indexes write, with nothing to be decoded or cut off."""
    return 20 <= len(text) <= 32 and text[-1] == "Z" and text[0] == "2" and "&" not in text


class _Says(NamedTuple):
    """What a link's attributes say of its file: the fields of `File` from `size` on."""

    size: int | None
    requires_python: str | None
    upload_time: str | None
    yanked: str | None
    has_metadata: bool
    metadata_sha256: str | None


def _says(values: Sequence[str | None]) -> _Says:
    _, requires_python, yanked, core, dist_info, uploaded, size = values
    # PEP 714: the newer spelling counts where both are there.
    has_metadata, metadata_sha256 = _html_metadata(core if core is not None else dist_info)
    return _Says(
        size=int(size) if size is not None and _is_size(size) else None,
        requires_python=unescape(requires_python or "").strip()[:MAX_FIELD] or None,
        upload_time=unescape(uploaded or "").strip()[:MAX_TIME] or None,
        yanked=None if yanked is None else unescape(yanked)[:MAX_FIELD],
        has_metadata=has_metadata,
        metadata_sha256=metadata_sha256,
    )


def _is_size(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 16


_MAX_SAID = 1000
_FOLDERS = frozenset({"", ".", ".."})
_PASSWORD_FIELD = re.compile(r"type\s{0,9}=\s{0,9}[\"']?password", re.IGNORECASE).search


def _attributes(text: str) -> list[str | None]:
    """Give the values of the wanted attributes, None where absent, in the order of `_WANTED`."""
    values = _usual_attributes(text)
    return _odd_attributes(text) if values is None else values


def _usual_attributes(text: str) -> list[str | None] | None:
    """The same for attributes that are all wanted, and written ` name="value"`; else None."""
    values: list[str | None] = [None] * len(_WANTED)
    parts = text.split('"')
    for place in range(0, len(parts) - 1, 2):
        wanted = _WANTED_AS_WRITTEN.get(parts[place])
        if wanted is None or values[wanted] is not None or place + 2 > len(parts) - 1:
            return None
        values[wanted] = parts[place + 1]
    return None if parts[-1].strip(" /") else values


def _odd_attributes(text: str) -> list[str | None]:
    """The same for any HTML: other quotes or none, upper case, other attributes between."""
    values: list[str | None] = [None] * len(_WANTED)
    for name, double, single, bare in _ATTRIBUTE(text):
        place = _WANTED.get(name.lower())
        if place is not None and values[place] is None:  # HTML: the first of a name counts
            values[place] = double or single or bare
    return values


def _html_metadata(value: str | None) -> tuple[bool, str | None]:
    """Read data-core-metadata: "true" or "sha256=…" (PEP 658, 714)."""
    if value is None or value.strip().lower() == "false":
        return False, None
    return True, fragment_hashes(value.strip()).get("sha256")
