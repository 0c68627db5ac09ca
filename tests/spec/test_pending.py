"""Keys that are read but have no effect yet."""

import pytest

from envsync.spec.pending import PENDING, unsupported
from tests.spec.samples import EVERYTHING, read

EXAMPLES = {
    "sources.git": (
        "[sources]\nTool_x = {git = 'https://g.example/x'}\nother = {path = '.'}\n",
        ("sources.tool-x.git",),
    ),
}


@pytest.mark.parametrize("key", PENDING)
def test_each_pending_key_is_named(key: str) -> None:
    text, expected = EXAMPLES[key]
    assert unsupported(read(f"[env]\n{text}")) == expected


def test_git_in_requirements() -> None:
    spec = read(
        "[env]\ndependencies = ['x', 'tool @ git+https://g.example/tool']\n"
        "[dependency-groups]\ndev = ['Lint @ git+https://g.example/lint@v1']\n"
        "[lock]\noverrides = ['six @ https://f.example/six-1.0.tar.gz']\n"
    )
    assert unsupported(spec) == (
        "env.dependencies: tool @ git+...",
        "dependency-groups.dev: Lint @ git+...",
    )


def test_keys_at_their_defaults_are_no_hindrance() -> None:
    text = "[env]\nseed = []\nsystem-site-packages = false\n[lock]\nconflicts = []\n[sync]\n"
    assert unsupported(read(text + "compile-bytecode = false\n[tasks]\n[build]\n")) == ()


def test_build_settings_are_supported() -> None:
    assert not [key for key in unsupported(read(EVERYTHING)) if key.startswith("build")]
