"""Names and commits of real repositories, and what of them lies in the store."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.errors import GitFailed
from envsync.git.clones import damage
from envsync.git.repositories import Wanted
from envsync.spec.model import SourceSpec
from tests.git.conftest import Asking, History
from tests.support.repositories import GIT, GitServer, Repository, git, needs_lfs, project

Ask = Callable[..., Asking]


def source(history: History, **given: str) -> SourceSpec:
    return SourceSpec("git", history.repository.url)._replace(**given)  # type: ignore[arg-type]


@pytest.mark.matrix(6)
@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({}, "main"),
        ({"tag": "v1"}, "v1"),
        ({"tag": "v2"}, "v2"),
        ({"branch": "feature/side"}, "feature/side"),
        ({"rev": "v1"}, "v1"),
        ({"rev": "main"}, "main"),
        ({"rev": "HEAD"}, "main"),
        ({"rev": "refs/pull/7/head"}, "feature/side"),
        ({"rev": "pull/7/head"}, "feature/side"),
        ({"rev": "refs/tags/both"}, "v2"),
        ({"branch": "both"}, "v1"),
    ],
)
def test_each_kind_of_name_means_a_commit_then_also_offline(
    history: History, asking: Ask, given: dict[str, str], meant: str
) -> None:
    case = asking()
    wanted = source(history, **given)
    assert case.repositories.find(wanted).commit == history.commits[meant]
    assert case.offline().repositories.find(wanted).commit == history.commits[meant]


@pytest.mark.matrix(2)
@pytest.mark.parametrize("length", [7, 12, 40])
def test_an_id_in_full_or_its_beginning(history: History, asking: Ask, length: int) -> None:
    commit = history.commits["v1"]
    wanted = source(history, rev=commit[:length].upper())
    assert asking().repositories.find(wanted).commit == commit


@pytest.mark.matrix(5)
@pytest.mark.parametrize(
    ("given", "reason", "hint"),
    [
        ({"tag": "v9"}, "it has no tag v9", "v2"),
        ({"tag": "main"}, "it has no tag main", "v1"),
        ({"branch": "v1"}, "it has no branch v1", "main"),
        ({"branch": "feature/sid"}, "it has no branch", "feature/side"),
        ({"rev": "no-such"}, "it has no tag, branch or commit no-such", "v"),
        ({"rev": "both"}, "both means two commits: refs/tags/both", "@refs/tags/both"),
        ({"rev": "0123abc"}, "it has no tag, branch or commit 0123abc", "full id"),
        ({"rev": "0" * 40}, f"it has no commit {'0' * 40} (any more)", "envsync lock -P"),
        ({"rev": "refs/pull/8/head"}, "it has no tag, branch or commit refs/pull/8/head", "v"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(
    history: History, asking: Ask, given: dict[str, str], reason: str, hint: str
) -> None:
    with pytest.raises(GitFailed) as caught:
        asking().repositories.find(source(history, **given))
    assert reason in caught.value.reason
    assert hint in str(caught.value.hint)


def test_the_id_of_a_tag_is_no_commit(history: History, asking: Ask) -> None:
    tag = history.repository.run("rev-parse", "refs/tags/v1")
    with pytest.raises(GitFailed, match="is the id of a tag") as caught:
        asking().repositories.find(source(history, rev=tag))
    assert history.commits["v1"] in str(caught.value.hint)


def test_an_empty_repository_and_none(tmp_path: Path, asking: Ask) -> None:
    empty = Repository(tmp_path / "empty")
    with pytest.raises(GitFailed, match="it has no commit yet"):
        asking().repositories.find(SourceSpec("git", empty.url))
    with pytest.raises(GitFailed, match="there is no such repository") as caught:
        asking().repositories.find(SourceSpec("git", f"{empty.url}/none"))
    assert caught.value.hint
    assert not list((tmp_path / "cache").glob("git-v1/[!.]*"))


def test_a_repository_with_sha256_ids(tmp_path: Path, asking: Ask) -> None:
    repository = Repository(tmp_path / "new", project("tool"), kind="sha256")
    wanted = SourceSpec("git", repository.url)
    case = asking()
    assert case.repositories.find(wanted).commit == repository.first
    assert case.offline().repositories.find(wanted).commit == repository.first
    (tmp_path / "out").mkdir()
    case.repositories.check_out(repository.url, repository.first, str(tmp_path / "out"), Wanted())
    assert (tmp_path / "out" / "pyproject.toml").exists()


@pytest.fixture
def served(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "srv" / "tool", project("tool"))


@pytest.mark.parametrize("is_old", [False, True], ids=["shallow", "a server that knows no depth"])
def test_a_commit_comes_alone_where_the_server_can(
    tmp_path: Path, served: Repository, asking: Ask, is_old: bool
) -> None:
    first, second = served.first, served.commit({"b": "2"})
    served.run("update-server-info")
    with GitServer(tmp_path / "srv") as server:
        server.dumb = is_old
        case = asking()
        wanted = SourceSpec("git", server.url("tool/.git"))
        assert case.repositories.find(wanted).commit == second
        (clone,) = (tmp_path / "cache" / "git-v1").glob("*/repository")
        there = subprocess.run(
            ["git", "cat-file", "-e", first], cwd=clone, capture_output=True, check=False
        )
        assert (there.returncode == 0) is is_old
        count = len(server.asked)
        case.repositories.find(wanted, known=second)
        assert len(server.asked) == count


def test_a_commit_that_the_server_lost_is_used_from_the_store(
    served: Repository, asking: Ask
) -> None:
    case = asking()
    lost = served.commit({"b": "2"})
    wanted = SourceSpec("git", served.url)
    assert case.repositories.find(wanted).commit == lost
    served.run("reset", "-q", "--hard", "HEAD~1")
    served.run("reflog", "expire", "--expire=now", "--all")
    served.run("gc", "-q", "--prune=now")
    assert case.repositories.find(wanted, known=lost).commit == lost
    with pytest.raises(GitFailed, match=r"\(any more\)"):
        asking("other").repositories.find(wanted, known=lost)


def test_history_and_tags_come_for_what_counts_its_version_by_them(
    tmp_path: Path, served: Repository, asking: Ask
) -> None:
    served.run("tag", "v1")
    plain = served.commit({"b": "2"})
    counted = served.commit(
        {"pyproject.toml": '[build-system]\nrequires = ["setuptools-scm"]\n[project]\nname = "x"\n'}
    )
    case = asking()
    case.repositories.find(SourceSpec("git", served.url), known=plain)
    alone = (plain, plain[:7])
    for at, (commit, described) in enumerate((alone, (counted, f"v1-2-g{counted[:7]}"), alone)):
        out = tmp_path / f"{at}"
        out.mkdir()
        case.repositories.check_out(served.url, commit, str(out), Wanted())
        said = git(out, "describe", "--tags", "--always", "--dirty", "--abbrev=7")
        assert said == described
        assert git(out, "rev-list", "--count", "HEAD") == ("1" if commit == plain else "3")
        assert (
            git(out, "ls-files").split()
            == git(served.path, "ls-tree", "-r", "--name-only", commit).split()
        )
    assert case.offline().repositories.find(SourceSpec("git", served.url), known=counted)


@pytest.mark.matrix(1)
@pytest.mark.parametrize("folder", ["", "refs/heads", "objects/pack"])
def test_what_a_killed_git_left_is_in_nobodys_way(
    tmp_path: Path, served: Repository, asking: Ask, folder: str
) -> None:
    case = asking()
    wanted = SourceSpec("git", served.url)
    case.repositories.find(wanted)
    (clone,) = (tmp_path / "cache" / "git-v1").glob("*/repository")
    for name in ("shallow.lock", "packed-refs.lock", "config.lock", "HEAD.lock", "tmp_pack_x"):
        (clone / folder / name).write_bytes(b"half")
    (clone / "objects" / "tmp_objdir-incoming-1").mkdir()
    (clone / "objects" / "tmp_objdir-incoming-1" / "x").write_bytes(b"half")
    second = served.commit({"b": "2"})
    assert case.repositories.find(wanted).commit == second
    assert not list(clone.rglob("*.lock"))
    assert not list(clone.rglob("tmp_*"))


def test_a_damaged_clone_is_found_and_made_anew(
    tmp_path: Path, served: Repository, asking: Ask
) -> None:
    case = asking()
    commit = case.repositories.find(SourceSpec("git", served.url)).commit
    (entry,) = (path for path in (tmp_path / "cache" / "git-v1").iterdir() if path.name[0] != ".")
    assert damage(str(entry)) == (2, [])
    (pack,) = entry.rglob("*.pack")
    pack.chmod(0o644)
    data = bytearray(pack.read_bytes())
    data[20:60] = bytes(40)
    pack.write_bytes(data)
    assert damage(str(entry)) == (2, [f"{pack.name} is damaged"])
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(GitFailed, match="damaged"):
        case.offline().repositories.check_out(served.url, commit, str(out), Wanted())
    for path in sorted(out.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    case.repositories.check_out(served.url, commit, str(out), Wanted())
    assert (out / "pyproject.toml").exists()
    assert os.path.isdir(entry)


def test_a_server_with_a_login(tmp_path: Path, served: Repository, asking: Ask) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with GitServer(tmp_path / "srv", password="hunter2") as server:
        wanted = SourceSpec("git", server.url("tool"))
        with pytest.raises(GitFailed, match="without another login") as caught:
            asking().repositories.find(wanted)
        assert "git ls-remote" in str(caught.value.hint)
        (home / "helper").write_text("#!/bin/sh\necho username=me\necho password=hunter2\n")
        (home / "helper").chmod(0o755)
        (home / ".gitconfig").write_text(f"[credential]\nhelper = {home}/helper\n")
        assert asking().repositories.find(wanted).commit == served.first
    for path in (tmp_path / "cache").rglob("*"):
        assert not path.is_file() or b"hunter2" not in path.read_bytes()


def test_a_server_that_fails_or_is_not_there(
    tmp_path: Path, served: Repository, asking: Ask
) -> None:
    with GitServer(tmp_path / "srv") as server:
        server.broken = True
        url = server.url("tool")
        with pytest.raises(GitFailed, match="can't be reached"):
            asking().repositories.find(SourceSpec("git", url))
    with pytest.raises(GitFailed, match="can't be reached"):
        asking().repositories.find(SourceSpec("git", url))
    with pytest.raises(GitFailed, match="network is not to be used"):
        asking().offline().repositories.find(SourceSpec("git", url))


@needs_lfs
def test_large_files_come_by_choice_and_stay_in_the_store(
    tmp_path: Path, served: Repository, asking: Ask
) -> None:
    served.run("lfs", "install", "--local")
    large = os.urandom(3000)
    commit = served.commit({".gitattributes": "*.bin filter=lfs\n", "src/a b.bin": large})
    case = asking()
    for wanted, online in ((Wanted(), True), (Wanted(lfs=True), True), (Wanted(lfs=True), False)):
        out = tmp_path / f"{wanted.lfs}-{online}"
        out.mkdir()
        ask = case if online else case.offline()
        ask.repositories.check_out(served.url, commit, str(out), wanted)
        assert ((out / "src" / "a b.bin").read_bytes() == large) is wanted.lfs
        assert git(out, "status", "--porcelain") == ""


def test_large_files_need_the_program_for_them(
    tmp_path: Path, served: Repository, asking: Ask
) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 9\n"
    commit = served.commit({"a.bin": pointer, ".lfsconfig": "[lfs]\nurl = https://evil.example\n"})
    bare = tmp_path / "bin"
    bare.mkdir()
    (bare / "git").symlink_to(GIT)
    case = asking(PATH=str(bare), GIT_EXEC_PATH="/nonexistent")
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(GitFailed, match=r"needs git-lfs|has not brought|Git LFS: "):
        case.repositories.check_out(served.url, commit, str(out), Wanted(lfs=True))


def test_ssh_is_the_users_own(tmp_path: Path, served: Repository, asking: Ask) -> None:
    """A program stands in for ssh, which gets the host and what is to be run there."""
    program = tmp_path / "ssh"
    program.write_text(
        f'#!/bin/sh\necho "$*" >> {tmp_path}/log\n'
        'case "$1" in *refused*) echo "Permission denied (publickey)." >&2; exit 255;; esac\n'
        f'shift; cd {tmp_path}/srv && exec sh -c "$*"\n'
    )
    program.chmod(0o755)
    case = asking(GIT_SSH_COMMAND=str(program), GIT_SSH_VARIANT="simple")
    wanted = SourceSpec("git", f"ssh://git@git.example{served.path}")
    assert case.repositories.find(wanted).commit == served.first
    assert (tmp_path / "log").read_text().startswith("git@git.example git-upload-pack '/")
    with pytest.raises(GitFailed, match="without another login") as caught:
        case.repositories.find(SourceSpec("git", "ssh://git@refused.example/a"))
    assert "`git ls-remote ssh://git@refused.example/a`" in str(caught.value.hint)
    bare = asking(GIT_SSH_COMMAND="false").repositories
    with pytest.raises(GitFailed):
        bare.find(wanted._replace(rev="nothing-yet"))
