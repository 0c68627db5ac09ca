"""Judge where a repository lies, once more before it is asked, and say why asking failed."""

import re
from urllib.parse import urljoin, urlsplit

from envsync.errors import GitFailed
from envsync.redaction import redact
from envsync.spec.locations import read_git_url

_OLDEST = "2.31"
_LOOPBACK = re.compile(r"localhost|::1|127(?:\.[0-9]{1,3}){3}")

_LOGIN = re.compile(
    r"(?i)authentication failed|could not read (username|password)|terminal prompts disabled"
    r"|permission denied|access denied|returned error: 40[13]|authentication required"
)
_GONE = re.compile(
    r"(?i)repository not found|repository .* not found|not appear to be a git repository"
    r"|repository .* does not exist|returned error: (404|410)|not found: did you run"
)
_DAMAGED = re.compile(
    r"(?i)corrupt|bad object|inflate|unable to (read|unpack)|failed to unpack|missing (blob|tree)"
)
_NETWORK = re.compile(
    r"(?i)could not resolve|connection refused|timed out|failed to connect|could not connect"
    r"|connection reset|network is unreachable|couldn't connect|unexpected disconnect"
    r"|operation too slow|returned error: 5\d\d|early eof|connection closed"
)


class DamagedClone(GitFailed):
    """A clone in the store that can't be read, though it says that it has the commit."""


class Address:
    """A repository's address: checked, without secrets."""

    def __init__(self, url: str, insecure_hosts: frozenset[str] = frozenset()) -> None:
        """Raises `GitFailed` for an address that must not be asked (hazard H50)."""
        try:
            self.url = read_git_url(url)
        except ValueError as error:
            raise GitFailed(redact(url), str(error)) from error
        parts = urlsplit(self.url)
        self.scheme, self.host = parts.scheme, parts.hostname or ""
        trusted = self.host in insecure_hosts or _LOOPBACK.fullmatch(self.host)
        if self.scheme == "http" and not trusted:
            raise GitFailed(
                self.url,
                f"plain http is not allowed for {self.host}",
                hint=f"use https://, or trust it by `ENVSYNC_ALLOW_INSECURE_HOST={self.host}`",
            )

    def below(self, url: str, insecure_hosts: frozenset[str]) -> "Address":
        """Give the address that a submodule of this repository names, relative to it or in full.

        A server's repository leads to no file of this machine. Raises `GitFailed`.
        """
        if url.startswith(("./", "../")):
            folder = self.url.rstrip("/") + "/"
            joined = urljoin(folder.replace(self.scheme, "https", 1), url).rstrip("/")
            url = joined.replace("https", self.scheme, 1)
        found = Address(url, insecure_hosts)
        if found.scheme != self.scheme and "file" in (found.scheme, self.scheme):
            raise GitFailed(found.url, f"a submodule of {self.url} must not lead there")
        if found.scheme == "http" and self.scheme != "http":
            raise GitFailed(found.url, f"a submodule of {self.url} over plain http")
        return found

    def failed(self, errors: str, doing: str = "") -> GitFailed:
        """Give the error for what git said of this address."""
        said = [line for line in errors.splitlines() if line.strip()]
        first = next((line for line in said if line.startswith(("fatal:", "error:"))), "")
        text = first.partition(": ")[2] or (said[-1] if said else "git said nothing")
        reason = f"{doing}{text.strip()[:300]}"
        whole = "\n".join(said)
        if re.search("(?i)unknown option|unknown switch|usage: git", whole):
            return GitFailed(
                self.url, f"this git is too old: {reason}", hint=f"git {_OLDEST} or newer is needed"
            )
        if _DAMAGED.search(whole):
            return DamagedClone(self.url, f"its clone in the cache is damaged: {reason}")
        if "Host key verification failed" in whole:
            return GitFailed(
                self.url, "the host's key is not known", hint=f"`ssh {self.host}` shows and adds it"
            )
        if "dubious ownership" in whole:
            return GitFailed(
                self.url,
                "the repository belongs to another user",
                hint=f"`git config --global --add safe.directory {urlsplit(self.url).path}`"
                " trusts it",
            )
        if _LOGIN.search(whole):
            return GitFailed(
                self.url,
                f"the server refuses it without another login: {reason}",
                hint=f"git's own helpers or ssh keys are asked: see that `git ls-remote {self.url}`"
                " works, then run this again",
            )
        if _GONE.search(whole):
            return GitFailed(
                self.url,
                f"there is no such repository, or it isn't shown to you: {reason}",
                hint="see that the address is right, and that your login may read it",
            )
        if _NETWORK.search(whole):
            return GitFailed(
                self.url, f"the server can't be reached: {reason}", hint="run the command again"
            )
        return GitFailed(self.url, reason)
