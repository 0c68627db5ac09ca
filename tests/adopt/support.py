"""Drafts and env.tomls made of files that are only texts."""

import tomllib
from collections.abc import Mapping
from typing import Any

from envsync.adopt import conda, hatch, pdm, poetry, pyproject, uv
from envsync.adopt.draft import Draft
from envsync.adopt.env_text import env_text
from envsync.adopt.found import file_named
from envsync.adopt.pipfile import read_pipfile
from envsync.adopt.requirements_txt import read_requirements
from envsync.adopt.settle import settle
from envsync.adopt.setup_cfg import read_setup_cfg
from envsync.adopt.setup_py import read_setup_py
from envsync.errors import PathRefused

PUBLIC = "https://public.example/simple"


def draft_of(files: Mapping[str, str | bytes], *read: str) -> Draft:
    """Read files in order, the first one if none is named, and settle what they say."""

    def content(path: str) -> bytes:
        if path not in files:
            raise PathRefused(path, "there is no such file or folder")
        data = files[path]
        return data if isinstance(data, bytes) else data.encode()

    draft = Draft(content, is_public=lambda url: url.rstrip("/") == PUBLIC)
    for path in read or [next(iter(files))]:
        _read(draft, path)
    settle(draft, "folder")
    return draft


def _read(draft: Draft, path: str) -> None:
    known = file_named(path)
    assert known is not None
    if known.kind == "pyproject":
        file = pyproject.read_pyproject(draft, path)
        if file.has("tool", "poetry"):
            poetry.read_poetry(draft, file)
        if file.has("tool", "uv"):
            uv.read_uv(draft, file)
        if file.has("tool", "pdm"):
            pdm.read_pdm(draft, file)
        if file.has("tool", "hatch", "envs"):
            hatch.read_hatch(draft, file)
        file.tell_odd(draft)
    elif known.kind == "requirements":
        read_requirements(draft, path, known.part)
    elif known.kind == "constraints":
        read_requirements(draft, path, None)
    else:
        readers = {"pipfile": read_pipfile, "setup.cfg": read_setup_cfg, "setup.py": read_setup_py}
        readers.get(known.kind, conda.read_environment_yml)(draft, path)


def env_of(draft: Draft) -> dict[str, Any]:
    """Give the values of the env.toml that a draft makes."""
    return tomllib.loads(env_text(draft, folder_name="folder"))


def adopted(files: Mapping[str, str | bytes], *read: str) -> dict[str, Any]:
    """Give the values of the env.toml that files make, of which nothing is left out."""
    draft = draft_of(files, *read)
    assert missing(draft) == [], draft.left
    return env_of(draft)


def missing(draft: Draft) -> list[str]:
    """Say what is not carried over, without the advice."""
    return [f"{left.origin.line}: {left.what}" for left in draft.left if left.matters]


def dependencies(files: Mapping[str, str | bytes], *read: str) -> list[str]:
    """Give the dependencies of the env.toml that files make, of which nothing is left out."""
    found: list[str] = adopted(files, *read)["env"]["dependencies"]
    return found
