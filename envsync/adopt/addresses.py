"""Addresses and paths, as other tools write them, as the sources of an env.toml."""

import posixpath
import re
from urllib.parse import unquote

from envsync.spec.locations import leads_outside, split_url
from envsync.spec.references import direct_source

_OTHER_VCS = ("hg+", "svn+", "bzr+")
_SCP = (
    r"git\+(?:ssh://)?(?P<host>[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+):(?P<path>[^/0-9][^#]*)(?P<rest>#.*)?"
)
_VARIABLE = r"\$\{[A-Za-z_][A-Za-z0-9_]*\}|\$[A-Za-z_][A-Za-z0-9_]*"
_REVISIONS = ("tag", "branch", "rev")

Source = dict[str, object]
"""A table as it stands under [sources]."""


def read_address(url: str) -> Source:
    """Give the source that an address means: a repository, an archive, or a local path.

    Raises `ValueError` with what to do about an address that env.toml can't have.
    """
    refuse_variable(url)
    if url.startswith(_OTHER_VCS):
        raise ValueError("only git repositories can be sources: name a release or an archive")
    if url.startswith(("git://", "git+git://")):
        raise ValueError("git:// is not encrypted: write the repository's https:// address")
    if url.startswith("file:"):
        return read_file_url(url)
    if url.startswith("git+"):
        return _git_source(re.sub(_SCP, _as_url, url))
    source = direct_source(url)
    base: Source = {"url": source.location}
    return base | ({"subdirectory": source.subdirectory} if source.subdirectory else {})


def refuse_variable(text: str) -> None:
    """Refuse a variable, whose value only the other tool would have put in its place."""
    found = re.search(_VARIABLE, text)
    if found:
        raise ValueError(
            f"the variable {found[0]} is not expanded: write the address without user and "
            "password, which go into ENVSYNC_INDEX_NAME_USERNAME and _PASSWORD, netrc or keyring"
        )


def read_file_url(url: str) -> Source:
    """Give the source that a `file:` address means."""
    address, _, fragment = url.partition("#")
    rest = address.removeprefix("file:")
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        if host not in ("", "localhost"):
            raise ValueError("a file:// address names a folder of this machine: file:///PATH")
        rest = slash + path
    below = [part for part in fragment.split("&") if part.startswith("subdirectory=")]
    source = path_source(unquote(rest))
    return source | ({"subdirectory": below[0].partition("=")[2]} if below else {})


def path_source(path: str, *, editable: bool = False, folder: str = "") -> Source:
    """Give the source that a path means, relative to a folder of the project.

    What lies outside of the project says so.
    """
    refuse_variable(path)
    if re.match(r"[A-Za-z]:[\\/]", path):
        raise ValueError("a path on a drive is of one machine: write a relative one")
    if path.startswith("~"):
        raise ValueError("a path in somebody's home is of one machine: write a relative one")
    plain = path.replace("\\", "/")
    joined = plain if plain.startswith("/") else posixpath.join(folder, plain)
    place = posixpath.normpath(joined)
    source: Source = {"path": place}
    if editable:
        source["editable"] = True
    if leads_outside(place):
        source["outside"] = True
    return source


def git_source(
    url: str, revision: tuple[str, str] | None = None, subdirectory: str | None = None
) -> Source:
    """Give the source that a repository means; `revision` is a key (tag, branch, rev) and value."""
    address = url if url.startswith("git+") else f"git+{url}"
    source = read_address(address)
    if revision is not None:
        source = {key: value for key, value in source.items() if key not in _REVISIONS}
        source[revision[0]] = revision[1]
    return source | ({"subdirectory": subdirectory} if subdirectory else {})


def egg_name(url: str) -> tuple[str, str] | None:
    """Give the name, and the extras with brackets, in the fragment `#egg=` of an address."""
    match = re.search(r"[#&]egg=([A-Za-z0-9._-]+)(\[[^\]&]*\])?", unquote(url))
    return None if match is None else (match[1], match[2] or "")


def _as_url(match: re.Match[str]) -> str:
    return f"git+ssh://{match['host']}/{match['path']}{match['rest'] or ''}"


def _git_source(url: str) -> Source:
    source = direct_source(url)
    split_url(source.location)
    given: Source = {"git": source.location}
    for key in (*_REVISIONS, "subdirectory"):
        if value := getattr(source, key):
            given[key] = value
    return given
