"""What a stranger's address, repository or configuration may try (hazards H50, H51)."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.errors import GitFailed, SpecInvalid
from envsync.git.access import Access
from envsync.git.program import find_git, variables
from envsync.git.repositories import Repositories, Wanted
from envsync.git.run import Program
from envsync.spec.declared import declared_sources
from envsync.spec.model import SourceSpec
from envsync.spec.read import parse_spec
from tests.git.conftest import Asking
from tests.support.repositories import Repository, project

Ask = Callable[..., Asking]

FAKE = """#!/bin/sh
printf '%s\\n' "$@" --end-- >> "$LOG"
exit 1
"""


@pytest.fixture
def recorder(tmp_path: Path) -> tuple[Repositories, Path]:
    """Repositories that are asked by a program that only notes what it was called with."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").write_text(FAKE)
    (tmp_path / "bin" / "git").chmod(0o755)
    log = tmp_path / "log"
    environ = {"PATH": f"{tmp_path}/bin:/bin:/usr/bin", "LOG": str(log)}
    return Repositories(Access(Program(environ, None), str(tmp_path / "cache"))), log


URLS = (
    *("ext::sh -c id", "ext::sh%20-c%20id", "git+ext::id", "fd::17", "--upload-pack=id", "-x"),
    *("https://-oProxyCommand=id/a", "ssh://-oProxyCommand=id/a", "ssh://-x@git.example/a"),
    *("git@-oX:a/b", "-x@git.example:a/b", "git.example:a/b", "ssh://git@git.example:x/a"),
    *("ssh://git:pw@git.example/a", "https://me:pw@git.example/a", "https://me@git.example/a"),
    *("https://git.example/a\n--x", "https://git.example/a\u2028-x", "https://git.example/a b"),
    *("https://git.example/-a", "https://git.example/%2Da", "https://git.example/a?x=1"),
    *("https://git.example/a#x", "https://git.example/$HOME", "https://git.example/${X}"),
    *("file://host/a", "file://../a", "file:a", "/srv/a", "../a", "~/a", ".", "", " "),
    *("git://git.example/a", "ftp://git.example/a", "http://git.example/a", "rsync://h/a"),
    *("https://git.example\\a", "https://git.example/a`id`", "https://git.example/a;id"),
    *("https://git.example/$(id)", "https://git.example/a|id", "data:x", "javascript:x"),
)
REVISIONS = (
    *("-x", "--upload-pack=id", "--", "-", "a b", "a\nb", "a\u2028b", "a..b", "a~1", "a^{}", "a:b"),
    *("@{u}", "a@{1}", "a?", "a*", "a[b", "a\\b", "/a", ".a", "a.lock", "a//b", "a/", "", " "),
)


@pytest.mark.parametrize(
    "row",
    [
        *(f'tool = {{ git = {url!r}, tag = "v1" }}' for url in URLS if "\n" not in url),
        *(f"tool = {{ git = 'https://git.example/a', {key} = {revision!r} }}"
          for revision in REVISIONS if "\n" not in revision for key in ("tag", "rev")),
        *(f"tool = {{ git = 'https://git.example/a', subdirectory = {path!r} }}"
          for path in ("..", "/etc", "a/../../b", "-x", "~", "C:x", "a\\b")),
        "tool = { git = 'https://git.example/a', editable = true }",
        "tool = { git = 'https://git.example/a', tag = 'a', branch = 'b' }",
        "tool = { path = 'a', submodules = true }",
        "tool = { url = 'https://git.example/a.zip', lfs = true }",
        "tool = { git = 'https://git.example/a', lfs = 'yes' }",
    ],
)  # fmt: skip
def test_what_is_no_plain_address_or_name_never_reaches_git(
    recorder: tuple[Repositories, Path], row: str
) -> None:
    repositories, log = recorder
    text = f"[env]\nrequires-python = '>=3.11'\n[sources]\n{row}\n"

    def ask() -> None:
        spec = parse_spec(text.replace("\\", "\\\\") if "\\" in row else text, folder_name="x")
        for (source,) in declared_sources(spec).values():
            repositories.find(source)

    with pytest.raises((SpecInvalid, GitFailed)) as caught:
        ask()
    # Where the address is one after all, git gets it behind the end of its options.
    words = log.read_text().split("\n") if log.exists() else []
    if words:
        assert words.index("--") < next(
            at for at, word in enumerate(words) if word.startswith(("https:", "file:", "ssh:"))
        )
        assert isinstance(caught.value, GitFailed)
    assert "pw@" not in f"{caught.value} {caught.value.hint}"
    assert not any("id" in word.split() for word in words)


def test_a_git_of_the_clone_is_not_run(tmp_path: Path) -> None:
    clone, own = tmp_path / "clone", tmp_path / "own"
    for folder in (clone, own):
        folder.mkdir()
        (folder / "git").write_text("#!/bin/sh\n")
        (folder / "git").chmod(0o755)
    (own / "link").symlink_to(clone)
    path = f":.:relative:{clone}:{own}/link:{own}"
    assert find_git({"PATH": path}, str(clone)) == str(own / "git")
    with pytest.raises(GitFailed, match="there is no such program") as caught:
        find_git({"PATH": f"{clone}:."}, str(clone))
    assert "install git" in str(caught.value.hint)
    assert variables({"PATH": path}, str(clone))["PATH"] == str(own)


def test_variables_of_hooks_and_of_the_clone_do_not_reach_git(tmp_path: Path) -> None:
    clone = str(tmp_path)
    kept = variables(
        {
            **dict.fromkeys(("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_EXEC_PATH"), "/x"),
            **dict.fromkeys(("GIT_TRACE", "GIT_TRACE_CURL", "GIT_CURL_VERBOSE"), "1"),
            **dict.fromkeys(("HOME", "GIT_ASKPASS", "GIT_CONFIG_GLOBAL"), f"{clone}/x"),
            "GIT_CONFIG_PARAMETERS": "'a.b'='c'",
            "LD_PRELOAD": "/x",
            "PYTHONPATH": ".",
            "GIT_SSH_COMMAND": "ssh -i key",
            "SSH_AUTH_SOCK": "/run/agent",
            "GIT_SSH": "plink",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "a.b",
            "GIT_CONFIG_VALUE_0": "c",
        },
        clone,
    )
    own = {name for name in kept if name.startswith(("GIT_", "HOME", "LD_", "PYTHON", "SSH"))}
    assert own == {
        *("GIT_SSH_COMMAND", "GIT_SSH", "SSH_AUTH_SOCK"),
        *("GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0"),
        *("GIT_TERMINAL_PROMPT", "GIT_ALLOW_PROTOCOL", "GIT_OPTIONAL_LOCKS"),
        *("GIT_NO_REPLACE_OBJECTS", "GIT_LFS_SKIP_SMUDGE", "GIT_LITERAL_PATHSPECS"),
    }
    assert kept["GIT_TERMINAL_PROMPT"] == "0"


@pytest.fixture
def tool(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "srv" / "tool", project("tool"))


def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def test_nothing_of_the_users_configuration_runs_for_a_repository(
    tmp_path: Path, tool: Repository, asking: Ask
) -> None:
    """Filters, hooks, monitors: a repository could choose among the programs that it names."""
    touch = f"touch {tmp_path}/ran"
    home = tmp_path / "home"
    (home / "hooks").mkdir(parents=True)
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        (home / "hooks" / name).write_text(f"#!/bin/sh\n{touch}\n")
        (home / "hooks" / name).chmod(0o755)
    (home / ".gitconfig").write_text(
        f'[core]\nhooksPath = {home}/hooks\nfsmonitor = "{touch}"\nattributesFile = {home}/attr\n'
        + "".join(
            f'[filter "{name}"]\nsmudge = "{touch}; cat"\nclean = "{touch}; cat"\nrequired = true\n'
            for name in ("mine", "lfs", "a.b")
        )
        + f"[init]\ntemplateDir = {home}\n[core]\nautocrlf = true\n"
        f'[url "ext::{touch}"]\ninsteadOf = https://git.example/\n'
        '[protocol "ext"]\nallow = always\n[safe]\nbareRepository = explicit\n'
    )
    (home / "attr").write_text("* filter=mine\n*.py text eol=crlf\n")
    commit = tool.commit({".gitattributes": "*.txt filter=mine\na.bin filter=lfs\nb filter=a.b\n",
                          "x.txt": "x\n", "a.bin": "a\n", "b": "b\n"})  # fmt: skip
    case = asking()
    folder = out(tmp_path)
    case.repositories.check_out(tool.url, commit, str(folder), Wanted())
    assert (folder / "x.txt").read_bytes() == b"x\n"
    assert b"\r" not in (folder / "src" / "tool.py").read_bytes()
    with pytest.raises(GitFailed, match="not allowed"):
        case.repositories.find(SourceSpec("git", "https://git.example/tool"))
    assert not (tmp_path / "ran").exists()


@pytest.mark.matrix(3)
@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("src/secret.py", "/etc/hostname"),
        ("secret", "../out-of-it"),
        ("a/b/c", "../../../x"),
        ("a/b", "c/../../../x"),
        ("loop", "a/../../x"),
    ],
)
def test_a_link_that_leads_out_is_refused(
    tmp_path: Path, tool: Repository, asking: Ask, path: str, target: str
) -> None:
    (tool.path / path).parent.mkdir(parents=True, exist_ok=True)
    (tool.path / path).symlink_to(target)
    commit = tool.commit({})
    folder = out(tmp_path)
    with pytest.raises(GitFailed, match="leads out of the repository"):
        asking().repositories.check_out(tool.url, commit, str(folder), Wanted())
    assert list(folder.iterdir()) == []


def test_links_that_stay_inside_are_kept(tmp_path: Path, tool: Repository, asking: Ask) -> None:
    (tool.path / "docs").mkdir()
    (tool.path / "docs" / "code").symlink_to("../src/tool.py")
    (tool.path / "all").symlink_to(".")
    commit = tool.commit({})
    folder = out(tmp_path)
    asking().repositories.check_out(tool.url, commit, str(folder), Wanted())
    assert os.readlink(folder / "docs" / "code") == "../src/tool.py"
    assert (folder / "docs" / "code").read_text() == "VERSION = '1.0'\n"


@pytest.mark.matrix(5)
@pytest.mark.parametrize(
    "name",
    ["a\\b", "a\x01b", ".git", ".GIT", "git~1", ".g\u200cit", ".git .", "..", "C:x", "x" * 300],
)
def test_a_name_that_means_something_else_is_refused(
    tmp_path: Path, tool: Repository, asking: Ask, name: str
) -> None:
    blob = tool.run("rev-parse", "HEAD:src/tool.py")
    tree = tool.path.parent / "tree"
    tree.write_bytes(b"100644 " + name.encode() + b"\0" + bytes.fromhex(blob))
    made = tool.run("hash-object", "-t", "tree", "-w", "--literally", str(tree))
    commit = tool.run("commit-tree", made, "-m", "x")
    tool.run("update-ref", "refs/heads/odd", commit)
    folder = out(tmp_path)
    with pytest.raises(GitFailed):
        asking().repositories.check_out(tool.url, commit, str(folder), Wanted())
    assert {path.name for path in folder.iterdir()} <= {".git"}
    assert not (folder / ".git" / "tool.py").exists()


def with_submodule(tool: Repository, url: str, commit: str, path: str = "lib") -> str:
    """Commit a submodule by hand, whatever its address is."""
    tool.run("update-index", "--add", "--cacheinfo", f"160000,{commit},{path}")
    (tool.path / ".gitmodules").write_text(
        f'[submodule "x"]\n\tpath = {path}\n\turl = {url}\n\tupdate = !touch {tool.path}/ran\n'
    )
    tool.run("add", ".gitmodules")
    tool.run("commit", "--quiet", "--message", "submodule")
    return tool.head()


@pytest.mark.matrix(5)
@pytest.mark.parametrize(
    "url",
    [
        *("ext::sh -c id", "-oX", "--upload-pack=id", "/etc", "git://git.example/a", "", "x"),
        *("https://me:pw@git.example/a", "http://127.0.0.1:1/a", "https://git.example/a?x=1"),
    ],
)
def test_an_odd_address_of_a_submodule(
    tmp_path: Path, tool: Repository, asking: Ask, url: str
) -> None:
    commit = with_submodule(tool, url, tool.head())
    case = asking()
    with pytest.raises(GitFailed) as caught:
        case.repositories.check_out(tool.url, commit, str(out(tmp_path)), Wanted(submodules=True))
    assert "pw" not in str(caught.value)
    assert not (tool.path / "ran").exists()


def test_submodules_come_by_choice_and_all_the_way_down(
    tmp_path: Path, tool: Repository, asking: Ask
) -> None:
    inner = Repository(tmp_path / "srv" / "inner", {"inner.txt": "in\n"})
    lib = Repository(tmp_path / "srv" / "lib", {"lib.txt": "lib\n"})
    locked = with_submodule(lib, "../inner", inner.first, "deep/inner")
    lib.commit({"lib.txt": "later\n"})
    commit = with_submodule(tool, "../lib", locked)
    case = asking()
    plain, whole = out(tmp_path), tmp_path / "whole"
    whole.mkdir()
    case.repositories.check_out(tool.url, commit, str(plain), Wanted())
    assert list((plain / "lib").iterdir()) == []
    case.repositories.check_out(tool.url, commit, str(whole), Wanted(submodules=True))
    assert (whole / "lib" / "lib.txt").read_text() == "lib\n"
    assert (whole / "lib" / "deep" / "inner" / "inner.txt").read_text() == "in\n"
    assert not (tool.path / "ran").exists()


def test_submodules_without_end(tmp_path: Path, tool: Repository, asking: Ask) -> None:
    commit = tool.head()
    for _ in range(10):
        commit = with_submodule(tool, "../tool", commit, "lib")
    with pytest.raises(GitFailed, match="there is no end"):
        asking().repositories.check_out(
            tool.url, commit, str(out(tmp_path)), Wanted(submodules=True)
        )


def test_a_private_submodule_is_named(tmp_path: Path, tool: Repository, asking: Ask) -> None:
    commit = with_submodule(tool, f"file://{tmp_path}/srv/none", tool.head(), "third/party")
    with pytest.raises(GitFailed, match="the submodule third/party of") as caught:
        asking().repositories.check_out(
            tool.url, commit, str(out(tmp_path)), Wanted(submodules=True)
        )
    assert f"{tmp_path}/srv/none" in str(caught.value)
    assert caught.value.hint


def test_a_tree_without_end_is_cut_off(tmp_path: Path, tool: Repository, asking: Ask) -> None:
    """Ten folders of ten folders of ...: a small pack that is ten thousand million files."""
    made = tool.run("rev-parse", "HEAD:src/tool.py")
    for kind, mode in (("blob", "100644"), *[("tree", "40000")] * 9):
        rows = "".join(f"{mode} {kind} {made}\tx{number}\n" for number in range(10))
        made = tool.run("mktree", given=rows)
    commit = tool.run("commit-tree", made, "-m", "x")
    tool.run("update-ref", "refs/heads/bomb", commit)
    folder = out(tmp_path)
    with pytest.raises(GitFailed, match="larger than any package"):
        asking().repositories.check_out(tool.url, commit, str(folder), Wanted())
    assert list(folder.iterdir()) == []


def test_a_server_that_never_ends_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").write_text("#!/bin/sh\nexec yes 0000\n")
    (tmp_path / "bin" / "git").chmod(0o755)
    monkeypatch.setattr("envsync.git.run._MOST_BYTES", 1 << 20)
    program = Program({"PATH": f"{tmp_path}/bin:/bin:/usr/bin"}, None)
    repositories = Repositories(Access(program, str(tmp_path / "cache")))
    with pytest.raises(GitFailed, match="without end"):
        repositories.find(SourceSpec("git", "https://git.example/a"))
