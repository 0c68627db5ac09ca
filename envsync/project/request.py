"""What lock and sync are asked for, as values that cost nothing to import."""

from typing import NamedTuple

LOCKED, FROZEN = "locked", "frozen"

DEFAULT_SELECTION = "default"


_OF_WORKSPACES = frozenset({"packages", "all_packages", "member"})


class LockOptions(NamedTuple):
    """What `lock` is asked for besides env.toml."""

    upgrade: bool | frozenset[str] = False
    """True, or the normalised names of packages whose pins are not kept."""
    added: frozenset[str] = frozenset()
    """Normalised names that the user asks for just now."""
    old_locks: tuple[str, ...] | None = None
    """Files of other tools whose versions a first lock keeps where they fit; None: all beside
    env.toml."""

    def renewed(self) -> bool | frozenset[str]:
        """The packages of which the indexes are asked again, however fresh the cache is; or all."""
        return True if self.upgrade is True else (self.upgrade or frozenset()) | self.added


class Selection(NamedTuple):
    """Which extras and dependency groups are asked for. Excluding wins over including."""

    groups: tuple[str, ...] = ()
    no_groups: tuple[str, ...] = ()
    all_groups: bool = False
    default_groups: bool = True
    extras: tuple[str, ...] = ()
    no_extras: tuple[str, ...] = ()
    all_extras: bool = False
    packages: tuple[str, ...] = ()
    """Members of the workspace, by name, in the place of the one that it was entered by."""
    all_packages: bool = False
    """The workspace's own project and every member."""
    member: str = ""
    """The folder of the member by which the workspace was entered."""

    def line(self, python: str | None) -> str:
        """Name the selection in one line, for stamp and manifest; with the interpreter that the
        user asked for beside env.toml, if any.
        """
        chosen = f" python={python}" if python else ""
        if self == Selection():
            return DEFAULT_SELECTION + chosen
        parts = []
        for field, value in self._asdict().items():
            if field in _OF_WORKSPACES and not value:
                continue  # what files say of selections in other projects stays
            text = ",".join(sorted(value)) if isinstance(value, tuple) else str(value)
            parts.append(f"{field}={text}")
        return " ".join(parts) + chosen


class SyncRequest(NamedTuple):
    """What a sync is asked for."""

    selection: Selection = Selection()
    trust: str | None = None
    """None: lock anew when env.toml changed. `LOCKED`: refuse then. `FROZEN`: take the lock as it
    stands."""
    lock: LockOptions = LockOptions()
    force: bool = False
    """Set aside a folder that envsync did not make."""
    verify: bool = False
    """Look at every byte, of the environment and of the stored files that it is repaired from."""
    allow_build: frozenset[str] = frozenset()
    """Normalised names, or ":all:", that may be built beside those that env.toml allows."""
    glance: bool = False
    """Times of last change are not looked at: what promises inputs and folders only, reads no file
    because something touched it."""

    def is_plain(self) -> bool:
        """Say whether it wants nothing but the environment that the lock on disk describes."""
        return self.trust != FROZEN and not self.lock.upgrade and not self.verify
