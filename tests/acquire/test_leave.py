"""Whose sources may be built: what env.toml says, never what a lock has."""

from pathlib import Path
from typing import Any

import pytest

from envsync.acquire.builds import Builder
from envsync.errors import BuildNotAllowed
from envsync.events import SILENT
from envsync.lock.pins import Pinned
from envsync.settings import Settings
from envsync.spec.read import parse_spec

TEXT = """\
[env]
dependencies = ["far @ https://files.example/far-1.0.tar.gz"]
[sources]
lib = { path = "lib" }
sd = { path = "vendor/sd-1.0.tar.gz" }
"""


def pin(name: str, kind: Any, path: str | None, **fields: Any) -> Pinned:
    filename = path.rpartition("/")[2] if path and kind != "directory" else ""
    found = Pinned(name, None, kind, filename, None, path, "", {})
    return found._replace(**fields)


ALLOWED = (
    pin("lib", "directory", "lib"),
    pin("lib", "directory", "./lib"),
    pin("sd", "archive", "vendor/sd-1.0.tar.gz"),
)
FAR = "https://files.example/far-1.0.tar.gz"
REFUSED = (
    pin("lib", "directory", "other"),
    pin("lib", "directory", "lib", editable=True),
    pin("lib", "directory", "lib", subdirectory="py"),
    pin("lib", "vcs", "lib", commit="0" * 40),
    pin("lib", "sdist", "lib"),
    pin("other", "directory", "lib"),
    pin("sd", "archive", "vendor/other-1.0.tar.gz"),
    pin("sd", "sdist", "vendor/sd-1.0.tar.gz"),
    pin("sd", "archive", "vendor/sd-1.0.tar.gz", url="https://evil.example/sd-1.0.tar.gz"),
    pin("far", "archive", None, url=FAR, filename="far-1.0.tar.gz"),
    pin("base", "sdist", None, url="https://files.example/base-1.0.tar.gz", index_url="x"),
)


def builder(folder: Path, allow: str) -> Builder:
    spec = parse_spec(f"{TEXT}[build]\nallow = [{allow}]\n", folder_name="x")
    host: Any = None  # nothing is fetched to say whether there is leave
    return Builder(host, str(folder), spec, Settings(str(folder / "cache")), SILENT)


@pytest.mark.parametrize("found", ALLOWED, ids=str)
def test_what_sources_names_may_be_built(found: Pinned, tmp_path: Path) -> None:
    builder(tmp_path, "").check_leave(found)


@pytest.mark.parametrize("found", REFUSED, ids=str)
def test_everything_else_needs_leave(found: Pinned, tmp_path: Path) -> None:
    with pytest.raises(BuildNotAllowed) as caught:
        builder(tmp_path, '"not-this"').check_leave(found)
    assert caught.value.name == found.name
    builder(tmp_path, f'"{found.name}"').check_leave(found)
    builder(tmp_path, '":all:"').check_leave(found)
