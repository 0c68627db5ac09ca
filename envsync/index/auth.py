"""Find the user and password for an address: what the user bound to it, and to nothing beside it.

The rule: a pair belongs to an address and all that lies below it, by whole path segments, on the
same scheme, host and port. Of several the longest address wins. Index servers keep files outside
of their pages, so for files, and for files only, a pair counts

- beside an address that ends in `simple` (`/corp/simple/` -> `/corp/`, but never a whole host),
- and elsewhere on the same origin where a page that was read with this pair lists the file.

Then comes netrc, which knows whole hosts only. A redirect is judged by where it leads, and what a
page lists doesn't count there.
"""

import base64
import hashlib
import netrc
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from envsync.events import SILENT, Reporter
from envsync.index.urls import Address, Origin, Scope, scope_of

_PAGES = frozenset({"simple", "+simple"})
"""Last segments of an index's address beside which its files lie: of PEP 503, and of devpi."""


class Pair(NamedTuple):
    """A user and password, and the address that they belong to."""

    scope: Scope
    user: str
    password: str
    source: str
    """Where they were found, for people."""

    @property
    def header(self) -> str:
        """The value of Authorization (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")

    def __repr__(self) -> str:
        return f"Pair({self.source})"


AskKeyring = Callable[[Address, str | None], Pair | None]
"""Asks the user's keyring for an index, and for a user where one is known."""


class Credentials:
    """Users and passwords by address; never shown, never sent to an address of somebody else."""

    def __init__(
        self,
        pairs: Sequence[Pair] = (),
        *,
        netrc_path: str | None = None,
        ask_keyring: AskKeyring | None = None,
        reporter: Reporter = SILENT,
    ) -> None:
        """Of `pairs` with one address the first counts; no `netrc_path`: ~/.netrc."""
        self._pairs = list(pairs)
        self._netrc_path = netrc_path
        self._ask_keyring = ask_keyring
        self._reporter = reporter
        self._netrc: Mapping[str, tuple[str, str | None, str | None]] | None = None
        self._pages: dict[Origin, list[tuple[Pair, Callable[[], Iterable[str]]]]] = {}
        self._listed: dict[str, Pair] = {}
        self._lock = threading.Lock()

    def learn(self, address: Address) -> None:
        """Take what is known of an index: the user in its own address, else what keyring knows.

        Keyring is asked, too, for the password of a user who is bound to the address without one.
        """
        own = pair_in(address, "the index's own address (--default-index, ENVSYNC_DEFAULT_INDEX)")
        with self._lock:
            if own is not None:
                self._pairs.insert(0, own)
            if self._ask_keyring is None:
                return
            bound = self._bound(address, is_page=True)
            if bound is None or not bound.password:
                self._take(self._ask_keyring(address, bound.user if bound else None), bound)
            elif bound.source.startswith("keyring") and not bound.scope.segments:
                # That is for the whole host; the keyring may know this very address as well.
                self._take(self._ask_keyring(address, None), None)

    def _take(self, pair: Pair | None, bound: Pair | None) -> None:
        """Take what keyring has, where `bound` is a user without a password."""
        if pair is not None:
            # Before the one without a password, which is for the very same address.
            at = len(self._pairs) if bound is None else self._pairs.index(bound)
            scope = pair.scope if bound is None else bound.scope
            self._pairs.insert(at, pair._replace(scope=scope))

    def read_page(self, index: Address, urls: Callable[[], Iterable[str]]) -> None:
        """Note a page of an index; `urls` gives the files that it lists, where that matters."""
        with self._lock:
            pair = self._bound(index, is_page=True)
            if pair is not None:
                self._pages.setdefault(index.origin, []).append((pair, urls))

    def needs_page(self, address: Address, index: Address) -> bool:
        """Tell whether only a page of `index` can say if its pair is for a file's address."""
        with self._lock:
            return (
                address.origin == index.origin
                and self._bound(address, is_page=False) is None
                and self._bound(index, is_page=True) is not None
                and self._listing(address) is None
            )

    def pair_for(
        self, address: Address, *, is_page: bool = False, is_redirect: bool = False
    ) -> Pair | None:
        """Give the pair for a request, None when there is none; see the rule above."""
        with self._lock:
            return (
                self._bound(address, is_page=is_page)
                or (None if is_page or is_redirect else self._listing(address))
                or self._from_netrc(address.origin)
            )

    def scope(self, address: Address, *, is_page: bool = False) -> str:
        """Give a short name of who asks an address; "" for nobody. Tells nothing of the secret."""
        pair = self.pair_for(address, is_page=is_page)
        if pair is None:
            return ""
        return hashlib.sha256(b"envsync scope\0" + pair.header.encode()).hexdigest()[:16]

    def _bound(self, address: Address, *, is_page: bool) -> Pair | None:
        """The pair with the longest address around this one; the first of equals."""
        best, length = None, -1
        for pair in self._pairs:
            scope = pair.scope
            if not scope.holds(address):
                if is_page or not is_beside(pair.scope, address):
                    continue
                scope = scope.parent
            if len(scope.segments) > length:
                best, length = pair, len(scope.segments)
        return best

    def _listing(self, address: Address) -> Pair | None:
        """The pair that a page was read with which lists this file."""
        key = _file_key(address.url)
        pages = self._pages.get(address.origin, [])
        while key not in self._listed and pages:
            pair, urls = pages.pop()
            for url in urls():
                self._listed.setdefault(_file_key(url), pair)
        listed = self._listed.get(key)
        return listed if listed is not None and listed.scope.origin == address.origin else None

    def _from_netrc(self, origin: Origin) -> Pair | None:
        if self._netrc is None:
            self._netrc = self._read_netrc()
        host = origin.host.strip("[]")
        # The `default` entry is left out: it would send a password to any host that asks.
        entry = self._netrc.get(host) if host != "default" else None
        if entry is None:
            return None
        return Pair(Scope(origin, ()), entry[0], entry[2] or "", self._netrc_name())

    def _netrc_name(self) -> str:
        return self._netrc_path or "~/.netrc"

    def _read_netrc(self) -> Mapping[str, tuple[str, str | None, str | None]]:
        path = self._netrc_path or os.path.expanduser("~/.netrc")
        try:
            return netrc.netrc(path).hosts
        except FileNotFoundError:
            if self._netrc_path is not None:
                self._reporter.warn(f"{path}: no such file; no credentials are read from it")
        except (OSError, UnicodeError, netrc.NetrcParseError):
            # The parser's own words may quote a password.
            self._reporter.warn(f"{path} cannot be read as a netrc file; it is not used")
        return {}


def pair_in(address: Address, source: str) -> Pair | None:
    """Give the user and password that an address holds itself, bound to that address."""
    user, password = unquote(address.user or ""), unquote(address.password or "")
    return Pair(scope_of(address), user, password, source) if user or password else None


def is_beside(scope: Scope, address: Address) -> bool:
    """Tell whether an address lies where an index at `scope` may keep its files."""
    return len(scope.segments) > 1 and scope.segments[-1] in _PAGES and scope.parent.holds(address)


def _file_key(url: str) -> str:
    """What of a file's address must be as the page said: all but the query."""
    return url.partition("?")[0].removesuffix(".metadata")
