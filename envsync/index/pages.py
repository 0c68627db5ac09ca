"""Turn a project page of a package index into its files, whatever its format."""

from typing import Literal

from envsync.errors import IndexFailed
from envsync.index.json_page import read_json
from envsync.index.urls import display_url, printable
from envsync.model.candidate import Files

ACCEPT = (
    "application/vnd.pypi.simple.v1+json, "
    "application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
)
"""The Accept header for pages: JSON where the index has it (PEP 691)."""


def parse_page(body: bytes, content_type: str, *, url: str, name: str) -> Files:
    """Read the decoded body of a project page; files in the page's order.

    `url` is the page's own address (after redirects), `name` the project asked for. Links that
    can't be files (other schemes, file names that are no names) are left out. Raises
    `IndexFailed` for what is no project page, or another project's.
    """
    if _kind(content_type, url) == "json":
        return read_json(body, url, name)
    from envsync.index.html_page import read_html  # noqa: PLC0415  (4 ms, and most have JSON)

    return read_html(body.decode("utf-8", "replace"), url)


def _kind(content_type: str, url: str) -> Literal["json", "html"]:
    """Tell the format by its media type (PEP 691 and the forms before it)."""
    media_type = content_type.partition(";")[0].strip().lower()
    match media_type.split("+")[-1] if "vnd.pypi.simple" in media_type else media_type:
        case "json" | "application/json":
            return "json"
        case "html" | "text/html" | "application/xhtml+xml" | "":
            return "html"
    reason = f"a project page of type {printable(media_type)[:100]}; expected HTML or JSON"
    raise IndexFailed(display_url(url), reason)
