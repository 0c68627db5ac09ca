"""The name of the package in a folder of the project, as far as its files say it."""

import posixpath

from packaging.utils import canonicalize_name

from envsync.adopt.draft import Draft
from envsync.adopt.ini_file import name_in_setup_cfg
from envsync.adopt.setup_py import name_in_setup_py
from envsync.adopt.toml_file import TomlFile
from envsync.errors import PathRefused, SpecInvalid


def name_of_folder(draft: Draft, folder: str) -> str | None:
    """Give the normalised name that pyproject.toml, setup.cfg or setup.py has; None: none does."""
    for file, read in _READERS.items():
        path = posixpath.normpath(posixpath.join(folder, file))
        try:
            name = read(path, draft.read_bytes(path))
        except (PathRefused, SpecInvalid):
            continue
        if name:
            return canonicalize_name(name)
    return None


def _in_pyproject(path: str, data: bytes) -> str | None:
    file = TomlFile(path, data)
    return file.text_at("project", "name") or file.text_at("tool", "poetry", "name")


_READERS = {
    "pyproject.toml": _in_pyproject,
    "setup.cfg": name_in_setup_cfg,
    "setup.py": name_in_setup_py,
}
