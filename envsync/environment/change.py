"""A change of an environment: what it is prepared from, and what it can do once it is prepared.

Everything that can fail is done by preparing; the environment is as it was until the commit. There
are two ways: `environment.update` changes an environment where it is, through the journal, and
`environment.replace` builds one beside it and renames. `environment.transaction` commits either.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain
from typing import NamedTuple, Protocol, TypeVar

from envsync.environment.manifest import Manifest
from envsync.environment.paths import with_above
from envsync.environment.placing import ChangeTimes, Files
from envsync.environment.seal import Seal
from envsync.events import SILENT, Reporter
from envsync.platform.links import Placer


def new_environment_id() -> str:
    """Give a fresh identity for an environment."""
    return os.urandom(16).hex()


T = TypeVar("T")


class Others:
    """Files that stay as they are where only a part of an environment is looked at.

    Their paths are read when somebody asks, those of the owners alone that it may be about.
    """

    def __init__(
        self,
        owners: Iterable[tuple[Collection[str], T]] = (),
        read: Callable[[T], Collection[str]] = lambda _: (),
    ) -> None:
        """Of each owner `owners` have the folders that its files are in, and what `read` gives
        the paths of.
        """
        self._owners = list(owners)
        self._read = read
        self._paths: dict[int, Collection[str]] = {}
        self.folders = with_above(chain.from_iterable(folders for folders, _ in self._owners))

    def beside(self, folders: Collection[str]) -> set[str]:
        """Give the paths in some folders ("" is the root), and any of the same owners."""
        wanted = frozenset(folders)
        near = (at for at, row in enumerate(self._owners) if not wanted.isdisjoint(row[0]))
        return set(chain.from_iterable(map(self._paths_of, near)))

    def paths(self) -> Iterator[str]:
        """Give all paths."""
        return chain.from_iterable(map(self._paths_of, range(len(self._owners))))

    def _paths_of(self, at: int) -> Collection[str]:
        if at not in self._paths:
            self._paths[at] = self._read(self._owners[at][1])
        return self._paths[at]


class Contents(NamedTuple):
    """All that an environment is to hold; `files` without those of `others`."""

    manifest: Manifest
    files: Files
    folders: Collection[str] = ()
    """Made, and left in place, though nothing may be in them."""
    others: Others = Others()


class Means(NamedTuple):
    """What a change is prepared with."""

    seal: Seal
    placer: Placer
    reporter: Reporter = SILENT
    sources_in: tuple[str, ...] = ()
    """Folders below which sources were written just now: they get to the disk with the rest."""


class Change(Protocol):
    """A change of which everything but the commit has been done."""

    @property
    def root(self) -> str:
        """The environment's folder."""

    @property
    def manifest(self) -> Manifest:
        """What will be in place."""

    @property
    def seal(self) -> Seal:
        """The user's."""

    @property
    def is_private(self) -> bool:
        """Nobody but this process knows the folders that will be in place before the commit."""

    @property
    def set_aside(self) -> frozenset[str]:
        """The paths that the commit moves to quarantine, as far as that is known before."""

    def commit(self) -> ChangeTimes:
        """Make the change the one in force. Raises `StorageFailed`.

        Gives when files last changed, of the environment and the store, that are known to be right.
        """

    def discard(self) -> None:
        """Throw away what was made ready; the environment stays as it was.

        What can't be removed doesn't count, and the next envsync command tries again.
        """
