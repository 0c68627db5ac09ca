"""Read the address that stands in for the public index: a URL, or the path of a folder."""

import os

from envsync.errors import UsageError
from envsync.redaction import is_doubtful, redact_url


def read_default_index(text: str) -> str:
    """Give the URL that `--default-index` or its variable names. Raises `UsageError`."""
    url = _as_url(text)
    _judge(url)
    return url


def _as_url(index: str) -> str:
    """Give the URL of an index that is named by a path; others as they are."""
    is_path = index.startswith(("/", "./", "../"))
    if not is_path and not index.startswith(("file:///", "file://localhost/")):
        return index
    from envsync.model.file_urls import file_url, path_of  # noqa: PLC0415  (few name a folder)

    path = index if is_path else path_of(index)
    return file_url(os.path.abspath(path))


def _judge(url: str) -> None:
    """Refuse what is no index's URL, without showing the password that it may hold."""
    reason = None
    if url.startswith("file:///") and "?" not in url and "#" not in url:
        return
    if not url.lower().startswith(("http://", "https://")):
        reason = "is not an http or https URL, nor a folder"
    elif is_doubtful(url):
        reason = "has an @, /, ? or # that must be written as %40, %2F, %3F or %23"
    elif "?" in url or "#" in url:
        reason = "has a ? or # part, which the address of an index can't have"
    if reason is not None:
        raise UsageError(
            f"the default index {redact_url(url)} {reason}",
            hint="--default-index https://index.example/simple/ (or ENVSYNC_DEFAULT_INDEX)",
        )
