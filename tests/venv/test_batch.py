"""activate.bat in a real batch interpreter: the cmd.exe of wine, where `make tools` prepared one.

It is not Microsoft's, and reads batch files by the same documented rules. Names with % are left
to careful reading: wine reads them twice in `cd`, which the test itself needs.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from envsync.venv.activate import activation_scripts
from tests.venv.test_activate import WINDOWS

PREFIX = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".tools", "wine"))
pytestmark = pytest.mark.skipif(
    shutil.which("wine") is None or not os.path.isdir(PREFIX), reason="wine is not installed"
)
# A folder's name, and a prompt.
HOSTILE = (
    ("plain", "plain"),
    ("with space", "with  two spaces "),
    ("a^b^^c", "a^b^^c"),
    ("a&b", "a & echo b"),
    ("&echo canary&", '" & echo canary > canary & "'),
    ("(x)", "(x"),
    (") else (", ") else ("),
    ("wow!", "!PATH!"),
    ("it's", "it's"),
    ("a,b=c", "a,b=c"),
    ("$P$G", "$P$G"),
    ("@x", "@echo on"),
    ("-x", "/?"),
    ("~dp0", "%~dp0"),
    ("#{}[]+", "%PATH%"),
    ("`x`", "100%"),
)


Dumps = dict[str, dict[str, str]]


def windows_path(path: Path | str) -> str:
    return "Z:" + str(path).replace("/", "\\")


def environment(root: Path, prompt: str) -> str:
    """Write the scripts of an environment, and give its path as Windows has it."""
    (root / "Scripts").mkdir(parents=True)
    for name, content in activation_scripts(WINDOWS, root=windows_path(root), prompt=prompt):
        (root / "Scripts" / name).write_bytes(content)
    return windows_path(root)


def enter(number: int) -> list[str]:
    """Steps that activate an environment: `call` reads its words twice, so it is given no path."""
    return [f'cd /d "%ROOT{number}%\\Scripts"', "call .\\activate.bat", "cd /d %HERE%"]


def run(folder: Path, roots: Sequence[str], *steps: str) -> Dumps:
    """Run steps ("dump NAME" writes the variables) and give the variables by name."""
    lines = ["@echo off", "set HERE=%CD%"]
    for step in steps:
        verb, _, name = step.partition(" ")
        lines.append(f"set > {name}.txt" if verb == "dump" else step)
    (folder / "steps.bat").write_bytes("".join(f"{line}\r\n" for line in lines).encode())
    answer = subprocess.run(
        ["wine", "cmd", "/c", "steps.bat"],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "WINEPREFIX": PREFIX,
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "mscoree=;mshtml=",
            **{f"ROOT{number}": root for number, root in enumerate(roots)},
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert answer.stdout == b""
    assert not (folder / "canary").exists()
    return {path.stem: variables(path) for path in folder.glob("*.txt")}


def variables(path: Path) -> dict[str, str]:
    lines = path.read_bytes().decode("ascii", "replace").splitlines()
    pairs = [line.partition("=") for line in lines]
    return {name.upper(): value for name, _, value in pairs}


def inside(root: str, before: dict[str, str], prompt: str) -> dict[str, str]:
    """What an active environment changes."""
    label = prompt.replace('"', "'")
    return {
        "VIRTUAL_ENV": root,
        "VIRTUAL_ENV_PROMPT": label,
        "PATH": f"{root}\\Scripts;{before['PATH']}",
        "PROMPT": f"({label.replace('$', '$$')}) $P$G",
    }


def active(found: dict[str, str]) -> dict[str, str]:
    names = ("VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "PATH", "PROMPT")
    assert "PYTHONHOME" not in found
    assert not [name for name in found if name.startswith("_ENVSYNC")]
    return {name: found[name] for name in names}


@pytest.fixture(scope="module")
def hostile(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[list[str], Dumps]:
    folder = tmp_path_factory.mktemp("batch")
    roots = [environment(folder / name, prompt) for name, prompt in HOSTILE]
    steps = ["dump before"]
    for number in range(len(HOSTILE)):
        steps += [*enter(number), f"dump inside{number}"]
        steps += ["call deactivate", f"dump after{number}"]
    return roots, run(folder, roots, *steps)


@pytest.mark.parametrize("number", range(len(HOSTILE)), ids=[name for name, _ in HOSTILE])
def test_a_hostile_path_and_prompt_are_only_text_to_cmd(
    hostile: tuple[list[str], Dumps], number: int
) -> None:
    roots, found = hostile
    expected = inside(roots[number], found["before"], HOSTILE[number][1])

    assert active(found[f"inside{number}"]) == expected
    if "&" not in HOSTILE[number][0]:  # wine's cmd runs no batch file of such a folder
        assert found[f"after{number}"] == found["before"]


def test_twice_and_another_on_top_in_cmd(tmp_path: Path) -> None:
    roots = [environment(tmp_path / "one^1", "one"), environment(tmp_path / "two!2", "two")]
    found = run(
        tmp_path,
        roots,
        *["set PYTHONHOME=Z:\\python home", "set VIRTUAL_ENV=Z:\\parent (x)", "dump before"],
        *[*enter(0), *enter(0), "dump twice", "cd /d %ROOT1%", *enter(1), "dump top"],
        *["call deactivate", "dump after"],
    )

    assert active(found["twice"]) == inside(roots[0], found["before"], "one")
    assert active(found["top"]) == inside(roots[1], found["before"], "two")
    assert found["before"]["PYTHONHOME"] == "Z:\\python home"
    assert found["after"] == found["before"]


def test_another_tools_environment_is_left_first_in_cmd(tmp_path: Path) -> None:
    root = environment(tmp_path / "ours", "ours")
    found = run(
        tmp_path,
        [root],
        *["dump before", "set _OLD_VIRTUAL_PATH=%PATH%", "set VIRTUAL_ENV=Z:\\theirs"],
        *["set PATH=Z:\\theirs\\Scripts;%PATH%", *enter(0), "dump inside"],
        *["call deactivate", "set VIRTUAL_ENV=", "dump after"],
    )

    assert active(found["inside"]) == inside(root, found["before"], "ours")
    assert found["after"] == found["before"]


def test_another_tools_environment_on_top_takes_our_place_in_cmd(tmp_path: Path) -> None:
    root = environment(tmp_path / "ours", "ours")
    theirs = [
        *["set PATH=%_OLD_VIRTUAL_PATH%", "set PROMPT=%_OLD_VIRTUAL_PROMPT%"],
        *["set VIRTUAL_ENV=Z:\\theirs", "set _OLD_VIRTUAL_PROMPT=%PROMPT%"],
        *["set PROMPT=(theirs) %PROMPT%", "set PATH=Z:\\theirs\\Scripts;%PATH%"],
    ]
    left = [
        *["set PATH=%_OLD_VIRTUAL_PATH%", "set _OLD_VIRTUAL_PATH=", "set VIRTUAL_ENV="],
        *["set PROMPT=%_OLD_VIRTUAL_PROMPT%", "set _OLD_VIRTUAL_PROMPT="],
    ]
    found = run(
        tmp_path,
        [root],
        *["dump before", *enter(0), *theirs, *left, *enter(0), "dump inside"],
        *["call deactivate", "dump after"],
    )

    assert active(found["inside"]) == inside(root, found["before"], "ours")
    assert found["after"] == {**found["before"], "VIRTUAL_ENV_PROMPT": "ours"}


def test_what_is_missing_is_missing_again_in_cmd(tmp_path: Path) -> None:
    root = environment(tmp_path / "env", "env")
    found = run(
        tmp_path,
        [root],
        *["set PROMPT=", "set PATH=", "set VIRTUAL_ENV_DISABLE_PROMPT=1", "dump before"],
        *[*enter(0), "dump inside", "call deactivate", "dump after"],
    )

    assert found["inside"]["PATH"] == f"{root}\\Scripts"
    assert "PATH" not in found["before"]
    assert found["after"] == found["before"]
