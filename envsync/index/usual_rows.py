"""Read the rows of a JSON page by columns, where each of them is as usual: pages have thousands.

A column is judged in a few calls, whatever its length. Where one row is odd, all are read one by
one (`json_page`), which comes to the same for those that are usual.
"""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from envsync.index.links import (
    MAX_FIELD,
    MAX_SIZE,
    MAX_TIME,
    Links,
    all_filenames,
    all_sha256,
)
from envsync.model.candidate import Files

_Column = list[Any]
_NONE: type = type(None)


def usual_files(rows: Sequence[object], links: Links) -> Files | None:
    """Give the files of a page; None where any row of it is odd, or where it has none."""
    if not rows or not _are(rows, dict):
        return None
    every: Sequence[dict[str, Any]] = rows  # type: ignore[assignment]  # as was just asked
    named = _named(every, links)
    facts = _facts(every)
    metadata = _metadata(every)
    if named is None or facts is None or metadata is None:
        return None
    return Files.of_columns(*named, (*facts, *metadata))


def _are(values: Sequence[object], *kinds: type) -> bool:
    return {*map(type, values)} <= {*kinds}


def _named(
    rows: Sequence[dict[str, Any]], links: Links
) -> tuple[_Column, Sequence[str], _Column] | None:
    """File names, addresses, and their sha256."""
    try:
        filenames, urls, hashes = (
            list(map(itemgetter(key), rows)) for key in ("filename", "url", "hashes")
        )
        if not _are(hashes, dict) or {*map(len, hashes)} != {1}:
            return None
        digests = list(map(itemgetter("sha256"), hashes))
    except KeyError:
        return None
    if not (_are(filenames, str) and _are(urls, str) and _are(digests, str)):
        return None
    addresses = links.all_quick(urls)
    if addresses is None or not (all_filenames(filenames) and all_sha256(digests)):
        return None
    return filenames, addresses, digests


def _facts(rows: Sequence[dict[str, Any]]) -> tuple[_Column, ...] | None:
    """Size, requires-python, upload time, and why it was yanked."""
    sizes, pythons, times, yanked = (
        [row.get(key) for row in rows]
        for key in ("size", "requires-python", "upload-time", "yanked")
    )
    known = [size for size in sizes if size is not None]
    if not (
        _are(known, int)
        and min(known, default=0) >= 0
        and max(known, default=0) < MAX_SIZE
        and _are(pythons, str, _NONE)
        and _are(times, str, _NONE)
        and max((len(time) for time in times if time), default=0) <= MAX_TIME
        and _are(yanked, str, bool, _NONE)
    ):
        return None
    # A page has few texts for all of its files.
    texts = {text: (text or "").strip()[:MAX_FIELD] or None for text in {*pythons}}
    reasons = {why: _reason(why) for why in {*yanked}}
    return (
        sizes,
        [texts[text] for text in pythons],
        [time or None for time in times],
        [reasons[why] for why in yanked],
    )


def _reason(why: str | bool | None) -> str | None:
    if not why:
        return None
    return why[:MAX_FIELD] if isinstance(why, str) else ""


def _metadata(rows: Sequence[dict[str, Any]]) -> tuple[_Column, _Column] | None:
    """Whether a file's metadata is served by itself (PEP 658), and its sha256."""
    said = [row.get("core-metadata") for row in rows]
    if not _are(said, dict, bool, _NONE):
        return None
    if any(
        one is None and "dist-info-metadata" in row for one, row in zip(said, rows, strict=True)
    ):
        return None
    digests = [one.get("sha256") if one.__class__ is dict else None for one in said]
    tables = [one for one in said if one.__class__ is dict and one]
    known: list[Any] = [one.get("sha256") for one in tables]
    if not ({*map(len, tables)} <= {1} and _are(known, str) and all_sha256(known)):
        return None
    return [one is not None and one is not False for one in said], digests
