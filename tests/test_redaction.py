"""No planted secret comes out of anything that shows or writes down a URL."""

import base64
import io
import random
import sys
import uuid

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from envsync.errors import UsageError
from envsync.index.transport import TransportFailed
from envsync.index.urls import display_url
from envsync.index.urls import redact as redact_reason
from envsync.lock.pins import Pinned
from envsync.lock.urls import public_url
from envsync.redaction import is_doubtful, is_secret_parameter, looks_secret, redact
from envsync.settings import Settings
from envsync.spec.locations import read_archive_url, read_http_url, read_index_url
from envsync.spec.wording import quote
from envsync.sync.identity import direct_url
from envsync.ui import Ui

TOKEN = "zq7K0wVb3XyR9"  # of no word and no host here

SCHEMES = st.sampled_from(["https", "http", "HTTP", "HTTPS", "hTtPs", "git+https", "ftp", "ssh"])
HOSTS = st.sampled_from(
    ["h.example", "h.example:8443", "127.0.0.1:80", "[::1]", "nexus", "localhost"]
)
ODD = st.text(alphabet="/#?@:%;,&=+!~$()*'\"2", max_size=4)
SECRETS = st.builds("{}{}{}".format, ODD, st.just(TOKEN), ODD)


@st.composite
def userinfos(draw: st.DrawFn) -> str:
    """A user and password, of which the whole, the user or the password is secret."""
    secret = draw(SECRETS)
    form = draw(
        st.sampled_from(["me:{}", "{}", "{}:", ":{}", "{}:x-oauth-basic", "me:12/{}", "a:b@{}"])
    )
    return form.format(secret)


@st.composite
def urls(draw: st.DrawFn) -> str:
    """A URL with a user in front of the host, and perhaps a path, query and fragment."""
    path = draw(st.sampled_from(["", "/", "/simple/", "/a/b-1.0-py3-none-any.whl"]))
    tail = draw(st.sampled_from(["", "?x=1", "#f", f"?token={TOKEN}", f"#{TOKEN}", f"?x={TOKEN}"]))
    return f"{draw(SCHEMES)}://{draw(userinfos())}@{draw(HOSTS)}{path}{tail}"


def shows(text: str) -> bool:
    return TOKEN in text


@given(urls())
def test_a_url_is_shown_without_its_user(url: str) -> None:
    assert not shows(display_url(url))
    assert not shows(redact(url))
    assert not shows(redact_reason(f"from {url} to '{url}', ({url})"))
    assert not shows(quote(url))
    assert not shows(quote(f"name @ {url} ; x"))
    assert not shows(str(TransportFailed(url, f"see {url}", "other")))


@given(urls(), st.integers(min_value=1, max_value=200))
def test_a_cut_url_shows_nothing_either(url: str, length: int) -> None:
    long = url.replace(TOKEN, TOKEN + "x" * length)
    assert not shows(quote(long))


@given(urls())
def test_it_is_refused_in_files_in_words_without_it(url: str) -> None:
    for read in (read_http_url, read_index_url, read_archive_url):
        with pytest.raises(ValueError, match=r".") as caught:
            read(url)
        assert not shows(str(caught.value))


@given(urls())
def test_the_lock_has_none_of_what_can_be_asked_for(url: str) -> None:
    """What is doubtful was refused before; all else comes without its user."""
    assume(not is_doubtful(url) and not url.startswith("ssh:"))  # ssh users name services
    assert not shows(public_url(url))


@given(urls())
def test_a_line_of_the_terminal_has_none(url: str) -> None:
    real, sys.stderr = sys.stderr, io.StringIO()
    try:
        ui = Ui(Settings(cache_dir="", verbosity=1))
        ui.error(UsageError(f"cannot ask {url}: no", hint=f"try {url}"))
        ui.warn(f"{url} is slow")
        ui.note(f"asking {url}")
        ui.detail(f"asked {url}")
        ui.changes([f"+ x @ {url}"])
        written = sys.stderr.getvalue()
    finally:
        sys.stderr = real
    assert written.count("\n") >= 6
    assert not shows(written)


def test_random_values_are_secret_whatever_they_are_called() -> None:
    for seed in range(1000):
        data = random.Random(seed).randbytes(16)
        forms = (
            data.hex(),
            data[:8].hex(),
            data.hex().upper(),
            base64.b64encode(data).decode(),
            base64.urlsafe_b64encode(data[:12]).decode(),
            base64.b32encode(data).decode(),
            str(uuid.UUID(bytes=data)),
        )
        assert [form for form in forms if not is_secret_parameter(f"x={form}")] == [], seed


@pytest.mark.parametrize(
    "value",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "glpat-x7Yq9ZpL2mN4rT6vW8",
        "pypi-AgEIcHlwaS5vcmcCJDU1",
        "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "d41d8cd98f00b204e9800998ecf8427e",
        "c2VjcmV0LW9mLWNvcnA=",
        "c2VjcmV0LW9mLWNvcnA%3D",
        "ABCD-1234-EFGH-5678",
        "abcdefghijklmnopqrstuvwxyzabc",
        "12345678901234567890",
        "aB3xK9pQ",
        "hunter2hunter2",
        "s3cret-of-corp",
        "https%3A%2F%2Fme%3Apw%40h.example",
    ],
)
@pytest.mark.parametrize("name", ["k", "x", "download", "se", "v", "", "hash"])
def test_a_secret_is_told_by_its_shape(value: str, name: str) -> None:
    if name == "hash" and len(value) == 32:
        return  # a digest where one is meant
    assert is_secret_parameter(f"{name}={value}")
    assert value not in public_url(f"https://h.example/a.whl?b=1&{name}={value}&c=2#f")
    with pytest.raises(ValueError, match="holds a secret") as caught:
        read_http_url(f"https://h.example/a.whl?b=1&{name}={value}")
    assert value not in str(caught.value)


@pytest.mark.parametrize(
    "pair",
    [
        "v=1.0",
        "version=2.1.0%2Bcu121",
        "ref=main",
        "ref=feature/JIRA-1234-fix",
        "sha=0a3f4d9c8b7a6e5f4d3c2b1a09f8e7d6c5b4a392",
        f"sha256={'ab' * 32}",
        "path=some/long/path-to-thing.txt",
        "file=numpy-1.26.4-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "date=2024-01-01T00:00:00Z",
        "t=1700000000",
        "platform=linux-5.15.0-86-generic",
        "python=3.12",
        "os=ubuntu22.04",
        "format=tar.gz",
        "download=1",
        "raw=true",
        "channel=ReleaseCandidate",
        "",
    ],
)
def test_what_a_url_needs_stays(pair: str) -> None:
    assert not is_secret_parameter(pair)
    url = f"https://h.example/a.whl?{pair}" if pair else "https://h.example/a.whl"
    assert public_url(url) == url
    assert read_http_url(url) == url


@pytest.mark.parametrize("host", ["h.example", "h.example:8443", "127.0.0.1:80", "localhost"])
def test_a_user_and_an_at_in_the_path_go_together(host: str) -> None:
    url = f"https://me:{TOKEN}@{host}/org/feed@Local/simple/"
    assert not is_doubtful(url)
    assert public_url(url) == f"https://{host}/org/feed@Local/simple/"
    assert not shows(redact(url))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://h.example/a@b", "https://h.example/a@b"),
        ("https://h.example/org/feed@Local/simple/", "https://h.example/org/feed@Local/simple/"),
        ("http://127.0.0.1:80/feed@Local/", "http://127.0.0.1:80/feed@Local/"),
        ("http://[::1]:8080/x: no", "http://[::1]:8080/x: no"),
        ("https://h.example: no", "https://h.example: no"),
        ("'https://h.example/x?k=v', and", "'https://h.example/x', and"),
        ("file:///home/me/x@y", "file:///home/me/x@y"),
        ("a//b@c x//y?z", "a//b@c x//y?z"),
        ("me@h.example", "me@h.example"),
        ("x @ https://h.example/x.whl", "x @ https://h.example/x.whl"),
        ("https://me:pa/ss@h.example/x", "https://***@h.example/x"),
        ("https://me:12/ss@h.example/x", "https://***@h.example/x"),
        ("https://me:pa#ss@h.example/x", "https://***@h.example/x"),
        ("https://me:pa?ss@h.example/x", "https://***@h.example/x"),
        ("https://me:pa", "https://***"),
        ("http:/me:pw@h.example/", "http:/h.example/"),
        ("//me:pw@h.example/", "//h.example/"),
    ],
)
def test_texts_say_what_they_may(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_direct_url_json_has_none() -> None:
    """PEP 610 wants no authentication in it, and any program of the environment reads it."""
    url = f"https://me:{TOKEN}@h.example/x-1.0.zip?sig={TOKEN}&v=1#sha256={TOKEN}"
    written = direct_url(Pinned("x", "1.0", "archive", "x-1.0.zip", url, None, "00", {}), "/x")
    assert written is not None
    assert b'"https://h.example/x-1.0.zip?v=1"' in written


def test_long_texts_take_no_time() -> None:
    for text in (
        "a" * 500_000,
        "//" * 200_000,
        "http" * 100_000,
        "a:" * 200_000,
        "https://@" * 50_000,
    ):
        redact(text)
    assert looks_secret("a1" * 100_000)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("git+ssh://git@git.example/a@v1", "git+ssh://git@git.example/a@v1"),
        ("git+ssh://me@git.example/a@v1", "git+ssh://git.example/a@v1"),
        ("git+file:///srv/a@v1", "git+file:///srv/a@v1"),
        ("git+ssh://git:pw@git.example/a@v1", "git+ssh://***@v1"),
    ],
)
def test_a_repository_is_shown_with_what_is_asked_of_it(url: str, shown: str) -> None:
    assert redact(url) == shown
