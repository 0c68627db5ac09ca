"""What an environment is to be, as a value: DesiredEnvironment.

It is made from env.toml and the lock (`operations.desired`), or remembered (`sync.remembered`).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from envsync.environment.manifest import Manifest
from envsync.lock.pins import Pinned
from envsync.model.target import Target


class DesiredEnvironment(NamedTuple):
    """What an environment is to be."""

    root: str
    """The environment's path, absolute, as files in it name it."""
    base: str
    """The folder that the lock's relative paths begin at, absolute."""
    target: Target
    prompt: str
    pins: tuple[Pinned, ...]
    selection: str
    """Groups and extras, as one line."""
    system_site_packages: bool = False
    link_mode: str = "auto"
    compile_bytecode: bool = False
    """Compiled files are made where the store has none; else they are linked where it has."""
    overrides: tuple[str, ...] = ()
    """`[lock] overrides` of env.toml: what counts in place of what metadata requires."""
    keep: tuple[str, ...] = ()
    """`[sync] keep` of env.toml: patterns of paths in site-packages that programs write to."""
    winners: Mapping[str, str] = MappingProxyType({})
    """`[sync] winners` of env.toml: whose file stands, by path."""
    any_python: tuple[str, ...] = ()
    """Packages whose own Requires-Python is not believed."""
    recipes: Mapping[str, str] = MappingProxyType({})
    """Package -> the name of what env.toml says of its build, where it says anything."""
    inputs: tuple[tuple[str, str], ...] = ()
    """Files that decided all this, absolute, with the sha256 of what was read; none: no stamp."""
    link_end: str = ""
    """Where the environment lies if its path is a link of the user's, without any link."""

    @property
    def folder(self) -> str:
        """The folder to look at and to change."""
        return self.link_end or self.root

    def at(self, folder: str) -> "DesiredEnvironment":
        """Give the same in the folder in which the environment lies (`sync.location`)."""
        return self._replace(link_end=folder if folder != self.root else "")

    def unmarked_if(self, is_overruled: bool) -> "DesiredEnvironment":
        """Give the same without what a mark needs, where more than env.toml and the lock decided
        it: a mark would answer for a `sync` that doesn't ask for the same.
        """
        return self._replace(inputs=()) if is_overruled else self


def place_of(manifest: Manifest) -> str:
    """Give the path that an environment was made for."""
    return manifest.target.rpartition("\t")[2]


def target_line(desired: DesiredEnvironment) -> str:
    """Name the interpreter, kind and place of an environment, as its manifest has it."""
    target = desired.target
    shape = "system" if desired.system_site_packages else "isolated"
    return f"{target.executable}\t{target.signature}\t{target.version}\t{shape}\t{desired.root}"


def owned_folders(target: Target) -> list[str]:
    """Give the folders that are envsync's whether a package has files there or not."""
    return sorted({target.purelib, target.platlib, target.scripts, target.headers})
