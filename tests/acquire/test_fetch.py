"""What is told while wheels come into the store."""

import hashlib
from concurrent.futures import Future
from pathlib import Path
from typing import Any, cast

import pytest

from envsync.acquire.fetch import Source, fetch
from envsync.errors import EnvsyncError
from envsync.events import SILENT, Reporter, Stage
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


FILENAME, CONTENT = make_wheel("a", "1.0", {"a.py": ""})
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PIN = Pinned(
    name="a",
    version="1.0",
    kind="wheel",
    filename=FILENAME,
    url=f"https://x/{FILENAME}",
    path=None,
    sha256=SHA256,
    hashes={"sha256": SHA256},
    size=5,
)


class Client:
    """Gives the wheel, once it was lost so many times."""

    def __init__(self, lost: int = 0) -> None:
        self.lost = lost

    def download(self, *_: object, directory: str, **__: object) -> "Future[str]":
        self.lost -= 1
        if self.lost < 0:
            (Path(directory) / FILENAME).write_bytes(CONTENT)
        done: Future[str] = Future()
        done.set_result(f"{directory}/{FILENAME}")
        return done


def fetched(client: Client, cache: Path, reporter: Reporter = SILENT) -> list[str]:
    def unused(*_: Any) -> Any:
        raise AssertionError

    source = Source(lambda: cast(IndexClient, client), unused, unused, unused)
    store = WheelStore(str(cache))
    return list(fetch([PIN], store, source, cache_dir=str(cache), reporter=reporter))


@pytest.mark.parametrize("times", [1, 3])
def test_a_download_that_somebody_deletes_is_begun_again(tmp_path: Path, times: int) -> None:
    """Files go before the folder that they are in: there is a moment between both."""
    assert fetched(Client(lost=times), tmp_path) == ["a"]


def test_whoever_deletes_downloads_for_ever_ends_it(tmp_path: Path) -> None:
    with pytest.raises((EnvsyncError, OSError)):
        fetched(Client(lost=100), tmp_path)


def test_unpacking_is_a_stage_and_downloading_ends_before_it(tmp_path: Path) -> None:
    stages = Stages()
    assert fetched(Client(), tmp_path, stages) == ["a"]

    assert stages.told[:2] == ["downloading of 5", "unpacking of 1"]
    assert f"unpacking 0 {FILENAME}" in stages.told
    assert f"unpacking 1 {FILENAME}" in stages.told
    assert stages.told.index("downloading ended") < stages.told.index("unpacking ended")
    assert stages.told[-1] == "unpacking ended"
