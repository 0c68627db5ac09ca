"""What a process in the background is to compile, as a value and as bytes.

Apart from `store.compile_later`, which does it: whoever asks needs nothing of that.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

from envsync.model.target import Target, target_from_json, target_to_json


class Request(NamedTuple):
    """What is to be compiled."""

    cache_dir: str
    """Absolute."""
    target: Target
    wheels: Sequence[str]
    """The sha256 of each."""

    def to_bytes(self) -> bytes:
        """Give it as bytes."""
        rows = self._asdict() | {"target": target_to_json(self.target)}
        return json.dumps(rows).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Request":
        """Read it back; `ValueError` and `TypeError` for anything else."""
        rows = json.loads(data)
        return cls(**{**rows, "target": target_from_json(rows["target"])})
