"""Workspaces: one lock for many projects, and what each needs, from above and from below."""

import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.support.command import Ran, Workplace, in_process
from tests.support.index_server import IndexServer
from tests.support.wheels import source_files

ROOT = """\
[env]
name = "mono"
requires-python = ">=3.11"
dependencies = ["base<2"]

[dependency-groups]
dev = ["checker"]

[workspace]
members = ["packages/*", "web"]
exclude = ["packages/old"]
"""
WEB = """\
[env]
name = "web"
requires-python = ">=3.10"
dependencies = ["lib", "speedups"]

[env.optional-dependencies]
fast = ["webby"]

[dependency-groups]
dev = ["checker"]

[tasks]
where = "python -c 'import os; print(os.path.basename(os.getcwd()))'"
"""


MORE = """\
[project.optional-dependencies]
more = ['winner']
[dependency-groups]
test = ['checker']
"""
SLIP = WEB.replace("requires-p", "require-p")


def write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())


def package(folder: Path, name: str, *requires: str, more: str = "") -> None:
    """Write a project whose build back end lies in its own tree."""
    tree = source_files(name, "1.0", {f"src/{name}.py": f"NAME = {name!r}\n"}, requires=requires)
    listed = ", ".join(f'"{requirement}"' for requirement in requires)
    project = f'[project]\nname = "{name}"\nversion = "1.0"\ndependencies = [{listed}]\n{more}'
    write(folder, {**tree, "pyproject.toml": tree["pyproject.toml"] + project.encode()})


def monorepo(place: Workplace) -> Workplace:
    """Write a workspace of a library, one that needs it, and an application without a package."""
    packages = place.project / "packages"
    package(packages / "core", "core", "base")
    package(packages / "lib", "lib", "core", more=MORE)
    package(packages / "old", "old", "nothing-has-this")
    write(place.project, {"web/env.toml": WEB, "env.toml": ROOT})
    return place


@pytest.fixture
def mono(place: Workplace) -> Workplace:
    return monorepo(place)


def below(place: Workplace, member: str, *arguments: str) -> Ran:
    """Run envsync in a folder below the workspace's, in this process."""
    import contextlib

    with contextlib.chdir(place.project / member):
        return in_process(place.environ, *arguments)


def installed(place: Workplace) -> set[str]:
    return {path.name.split("-")[0] for path in place.site.glob("*.dist-info")}


def test_one_lock_for_all_and_each_takes_what_it_needs(mono: Workplace) -> None:
    ran = mono.ok("sync")
    assert "Wrote pylock.toml" in ran.err
    assert installed(mono) == {"base", "checker"}
    lock = mono.lock()
    assert not list(mono.project.glob("*/**/pylock.toml"))
    assert 'directory = { path = "packages/core", editable = true }' in lock
    for arguments, expected in (
        (["--package", "core"], {"core", "base"}),
        (["--package", "lib", "--group", "test"], {"core", "base", "lib", "checker"}),
        (["--package", "lib", "--extra", "more"], {"core", "base", "lib", "winner"}),
        (["--package", "web"], {"core", "base", "lib", "speedups", "checker"}),
        (
            ["--package", "web", "--extra", "fast", "--no-dev"],
            {"core", "base", "lib", "speedups", "webby"},
        ),
        (["--all-packages", "--no-default-groups"], {"core", "base", "lib", "speedups"}),
        (["--no-dev"], {"base"}),
    ):
        mono.given("sync", *arguments)
        assert installed(mono) == expected, arguments
        mono.given("sync", "--check", *arguments)
    assert mono.lock() == lock


def test_a_member_is_synced_from_its_own_folder(mono: Workplace) -> None:
    for folder, expected in (
        ("packages/core", {"core", "base"}),
        ("packages/lib/src", {"core", "base", "lib"}),
        ("web", {"core", "base", "lib", "speedups", "checker"}),
    ):
        assert below(mono, folder, "sync").code == 0
        assert installed(mono) == expected
        ran = below(mono, folder, "sync")
        assert "Nothing to do" in ran.err
        assert below(mono, folder, "sync", "--check").code == 0
    assert not (mono.project / "web" / ".venv").exists()
    assert mono.python("import lib; print(lib.__file__)").startswith(str(mono.project / "packages"))
    assert below(mono, "packages/old", "lock", "--check").code == 0  # no member: the root's
    assert below(mono, "packages/old", "sync").code == 0
    assert installed(mono) == {"base", "checker"}


def test_what_a_member_changes_makes_lock_and_mark_stale(mono: Workplace) -> None:
    mono.ok("sync", "--package", "lib")
    assert "Nothing to do" in mono.ok("sync", "--package", "lib").err
    web = mono.project / "web" / "env.toml"
    web.write_text(WEB.replace('"speedups"', '"speedups", "webby"'))
    ran = mono.here("lock", "--check")
    assert (ran.code, "webby (group member-web) was added" in ran.err) == (3, True)
    web.write_text(f"# a comment\n{WEB}")
    mono.given("lock", "--check")
    package(mono.project / "packages" / "fresh", "fresh", "winner")
    ran = mono.here("lock", "--check")
    assert (ran.code, "fresh (group member-fresh) was added" in ran.err) == (3, True)
    mono.ok("sync", "--package", "fresh")
    assert installed(mono) == {"fresh", "winner"}
    shutil.rmtree(mono.project / "packages" / "fresh")
    ran = mono.ok("sync")
    assert "fresh" in ran.err
    assert installed(mono) == {"base", "checker"}


def test_a_stamp_knows_the_members(mono: Workplace) -> None:
    mono.ok("sync")
    assert "Nothing to do" in mono.ok("sync").err
    core = mono.project / "packages" / "core" / "pyproject.toml"
    core.write_text(core.read_text().replace('"base"', '"base", "webby"'))
    assert "Resolved " in mono.ok("sync").err
    package(mono.project / "packages" / "late", "late")
    assert "late" in mono.ok("sync").err


def test_add_and_remove_edit_the_members_file(mono: Workplace) -> None:
    root = mono.read()
    assert below(mono, "web", "add", "winner").code == 0
    assert '"winner>=1.0"' in mono.read("web/env.toml")
    assert installed(mono) == {"core", "base", "lib", "speedups", "checker", "winner"}
    assert below(mono, "web", "add", "--dev", "webby", "--no-sync").code == 0
    assert below(mono, "web", "remove", "winner").code == 0
    assert "winner" not in mono.read("web/env.toml")
    assert mono.read() == root
    assert "member-web-group-dev" in mono.lock()
    before = mono.files()
    ran = below(mono, "packages/core", "add", "winner")
    assert (ran.code, "packages/core/env.toml" in ran.err) == (2, True)
    assert mono.files() == before
    assert below(mono, "packages", "add", "winner", "--no-sync").code == 0
    assert '"winner>=1.0"' in mono.read()


def test_a_members_index_sources_and_tasks(mono: Workplace, server: IndexServer) -> None:
    mono.write(f'{ROOT}\n[[index]]\nname = "corp"\nurl = "{server.url}"\nexplicit = true\n')
    more = '\n[sources]\nspeedups = { index = "corp" }\n'
    write(mono.project, {"web/env.toml": WEB + more + 'core = { path = "../packages/core" }\n'})
    assert below(mono, "web", "add", "webby").code == 0
    assert 'directory = { path = "packages/core" }' in mono.lock()
    import subprocess

    for task, folder in (("where", "web"), ("python", None)):
        words = [task] if folder else [task, "-c", "import webby, core, os; print(os.getcwd())"]
        done = subprocess.run(
            [sys.executable, "-m", "envsync", "run", *words],
            cwd=mono.project / "web",
            env=mono.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip().endswith(folder or "/web")


def test_members_that_disagree_are_both_named(mono: Workplace) -> None:
    package(mono.project / "packages" / "core", "core", "base>=2")
    write(mono.project, {"web/env.toml": WEB.replace('"speedups"', '"base<2"')})
    ran = mono.here("lock")
    assert ran.code == 1
    assert "core" in ran.err
    assert "web/env.toml" in ran.err
    write(mono.project, {"web/env.toml": WEB.replace(">=3.10", "<3.11")})
    ran = mono.here("lock")
    assert ran.code == 2
    assert "env.toml says >=3.11, and web/env.toml says <3.11" in ran.err


def test_members_that_are_kept_apart_have_versions_of_their_own(mono: Workplace) -> None:
    package(mono.project / "packages" / "new", "new", "base>=2")
    write(mono.project, {"web/env.toml": WEB.replace('"speedups"', '"base<2"')})
    root = ROOT.replace("base<2", "checker")
    mono.write(f'{root}[lock]\nconflicts = [["member-new", "member-web"]]\n')
    for member, version in (("new", "2"), ("web", "1")):
        mono.given("sync", "--package", member)
        assert mono.python("import base; print(base.VERSION)") == version
    ran = mono.here("sync", "--all-packages")
    assert (ran.code, "keeps group member-new and group member-web apart" in ran.err) == (2, True)
    mono.write(f'{ROOT}[lock]\nconflicts = [["member-new", "member-wob"]]\n')
    ran = mono.here("lock")
    assert (ran.code, "there is no member of which member-wob is" in ran.err) == (2, True)


def test_the_pythons_of_all_are_what_is_covered(mono: Workplace) -> None:
    write(mono.project, {"web/env.toml": WEB.replace(">=3.10", ">=3.10,<3.15,!=3.13.0")})
    mono.given("lock")
    assert 'requires-python = "!=3.13.0,<3.15,>=3.11"' in mono.lock()


ODD: dict[str, tuple[dict[str, str], str]] = {
    "nothing matches": ({"env.toml": ROOT.replace("web", "apps/*")}, "no folder matches apps/*"),
    "no such folder": ({"env.toml": ROOT.replace('"web"', '"wob"')}, "members[1]: no folder wob"),
    "no project": ({"packages/x/readme": ""}, "packages/x has no project"),
    "twice": (
        {"env.toml": ROOT.replace('"web"', '"web", "packages/core"')},
        "packages/core is a member by packages/* already",
    ),
    "the same pattern": ({"env.toml": ROOT.replace('"web"', '"web", "./web/"')}, "listed twice"),
    "outside": (
        {"env.toml": ROOT.replace('"web"', '"../web"')},
        "members[1]: the path must stay inside the project's folder",
    ),
    "absolute": ({"env.toml": ROOT.replace('"web"', '"/web"')}, "must be relative"),
    "itself": ({"env.toml": ROOT.replace('"web"', '"."')}, "needs no entry"),
    "all excluded": (
        {"env.toml": ROOT.replace("packages/old", "packages")},
        "all that packages/* matches is excluded",
    ),
    "no members": ({"env.toml": ROOT.split("members")[0]}, "members must list folders"),
    "a name twice": (
        {"packages/x/env.toml": '[env]\nname = "Core"\n'},
        "two members are called core: packages/core and packages/x",
    ),
    "nested": ({"web/env.toml": WEB + "[workspace]\nmembers = ['x']\n"}, "don't nest"),
    "own lock table": ({"web/env.toml": WEB + "[lock]\n"}, "web/env.toml: line 14: lock: the work"),
    "own python": ({"web/env.toml": WEB.replace("[env]", "[env]\npython = '3.12'")}, "env.python"),
    "a slip in a member": (
        {"web/env.toml": WEB.replace("requires-p", "require-p")},
        "web/env.toml",
    ),
    "a broken pyproject": (
        {"packages/core/pyproject.toml": "[project"},
        "core/pyproject.toml: line 1",
    ),
    "a group that includes nothing": (
        {
            "packages/lib/pyproject.toml": "[project]\nname='lib'\n[dependency-groups]\n"
            "a=[{include-group='b'}]\n"
        },
        "packages/lib/pyproject.toml: line 4",
    ),
    "only a tool's pyproject": ({"packages/x/pyproject.toml": "[tool.ruff]\n"}, "no [project]"),
    "a source elsewhere": (
        {
            "env.toml": ROOT + "[sources]\nspeedups = { path = 'a' }\n",
            "web/env.toml": WEB + "[sources]\nspeedups = { path = 'a' }\n",
        },
        "env.toml and web/env.toml have speedups from different places",
    ),
    "required, and no package": (
        {"packages/x/env.toml": '[env]\nname = "x"\ndependencies = ["web"]\n'},
        "packages/x/env.toml requires web, and web has neither",
    ),
    "a group of the same name": (
        {"env.toml": ROOT.replace("dev =", "member-web = ['checker']\ndev =")},
        "env.toml: group member-web and web/env.toml: dependencies would both be the group",
    ),
    "an unknown key": ({"env.toml": ROOT + "memebers = []\n"}, "did you mean 'members'?"),
    "out of the workspace": (
        {"web/env.toml": WEB + "[sources]\nx = { path = '../../x' }\n"},
        "web/env.toml: line 15: sources.x.path: the path must stay inside",
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_workspaces_are_refused(mono: Workplace, name: str) -> None:
    files, message = ODD[name]
    write(mono.project, files)
    ran = mono.here("lock")
    assert ran.code == 2, ran.err
    assert message in ran.err
    assert not (mono.project / "pylock.toml").exists()


def test_a_member_that_a_link_leads_out_to_is_refused(mono: Workplace) -> None:
    outside = mono.project.parent / "elsewhere"
    package(outside, "elsewhere")
    (mono.project / "packages" / "elsewhere").symlink_to(outside)
    ran = mono.here("lock")
    assert (ran.code, "leads out of the workspace" in ran.err) == (2, True)


def test_any_depth_means_the_projects_below(mono: Workplace) -> None:
    mono.write(ROOT.replace("packages/*", "packages/**"))
    package(mono.project / "packages" / "group" / "deep", "deep")
    mono.given("sync", "--package", "deep")
    assert installed(mono) == {"deep"}
    package(mono.project / "packages" / "group" / "deeper", "deeper")
    assert mono.here("sync", "--check").code == 3


def test_links_that_lead_round_in_circles_are_not_followed(mono: Workplace) -> None:
    for place in ("packages/core", "packages/lib", "web", "packages"):
        (mono.project / place / "loop").symlink_to(mono.project / "packages")
    mono.write(ROOT.replace('"web"', f'"web", "{"*/" * 30}core", "**/nothing-*"'))
    ran = mono.here("lock")
    assert (ran.code, "no folder matches **/nothing-*" in ran.err) == (2, True)
    (mono.project / "packages" / "loop").unlink()
    mono.write(ROOT)
    mono.given("lock")


def test_what_git_leaves_behind_is_no_member(mono: Workplace) -> None:
    write(mono.project, {"packages/gone/__pycache__/x.pyc": "", "packages/.hidden/x": ""})
    mono.given("lock")


def test_options_that_name_nothing(mono: Workplace) -> None:
    mono.given("lock")
    for arguments, message in (
        (["--package", "wob"], "--package wob: the workspace has no such member"),
        (["--package", "web", "--group", "test"], "there is no group 'test' in web"),
        (["--extra", "more"], "there is no extra 'more' in mono"),
        (["--all-packages", "--group", "none"], "there is no group 'none' in no member"),
        (["--package", "web", "--all-packages"], "not allowed with argument"),
    ):
        ran = mono.here("sync", *arguments)
        assert (ran.code, message in ran.err) == (2, True), ran.err
    mono.write(ROOT.split("[workspace]")[0])
    ran = mono.here("sync", "--package", "web")
    assert (ran.code, "are for workspaces" in ran.err) == (2, True)


def test_a_project_in_a_members_folder_or_beside_is_one_by_itself(mono: Workplace) -> None:
    alone = '[env]\nrequires-python = ">=3.11"\ndependencies = ["winner"]\n'
    for folder in ("packages/old", "web/example", "docs"):
        write(mono.project, {f"{folder}/env.toml": alone})
        assert below(mono, folder, "lock").code == 0
        assert (mono.project / folder / "pylock.toml").exists()
    assert not (mono.project / "pylock.toml").exists()


def test_a_lock_and_mark_from_before_say_nothing_in_a_member(mono: Workplace) -> None:
    mono.write(ROOT.replace(', "web"', ""))
    web = mono.project / "web"
    (web / "env.toml").write_text(WEB.replace('"lib", ', ""))
    place = Workplace.__new__(Workplace)
    place.project, place.cache, place.environ = web, mono.cache, mono.environ
    place.ok("sync")
    assert "Nothing to do" in place.ok("sync").err
    mono.write(ROOT)
    ran = place.ok("sync")
    assert "Nothing to do" not in ran.err
    assert mono.venv.exists()


def test_what_is_known_of_a_workspace_is_known_by_all_its_files(mono: Workplace) -> None:
    mono.given("sync", "--all-packages")
    time.sleep(0.03)
    mono.given("sync", "--all-packages")
    mark = mono.cache / "workspaces-v1"
    assert list(mark.rglob("*"))
    assert "is up to date" in below(mono, "packages/lib", "lock").err
    core, web = mono.project / "packages" / "core", mono.project / "web"
    pyproject = (core / "pyproject.toml").read_text()
    acts: list[Callable[[], object]] = [
        lambda: (core / "pyproject.toml").write_text(pyproject.replace('"base"', '"winner"')),
        lambda: (web / "env.toml").write_text(WEB.replace('"lib", ', "")),
        lambda: package(mono.project / "packages" / "more", "more"),
        lambda: shutil.rmtree(mono.project / "packages" / "more"),
        lambda: (web / "pyproject.toml").write_text("[project]\nname = 'wob'\n"),
        lambda: (mono.project / "pylock.toml").unlink(),
    ]
    for act in acts:
        act()
        assert "is up to date" not in mono.here("lock").err
        time.sleep(0.03)
        mono.given("lock")
        assert "is up to date" in mono.here("lock").err
        assert list(mark.rglob("*"))


LIVE = '[env]\nname = "web"\nfrom = ["requirements.txt"]\n'


@pytest.fixture
def live(mono: Workplace) -> Workplace:
    """A workspace of which a member's requirements stand in requirements files."""
    lines = "# the app\n-r more.txt\n-e ../packages/lib\n"
    write(
        mono.project,
        {"web/env.toml": LIVE, "web/requirements.txt": lines, "web/more.txt": "speedups\n"},
    )
    return mono


def test_a_member_takes_from_files_that_count_and_are_edited(live: Workplace) -> None:
    assert below(live, "web", "sync").code == 0
    assert installed(live) == {"core", "base", "lib", "speedups"}
    assert 'directory = { path = "packages/lib", editable = true }' in live.lock()
    assert below(live, "web", "sync", "--check").code == 0
    assert below(live, "web", "lock", "--check").code == 0
    live.write("speedups\nchecker\n", "web/more.txt")
    assert below(live, "web", "sync", "--check").code == 3
    assert below(live, "web", "sync").code == 0
    assert "checker" in installed(live)
    live.write("speedups\n", "web/more.txt")
    assert live.here("lock", "--check").code == 3
    env = live.read("web/env.toml")
    ran = below(live, "web", "add", "winner")
    assert "Edited web/requirements.txt" in ran.err
    assert live.read("web/requirements.txt").endswith("winner>=1.0\n")
    assert installed(live) == {"core", "base", "lib", "speedups", "winner"}
    assert below(live, "web", "remove", "speedups").code == 0
    assert live.read("web/more.txt") == ""
    assert live.read("web/env.toml") == env
    assert live.here("lock", "--check").code == 0


def test_a_root_takes_from_files_too(mono: Workplace) -> None:
    mono.write(ROOT.replace("dependencies = [", 'from = ["needs.txt"]\ndependencies = ['))
    mono.write("winner\n", "needs.txt")
    mono.given("sync", "--no-dev")
    assert installed(mono) == {"base", "winner"}
    mono.given("lock", "--check")
    mono.write("speedups\n", "needs.txt")
    assert mono.here("lock", "--check").code == 3
    mono.given("sync", "--no-dev")
    assert installed(mono) == {"base", "speedups"}


def test_a_member_may_take_from_the_pyproject_beside_it(mono: Workplace) -> None:
    text = '[project]\nname = "web"\nversion = "1"\ndependencies = ["speedups"]\n'
    write(mono.project, {"web/pyproject.toml": text})
    mono.write('[env]\nfrom = ["pyproject.toml"]\n', "web/env.toml")
    assert below(mono, "web", "add", "winner").code == 0
    assert '"winner>=1.0"' in mono.read("web/pyproject.toml")
    assert installed(mono) == {"speedups", "winner"}


NOT_LIVE = {
    "constraints": (
        "-c limits.txt\n",
        "web/limits.txt: line 1: the workspace's own env.toml says how versions",
    ),
    "an index": (
        "--extra-index-url https://i.example/\n",
        "web/requirements.txt: line 1: the workspace's own env.toml says indexes",
    ),
    "a mistake": ("base=>1\n", "web/requirements.txt: line 1"),
    "a way out": ("-r ../../other.txt\n", "web/requirements.txt"),
}


@pytest.mark.parametrize("name", NOT_LIVE)
def test_what_a_members_files_cannot_say_is_refused(live: Workplace, name: str) -> None:
    text, message = NOT_LIVE[name]
    write(live.project, {"web/requirements.txt": text, "web/limits.txt": "base<2\n"})
    write(live.project.parent, {"other.txt": "base\n"})
    ran = live.here("lock")
    assert (ran.code, message in ran.err) == (2, True), ran.err
    assert not (live.project / "pylock.toml").exists()


def test_files_are_added_to_a_member(mono: Workplace) -> None:
    write(mono.project, {"web/some.txt": "winner\n-e ../packages/lib\n", "web/own.txt": "winner\n"})
    ran = below(mono, "web", "add", "-r", "some.txt")
    assert (ran.code, "begins in another folder" in ran.err or "outside" in ran.err) == (2, True)
    assert below(mono, "web", "add", "-r", "own.txt").code == 0
    assert '"winner"' in mono.read("web/env.toml")
    assert below(mono, "web", "add", "--index", "corp", "winner").code == 2
    assert below(mono, "packages/core", "import").code == 2
    assert not (mono.project / "packages" / "core" / "env.toml").exists()
    ran = below(mono, "web", "add", "-c", "own.txt")
    assert (ran.code, "the workspace's own env.toml" in ran.err) == (2, True), ran.err


def test_a_members_source_is_for_its_own_extra_or_group(
    mono: Workplace, server: IndexServer
) -> None:
    mono.write(f'{ROOT}\n[[index]]\nname = "corp"\nurl = "{server.url}"\nexplicit = true\n')
    own = '\n[sources]\nwebby = { index = "corp", extra = "fast" }\n'
    own += """checker = { index = "corp", group = "dev", marker = "sys_platform != 'win32'" }\n"""
    write(mono.project, {"web/env.toml": WEB + own})
    assert below(mono, "web", "sync", "--extra", "fast").code == 0
    assert {"webby", "checker"} <= installed(mono)
    mono.given("lock", "--check")
    write(mono.project, {"web/env.toml": WEB + own.replace('"fast"', '"slow"')})
    ran = mono.here("lock")
    assert (ran.code, "sources.webby: there is no extra 'slow'" in ran.err) == (2, True), ran.err
