"""What the terminal gets: counts in words, long lists in short, hints that lead where one is."""

import re
from pathlib import Path

import pytest

import envsync
from envsync.errors import EnvDiffers, EnvsyncError
from envsync.events import Stage
from envsync.settings import Settings
from envsync.ui import Ui, counted

SETTINGS = Settings(cache_dir="")


def test_counts() -> None:
    assert counted(1, "package") == "1 package"
    assert counted(0, "path") == "0 paths"
    assert counted(17_697, "entry") == "17,697 entries"


def test_damaged_paths_are_named_up_to_twenty(capsys: pytest.CaptureFixture[str]) -> None:
    paths = [f"! lib/m{number}.py is missing" for number in range(17_717)]
    error = EnvDiffers(".venv", ["+ flask==3.1", *paths])
    Ui(SETTINGS).error(error)
    short = capsys.readouterr().err.splitlines()
    assert short[1] == "  + flask==3.1"
    assert short[21:23] == ["  ! lib/m19.py is missing", "  ! and 17,697 more (-v shows all)"]
    Ui(SETTINGS._replace(verbosity=1)).changes(error.changes)
    assert len(capsys.readouterr().err.splitlines()) == len(error.changes)


def test_hints_say_the_flags_that_named_the_environment(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ui = Ui(SETTINGS, said="-e gpu")
    hint = "`envsync lock`, `envsync -C x sync` or `envsync --help`"
    ui.error(EnvsyncError("no", hint=hint))
    said = capsys.readouterr().err.splitlines()[1]
    assert said == "hint: `envsync -e gpu lock`, `envsync -C x sync` or `envsync --help`"


def test_env_toml_is_called_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    Ui(SETTINGS, environment="gpu").warn("env.toml: env.path of /x/env.toml and env.toml")
    said = capsys.readouterr().err
    assert said == "warning: env.gpu.toml: env.path of /x/env.toml and env.gpu.toml\n"


def test_every_stage_is_one_that_something_reports() -> None:
    """What takes time says so: a stage that nobody begins would be drawn by nobody's work."""
    code = "".join(path.read_text() for path in Path(envsync.__file__).parent.rglob("*.py"))
    begun = set(re.findall(r"(?:begin|during)\(Stage\.(\w+)", code))
    assert begun == {stage.name for stage in Stage}
