"""Bad input for locking, as whole commands: what is said, the exit code, the old lock untouched."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.conftest import publish
from tests.support.command import Ran, Workplace
from tests.support.index_server import IndexServer, Listed, Reply
from tests.support.universe_server import lock_in_process
from tests.support.wheels import make_sdist, make_wheel

HEAD = '[env]\nname = "shop"\nrequires-python = ">=3.11"\n'
GOOD = HEAD + 'dependencies = ["base"]\n'


@pytest.fixture(scope="module")
def index() -> Iterator[IndexServer]:
    with IndexServer() as running:
        publish(running, make_wheel("base", "1.0"), make_wheel("base", "2.0"))
        yield running


@pytest.fixture
def locked(tmp_path: Path, index: IndexServer) -> Workplace:
    """A project whose lock is in order."""
    place = Workplace(tmp_path, index.url)
    place.write(GOOD)
    ran = lock_in_process(place.project, index.url)
    assert ran.code == 0, ran.err
    return place


def lock(place: Workplace, index: IndexServer, *arguments: str) -> Ran:
    return lock_in_process(place.project, index.url, *arguments)


def refused(place: Workplace, index: IndexServer, code: int, *arguments: str) -> str:
    """Lock in vain: the exit code is this one, and nothing changed. Gives what was said."""
    before = place.files()
    assert "pylock.toml" in before
    ran = lock(place, index, *arguments)
    assert ran.code == code, ran.err
    assert ran.out == ""
    assert ran.err.startswith("error: ")
    assert place.files() == before
    steering = [character for character in ran.err if ord(character) < 32 and character != "\n"]
    assert steering == []
    return ran.err


def asking(*requirements: str, more: str = "") -> str:
    listed = ", ".join(f"'''{requirement}'''" for requirement in requirements)
    return f"{HEAD}dependencies = [{listed}]\n{more}"


def broken_metadata(name: str, *lines: str) -> tuple[str, bytes]:
    """A wheel with these lines in its metadata."""
    head = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    text = head + "".join(f"{line}\n" for line in lines) + "\n"
    return make_wheel(name, "1.0", {f"{name}-1.0.dist-info/METADATA": text})


# -- env.toml is at fault ---------------------------------------------------------------------

LINUX_AND_WINDOWS = "sys_platform == 'linux' and sys_platform == 'win32'"

MISTAKES = {
    "a group in a circle": (
        asking(
            more="[dependency-groups]\na = [{include-group = 'b'}]\nb = [{include-group = 'c'}]\n"
            "c = ['base', {include-group = 'a'}]\n"
        ),
        ["dependency-groups.c[1]", "groups include each other in a circle: a -> b -> c -> a"],
    ),
    "a group that includes itself": (
        asking(more="[dependency-groups]\nloop = [{include-group = 'Loop'}]\n"),
        ["circle: loop -> loop"],
    ),
    "an extra in a circle": (
        asking(more="[env.optional-dependencies]\na = ['shop[b]']\nb = ['shop[a]']\n"),
        ["env.optional-dependencies.b[0]", "extras include each other in a circle: a -> b -> a"],
    ),
    "an extra that asks for itself": (
        asking(more="[env.optional-dependencies]\nall = ['shop[all]', 'base']\n"),
        ["circle: all -> all"],
    ),
    "a circle through a group and an extra": (
        asking(
            more="[env.optional-dependencies]\nx = ['shop[y]']\ny = ['shop[x]']\n"
            "[dependency-groups]\ndev = ['shop[x]']\n"
        ),
        ["extras include each other in a circle: x -> y -> x"],
    ),
    "a group that is not there": (
        asking(more="[dependency-groups]\nlint = []\ndev = [{include-group = 'lnit'}]\n"),
        ["dependency-groups.dev[0]", "no group 'lnit'; did you mean 'lint'?"],
    ),
    "a conflict that names nothing": (
        asking(more="[dependency-groups]\ncpu = []\n[lock]\nconflicts = [['cpu', 'gpu']]\n"),
        ["lock.conflicts[0][1]: there is no extra or group 'gpu'"],
    ),
    "a conflict of one": (
        asking(more="[dependency-groups]\ncpu = []\n[lock]\nconflicts = [['cpu', 'CPU']]\n"),
        ["lock.conflicts[0]: a conflict is between two names or more"],
    ),
    "a conflict that is no list": (
        asking(more="[dependency-groups]\na = []\nb = []\n[lock]\nconflicts = ['a', 'b']\n"),
        ["lock.conflicts[0]: expected a list of names"],
    ),
    "a conflict whose sides always come together": (
        asking(
            more="[dependency-groups]\na = []\nb = []\n"
            "both = [{include-group = 'a'}, {include-group = 'b'}]\n"
            "[lock]\nconflicts = [['a', 'b']]\n"
        ),
        ["lock.conflicts[0]: the group both would bring in both a and b"],
    ),
    "environments that cannot be": (
        asking("base", more=f'[lock]\nenvironments = ["{LINUX_AND_WINDOWS}"]\n'),
        ["lock.environments", "requires-python >=3.11"],
    ),
    "environments below requires-python": (
        asking("base", more="[lock]\nenvironments = [\"python_version < '3.10'\"]\n"),
        ["lock.environments", "requires-python >=3.11"],
    ),
    "a required environment that cannot be": (
        asking("base", more=f'[lock]\nrequired-environments = ["{LINUX_AND_WINDOWS}"]\n'),
        ["lock.required-environments: the lock does not cover"],
    ),
    "an environment that is no marker": (
        asking("base", more="[lock]\nenvironments = ['linux']\n"),
        ["lock.environments[0]"],
    ),
    "an environment that asks for an extra": (
        asking("base", more="[lock]\nenvironments = [\"extra == 'fast'\"]\n"),
        ["lock.environments[0]", "cannot ask for 'extra'"],
    ),
    "a marker that asks for an extra": (
        asking("base; extra == 'fast'"),
        ["env.dependencies[0]", "cannot ask for 'extra'"],
    ),
    "a marker that compares no versions": (
        asking("base; python_version ~= 'banana'"),
        ["base", "banana"],
    ),
    "a marker of 1,500 parentheses": (
        asking("base; " + "(" * 1500 + "os_name == 'posix'" + ")" * 1500),
        ["env.dependencies[0]", "not a valid requirement"],
    ),
    "a requirement of 10,000 characters": (
        asking("b" * 10_000),
        ["env.dependencies[0]: a requirement must not be longer than 4096 characters"],
    ),
    "a Python of 5,000 digits": (
        f"[env]\nrequires-python = '>=3.{'9' * 5000}'\ndependencies = ['base']\n",
        ["env.requires-python"],
    ),
    "no Python at all": (
        "[env]\nrequires-python = '>=3.12,<3.11'\ndependencies = ['base']\n",
        ["requires-python"],
    ),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_mistakes_of_env_toml(what: str, locked: Workplace, index: IndexServer) -> None:
    text, says = MISTAKES[what]
    locked.write(text)
    said = refused(locked, index, 2)
    for part in says:
        assert part in said
    assert "\nhint: " in said
    assert len(said) < 2_000


HOSTILE_NAMES = (
    *("..", ".", "-r", "--index-url", "-e .", "a/../../b", "/etc/passwd", "C:\\x", "~root"),
    *("b\u0430se", "bas\u0435", "base\u200b", "\u202eesab", "\uff42ase", "b\u00e4se"),
    *("\x1b]0;pwned\x07", "\x1b[2Jbase", "base\x00", "base\x7f", "base\x85"),
    *("base;rm", "base$(id)", "base`id`", "base|x", "base&x", "base*", "base?", "%2e%2e"),
    *("_base", "base_", ".base", "base.", "-base", "base-", "", " ", "a" * 300, "[x]", "@ x"),
)


def toml_text(text: str) -> str:
    """A TOML string with everything unusual escaped."""
    return '"' + "".join(f"\\U{ord(character):08X}" for character in text) + '"'


@pytest.mark.parametrize(
    "before",
    [
        HEAD + "dependencies = [{}]\n",
        HEAD + "[env.optional-dependencies]\nx = [{}]\n",
        HEAD + "[dependency-groups]\nx = [{}]\n",
        HEAD + "[lock]\nconstraints = [{}]\n",
        HEAD + "[lock]\noverrides = [{}]\n",
    ],
    ids=["dependencies", "an extra", "a group", "constraints", "overrides"],
)
def test_hostile_names_are_refused_all_together(
    before: str, locked: Workplace, index: IndexServer
) -> None:
    locked.write(before.replace("{}", ", ".join(map(toml_text, HOSTILE_NAMES))))
    said = refused(locked, index, 2)
    mistakes = [line for line in said.splitlines() if ": line " in line or " line " in line[:8]]
    assert len(mistakes) == len(HOSTILE_NAMES), said


@pytest.mark.parametrize(
    "before",
    [
        HEAD + "[env.optional-dependencies]\n{} = ['base']\n",
        HEAD + "[dependency-groups]\n{} = ['base']\n",
        HEAD + "[dependency-groups]\nx = [{include-group = {}}]\n",
        HEAD + "[lock]\nignore-requires-python = [{}]\n",
        HEAD + "[lock]\nconflicts = [['x', {}]]\n[dependency-groups]\nx = []\n",
        HEAD + "[build]\nallow = [{}]\n",
        HEAD + "[sources]\n{} = {path = '.'}\n",
        HEAD + "dependencies = ['base'{}]\n",
    ],
    ids=[
        "an extra",
        "a group",
        "an include",
        "ignore-requires-python",
        "conflicts",
        "build.allow",
        "sources",
        "no list at all",
    ],
)
def test_a_hostile_name_is_refused_at_every_entry(
    before: str, locked: Workplace, index: IndexServer
) -> None:
    locked.write(before.replace("{}", toml_text("../\x1b[2J\u202eevil")))
    assert "env.toml" in refused(locked, index, 2)


@pytest.mark.parametrize("names", [["a\x1b]0;x"], ["../x"], [""], ["b\u0430se"]])
def test_hostile_names_on_the_command_line(
    names: list[str], locked: Workplace, index: IndexServer
) -> None:
    refused(locked, index, 2, *(word for name in names for word in ("--allow-build", name)))


# -- the world is at fault --------------------------------------------------------------------

UNDECLARED = {
    "file": "file:///etc/passwd",
    "http": "http://plain.example/evil-1.0-py3-none-any.whl",
    "https": "https://files.example/evil-1.0-py3-none-any.whl",
    "git": "git+https://git.example/evil.git@main",
    "ssh": "git+ssh://git@git.example/evil.git",
}


def with_reference(index: IndexServer, kind: str) -> None:
    """Publish top, whose dependency mid brings in a direct reference."""
    publish(
        index,
        make_wheel(f"top-{kind}", "1.0", requires=[f"mid-{kind}"]),
        make_wheel(f"mid-{kind}", "1.0", requires=[f"evil @ {UNDECLARED[kind]}"]),
        make_wheel("evil", "1.0"),
    )


@pytest.mark.parametrize("kind", UNDECLARED)
def test_direct_reference_of_a_dependency(kind: str, locked: Workplace, index: IndexServer) -> None:
    with_reference(index, kind)
    locked.write(asking("base", f"top-{kind}"))
    said = refused(locked, index, 1)
    url = UNDECLARED[kind]  # no message shows a user but git@, which is nobody's
    for part in (
        f"env.toml: env.dependencies asks for top-{kind}",
        f"top-{kind} 1.0 requires mid-{kind}",
        f"evil from {url}, a direct reference that env.toml does not declare",
    ):
        assert part in said


def test_direct_reference_below_an_extra_names_the_extra(
    locked: Workplace, index: IndexServer
) -> None:
    with_reference(index, "file")
    locked.write(asking("base", more="[env.optional-dependencies]\nfast = ['top-file']\n"))
    said = refused(locked, index, 1)
    assert "extra fast asks for top-file" in said
    assert "a direct reference that env.toml does not declare" in said


def test_direct_reference_that_env_toml_declares_is_taken_from_there(
    locked: Workplace, index: IndexServer
) -> None:
    with_reference(index, "https")
    filename, content = make_wheel("evil", "1.5")
    index.add("elsewhere", filename, content)
    url = index.file_url("elsewhere", filename)
    locked.write(asking("top-https", f"evil @ {url}"))
    ran = lock(locked, index)
    assert ran.code == 0, ran.err
    assert f'archive = {{ url = "{url}"' in locked.lock()
    assert "files.example" not in locked.lock()


@pytest.mark.parametrize(
    "arguments",
    [
        ["lock"],
        ["lock", "--upgrade"],
        ["lock", "--check"],
        ["lock", "--dry-run"],
        ["sync"],
        ["run", "true"],
    ],
    ids=" ".join,
)
def test_every_command_that_locks_says_the_same(
    arguments: list[str], locked: Workplace, index: IndexServer
) -> None:
    publish(index, make_wheel("needy", "1.0", requires=["base>=9"]))
    locked.write(asking("base", "needy"))
    before = locked.files()
    ran = locked.run(*arguments)
    assert ran.code == (3 if "--check" in arguments else 1), ran.err
    if "--check" not in arguments:  # that finds out without resolving
        assert "needy 1.0 requires base>=9" in ran.err
        assert "env.toml: env.dependencies asks for needy" in ran.err
    assert locked.files() == before


def test_add_leaves_env_toml_and_lock_alone(locked: Workplace, index: IndexServer) -> None:
    publish(index, make_wheel("needy", "1.0", requires=["base>=9"]))
    before = locked.files()
    ran = locked.run("add", "needy")
    assert ran.code == 1
    assert "needy 1.0 requires base>=9" in ran.err
    assert locked.files() == before


def test_a_lock_without_a_version_is_damaged_and_one_of_another_format_is_not(
    locked: Workplace, index: IndexServer
) -> None:
    """`lock` writes over the first, as its hint says; the second is somebody's."""
    good = locked.lock()
    for head in ("", 'lock-version = "x"', "lock-version = 1"):
        locked.write(good.replace('lock-version = "1.0"', head), "pylock.toml")
        assert "pins that can be read are kept" in lock(locked, index).err
        assert locked.lock() == good
    locked.write("", "pylock.toml")
    assert "nothing of it is kept" in lock(locked, index).err
    locked.write(good.replace('"1.0"', '"2.0"', 1), "pylock.toml")
    assert "pylock version 2.0 is not supported" in refused(locked, index, 2)


def test_a_marker_that_nothing_can_evaluate_makes_a_lock_outdated(
    locked: Workplace, index: IndexServer
) -> None:
    """Two rows of a package are compared by their markers."""
    good = locked.lock()
    row = good[good.index("[[packages]]") : good.index("[tool.envsync]")]
    bad = row.replace('version = "2.0"\n', 'version = "2.0"\nmarker = \'python_version === ""\'\n')
    locked.write(good.replace(row, row.replace("2.0", "1.0") + bad), "pylock.toml")
    assert "a marker in it has no meaning" in refused(locked, index, 3, "--check")
    assert lock(locked, index).code == 0


def test_a_damaged_lock_stays_too_where_there_is_no_other(
    locked: Workplace, index: IndexServer
) -> None:
    locked.write(locked.lock()[:100], "pylock.toml")
    locked.write(asking("base>=9"))
    before = locked.files()
    ran = lock(locked, index)
    assert ran.code == 1
    assert "warning: pylock.toml" in ran.err
    assert "asks for base>=9, but the versions are 1.0 and 2.0" in ran.err
    assert locked.files() == before


UNREADABLE = {
    "a-path": "Requires-Dist: ../../evil",
    "an-option": "Requires-Dist: --index-url=https://evil.example/",
    "a-look-alike": "Requires-Dist: b\u0430se",
    "an-escape": "Requires-Dist: \x1b]0;pwned\x07base",
    "a-long-name": "Requires-Dist: " + "b" * 10_000,
    "a-long-version": "Requires-Dist: base>=1." + "9" * 5000,
    "parentheses": "Requires-Dist: base; " + "(" * 3000 + "os_name == 'nt'" + ")" * 3000,
    "no-such-variable": "Requires-Dist: base; nonsense == 'x'",
    "no-comparison": "Requires-Dist: base; python_version ~= 'banana'",
    "no-range": "Requires-Python: banana",
    "no-version": "Requires-Dist: base==banana",
    "two-names": "Name: other",
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_hostile_metadata_of_a_dependency(what: str, locked: Workplace, index: IndexServer) -> None:
    name = what.replace("-", "_")
    publish(index, broken_metadata(name, UNREADABLE[what]))
    publish(index, make_wheel(f"asks-{what}", "1.0", requires=[what]))
    locked.write(asking("base", f"asks-{what}"))
    said = refused(locked, index, 1)
    assert f"asks-{what} 1.0 requires {what}" in said
    assert f"{what} 1.0 " in said
    assert f"env.toml: env.dependencies asks for asks-{what}" in said
    assert len(said) < 3_000


def test_a_version_with_hostile_metadata_is_passed_over_for_another(
    locked: Workplace, index: IndexServer
) -> None:
    publish(index, make_wheel("mixed", "0.9"), broken_metadata("mixed", UNREADABLE["a-path"]))
    locked.write(asking("mixed"))
    ran = lock(locked, index)
    assert ran.code == 0, ran.err
    assert 'version = "0.9"' in locked.lock()


def test_a_file_of_another_project(locked: Workplace, index: IndexServer) -> None:
    _, content = make_wheel("other", "1.0")
    index.add("claims", "claims-1.0-py3-none-any.whl", content)
    publish(index, make_wheel("asks-claims", "1.0", requires=["claims"]))
    locked.write(asking("asks-claims"))
    said = refused(locked, index, 1)
    assert "asks-claims 1.0 requires claims" in said
    assert "claims-1.0-py3-none-any.whl" in said


def test_hostile_file_names_on_a_page_are_passed_over(
    locked: Workplace, index: IndexServer
) -> None:
    good, content = make_wheel("paged", "1.0")
    names = [
        f"paged-1.{'9' * 5000}-py3-none-any.whl",
        "paged-../../x-py3-none-any.whl",
        "paged-3.0\n-py3-none-any.whl",
        "paged-9.9-py3-none-any.whl\x1b[2J",
        "p\u0430ged-9.0-py3-none-any.whl",
        "paged-8.0-py3-none-any.whl.exe",
        "..-9.0-py3-none-any.whl",
        "paged-7.0.tar.gz/../../x.tar.gz",
        "-9.0-py3-none-any.whl",
        "paged--py3-none-any.whl",
    ]
    for name in (*names, good):
        index.add("paged", name, content)
    locked.write(asking("paged"))
    ran = lock(locked, index)
    assert ran.code == 0, ran.err
    assert locked.lock().count("/files/") == 1
    assert f"/paged/{good}" in locked.lock()


@pytest.mark.parametrize("text", ["banana", ">=3.11\x1b[2J", ">" * 4000, "<script>", ""])
def test_hostile_requires_python_on_a_page(
    text: str, locked: Workplace, index: IndexServer
) -> None:
    filename, content = make_wheel("ranged", "1.0")
    index.add("ranged", filename, content, Listed(requires_python=text))
    locked.write(asking("ranged"))
    ran = lock(locked, index)
    assert ran.code == 0, ran.err
    assert 'name = "ranged"' in locked.lock()
    assert "\x1b" not in locked.lock()


def test_a_bound_of_5000_digits_on_a_page(locked: Workplace, index: IndexServer) -> None:
    publish(index, make_wheel("bounded", "1.0"))
    filename, content = make_wheel("bounded", "2.0")
    index.add("bounded", filename, content, Listed(requires_python=f">=3.{'9' * 5000}"))
    locked.write(asking("bounded"))
    ran = lock(locked, index)
    assert ran.code == 0, ran.err
    assert 'version = "1.0"' in locked.lock()
    assert 'version = "2.0"' not in locked.lock()


def test_a_package_of_many_extras(locked: Workplace, index: IndexServer) -> None:
    extras = "".join(f"provider-number-{at} = ['base']\n" for at in range(150))
    locked.write(asking(more=f"[env.optional-dependencies]\n{extras}"))
    ran = lock(locked, index)
    assert ran.code == 0, ran.err
    assert lock(locked, index, "--check").code == 0


@pytest.mark.parametrize(
    "text",
    [
        f'dependencies = ["base; {LINUX_AND_WINDOWS}"]\n',
        "dependencies = [\"base; python_version < '3.9' and python_version > '3.10'\"]\n",
        f'[lock]\nenvironments = ["sys_platform == \'linux\'", "{LINUX_AND_WINDOWS}"]\n',
    ],
    ids=["platforms", "Pythons", "one of the environments"],
)
def test_a_marker_that_contradicts_itself(text: str, locked: Workplace, index: IndexServer) -> None:
    locked.write(HEAD + text)
    assert "env.toml" in refused(locked, index, 2)


def test_a_circle_of_packages_and_extras_ends(locked: Workplace, index: IndexServer) -> None:
    publish(
        index,
        make_wheel(
            "ring",
            "1.0",
            requires=["gem"],
            extras={"x": ["ring[y]"], "y": ["ring[x]", "vanished"]},
        ),
        make_wheel("gem", "1.0", requires=["ring"]),
    )
    locked.write(asking("ring"))
    assert lock(locked, index).code == 0
    locked.write(asking("ring[x]"))
    said = refused(locked, index, 1)
    assert "package not found: vanished" in said
    assert "env.toml: env.dependencies asks for ring[x]" in said
    assert "ring[x] 1.0 requires ring[y]" in said


def test_a_branch_of_a_conflict_without_solution(locked: Workplace, index: IndexServer) -> None:
    more = "[dependency-groups]\nold = ['base<2']\nnew = ['base>=9']\n"
    locked.write(asking("base", more=more + "[lock]\nconflicts = [['old', 'new']]\n"))
    said = refused(locked, index, 1)
    assert "group new asks for base>=9, but the versions are 1.0 and 2.0" in said


def test_groups_that_collide_lead_to_conflicts(locked: Workplace, index: IndexServer) -> None:
    more = "[dependency-groups]\nold = ['base<2']\nnew = ['base>=2']\n"
    locked.write(asking("base", more=more))
    said = refused(locked, index, 1)
    assert "group old asks for base<2" in said
    assert "group new asks for base>=2" in said
    assert "hint: " in said
    assert "[lock] conflicts" in said


def test_a_source_alone_and_no_leave_to_build(locked: Workplace, index: IndexServer) -> None:
    filename, content = make_sdist("sourced", "1.0")
    index.add("sourced", filename, content)
    publish(index, make_wheel("asks-sourced", "1.0", requires=["sourced"]))
    locked.write(asking("asks-sourced"))
    said = refused(locked, index, 1)
    assert "asks-sourced 1.0 requires sourced" in said
    assert "hint: " in said
    assert "lock --allow-build sourced" in said


def test_an_interrupt_while_resolving_leaves_the_lock_alone(
    locked: Workplace, index: IndexServer
) -> None:
    index.on("/simple/slow/", lambda seen: Reply(hang=30.0))
    locked.write(asking("base", "slow"))
    before = locked.files()
    index.forget()
    process = subprocess.Popen(
        [sys.executable, "-m", "envsync", "lock"],
        cwd=locked.project,
        env=locked.environ,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    deadline = time.monotonic() + 30
    while "/simple/slow/" not in index.paths() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=25)  # the answer takes 30 s
    assert process.returncode == 130, said
    assert b"error: interrupted" in said
    assert locked.files() == before
