"""What each command prints for programs fits the schema that ships, mistakes too."""

import json
import shutil
from pathlib import Path

import pytest
from jsonschema import Draft7Validator, Draft202012Validator, ValidationError

from envsync.cli.commands import COMMANDS, WITHOUT_RESULT
from envsync.operations.schemas import documents
from tests.commands.conftest import SPEC
from tests.support.command import Workplace
from tests.support.schemas import valid

ROW = (
    "lock --dry-run",
    "lock",
    "lock --check",
    "sync --dry-run",
    "sync",
    "sync",
    "sync --check",
    "status",
    "verify",
    "add checker",
    "add speedups --no-sync",
    "remove speedups",
    "fetch -o wheels",
    "python list",
    "python find",
    "activate --shell bash",
    "cache dir",
    "cache size",
    "cache prune --dry-run",
    "cache clean checker",
    "cache verify",
    "doctor",
    "completion fish",
    "help cache prune",
    "version",
)
"""Commands that follow each other, each with what those before left."""


def test_each_document_fits_its_schema(project: Workplace) -> None:
    for line in ROW:
        ran = project.here(*line.split(), "--json")
        assert ran.code == 0, (line, ran.err)
        document = valid(ran.out)
        assert line.startswith(document["command"]), line
    next(project.site.glob("webby/*.txt")).unlink()
    assert valid(project.here("status", "--json").out)["paths"]


def test_the_documents_of_new_projects_fit(place: Workplace, tmp_path: Path) -> None:
    assert valid(place.here("init", "--json").out)["command"] == "init"
    place.write('[env]\nname = "x"\n[tasks]\na = "b"\nc = ["a", "d"]\n')
    assert valid(place.ok("run", "--json").out)["tasks"] == {"a": "b", "c": ["a", "d"]}
    for command in ("import --no-lock", "init"):
        shutil.rmtree(place.project)
        place.project.mkdir()
        place.write("base>=1\n--no-such-option\n", "requirements.txt")
        assert valid(place.here(*command.split(), "--json").out)["read"] == ["requirements.txt"]
    (place.project / "env.toml").unlink()
    assert valid(place.here("import", "--json").out)["packages"] == 1


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("snyc --json", 2),
        ("sync --frozzen --json", 2),
        ("--json", 2),
        ("lock --check --json", 3),
        ("sync --check --json", 3),
        ("-C nowhere status --json", 2),
        ("add nothing-of-that-name --json", 1),
        ("python find 3.99 --json", 1),
        ("schema output snyc --json", 2),
    ],
)
def test_mistakes_have_a_schema_too(project: Workplace, line: str, code: int) -> None:
    ran = project.here(*line.split())
    assert ran.code == code
    assert valid(ran.out)["exit_code"] == code


def test_every_command_with_a_result_has_a_schema() -> None:
    known = documents()
    for name in COMMANDS.keys() - WITHOUT_RESULT - {"schema"}:  # which prints JSON of its own
        assert [one for one in known if one == name or one.startswith(f"{name}-")], name


def test_schemas_are_printed(place: Workplace) -> None:
    every = json.loads(place.here("schema", "output").out)
    Draft202012Validator.check_schema(every)
    judge = Draft202012Validator(every)
    judge.validate(json.loads(place.here("cache", "dir", "--json").out))
    judge.validate({"error": "x", "hint": None, "exit_code": 1, "differences": []})
    with pytest.raises(ValidationError):
        judge.validate({"command": "cache dir"})
    one = json.loads(place.here("schema", "output", "cache", "dir").out)
    assert one["properties"]["command"] == {"const": "cache dir"}
    unknown = place.here("schema", "output", "cache", "now")
    assert "nothing is printed by `envsync cache now --json`" in unknown.err
    assert "has no part x" in place.here("schema", "env.toml", "x").err
    assert "are required: WHAT\n" in place.here("schema").err
    assert "did you mean pylock?" in place.here("schema", "pylok").err


def test_the_lock_fits_the_schema_of_locks(project: Workplace) -> None:
    import tomllib

    schema = json.loads(project.here("schema", "pylock").out)
    Draft7Validator.check_schema(schema)
    project.given("lock")
    judge = Draft7Validator(schema)
    lock = tomllib.loads(project.lock())
    judge.validate(lock)
    lock["packages"][0]["wheel"] = []
    with pytest.raises(ValidationError):
        judge.validate(lock)


def test_the_schema_of_env_toml_is_printed(place: Workplace) -> None:
    import tomllib

    schema = json.loads(place.here("schema", "env.toml").out)
    Draft7Validator.check_schema(schema)
    Draft7Validator(schema).validate(tomllib.loads(SPEC))
