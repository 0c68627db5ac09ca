"""URLs, git repositories, revisions and paths: what a hostile env.toml may try."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.spec.locations import (
    read_archive_url,
    read_git_url,
    read_http_url,
    read_path,
    read_revision,
    read_subdirectory,
)
from tests.spec.samples import refusal

HASH = "sha256=" + "0" * 64


@pytest.mark.parametrize(
    "url",
    [
        "https://index.example/simple/",
        "http://127.0.0.1:8000/simple",
        "https://[::1]:8000/simple/",
        "HTTPS://index.example",
        "https://index.example/a%20b/?format=json",
    ],
)
def test_good_http_urls(url: str) -> None:
    assert read_http_url(url) == url


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "not a URL"),
        ("index.example/simple", "must begin with https://"),
        ("/srv/simple", "must begin with https://"),
        ("ftp://index.example/", "not ftp://"),
        ("file:///srv/simple", "not file://"),
        ("https:///simple", "no host"),
        ("https://", "no host"),
        ("https://-oProxyCommand=x/", "host is not valid"),
        ("https://index.example:99999/", "host is not valid"),
        ("https://index.example:x/", "host is not valid"),
        ("https://a b.example/", "written as %XX"),
        ("https://index.example/é", "written as %XX"),
        ("https://index.example/\n", "written as %XX"),
        ("https://index.example\\@evil.example/", "written as %XX"),
        ("https://me:pw@index.example/", "credentials do not belong in env.toml"),
        ("https://token@index.example/", "credentials do not belong in env.toml"),
        ("https://index.example@evil.example/", "credentials do not belong in env.toml"),
        ("https://a@b@index.example/", "host is not valid"),
        ("https://index.example/?token=1", "holds a secret"),
        ("https://index.example/?a=b&X-Amz-Signature=1", "holds a secret"),
        ("https://index.example/?a=b&api%5Fkey=1", "holds a secret"),
        ("https://index.example/${SECRET}/", "variables are not expanded"),
        ("https://index.example/$SECRET/", "variables are not expanded"),
        ("https://$USER:$PASSWORD@index.example/", "variables are not expanded"),
        ("https://index.example/" + "a" * 5000, "longer"),
    ],
)
def test_bad_http_urls(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        read_http_url(url)
    assert reason in str(caught.value)
    assert "pw" not in str(caught.value)


def test_where_credentials_go_can_be_said() -> None:
    with pytest.raises(ValueError, match=r"put them into the safe"):
        read_http_url("https://me@index.example/", credentials_go="into the safe")


def test_archive_urls() -> None:
    for url in ("https://f.example/a-1.whl", f"https://f.example/a%2B1.tar.gz#{HASH}"):
        assert read_archive_url(url) == url
    for bad, reason in (
        ("https://f.example/a", "must name a wheel"),
        ("https://f.example/", "must name a wheel"),
        ("https://f.example/a.whl#md5=1", "sha256=HASH only"),
        (f"https://f.example/a.whl#{HASH}0", "sha256=HASH only"),
        ("https://f.example/a.whl#egg=a", "sha256=HASH only"),
    ):
        with pytest.raises(ValueError, match=reason):
            read_archive_url(bad)


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example/a.git",
        "ssh://git@git.example/a.git",
        "ssh://git@git.example:2222/a/b.git",
        "file:///srv/git/a.git",
        "http://git.example/a",  # `git.address` asks whether the host is trusted
    ],
)
def test_good_git_urls(url: str) -> None:
    assert read_git_url(url) == url


@pytest.mark.parametrize("text", ["git@git.example:a/b.git", "git@git.example:/a/b.git"])
def test_what_scp_would_understand_becomes_a_url(text: str) -> None:
    assert read_git_url(text) == "ssh://git@git.example/a/b.git"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ssh://git@git.example:a/b.git", "write ssh://git@git.example/a/b.git"),
        ("git@-oX:a/b.git", "host is not valid"),
        ("https://git.example/", "names a repository"),
        ("file:///", "names a repository"),
        ("file:///a%00b", "names a repository"),
        ("git+https://git.example/a", "leave out git+"),
        ("ext::sh -c id", "."),
        ("ext::sh", "must begin with https://"),
        ("git://git.example/a", "not git://"),
        ("--upload-pack=id", "must begin with https://"),
        ("ssh://-oProxyCommand=id/a", "host is not valid"),
        ("ssh://-x@git.example/a", "credentials do not belong"),
        ("ssh://git:pw@git.example/a", "credentials do not belong"),
        ("https://me@git.example/a", "credentials do not belong"),
        ("file://host/a", "names a folder of this machine"),
        ("file://a", "names a folder of this machine"),
        ("https://git.example/-a", "must not begin with -"),
        ("https://git.example/%2Da", "must not begin with -"),
        ("https://git.example/a?x=1", "no [?] or # part"),
        ("https://git.example/a#v1", "no [?] or # part"),
        ("https://git.example/a\u2028b", "written as %XX"),
        ("../a", "file:/// and the whole path"),
        ("/srv/a", "file:/// and the whole path"),
    ],
)
def test_bad_git_urls(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_git_url(url)


def test_revisions() -> None:
    for good in ("v1.0", "main", "feature/x", "0123abcd", "émile"):
        assert read_revision(good) == good
    bad = ["-x", "--upload-pack=id", "/x", "x/", ".x", "a..b", "a@{1}", "a~1", "a^", "a:b", "a?b"]
    bad += ["a*b", "a[b", "a\\b", "x.lock", "a//b"]
    for revision in (*bad, "", " ", "a b", "a\n", "a\u2028b", "a\x7f", "a\u0085", "x" * 5000):
        with pytest.raises(ValueError, match=r"."):
            read_revision(revision)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".", "."),
        ("./", "."),
        (".venv", ".venv"),
        ("./a//b/./c/", "a/b/c"),
        ("a b/é", "a b/é"),
        ("..a/b..", "..a/b.."),
    ],
)
def test_good_paths(path: str, expected: str) -> None:
    assert read_path(path) == expected


HOSTILE_PATHS = [
    "", " ", "..", "../x", "a/../..", "a/..", "/", "/etc", "//host/x", "~", "~/x", "~root/x",
    "C:", "C:/x", "c:x", "\\x", "a\\b", "\\\\host\\x", "-x", "--help/x", "a\nb", "a\0b", "a\x1b[0m",
    "a\u2028b", "a\u202eb", " a", "a ", "a/\ud800", "x" * 300, "é" * 200, "a/" * 3000,
]  # fmt: skip


@pytest.mark.parametrize("path", HOSTILE_PATHS)
def test_bad_paths(path: str) -> None:
    for read in (read_path, read_subdirectory):
        with pytest.raises(ValueError, match=r"."):
            read(path)


def test_a_subdirectory_is_below_the_root() -> None:
    assert read_subdirectory("py/") == "py"
    with pytest.raises(ValueError, match=r"leave the subdirectory out"):
        read_subdirectory("./")


@pytest.mark.parametrize("path", ["./~", "./~/x", ".//./~user", "./C:", "./c:/x"])
def test_a_path_is_judged_by_its_shortest_form_too(path: str) -> None:
    with pytest.raises(ValueError, match=r"relative to the project"):
        read_path(path)


@given(st.text(alphabet="a./\\~-: \n", max_size=12))
def test_a_path_that_is_read_stays_inside_and_reads_again(text: str) -> None:
    try:
        path = read_path(text)
    except ValueError:
        return
    assert not path.startswith(("/", "~", "-"))
    assert ".." not in path.split("/")
    assert read_path(path) == path


URL_LIKE = st.from_regex(
    r"[a-z+]{0,8}:?/{0,3}[a-z@:$\[\].\-]{0,9}/[a-z%?#=&@\-]{0,9}", fullmatch=True
)


@given(URL_LIKE | st.text(max_size=30))
def test_any_url_is_read_as_it_stands_or_refused(text: str) -> None:
    for read in (read_http_url, read_archive_url, read_git_url):
        error = refusal(partial(read, text))
        assert read(text) == text if error is None else str(error).isprintable()
