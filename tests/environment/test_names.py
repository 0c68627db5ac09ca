import errno
import os
import unicodedata
from pathlib import Path

import pytest

from envsync.environment.names import OneName, lookalikes, refuse_one_name, taken_for_one
from tests.support.environments_on_disk import make, prepare_change, prepare_new


def folding(path: str | bytes | os.PathLike[str]) -> bool:
    """`os.path.lexists` of a file system that ignores case and composition, as many do."""
    folder, name = os.path.split(os.fsdecode(path))
    return _folded(name) in {_folded(found) for found in os.listdir(folder)}


def _folded(name: str) -> str:
    return unicodedata.normalize("NFD", name).casefold()


def test_pairs_are_told_once_and_in_their_folder() -> None:
    paths = ["Demo/x.py", "demo/x.py", "a/b.", "a/b", "caf\u00e9", "cafe\u0301", "other"]
    assert sorted(lookalikes(paths)) == [
        ("Demo", "demo"),
        ("a/b", "a/b."),
        ("cafe\u0301", "caf\u00e9"),
    ]


def test_file_system_that_tells_names_apart_has_no_such_pair(tmp_path: Path) -> None:
    assert taken_for_one(str(tmp_path / "try"), ["A/x", "a/x", "b", "B"]) is None
    assert os.listdir(tmp_path) == []


def test_a_trial_that_cannot_be_removed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a sync that goes well nobody would look for it."""
    trial = str(tmp_path / "try")
    rmdir = os.rmdir

    def fail(path: str) -> None:
        if path == trial:
            raise OSError(errno.EIO, "ill", path)
        rmdir(path)

    monkeypatch.setattr(os, "rmdir", fail)
    with pytest.raises(OSError, match="ill"):
        taken_for_one(trial, ["a"])


@pytest.mark.parametrize(
    ("paths", "pair"),
    [
        (["Demo/x", "demo/y"], ("Demo", "demo")),
        (["lib/Mod.py", "lib/mod.py"], ("lib/Mod.py", "lib/mod.py")),
        (["caf\u00e9.txt", "cafe\u0301.txt"], ("cafe\u0301.txt", "caf\u00e9.txt")),
        (["bin/Tool", "bin/tool"], ("bin/Tool", "bin/tool")),
        (["one", "a.b/c", "a/c"], None),
        (["b", "b."], None),
    ],
)
def test_file_system_that_folds_names_is_asked_for_each_pair(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    paths: list[str],
    pair: tuple[str, str] | None,
) -> None:
    monkeypatch.setattr(os.path, "lexists", folding)
    assert taken_for_one(str(tmp_path / "try"), paths) == pair
    assert os.listdir(tmp_path) == []


def test_two_names_that_are_one_are_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_one_name(str(tmp_path / "try"), ["a/X", "a/x"])
    monkeypatch.setattr(os.path, "lexists", folding)
    with pytest.raises(OneName, match="a/X and a/x are one name") as caught:
        refuse_one_name(str(tmp_path / "try"), ["a/X", "a/x"])
    assert (caught.value.first, caught.value.second) == ("a/X", "a/x")


def test_nobody_else_looks_into_the_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = tmp_path / "try"
    modes: set[int] = set()

    def see(path: str) -> bool:
        modes.add(trial.stat().st_mode & 0o777)
        return False

    monkeypatch.setattr(os.path, "lexists", see)
    assert taken_for_one(str(trial), ["a"]) is None
    assert modes == {0o700}


def test_names_that_cannot_be_there_are_no_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os.path, "lexists", folding)
    long = "x" * 300
    assert taken_for_one(str(tmp_path / "try"), [long, long.upper(), "nul\0", "NUL\0"]) is None
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("is_new", [True, False])
def test_an_environment_is_not_made_of_names_that_are_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_new: bool
) -> None:
    root = tmp_path / ".venv"
    make(root, {"lib/a.py": b""})
    before = sorted(tmp_path.rglob("*"))
    prepare = prepare_new if is_new else prepare_change
    monkeypatch.setattr(os.path, "lexists", folding)
    with pytest.raises(OneName):
        prepare(root, {"lib/Mod.py": b"", "lib/mod.py": b""})
    assert sorted(tmp_path.rglob("*")) == before


def test_a_trial_that_fails_is_removed_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: str) -> bool:
        raise OSError(errno.EIO, "ill", path)

    monkeypatch.setattr(os.path, "lexists", fail)
    with pytest.raises(OSError, match="ill"):
        taken_for_one(str(tmp_path / "try"), ["a"])
    assert os.listdir(tmp_path) == []
