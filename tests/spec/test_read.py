"""env.toml as a whole, and the tables [env] and [dependency-groups]."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envsync.errors import SpecInvalid
from envsync.spec.fields import Problems
from envsync.spec.model import (
    BuildPolicy,
    IndexSpec,
    LockPolicy,
    Part,
    SourceSpec,
    Spec,
    SyncOptions,
)
from envsync.spec.read import parse_spec, parse_spec_bytes
from tests.spec.samples import EVERYTHING, N, problem, problems, read, refusal
from tests.support.effort import calls


def test_the_whole_grammar() -> None:
    assert read(EVERYTHING) == Spec(
        name="shop",
        own_name=N("shop"),
        requires_python=SpecifierSet(">=3.10"),
        python="3.12",
        dependencies=(Requirement("flask>=3"), Requirement("rich")),
        optional_dependencies={N("redis"): (Requirement("redis>=5"),)},
        dependency_groups={
            N("dev"): (Requirement("pytest>=8"), Requirement("ruff")),
            N("lint"): (Requirement("ruff"),),
            N("cpu"): (),
            N("gpu"): (),
        },
        default_groups=(N("dev"),),
        path=".venv",
        seed=(N("pip"),),
        indexes=(
            IndexSpec("corp", "https://index.example/simple/", default=True),
            IndexSpec("torch-cpu", "https://torch.example/cpu/", explicit=True),
        ),
        sources={
            N("shop"): (SourceSpec("path", ".", editable=True),),
            N("tool"): (
                SourceSpec("git", "https://git.example/tool.git", subdirectory="py", tag="v2"),
            ),
            N("wheelie"): (
                SourceSpec("url", "https://files.example/wheelie-1.0-py3-none-any.whl"),
            ),
            N("torch"): (SourceSpec("index", "torch-cpu", Marker("sys_platform != 'darwin'")),),
        },
        lock=LockPolicy(
            environments=(Marker("sys_platform == 'linux'"), Marker("sys_platform == 'darwin'")),
            required_environments=(Marker("sys_platform == 'win32'"),),
            resolution="lowest-direct",
            prereleases="allow",
            exclude_newer="2026-10-01T00:00:00Z",
            constraints=(Requirement("numpy<2.3"),),
            overrides=(Requirement("six==1.17"),),
            ignore_requires_python=frozenset({N("numba")}),
            trust_record=frozenset({(N("lxml"), Version("5"))}),
            no_binary=frozenset({":all:", "lxml"}),
            conflicts=((N("cpu"), N("gpu")),),
        ),
        exclusive=((frozenset({Part("group", N("cpu"))}), frozenset({Part("group", N("gpu"))})),),
        sync=SyncOptions(link_mode="hardlink", compile_bytecode=True),
        build=BuildPolicy(
            allow=frozenset({"pyspark"}),
            config_settings={N("lxml"): {"with": "yes", "flags": ["a", "b"]}},
            extra_build_requires={N("lxml"): (Requirement("cython<3"),)},
            environment={N("lxml"): {"WITH": "yes"}},
            passed=("CARGO_*",),
            no_isolation=frozenset({N("flash-attn")}),
        ),
        tasks={"test": "pytest -q", "all": ("test", "ruff check")},
    )


def test_an_empty_env_table_is_enough() -> None:
    assert read("[env]\n") == Spec(name="folder", own_name=N("folder"))


def test_an_empty_file_is_refused() -> None:
    """A file that was cut to nothing must not empty the environment."""
    assert problem("") == "line 1: the table [env] is missing"
    assert problems("[project]\nname = 'x'\n") == [
        "line 1: the table [env] is missing",
        "line 1: project: unknown key; the table is called [env] here",
    ]


def test_all_mistakes_together_in_the_order_of_the_file() -> None:
    text = """\
[lock]
resolution = "newest"

[env]
nmae = "x"
python = 3.12
dependencies = [
    "flask=3",
    "rich",  # good
    "a", "b c",
]
[dependency-groups]
dev = [{include-group = "lint"}]
"""
    with pytest.raises(SpecInvalid) as caught:
        parse_spec(text, path="env.dev.toml", folder_name="x")
    assert str(caught.value) == (
        "env.dev.toml has 6 mistakes:\n"
        "  line 2: lock.resolution: 'newest' is not one of "
        '"highest", "lowest", "lowest-direct"; did you mean \'lowest\'?\n'
        "  line 5: env.nmae: unknown key; did you mean 'name'?\n"
        "  line 6: env.python: expected a string, found a number: put it in quotes\n"
        "  line 8: env.dependencies[0]: 'flask=3' is not a valid requirement; "
        "did you mean 'flask==3'?\n"
        "  line 10: env.dependencies[3]: 'b c' is not a valid requirement: expected semicolon "
        "(after name with no version specifier) or end\n"
        "  line 13: dependency-groups.dev[0]: there is no group 'lint'"
    )
    assert caught.value.exit_code == 2


def test_reading_stops_after_a_hundred_mistakes() -> None:
    found = problems("[env]\n" + "".join(f"x{n} = 1\n" for n in range(5000)))
    assert len(found) == Problems.MOST + 1
    assert found[-1] == "and perhaps more: reading stopped here"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name = ''", "name: the name must be printable text of at most 200 characters"),
        ('name = "a\\nb"', "name: the name must be printable text of at most 200 characters"),
        ("name = 'x\u202e'", "name: the name must be printable text of at most 200 characters"),
        (
            "requires-python = '3.10'",
            ("requires-python: '3.10' is not a range of versions; did you mean '>=3.10'?"),
        ),
        (
            "python = './bin/python'",
            ("python: the path of an interpreter must be written in full, from / on"),
        ),
        (
            "python = 'bin\\python'",
            ("python: the path of an interpreter must be written in full, from / on"),
        ),
        (
            "python = '~/python'",
            ("python: the path of an interpreter must be written in full, from / on"),
        ),
        ("python = '-c'", "python: '-c' is not a version such as \"3.12\", a specifier or a path"),
        ("python = ''", "python: '' is not a version such as \"3.12\", a specifier or a path"),
        (
            "dependencies = 'flask'",
            ('dependencies: expected a list, found a string: write ["flask"]'),
        ),
        (
            "dependencies = [1]",
            ("dependencies[0]: expected a string, found a number: put it in quotes"),
        ),
        ("dependencies = [['a']]", "dependencies[0]: expected a string, found a list"),
        ("dependencies.flask = '3'", "dependencies: expected a list, found a table"),
        ("default-groups = ['docs']", "default-groups[0]: there is no group 'docs'"),
        ("path = '.'", "path: the environment cannot be the project's folder itself"),
        ("path = 'x/..'", "path: the path must stay inside the project's folder: no .."),
        ("path = '../..'", "path: the path must stay inside the project's folder: no .."),
        ("path = '/'", "path: the path must be relative to the project's folder"),
        (
            "seed = ['pip>=24']",
            ("seed[0]: 'pip>=24' is not a valid name: letters a-z, digits and inside also . _ -"),
        ),
        (
            "system-site-packages = 'yes'",
            ("system-site-packages: expected true or false, found a string"),
        ),
        (
            "version = '1'",
            ("version: unknown key; it describes a package and belongs in pyproject.toml"),
        ),
        (
            "optional-dependencies = {a = 'b'}",
            ('optional-dependencies.a: expected a list, found a string: write ["b"]'),
        ),
        (
            "optional-dependencies = {A_b = [], a-B = []}",
            ("optional-dependencies.a-B: the same name as 'A_b'"),
        ),
        (
            '"x\\u001b[0m" = 1',
            (
                "'x\\x1b[0m': unknown key; known here: name, optional-dependencies, dependencies, "
                "requires-python, python, default-groups, path, system-site-packages, seed, "
                "from, package"
            ),
        ),
    ],
)
def test_mistakes_in_env(text: str, expected: str) -> None:
    assert problem(f"[env]\n{text}\n") == f"line 2: env.{expected}"


def test_keys_in_the_wrong_place() -> None:
    assert problem("dependencies = ['x']\n[env]\n") == (
        "line 1: dependencies: unknown key; it belongs under [env]"
    )
    assert problem("[env]\n[tool.envsync]\n") == (
        "line 2: tool: unknown key; env.toml is envsync's own: leave out `tool.`"
    )
    assert problem("[env]\n[dev-dependencies]\n") == (
        "line 2: dev-dependencies: unknown key; write [dependency-groups] with dev = [...]"
    )
    assert problem("[env]\n[dependency-group]\n") == (
        "line 2: dependency-group: unknown key; did you mean 'dependency-groups'?"
    )


@pytest.mark.parametrize(
    "python", ["3.12", ">=3.11,<3.14", "pypy3.10", "cpython-3.12", "/opt/python 3/bin/python3"]
)
def test_ways_to_name_an_interpreter(python: str) -> None:
    assert read(f"[env]\npython = '{python}'\n").python == python


def test_the_name_comes_from_the_folder() -> None:
    assert parse_spec("[env]\n", folder_name="my shop").name == "my shop"
    assert parse_spec("[env]\n", folder_name="a\n\x1b[0m\ud800").name == "a__[0m_"
    assert parse_spec("[env]\n", folder_name="").name == "env"


def test_default_groups() -> None:
    groups = "[dependency-groups]\nDev = ['a']\nother = []\n"
    assert read(f"[env]\n{groups}").default_groups == ("dev",)
    assert read(f"[env]\ndefault-groups = []\n{groups}").default_groups == ()
    assert read(f"[env]\ndefault-groups = ['OTHER', 'dev']\n{groups}").default_groups == (
        "other",
        "dev",
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "a = ['x', {include-group = 'b'}]\nb = [{include-group = 'A'}]",
            "line 4: dependency-groups.b[0]: groups include each other in a circle: a -> b -> a",
        ),
        (
            "a = [{include-group = 'a'}]",
            "line 3: dependency-groups.a[0]: groups include each other in a circle: a -> a",
        ),
        (
            "a = [{include = 'b'}]\nb = []",
            'line 3: dependency-groups.a[0]: expected a requirement or {include-group = "NAME"}',
        ),
        (
            "a = [{include-group = 'b', x = 1}]\nb = []",
            "line 3: dependency-groups.a[0].x: unknown key; known here: include-group",
        ),
        (
            "a = [\n  'x',\n  {include-group = 1},\n]",
            (
                "line 5: dependency-groups.a[1].include-group: expected a string, found a number: "
                "put it in quotes"
            ),
        ),
        ("a = [1]", "line 3: dependency-groups.a[0]: expected a requirement, found a number"),
        ("a = {x = 1}", "line 3: dependency-groups.a: expected a list, found a table"),
        (
            "Foo_bar = []\nfoo-Bar = []",
            "line 4: dependency-groups.foo-Bar: the same name as 'Foo_bar'",
        ),
        (
            "'x y' = []",
            (
                "line 3: dependency-groups.'x y': 'x y' is not a valid name: "
                "letters a-z, digits and inside also . _ -"
            ),
        ),
    ],
)
def test_mistakes_in_groups(text: str, expected: str) -> None:
    assert problems(f"[env]\n[dependency-groups]\n{text}\n")[0] == expected


def test_a_package_has_one_origin() -> None:
    assert (
        problem(
            "[env]\ndependencies = ['Tool_x @ https://f.example/tool-1.whl']\n"
            "[sources]\ntool-X = {path = '.'}\n"
        )
        == "line 4: sources.tool-X: a requirement gives this package a URL already"
    )


def test_secrets_are_not_repeated() -> None:
    for text in (
        "dependencies = ['a @ https://me:hunter2@f.example/a.whl']",
        "dependencies = 'https://me:hunter2@f.example/a.whl'",
        "name = 1\n[[index]]\nname = 'x'\nurl = 'https://me:hunter2@f.example/'",
        "[sources]\na = {git = 'https://me:hunter2@g.example/a'}",
        "[sources]\na = {index = 'https://me:hunter2@g.example/a'}",
    ):
        assert "hunter2" not in "\n".join(problems(f"[env]\n{text}\n"))


def test_bytes() -> None:
    assert parse_spec_bytes(b"\xef\xbb\xbf[env]\r\nname = 'x'\r\n", folder_name="f").name == "x"
    with pytest.raises(SpecInvalid, match=r"env.toml: the file is larger than 1024 KiB"):
        parse_spec_bytes(b"#" * (1024 * 1024 + 1), folder_name="f")
    with pytest.raises(SpecInvalid, match=r"env.toml: line 2: the text is not UTF-8"):
        parse_spec_bytes(b"[env]\nname = '\xff'\n", folder_name="f")


def test_doubling_groups_are_instant() -> None:
    levels = "".join(
        f"g{n} = [{{include-group = 'g{n - 1}'}}, {{include-group = 'g{n - 1}'}}]\n"
        for n in range(1, 61)
    )
    text = f"[env]\n[dependency-groups]\ng0 = ['x']\n{levels}"
    assert read(text).dependency_groups[N("g60")] == (Requirement("x"),)
    assert calls(lambda: read(text)) < 61 * 500


@pytest.mark.parametrize(
    "text",
    [
        "[env]\ndependencies = [" + "'a'," * 200_000 + "]",
        "[env]\n[dependency-groups]\n"
        + "".join(f"g{n} = [{{include-group = 'h{n}'}}]\n" for n in range(25_000)),
        "[env]\ndependencies = [" + f"'a{' ' * 4000};'," * 250 + "]",
    ],
    ids=["requirements", "missing groups", "long requirements"],
)
def test_large_files_are_answered_in_a_few_steps_a_byte(text: str) -> None:
    assert problems(text)
    assert calls(lambda: problems(text)) < len(text) * 20


@given(st.text() | st.text(alphabet="[]{}=.,'\"\n#env dp1\\-:", max_size=80))
def test_any_text_is_read_or_invalid(text: str) -> None:
    error = refusal(lambda: parse_spec(text, folder_name="x"))
    assert error is None or (isinstance(error, SpecInvalid) and all(error.problems))


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_invalid(data: bytes) -> None:
    error = refusal(lambda: parse_spec_bytes(data, folder_name="x"))
    assert error is None or (isinstance(error, SpecInvalid) and error.problems)


LEAVES = st.sampled_from(
    ["1", "1.5", "true", "2026-10-01", "12:00:00", '"x"', '""', '"a=1"', '"\\n"', '":all:"',
     '"../x"', '"https://u:p@h.example/"', '"dev"', "[]", "{}", "2026-10-01T00:00:00Z"]
)  # fmt: skip
INLINE = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(
            st.sampled_from(
                ["path", "git", "index", "include-group", "marker", "a", '"b c"', "name"]
            ),
            inner,
            max_size=3,
        ).map(lambda pairs: "{" + ", ".join(f"{k} = {v}" for k, v in pairs.items()) + "}")
    ),
    max_leaves=5,
)
ROOT_KEYS = ["env", "dependency-groups", "index", "sources", "lock", "sync", "build", "tasks", "x"]
SECOND_KEYS = [
    "name", "requires-python", "python", "dependencies", "default-groups", "path", "seed", "dev",
    "optional-dependencies", "environments", "resolution", "exclude-newer", "conflicts", "allow",
    "no-binary", "config-settings", "extra-build-requires", "link-mode", "constraints", "A_b",
]  # fmt: skip


@given(
    st.dictionaries(
        st.sampled_from(ROOT_KEYS)
        | st.tuples(st.sampled_from(ROOT_KEYS), st.sampled_from(SECOND_KEYS)),
        INLINE,
        max_size=8,
    )
)
def test_any_structure_is_read_or_invalid_with_lines(
    values: dict[str | tuple[str, str], str],
) -> None:
    keys = [key if isinstance(key, str) else ".".join(key) for key in values]
    text = "".join(f"{key} = {value}\n" for key, value in zip(keys, values.values(), strict=True))
    for problem_text in problems(text):
        assert problem_text.startswith("line ")
        assert problem_text.isprintable()


@pytest.mark.parametrize("python", ["3.9", "3.10.4", "pypy3.10", "<3.11", "python3.9"])
def test_an_interpreter_that_requires_python_excludes_is_said_at_once(python: str) -> None:
    found = problem(f"[env]\nrequires-python = '>=3.11'\npython = '{python}'\n")
    assert f"env.python: '{python}' is outside of requires-python, >=3.11" in found


@pytest.mark.parametrize("python", ["3", "3.11", "3.11.2", "3.14rc1", ">=3.9", "pypy", "/bin/py"])
def test_an_interpreter_that_may_be_within_requires_python(python: str) -> None:
    assert not problems(f"[env]\nrequires-python = '>=3.11'\npython = '{python}'\n")
