"""What a lock may say beyond the safe default: what env.toml, or the user's settings, allow it."""

from itertools import chain
from typing import NamedTuple

from envsync.model.file_urls import is_local, lies_below, path_of, reach_of
from envsync.spec.declared import declared_sources
from envsync.spec.locations import Reach, nowhere
from envsync.spec.model import SourceKind, Spec


class ReadingPolicy(NamedTuple):
    """What the user's own settings or env.toml allow a lock to say beyond the safe default."""

    insecure_hosts: frozenset[str] = frozenset()
    """Hosts, besides loopback, whose files may come over plain http."""
    file_urls: bool = False
    """Artifacts may be `file:` URLs (pip writes these for local indexes)."""
    named: frozenset[str] = frozenset()
    """URLs of repositories that env.toml itself names; it may name local ones."""
    local_repositories: bool = False
    """In a lock of our own: one that env.toml doesn't name makes it outdated (`lock.origins`)."""
    reach: tuple[str, ...] = ()
    """`file:` URLs of folders outside of the project in which files of its indexes may lie."""
    may_lead: Reach = nowhere
    """Says which paths out of the lock's folder env.toml, or the user, lets it name."""


STRICT = ReadingPolicy()


def reading_policy(
    spec: Spec,
    insecure_hosts: frozenset[str] = frozenset(),
    default_index: str | None = None,
    may_lead: Reach = nowhere,
) -> ReadingPolicy:
    """What may stand in the lock of this env.toml; all else comes from the user's settings."""
    named: dict[SourceKind, set[str]] = {"git": set(), "path": set()}
    for source in chain(*declared_sources(spec).values()):
        if source.kind in named:
            named[source.kind].add(source.location)
    reach = [
        reach_of(index.url, index.format)
        for index in spec.indexes
        if index.outside and is_local(index.url)
    ]
    if default_index is not None and is_local(default_index):
        reach.append(reach_of(default_index, "simple"))

    def leads(path: str) -> bool:
        return path in named["path"] or may_lead(path)

    return ReadingPolicy(
        insecure_hosts, named=frozenset(named["git"]), reach=tuple(reach), may_lead=leads
    )


def is_reached(url: str, policy: ReadingPolicy) -> bool:
    """Whether a file lies in a folder outside of the project that env.toml, or the user, names."""
    return path_of(url).isprintable() and any(lies_below(url, folder) for folder in policy.reach)
