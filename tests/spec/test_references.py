"""Direct references (`NAME @ URL`) as sources."""

import pytest

from envsync.spec.model import SourceSpec
from envsync.spec.references import direct_source

HASH = "sha256=" + "0" * 64


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://f.example/a.whl", SourceSpec("url", "https://f.example/a.whl")),
        (f"https://f.example/a.whl#{HASH}", SourceSpec("url", f"https://f.example/a.whl#{HASH}")),
        (
            f"https://f.example/a.zip#egg=a&subdirectory=py%2Fx&{HASH}",
            SourceSpec("url", f"https://f.example/a.zip#{HASH}", subdirectory="py/x"),
        ),
        ("git+https://g.example/a.git", SourceSpec("git", "https://g.example/a.git")),
        (
            "git+https://g.example/a.git@feature/x#subdirectory=py",
            SourceSpec("git", "https://g.example/a.git", rev="feature/x", subdirectory="py"),
        ),
        ("git+ssh://git@g.example/a", SourceSpec("git", "ssh://git@g.example/a")),
        ("git+ssh://git@g.example/a@v1", SourceSpec("git", "ssh://git@g.example/a", rev="v1")),
        ("git+file:///srv/a@v1", SourceSpec("git", "file:///srv/a", rev="v1")),
    ],
)
def test_good_references(url: str, expected: SourceSpec) -> None:
    assert direct_source(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "http:",
        "git+git://g.example/a",
        "git+ext::id",
        "git+https://g.example/a@-x",
        "git+https://g.example/a@",
        "git+https://me:pw@g.example/a",
        "git+https://g.example/a#subdirectory=../x",
        f"git+https://g.example/a#{HASH}",
        "hg+https://g.example/a",
        "https://f.example/a.whl#subdirectory=..",
        "https://f.example/a.whl#x=y",
    ],
)
def test_bad_references(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        direct_source(url)
