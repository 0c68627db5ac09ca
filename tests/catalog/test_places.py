"""Where packages come from."""

from packaging.utils import canonicalize_name

from envsync.catalog.places import (
    elsewhere,
    indexes_for,
    source_key,
    source_of,
    source_rules,
    sources_by_key,
)
from envsync.index.page_source import Index
from envsync.model.marker import ALWAYS, from_text
from envsync.spec.model import SourceSpec, Spec
from envsync.spec.read import parse_spec

PUBLIC = "https://public.example/simple/"
TEXT = """\
[env]
dependencies = ["direct @ https://files.example/direct-1-py3-none-any.whl"]
[[index]]
name = "first"
url = "https://first.example/"
[[index]]
name = "third"
url = "https://third.example/"
explicit = true
[sources]
torch = [
    { index = "third", marker = "sys_platform != 'darwin'" },
    { path = "wheels/torch-1-py3-none-any.whl", marker = "sys_platform == 'darwin'" },
]
tool = { git = "https://git.example/tool.git", tag = "v2", subdirectory = "py" }
"""
SPEC = parse_spec(TEXT, folder_name="x")


def test_the_public_index_comes_last() -> None:
    assert indexes_for(SPEC, PUBLIC) == (
        Index("first", "https://first.example/"),
        Index("third", "https://third.example/", explicit=True),
        Index(None, PUBLIC),
    )
    assert indexes_for(Spec("x"), PUBLIC) == (Index(None, PUBLIC),)


def test_a_default_index_stands_in_for_the_public_one() -> None:
    spec = parse_spec(
        TEXT.replace('name = "first"', 'name = "first"\ndefault = true'), folder_name="x"
    )
    assert indexes_for(spec, PUBLIC) == (
        Index("third", "https://third.example/", explicit=True),
        Index("first", "https://first.example/"),
    )


def test_rules_and_keys() -> None:
    rules = source_rules(SPEC)
    darwin = from_text("sys_platform == 'darwin'")
    assert rules["torch"] == (
        (~darwin, "index:third"),
        (darwin, "path:wheels/torch-1-py3-none-any.whl"),
    )
    tool = "git:https://git.example/tool.git (tag=v2, subdirectory=py)"
    assert rules["tool"] == ((ALWAYS, tool),)
    known = sources_by_key(SPEC)
    assert source_of(tool, known) == SPEC.sources[canonicalize_name("tool")][0]
    url = "https://files.example/x.whl"
    assert source_of(url, known) == SourceSpec("url", url)


def test_different_sources_have_different_keys() -> None:
    sources = [
        SourceSpec("path", "."),
        SourceSpec("path", ".", editable=True),
        SourceSpec("path", ".", subdirectory="a"),
        SourceSpec("git", "https://git.example/a"),
        SourceSpec("git", "https://git.example/a", tag="1"),
        SourceSpec("git", "https://git.example/a", branch="1"),
        SourceSpec("git", "https://git.example/a", rev="1"),
        SourceSpec("index", "a"),
        SourceSpec("url", "https://git.example/a"),
    ]
    assert len({source_key(source) for source in sources}) == len(sources)


def test_elsewhere() -> None:
    assert elsewhere(SPEC) == {"torch", "tool", "direct", "x"}
