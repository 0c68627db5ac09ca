"""Every byte is compared, and where none differs each file is read once."""

from collections import Counter
from pathlib import Path

import pytest

from envsync.environment import every_byte
from envsync.environment.every_byte import altered
from envsync.environment.manifest import Placed
from envsync.environment.same import has_content
from tests.support.environments_on_disk import placed_file

FILES = {f"lib/f{at}.py": f"x = {at}\n".encode() for at in range(9)}
PLACED = {path: placed_file(path, data) for path, data in FILES.items()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "lib").mkdir()
    for path, data in FILES.items():
        (tmp_path / path).write_bytes(data)
    return tmp_path


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file is read from here on."""
    times: Counter[str] = Counter()

    def counted(root: str, file: Placed) -> bool:
        times[file.path] += 1
        return has_content(root, file)

    monkeypatch.setattr(every_byte, "has_content", counted)
    return times


def test_files_that_are_whole_are_read_once(root: Path, read: Counter[str]) -> None:
    assert altered(str(root), PLACED, ()) == ()
    assert read == Counter(FILES.keys())


def test_altered_and_missing_files_are_given_in_order(root: Path) -> None:
    (root / "lib/f7.py").write_bytes(b"x = 0\n")
    (root / "lib/f2.py").unlink()
    assert altered(str(root), PLACED, ()) == ("lib/f2.py", "lib/f7.py")


def test_what_is_known_is_not_read_again(root: Path, read: Counter[str]) -> None:
    for name in ("f2", "f7"):
        (root / f"lib/{name}.py").write_bytes(b"another")
    assert altered(str(root), PLACED, ["lib/f2.py"]) == ("lib/f7.py",)
    assert "lib/f2.py" not in read


def test_of_many_files_each_is_compared(root: Path) -> None:
    many = {f"lib/m{at}.py": placed_file(f"lib/m{at}.py", b"m") for at in range(501)}
    for path in many:
        (root / path).write_bytes(b"n")
    assert altered(str(root), many, ()) == tuple(sorted(many))
