"""The address of the index that is asked where nobody names one."""

import ast
import importlib.util
import os
from functools import cache
from urllib.parse import urlsplit

from envsync.errors import UsageError
from envsync.model.file_urls import file_url, is_local, lies_below, path_of
from envsync.settings import Settings


def default_index(settings: Settings, root: str) -> str:
    """Give the address of the index that is asked where env.toml names no default.

    A folder of the project at `root` is named relative to it, so that locks can be moved.
    """
    chosen = settings.default_index
    if chosen is None or not is_local(chosen):
        return chosen or public_index()
    return file_url(relative_to(root, path_of(chosen)))


def relative_to(root: str, path: str) -> str:
    """Give an absolute path relative to a folder that it lies in, others as they are."""
    is_inside = root and lies_below(file_url(path), file_url(root))
    return os.path.relpath(path, root) if is_inside else path


@cache
def public_index() -> str:
    """Give the address of the public index, as the library distlib knows it.

    Its module is read, not imported: an import costs ten times as much.
    """
    module = importlib.util.find_spec("distlib")
    folders = module.submodule_search_locations if module else None
    for folder in folders or ():
        with open(os.path.join(folder, "index.py"), encoding="utf-8") as file:
            tree = ast.parse(file.read())
        for node in tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DEFAULT_INDEX":
                host = urlsplit(ast.literal_eval(node.value)).netloc
                return f"https://{host}/simple/"
    raise UsageError(
        "the address of the public index is not known: distlib is not installed as it should be",
        hint="install envsync anew, or name an index with ENVSYNC_DEFAULT_INDEX",
    )
