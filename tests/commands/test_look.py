"""`tree`, `why`, `list` and `diff`, as whole commands, without any network."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.conftest import SPEC, publish
from tests.commands.test_workspaces import monorepo
from tests.support.command import Workplace
from tests.support.index_server import IndexServer
from tests.support.schemas import valid
from tests.support.wheels import make_wheel

LOCAL = """\
[project]
name = "own"
version = "1.0"
dependencies = ["base<2"]

[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""

FAST = """\
webby 1.5
├── base 2.0
└── speedups 0.9 (extra: fast)
webby[fast] 1.5 (extra: fast) (*)
"""
EVERYTHING = """\
webby 1.5
├── base 2.0
├── speedups 0.9 (extra: fast) ; "fast" in extras
└── winner 1.0 ; sys_platform == "win32"
webby[fast] 1.5 (extra: fast) (*)
checker 7.0 (group: dev)
speedups 0.9 (group: docs)
"""


@pytest.fixture
def locked(project: Workplace, server: IndexServer) -> Workplace:
    """A locked project whose index has gone."""
    project.given("lock")
    server.on("/simple/", lambda _: pytest.fail("asked the index"))
    return project


def on_terminal(place: Workplace, columns: int, *arguments: str) -> str:
    """What a command writes to a terminal of so many columns."""
    script = Path("/usr/bin/script")
    if not script.exists():
        pytest.skip("there is no script(1)")
    line = f"stty cols {columns}; {place_command(arguments)}"
    done = subprocess.run(
        [script, "-qec", line, "/dev/null"],
        cwd=place.project,
        env={**place.environ, "TERM": "xterm", "COLUMNS": str(columns)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=True,
    )
    return done.stdout.decode().replace("\r\n", "\n")


def place_command(arguments: tuple[str, ...]) -> str:
    return shlex.join([sys.executable, "-m", "envsync", *arguments])


def test_tree_of_this_environment(locked: Workplace) -> None:
    assert locked.ok("tree").out == "webby 1.5\n└── base 2.0\nchecker 7.0 (group: dev)\n"


def test_signs_that_the_output_does_not_have(locked: Workplace) -> None:
    ran = locked.run("tree", environ={"PYTHONIOENCODING": "ascii"})
    assert ran.out == "webby 1.5\n`-- base 2.0\nchecker 7.0 (group: dev)\n"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--no-dev"], "webby 1.5\n└── base 2.0\n"),
        (["--no-dev", "--depth", "0"], "webby 1.5\n"),
        (
            ["--no-dev", "--extra", "fast"],
            FAST,
        ),
        (["--no-default-groups", "--platform", "windows"],
         "webby 1.5\n├── base 2.0\n└── winner 1.0\n"),
        (["--no-dev", "-p", "3.14"], "webby 1.5\n└── base 2.0\n"),
        (
            ["--universal", "--no-dev"],
            'webby 1.5\n├── base 2.0\n└── winner 1.0 ; sys_platform == "win32"\n',
        ),
        (
            ["--universal"],
            EVERYTHING,
        ),
        (
            ["--invert", "base"],
            "base 2.0\n└── webby 1.5 (requires base>=1)\n    └── env.toml requires webby\n",
        ),
        (["webby", "--no-dev"], "webby 1.5\n└── base 2.0\n"),
        (["--duplicates"], "the lock has one version of each package\n"),
        (["-i", "winner"], ""),
    ],
)  # fmt: skip
def test_tree_of_what_is_asked_for(locked: Workplace, options: list[str], expected: str) -> None:
    ran = locked.here("tree", *options)
    assert (ran.code, ran.out) == (0, expected or "nothing needs winner in Python "
                                   f"{_version(locked)} on linux\n")  # fmt: skip


def _version(place: Workplace) -> str:
    document = valid(place.here("tree", "--json").out)
    return str(document["environment"]).split()[1]


def test_tree_for_a_python_that_is_not_covered(locked: Workplace) -> None:
    ran = locked.here("tree", "-p", "3.8")
    assert ran.code == 1
    assert "the lock is for Python >=3.11, not 3.8.0" in ran.err


OTHERS = """\
lock-version = "1.0"
created-by = "another"
[[packages]]
name = "a"
dependencies = [{ name = "b" }]
directory = { path = "x", editable = true }
[[packages]]
name = "b"
version = "1.0"
index = "https://user:secret@index.example/simple/"
wheels = [{ url = "https://files.example/b-1.0-py3-none-any.whl", hashes = { sha256 = "%s" } }]
"""


def test_a_lock_of_another_tool(place: Workplace) -> None:
    place.write(OTHERS % ("b" * 64), "theirs.toml")
    assert place.here("tree", "--lock", "theirs.toml").out == "a (x) (editable)\n└── b 1.0\n"
    why = place.here("why", "b", "--lock", "theirs.toml").out
    assert "the lock itself has a\n  a (x) requires b (in what words isn't known here)" in why
    diff = place.here("diff", "--lock", "theirs.toml", "theirs.toml", "--json")
    assert valid(diff.out)["packages"] == []
    ran = place.here("tree", "--lock", "theirs.toml", "--universal", "--json")
    assert "secret" not in ran.out
    assert [one["requirement"] for one in valid(ran.out)["roots"]] == [None]
    place.write("lock-version = ", "theirs.toml")
    ran = place.here("why", "b", "--lock", "theirs.toml")
    assert ran.code == 2
    assert "envsync lock" not in ran.err


def test_where_two_versions_apply(place: Workplace, server: IndexServer) -> None:
    publish(server, make_wheel("forked", "1.0", requires=["base<2; python_version < '3.13'"]))
    place.write(
        '[env]\nrequires-python = ">=3.11"\n'
        'dependencies = ["forked", "base>=2; python_version >= \'3.13\'"]\n'
    )
    place.given("lock")
    older, newer = 'python_version < "3.13"', 'python_version >= "3.13"'
    assert place.here("tree", "--universal").out == (
        f"base 2.0 ; {newer}\nforked 1.0\n└── base 1.0 ; {older}\n"
    )
    assert place.here("tree", "-d").out == (
        f"base 1.0 ; {older}\n└── forked 1.0 (requires base<2) ; {older}\n"
        "    └── env.toml requires forked\n"
        f"base 2.0 ; {newer}\n└── env.toml requires base>=2 ; {newer}\n"
    )
    assert place.here("tree", "-p", "3.13").out == "base 2.0\nforked 1.0\n"
    assert place.here("tree", "-p", "3.12").out == "forked 1.0\n└── base 1.0\n"


def test_another_environment_is_named(locked: Workplace) -> None:
    locked.write(SPEC, "env.test.toml")
    locked.given("-e", "test", "lock")
    assert "env.test.toml requires webby\n" in locked.here("-e", "test", "why", "base").out


def test_a_second_look_reads_what_the_first_kept(locked: Workplace) -> None:
    locked.given("tree")
    code = (
        "import sys; from envsync.cli.main import main; main(['tree']); "
        "print(sorted({'packaging', 'tomllib'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=locked.project, env=locked.environ, capture_output=True, check=True,
    )  # fmt: skip
    assert done.stdout.decode().endswith("checker 7.0 (group: dev)\n[]\n")


@pytest.mark.parametrize("version", ["3.123", "3.12.123"])
def test_a_version_that_there_is_not(locked: Workplace, version: str) -> None:
    ran = locked.here("tree", "--platform", "linux", "-p", version)
    assert ran.code == 1
    assert f"no Python interpreter for {version}" in ran.err


def test_tree_for_programs(locked: Workplace) -> None:
    document = valid(locked.here("tree", "--json", "--universal").out)
    packages = {one["name"]: one for one in document["packages"]}
    assert packages["webby"]["dependencies"] == [
        {"id": packages["base"]["id"], "requirement": "base>=1", "marker": None, "extra": None},
        {"id": packages["speedups"]["id"], "requirement": "speedups",
         "marker": '"fast" in extras', "extra": "fast"},
        {"id": packages["winner"]["id"], "requirement": "winner",
         "marker": 'sys_platform == "win32"', "extra": None},
    ]  # fmt: skip
    assert {one["requirement"] for one in document["roots"]} == {
        "webby", "webby[fast]", "checker", "speedups"
    }  # fmt: skip
    inverted = valid(locked.here("tree", "--json", "-i", "base").out)
    assert [one["name"] for one in inverted["packages"]] == ["base", "webby"]


def test_tree_shows_sizes_of_what_is_taken(locked: Workplace) -> None:
    size = valid(locked.here("tree", "--json").out)["packages"][0]["size"]
    assert f"base 2.0 [{size} B]" in locked.here("tree", "--sizes").out


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["tree", "-i", "baze"], "the lock has no package baze", "did you mean base?"),
        (["tree", "base", "-i", "base"], "NAME and --invert exclude each other", "--invert NAME"),
        (["tree", "bse"], "the lock has no package bse", "did you mean base?"),
        (["why", "nothing-like-it"], "the lock has no package nothing-like-it", "envsync tree"),
        (["why", "base=2"], "base=2 is not a package's name", "envsync why NAME"),
        (["why", "base==x"], "base==x: x is not a version", "envsync why NAME==VERSION"),
        (["tree", "--depth", "-1"], "expected a number of levels", "tree --help"),
        (["tree", "--platform", "beos"], "it is no platform: linux", ""),
        (["tree", "--group", "nope"], "the lock has no group 'nope'", "it has dev, docs"),
        (["tree", "--universal", "--platform", "linux"], "--universal is for every", "leave one"),
        (["tree", "--lock", "gone.toml"], "there is no gone.toml", ""),
        (["diff", "-x"], "unknown option: -x", "diff --help"),
        (["diff", "a", "b", "c"], "two locks are compared, no more", "envsync diff REV REV"),
        (["diff", "HEAD:x"], "HEAD:x: not a revision", "HEAD~1"),
        (["list", "--format", "json"], "json is none of columns, freeze", "list --help"),
    ],
)  # fmt: skip
def test_what_can_not_be_meant(
    locked: Workplace, arguments: list[str], message: str, hint: str
) -> None:
    ran = locked.here(*arguments)
    assert ran.code == 2
    assert message in ran.err
    assert hint in ran.err
    assert ran.out == ""


@pytest.mark.parametrize("command", [["tree"], ["why", "base"], ["diff", "--lock", "a"]])
def test_there_is_no_lock_yet(project: Workplace, command: list[str]) -> None:
    ran = project.here(*command)
    assert ran.code == 2
    assert "there is no" in ran.err


def test_why_names_each_step(locked: Workplace) -> None:
    assert locked.ok("why", "Base").out == (
        "base 2.0\n\n  env.toml requires webby\n  webby 1.5 requires base>=1\n\n"
        "  env.toml (extra fast) requires webby[fast]\n  webby 1.5 requires base>=1\n"
    )
    speedups = locked.here("why", "speedups").out
    assert "env.toml requires webby\n" not in speedups
    assert '  webby[fast] 1.5 requires speedups ; "fast" in extras\n' in speedups
    winner = locked.here("why", "winner").out
    assert 'webby 1.5 requires winner ; sys_platform == "win32"' in winner
    here = locked.here("why", "winner", "--no-dev", "-p", "3.12", "--platform", "linux").out
    assert "is not needed in Python 3.12.0 on linux" in here
    document = valid(locked.here("why", "base", "--json").out)
    assert document["complete"] is True
    assert [one["steps"][-1]["name"] for one in document["chains"]] == ["base", "base"]


def test_why_a_version_is_not_there(locked: Workplace) -> None:
    refused = locked.here("why", "base==0.5")
    assert "base 0.5 is not locked, as it does not meet\n  base>=1 of webby 1.5\n" in refused.out
    assert "locked: 2.0" in refused.out
    assert "nothing that is known here keeps newer ones away" in locked.here("why", "base==2").out
    document = valid(locked.here("why", "base==0.5", "--json").out)
    assert document["refused_by"] == [{"by": "webby 1.5", "requirement": "base>=1", "marker": ""}]
    assert "admits it" in locked.here("why", "base==9").out


def test_what_is_not_known_here_is_said(locked: Workplace) -> None:
    locked.environ["ENVSYNC_CACHE_DIR"] = str(locked.cache / "another")
    out = locked.here("why", "base").out
    assert "webby 1.5 requires base (in what words isn't known here)" in out
    assert valid(locked.here("why", "base==1", "--json").out)["unknown"] == ["webby 1.5"]
    # A graph without words isn't kept: what is known tomorrow is told.
    locked.environ["ENVSYNC_CACHE_DIR"] = str(locked.cache)
    assert "requires base>=1" in locked.here("why", "base").out


def test_what_was_kept_of_a_lock_is_of_that_very_lock(locked: Workplace) -> None:
    before = locked.here("tree").out
    text = locked.lock()
    locked.write(renamed(text, "base", "2.0", "1.9"), "pylock.toml")
    assert locked.here("tree").out == before.replace("base 2.0", "base 1.9")
    for kept in (locked.cache / "graphs-v1").rglob("*/*"):
        kept.write_bytes(b"[]" + kept.read_bytes())
    locked.write(text, "pylock.toml")
    assert locked.here("tree").out == before


def test_list_shows_what_is_installed(project: Workplace) -> None:
    ran = project.here("list")
    assert (ran.code, ran.out) == (1, "")
    assert "hint: `envsync sync` makes it" in ran.err
    folder = project.project / "own"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(LOCAL)
    project.write(SPEC.replace('["webby"]', '["webby"]'), "env.toml")
    project.given("sync")
    lines = project.ok("list").out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["package", "version"], ["base", "2.0"], ["checker", "7.0"], ["webby", "1.5"]
    ]  # fmt: skip
    assert lines[1].endswith("/simple/")
    assert project.here("list", "--format", "freeze").out == "base==2.0\nchecker==7.0\nwebby==1.5\n"
    (base, *_) = valid(project.here("list", "--json").out)["packages"]
    sizes = [path.stat().st_size for path in project.site.glob("base*/*")]
    assert base["size"] == sum(sizes) + (project.site / "base.py").stat().st_size
    assert base["source"]["kind"] == "wheel"
    # What the tree leads to is what is installed.
    tree = valid(project.here("tree", "--json").out)["packages"]
    assert [one["name"] for one in tree] == ["base", "checker", "webby"]
    # Whatever became of the lock since.
    (project.project / "pylock.toml").write_text("broken")
    assert project.here("list", "--format", "freeze").out.startswith("base==2.0\n")


def test_list_says_what_is_no_package_of_an_index(place: Workplace, server: IndexServer) -> None:
    filename, content = make_wheel("wheelie", "1.0", {"wheelie.py": ""})
    (place.project / filename).write_bytes(content)
    place.write(
        '[env]\ndependencies = ["wheelie", "base"]\n'
        f'[sources]\nwheelie = {{ path = "{filename}" }}\n'
    )
    place.given("sync")
    row = valid(place.here("list", "--json").out)["packages"][1]
    assert row["source"]["kind"] == "archive"
    assert row["source"]["place"].startswith("file://")
    assert "archive: file://" in place.here("list").out
    assert "wheelie 1.0" in place.here("tree").out


def renamed(lock: str, name: str, before: str, after: str) -> str:
    """A lock that has another version of a package."""
    lock = lock.replace(f"{name}-{before}-", f"{name}-{after}-")
    return lock.replace(f'version = "{before}"', f'version = "{after}"')


def git(place: Workplace, *words: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=n", "-c", "user.email=m@mail.example", *words],
        cwd=place.project, check=True, capture_output=True, env={"PATH": place.environ["PATH"]},
    )  # fmt: skip


@pytest.fixture
def moved(project: Workplace) -> Workplace:
    """A project in git, in which base is newer than it was in HEAD, and checker is gone."""
    project.write(SPEC.replace('"webby"', '"webby", "base<2"'))
    project.given("lock")
    git(project, "init", "-q")
    git(project, "add", "pylock.toml", "env.toml")
    git(project, "commit", "-qm", "first")
    project.write(SPEC.replace('["checker"]', "[]"))
    project.given("lock", "--upgrade")
    return project


def test_diff_with_git(moved: Workplace) -> None:
    out = moved.ok("diff").out
    assert out.startswith("- env.toml: base<2\n- env.toml: checker (group dev)\n\n")
    assert "↑ base 1.0 -> 2.0" in out
    assert "- checker 7.0" in out
    assert "1 removed, 1 upgraded" in out
    assert moved.here("diff", "--check").code == 3
    assert moved.here("diff", "HEAD", "HEAD", "--check").code == 0
    document = valid(moved.here("diff", "--json").out)
    base = document["packages"][0]
    assert (base["kind"], base["before"][0]["version"], base["after"][0]["version"]) == (
        "upgraded", "1.0", "2.0"
    )  # fmt: skip
    assert base["after"][0]["uploaded"] == "2024-01-01"
    markdown = moved.here("diff", "--format", "markdown").out
    assert "| upgraded | base | 1.0 | 2.0 |" in markdown
    assert "- removed: `base<2`" in markdown
    here = moved.here("diff", "--no-dev").out
    assert "base 1.0 -> 2.0" in here
    assert "- checker" not in here


def test_diff_with_a_revision_without_the_lock(moved: Workplace) -> None:
    git(moved, "rm", "-q", "--cached", "pylock.toml")
    git(moved, "commit", "-qm", "without")
    ran = moved.here("diff")
    assert "There is no pylock.toml of HEAD: all is new" in ran.err
    assert "+ base 2.0" in ran.out
    assert "base 1.0 -> 2.0" in moved.here("diff", "HEAD~1").out


def test_diff_where_git_does_not_help(locked: Workplace) -> None:
    ran = locked.here("diff")
    assert ran.code == 1
    assert "is in no git repository" in ran.err
    assert "--lock FILE" in ran.err
    git(locked, "init", "-q")
    ran = locked.here("diff")
    assert ran.code == 1
    assert "git can't read HEAD" in ran.err


def test_diff_runs_nothing_of_the_repository(moved: Workplace) -> None:
    mark = moved.project / "ran"
    for key in ("core.fsmonitor", "core.pager", "diff.own.textconv", "filter.own.smudge",
                "core.sshCommand", "core.alternateRefsCommand"):  # fmt: skip
        git(moved, "config", key, f"touch {mark}")
    (moved.project / ".gitattributes").write_text("* diff=own filter=own\n")
    fake = moved.project / "git"
    fake.write_text(f"#!/bin/sh\ntouch {mark}\n")
    fake.chmod(0o755)
    path = f"{moved.project}:.:{moved.environ['PATH']}"
    ran = moved.here("diff", environ={"PATH": path, "GIT_DIR": "/nowhere"})
    assert ran.code == 0
    assert "base 1.0 -> 2.0" in ran.out
    assert not mark.exists()


def test_diff_asks_no_server_for_what_a_clone_lacks(moved: Workplace, tmp_path: Path) -> None:
    git(moved, "clone", "-q", "--bare", ".", str(tmp_path / "server"))
    mark = tmp_path / "ran"
    program = tmp_path / "upload"
    program.write_text(f"#!/bin/sh\ntouch {mark}\nexec git-upload-pack $@\n")
    program.chmod(0o755)
    for key, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.url": f"file://{tmp_path}/server",
        "remote.origin.promisor": "true",
        "remote.origin.uploadpack": str(program),
    }.items():
        git(moved, "config", key, value)
    listed = subprocess.run(
        ["git", "rev-parse", "HEAD:pylock.toml"], cwd=moved.project, capture_output=True, check=True
    )
    name = listed.stdout.decode().strip()
    (moved.project / ".git/objects" / name[:2] / name[2:]).unlink()
    ran = moved.here("diff")
    assert ran.code == 1
    assert "git can't read HEAD" in ran.err
    assert not mark.exists()


def test_diff_of_files(moved: Workplace, tmp_path: Path) -> None:
    old = tmp_path / "old.toml"
    old.write_text(renamed(moved.lock(), "webby", "1.5", "1.6"))
    assert "↓ webby 1.6 -> 1.5" in moved.here("diff", "--lock", str(old)).out
    new = moved.here("diff", "--lock", "pylock.toml", str(old)).out
    assert "↑ webby 1.5 -> 1.6" in new
    (tmp_path / "alone").mkdir()
    elsewhere = moved.here("-C", str(tmp_path / "alone"), "diff", "--lock", str(old), str(old))
    assert "pin the same" in elsewhere.out
    old.write_text("<<<<<<< ours\n")
    ran = moved.here("diff", "--lock", str(old))
    assert ran.code == 2
    assert "git conflict markers" in ran.err


def test_many_chains_are_cut_for_people_alone(place: Workplace, server: IndexServer) -> None:
    names = [f"many{number}" for number in range(25)]
    publish(server, *(make_wheel(name, "1.0", requires=["base"]) for name in names))
    listed = ", ".join(f'"{name}"' for name in names)
    place.write(f"[env]\ndependencies = [{listed}]\n")
    place.given("lock")
    assert place.here("why", "base").out.count("env.toml requires many") == 25
    shown = on_terminal(place, 80, "why", "base")
    assert shown.count("env.toml requires many") == 20
    assert "and 5 chains more (-v shows all)" in shown


@pytest.mark.parametrize("columns", [40, 80])
def test_on_a_terminal(project: Workplace, columns: int) -> None:
    project.given("sync")
    tree = on_terminal(project, columns, "tree")
    assert "\x1b[36;1mwebby\x1b[0m 1.5" in tree
    listed = on_terminal(project, columns, "list")
    plain = listed.replace("\x1b[36;1m", "").replace("\x1b[0m", "").replace("\x1b[2m", "")
    if columns == 40:
        assert "base 2.0\n  size: " in plain
    assert all(len(line) <= 80 for line in plain.splitlines())


def test_members_of_a_workspace(place: Workplace) -> None:
    monorepo(place)
    place.given("lock")
    every = place.here("tree", "--universal").out
    assert "lib (packages/lib) (editable) (member: web)" in every
    assert place.here("tree").out == "checker 7.0 (group: dev)\nbase 1.0\n"
    web = place.here("tree", "--package", "web", "--no-default-groups")
    assert "base" in web.out
    assert "checker" not in web.out
    assert place.here("-C", "web", "tree", "--no-default-groups").out == web.out
    assert "env.toml (member web) requires speedups" in place.here("why", "speedups").out
    for arguments in (["--package", "nope"], ["--group", "nope"]):
        assert place.here("tree", *arguments).code == 2
    assert valid(place.here("-C", "web", "tree", "--json").out)["packages"]


def test_list_says_what_is_editable(place: Workplace) -> None:
    monorepo(place)
    place.given("sync", "--package", "lib")
    rows = {one["name"]: one for one in valid(place.here("list", "--json").out)["packages"]}
    assert rows["lib"]["source"]["kind"] == "directory"
    assert rows["lib"]["source"]["editable"] is True
    assert rows["lib"]["source"]["place"].endswith("/packages/lib")
    (line,) = (one for one in place.here("list").out.splitlines() if one.startswith("core "))
    assert "editable: file://" in line
    # What somebody wrote over is not believed.
    (said,) = place.site.glob("core-*/direct_url.json")
    forged = said.read_text().replace("packages", "elsewhere")
    said.unlink()
    said.write_text(forged)
    rows = {one["name"]: one for one in valid(place.here("list", "--json").out)["packages"]}
    assert rows["core"]["source"] == {"kind": "directory", "place": None, "editable": False}
    manifest = place.venv / ".envsync/manifest"
    manifest.write_bytes(manifest.read_bytes().replace(b"core", b"evil"))
    ran = place.here("list")
    assert ran.code == 1
    assert "its manifest" in ran.err
    assert "hint: `envsync sync` makes it" in ran.err
