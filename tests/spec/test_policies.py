"""[lock], [sync], [build] and [tasks]."""

import pytest

from envsync.spec.model import BuildPolicy, LockPolicy, SyncOptions
from tests.spec.samples import problem, problems, read


def test_defaults() -> None:
    spec = read("[env]\n")
    assert (spec.lock, spec.sync, spec.build, spec.tasks) == (
        LockPolicy(),
        SyncOptions("auto", compile_bytecode=False),
        BuildPolicy(),
        {},
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('"2026-10-01T00:00:00Z"', "2026-10-01T00:00:00Z"),
        ('" 7 days "', "7 days"),
        ("2026-10-01T02:00:00+02:00", "2026-10-01T02:00:00+02:00"),
        ("2026-10-01 00:00:00.5Z", "2026-10-01T00:00:00.500000Z"),
        ("2026-10-01", "2026-10-01"),
    ],
)
def test_exclude_newer_as_text_or_time(written: str, expected: str) -> None:
    assert read(f"[env]\n[lock]\nexclude-newer = {written}\n").lock.exclude_newer == expected


def test_conflicts_of_groups_and_extras() -> None:
    spec = read(
        "[env]\n[env.optional-dependencies]\ncpu = []\n[dependency-groups]\nGPU_x = []\ndev = []\n"
        "[lock]\nconflicts = [['gpu.x', 'CPU'], ['dev', 'cpu', 'gpu-x']]\n"
    )
    assert spec.lock.conflicts == (("cpu", "gpu-x"), ("cpu", "dev", "gpu-x"))


@pytest.mark.parametrize(
    ("table", "line", "expected"),
    [
        (
            "lock",
            "resolution = 'higest'",
            (
                "resolution: 'higest' is not one of \"highest\", "
                '"lowest", "lowest-direct"; did you mean \'highest\'?'
            ),
        ),
        (
            "lock",
            "prereleases = true",
            ("prereleases: expected a string, found true or false: put it in quotes"),
        ),
        (
            "lock",
            "exclude-newer = 7",
            ("exclude-newer: expected a string, found a number: put it in quotes"),
        ),
        (
            "lock",
            "exclude-newer = 2026-10-01T00:00:00",
            ("exclude-newer: the time has no zone: add Z for UTC, or an offset such as +02:00"),
        ),
        (
            "lock",
            "environments = ['linux']",
            (
                "environments[0]: 'linux' is not a marker: "
                "expected a marker variable or quoted string"
            ),
        ),
        (
            "lock",
            "environments = \"os_name == 'nt'\"",
            ("environments: expected a list, found a string: write [\"os_name == 'nt'\"]"),
        ),
        (
            "lock",
            "constraints = ['a=1']",
            ("constraints[0]: 'a=1' is not a valid requirement; did you mean 'a==1'?"),
        ),
        (
            "lock",
            "ignore-requires-python = [':all:']",
            (
                "ignore-requires-python[0]: ':all:' is not "
                "a valid name: letters a-z, digits and inside also . _ -"
            ),
        ),
        *(
            (
                "lock",
                f"trust-record = ['{text}']",
                f"trust-record[0]: '{text}' is not one release: write it as \"name==1.0\"",
            )
            for text in ("lxml", "lxml>=5", "lxml==5.*", "lxml==5,==6")
        ),
        (
            "lock",
            "no-binary = ':all:'",
            ('no-binary: expected a list, found a string: write [":all:"]'),
        ),
        (
            "lock",
            "conflicts = ['a', ['dev', 'dev']]",
            (
                "conflicts[0]: expected a list of names, "
                'found a string: write conflicts = [["one", "other"]]'
            ),
        ),
        (
            "lock",
            "conflicts = [['dev', 'Dev']]",
            ("conflicts[0]: a conflict is between two names or more"),
        ),
        ("lock", "conflicts = [[]]", "conflicts[0]: a conflict is between two names or more"),
        (
            "lock",
            "conflicts = [['dev', 'dve']]",
            ("conflicts[0][1]: there is no extra or group 'dve'; did you mean 'dev'?"),
        ),
        (
            "lock",
            "requires = 1",
            (
                "requires: unknown key; known here: environments, required-environments, "
                "resolution, prereleases, exclude-newer, constraints, overrides, "
                "ignore-requires-python, "
                "no-binary, conflicts, trust-record"
            ),
        ),
        (
            "sync",
            "link-mode = 'reflink'",
            (
                "link-mode: 'reflink' is not one of \"auto\", "
                '"clone", "hardlink", "copy", "symlink"; did you mean \'hardlink\'?'
            ),
        ),
        (
            "sync",
            "compile-bytecode = 1",
            ("compile-bytecode: expected true or false, found a number"),
        ),
        ("build", "allow = 'lxml'", 'allow: expected a list, found a string: write ["lxml"]'),
        (
            "build",
            "config-settings = {editable_mode = 'x'}",
            (
                "config-settings.editable_mode: "
                "settings go by package: config-settings = { NAME = { KEY = ... } }"
            ),
        ),
        (
            "build",
            "config-settings = {a = {b = 1}}",
            ("config-settings.a.b: expected a string, found a number: put it in quotes"),
        ),
        (
            "build",
            "config-settings = {a = {b = ['x', 1]}}",
            ("config-settings.a.b[1]: expected a string, found a number: put it in quotes"),
        ),
        (
            "build",
            "extra-build-requires = {a = 'b'}",
            ('extra-build-requires.a: expected a list, found a string: write ["b"]'),
        ),
        (
            "build",
            "extra-build-requires = {a_b = [], a-b = []}",
            ("extra-build-requires.a-b: the same name as 'a_b'"),
        ),
        (
            "build",
            "environment = {CC = 'gcc'}",
            "environment.CC: variables go by package: environment = { NAME = { VARIABLE = ... } }",
        ),
        (
            "build",
            "environment = {a = {'A-B' = 'x'}}",
            "environment.a.A-B: 'A-B' is no name for an environment variable",
        ),
        (
            "build",
            "environment = {a = {B = 1}}",
            "environment.a.B: expected a string, found a number: put it in quotes",
        ),
        (
            "build",
            "environment = {a = {PYTHONPATH = 'x'}}",
            "environment.a.PYTHONPATH: 'PYTHONPATH' is set by envsync itself, or kept from builds",
        ),
        ("build", "pass = ['*']", "pass[0]: '*' would pass everything on: name what builds need"),
        (
            "build",
            "pass = ['ENVSYNC_INDEX_*']",
            "pass[0]: 'ENVSYNC_INDEX_*' is set by envsync itself, or kept from builds",
        ),
        (
            "build",
            "pass = ['CARGO HOME']",
            "pass[0]: 'CARGO HOME' is no name for environment variables, such as CARGO_*",
        ),
        (
            "tasks",
            "'-x' = 'y'",
            ("-x: a task's name has letters a-z, digits, and inside also . : _ -"),
        ),
        ("tasks", "test = ' '", "test: the command is empty"),
        (
            "tasks",
            "test = ['x', 1]",
            ("test[1]: expected a string, found a number: put it in quotes"),
        ),
        ("tasks", "test = {cmd = 'x'}", "test: expected a string, found a table"),
    ],
)
def test_mistakes(table: str, line: str, expected: str) -> None:
    found = problems(f"[env]\n[dependency-groups]\ndev = []\n[{table}]\n{line}\n")
    assert found[0] == f"line 5: {table}.{expected}"


def test_tables_that_are_something_else() -> None:
    for table in ("env", "dependency-groups", "sources", "lock", "sync", "build", "tasks"):
        rest = "" if table == "env" else "[env]\n"
        assert problem(f"{table} = 'x'\n{rest}") == (
            f"line 1: {table}: expected a table, found a string"
        )
