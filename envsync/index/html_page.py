"""Read the files of a project page in HTML (PEP 503, 592, 658, 714).

Pages come from strangers and are large. The scanner is linear whatever it is given, looks only at
what it needs (start tags, comments, raw text), and takes a page that is written as indexes really
write them by a short way.
"""

import re
from collections.abc import Sequence
from html import unescape
from itertools import chain
from string import ascii_letters, digits
from typing import NamedTuple

from envsync.errors import IndexFailed
from envsync.index.links import (
    MAX_FIELD,
    MAX_FILENAME,
    MAX_LINKS,
    MAX_TAG,
    MAX_TIME,
    Links,
    filename_of,
    fragment_hashes,
    is_lower_hex,
)
from envsync.index.urls import MAX_URL, display_url
from envsync.model.candidate import File, Files

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
_MOST_TAGS = 10 * MAX_LINKS
# What stands between the text of one link and the next link, or the end, of a usual page.
_BETWEEN = re.compile(r"</a>\s{0,20}(?:<br\s?/?>)?\s{0,20}").fullmatch
# Characters of a URL that stand for themselves.
_PLAIN = (ascii_letters + digits + "_./+~!=,;:@-").encode()
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


def read_html(text: str, url: str) -> Files:
    """Read the links of a page that stands at `url`; raises `IndexFailed` for no project page."""
    return _HtmlPage(url).read(text)


class _HtmlPage:
    def __init__(self, url: str) -> None:
        self._url = url
        self._links = Links(url)
        self._base_seen = False
        self._files: list[File] = []
        self._runs: list[Sequence[File]] = [self._files]
        """What was read, in order; what comes next goes to the last of them, `_files`."""

    def read(self, text: str) -> Files:
        self._scan(text)
        runs = [run for run in self._runs if run]
        if not runs and "<" not in text:
            raise self._refuse("the answer is not a project page")
        if not runs and _PASSWORD_FIELD(text) is not None:
            raise self._refuse("the answer is a login form, not a project page")
        only = runs[0] if len(runs) == 1 else None
        return only if isinstance(only, Files) else Files.of(chain.from_iterable(runs))

    def _refuse(self, reason: str) -> IndexFailed:
        return IndexFailed(display_url(self._url), reason)

    def _scan(self, text: str) -> None:
        """Go from tag to tag; each character is looked at a bounded number of times."""
        position, may_be_usual, seen = 0, True, 0
        while (markup := _MARKUP(text, position)) is not None:
            seen += 1
            if seen > _MOST_TAGS:
                raise self._refuse(f"more than {_MOST_TAGS:,} tags on one page")
            start, position = markup.span()
            if markup[1] is None and markup[2] is None:
                position = text.find("-->", position - 2) + 3
                if position < 3:
                    return
                continue
            if may_be_usual and text.startswith('<a href="http', start):
                may_be_usual = False
                end = self._take_usual(text, start)
                if end > start:
                    position = end
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

    def _take_usual(self, text: str, start: int) -> int:
        """Take all links from `start` on at once; gives their end, or `start` where one is unusual.

        Usual is `<a href="URL#sha256=HASH" data-…="…">NAME</a><br/>`, one site in all URLs, and
        no other tags between. Nearly all pages are so, and have thousands of links: instead of
        going from one to the next, each thing that must be known is found out for all by one call.
        """
        site = text[start + 9 : max(0, text.find("/", start + 17, start + 300))]
        end = text.rfind("</a>") + 4
        if end < start + len(site) or not self._links.is_site(f"{site}/"):
            return start
        begin = f'<a href="{site}'
        self._check_count(text.count(begin, start, end))  # before there is an object for each
        links = _usual_links(text[start:end], begin)
        if links is None:
            return start
        hrefs, attributes = links
        self._check_count(len(hrefs))
        rest, times = _without_times(attributes)
        said = {each: _usual_attributes(each) for each in set(rest)}
        says = {each: _says(values) for each, values in said.items() if values is not None}
        if len(says) < len(said):
            return start
        files = _usual_files(site, hrefs, [says[each] for each in rest], times)
        if files is not None:
            self._files = []
            self._runs += [files, self._files]
        else:
            for href, each in zip(hrefs, attributes, strict=True):
                self._take(f' href="{site}{href}"{each}')
        return end

    def _check_count(self, count: int) -> None:
        if count > MAX_LINKS:
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
            self._check_count(len(self._files))


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
        upload_time=_time(uploaded or ""),
        yanked=None if yanked is None else unescape(yanked)[:MAX_FIELD],
        has_metadata=has_metadata,
        metadata_sha256=metadata_sha256,
    )


def _usual_links(text: str, begin: str) -> tuple[Sequence[str], Sequence[str]] | None:
    """The rest of each URL after `begin`, and all attributes, if there is nothing but usual links.

    Then each ends before the next begins, and has one more tag and perhaps a line break.
    """
    _, *links = text.split(begin)
    hrefs, quotes, rests = zip(*(link.partition('"') for link in links), strict=True)
    attributes, closes, ends = zip(*(rest.partition(">") for rest in rests), strict=True)
    tails = {end[end.find("<") :] for end in ends}
    is_usual = quotes.count('"') == closes.count(">") == len(links) and None not in map(
        _BETWEEN, tails
    )
    return (hrefs, attributes) if is_usual else None


def _without_times(
    attributes: Sequence[str],
) -> tuple[Sequence[str], Sequence[str | None] | None]:
    """Take out the one attribute that is different in each link, where it is the last one."""
    parts = [each.partition(' data-upload-time="') for each in attributes]
    if any(mark and (rest.count('"') != 1 or rest[-1] != '"') for _, mark, rest in parts):
        return attributes, None
    return [part[0] for part in parts], [_time(part[2][:-1]) for part in parts]


def _usual_files(
    site: str,
    hrefs: Sequence[str],
    says: Sequence[_Says],
    times: Sequence[str | None] | None,
) -> Files | None:
    """The files of links with nothing to be encoded, decoded or refused; None where there is.

    `times` are the times of upload where `says` have none.
    """
    urls, _, fragments = zip(*(href.partition("#") for href in hrefs), strict=True)
    places, _, filenames = zip(*(url.rpartition("/") for url in urls), strict=True)
    hashes = [fragment[7:] for fragment in fragments if fragment.startswith("sha256=")]
    text = "".join(urls)
    is_usual = (
        {url[:1] for url in urls} == {"/"}
        and text.isascii()
        and not text.encode().translate(None, _PLAIN)
        and len(site) + max(map(len, urls)) <= MAX_URL
        and max(map(len, filenames)) <= MAX_FILENAME
        and _FOLDERS.isdisjoint(filenames)
        and [64] * len(hrefs) == list(map(len, hashes))
        and is_lower_hex("".join(hashes))
    )
    if not is_usual:
        return None
    size, requires_python, upload_time, yanked, has_metadata, metadata_sha256 = zip(
        *says, strict=True
    )
    return Files(
        prefix=site,
        filename=filenames,
        place=places,
        hashes=hashes,
        size=size,
        requires_python=requires_python,
        upload_time=times or upload_time,
        yanked=yanked,
        has_metadata=has_metadata,
        metadata_sha256=metadata_sha256,
    )


def _time(text: str) -> str | None:
    return unescape(text).strip()[:MAX_TIME] or None


def _is_size(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 16


_FOLDERS = frozenset({"", ".", ".."})
_PASSWORD_FIELD = re.compile(r"type\s{0,9}=\s{0,9}[\"']?password", re.IGNORECASE).search


def _attributes(text: str) -> list[str | None]:
    """Give the values of the wanted attributes, None where absent, in the order of `_WANTED`."""
    if len(text) > MAX_TAG:
        return [None] * len(_WANTED)
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
