"""Write places on this machine as `file:` URLs: absolute ones, or relative to the project's folder.

`file:///srv/wheels` is absolute, `file:vendor/wheels` and `file:../wheels` are relative: a lock
holds the latter as a `path` (PEP 751), so they never name a folder of one machine alone.
"""

import posixpath
from urllib.parse import quote, unquote

SCHEME = "file:"


def is_local(url: str | None) -> bool:
    """Say whether a URL names a place on this machine."""
    return url is not None and url.startswith(SCHEME)


def file_url(path: str) -> str:
    """Give the URL of a path with forward slashes; "." and "" are the project's folder."""
    if path.startswith("/"):
        return f"file://{quote(path)}"
    return f"{SCHEME}{quote('' if path == '.' else path)}"


def path_of(url: str) -> str:
    """Give the path that a `file:` URL names; relative ones as they are."""
    path = unquote(url.removeprefix(SCHEME))
    return path.removeprefix("//localhost").removeprefix("//") if path[:2] == "//" else path


def lies_below(url: str, folder: str) -> bool:
    """Say whether a `file:` URL is a folder's or of something in it, as both are written."""
    path, above = path_of(url), path_of(folder).rstrip("/")
    if not above:
        is_absolute = folder.startswith("file:/")
        return path.startswith("/") if is_absolute else not path.startswith(("/", "../"))
    is_below = path == above or path.startswith(f"{above}/")
    return is_below and ".." not in path[len(above) :].split("/")


def reach_of(url: str, format_: str) -> str:
    """Give the folder that the files of an index outside of the project may lie in.

    That is the index's own, and beside it where its pages lie in `simple`, as servers have it.
    """
    path = path_of(url)
    last = posixpath.basename(path)
    if last.endswith((".html", ".htm")) or (last == "simple" and format_ == "simple"):
        return file_url(posixpath.dirname(path))
    return url


def below(folder: str, path: str) -> str:
    """Give the URL of a path below that of a folder; `path` is quoted."""
    separator = "" if folder == SCHEME or folder.endswith("/") else "/"
    return f"{folder}{separator}{path}"
