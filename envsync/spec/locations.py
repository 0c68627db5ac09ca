"""Check the places that env.toml may name: URLs, git repositories and revisions, relative paths.

A cloned env.toml is a stranger's text: nothing in it may reach outside the project, carry or
collect secrets, or be taken for an option by a program that gets it as an argument.
Every reader gives the text back, checked, or raises ValueError with the reason.
"""

import posixpath
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from envsync.model.file_urls import SCHEME, file_url, path_of
from envsync.redaction import is_doubtful, is_secret_parameter

MAX_LENGTH = 4096

_URL = (
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)"
    r"(?:\?(?P<query>[^#]*))?(?:\#(?P<fragment>.*))?"
)
_AUTHORITY = (
    r"(?:(?P<user>[^@]*)@)?"
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
)
_SSH_USER = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_VARIABLE = r"\$(?:\{|[A-Za-z_])"
_URL_TEXT = r"[!-~]+"
"""Printable ASCII without spaces; other characters are written as %XX."""
_SCP_LIKE = r"(?P<host>[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+):/?(?P<path>[^/].*)"
_SSH_WITH_COLON = r"ssh://(?P<host>[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+):(?P<path>[^0-9/].*)"
_HASH = r"(?:sha256=[0-9A-Fa-f]{64}|sha384=[0-9A-Fa-f]{96}|sha512=[0-9A-Fa-f]{128})"

_ARCHIVES = (".whl", ".tar.gz", ".tgz", ".zip", ".tar.bz2", ".tar.xz")
_NOT_IN_REVISION = r"[\s~^:?*\[\\\x7f]|\.\.|@\{|//|/$|\.lock$"

_REPOSITORY = frozenset({".git", ".hg", ".svn", ".bzr", ".jj"})


Reach = Callable[[str], bool]
"""Says of a path that leads out of the project's folder whether the user's own settings let any
project read what lies there."""


def nowhere(_: str) -> bool:
    """Let no project reach out."""
    return False


def everywhere(_: str) -> bool:
    """Let a text name any place: for those who only read it, and go to none."""
    return True


class Url(NamedTuple):
    """A URL taken apart, as written but for the lower-case scheme."""

    scheme: str
    user: str | None
    host_and_port: str
    path: str
    query: str
    fragment: str


def read_http_url(text: str, *, credentials_go: str = "into your netrc file") -> str:
    """Check an http or https URL of a file or an index (H13, H24, H28)."""
    url = split_url(text)
    if url.scheme not in ("http", "https"):
        raise ValueError(f"a URL must begin with https:// or http://, not {url.scheme}://")
    if url.user is not None:
        raise ValueError(f"credentials do not belong in env.toml: put them {credentials_go}")
    if is_doubtful(text):
        raise ValueError(
            f"an @ in a path is written %40; credentials do not belong in env.toml: "
            f"put them {credentials_go}"
        )
    _refuse_secrets(url.query, credentials_go)
    return text


def read_base_url(text: str) -> str:
    """Check an address that the user binds credentials to: an index's, without a user."""
    url = split_url(text)
    if url.user is not None:
        raise ValueError("the address is written without user and password")
    return read_index_url(text)


def read_index_url(text: str, *, credentials_go: str = "into your netrc file") -> str:
    """Check the http or https URL of an index: names of projects are put behind it."""
    read_http_url(text, credentials_go=credentials_go)
    url = split_url(text)
    if url.query or url.fragment:
        raise ValueError("the address of an index has no ? or # part")
    return text


def read_index_place(text: str, *, outside: bool, credentials_go: str) -> str:
    """Check where an index is: an http or https URL, a `file:` URL, or a path.

    A place on this machine is given as `model.file_urls` writes it. Without `outside` it is a
    path inside the project's folder, since whoever cloned a file has not seen where it reaches.
    """
    if text.startswith(SCHEME):
        return _read_file_url(text, outside=outside)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        return read_index_url(text, credentials_go=credentials_go)
    if not text:
        raise ValueError("not a URL or path: it is empty")
    first, inner, _ = text.partition("/")
    # Whoever forgot https:// must not be told of a folder that isn't there.
    if ":" in first or (inner and re.search(r"[^.]\.", first)):
        raise ValueError("write https:// before a server, ./ before a folder of the project")
    leads_out = text.startswith("/") or ".." in text.split("/")
    if not leads_out:
        return file_url(read_path(text))
    _refuse_outside(outside=outside)
    if "\\" in text or not text.isprintable() or text != text.strip() or len(text) > MAX_LENGTH:
        raise ValueError("the path has backslashes, or characters that cannot be shown")
    return file_url(posixpath.normpath(text))


def _read_file_url(text: str, *, outside: bool) -> str:
    if not re.fullmatch(r"file:(?:(?://(?:localhost)?)/|/(?!/))[!-~]*", text) or set(text) & set(
        '\\"<>?#'
    ):
        raise ValueError("a file: URL names a folder of this machine: file:///PATH")
    _refuse_outside(outside=outside)
    path = path_of(text)
    if not path.isprintable():
        raise ValueError("the path has characters that cannot be shown")
    return file_url(posixpath.normpath(f"/{path.lstrip('/')}"))


def _refuse_outside(*, outside: bool) -> None:
    if not outside:
        raise ValueError(
            "leads out of the project's folder, or names a folder of one machine: write a path "
            "inside the project, or add outside = true"
        )


def read_archive_url(text: str) -> str:
    """Check the URL of a wheel or source archive; `#sha256=...` may say what it must hash to."""
    read_http_url(text)
    url = split_url(text)
    if url.fragment and not re.fullmatch(_HASH, url.fragment):
        raise ValueError("after # a URL may have sha256=HASH only")
    if not unquote(url.path).lower().endswith(_ARCHIVES):
        raise ValueError("the URL must name a wheel (.whl) or a source archive (.tar.gz, .zip)")
    return text


def read_git_url(text: str) -> str:
    """Check the URL of a git repository: https, ssh, or file for a local one (H50).

    `git@host:path` becomes an ssh URL: forges mean the same by both. Plain http is left to whoever
    asks, who knows the hosts that the user trusts with it.
    """
    scp = re.fullmatch(_SCP_LIKE, text)
    if scp and "://" not in text:
        return read_git_url(f"ssh://{scp['host']}/{scp['path']}")
    if text.startswith("git+"):
        raise ValueError("leave out git+ in front of the URL")
    if text.startswith(("/", "./", "../", "~")):
        raise ValueError(
            "not a URL: it must begin with https:// or ssh://, or with file:/// and the whole path"
        )
    colon = re.fullmatch(_SSH_WITH_COLON, text)
    if colon:
        raise ValueError(
            f"after the colon comes a port: write ssh://{colon['host']}/{colon['path']}"
        )
    url = split_url(text)
    if url.scheme not in ("https", "http", "ssh", "file"):
        raise ValueError(f"git URLs begin with https://, ssh:// or file://, not {url.scheme}://")
    if url.scheme == "file" and (url.host_and_port or not url.path.startswith("/")):
        raise ValueError("a file:// URL names a folder of this machine: file:///PATH")
    if url.user is not None and not (url.scheme == "ssh" and re.fullmatch(_SSH_USER, url.user)):
        raise ValueError(
            "credentials do not belong in env.toml: leave them to git's credential helper or ssh"
        )
    if url.scheme != "ssh" and is_doubtful(text):
        raise ValueError(
            "what stands before the @ may be a user and a password: credentials do not belong in "
            "env.toml; an @ in a path is written %40"
        )
    if url.query or url.fragment:
        raise ValueError("a git URL has no ? or # part: use tag, branch, rev and subdirectory")
    if unquote(url.path).startswith("/-"):
        raise ValueError("the path of a git URL must not begin with -")
    if not unquote(url.path).strip("/") or not unquote(url.path).isprintable():
        raise ValueError("a git URL names a repository: https://HOST/PATH")
    return text


def read_revision(text: str) -> str:
    """Check a tag, branch or commit: a name that git can't take for an option (H24, H50)."""
    _refuse_odd_text(text, "name")
    if text.startswith(("-", "/", ".")) or re.search(_NOT_IN_REVISION, text):
        raise ValueError("not the name of a tag, branch or commit")
    return text


def read_path(text: str) -> str:
    """Check a path inside the project's folder and give its shortest form; "." is the folder.

    Always relative, with forward slashes, never through `..` (H21, H24, H28).
    """
    parts = _parts(text)
    if text.startswith("/"):
        raise ValueError("the path must be relative to the project's folder")
    if ".." in parts:
        raise ValueError("the path must stay inside the project's folder: no ..")
    return "/".join(parts) or "."


def _parts(text: str) -> list[str]:
    """Give the parts of a path, but for those that mean nothing; ValueError for an odd one."""
    _refuse_odd_text(text, "path")
    if "\\" in text:
        raise ValueError("write the path with forward slashes")
    parts = [part for part in text.split("/") if part not in ("", ".")]
    # What is read is read again, from the lock or by another tool: `./~` must not become `~`.
    if any(re.match("~|[A-Za-z]:", one) for one in (text, *parts[:1])):
        raise ValueError("the path must be relative to the project's folder")
    if any(part != part.strip() or len(part.encode()) > 255 for part in parts):
        raise ValueError("the path has a part with blanks around it, or of over 255 bytes")
    if parts and parts[0].startswith("-"):
        raise ValueError("the path must not begin with -")
    return parts


def read_place(text: str, *, outside: bool, reach: Reach = nowhere) -> str:
    """Check a path that may lead out of the project's folder, and give its shortest form.

    It is absolute as it was written, or relative with every `..` in front. `outside`: env.toml says
    beside it that it leads out; else it is `reach` that may allow that.
    """
    place = shortest(_parts(text), absolute=text.startswith("/"))
    if not leads_outside(place):
        return read_path(text)
    if not outside and not reach(place):
        try:
            read_path(text)
        except ValueError as error:
            raise ValueError(f"{error}, unless outside = true beside it says so") from None
    return place


def shortest(parts: Sequence[str], *, absolute: bool = False) -> str:
    """Join the parts of a path, each `..` taken with what is before it."""
    kept: list[str] = []
    for part in parts:
        if part == ".." and kept and kept[-1] != "..":
            kept.pop()
        elif part != ".." or not absolute:
            kept.append(part)
    return "/" + "/".join(kept) if absolute else "/".join(kept) or "."


def leads_outside(path: str) -> bool:
    """Say whether a path in its shortest form leads out of the folder that it starts from."""
    return path.startswith("/") or path.partition("/")[0] == ".."


def is_of_repository(path: str) -> bool:
    """Say whether a path leads into what a version control system keeps of a project: what lies
    there it runs (hooks), or takes its orders from.
    """
    return not _REPOSITORY.isdisjoint(path.casefold().split("/"))


def read_subdirectory(text: str) -> str:
    """Check a path below a source's own root."""
    path = read_path(text)
    if path == ".":
        raise ValueError("leave the subdirectory out to mean the root itself")
    return path


def split_url(text: str) -> Url:
    """Take a URL apart (RFC 3986), refusing what readers of URLs don't agree on."""
    if len(text) > MAX_LENGTH:
        raise ValueError(f"a URL must not be longer than {MAX_LENGTH} characters")
    if re.search(_VARIABLE, text):
        raise ValueError("variables are not expanded in URLs: credentials come from your settings")
    if not re.fullmatch(_URL_TEXT, text) or set(text) & set('\\"<>^`{|}'):
        raise ValueError("not a URL: it has characters that must be written as %XX")
    match = re.fullmatch(_URL, text)
    if match is None:
        raise ValueError("not a URL: it must begin with https://")
    authority = re.fullmatch(_AUTHORITY, match["authority"])
    if match["authority"] and (authority is None or int(authority["port"] or 0) > 65535):
        raise ValueError("the URL's host is not valid")
    if not match["authority"] and match["scheme"].lower() != "file":
        raise ValueError("the URL has no host")
    return Url(
        match["scheme"].lower(),
        authority["user"] if authority else None,
        match["authority"].rpartition("@")[2],
        match["path"],
        match["query"] or "",
        match["fragment"] or "",
    )


def _refuse_secrets(query: str, credentials_go: str) -> None:
    for pair in re.split("[&;]", query):
        if is_secret_parameter(pair):
            raise ValueError(
                f"the URL's query holds a secret, which would end in the lock: "
                f"put credentials {credentials_go}"
            )


def _refuse_odd_text(text: str, what: str) -> None:
    if not text or not text.strip():
        raise ValueError(f"the {what} is empty")
    if not text.isprintable() or text != text.strip():
        raise ValueError(f"the {what} has blanks around it or characters that cannot be shown")
    if len(text) > MAX_LENGTH:
        raise ValueError(f"the {what} is longer than {MAX_LENGTH} characters")
