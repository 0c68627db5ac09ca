"""What env.toml says of a build has a name, and the name changes with it."""

from envsync.lock.pins import Pinned
from envsync.project.recipes import recipe_marks
from envsync.spec.model import BuildPolicy
from envsync.spec.read import parse_spec


def source(name: str, version: str = "1.0", kind: str = "tar.gz") -> Pinned:
    return Pinned(name, version, "sdist", f"{name}-{version}.{kind}", None, None, version, {})


def build(text: str) -> BuildPolicy:
    return parse_spec(f"[env]\n[build]\n{text}\n", folder_name="x").build


def marks(text: str, *pins: Pinned) -> dict[str, str]:
    return dict(recipe_marks(build(text), pins or (source("flash-attn"),)))


def test_what_nothing_is_said_of_has_no_name() -> None:
    text = "environment = { other = { A = '1' } }\npass = ['CARGO_*']\nno-isolation = ['wheeled']"
    assert marks(text, source("flash-attn"), source("wheeled", kind="whl")) == {}


def test_every_part_counts() -> None:
    texts = (
        "environment = { Flash_attn = { A = '1' } }",
        "environment = { flash-attn = { A = '2' } }",
        "config-settings = { flash-attn = { A = '1' } }",
        "extra-build-requires = { flash-attn = ['torch'] }",
        "no-isolation = ['flash-attn']",
    )
    assert len({marks(text)["flash-attn"] for text in texts}) == len(texts)


def test_without_isolation_the_versions_of_what_it_says_it_needs_count() -> None:
    text = "extra-build-requires = { flash-attn = ['torch'] }\n"
    alone = text + "no-isolation = ['flash-attn']"
    pin, old, new = source("flash-attn"), source("torch"), source("torch", "2.0")
    assert marks(alone, pin, old) != marks(alone, pin, new)
    assert marks(alone, pin, old) == marks(alone, pin, old, source("rich"))
    assert marks(text, pin, old) == marks(text, pin, new)
