"""What of env.toml a lock answers."""

import pytest
from packaging.pylock import Pylock
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envsync.lock.fingerprint import (
    Root,
    fingerprint,
    put_together,
    recorded_roots,
    requirement_text,
    root_rows,
    roots,
    stale_reasons,
    whole_fingerprint,
)
from envsync.spec.model import Spec
from envsync.spec.read import parse_spec

TEXT = """\
[env]
name = "shop"
requires-python = ">=3.10"
dependencies = ["Flask>=3", "rich[Jupyter]"]
default-groups = ["dev"]
[env.optional-dependencies]
redis = ["redis>=5"]
[dependency-groups]
dev = ["pytest>=8", {include-group = "lint"}]
lint = ["ruff"]
[[index]]
name = "corp"
url = "https://index.example/simple/"
[sources]
wheelie = { url = "https://files.example/wheelie-1.0-py3-none-any.whl" }
[lock]
constraints = ["numpy<2.3", "scipy<2"]
environments = ["sys_platform == 'linux'", "sys_platform == 'darwin'"]
[build]
allow = ["pyspark", "other"]
[sync]
link-mode = "copy"
"""


def spec_of(text: str = TEXT) -> Spec:
    return parse_spec(text, folder_name="shop")


def changed(old: str, new: str) -> Spec:
    assert old in TEXT
    return spec_of(TEXT.replace(old, new, 1))


def lock_of(spec: Spec, **tool: object) -> Pylock:
    """The head of a lock that answers `spec`."""
    table = {
        "fingerprint": fingerprint(spec),
        "roots": root_rows(spec, ()),
        "resolution": spec.lock.resolution,
        "prereleases": spec.lock.prereleases,
    }
    return Pylock(
        lock_version=Version("1.0"),
        created_by="envsync",
        requires_python=spec.requires_python,
        extras=list(spec.optional_dependencies),
        dependency_groups=list(spec.dependency_groups),
        default_groups=list(spec.default_groups),
        packages=[],
        tool={"envsync": {**table, **tool}},
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "shop"', 'name = "store" # a comment'),
        ('"Flask>=3", "rich[Jupyter]"', '"rich[jupyter]",\n "flask >= 3"'),
        ("numpy<2.3", "NumPy < 2.3"),
        ('"numpy<2.3", "scipy<2"', '"scipy<2", "numpy<2.3"'),
        ('"sys_platform == \'linux\'", "sys_platform == \'darwin\'"',
         '"sys_platform==\'darwin\'", "sys_platform == \'linux\'"'),
        ('"pyspark", "other"', '"other", "PySpark"'),
        ('link-mode = "copy"', 'link-mode = "symlink"'),
        ('lint = ["ruff"]', 'lint = ["ruff", "ruff"]'),
        ("default-groups = ", 'python = "3.12"\ndefault-groups = '),
        ("default-groups = ", 'path = "env"\ndefault-groups = '),
    ],
)  # fmt: skip
def test_what_does_not_matter_to_the_lock(old: str, new: str) -> None:
    """Design: never comments, order, [sync]."""
    assert fingerprint(changed(old, new)) == fingerprint(spec_of())
    assert stale_reasons(changed(old, new), lock_of(spec_of())) == ()


@pytest.mark.parametrize(
    ("old", "new", "reasons"),
    [
        ('"Flask>=3"', '"Flask>=3", "attrs"', ("attrs was added",)),
        ('"Flask>=3"', '"Flask>=4"', ("flask>=4 was added", "flask>=3 was removed")),
        ('"redis>=5"', "", ("redis>=5 (extra redis) was removed",)),
        ('lint = ["ruff"]', 'lint = ["ty"]', None),
        (">=3.10", ">=3.11", ("requires-python is >=3.11, the lock has >=3.10",)),
        ('["dev"]', "[]", ("default-groups in the lock are not those of env.toml",)),
        ("[lock]", '[lock]\nresolution = "lowest"',
         ("resolution is lowest, the lock has highest",)),
        ("index.example", "other.example", ("indexes, sources or options in env.toml changed",)),
        ("[lock]", '[lock]\nexclude-newer = "2026-01-01"', None),
        ("[lock]", '[lock]\noverrides = ["six==1.17"]', None),
        ("[lock]", '[lock]\nignore-requires-python = ["x"]', None),
        ("[lock]", '[lock]\ntrust-record = ["x==1"]', None),
        ("[lock]", '[lock]\nno-binary = ["x"]', None),
        ("[lock]", '[lock]\nrequired-environments = ["os_name == \'nt\'"]', None),
        ("numpy<2.3", "numpy<2.4", None),
        ("'linux'", "'win32'", None),
        ("wheelie-1.0", "wheelie-1.1", None),
        ('"pyspark", "other"', '"pyspark"', None),
        ('name = "corp"', 'name = "corp"\nexplicit = true', None),
        ("lint = [", "empty = []\nlint = [", None),
    ],
)  # fmt: skip
def test_what_matters_makes_the_lock_stale(
    old: str, new: str, reasons: tuple[str, ...] | None
) -> None:
    """H26: and the reason is said, where it can be told."""
    spec = changed(old, new)
    assert whole_fingerprint(spec) != whole_fingerprint(spec_of())
    found = stale_reasons(spec, lock_of(spec_of()))
    assert found
    assert reasons is None or found == reasons


def test_indexes_are_asked_in_order_so_it_counts() -> None:
    second = '[[index]]\nname = "b"\nurl = "https://b.example/"\n'
    first = '[[index]]\nname = "corp"'
    assert fingerprint(changed(first, second + first)) != fingerprint(
        changed("[sources]", second + "[sources]")
    )


def test_the_interpreter_counts_only_where_it_decides_what_is_covered() -> None:
    bare = Spec("shop", python="3.12")
    assert fingerprint(bare) != fingerprint(bare._replace(python="3.13"))
    fixed = bare._replace(requires_python=SpecifierSet(">=3.10"))
    assert fingerprint(fixed) == fingerprint(fixed._replace(python="3.13"))


def test_the_fingerprint_never_changes_by_itself() -> None:
    """A new envsync must not make every lock stale; a deliberate change goes with `_FORMAT`."""
    assert fingerprint(spec_of()) == KNOWN
    assert whole_fingerprint(spec_of()) == KNOWN_WHOLE


KNOWN = "sha256:3507a03d907f74685eef42a3adcb8f9f1d476ea5226f1581d4f9359b1a68cc92"
KNOWN_WHOLE = "sha256:ad61f01bfc342080f92b96e20c2fb92a6b11554c8ce2f0617f89a3413eff8c05"


def test_a_lock_without_digests_answers_by_its_whole_fingerprint() -> None:
    spec = spec_of()
    rows = [{"requirement": "flask>=3"}]
    lock = lock_of(spec, fingerprint=whole_fingerprint(spec), roots=rows)
    assert not stale_reasons(spec, lock)
    assert not tuple(put_together(spec, lock))


def test_the_lock_of_another_tool_is_stale() -> None:
    lock = Pylock(lock_version=Version("1.0"), created_by="uv", packages=[])
    assert stale_reasons(spec_of(), lock) == ("it was made by uv, which records no inputs",)


@pytest.mark.parametrize(
    "junk",
    [
        {"fingerprint": 5},
        {"fingerprint": "x", "roots": 5, "resolution": []},
        {"fingerprint": "x", "roots": [5, {"requirement": 5}, {"a": 1}, {"requirement": "x"}]},
    ],
)
def test_a_damaged_table_is_only_stale(junk: dict[str, object]) -> None:
    assert stale_reasons(spec_of(), lock_of(spec_of(), **junk))


def test_roots_are_recorded_and_read_back() -> None:
    expected = (
        Root("flask>=3"),
        Root("rich[jupyter]"),
        Root("redis>=5", extra="redis"),
        Root("pytest>=8", group="dev"),
        Root("ruff", group="dev"),
        Root("ruff", group="lint"),
    )
    assert roots(spec_of()) == expected
    assert recorded_roots(lock_of(spec_of())) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Foo_Bar", "foo-bar"),
        ("foo [b, A] >= 2, < 3", "foo[a,b]<3,>=2"),
        ("foo; python_version<'3.11'", 'foo; python_version < "3.11"'),
        ("foo @ https://u:p@x.example/f.whl", "foo @ https://x.example/f.whl"),
        (
            "foo @ https://x.example/f.whl ; os_name=='nt'",
            'foo @ https://x.example/f.whl ; os_name == "nt"',
        ),
    ],
)
def test_one_spelling_for_each_requirement(text: str, expected: str) -> None:
    assert requirement_text(Requirement(text)) == expected
    assert Requirement(expected) == Requirement(expected)
