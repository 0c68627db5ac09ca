"""Read indexes that are folders or pages on this machine, without a server.

- "simple": `FOLDER/NAME/` has `index.html` or `index.json` (PEP 503, 691), or the files themselves;
- "flat": a folder with the files of any project, or a page with links to them.

Links are resolved as if the folder that may be read were a server's root: none leads further up.
"""

import hashlib
import os
import posixpath
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import quote, unquote, urljoin

from packaging.utils import NormalizedName, canonicalize_name

from envsync.errors import IndexFailed
from envsync.index.flat import FlatPage
from envsync.index.local_files import LocalFiles
from envsync.index.packed import Releases, pack_page, unpack_page
from envsync.index.page_source import MAX_PAGE, Index
from envsync.index.pages import parse_page
from envsync.index.transport import TransportFailed
from envsync.model.candidate import File, Files
from envsync.model.file_urls import below, file_url, path_of, reach_of

_SITE = "http://local.invalid/"
"""Stands for the folder that may be read while links are resolved."""
_PAGES = {"index.html": "text/html", "index.json": "application/json"}
_FILES = (".whl", ".tar.gz", ".zip")
"""Files in a folder that can be of a project; others are not looked at."""


class LocalPage(NamedTuple):
    """What an index on this machine has of a project."""

    releases: Releases
    digest: str
    """Of all that was said; not of the files' bytes."""


class LocalPages:
    """The indexes of one project that lie on this machine."""

    def __init__(self, files: LocalFiles) -> None:
        self._files = files
        self._flat: dict[str, FlatPage] = {}
        self._folders: dict[str, dict[str, str]] = {}

    def page(self, index: Index, name: NormalizedName) -> LocalPage | None:
        """Give what an index has of a project, None where it has none. Raises `IndexFailed`."""
        with _wording(index):
            files = self._find(index, name)
        if files is None:
            return None
        payload = pack_page(name, Files.of(files))
        return LocalPage(unpack_page(payload), hashlib.sha256(payload).hexdigest())

    def every_file(self, index: Index) -> Iterable[File]:
        """Give all files of a flat index, whatever they are called. Raises `IndexFailed`."""
        with _wording(index):
            return self._flat_page(index).every

    def _flat_page(self, index: Index) -> FlatPage:
        if index.url not in self._flat:
            self._flat[index.url] = FlatPage(self._flat_files(index))
        return self._flat[index.url]

    def _find(self, index: Index, name: NormalizedName) -> Iterable[File] | None:
        if index.format == "flat":
            return self._flat_page(index).of(name) or None
        folder = self._folder(index, name)
        if folder is None:
            return None
        url = below(index.url, quote(folder))
        page = self._read_page(index, url, name)
        return page if page is not None else self._listed(url)

    def _folder(self, index: Index, name: NormalizedName) -> str | None:
        """The folder of a project, however its name is spelled (PEP 503 wants it normalised)."""
        known = self._folders.get(index.url)
        if known is None:
            base = self._real_folder(index)
            known = {}
            for entry in sorted(os.listdir(base)):
                if os.path.isdir(os.path.join(base, entry)):
                    known.setdefault(canonicalize_name(entry), entry)
                    if canonicalize_name(entry) == entry:
                        known[entry] = entry
            self._folders[index.url] = known
        return known.get(name)

    def _real_folder(self, index: Index) -> str:
        base = self._files.place(index.url)
        if not os.path.isdir(base):
            raise TransportFailed(
                index.url,
                "is no folder of projects",
                "refused",
                hint='a page with links to all files is read with format = "flat"',
            )
        return base

    def _flat_files(self, index: Index) -> Iterator[File]:
        """The files of a page, or of a folder: those that its page tells more about come first."""
        if not os.path.isdir(self._files.place(index.url)):
            yield from self._parse(index, index.url, "text/html", "")
            return
        seen = set()
        for file in self._read_page(index, index.url, "") or ():
            seen.add(file.filename)
            yield file
        yield from (file for file in self._listed(index.url) if file.filename not in seen)

    def _listed(self, url: str) -> Iterator[File]:
        folder = self._files.place(url)
        for entry in sorted(os.listdir(folder)):
            if entry.endswith(_FILES) and not os.path.isdir(os.path.join(folder, entry)):
                yield File(entry, below(url, quote(entry)), {})

    def _read_page(self, index: Index, folder: str, name: str) -> Iterable[File] | None:
        """The links of the page in a folder; None where there is no page."""
        for filename, kind in _PAGES.items():
            try:
                return self._parse(index, below(folder, filename), kind, name)
            except FileNotFoundError:
                continue
        return None

    def _parse(self, index: Index, url: str, kind: str, name: str) -> list[File]:
        with self._files.open(url) as file:
            body = file.read(MAX_PAGE + 1)
        if len(body) > MAX_PAGE:
            raise TransportFailed(url, f"is larger than {MAX_PAGE:,} bytes", "limit")
        # Inside the project links may lead anywhere inside of it.
        reach = reach_of(index.url, index.format) if index.outside else "file:"
        inner = path_of(url)[len(path_of(reach)) :].lstrip("/")
        try:
            files = parse_page(body, kind, url=urljoin(_SITE, quote(inner)), name=name)
        except IndexFailed as error:
            raise IndexFailed(path_of(url), error.reason, hint=error.hint) from error
        return [_as_local(file, reach) for file in files]


def _as_local(file: File, reach: str) -> File:
    if not file.url.startswith(_SITE):
        return file
    inner = unquote(file.url.removeprefix(_SITE).partition("?")[0])
    return file._replace(url=file_url(posixpath.join(path_of(reach), inner)))


@contextmanager
def _wording(index: Index) -> Iterator[None]:
    """Word what the disk says as the failure of an index."""
    try:
        yield
    except FileNotFoundError:
        where = "the address" if index.name is None else "url under [[index]]"
        hint = f"correct {where}, or put the folder back"
        raise _failed(index, "there is no such file or folder", hint) from None
    except TransportFailed as error:
        raise _failed(index, error.reason, error.hint) from error


def _failed(index: Index, reason: str, hint: str | None) -> IndexFailed:
    label = "" if index.name is None else f" (index {index.name})"
    return IndexFailed(path_of(index.url) or ".", reason + label, hint=hint)
