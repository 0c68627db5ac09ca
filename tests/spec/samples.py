"""Texts of env.toml that several tests read, and how to get at the mistakes of a bad one."""

from collections.abc import Callable

import pytest
from packaging.utils import canonicalize_name

from envsync.errors import EnvsyncError, SpecInvalid
from envsync.spec.model import Spec
from envsync.spec.read import parse_spec

N = canonicalize_name
"""Short for tables of expected values."""

EVERYTHING = """\
[env]
name = "shop"
requires-python = ">=3.10"
python = "3.12"
dependencies = ["flask>=3", "rich"]
default-groups = ["dev"]
path = ".venv"
system-site-packages = false
seed = ["pip"]
[env.optional-dependencies]
redis = ["redis>=5"]
[dependency-groups]
dev = ["pytest>=8", {include-group = "lint"}]
lint = ["ruff"]
cpu = []
gpu = []

[[index]]
name = "corp"
url = "https://index.example/simple/"
default = true
[[index]]
name = "torch-cpu"
url = "https://torch.example/cpu/"
explicit = true

[sources]
shop = { path = ".", editable = true }
tool = { git = "https://git.example/tool.git", tag = "v2", subdirectory = "py" }
wheelie = { url = "https://files.example/wheelie-1.0-py3-none-any.whl" }
torch = [{ index = "torch-cpu", marker = "sys_platform != 'darwin'" }]

[lock]
environments = ["sys_platform == 'linux'", "sys_platform == 'darwin'"]
required-environments = ["sys_platform == 'win32'"]
resolution = "lowest-direct"
prereleases = "allow"
exclude-newer = "2026-10-01T00:00:00Z"
constraints = ["numpy<2.3"]
overrides = ["six==1.17"]
ignore-requires-python = ["Numba"]
trust-record = ["LXML == 5.0"]
no-binary = [":all:", "Lxml"]
conflicts = [["cpu", "gpu"]]

[sync]
link-mode = "hardlink"
compile-bytecode = true

[build]
allow = ["PySpark"]
config-settings = { lxml = { with = "yes", flags = ["a", "b"] } }
extra-build-requires = { lxml = ["cython<3"] }
environment = { lxml = { WITH = "yes" } }
pass = ["CARGO_*"]
no-isolation = ["flash_attn"]

[tasks]
test = "pytest -q"
all = ["test", "ruff check"]
"""


def refusal(work: Callable[[], object]) -> EnvsyncError | ValueError | None:
    """Give the error that a piece of work ends in; None where it is done."""
    try:
        work()
    except (EnvsyncError, ValueError) as error:
        return error
    return None


def read(text: str) -> Spec:
    """Read a text whose folder is called "folder"."""
    return parse_spec(text, folder_name="folder")


def problems(text: str) -> list[str]:
    """Give the mistakes that reading a text reports; none where it is good."""
    try:
        read(text)
    except SpecInvalid as error:
        return list(error.problems)
    return []


def problem(text: str) -> str:
    """Give the only mistake of a text."""
    found = problems(text)
    if len(found) != 1:
        pytest.fail(f"one mistake expected, not {found}")
    return found[0]
