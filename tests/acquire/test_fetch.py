"""What is told while wheels come into the store."""

import hashlib
from concurrent.futures import Future
from pathlib import Path
from typing import Any, cast

from envsync.acquire.fetch import Source, fetch
from envsync.events import Reporter, Stage
from envsync.index.client import IndexClient
from envsync.lock.pins import Pinned
from envsync.store.wheels import WheelStore
from tests.support.wheels import make_wheel


class Stages(Reporter):
    """Keeps what begins and ends, and what is done of it."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def begin(self, stage: Stage, total: int | None = None) -> None:
        self.told.append(f"{stage.value.lower()} of {total}")

    def advance(self, stage: Stage, amount: int = 1, detail: str = "") -> None:
        self.told.append(f"{stage.value.lower()} {amount} {detail}")

    def end(self, stage: Stage) -> None:
        self.told.append(f"{stage.value.lower()} ended")


def test_unpacking_is_a_stage_and_downloading_ends_before_it(tmp_path: Path) -> None:
    filename, content = make_wheel("a", "1.0", {"a.py": ""})
    sha256 = hashlib.sha256(content).hexdigest()
    pin = Pinned(
        "a", "1.0", "wheel", filename, f"https://x/{filename}", None, sha256, {"sha256": sha256}, 5
    )

    class Client:
        def download(self, *_: object, directory: str, **__: object) -> "Future[str]":
            (Path(directory) / filename).write_bytes(content)
            done: Future[str] = Future()
            done.set_result(f"{directory}/{filename}")
            return done

    def unused(*_: Any) -> Any:
        raise AssertionError

    stages = Stages()
    cache = str(tmp_path)
    source = Source(lambda: cast(IndexClient, Client()), unused, unused, unused)
    assert list(fetch([pin], WheelStore(cache), source, cache_dir=cache, reporter=stages)) == ["a"]

    assert stages.told[:2] == ["downloading of 5", "unpacking of 1"]
    assert f"unpacking 0 {filename}" in stages.told
    assert f"unpacking 1 {filename}" in stages.told
    assert stages.told.index("downloading ended") < stages.told.index("unpacking ended")
    assert stages.told[-1] == "unpacking ended"
