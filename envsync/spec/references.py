"""Read the URL of a direct reference (`NAME @ URL`, PEP 508) into the source that it names."""

import re
from urllib.parse import unquote

from envsync.spec.locations import (
    read_archive_url,
    read_git_url,
    read_revision,
    read_subdirectory,
    split_url,
)
from envsync.spec.model import SourceSpec

_USER_OR_HOST = re.compile(r"[a-z+]+://(?!localhost:)[^/@.:\[\]]+:[0-9]*/", re.IGNORECASE)
"""`https://me:12/word@host` begins like this, and so does a host of one word with its port."""


def direct_source(url: str) -> SourceSpec:
    """Give the source of a direct reference: an archive, or a git repository for `git+...`.

    ValueError says why the URL can't be used: other schemes, credentials, odd characters.
    """
    if url.startswith("file:"):
        raise ValueError("a local path goes under [sources]: NAME = { path = ... }")
    base, _, fragment = url.partition("#")
    subdirectory, rest = _fragment(fragment)
    if url.startswith("git+"):
        if rest:
            raise ValueError("after # a git URL may have subdirectory=PATH only")
        return _git_source(base.removeprefix("git+"), subdirectory)
    location = f"{base}#{rest}" if rest else base
    return SourceSpec("url", read_archive_url(location), subdirectory=subdirectory)


def _git_source(url: str, subdirectory: str | None) -> SourceSpec:
    """Split `URL@REVISION`; an @ before the path belongs to the user's name."""
    path = split_url(url).path
    repository, at, revision = path.rpartition("@")
    if not at:
        return SourceSpec("git", read_git_url(url), subdirectory=subdirectory)
    if _USER_OR_HOST.match(url):
        raise ValueError(
            "what stands before the last @ may be a user and a password: write / and @ in a "
            "password as %2F and %40, or the revision by itself, as tag, branch or rev"
        )
    location = url.removesuffix(path) + repository
    return SourceSpec(
        "git", read_git_url(location), rev=read_revision(revision), subdirectory=subdirectory
    )


def _fragment(fragment: str) -> tuple[str | None, str]:
    """Take `subdirectory=` and the obsolete `egg=` out of a fragment; give the first, and the rest.

    Conventions of PEP 440's direct references, PEP 610 and pip.
    """
    subdirectory, rest = None, []
    for part in fragment.split("&") if fragment else ():
        if part.startswith("subdirectory="):
            subdirectory = read_subdirectory(unquote(part.removeprefix("subdirectory=")))
        elif not part.startswith("egg="):
            rest.append(part)
    return subdirectory, "&".join(rest)
