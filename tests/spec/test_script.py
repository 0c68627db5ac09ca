"""Metadata of scripts (PEP 723)."""

import pytest

from envsync.errors import SpecInvalid
from envsync.spec.script import ScriptMeaning, read_script
from envsync.spec.script_block import Block, find_block, unclosed_line
from tests.support.effort import calls


def block_of(text: str) -> Block | None:
    return find_block(text, path="x.py")


def meaning(toml: str) -> ScriptMeaning:
    return read_script(Block(toml, 11), path="x.py")


def test_the_example_of_the_specification() -> None:
    text = (
        "# /// script\n# requires-python = '>=3.11'\n# dependencies = [\n#   'requests<3',\n"
        "#   'rich',\n# ]\n# ///\n\nimport requests\n"
    )
    block = block_of(text)
    assert block == Block(
        "requires-python = '>=3.11'\ndependencies = [\n  'requests<3',\n  'rich',\n]\n", 2
    )
    assert meaning(block.content).document == {
        "env": {
            "name": "a script",
            "dependencies": ["requests<3", "rich"],
            "requires-python": ">=3.11",
        }
    }


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("x = 1\n\n# /// script\n#\n# a = 1\n#b = 2\n# ///\n", None),  # "#b" is no content line
        ("#!/x\n# /// script\n#\n# a = 1\n#\n# ///", "\na = 1\n\n"),
        ("# /// script\n# a = 1\n# ///\n# b = 2\n# ///\n", "a = 1\n///\nb = 2\n"),
        ("# /// script\n# a = 1\n", None),
        ("# /// script\n# ///\n", None),
        ("# /// Script\n# a = 1\n# ///\n", None),
        ("# /// script \n# a = 1\n# ///\n", None),
        ("# ///script\n# a = 1\n# ///\n", None),
        (" # /// script\n # a = 1\n # ///\n", None),
        ("# /// other\n# a = 1\n# ///\n", None),
        ("# /// other\n# a = 1\n# ///\n\n# /// script\n# b = 1\n# ///\n", "b = 1\n"),
        ("# /// script\n# a = 'x\u2028y'\n# ///\n", "a = 'x\u2028y'\n"),
    ],
)
def test_what_is_a_block(text: str, content: str | None) -> None:
    block = block_of(text)
    assert (block.content if block else None) == content


def test_two_blocks_are_refused_and_an_open_one_is_named() -> None:
    text = "# /// script\n# a = 1\n# ///\n"
    with pytest.raises(SpecInvalid, match=r"line 5: a second block .* first is on line 1"):
        block_of(f"{text}\n{text}")
    assert unclosed_line("x\n# /// script\n# a = 1\n") == 2
    assert unclosed_line("x\n") is None


def test_long_scripts_are_looked_through_at_once() -> None:
    text = "# a comment\nx = 1\n" * 200_000
    assert block_of(text) is None
    assert calls(lambda: block_of(text)) < 20


def test_tables_of_env_toml() -> None:
    found = meaning(
        "dependencies = []\n[tool.other]\nx = 1\n[tool.envsync.lock]\nresolution = 'lowest'\n"
        "[[tool.envsync.index]]\nname = 'a'\nurl = 'https://a.example/simple'\n"
        "[tool.envsync.sources]\nx = {index = 'a'}\n[tool.envsync.build]\nallow = ['x']\n"
        "[tool.envsync.sync]\nlink-mode = 'copy'\n"
    )
    assert found.document == {
        "env": {"name": "a script", "dependencies": []},
        "index": [{"name": "a", "url": "https://a.example/simple"}],
        "sources": {"x": {"index": "a"}},
        "lock": {"resolution": "lowest"},
        "sync": {"link-mode": "copy"},
        "build": {"allow": ["x"]},
    }
    assert found.notices == ()


def test_unknown_keys_at_the_top_are_only_named() -> None:
    found = meaning("dependancies = ['x']\n")
    assert found.document == {"env": {"name": "a script"}}
    (notice,) = found.notices
    assert (
        notice == "x.py: nothing is known of the key 'dependancies'; did you mean 'dependencies'?"
    )


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ("a = = 1", "line 11: invalid value (column 5)"),
        ("\ndependencies = 'x'", "line 12: dependencies: expected a list"),
        ("dependencies = [\n'a b']", "line 12: dependencies[0]: 'a b' is not a valid requirement"),
        ("requires-python = '3'", "line 11: requires-python: "),
        ("tool = 1", "line 11: tool: expected a table"),
        ("[tool.envsync]\ndependency-groups = {}", "line 12: tool.envsync.dependency-groups: "),
        ("[tool.envsync]\nenv = {}", "line 12: tool.envsync.env: unknown key; dependencies"),
        ("[tool.envsync]\nindx = 1", "tool.envsync.indx: unknown key; did you mean 'index'?"),
        ("[tool.envsync.sources]\nx = {path = '.'}", "line 12: tool.envsync.sources.x: a script"),
        (
            "[tool.envsync.sources]\nx = {url = 'https://f.example/x.zip', extra = 'y'}",
            "line 12: tool.envsync.sources.x: a script has no extras and no groups",
        ),
        (
            "[[tool.envsync.index]]\nname = 'a'\nurl = 'wheels'",
            "line 11: tool.envsync.index[0]: a script has no folder that a path could start at",
        ),
        ("[tool.envsync.lock]\nresolution = 'x'", "line 12: tool.envsync.lock.resolution: "),
    ],
)
def test_mistakes_have_their_line_in_the_script(toml: str, problem: str) -> None:
    with pytest.raises(SpecInvalid) as caught:
        meaning(toml)
    assert caught.value.path == "x.py"
    assert problem in str(caught.value)
    assert "# /// script" in str(caught.value.hint)


def test_all_mistakes_together_in_their_order() -> None:
    with pytest.raises(SpecInvalid) as caught:
        meaning("dependencies = ['a b', 1]\nrequires-python = 3\n")
    assert [text.partition(":")[0] for text in caught.value.problems] == [
        "line 11",
        "line 11",
        "line 12",
    ]
