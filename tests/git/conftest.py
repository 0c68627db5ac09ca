"""A repository with some history, and what asks it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from envsync.git.access import Access
from envsync.git.repositories import Repositories
from envsync.git.run import Program
from tests.support.repositories import GIT, Repository, project


class History(NamedTuple):
    """A repository and its commits by what leads to them."""

    repository: Repository
    commits: dict[str, str]


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """Three commits: v1 (annotated), v2 (light), one on `side` and under refs/pull/7/head."""
    if not GIT:
        pytest.skip("git is not installed")
    repository = Repository(tmp_path_factory.mktemp("srv") / "tool.git", project("tool", "1.0"))
    commits = {"v1": repository.commit({"a": "1"}, tag="v1")}
    commits["v2"] = repository.commit({"a": "2"})
    repository.run("tag", "v2")
    repository.run("checkout", "-q", "-b", "feature/side")
    commits["feature/side"] = repository.commit({"a": "3"})
    repository.run("update-ref", "refs/pull/7/head", "HEAD")
    repository.run("checkout", "-q", "main")
    repository.run("branch", "both", "v1")
    repository.run("tag", "both", "v2")
    commits["main"] = repository.head()
    return History(repository, commits)


class Asking(NamedTuple):
    """Repositories as one project asks them, with a cache of its own."""

    repositories: Repositories
    access: Access

    def offline(self) -> "Asking":
        """The same without a network."""
        access = self.access._replace(offline=True)
        return Asking(Repositories(access), access)


@pytest.fixture
def asking(tmp_path: Path) -> Callable[..., Asking]:
    """Make one; variables may be given, and the name of its cache."""
    if not GIT:
        pytest.skip("git is not installed")

    def make(name: str = "cache", **more: str) -> Asking:
        environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), **more}
        access = Access(Program(environ, None), str(tmp_path / name))
        return Asking(Repositories(access), access)

    return make
