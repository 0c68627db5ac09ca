"""Find the credentials of an address: the user's own, and only for the origin they belong to."""

import base64
import hashlib
import importlib
import netrc
import os
import re
import threading
from collections.abc import Mapping
from urllib.parse import unquote

from envsync.events import SILENT, Reporter
from envsync.index.urls import Address, Origin


class Credentials:
    """Users and passwords by origin; never shown, never sent to another scheme, host or port.

    The first of these that has an answer counts: the address's own user and password, the
    environment variables of a named index, netrc (exact host), and keyring where it is asked for.
    """

    def __init__(
        self,
        by_index: Mapping[str, tuple[str, str]],
        *,
        netrc_path: str | None = None,
        use_keyring: bool = False,
        reporter: Reporter = SILENT,
    ) -> None:
        """`by_index` maps index names as in variables (`CORP_EU`); no `netrc_path`: ~/.netrc."""
        self._by_index = by_index
        self._netrc_path = netrc_path
        self._use_keyring = use_keyring
        self._reporter = reporter
        self._known: dict[Origin, str] = {}
        self._asked: dict[Origin, str | None] = {}
        self._netrc: Mapping[str, tuple[str, str | None, str | None]] | None = None
        self._lock = threading.Lock()

    def learn(self, index_name: str | None, address: Address) -> None:
        """Bind what is known of an index to its origin: its variables, or its URL's user."""
        header = None
        if address.user:
            header = _basic(unquote(address.user), unquote(address.password or ""))
        elif index_name is not None and (pair := self._by_index.get(variable_part(index_name))):
            header = _basic(*pair)
        with self._lock:
            if header is not None:
                self._known[address.origin] = header
            elif self._use_keyring and address.origin not in self._known:
                found = _from_keyring(address.url, address.origin.host)
                if found is not None:
                    self._known[address.origin] = _basic(*found)

    def header_for(self, origin: Origin) -> str | None:
        """Give the Authorization header for requests to an origin, None when there is none."""
        with self._lock:
            if origin in self._known:
                return self._known[origin]
            if origin not in self._asked:
                self._asked[origin] = self._from_netrc(origin.host.strip("[]"))
            return self._asked[origin]

    def scope(self, origin: Origin) -> str:
        """Give a short name of who asks an origin; "" for nobody. Tells nothing of the secret."""
        header = self.header_for(origin)
        if header is None:
            return ""
        return hashlib.sha256(b"envsync scope\0" + header.encode()).hexdigest()[:16]

    def _from_netrc(self, host: str) -> str | None:
        if self._netrc is None:
            self._netrc = self._read_netrc()
        # The `default` entry is left out: it would send a password to any host that asks.
        entry = self._netrc.get(host) if host != "default" else None
        return None if entry is None else _basic(entry[0], entry[2] or "")

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


def variable_part(index_name: str) -> str:
    """Spell an index's name as in ENVSYNC_INDEX_<NAME>_PASSWORD."""
    return re.sub(r"[^A-Z0-9]", "_", index_name.upper())


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def _from_keyring(url: str, host: str) -> tuple[str, str] | None:
    """Ask the keyring package, if there is one, for the index's URL and then for its host."""
    try:
        keyring = importlib.import_module("keyring")
        for service in (url, host):
            found = keyring.get_credential(service, None)
            if found is not None and found.username and found.password:
                return str(found.username), str(found.password)
    except Exception:  # a keyring backend may raise anything, and it is optional
        return None
    return None
