"""What of a local folder counts as input of its build, and what of that decides its metadata."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.errors import PathRefused
from envsync.project.commit import commit_paths, commit_rows
from envsync.project.local_metadata import (
    input_paths,
    metadata_digest,
    metadata_rows,
    read_texts,
)
from envsync.project.source_files import source_rows

STATIC = '[project]\nname = "shop"\nversion = "1"\n'
DYNAMIC = (
    '[project]\nname = "shop"\ndynamic = ["version", "dependencies", "readme"]\n'
    '[build-system]\nrequires = ["setuptools>=61", "wheel"]\n'
    "[tool.setuptools.dynamic]\nversion = { file = 'VERSION' }\nreadme = { file = 'README.md' }\n"
    "dependencies = { file = ['requirements/base.txt'] }\n"
)


DYNAMIC_VERSION = "[project]\nname='a'\ndynamic=['version']\n[build-system]\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project with much beside its sources."""
    write(
        tmp_path,
        {
            "pyproject.toml": DYNAMIC,
            "VERSION": "1.0",
            "README.md": "# shop",
            "requirements/base.txt": "base",
            "src/shop/__init__.py": "x = 1",
            "src/shop/data.json": "{}",
            "csrc/shop.c": "int x;",
            "tests/test_shop.py": "",
            "env.toml": "",
            ".git/HEAD": "ref: refs/heads/main\n",
            ".git/refs/heads/main": "1234\n",
            ".venv/pyvenv.cfg": "home = x",
        },
    )
    return tmp_path


def write(folder: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def changes(folder: Path, files: dict[str, str], look: Callable[[str, str], object]) -> list[bool]:
    """For each file: whether writing it changes what is seen."""
    found = []
    for path, text in files.items():
        before = look(str(folder), ".")
        write(folder, {path: text})
        found.append(look(str(folder), ".") != before)
    return found


def rows(root: str, folder: str) -> list[str]:
    return list(source_rows(root, folder))


def test_what_a_build_reads_counts(shop: Path) -> None:
    files = {
        "src/shop/__init__.py": "x = 22",
        "src/shop/new.py": "",
        "src/shop/data.json": "{ }",
        "csrc/shop.c": "int x, y;",
        "csrc/shop.h": "",
        "setup.py": "print(open('templates/one'))",
        "templates/one": "named by setup.py",
        "shop_top.py": "",
        "Cargo.toml": "",
        "requirements/base.txt": "base>=2",
        "VERSION": "2.0",
        "pyproject.toml": DYNAMIC.replace("wheel", "wheel>=1"),
    }
    assert changes(shop, files, rows) == [True] * len(files)


def test_what_appears_beside_the_sources_does_not(shop: Path) -> None:
    files = {
        "server.log": "GET /",
        "logs/today.log": "GET /",
        "src/shop/debug.log": "x",
        "data/huge.csv": "1,2",
        "notes.txt": "x",
        "env.toml": "[env]",
        "pylock.toml": "x",
        ".venv/lib/x.py": "x",
        ".mypy_cache/3.11/x.py": "x",
        "cache/CACHEDIR.TAG": "x",
        "cache/x.py": "x",
        "build/lib/shop.py": "x",
        "src/shop.egg-info/PKG-INFO": "x",
        "src/shop/__pycache__/x.cpython-311.pyc": "x",
        "tests/test_shop.py": "import shop",
        ".git/refs/heads/main": "5678\n",
        "pyproject.toml": f"# a comment\n{DYNAMIC}[tool.ruff]\nline-length = 100\n",
    }
    assert changes(shop, files, rows) == [False] * len(files)


def test_the_commit_counts_where_the_version_comes_from_it(shop: Path) -> None:
    write(shop, {"pyproject.toml": DYNAMIC.replace("wheel", "setuptools_scm")})
    files = {
        ".git/refs/heads/main": "5678\n",
        ".git/packed-refs": "# pack-refs with: peeled\n1234 refs/tags/v1\n^5678\n",
        ".git/refs/tags/v2": "5678\n",
        ".git/refs/heads/other": "5678\n",
        ".git/index": "x",
    }
    assert changes(shop, files, rows) == [True, True, True, False, False]
    assert metadata_digest(str(shop), ".") == metadata_digest(str(shop), ".")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{DYNAMIC_VERSION}requires=['hatch-vcs']\n", True),
        (("[project]\nname='a'\ndynamic=['version']\n[build-system]\nrequires=['pdm-backend']\n"
         "[tool.pdm.version]\nsource = 'scm'\n"), True),
        ("[build-system]\nrequires=['setuptools', 'setuptools-git-versioning']\n", True),
        (("[project]\nname='a'\ndynamic=['version']\n[build-system]\nrequires=['hatchling']\n"
         "[tool.hatch.metadata]\nx = 'see https://github.com/a'\n"), False),
        (("[project]\nname='a'\nversion='1'\ndynamic=['dependencies']\n[build-system]\n"
         "requires=['setuptools-scm']\n"), False),
        (("[project]\nname='a'\ndynamic=['version']\n[build-system]\nrequires=['hatchling']\n"
         "[tool.other]\nsource = 'scm'\n"), False),
    ],
)  # fmt: skip
def test_when_a_version_is_made_of_the_commit(tmp_path: Path, text: str, expected: bool) -> None:
    write(tmp_path, {"pyproject.toml": text})
    assert read_texts(str(tmp_path), ".").has_version_of_commit() is expected


GIT = ("git", "-c", "user.name=x", "-c", "user.email=x@host.example", "-c", "commit.gpgsign=false")


def git(folder: Path, *arguments: str) -> None:
    subprocess.run([*GIT, *arguments], cwd=folder, check=True, capture_output=True)


def test_commits_and_tags_of_real_repositories_are_seen(tmp_path: Path) -> None:
    main, tree = tmp_path / "main", tmp_path / "tree"
    write(main, {"lib/x.py": ""})
    git(main, "init", "-q", "-b", "trunk")
    git(main, "add", ".")
    git(main, "commit", "-q", "-m", "x")
    git(main, "worktree", "add", "-q", "-b", "other", str(tree))
    seen = [
        (list(commit_rows(str(place / "lib"))), commit_paths(str(place))) for place in (main, tree)
    ]
    assert all(rows and all(map(os.path.lexists, paths)) for rows, paths in seen)
    acts: list[tuple[Path, str]] = [
        (main, "tag v1"),
        (main, "tag -a release/v2 -m x"),
        (tree, "commit -q --allow-empty -m y"),
        (tree, "tag -f v1"),
        (main, "tag -d v1"),
        (tree, "switch -q -c third"),
    ]
    for place, words in acts:
        before, times = list(commit_rows(str(tree))), stamps(tree)
        git(place, *words.split())
        assert list(commit_rows(str(tree))) != before, words
        assert stamps(tree) != times, words
    before = list(commit_rows(str(tree)))
    git(main, "pack-refs", "--all")
    git(main, "gc", "-q")
    assert list(commit_rows(str(tree))) == before
    assert not list(commit_rows(str(tmp_path)))


def stamps(place: Path) -> list[tuple[str, int, int]]:
    paths = commit_paths(str(place))
    return [(path, os.stat(path).st_size, os.stat(path).st_mtime_ns) for path in paths]


@pytest.mark.parametrize(
    "files",
    [
        {".git": "gitdir: /nowhere"},
        {".git": "gitdir: ../../../../etc"},
        {".git/HEAD": "ref: ../../../etc/passwd"},
        {".git/HEAD": "ref: refs/../../../etc/passwd"},
        {".git/HEAD": "ref: /etc/passwd"},
        {".git/HEAD": "x" * 9000, ".git/packed-refs": "\0\n \nx"},
        {".git/commondir": "/nowhere", ".git/HEAD": "ref: refs/heads/x"},
    ],
)
def test_a_strange_repository_leads_nowhere(tmp_path: Path, files: dict[str, str]) -> None:
    write(tmp_path, files)
    assert not any("root:" in row for row in commit_rows(str(tmp_path)))
    assert all("passwd" not in path for path in commit_paths(str(tmp_path)))


def test_what_can_not_be_read_is_as_absent(shop: Path) -> None:
    os.symlink("/nowhere", shop / "src" / "link")
    os.mkfifo(shop / "src" / "pipe")
    os.mkfifo(shop / "requirements.txt")
    (shop / ".git" / "HEAD").unlink()
    os.mkfifo(shop / ".git" / "HEAD")
    write(shop, {"pyproject.toml": DYNAMIC.replace("wheel", "setuptools_scm")})
    assert rows(str(shop), ".")
    assert rows(str(shop), "none")
    (shop / "pyproject.toml").write_bytes(b"\xff = [")
    assert rows(str(shop), ".")


def test_a_project_file_that_leads_outside_is_refused(shop: Path, tmp_path: Path) -> None:
    os.symlink("/etc/passwd", shop / "setup.cfg")
    with pytest.raises(PathRefused, match=r"setup\.cfg"):
        metadata_digest(str(shop), ".")


def test_what_decides_the_metadata(shop: Path) -> None:
    files = {
        "requirements/base.txt": "base>=2",
        "VERSION": "2.0",
        "setup.cfg": "[options]\ninstall_requires = file: more.txt",
        "more.txt": "more",
        "setup.py": "open('../../etc/x')",
        "pyproject.toml": DYNAMIC.replace("VERSION", "VERSION2"),
    }
    assert changes(shop, files, metadata_digest) == [True] * len(files)


def test_what_does_not(shop: Path) -> None:
    files = {
        "src/shop/__init__.py": "x = 2",
        "README.md": "# shop 2",
        "pyproject.toml": f"# a comment\n\n{DYNAMIC}\n[tool.ruff]\nline-length = 100\n",
        "new.txt": "",
    }
    assert changes(shop, files, metadata_digest) == [False] * len(files)


def test_of_a_project_that_says_all_other_tables_mean_nothing(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": STATIC})
    tool = '[tool.setuptools]\npackages = ["shop"]\n'
    files = {"pyproject.toml": STATIC + tool, "setup.py": "", "setup.cfg": ""}
    assert changes(tmp_path, files, metadata_digest) == [False] * 3
    assert changes(tmp_path, {"pyproject.toml": STATIC + "dependencies = ['x']"}, metadata_digest)
    # An editable install puts other files into the environment, though.
    write(tmp_path, {"pyproject.toml": STATIC})
    before = list(metadata_rows(str(tmp_path), ".", files_too=True))
    write(tmp_path, {"pyproject.toml": STATIC + tool})
    assert list(metadata_rows(str(tmp_path), ".", files_too=True)) != before


def test_a_mark_is_about_every_file_that_decides(shop: Path) -> None:
    write(shop, {"setup.py": ""})
    names = ("pyproject.toml", "setup.py", "VERSION", "requirements/base.txt")
    there = [str(shop / name) for name in names]
    assert input_paths(str(shop), ".") == [*there, str(shop)]  # setup.cfg may appear
    write(shop, {"setup.cfg": ""})
    assert str(shop) not in input_paths(str(shop), ".")
    (shop / "pyproject.toml").unlink()
    assert input_paths(str(shop), ".") == []
