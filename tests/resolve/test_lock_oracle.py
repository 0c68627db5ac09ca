"""The judge of locks finds what is wrong: good locks pass, and every sabotage is found."""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.support.index_server import IndexServer
from tests.support.lock_oracle import MemoryShelf, RemoteShelf, judge, metadata_in, violations
from tests.support.wheels import make_sdist, make_wheel

BASE = "https://files.example/"
INDEX = "https://index.example/simple/"

ENV_TOML = """\
[env]
name = "shop"
requires-python = ">=3.10,<3.13"
dependencies = ["web>=1", "old; python_version < '3.11'"]
[env.optional-dependencies]
fast = ["speed"]
[dependency-groups]
dev = ["check", {include-group = "docs"}]
docs = ["book"]
"""


class World(NamedTuple):
    """Files and the lines that a lock has for them."""

    contents: dict[str, bytes]
    listed: dict[tuple[str, str | None], list[str]]

    def add(self, file: tuple[str, bytes]) -> str:
        """Publish a file; gives its line in a lock."""
        filename, content = file
        url = BASE + filename
        self.contents[url] = content
        name = filename.split("-")[0]
        self.listed.setdefault((name, INDEX), []).append(filename)
        sha256 = hashlib.sha256(content).hexdigest()
        return f'{{ url = "{url}", size = {len(content)}, hashes = {{ sha256 = "{sha256}" }} }}'


def row(name: str, version: str, *wheels: str, marker: str = "", edges: str = "") -> str:
    lines = ["[[packages]]", f'name = "{name}"', f'version = "{version}"', f'index = "{INDEX}"']
    lines += [f'marker = "{marker}"'] if marker else []
    lines += [f"dependencies = [{edges}]"] if edges else []
    return "\n".join([*lines, f"wheels = [{', '.join(wheels)}]", "", ""])


HEAD = (
    'lock-version = "1.0"\nrequires-python = ">=3.10,<3.13"\nextras = ["fast"]\n'
    'dependency-groups = ["dev", "docs"]\ncreated-by = "hand"\n\n'
)
NATIVE = (
    "py3-none-manylinux_2_17_x86_64",
    "py3-none-manylinux_2_17_aarch64",
    "py3-none-musllinux_1_1_x86_64",
    "py3-none-musllinux_1_1_aarch64",
    "py3-none-macosx_11_0_universal2",
    "py3-none-win_amd64",
    "py3-none-win_arm64",
)


def published() -> tuple[World, dict[str, str]]:
    """A small world and the good lock of it, package by package."""
    world = World({}, {})
    wheel = {
        "web": world.add(
            make_wheel(
                "web",
                "1.5",
                requires=["core<3", "winner; sys_platform == 'win32'"],
                extras={"x": ["extra-of-web"]},
            )
        ),
        "old": world.add(make_wheel("old", "1.0", requires=["core>=2"], requires_python=">=3.8")),
        "core": world.add(make_wheel("core", "2.0")),
        "winner": world.add(make_wheel("winner", "1.0")),
        "speed": world.add(make_wheel("speed", "1.0", requires=["web[x]"])),
        "extra": world.add(make_wheel("extra-of-web", "1.0")),
        "check": world.add(make_wheel("check", "7.0")),
        "book": world.add(make_wheel("book", "3.0", requires_python=">=3.9,<3.12")),
    }
    native = ", ".join(world.add(make_wheel("core", "2.0", tag=tag)) for tag in NATIVE)
    fast = "'fast' in extras"
    dev = "'dev' in dependency_groups"
    rows = {
        "book": row("book", "3.0", wheel["book"], marker=f"{dev} or 'docs' in dependency_groups"),
        "check": row("check", "7.0", wheel["check"], marker=dev),
        "core": row("core", "2.0", native),
        "extra-of-web": row("extra-of-web", "1.0", wheel["extra"], marker=fast),
        "old": row(
            "old",
            "1.0",
            wheel["old"],
            marker="python_version < '3.11'",
            edges="{ name = 'core' }",
        ),
        "speed": row("speed", "1.0", wheel["speed"], marker=fast, edges="{ name = 'web' }"),
        "web": row(
            "web",
            "1.5",
            wheel["web"],
            edges="{ name = 'core' }, { name = 'winner' }, { name = 'extra-of-web' }",
        ),
        "winner": row("winner", "1.0", wheel["winner"], marker="sys_platform == 'win32'"),
    }
    del world.listed["core", INDEX][0]  # the pure wheel, which the lock leaves out
    return world, rows


WORLD, ROWS = published()


def found(rows: dict[str, str], *, head: str = HEAD, env_toml: str = ENV_TOML) -> list[str]:
    shelf = MemoryShelf(WORLD.contents, WORLD.listed)
    return violations((head + "".join(rows.values())).encode(), env_toml, shelf)


def test_a_good_lock_has_no_violations() -> None:
    assert found(ROWS) == []


def test_the_grid_is_as_wide_as_it_says() -> None:
    shelf = MemoryShelf(WORLD.contents, WORLD.listed)
    judgement = judge((HEAD + "".join(ROWS.values())).encode(), ENV_TOML, shelf)
    # 8 systems with 3 CPythons, 5 with 2 PyPys; 8 sets of an extra and two groups.
    assert judgement.places == (8 * 3 + 5 * 2) * 8


def edited(name: str, old: str, new: str) -> dict[str, str]:
    assert old in ROWS[name], f"{old!r} is not in the row of {name}"
    return {**ROWS, name: ROWS[name].replace(old, new)}


def without(name: str) -> dict[str, str]:
    return {other: text for other, text in ROWS.items() if other != name}


def with_newer_core() -> dict[str, str]:
    return {**ROWS, "core": row("core", "3.0", WORLD.add(make_wheel("core", "3.0")))}


def with_stray() -> dict[str, str]:
    stray = row("stray", "1.0", WORLD.add(make_wheel("stray", "1.0")))
    return {**ROWS, "stray": stray}


def with_second_core() -> dict[str, str]:
    second = row(
        "core", "2.5", WORLD.add(make_wheel("core", "2.5")), marker="sys_platform == 'darwin'"
    )
    return {**ROWS, "core-2": second}


def with_lying_metadata() -> dict[str, str]:
    metadata = "Metadata-Version: 2.1\nName: other\nVersion: 7.0\n\n"
    file = make_wheel("check", "7.1", {"check-7.1.dist-info/METADATA": metadata})
    return {**ROWS, "check": row("check", "7.1", WORLD.add(file), marker=DEV)}


def with_wheel_for_one_platform() -> dict[str, str]:
    only = WORLD.add(make_wheel("check", "7.2", tag="py3-none-win_amd64"))
    return {**ROWS, "check": row("check", "7.2", only, marker=DEV)}


def with_too_new_a_python() -> dict[str, str]:
    newer = WORLD.add(make_wheel("check", "7.3", requires_python=">=3.12"))
    return {**ROWS, "check": row("check", "7.3", newer, marker=DEV)}


def with_short_core() -> dict[str, str]:
    """The lock leaves out the wheel for musl that the index has."""
    head, _, tail = ROWS["core"].partition("wheels = [")
    lines = [line for line in tail.split("{ url")[1:] if "musllinux_1_1_x86_64" not in line]
    return {**ROWS, "core": f"{head}wheels = [{''.join('{ url' + line for line in lines)}"}


DEV = "'dev' in dependency_groups"

SABOTAGE: dict[str, tuple[Callable[[], dict[str, str]], str]] = {
    "a package is dropped": (lambda: without("core"), "needs core<3, and no core is selected"),
    "a package of an extra is dropped": (lambda: without("speed"), "needs speed"),
    "a package of an extra of a package is dropped": (
        lambda: without("extra-of-web"),
        "web 1.5 needs extra-of-web, and no extra-of-web is selected",
    ),
    "a package of an included group is dropped": (lambda: without("book"), "needs book"),
    "a marker is narrowed": (
        lambda: edited("winner", "sys_platform == 'win32'", "platform_machine == 'ARM64'"),
        "web 1.5 needs winner, and no winner is selected (cpython 3.10.13 on win32 AMD64",
    ),
    "a marker is widened": (
        lambda: edited("old", "python_version < '3.11'", "python_version < '3.12'"),
        "old 1.0 is selected, and nothing needs it (cpython 3.11.7",
    ),
    "a marker is taken away": (
        lambda: edited("check", f'marker = "{DEV}"\n', ""),
        "check 7.0 is selected, and nothing needs it",
    ),
    "a marker has the wrong group": (
        lambda: edited("check", "'dev' in", "'docs' in"),
        "env.toml needs check, and no check is selected",
    ),
    "a package that nothing needs is added": (
        with_stray,
        "stray 1.0 is selected, and nothing needs it",
    ),
    "a package is there twice": (with_second_core, "two versions of core are selected"),
    "a hash is changed": (
        lambda: edited("check", 'sha256 = "', 'sha256 = "0').copy(),
        "the sha256 of check-7.0-py3-none-any.whl is not that of the served bytes",
    ),
    "a size is changed": (
        lambda: edited("check", "size = ", "size = 1"),
        "the size of check-7.0-py3-none-any.whl is not that of the served bytes",
    ),
    "only a weak hash is left": (
        lambda: edited("check", "sha256 = ", "md5 = "),
        "check-7.0-py3-none-any.whl has no secure hash",
    ),
    "an address leads nowhere": (
        lambda: edited("check", BASE, f"{BASE}gone/"),
        "nothing is served at the address",
    ),
    "the version is another": (with_newer_core, "web 1.5 needs core<3, and core 3.0 is selected"),
    "the version is not that of the file": (
        lambda: edited("check", 'version = "7.0"', 'version = "7.9"'),
        "check-7.0-py3-none-any.whl is not a file of check 7.9",
    ),
    "the file is another's by its metadata": (
        with_lying_metadata,
        "check 7.1 is other 7.0 by its own metadata",
    ),
    "there is a file for one platform only": (
        with_wheel_for_one_platform,
        "check 7.2 has no file, and that was not told (cpython 3.10.13 on linux x86_64 glibc",
    ),
    "a wheel for musl is left out": (
        with_short_core,
        "the lock of core 2.0 leaves out core-2.0-py3-none-musllinux_1_1_x86_64.whl",
    ),
    "the Python is too old": (with_too_new_a_python, "check 7.3 needs Python >=3.12"),
    "an edge is missing": (
        lambda: edited("web", "{ name = 'core' }, ", ""),
        "web 1.5 has no edge to core 2.0",
    ),
    "an edge leads nowhere": (
        lambda: edited("web", "{ name = 'core' }", "{ name = 'cores' }"),
        "web 1.5 has an edge to nothing: {'name': 'cores'}",
    ),
}


@pytest.mark.parametrize("what", SABOTAGE)
def test_sabotage_is_found(what: str) -> None:
    damage, says = SABOTAGE[what]
    lines = found(damage())
    assert [line for line in lines if says in line], lines


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (HEAD.replace(">=3.10", ">=3.11"), "does not cover an environment"),
        (
            HEAD.replace("extras", "environments = [\"sys_platform == 'linux'\"]\nextras", 1),
            "does not cover an environment that env.toml covers (cpython 3.10.13 on darwin",
        ),
        (HEAD.replace('"fast"', ""), "the lock has the extras [], not ['fast']"),
        (HEAD.replace('"dev", ', ""), "the lock has the groups ['docs'], not ['dev', 'docs']"),
    ],
    ids=["Python", "platforms", "an extra", "a group"],
)
def test_a_lock_that_covers_too_little_is_found(head: str, says: str) -> None:
    lines = found(ROWS, head=head)
    assert [line for line in lines if says in line], lines


OWN = 'url = "https://own.example/"\n'


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('[lock]\nconstraints = ["core<2"]\n', "core 2.0 breaks the constraint core<2"),
        ('[lock]\noverrides = ["core>=3"]\n', "[lock] overrides needs core>=3, and core 2.0"),
        (
            '[sources]\ncore = { index = "own" }\n[[index]]\nname = "own"\n' + OWN,
            "core 2.0 does not come from https://own.example/",
        ),
    ],
    ids=["a constraint", "an override", "a source"],
)
def test_what_env_toml_says_besides_counts(more: str, says: str) -> None:
    lines = found(ROWS, env_toml=ENV_TOML + more)
    assert [line for line in lines if says in line], lines


def test_a_required_environment_needs_a_file_even_if_the_gap_was_told() -> None:
    env_toml = ENV_TOML + "[lock]\nrequired-environments = [\"sys_platform == 'darwin'\"]\n"
    lock = HEAD + "".join(with_wheel_for_one_platform().values())
    shelf = MemoryShelf(WORLD.contents, WORLD.listed)
    lines = violations(lock.encode(), env_toml, shelf, told=lambda gap: True)
    assert lines == ['check 7.2 has no file for the required environment sys_platform == "darwin"']


def test_members_of_a_conflict_are_never_chosen_together() -> None:
    """Both sides have their own version; what includes a side counts as that side."""
    world = World({}, {})
    one, two = world.add(make_wheel("p", "1.0")), world.add(make_wheel("p", "2.0"))
    env_toml = (
        '[env]\nname = "shop"\nrequires-python = ">=3.12"\n[env.optional-dependencies]\n'
        'one = ["p==1.0"]\nboth = ["shop[one]"]\n[dependency-groups]\ntwo = ["p==2.0"]\n'
        'wide = [{include-group = "two"}]\n'
    )
    lock = (
        'lock-version = "1.0"\nrequires-python = ">=3.12"\nextras = ["both", "one"]\n'
        'dependency-groups = ["two", "wide"]\ncreated-by = "hand"\n\n'
        + row("p", "1.0", one, marker="'one' in extras or 'both' in extras")
        + row("p", "2.0", two, marker="'two' in dependency_groups or 'wide' in dependency_groups")
    ).encode()
    shelf = MemoryShelf(world.contents)
    assert violations(lock, env_toml + '[lock]\nconflicts = [["one", "two"]]\n', shelf) == []
    lines = violations(lock, env_toml, shelf)
    assert [line for line in lines if "two versions of p are selected" in line], lines


def test_metadata_of_a_remote_wheel_is_read_by_ranges() -> None:
    big = make_wheel("big", "1.0", {"big.bin": b"x" * 1_000_000, "a/METADATA": "no"})
    sdist = make_sdist("big", "1.0")
    with IndexServer({"big": dict([big, sdist])}) as server:
        shelf = RemoteShelf()
        for filename, content in (big, sdist):
            url = server.file_url("big", filename)
            assert shelf.metadata(url) == metadata_in(filename, content)
            assert shelf.content(url) == content
        asked = [seen.headers.get("range", "all") for seen in server.requests]
    assert asked == ["bytes=-131072", "all", "all", "all"]


def test_metadata_is_read_out_of_both_kinds_of_files() -> None:
    for filename, content in (make_wheel("shop", "1.0"), make_sdist("shop", "1.0")):
        assert "\nName: shop\nVersion: 1.0\n" in metadata_in(filename, content)
