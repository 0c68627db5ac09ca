"""What is told while an environment is made or changed: every file once, and an end in any case."""

from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.environment.change import Change, Contents, Means
from envsync.environment.drift import Drift
from envsync.environment.placing import Files, Tampered
from envsync.environment.plan import make_plan
from envsync.environment.replace import prepare_replacement
from envsync.environment.update import prepare_update
from envsync.events import Reporter, Stage
from envsync.platform.links import Placer
from tests.support.environments_on_disk import OWNED, SEAL, files_of, make, one_owner

FILES = {"lib/a.py": b"a", "lib/deep/b.py": b"b", "bin/c": b"c"}


class Told(Reporter):
    """Sums what is reported of linking."""

    def __init__(self) -> None:
        self.total: int | None = None
        self.done = self.ends = 0

    def begin(self, stage: Stage, total: int | None = None) -> None:
        assert stage is Stage.LINKING
        assert self.total is None
        self.total = total

    def advance(self, stage: Stage, amount: int = 1, detail: str = "") -> None:
        assert stage is Stage.LINKING
        self.done += amount

    def end(self, stage: Stage) -> None:
        assert stage is Stage.LINKING
        self.ends += 1


def replacement(root: Path, files: Files, told: Told) -> Change:
    contents = Contents(one_owner(FILES), files, OWNED)
    return prepare_replacement(str(root), contents, Means(SEAL, Placer(), told))


def update(root: Path, files: Files, told: Told) -> Change:
    make(root, {})
    plan = make_plan(files.desired, None, Drift())
    contents = Contents(one_owner(FILES), files, OWNED)
    return prepare_update(str(root), plan, contents, Means(SEAL, Placer(), told))


WAYS = pytest.mark.parametrize("prepare", [replacement, update])


@WAYS
def test_each_file_is_told_once(
    tmp_path: Path, prepare: Callable[[Path, Files, Told], Change]
) -> None:
    told = Told()
    prepare(tmp_path / ".venv", files_of(FILES), told).discard()
    assert (told.total, told.done, told.ends) == (3, 3, 1)


@WAYS
def test_what_fails_has_an_end(
    tmp_path: Path, prepare: Callable[[Path, Files, Told], Change]
) -> None:
    told, files = Told(), files_of(FILES)
    with pytest.raises(Tampered):
        prepare(
            tmp_path / ".venv",
            files._replace(sources={**files.sources, "bin/c": "/nowhere/at/all"}),
            told,
        )
    assert (told.total, told.ends) == (3, 1)


def test_only_an_update_is_of_folders_that_others_know(tmp_path: Path) -> None:
    new = replacement(tmp_path / "new", files_of(FILES), Told())
    assert new.is_private
    assert new.set_aside == frozenset()
    assert not update(tmp_path / "old", files_of(FILES), Told()).is_private
