"""How a tree says that it is built: pyproject.toml's [build-system], or nothing."""

from pathlib import Path

import pytest

from envsync.build.sources import SourceTree
from envsync.build.system import BuildSystem, read_build_system
from envsync.errors import SourceInvalid


def read(tmp_path: Path, text: str | bytes | None, *, setup: bool = False) -> BuildSystem:
    if text is not None:
        data = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "pyproject.toml").write_bytes(data)
    if setup:
        (tmp_path / "setup.py").write_text("")
    return read_build_system(SourceTree(str(tmp_path), "", "shop-1.0.tar.gz"))


def facts(system: BuildSystem) -> tuple[list[str], str, tuple[str, ...]]:
    return [str(requirement) for requirement in system.requires], *system[1:]


LEGACY = "setuptools.build_meta:__legacy__"


def test_reads_the_table(tmp_path: Path) -> None:
    (tmp_path / "tools" / "build").mkdir(parents=True)
    text = """
        [build-system]
        requires = ["flit_core >=3.4,<4", "tomli; python_version < '3.11'"]
        build-backend = "flit_core.buildapi:backend.api"
        backend-path = [".", "tools/build"]
    """
    requires = ["flit_core<4,>=3.4", 'tomli; python_version < "3.11"']
    expected = (requires, "flit_core.buildapi:backend.api", (".", "tools/build"))
    assert expected == facts(read(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "requires"),
    [
        (None, ["setuptools>=40.8.0"]),
        ("", ["setuptools>=40.8.0"]),
        ("[tool.black]", ["setuptools>=40.8.0"]),
        ("[build-system]\nrequires = ['Setuptools==68', 'wheel']", ["Setuptools==68", "wheel"]),
        ("[build-system]\nrequires = ['cython']", ["cython", "setuptools>=40.8.0"]),
    ],
)
def test_without_a_backend_setuptools_builds(
    tmp_path: Path, text: str | None, requires: list[str]
) -> None:
    assert (requires, LEGACY, ()) == facts(read(tmp_path, text, setup=True))


def test_refuses_a_tree_with_nothing_to_build(tmp_path: Path) -> None:
    with pytest.raises(SourceInvalid, match=r"neither pyproject\.toml nor setup\.py"):
        read(tmp_path, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[build-system", "Expected"),
        (b"\xff", "not UTF-8"),
        ("x = " + "[" * 5000, "nested too deeply"),
        ("#" * (4 << 20) + "#", "larger than"),
        ("build-system = 1", "build-system is not a table"),
        ("[build-system]", "build-system.requires is missing"),
        ("[build-system]\nrequires = 'x'", "requires is not a list of strings"),
        ("[build-system]\nrequires = [1]", "requires is not a list of strings"),
        ("[build-system]\nrequires = ['a', '???']", r"requires\[1\]: '\?\?\?' is not a requirem"),
        ("[build-system]\nrequires = ['a; " + "(" * 5000 + "']", r"requires\[0\]"),
        ("[build-system]\nrequires = []\nbuild-backend = 1", "names no Python object"),
        ("[build-system]\nrequires = []\nbuild-backend = 'os;x'", "names no Python object"),
        ("[build-system]\nrequires = []\nbuild-backend = 'a:b:c'", "names no Python object"),
        ("[build-system]\nrequires = []\nbackend-path = ['.']", "without build-backend"),
    ],
)
def test_refuses_what_breaks_the_specification(
    tmp_path: Path, text: str | bytes, reason: str
) -> None:
    with pytest.raises(SourceInvalid, match=reason) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith("shop-1.0.tar.gz cannot be built from: pyproject.toml: ")


@pytest.mark.parametrize("folder", ["..", "/tmp", "a/../..", "a\\..\\..", "out", "none", "file"])
def test_a_backend_path_must_be_in_the_tree(tmp_path: Path, folder: str) -> None:
    tree = tmp_path / "tree"
    (tree / "a").mkdir(parents=True)
    (tree / "file").write_text("")
    (tree / "out").symlink_to("..")
    text = f"[build-system]\nrequires = []\nbuild-backend = 'b'\nbackend-path = ['.', '{folder}']"
    reason = "is not a folder" if folder in ("none", "file") else "is outside the source tree"
    with pytest.raises(SourceInvalid, match=rf"backend-path\[1\]: .* {reason}"):
        read(tree, text)
