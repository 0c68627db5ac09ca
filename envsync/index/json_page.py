"""Read the files of a project page in JSON (PEP 691, 700, 714), judging every type."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import orjson
from packaging.utils import canonicalize_name

from envsync.errors import IndexFailed
from envsync.index.links import (
    MAX_FIELD,
    MAX_LINKS,
    MAX_SIZE,
    MAX_TIME,
    Links,
    is_sha256,
    judge_filename,
    judge_hashes,
)
from envsync.index.urls import display_url, printable
from envsync.index.usual_rows import usual_files
from envsync.model.candidate import File, Files

_MOST_VALUES = 20 * MAX_LINKS
_MOST_OBJECTS = 6 * MAX_LINKS


def read_json(body: bytes, url: str, name: str) -> Files:
    """Read the page of project `name` that stands at `url`; raises `IndexFailed` for nonsense."""
    return _JsonPage(url).read(body, name)


class _JsonPage:
    def __init__(self, url: str) -> None:
        self._url = url
        self._links = Links(url)

    def read(self, body: bytes, name: str) -> Files:
        # An empty list takes three bytes here and sixty as an object: what becomes objects is
        # counted first, so that memory stays in proportion to what real pages need.
        if body.count(b",") > _MOST_VALUES or body.count(b"{") + body.count(b"[") > _MOST_OBJECTS:
            raise self._wrong(f"has more than {_MOST_VALUES:,} values")
        try:
            page = orjson.loads(body)
        except (orjson.JSONDecodeError, RecursionError) as error:
            raise self._wrong("is not JSON") from error
        if not isinstance(page, dict):
            raise self._wrong("is not a JSON object")
        self._check_version(page.get("meta"))
        self._check_name(page.get("name"), name)
        rows = page.get("files")
        if not isinstance(rows, list):
            raise self._wrong("has no list of files")
        if len(rows) > MAX_LINKS:
            raise self._wrong(f"has more than {MAX_LINKS:,} files")
        return usual_files(rows, self._links) or self._each(rows)

    def _each(self, rows: Sequence[object]) -> Files:
        files = []
        for number, row in enumerate(rows):
            if not isinstance(row, dict):
                raise self._wrong(f"has a files[{number}] that is not an object")
            file = self._usual_file(row) or self._file(_Row(row, self._wrong, number))
            if file is not None:
                files.append(file)
        return Files.of(files)

    def _usual_file(self, row: dict[str, object]) -> File | None:
        """Read a row in which all is as usual, quickly; None for any other."""
        get = row.get
        filename, url, hashes = get("filename"), get("url"), get("hashes")
        size, yanked = get("size"), get("yanked")
        requires_python, uploaded = get("requires-python"), get("upload-time")
        core = get("core-metadata")
        if (
            type(filename) is not str
            or type(url) is not str
            or type(hashes) is not dict
            or (size is not None and (type(size) is not int or not 0 <= size < MAX_SIZE))
            or (yanked is not None and yanked is not False)
            or (uploaded is not None and (type(uploaded) is not str or len(uploaded) > MAX_TIME))
            or (core is None and "dist-info-metadata" in row)
            or (address := self._links.quick(url)) is None
            or judge_filename(filename) is None
        ):
            return None
        digest = hashes.get("sha256")
        metadata = core.get("sha256") if type(core) is dict else None
        if len(hashes) != 1 or type(digest) is not str or not is_sha256(digest):
            return None
        has_digest = type(metadata) is str and is_sha256(metadata)
        if type(core) is dict and core and not (has_digest and len(core) == 1):
            return None
        if core is not None and type(core) is not dict and type(core) is not bool:
            return None
        if requires_python is not None:
            if type(requires_python) is not str:
                return None
            requires_python = requires_python.strip()[:MAX_FIELD] or None
        return File(
            filename,
            address,
            {"sha256": digest},
            size,
            requires_python,
            uploaded or None,
            None,
            core is not None and core is not False,
            metadata,
        )

    def _wrong(self, what: str) -> IndexFailed:
        return IndexFailed(display_url(self._url), f"the page {what}")

    def _check_version(self, meta: object) -> None:
        """An unknown major version means another grammar (PEP 629)."""
        version = meta.get("api-version", "1.0") if isinstance(meta, dict) else "1.0"
        if not isinstance(version, str) or version.partition(".")[0] != "1":
            shown = printable(str(version))[:20]
            raise self._wrong(f"has version {shown} of the index API; only 1.x is known")

    def _check_name(self, said: object, name: str) -> None:
        if isinstance(said, str) and canonicalize_name(said) != canonicalize_name(name):
            raise self._wrong(f"is that of {printable(said)[:100]}, not of {name}")

    def _file(self, row: "_Row") -> File | None:
        link = row.text("url")
        name = row.text("filename")
        if link is None or name is None:
            raise self._wrong(f"has a files[{row.number}] without url or filename")
        filename = judge_filename(name)
        url = self._links.resolve(link.strip().partition("#")[0])
        if filename is None or url is None:
            return None
        core = row.get("core-metadata", "dist-info-metadata", (bool, dict))
        yanked = row.get("yanked", None, (bool, str))
        size = row.get("size", None, (int,))
        return File(
            filename,
            url,
            row.hashes("hashes", row.get("hashes", None, (dict,))),
            size if isinstance(size, int) and 0 <= size < MAX_SIZE else None,
            (row.text("requires-python") or "").strip()[:MAX_FIELD] or None,
            (row.text("upload-time") or "")[:MAX_TIME] or None,
            (yanked[:MAX_FIELD] if isinstance(yanked, str) else "") if yanked else None,
            core is not None and core is not False,
            row.hashes("core-metadata", core).get("sha256") if isinstance(core, dict) else None,
        )


class _Row(NamedTuple):
    """One entry of `files`, with typed access; null counts as absent."""

    fields: Mapping[str, object]
    wrong: Callable[[str], IndexFailed]
    number: int

    def get(self, key: str, older_key: str | None, kinds: tuple[type, ...]) -> object:
        value = self.fields.get(key)
        if value is None and older_key is not None:
            value = self.fields.get(older_key)
        is_odd_bool = isinstance(value, bool) and bool not in kinds
        if value is not None and (is_odd_bool or not isinstance(value, kinds)):
            raise self.wrong(f"has a files[{self.number}].{key} of the wrong type")
        return value

    def text(self, key: str) -> str | None:
        value = self.get(key, None, (str,))
        return value if isinstance(value, str) else None

    def hashes(self, key: str, table: object) -> Mapping[str, str]:
        pairs = table.items() if isinstance(table, dict) else ()
        if not all(isinstance(digest, str) for _, digest in pairs):
            raise self.wrong(f"has a files[{self.number}].{key} of the wrong type")
        return judge_hashes(dict(pairs))
