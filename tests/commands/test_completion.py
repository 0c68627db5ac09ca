"""What real shells complete, at a real terminal where they complete only there."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from envsync.operations.completion import SCRIPTS, answer_line, kept_table, script
from tests.support.command import Workplace
from tests.support.shells import Terminal, find_program
from tests.venv.test_activate import GRAMMARS, PARSE

SPEC = """\
[env]
name = "shop"
dependencies = ["webby>=1", "base[x]; sys_platform == 'linux'"]

[env.optional-dependencies]
fast = ["speedups"]

[dependency-groups]
dev = ["checker"]
docs = []
"$(touch pwned)" = []
"; touch pwned" = []
"`touch pwned`" = []

[tasks]
"lint:fast" = "python -V"
build = "python -m build"
"""

LOCK = """\
lock-version = "1.0"
dependency-groups = ["member-web", "member-web-group-dev", "dev"]
created-by = "x"

[[packages]]
name = "webby"
version = "1.5"

[[packages.wheels]]
name = "other-1.0-py3-none-any.whl"

[[packages]]
name = "websocket"
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """A project, the table of words in the cache, and the program on PATH."""
    place = Workplace(tmp_path_factory.mktemp("completion"))
    place.write(SPEC)
    place.write('[env]\nname = "x"\n', "env.gpu.toml")
    place.write(LOCK, "pylock.toml")
    programs = place.cache.parent / "bin"
    programs.mkdir()
    (programs / "envsync").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m envsync "$@"\n')
    (programs / "envsync").chmod(0o755)
    place.environ |= {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(place.cache.parent),
        "TERM": "xterm",
    }
    assert place.ok("completion", "--answer", "fish", "=syn").out.startswith("words\nsync\t")
    yield place
    assert not (place.project / "pwned").exists()


def answered(made: Workplace, *words: str) -> list[str]:
    """What fish is told, the names alone."""
    *before, current = words
    table = kept_table(made.environ)
    assert table is not None
    with contextlib.chdir(made.project):
        lines = answer_line(table, "fish", current, before, made.environ).splitlines()
    return [line.partition("\t")[0] for line in lines]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("sync|--gro", "words --group"),
        ("sync|--group|", "words dev docs"),
        ("sync|--group=do", "words --group=docs"),
        ("sync|--extra|", "words fast"),
        ("sync|--package|", "words web"),
        ("lock|-P|we", "words webby websocket"),
        ("remove|w", "words webby"),
        ("remove|--group|dev|", "words webby base speedups checker"),
        ("run|", "commands lint:fast build"),
        ("run|python|", "files"),
        ("run|--group|dev|", "commands lint:fast build"),
        ("run|--|x|--gro", "files"),
        ("-e|", "words gpu"),
        ("-e|gpu|remove|", "words"),
        ("-C|", "folders"),
        ("sync|--lock|", "files"),
        ("sync|--color|al", "words always"),
        ("cache|p", "words prune"),
        ("cache|clean|web", "words webby websocket"),
        ("help|ver", "words verify version"),
        ("completion|z", "words zsh"),
        ("python|f", "words find"),
        ("python|find|3.1", "words 3.14 3.13 3.12 3.11 3.10"),
        ("fetch|-o|", "folders"),
        ("fetch|--platform|mac", "words macos macosx_11_0_arm64"),
        ("lock|--che", "words --check"),
        ("lock|--check|--che", "words"),
        ("lock|-P|webby|--upgrade-p", "words --upgrade-package"),
        ("nothing|x", "words"),
        ("add|", "words"),
        ("", "words init import add"),
    ],
)
def test_what_fits_at_the_cursor(made: Workplace, line: str, expected: str) -> None:
    assert " ".join(answered(made, *line.split("|"))).startswith(expected)
    if "--" not in expected and line and line != "add|":
        assert " ".join(answered(made, *line.split("|"))) == expected


def test_an_answer_comes_from_the_kept_table_and_parses_nothing(made: Workplace) -> None:
    code = "import sys; from envsync.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code, "completion", "--answer", "zsh", "=sy"],
        cwd=made.project,
        env={**made.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent)},
        capture_output=True,
        check=True,
    )
    names = {line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines()}
    assert b"sync:" in done.stdout
    assert names & {"argparse", "envsync.cli", "packaging", "tomllib", "typing", "json"} == set()


def test_a_table_that_others_could_have_written_is_not_believed(
    made: Workplace, tmp_path: Path
) -> None:
    cache = tmp_path / "shared"
    shutil.copytree(made.cache, cache)
    environ = {**made.environ, "ENVSYNC_CACHE_DIR": str(cache)}
    assert kept_table(environ) is not None
    (table,) = (cache / "completion-v1").iterdir()
    text = table.read_text()
    for path in (cache, table.parent, table):
        mode = path.stat().st_mode
        path.chmod(0o777)
        assert kept_table(environ) is None
        path.chmod(mode)
    for cut in (text[:-5], text.replace("\t", " "), "", "option\tx\nend\n"):
        table.write_text(cut)
        assert kept_table(environ) is None, cut
    cache.chmod(0o777)
    table.unlink()
    ran = made.here("completion", "--answer", "fish", "=syn", environ=environ)
    assert ran.out.startswith("words\nsync\t")
    assert list(table.parent.iterdir()) == []


UNREADABLE = {
    "empty": "",
    "no TOML": "[env",
    "a list": "[[dependency-groups]]\n",
    "a number": 'dependency-groups = 3\n[env]\nfrom = "x"\n',
    "deep keys": "a." * 200_000 + "b = 1\n",
    "deep lists": "a = " + "[" * 100_000,
    "too large": "#" * (1 << 20),
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_a_project_that_cannot_be_read_completes_nothing(made: Workplace, text: str) -> None:
    folder = made.cache.parent / "odd"
    folder.mkdir(exist_ok=True)
    (folder / "env.toml").write_text(text)
    for option in ("--group", "--extra", "-P", "--index"):
        assert answered(
            made, "-C", str(folder), "add" if "i" in option else "sync", option, ""
        ) == ["words"]


def test_bash_completes_at_a_terminal(made: Workplace) -> None:
    environ = {**made.environ, "PS1": "> ", "INPUTRC": "/dev/null"}
    terminal = Terminal(["bash", "--norc", "--noprofile", "-i"], str(made.project), environ)
    try:
        terminal.type('eval "$(envsync completion bash)"; echo re""ady', "ready")
        for typed, then in (
            ("echo; envsync sync --froz\t", "--frozen"),
            ("--group=do\t", "--group=docs"),
            ("--ext\tfa\t", "--extra fast"),
        ):
            os.write(terminal._terminal, typed.encode())
            terminal.read(then)
        terminal.type("\x15: run; envsync run lint\t-V\x01: \x05", "envsync run lint:fast -V")
    finally:
        terminal.close()


def test_zsh_completes_at_a_terminal(made: Workplace) -> None:
    if find_program("zsh") is None:
        pytest.skip("zsh is not installed")
    terminal = Terminal(["zsh", "-f", "-i"], str(made.project), {**made.environ, "PS1": "> "})
    try:
        load = 'autoload -U compinit; compinit -D; eval "$(envsync completion zsh)"'
        terminal.type(f"{load}; echo re''ady", "ready\r\n")
        for typed, then in (
            ("envsync sync --froz\t", "--frozen"),
            ("--group=do\t", "--group=docs"),
            ("--ext\tfa\t", "fast"),
        ):
            os.write(terminal._terminal, typed.encode())
            terminal.read(then)
    finally:
        terminal.close()


def test_fish_completes(made: Workplace) -> None:
    if find_program("fish") is None:
        pytest.skip("fish is not installed")
    lines = ("envsync sync --froz", "envsync sync --group ", "envsync run lint", "envsync -e ")
    code = "envsync completion fish | source\n" + "\n".join(f'complete -C "{one}"' for one in lines)
    said = subprocess.run(
        ["fish", "--no-config", "-c", code],
        cwd=made.project, env=made.environ, capture_output=True, check=True,
    ).stdout.decode()  # fmt: skip
    assert "--frozen\ttake the" in said
    assert "\ndev\ndocs\n" in said
    assert "\nlint:fast\tpython -V\n" in said
    assert said.endswith("\ngpu\n")


def test_nushell_completes_and_keeps_the_completer_of_others(made: Workplace) -> None:
    nu = find_program("nu")
    if nu is None:
        pytest.skip("nu is not installed")
    (made.project / "envsync.nu").write_text(script("nushell"))
    code = (
        "$env.config.completions.external.completer = {|spans| [other]}\n"
        "source envsync.nu\n"
        "let ask = $env.config.completions.external.completer\n"
        'print ([(do $ask [envsync sync "--froz"]) (do $ask [envsync sync "--group" ""])'
        ' (do $ask [git x]) (do $ask [envsync "-C" ""])] | to json --raw)'
    )
    (made.project / "try.nu").write_text(code)
    done = subprocess.run(
        [nu, "--no-config-file", "--no-history", "try.nu"],
        cwd=made.project, env=made.environ, capture_output=True, check=True,
    )  # fmt: skip
    options, groups, other, folders = json.loads(done.stdout)
    assert [row["value"] for row in options] == ["--frozen"]
    assert [row["value"] for row in groups] == ["dev", "docs"]
    assert (other, folders) == (["other"], None)


def test_the_script_of_powershell_parses() -> None:
    if not list(GRAMMARS.parent.parent.glob("lib/python*/site-packages/tree_sitter_powershell")):
        pytest.skip("tree-sitter-powershell is not installed")
    done = subprocess.run(
        [GRAMMARS, "-c", PARSE], input=script("powershell").encode(), capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_each_shell_is_told_what_installs_it(made: Workplace) -> None:
    for shell in SCRIPTS:
        said = json.loads(made.here("completion", shell, "--json").out)
        assert said["script"] == script(shell)
        assert f"completion {shell}" in said["install"]
    fish = made.here("completion", environ={"ENVSYNC_SHELL": "fish"})
    assert "fish" in fish.err
    assert fish.out.startswith("envsync completion fish > ")
    unknown = made.here("completion", environ={"ENVSYNC_SHELL": "tcsh"})
    assert (unknown.code, "nothing is known of completion in tcsh" in unknown.err) == (2, True)
    assert "did you mean fish?" in made.here("completion", "fsh").err
