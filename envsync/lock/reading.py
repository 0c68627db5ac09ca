"""What a lock may say beyond the safe default: what env.toml, or the user's settings, allow it."""

from typing import NamedTuple

from envsync.model.file_urls import is_local, lies_below, path_of, reach_of
from envsync.spec.declared import declared_sources
from envsync.spec.model import Spec


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


STRICT = ReadingPolicy()


def reading_policy(
    spec: Spec, insecure_hosts: frozenset[str] = frozenset(), default_index: str | None = None
) -> ReadingPolicy:
    """What may stand in the lock of this env.toml; all else comes from the user's settings."""
    named = (
        source.location
        for sources in declared_sources(spec).values()
        for source in sources
        if source.kind == "git"
    )
    reach = [
        reach_of(index.url, index.format)
        for index in spec.indexes
        if index.outside and is_local(index.url)
    ]
    if default_index is not None and is_local(default_index):
        reach.append(reach_of(default_index, "simple"))
    return ReadingPolicy(insecure_hosts=insecure_hosts, named=frozenset(named), reach=tuple(reach))


def is_reached(url: str, policy: ReadingPolicy) -> bool:
    """Whether a file lies in a folder outside of the project that env.toml, or the user, names."""
    return path_of(url).isprintable() and any(lies_below(url, folder) for folder in policy.reach)
