"""What asking repositories needs of the machine and the user, as one value."""

import os
from typing import NamedTuple

from envsync.events import SILENT, Reporter
from envsync.git.address import Address
from envsync.git.run import Program

_WHO = ("GIT_CONFIG_GLOBAL", "GIT_SSH_COMMAND", "GIT_SSH", "GIT_ASKPASS")
"""Variables that choose who asks a server."""


class Access(NamedTuple):
    """How repositories are asked, and where their clones lie."""

    program: Program
    cache_dir: str
    offline: bool = False
    insecure_hosts: frozenset[str] = frozenset()
    reporter: Reporter = SILENT

    def address(self, url: str) -> Address:
        """Judge an address. Raises `GitFailed`."""
        return Address(url, self.insecure_hosts)


def who_asks() -> str:
    """Name who asks a server, as far as the user's variables choose it: others may be shown
    another repository under the same address.
    """
    return "\n".join(os.environ.get(name, "") for name in _WHO)
