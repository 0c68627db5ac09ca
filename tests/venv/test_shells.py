"""The activation scripts in the real shells of this machine; those that are missing are skipped."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from envsync.venv.activate import quote_nu
from tests.support.environments import make_environment, make_target
from tests.support.shells import (
    NU,
    POSIX,
    SHELLS,
    Session,
    Shell,
    Terminal,
    add_here,
    find_program,
    run_steps,
    session,
)

# Each is a folder's name and a prompt at once.
HOSTILE = (
    "plain",
    "with space",
    "  two  spaces  ",
    "it's",
    "''",
    'say "hello"',
    "$HOME",
    "${PATH}",
    "$(touch canary)",
    "`touch canary`",
    "a;touch canary",
    "a&touch canary&",
    "a|touch canary",
    "a>canary",
    "<canary",
    "$'x'",
    '"; touch canary; "',
    "'; touch canary; '",
    "'$(touch canary)'",
    "!",
    "wow!",
    "!!",
    "!touch",
    "*",
    "?[a-z]",
    "{a,b}",
    "~",
    "#hash",
    "-rf",
    "%n%d%",
    "100%",
    "%PATH%",
    "\\",
    "back\\slash",
    "end\\",
    "\\'\\",
    "\\n\\$x\\",
    "a\\!b",
    "=ls",
    "a=~",
    "^a^b",
    "@@ROOT@@",
    "é ü 漢字 🐍",
    "\u2018curly\u2019 \u201aquotes\u201b",
    "'\"`$\\!%;&|<>(){}[]*?~#^=,",
)
# These can't tell which file they read.
UNKNOWING = ("dash", "mksh", "yash", "busybox", "tcsh")
UNBEARABLE_TO_XONSH = ("$HOME", "a=~")
BASE = {"HOME": "/nowhere", "LANG": "C.UTF-8", "TERM": "dumb"}
PATH = "/usr/local/bin:/usr/bin:/bin"


def relaxed(shell: Shell) -> Shell:
    """The shell without `set -eu`."""
    return shell._replace(quiet="")


def named(shells: Iterable[Shell]) -> list[ParameterSet]:
    """The installed ones of some shells, as parameters; missing ones are skipped below, once."""
    return [pytest.param(shell, id=shell.name) for shell in shells if shell.installed]


@pytest.mark.parametrize("shell", [*SHELLS, NU], ids=lambda shell: shell.name)
def test_the_shell_is_installed(shell: Shell) -> None:
    if not shell.installed:
        pytest.skip(f"{shell.command[0]} is not installed: its script is not run")


@pytest.fixture(params=named(SHELLS), scope="module")
def shell(request: pytest.FixtureRequest) -> Shell:
    value: Shell = request.param
    return value


@pytest.fixture
def where(tmp_path: Path) -> Session:
    return session(str(tmp_path / "session"))


def environment(where: Session, name: str, prompt: str = "shop") -> str:
    root = make_environment(make_target(), os.path.join(where.folder, name), prompt=prompt)
    add_here(root)
    return root


def run(shell: Shell, where: Session, environ: Mapping[str, str], *steps: str) -> None:
    answer = run_steps(shell, steps, where, {**BASE, **environ})
    assert answer.stderr == ""
    assert answer.returncode == 0
    assert os.listdir(where.playground) == []


def inside(root: str, before: Mapping[str, str], prompt: str = "shop") -> dict[str, str]:
    """The variables that an active environment is to have."""
    expected = {name: value for name, value in before.items() if name != "PYTHONHOME"}
    path = f":{before['PATH']}" if before.get("PATH") else ""
    activated = {"VIRTUAL_ENV": root, "VIRTUAL_ENV_PROMPT": prompt, "PATH": f"{root}/bin{path}"}
    return expected | activated


# Hostile names: all of them in one run of each shell


@pytest.fixture(scope="session")
def hostile_roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environments with hostile names, by the variables that scripts know them by."""
    where = session(str(tmp_path_factory.mktemp("hostile") / "environments"))
    return {
        f"ROOT{number}": environment(where, name, prompt=name)
        for number, name in enumerate(HOSTILE)
    }


def bears(shell: Shell, name: str) -> bool:
    """Whether the shell can have such a folder on PATH: xonsh puts variables in their place."""
    return not (shell.name == "xonsh" and name in UNBEARABLE_TO_XONSH)


@pytest.fixture(scope="module")
def hostile(
    shell: Shell, hostile_roots: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Session:
    where = session(str(tmp_path_factory.mktemp("hostile") / "session"))
    steps = ["dump before"]
    for number, name in enumerate(HOSTILE):
        if not bears(shell, name):
            continue
        steps += [f"activate ROOT{number}", f"dump inside{number}", f"here here{number}"]
        steps += ["deactivate", f"dump after{number}"]
    run(shell, where, {**hostile_roots, "PATH": PATH}, *steps)
    return where


@pytest.mark.parametrize("number", range(len(HOSTILE)), ids=map(ascii, HOSTILE))
def test_a_hostile_path_and_prompt_are_only_text(
    shell: Shell, hostile: Session, hostile_roots: dict[str, str], number: int
) -> None:
    if not bears(shell, HOSTILE[number]):
        pytest.skip("can't have it on PATH, and says so (see below)")
    root, before = hostile_roots[f"ROOT{number}"], hostile.environ("before")

    assert hostile.environ(f"inside{number}") == inside(root, before, HOSTILE[number])
    assert hostile.text(f"here{number}") == f"{root}/bin/here"
    assert hostile.environ(f"after{number}") == before


@pytest.fixture(scope="session")
def moved_roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environments that were moved to hostile names."""
    where = session(str(tmp_path_factory.mktemp("moved") / "environments"))
    moved = {}
    for number, name in enumerate(HOSTILE):
        moved[f"ROOT{number}"] = os.path.join(where.folder, name)
        os.rename(environment(where, f"before{number}", prompt=name), moved[f"ROOT{number}"])
    return moved


def test_environments_moved_to_hostile_paths_are_entered(
    shell: Shell, where: Session, moved_roots: dict[str, str]
) -> None:
    if shell.name in UNKNOWING:
        pytest.skip("can't tell which file it reads, and says so (see below)")
    some = slice(None, None, 4 if shell.name == "xonsh" else 1)  # it takes its time
    names = {n: name for n, name in list(enumerate(HOSTILE))[some] if bears(shell, name)}
    steps = ["dump before"]
    for number in names:
        steps += [f"activate ROOT{number}", f"dump inside{number}", f"here here{number}"]
        steps += ["deactivate", f"dump after{number}"]
    run(shell, where, {**moved_roots, "PATH": PATH}, *steps)

    before = where.environ("before")
    for number, name in names.items():
        root = moved_roots[f"ROOT{number}"]
        assert where.environ(f"inside{number}") == inside(root, before, name)
        assert where.text(f"here{number}") == f"{root}/bin/here"
        assert where.environ(f"after{number}") == before


# Restoring


def test_everything_is_restored(shell: Shell, where: Session) -> None:
    root = environment(where, "env")
    run(
        shell,
        where,
        {"ROOT": root, "PATH": PATH, "VIRTUAL_ENV_PROMPT": "kept"},
        *[
            "assign PYTHONHOME /python home",
            "dump before",
            "activate ROOT",
            "dump inside",
            "deactivate",
            "dump after",
        ],
    )

    before = where.environ("before")
    assert before["PYTHONHOME"] == "/python home"
    assert where.environ("inside") == inside(root, before)
    assert where.environ("after") == before


def test_activating_twice_is_as_once(shell: Shell, where: Session) -> None:
    root = environment(where, "env")
    run(
        shell,
        where,
        {"ROOT": root, "PATH": PATH},
        *[
            "assign PYTHONHOME /home",
            "dump before",
            "activate ROOT",
            "activate ROOT",
            "dump inside",
        ],
        *["deactivate", "dump after"],
    )

    before = where.environ("before")
    assert where.environ("inside") == inside(root, before)
    assert where.environ("after") == before


def test_another_environment_on_top_takes_its_place(shell: Shell, where: Session) -> None:
    one, two = environment(where, "one"), environment(where, "two", prompt="other")
    run(
        shell,
        where,
        {"ONE": one, "TWO": two, "PATH": PATH},
        *[
            "assign PYTHONHOME /home",
            "dump before",
            "activate ONE",
            "activate TWO",
            "dump inside",
            "here here",
        ],
        *["deactivate", "dump after", "activate ONE", "dump again", "deactivate", "dump last"],
    )

    before = where.environ("before")
    assert where.environ("inside") == inside(two, before, "other")
    assert where.text("here") == f"{two}/bin/here"
    assert where.environ("after") == before
    assert where.environ("again") == inside(one, before)
    assert where.environ("last") == before


def test_an_environment_that_a_parent_process_activated_is_restored(
    shell: Shell, where: Session
) -> None:
    root = environment(where, "env")
    inherited = {
        "VIRTUAL_ENV": "/other env",
        "VIRTUAL_ENV_PROMPT": "other",
        "PATH": f"/other env/bin:{PATH}",
    }
    run(
        shell,
        where,
        {"ROOT": root, **inherited},
        *["dump before", "activate ROOT", "dump inside", "deactivate", "dump after"],
    )

    before = where.environ("before")
    assert where.environ("inside") == inside(root, before)
    assert where.environ("after") == before


@pytest.mark.parametrize("odd", [":", "/usr/bin::/bin:", "relative:.", "/with space:/usr/bin"])
def test_an_odd_path_is_restored(odd: str, shell: Shell, where: Session) -> None:
    root = environment(where, "env")
    run(
        shell,
        where,
        {"ROOT": root, "PATH": odd},
        *["dump before", "activate ROOT", "dump inside", "here here", "deactivate", "dump after"],
    )

    assert where.environ("inside")["PATH"].startswith(f"{root}/bin:")
    assert where.text("here") == f"{root}/bin/here"
    assert where.environ("after") == where.environ("before")


def test_an_empty_path_is_restored_and_no_entry_for_the_current_folder_made(
    shell: Shell, where: Session
) -> None:
    root = environment(where, "env")
    run(
        shell,
        where,
        {"ROOT": root, "PATH": PATH},
        *["assign PATH ", "dump before", "activate ROOT", "dump inside", "here here"],
        *["deactivate", "dump after"],
    )

    before = where.environ("before")
    assert before["PATH"] == ("." if shell.name == "fish" else "")
    assert where.environ("inside") == inside(root, before)
    assert where.text("here") == f"{root}/bin/here"
    assert where.environ("after") == before


def test_a_missing_path_is_missing_again(shell: Shell, where: Session) -> None:
    root = environment(where, "env")
    run(
        shell,
        where,
        {"ROOT": root, "PATH": PATH},
        *["remove PATH", "dump before", "activate ROOT", "dump inside", "here here"],
        *["deactivate", "dump after"],
    )

    found = where.environ("inside")["PATH"]
    # Xonsh has a list of its own where there is none.
    assert (found.split(":")[0] if shell.name == "xonsh" else found) == f"{root}/bin"
    assert where.text("here") == f"{root}/bin/here"
    assert where.environ("after") == where.environ("before")


def test_a_moved_environment_is_entered_where_it_is(shell: Shell, where: Session) -> None:
    root = environment(where, "before")
    moved = os.path.join(where.folder, "after move")
    os.rename(root, moved)
    environ = {"ROOT": moved, "PATH": PATH}
    if shell.name in UNKNOWING:
        # These can't tell which file they read: they say so, and change nothing.
        steps = ["dump before", "activate ROOT", "dump after"]
        answer = run_steps(relaxed(shell), steps, where, {**BASE, **environ})
        assert "this environment was moved" in answer.stdout + answer.stderr
        assert where.environ("after") == where.environ("before")
        return

    run(
        shell,
        where,
        environ,
        *["dump before", "activate ROOT", "dump inside", "deactivate", "dump after"],
    )

    before = where.environ("before")
    assert where.environ("inside") == inside(moved, before)
    assert where.environ("after") == before


def test_a_linked_environment_keeps_the_path_that_it_was_made_at(
    shell: Shell, where: Session
) -> None:
    root = environment(where, "env")
    link = os.path.join(where.folder, "link")
    os.symlink(root, link)
    if shell.name in ("xonsh", "pwsh"):
        pytest.skip("finds itself by the path that it was given")

    run(shell, where, {"ROOT": link, "PATH": PATH}, "activate ROOT", "dump inside")

    assert where.environ("inside")["VIRTUAL_ENV"] == root


# With venv's own scripts


@pytest.fixture(scope="module")
def venvs_own(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = str(tmp_path_factory.mktemp("venv") / "theirs")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root], check=True)
    return root


def with_venv(shell: Shell) -> Shell:
    """The shell as venv's own scripts need it: with a prompt, and without `set -eu`."""
    if shell not in POSIX and shell.name not in ("fish", "tcsh"):
        pytest.skip("venv has no script for it")
    return relaxed(shell)._replace(quiet="set prompt = '> '" if shell.name == "tcsh" else "")


def without_prompt(environ: dict[str, str]) -> dict[str, str]:
    """The variables without PS1, which venv's script exports and doesn't take back."""
    return {name: value for name, value in environ.items() if name != "PS1"}


def test_venvs_environment_on_top_takes_our_place(
    shell: Shell, where: Session, venvs_own: str
) -> None:
    shell = with_venv(shell)
    root = environment(where, "env")
    run(
        shell,
        where,
        {"ROOT": root, "THEIRS": venvs_own, "PATH": PATH},
        *["dump before", "activate ROOT", "activate THEIRS", "dump inside"],
        *["deactivate", "dump after"],
    )

    before = where.environ("before")
    assert where.environ("inside")["PATH"] == f"{venvs_own}/bin:{PATH}"
    assert without_prompt(where.environ("after")) == before


def test_our_environment_on_top_takes_venvs_place(
    shell: Shell, where: Session, venvs_own: str
) -> None:
    shell = with_venv(shell)
    root = environment(where, "env")
    run(
        shell,
        where,
        {"ROOT": root, "THEIRS": venvs_own, "PATH": PATH},
        *["dump before", "activate THEIRS", "activate ROOT", "dump inside"],
        *["deactivate", "dump after"],
    )

    before = where.environ("before")
    assert without_prompt(where.environ("inside")) == inside(root, before)
    assert without_prompt(where.environ("after")) == before


# What the shell itself holds


@pytest.mark.parametrize("posix", named(POSIX))
def test_no_variable_or_function_is_left_behind(posix: Shell, where: Session) -> None:
    root = environment(where, "env")
    listing = f'set | grep -c -i -e envsync_ -e OLD_VIRTUAL > "{where.folder}/out/NAME" || :'
    run(
        posix,
        where,
        {"ROOT": root, "PATH": PATH},
        *["activate ROOT", "deactivate", listing.replace("NAME", "left")],
        *[f'command -v deactivate > "{where.folder}/out/command" || :'],
    )

    assert where.text("left") == "0\n"
    assert where.text("command") == ""


@pytest.mark.parametrize("posix", named(POSIX))
def test_the_prompt_is_set_and_restored(posix: Shell, where: Session) -> None:
    root = environment(where, "env")
    show = f'printf "<%s>\\n" "${{PS1-unset}}" >> "{where.folder}/out/prompts"'
    run(
        posix,
        where,
        {"ROOT": root, "PATH": PATH},
        *["PS1='> '", "activate ROOT", show, "activate ROOT", show, "deactivate", show],
        *["VIRTUAL_ENV_DISABLE_PROMPT=1", "activate ROOT", show, "deactivate", show],
        *["unset PS1 VIRTUAL_ENV_DISABLE_PROMPT", "activate ROOT", "deactivate", show],
    )

    assert where.text("prompts").splitlines() == [
        "<(shop) > >",
        "<(shop) > >",
        "<> >",
        "<> >",
        "<> >",
        "<unset>",
    ]


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_shows_the_prompt_keeps_the_status_and_restores_it(where: Session) -> None:
    fish = next(shell for shell in SHELLS if shell.name == "fish")
    root = environment(where, "env", prompt="it's $HOME")
    run(
        fish,
        where,
        {"ROOT": root, "PATH": PATH},
        "function fish_prompt; echo -n status $status; end",
        f'function show; fish_prompt >> "{where.folder}/out/prompts"; end',
        f'function lost; echo ";" >> "{where.folder}/out/prompts"; end',
        *["show; lost", "activate ROOT", f'false; fish_prompt >> "{where.folder}/out/prompts"'],
        *["lost", "deactivate", "show; lost", "assign VIRTUAL_ENV_DISABLE_PROMPT 1"],
        *["activate ROOT", "show; lost", "deactivate", "functions -q deactivate; and lost; true"],
    )

    assert where.text("prompts").splitlines() == [
        "status 0;",
        "(it's $HOME) status 1;",
        "status 0;",
        "status 0;",
    ]


# Xonsh


XONSH = next(shell for shell in SHELLS if shell.name == "xonsh")
needs_xonsh = pytest.mark.skipif(not XONSH.installed, reason="xonsh is not installed")


@needs_xonsh
@pytest.mark.parametrize("name", UNBEARABLE_TO_XONSH)
def test_xonsh_says_which_folder_it_cannot_have_on_path(name: str, where: Session) -> None:
    root = environment(where, name)
    steps = ["dump before", "activate ROOT", "dump inside"]
    answer = run_steps(XONSH, steps, where, {**BASE, "ROOT": root, "PATH": PATH})

    assert answer.stderr == f"activate: xonsh can't hold this folder in PATH: {root}/bin\n"
    assert where.environ("inside") == where.environ("before")


@pytest.fixture(scope="module")
def xonsh_prompts(
    hostile_roots: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[str]]:
    """What xonsh asks with, on a terminal: inside each environment, and after it was left."""
    where = session(str(tmp_path_factory.mktemp("terminal") / "session"))
    command = ["xonsh", "--no-rc", "--shell-type", "readline", "-DPROMPT={env_name}> "]
    terminal = Terminal(command, where.playground, {**BASE, **hostile_roots, "PATH": PATH})
    prompts: dict[str, list[str]] = {}
    try:
        terminal.read("> ", 60.0)
        for name, root in zip(HOSTILE, hostile_roots, strict=True):
            lines = (f"source @(f'{{${root}}}/bin/activate.xsh')", "deactivate")
            shown = [terminal.type(line, "> ", 60.0) for line in lines]
            prompts[name] = [text.rpartition("\r")[2] for text in shown]
    finally:
        terminal.close()
    assert os.listdir(where.playground) == []
    return prompts


@pytest.mark.parametrize("name", HOSTILE if XONSH.installed else (), ids=ascii)
def test_a_hostile_prompt_is_shown_as_text_by_xonsh(
    name: str, xonsh_prompts: dict[str, list[str]]
) -> None:
    if name in UNBEARABLE_TO_XONSH:
        pytest.skip("can't have it on PATH, and says so (see above)")
    inside, after = xonsh_prompts[name]

    # Where a name ends in quotes or spaces, xonsh leaves its own parentheses out.
    assert inside in (f"({name}) > ", f"{name}> ")
    assert after == "> "


@needs_xonsh
def test_xonsh_leaves_virtualenvs_environment_first(where: Session, tmp_path: Path) -> None:
    virtualenv, theirs = find_program("virtualenv"), str(tmp_path / "theirs")
    if virtualenv is None:
        pytest.skip("virtualenv is not installed")
    data = os.environ | {"VIRTUALENV_OVERRIDE_APP_DATA": str(tmp_path / "data")}
    subprocess.run([virtualenv, "-q", "--no-seed", theirs], check=True, env=data)
    root = environment(where, "env")
    run(
        XONSH,
        where,
        {"ROOT": root, "THEIRS": theirs, "PATH": PATH},
        *["dump before", "activate THEIRS", "activate ROOT", "dump inside"],
        *["deactivate", "dump after"],
    )

    before = where.environ("before")
    assert where.environ("inside") == inside(root, before)
    assert where.environ("after") == before


@needs_xonsh
def test_xonsh_is_left_with_nothing_of_ours(where: Session) -> None:
    root = environment(where, "env")
    run(
        XONSH,
        where,
        {"ROOT": root, "PATH": PATH},
        *["activate ROOT", "deactivate", "from xonsh.built_ins import XSH"],
        "left = [name for name in XSH.ctx if 'envsync' in name]",
        f"with open({where.folder!r} + '/out/left', 'w') as file:",
        "    print(left, 'deactivate' in XSH.aliases, file=file)",
    )

    assert where.text("left") == "[] False\n"


# Nushell, where the path of an overlay must be written out in the script


def nu_steps(root: str, number: int) -> list[str]:
    return [
        f"overlay use {quote_nu(f'{root}/bin/activate.nu')}",
        *[f"dump inside{number}", f"^here here{number}", "deactivate", f"dump after{number}"],
    ]


@pytest.fixture(scope="module")
def hostile_to_nu(
    hostile_roots: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Session:
    where = session(str(tmp_path_factory.mktemp("nu") / "session"))
    steps = ["dump before"]
    for number, root in enumerate(hostile_roots.values()):
        steps += nu_steps(root, number)
    run(NU, where, {"PATH": PATH}, *steps)
    return where


@pytest.mark.parametrize(
    "number", range(len(HOSTILE)) if NU.installed else (), ids=map(ascii, HOSTILE)
)
def test_a_hostile_path_and_prompt_are_only_text_to_nushell(
    hostile_to_nu: Session, hostile_roots: dict[str, str], number: int
) -> None:
    root, before = hostile_roots[f"ROOT{number}"], hostile_to_nu.environ("before")

    assert hostile_to_nu.environ(f"inside{number}") == inside(root, before, HOSTILE[number])
    assert hostile_to_nu.text(f"here{number}") == f"{root}/bin/here"
    assert hostile_to_nu.environ(f"after{number}") == before


@pytest.mark.skipif(not NU.installed, reason="nu is not installed")
def test_nushell_finds_a_moved_environment_and_restores_everything(where: Session) -> None:
    root = os.path.join(where.folder, "after")
    os.rename(environment(where, "before"), root)
    run(
        NU,
        where,
        {"PATH": PATH},
        *["assign PYTHONHOME /python home", "dump before", *nu_steps(root, 0)[:-2]],
        *[*nu_steps(root, 1)],
    )

    before = where.environ("before")
    assert before["PYTHONHOME"] == "/python home"
    assert where.environ("inside0") == inside(root, before)
    assert where.environ("inside1") == inside(root, before)
    assert where.environ("after1") == before


@pytest.mark.skipif(not NU.installed, reason="nu is not installed")
@pytest.mark.parametrize("odd", ["", ":", "/usr/bin::/bin:", "relative:.", "/with space:/usr/bin"])
def test_another_environment_on_top_and_odd_paths_in_nushell(where: Session, odd: str) -> None:
    one, two = environment(where, "one"), environment(where, "two", prompt="other")
    run(
        NU,
        where,
        {"PATH": odd, "VIRTUAL_ENV": "/parent", "VIRTUAL_ENV_PROMPT": "parent"},
        *["dump before", *nu_steps(one, 0)[:-2], *nu_steps(two, 1), *nu_steps(one, 2)],
    )

    before = where.environ("before")
    for number, (root, prompt) in enumerate([(one, "shop"), (two, "other"), (one, "shop")]):
        found = where.environ(f"inside{number}")
        assert found["PATH"].split(":")[0] == f"{root}/bin"
        assert (found["VIRTUAL_ENV"], found["VIRTUAL_ENV_PROMPT"]) == (root, prompt)
        assert where.text(f"here{number}") == f"{root}/bin/here"
    assert where.environ("inside1")["PATH"].count(f"{one}/bin") == 0
    assert where.environ("after1") == before
    assert where.environ("after2") == before


@pytest.mark.skipif(not NU.installed, reason="nu is not installed")
def test_nushell_shows_the_prompt_and_restores_it(where: Session) -> None:
    root = environment(where, "env", prompt="it's $HOME")
    show = (
        "let p = $env.PROMPT_COMMAND; (if ($p | describe) == 'closure' { do $p } else { $p }) "
        f"+ (char newline) | save --append {quote_nu(f'{where.folder}/out/prompts')}"
    )
    run(
        NU,
        where,
        {"PATH": PATH},
        *["$env.PROMPT_COMMAND = {|| 'mine> '}", show, nu_steps(root, 0)[0], show],
        *[nu_steps(root, 0)[0], show, "deactivate", show],
        *["assign VIRTUAL_ENV_DISABLE_PROMPT 1", nu_steps(root, 0)[0], show, "deactivate", show],
    )

    shown = "(it's $HOME) mine> "
    assert where.text("prompts").splitlines() == [
        "mine> ",
        shown,
        shown,
        "mine> ",
        "mine> ",
        "mine> ",
    ]


# Prompts as they are seen on a terminal

TERMINALS = {
    "bash": (["bash", "--norc", "--noediting"], "PS1='> '"),
    "dash": (["dash"], "PS1='> '"),
    "ksh": (["ksh"], "PS1='> '"),
    "mksh": (["mksh"], "PS1='> '"),
    "zsh": (["zsh", "-f", "+Z"], "PS1='> '"),
    "zsh-subst": (["zsh", "-f", "+Z", "-o", "promptsubst"], "PS1='> '"),
    "bash-plain": (["bash", "--norc", "--noediting", "+O", "promptvars"], "PS1='> '"),
    "tcsh": (["tcsh", "-f"], "unset edit; set prompt = '> '"),
}


def shown(kind: str, prompt: str) -> str:
    """A prompt as the shell shows it: where it can't be kept from being run, signs become _."""
    if kind in ("zsh", "zsh-subst", "bash-plain") and any(sign in prompt for sign in "$`\\%!"):
        return "".join("_" if sign in "$`\\" else sign for sign in prompt)
    return prompt


@pytest.fixture(
    params=[name for name, (command, _) in TERMINALS.items() if shutil.which(command[0])],
    scope="module",
)
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def screens(
    kind: str, hostile_roots: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> list[str]:
    where = session(str(tmp_path_factory.mktemp("terminal") / "session"))
    command, first = TERMINALS[kind]
    activate = "source $ROOT:q/bin/activate.csh" if kind == "tcsh" else '. "$ROOT/bin/activate"'
    terminal = Terminal(command, where.playground, {**BASE, **hostile_roots, "PATH": PATH})
    screens = []
    try:
        terminal.type(f"{first}; echo rea''dy", "ready")
        for root in hostile_roots:
            entered = terminal.type(activate.replace("ROOT", root), "activate")
            screens.append(entered + terminal.type(f"echo do''ne{root}", f"done{root}"))
            terminal.type(f"deactivate; echo le''ft{root}", f"left{root}")
    finally:
        terminal.close()
    assert os.listdir(where.playground) == []
    return screens


@pytest.mark.parametrize("number", range(len(HOSTILE)), ids=map(ascii, HOSTILE))
def test_a_hostile_prompt_is_shown_as_text(kind: str, screens: list[str], number: int) -> None:
    assert f"({shown(kind, HOSTILE[number])}) > " in screens[number]
