"""Remember what decided a lock: where the same pages still say the same, so would the resolution.

A resolution without preferences depends on env.toml, on pages of indexes, and on metadata of files
that those pages name with their hashes. So `lock -U`, after which nothing is new, need not resolve:
each page is asked whether it holds, and compared with what it was then.

    decisions-v1/<key>      key: see `Decisions`; value: pages with digests, notices, gaps

One that rests on anything else (a folder, a URL, a build, a file without a hash) is not kept.
"""

import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import orjson
from packaging.utils import NormalizedName

from envsync import __version__
from envsync.cache.bucket import VALUES, Bucket
from envsync.cache.values import ValueCache, key_of
from envsync.lock.coverage import Gap

if TYPE_CHECKING:
    from envsync.index.client import PageAnswer

BUCKET = Bucket("decisions-v1", VALUES)


class Decision(NamedTuple):
    """What a resolution without preferences rested on, and what else it told."""

    pages: Mapping[tuple[NormalizedName, str | None], "PageAnswer"]
    """By project and by the name of the index that env.toml names for it."""
    packages: int
    """How many are locked."""
    notices: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()


class Decisions:
    """The decisions about one env.toml, by the locks that they led to."""

    def __init__(self, cache_dir: str, *facts: str) -> None:
        """`facts`: everything but pages that a resolution depends on, env.toml's text first."""
        self._values = ValueCache(BUCKET.folder(cache_dir))
        self._facts = (__version__, *facts)

    def get(self, lock: bytes) -> Decision | None:
        """Give what led to a lock with these bytes; None where that isn't known."""
        data = self._values.get(self._key(lock))
        if data is None:
            return None
        try:
            pages, packages, notices, gaps = orjson.loads(data)
            return Decision(
                pages={(name, index): _answer(said) for name, index, said in pages},
                packages=int(packages),
                notices=tuple(notices),
                gaps=tuple(Gap(*gap) for gap in gaps),
            )
        except (ValueError, TypeError):
            return None

    def put(self, lock: bytes, decision: Decision) -> None:
        """Keep what led to a lock."""
        pages = [[name, index, said] for (name, index), said in decision.pages.items()]
        gaps = [list(gap) for gap in decision.gaps]
        data = orjson.dumps([pages, decision.packages, decision.notices, gaps])
        self._values.put(self._key(lock), data)

    def _key(self, lock: bytes) -> str:
        return key_of((*self._facts, lock.decode("utf-8", "replace")))


def _answer(said: list[tuple[str, str | None]]) -> "PageAnswer":
    return tuple((url, digest) for url, digest in said)


def forget_decisions(cache_dir: str) -> None:
    """Drop all: metadata that some of them rest on turned out to be false (H97)."""
    shutil.rmtree(BUCKET.folder(cache_dir), ignore_errors=True)
