"""Packages out of git repositories: locked to a commit, built once, moved on when asked for."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Workplace
from tests.support.repositories import GIT, GitServer, Repository, needs_git, project
from tests.support.wheels import source_files

pytestmark = needs_git

HEAD = '[env]\nrequires-python = ">=3.11"\n'


def sources(*rows: str, names: str = '"tool"') -> str:
    """Give an env.toml with rows under [sources]."""
    return f"{HEAD}dependencies = [{names}]\n[sources]\n" + "".join(f"{row}\n" for row in rows)


@pytest.fixture
def tool(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "srv" / "tool", project("tool", requires=("base<2",)))
    repository.commit({"src/tool.py": "VERSION = 'two'\n"}, tag="v2")
    return repository


@pytest.fixture
def served(tmp_path: Path, tool: Repository) -> Iterator[GitServer]:
    with GitServer(tmp_path / "srv") as server:
        yield server


def test_a_tag_is_locked_installed_and_built_but_once(
    place: Workplace, tool: Repository, served: GitServer
) -> None:
    url = served.url("tool")
    place.write(f'{HEAD}dependencies = ["tool @ git+{url}@v2"]\n')
    place.ok("sync")
    assert (
        f'vcs = {{ type = "git", url = "{url}", requested-revision = "v2", '
        f'commit-id = "{tool.head()}" }}'
    ) in place.lock()
    said = place.python(
        "import tool, base, importlib.metadata as m; print(tool.VERSION, base.VERSION); "
        "print(m.distribution('tool').read_text('direct_url.json'))"
    )
    imported, _, row = said.partition("\n")
    assert imported == "two 1"
    assert json.loads(row) == {
        "url": url,
        "vcs_info": {"vcs": "git", "commit_id": tool.head(), "requested_revision": "v2"},
    }
    assert "Nothing to do" in place.ok("sync").err
    place.ok("sync", "--check")
    asked = len(served.asked)
    # Another environment from the same cache, without a network and without a build.
    subprocess.run(["rm", "-rf", place.venv], check=True)
    (place.cache / "builds-v1").rename(place.cache.parent / "away")
    ran = place.ok("--offline", "sync", "--frozen")
    assert "Made .venv" in ran.err
    assert not (place.cache / "builds-v1").exists()
    assert len(served.asked) == asked


def test_a_branch_stays_until_it_is_to_move(place: Workplace, tool: Repository) -> None:
    first = tool.head()
    place.write(sources(f'tool = {{ git = "{tool.url}", branch = "main" }}'))
    place.given("lock")
    second = tool.commit({"src/tool.py": "VERSION = 'three'\n"})
    place.write(place.read().replace('["tool"]', '["tool", "speedups"]'))
    place.given("lock")
    assert first in place.lock()
    for upgrade in (["-P", "speedups"], ["-P", "tool"]):
        place.given("lock", *upgrade)
        assert (second in place.lock()) is (upgrade[1] == "tool")
    third = tool.commit({"src/tool.py": "VERSION = 'four'\n"})
    assert third in place.here("lock", "--upgrade").err


def test_a_tag_that_moved_is_told_when_it_is_asked_for(place: Workplace, tool: Repository) -> None:
    place.write(sources(f'tool = {{ git = "{tool.url}", tag = "v2" }}'))
    place.given("lock")
    before = tool.head()
    tool.commit({"src/tool.py": "VERSION = 'other'\n"})
    tool.run("tag", "--force", "--annotate", "--message", "moved", "v2")
    place.given("lock")
    assert before in place.lock()
    ran = place.here("lock", "-P", "tool")
    assert f"the tag v2 of {tool.url} has moved from {before} to {tool.head()}" in ran.err
    assert tool.head() in place.lock()


@pytest.mark.matrix(2)
@pytest.mark.parametrize(
    ("written", "changed"),
    [
        ('tag = "v2"', 'branch = "main"'),
        ('tag = "v2"', ""),
        ("", "submodules = true"),
        ("", 'subdirectory = "sub"'),
    ],
)
def test_another_name_makes_the_lock_stale(
    place: Workplace, tool: Repository, written: str, changed: str
) -> None:
    tool.commit({f"sub/{name}": text for name, text in project("tool").items()})

    def write(more: str) -> None:
        place.write(sources(f'tool = {{ git = "{tool.url}"{", " if more else ""}{more} }}'))

    write(written)
    place.given("lock")
    place.given("lock", "--check")
    write(changed)
    assert place.here("lock", "--check").code == 3
    place.given("lock")
    place.given("lock", "--check")


def test_a_lock_that_names_another_commit_than_env_toml(place: Workplace, tool: Repository) -> None:
    commit = tool.head()
    place.write(sources(f'tool = {{ git = "{tool.url}", rev = "{commit}" }}'))
    place.given("lock")
    other = tool.commit({"a": "1"})
    text = place.lock().replace(f'commit-id = "{commit}"', f'commit-id = "{other}"')
    place.write(text, "pylock.toml")
    ran = place.here("sync", "--locked")
    assert ran.code == 3
    assert "which env.toml does not name" in ran.err


def test_a_commit_that_is_gone_from_the_server(place: Workplace, tool: Repository) -> None:
    place.write(sources(f'tool = {{ git = "{tool.url}", branch = "main" }}'))
    place.given("lock")
    tool.run("reset", "-q", "--hard", "HEAD~1")
    tool.run("tag", "--delete", "v2")
    tool.run("reflog", "expire", "--expire=now", "--all")
    tool.run("gc", "-q", "--prune=now")
    place.given("sync", "--locked")
    subprocess.run(["rm", "-rf", place.cache, place.venv], check=True)
    before = place.files()
    ran = place.here("sync", "--locked")
    assert ran.code == 1
    assert "(any more)" in ran.err
    assert "`envsync lock -P tool`" in ran.err
    assert place.files() == before
    place.given("lock", "-P", "tool")
    assert tool.head() in place.lock()


def test_two_packages_of_one_repository_get_the_same_commit(
    place: Workplace, tmp_path: Path
) -> None:
    repository = Repository(tmp_path / "many")
    files = {
        f"{name}/{path}": text
        for name in ("one", "two")
        for path, text in project(name, requires=("two",) if name == "one" else ()).items()
    }
    commit = repository.commit(files)
    place.write(
        sources(
            f'one = {{ git = "{repository.url}", subdirectory = "one" }}',
            f'two = {{ git = "{repository.url}", subdirectory = "two" }}',
            names='"one"',
        )
    )
    place.given("sync")
    assert place.lock().count(commit) == 2
    assert len(list(place.cache.glob("git-v1/*/repository"))) == 1
    assert place.python("import one, two; print(one.VERSION, two.VERSION)") == "1.0 1.0"


def test_a_package_that_names_repositories_itself_needs_them_named(
    place: Workplace, tool: Repository, tmp_path: Path
) -> None:
    app = Repository(tmp_path / "app", project("app", requires=(f"tool @ git+{tool.url}@v2",)))
    place.write(sources(f'app = {{ git = "{app.url}" }}', names='"app"'))
    ran = place.here("lock")
    assert ran.code == 1
    assert f"requires tool from git+{tool.url}@v2" in ran.err.replace("\n", " ")
    assert f"`envsync add 'tool @ git+{tool.url}@v2'` names it" in ran.err
    place.write(
        sources(
            f'app = {{ git = "{app.url}" }}',
            f'tool = {{ git = "{tool.url}", tag = "v2" }}',
            names='"app"',
        )
    )
    place.given("sync")
    assert place.python("import app, tool; print(tool.VERSION)") == "two"


COUNTING = b"""

def counted(text):
    import subprocess
    words = ["git", "describe", "--tags", "--dirty", "--match", "[0-9]*"]
    tag, _, rest = subprocess.check_output(words, text=True).strip().partition("-")
    version = tag + ".post" + rest.partition("-")[0]
    return version, text.replace("Version: 0", "Version: " + version)
"""


def test_a_version_counted_by_tags_comes_with_the_history(place: Workplace, tmp_path: Path) -> None:
    files = dict(source_files("tool", "0", metadata_version="2.1"))
    files["backend.py"] = (
        files["backend.py"].replace(b'head["Version"], text', b"*counted(text)") + COUNTING
    )
    files["pyproject.toml"] += (
        b'[project]\nname = "tool"\ndynamic = ["version"]\n[tool.fake-scm]\nuse = true\n'
    )
    repository = Repository(tmp_path / "tool", files)
    repository.run("tag", "3.1")
    repository.commit({"a": "1"})
    repository.commit({"a": "2"})
    place.write(sources(f'tool = {{ git = "{repository.url}" }}'))
    place.given("sync")
    said = "import importlib.metadata as m; print(m.version('tool'))"
    assert place.python(said) == "3.1.post2"
    # What the build said of that commit is remembered: no build for the next lock.
    subprocess.run(["rm", "-rf", place.cache / "builds-v1", place.cache / "git-v1"], check=True)
    place.write(place.read().replace('["tool"]', '["tool", "speedups"]'))
    place.given("lock")
    assert not (place.cache / "builds-v1").exists()


def test_a_lock_of_another_tool_is_installed_with_leave(place: Workplace, tool: Repository) -> None:
    place.write(f'{HEAD}dependencies = []\n[build]\nallow = ["tool"]\n')
    row = (
        '[[packages]]\nname = "tool"\nvcs = { type = "git", url = "%s", '
        'requested-revision = "v2", commit-id = "%s" }\n'
    )
    head = 'lock-version = "1.0"\ncreated-by = "pip"\n'
    inside = Repository(place.project / "vendor", project("near"))
    near = (
        f'[[packages]]\nname = "near"\nvcs = {{ type = "git", path = "vendor", '
        f'commit-id = "{inside.head()}" }}\n'
    )
    place.write(head + near, "pylock.toml")
    assert "BuildNotAllowed" not in place.here("sync", "--frozen").err
    assert place.here("sync", "--frozen").code == 1
    place.given("sync", "--frozen", "--allow-build", "near")
    assert place.python("import near; print(near.VERSION)") == "1.0"
    place.write(head + row % (tool.url, tool.head()), "pylock.toml")
    ran = place.here("sync", "--frozen")
    assert (ran.code, "'file' is not allowed" in ran.err) == (2, True)
    other = near.replace('"git"', '"hg"').replace(
        "commit-id", 'requested-revision = "x", commit-id'
    )
    place.write(head + other.replace('path = "vendor"', 'path = "vendor/src"'), "pylock.toml")
    ran = place.here("sync", "--frozen", "--allow-build", "near")
    assert "git is the one version control system" in ran.err


KILLED = """
import os, signal, sys
from envsync.platform import supervised
start = supervised.start_supervised
def started(command, **more):
    process = start(command, **more)
    if "fetch" in command:
        import time; time.sleep(float(os.environ["KILL_AFTER"]))
        os.kill(os.getpid(), signal.SIGKILL)
    return process
import envsync.git.run
envsync.git.run.start_supervised = started
from envsync.cli.main import main
sys.exit(main(["lock"]))
"""


@pytest.mark.matrix(1)
@pytest.mark.parametrize("seconds", ["0", "0.03", "0.3"])
def test_a_kill_in_the_middle_of_a_fetch_leaves_a_store_that_can_be_used(
    place: Workplace, tool: Repository, seconds: str
) -> None:
    tool.commit({f"data/{number}": os.urandom(40_000) for number in range(40)})
    place.write(sources(f'tool = {{ git = "{tool.url}", branch = "main" }}'))
    done = subprocess.run(
        [sys.executable, "-c", KILLED],
        cwd=place.project,
        env={**place.environ, "KILL_AFTER": seconds},
        check=False,
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL
    place.ok("lock")
    assert tool.head() in place.lock()
    assert not list(place.cache.glob("git-v1/*/repository/**/tmp_*"))


def test_projects_lock_one_repository_at_once(
    place: Workplace, tool: Repository, served: GitServer
) -> None:
    tool.commit({"data": os.urandom(2_000_000)})
    text = sources(f'tool = {{ git = "{served.url("tool")}" }}')
    folders = [place.project / f"p{number}" for number in range(4)]
    for folder in folders:
        folder.mkdir()
        (folder / "env.toml").write_text(text)
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "envsync", "lock"],
            cwd=folder,
            env=place.environ,
            stderr=subprocess.PIPE,
        )
        for folder in folders
    ]
    for one in running:
        _, err = one.communicate(timeout=60)
        assert one.returncode == 0, err.decode()
    assert {tool.head() in (folder / "pylock.toml").read_text() for folder in folders} == {True}
    assert len(list(place.cache.glob("git-v1/*/repository"))) == 1
    (pack,) = place.cache.glob("git-v1/*/repository/objects/pack/*.pack")
    assert pack.stat().st_size > 1_000_000


def test_the_cache_knows_its_clones(place: Workplace, tool: Repository) -> None:
    place.write(sources(f'tool = {{ git = "{tool.url}" }}'))
    place.given("lock")
    (entry,) = (one for one in (place.cache / "git-v1").iterdir() if one.name[0] != ".")
    assert "is whole" in place.here("cache", "verify").err
    (pack,) = entry.rglob("*.pack")
    pack.chmod(0o644)
    pack.write_bytes(pack.read_bytes()[:-30])
    ran = place.here("cache", "verify")
    assert ran.code == 3
    assert "git-v1" in ran.err + ran.out
    assert not entry.exists()
    place.given("lock", "-P", "tool")
    old = time.time() - 40 * 86_400
    os.utime(entry / "manifest", (old, old))
    place.given("cache", "prune")
    assert not entry.exists()
    place.given("sync")
    place.given("cache", "clean")
    assert not entry.exists()


def test_add_finds_the_name_and_writes_what_was_typed(place: Workplace, tool: Repository) -> None:
    place.write(f"{HEAD}dependencies = []\n")
    place.ok("add", f"git+{tool.url}@v2")
    assert f'"tool @ git+{tool.url}@v2"' in place.read()
    assert place.python("import tool; print(tool.VERSION)") == "two"
    place.given("add", "--branch", "main", f"git+{tool.url}")
    assert place.read().endswith(
        f'    "tool",\n]\n\n[sources]\ntool = {{ git = "{tool.url}", branch = "main" }}\n'
    )
    later = tool.commit({"src/tool.py": "VERSION = 'three'\n"})
    place.given("add", f"git+{tool.url}@main")  # asked for just now: it moves on
    assert later in place.lock()
    before = place.files()
    ran = place.here("add", f"git+{tool.url}", "--tag", "v3")
    assert (ran.code, "hint: it has v2\n" in ran.err) == (1, True)
    assert place.files() == before


def test_add_builds_what_alone_can_tell_its_name(place: Workplace, tmp_path: Path) -> None:
    files = source_files("legacy", "1.5", metadata_version="2.1")
    repository = Repository(tmp_path / "odd name", files)
    place.write(f"{HEAD}dependencies = []\n")
    place.given("add", f"git+{repository.url.replace(' ', '%20')}")
    assert '"legacy @ git+' in place.read()
    assert place.python("import legacy; print(legacy.__version__)") == "1.5"


def test_an_address_that_env_toml_no_longer_has_makes_no_lock_unreadable(
    place: Workplace, tool: Repository, tmp_path: Path
) -> None:
    place.write(sources(f'tool = {{ git = "{tool.url}" }}'))
    place.given("lock")
    subprocess.run(["mv", tool.path, tmp_path / "moved"], check=True)
    place.write(place.read().replace(tool.url, f"file://{tmp_path}/moved"))
    assert place.here("lock", "--check").code == 3
    ran = place.here("sync", "--frozen")
    assert (ran.code, "which [sources] in env.toml does not name" in ran.err) == (1, True)
    place.given("sync")


@pytest.mark.matrix(4)
@pytest.mark.parametrize(
    ("files", "given", "reason", "hint"),
    [
        ({"a": "1"}, "", "holds no project", "repository of a Python package"),
        ({"py/setup.py": ""}, "", "holds no project", "it has projects in py"),
        ({"py/x": ""}, 'subdirectory = "py"', "holds no project in py", "Python package"),
        ({"x": ""}, 'subdirectory = "py"', "has no folder 'py'", "links are not followed"),
        ({"x": ""}, 'subdirectory = "x"', "has no folder 'x'", "links are not followed"),
        (project("other"), "", "is the project other, not tool", ""),
        ({"pyproject.toml": "[project"}, "", "is not valid TOML", ""),
        ({"pyproject.toml": "[project]\nname = 'tool'\nversion = 'x'\n"}, "", "[project]", ""),
        (project("tool", requires=("git+https://x",)), "", "[project]", ""),
    ],
)
def test_a_repository_without_the_project(
    place: Workplace, tmp_path: Path, files: dict[str, str], given: str, reason: str, hint: str
) -> None:
    repository = Repository(tmp_path / "r", files)
    place.write(sources(f'tool = {{ git = "{repository.url}"{", " if given else ""}{given} }}'))
    before = place.files()
    ran = place.here("lock")
    assert ran.code == 1
    assert reason in ran.err
    assert hint in ran.err
    assert repository.url in ran.err
    assert place.files() == before


SPY = """#!/bin/sh
printf '%s\\n' "$*" >> {log}
exec {git} "$@"
"""


def test_a_password_stands_nowhere(place: Workplace, tmp_path: Path, tool: Repository) -> None:
    home, spy = tmp_path / "home", tmp_path / "spy"
    home.mkdir()
    spy.mkdir()
    (home / "helper").write_text("#!/bin/sh\necho username=me\necho password=hunter2\n")
    (home / ".gitconfig").write_text(f"[credential]\nhelper = {home}/helper\n")
    (spy / "git").write_text(SPY.format(log=tmp_path / "log", git=GIT))
    for program in (home / "helper", spy / "git"):
        program.chmod(0o755)
    with GitServer(tmp_path / "srv", password="hunter2") as server:
        place.write(sources(f'tool = {{ git = "{server.url("tool")}" }}'))
        ran = place.run("lock")
        assert (ran.code, "without another login" in ran.err) == (1, True)
        place.environ |= {"HOME": str(home), "PATH": f"{spy}:{os.environ['PATH']}"}
        said = place.ok("sync", "-v").err + place.ok("lock", "-P", "tool", "-v").err
    assert tool.head() in place.lock()
    for path in (*place.cache.rglob("*"), *place.project.rglob("*"), tmp_path / "log"):
        if path.is_file() and not path.is_symlink():
            assert b"hunter2" not in path.read_bytes(), path
    assert "hunter2" not in said
    assert "fetch" in (tmp_path / "log").read_text()


def test_credentials_in_the_lock_of_another_tool_are_refused(place: Workplace) -> None:
    place.write(f"{HEAD}dependencies = []\n")
    place.write(
        'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "tool"\n'
        'vcs = { type = "git", url = "https://me:hunter2@git.example/t", '
        f'commit-id = "{"0" * 40}" }}\n',
        "pylock.toml",
    )
    ran = place.here("sync", "--frozen", "--allow-build", "tool")
    assert ran.code == 2
    assert "credentials" in ran.err
    assert "hunter2" not in ran.err


def test_what_is_built_already_needs_no_git(place: Workplace, tool: Repository) -> None:
    place.write(sources(f'tool = {{ git = "{tool.url}", tag = "v2" }}'))
    place.given("sync")
    subprocess.run(["rm", "-rf", place.venv, place.cache / "git-v1"], check=True)
    place.environ["PATH"] = "/nonexistent"
    place.given("sync", "--locked")
    place.write(place.read().replace('["tool"]', '["tool", "speedups"]'))
    place.given("lock")
    ran = place.here("lock", "-P", "tool")
    assert ran.code == 1
    assert "error: git: there is no such program on PATH\nhint: install git" in ran.err


def test_a_lock_named_on_the_command_line(place: Workplace) -> None:
    commit = Repository(place.project / "locks" / "near", project("near")).head()
    place.write(
        'lock-version = "1.0"\ncreated-by = "uv"\n[[packages]]\nname = "near"\n'
        f'vcs = {{ type = "git", path = "near", commit-id = "{commit}" }}\n',
        "locks/pylock.toml",
    )
    ran = place.here("sync", "--lock", "locks/pylock.toml")
    assert (ran.code, "--allow-build near" in ran.err) == (1, True)
    place.given("sync", "--lock", "locks/pylock.toml", "--allow-build", "near")
    assert place.python("import near; print(near.VERSION)") == "1.0"


def test_submodules_are_left_out_with_a_word_and_taken_in_by_choice(
    place: Workplace, tool: Repository, tmp_path: Path
) -> None:
    part = Repository(tmp_path / "srv" / "part", {"part.py": "PART = 1\n"})
    tool.run("update-index", "--add", "--cacheinfo", f"160000,{part.head()},src/part")
    (tool.path / ".gitmodules").write_text('[submodule "p"]\npath = src/part\nurl = ../part\n')
    tool.run("add", ".gitmodules")
    tool.run("commit", "-q", "-m", "x")
    place.write(sources(f'tool = {{ git = "{tool.url}" }}'))
    ran = place.here("sync")
    assert "the submodule src/part is left out; `submodules = true` in [sources]" in ran.err
    assert not (place.site / "part").exists()
    place.write(place.read().replace(" }", ", submodules = true }"))
    place.given("sync")
    assert (place.site / "part" / "part.py").read_text() == "PART = 1\n"


def test_what_only_a_build_requires_from_a_repository_needs_leave(
    place: Workplace, tool: Repository, tmp_path: Path
) -> None:
    """Its address would be asked with the user's own logins, and it be built (H18)."""
    files = source_files("app", "1.0", build_requires=[f"tool @ git+{tool.url}@v2"])
    app = Repository(tmp_path / "app", files)
    place.write(sources(f'app = {{ git = "{app.url}" }}', names='"app"'))
    ran = place.here("lock")
    assert ran.code == 1
    assert f"error: {tool.url}: a build requires tool from there" in ran.err
    assert "`envsync lock --allow-build tool`" in ran.err
    assert len(list(place.cache.glob("git-v1/*/repository"))) == 1
    place.write(place.read() + '[build]\nallow = ["tool"]\n')
    place.given("sync")
    assert place.python("import app") == ""


def test_env_toml_may_add_a_repository_to_a_build(
    place: Workplace, tool: Repository, tmp_path: Path
) -> None:
    app = Repository(tmp_path / "app", source_files("app", "1.0", metadata_version="2.1"))
    rest = f'[build]\nextra-build-requires = {{ app = ["tool @ git+{tool.url}@v2", "base<2"] }}\n'
    place.write(sources(f'app = {{ git = "{app.url}" }}', names='"app"') + rest)
    place.given("sync")
    assert place.python("import app") == ""


def test_a_build_may_write_beside_its_subdirectory(place: Workplace, tmp_path: Path) -> None:
    """As that of an archive may: workspaces of cargo have one target folder at the top."""
    files = {f"sub/{path}": content for path, content in project("tool").items()}
    touch = b"import pathlib\npathlib.Path('..', 'made').write_text('')\n"
    backend = files["sub/backend.py"]
    assert isinstance(backend, bytes)
    files["sub/backend.py"] = touch + backend
    repository = Repository(tmp_path / "srv" / "wide", files)
    place.write(sources(f'tool = {{ git = "{repository.url}", subdirectory = "sub" }}'))
    place.ok("sync")
    assert place.python("import tool; print(tool.__name__)") == "tool"
