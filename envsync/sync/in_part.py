"""A part of an environment that changes alone, where the no-op mark shows all of it to be right.

Then nothing is done for each file of the packages that stay: they are neither compared nor planned
nor written down anew. What the part must not do is meet them: share a path, or have a file where
they have a folder. Where it would, everything is looked at (`Entangled`).
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from envsync.environment.change import Others
from envsync.environment.drift import Drift, around, compiled_beside, source_of
from envsync.environment.manifest import Manifest
from envsync.environment.paths import parents
from envsync.lock.pins import Pinned
from envsync.sync.observe import ObservedEnvironment


class Entangled(Exception):
    """What changes can't be changed without a look at what stays."""


class Part(NamedTuple):
    """The owners that may change, the environment's own files among them, and all others."""

    before: Manifest
    """What is there, of those owners alone."""
    others: Others
    names: Collection[str]
    """Of the owners that may change, before or after."""
    times: Mapping[str, int]
    """When files last changed that are right since then, of those owners, and of others that were
    looked at."""

    def refuse_meeting(self, paths: Collection[str]) -> None:
        """Raise `Entangled` where some of the paths meet what others have."""
        above = parents(paths)
        near = self.others.beside({"", *above})
        if not (
            near.isdisjoint(paths)
            and self.others.folders.isdisjoint(paths)
            and near.isdisjoint(above)
        ):
            raise Entangled

    def drift(self, root: str, found: Drift) -> Drift:
        """Give what was `found` to differ, with what Python and its tools wrote beside the sources
        of these owners alone.

        Raises `OSError`.
        """
        placed, others = self.before.placed(), self.others
        own = parents(placed)
        folders, near = others.folders | own, others.beside(around(own))
        beside = compiled_beside(root, placed, near.union(placed), folders)
        return found._replace(
            stray=tuple(sorted({*found.stray, *beside.stray})),
            bytecode=tuple(p for p in beside.bytecode if source_of(p) not in near),
            caches=tuple(
                p for p in beside.caches if p.partition("/__pycache__/")[0] not in others.folders
            ),
        )


def whole_or_part(
    observed: ObservedEnvironment, needed: Iterable[Pinned], kept: Collection[str]
) -> Part | None:
    """Give the part that changes where `needed` are, and what is not `kept` goes.

    None: all of the environment is looked at. Raises `Entangled`.
    """
    mark, manifest = observed.mark, observed.manifest
    if mark is None or manifest is None:
        return None
    changing = {"", *(pin.name for pin in needed)}
    changing |= manifest.packages().keys() - kept
    before = manifest._replace(
        owners=tuple(owner for owner in manifest.owners if owner.name in changing)
    )
    times: dict[str, int] = {}
    for row in mark.parts:
        if row[0] in changing and row[0] not in observed.differing_owners:
            times.update(mark.times_of(row))
    times.update(observed.times)
    rest = [(mark.folders_of(row), row) for row in mark.parts if row[0] not in changing]
    part = Part(before, Others(rest, mark.paths_of), changing, times)
    part.refuse_meeting(before.placed())
    return part
