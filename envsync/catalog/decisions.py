"""Remember what decided a lock: where the same pages still say the same, so would the resolution.

A resolution depends on env.toml, on pages of indexes, on metadata of files that those pages name
with their hashes, and on the old pins that it prefers. So `lock -U`, after which nothing is new,
need not resolve: each page is asked whether it holds, and compared with what it was then. Nor need
`lock -P NAME`, where the pin of NAME comes first among all versions, preferred or not; and `add`
need only resolve what is new, where that leads to nothing but firm pins (`resolve.unmoved`).

    decisions-v2/<key>      key: see `Decisions`; value: pages with digests, notices, gaps, pins

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

BUCKET = Bucket("decisions-v2", VALUES)


class Decision(NamedTuple):
    """What a resolution rested on, and what else it told."""

    pages: Mapping[tuple[NormalizedName, str | None], "PageAnswer"]
    """By project and by the name of the index that env.toml names for it."""
    packages: int
    """How many are locked."""
    notices: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()
    is_free: bool = True
    """No old pin was preferred."""
    unmoved: frozenset[str] = frozenset()
    """Packages whose pins are the same where nothing is preferred of them; see `Resolution`."""
    firm: frozenset[str] = frozenset()
    """Packages whose pins stay whatever else is asked that they meet; see `Resolution`."""

    def answers(self, upgrade: bool | frozenset[str]) -> bool:
        """Say whether it is the answer where all pins are freed, or those of some packages."""
        if isinstance(upgrade, frozenset):
            return upgrade <= self.unmoved
        return upgrade and (self.is_free or len(self.unmoved) == self.packages)


class Decisions:
    """The decisions about one env.toml, by the locks that they led to."""

    def __init__(self, cache_dir: str, *facts: str) -> None:
        """`facts`: everything but pages that a resolution depends on, env.toml's text first."""
        self._values = ValueCache(BUCKET.folder(cache_dir))
        self._facts = (__version__, *facts)

    def find(self, lock: bytes, upgrade: bool | frozenset[str]) -> Decision | None:
        """Give what led to a lock with these bytes, and would again where some pins are freed.

        None where nothing such is known.
        """
        kinds = (True, False) if upgrade is True else (False, True)
        known = (self._get(lock, is_free=is_free) for is_free in kinds)
        return next((one for one in known if one is not None and one.answers(upgrade)), None)

    def find_firm(self, lock: bytes) -> Decision | None:
        """Give what led to a lock with these bytes, where some of its pins are known to be firm."""
        known = (self._get(lock, is_free=is_free) for is_free in (False, True))
        return next((one for one in known if one is not None and one.firm), None)

    def _get(self, lock: bytes, *, is_free: bool) -> Decision | None:
        data = self._values.get(self._key(lock, is_free=is_free))
        if data is None:
            return None
        try:
            pages, packages, notices, gaps, unmoved, firm = orjson.loads(data)
            return Decision(
                pages={(name, index): _answer(said) for name, index, said in pages},
                packages=int(packages),
                notices=tuple(notices),
                gaps=tuple(Gap(*gap) for gap in gaps),
                is_free=is_free,
                unmoved=frozenset(unmoved),
                firm=frozenset(firm),
            )
        except (ValueError, TypeError):
            return None

    def put(self, lock: bytes, decision: Decision) -> None:
        """Keep what led to a lock."""
        pages = [[name, index, said] for (name, index), said in decision.pages.items()]
        gaps = [list(gap) for gap in decision.gaps]
        lasting = (sorted(decision.unmoved), sorted(decision.firm))
        data = orjson.dumps([pages, decision.packages, decision.notices, gaps, *lasting])
        self._values.put(self._key(lock, is_free=decision.is_free), data)

    def _key(self, lock: bytes, *, is_free: bool) -> str:
        # Each is true of the pages that it names, and neither takes the place of the other.
        kind = "free" if is_free else "kept"
        return key_of((*self._facts, kind, lock.decode("utf-8", "replace")))


def _answer(said: list[tuple[str, str | None]]) -> "PageAnswer":
    return tuple((url, digest) for url, digest in said)


def forget_decisions(cache_dir: str) -> None:
    """Drop all: metadata that some of them rest on turned out to be false (H97)."""
    shutil.rmtree(BUCKET.folder(cache_dir), ignore_errors=True)
