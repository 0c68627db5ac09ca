"""What the command line says of words that it doesn't know, to people and to programs."""

import argparse
import json

import pytest

from envsync.cli.lock import give_leave_by
from envsync.cli.main import main
from envsync.cli.selection import add_choice_arguments
from envsync.cli.sync import choose_alike
from envsync.errors import BuildNotAllowed, EnvDiffers
from envsync.sync.check import REPAIR


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        ("snyc", "unknown command: snyc", "`envsync sync`"),
        ("forest", "unknown command: forest", "the commands are init,"),
        ("self update", "unknown command: self", "the commands are init,"),
        ("install", "unknown command: install", "`envsync sync`"),
        ("install flask", "unknown command: install", "`envsync add flask`"),
        (
            "sync --forze=1",
            "unknown option: --forze",
            "did you mean --force? `envsync sync --help`",
        ),
        ("cache prune --dryrun", "unknown option: --dryrun", "--dry-run? `envsync cache prune -"),
        ("sync --loked", "unknown option: --loked", "did you mean --locked?"),
        ("run --group lint --zz flask", "unknown option: --zz", "hint: `envsync run --help`"),
        ("sync flask", "sync takes no argument flask", "`envsync sync --help`"),
        ("--frozen sync", "--frozen is an option of sync", "`envsync sync --frozen`"),
        ("--group lint run x", "before the command: --group", "stand after it"),
    ],
)
def test_what_was_meant(
    arguments: str, error: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments.split()) == 2
    said = capsys.readouterr().err
    assert error in said
    assert hint in said
    assert not any(f"envsync {wrong}`" in said for wrong in ("shell", "verify", "remove"))


@pytest.mark.parametrize("arguments", ["--json sync --frozzen", "sync --json --x", "--json shell"])
def test_mistakes_are_told_to_programs_too(
    arguments: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments.split()) == 2
    assert json.loads(capsys.readouterr().out)["exit_code"] == 2


def test_json_behind_the_command_of_run_is_that_commands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["run", "--xx", "pytest", "--json"]) == 2
    assert capsys.readouterr().out == ""


def test_a_wrong_variable_is_told_to_programs_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENVSYNC_OFFLINE", "perhaps")
    assert main(["--json", "sync"]) == 2
    assert "ENVSYNC_OFFLINE" in json.loads(capsys.readouterr().out)["error"]


def test_what_makes_equal_chooses_the_same() -> None:
    parser = argparse.ArgumentParser()
    add_choice_arguments(parser)
    chosen = parser.parse_args(["--group", "lint", "--no-dev", "--extra", "a"])
    for error, after in (
        (EnvDiffers(".venv", []), "` makes them equal"),
        (EnvDiffers(".venv", [], hint=REPAIR), " --verify` looks at every byte and repairs"),
    ):
        choose_alike(error, chosen)
        assert error.hint == f"`envsync sync --no-dev --group lint --extra a{after}"
    other = EnvDiffers(".venv", [], hint="`envsync sync` in words of its own")
    choose_alike(other, chosen)
    assert other.hint == "`envsync sync` in words of its own"


def test_what_gives_leave_is_said_by_the_command_that_needs_it() -> None:
    error = BuildNotAllowed("made==1.0")
    assert (
        error.hint
        == "`envsync lock --allow-build made` allows it (a build runs the package's code)"
    )
    give_leave_by(error, lambda name: f"`envsync add {name} --allow-build {name}`")
    assert error.hint.startswith("`envsync add made --allow-build made` allows it (a build")
