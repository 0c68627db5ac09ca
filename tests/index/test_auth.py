"""Whose user and password go with a request: the longest address wins, and nothing goes beside."""

import base64
import posixpath
from functools import partial
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.acquire.keyrings import KeyringPlace, ask_keyring
from envsync.events import Reporter
from envsync.index.auth import Credentials, Pair
from envsync.index.urls import parse_address, scope_of


def pair(url: str, user: str) -> Pair:
    return Pair(scope_of(parse_address(url)), user, "pw", f"of {user}")


def known(*pairs: Pair, netrc: str = "/dev/null") -> Credentials:
    return Credentials(pairs, netrc_path=netrc)


def who(credentials: Credentials, url: str, *, is_page: bool = False) -> str | None:
    found = credentials.pair_for(parse_address(url), is_page=is_page)
    return None if found is None else found.user


CORP = pair("https://h.example/corp/simple/", "corp")
TEAM = pair("https://h.example/team", "team")
HOST = pair("https://h.example/", "host")


# -- addresses


@pytest.mark.parametrize(
    ("url", "user"),
    [
        ("https://h.example/team", "team"),
        ("https://h.example/team/", "team"),
        ("https://H.EXAMPLE:443/team/x", "team"),
        ("https://h.example/t%65am/x", "team"),
        ("https://h.example/./x/../team/x", "team"),
        ("https://h.example/team/x?y#z", "team"),
        ("https://h.example/team/a%2Fb/x", "team"),
        ("https://h.example/corp/simple/x/", "corp"),
        ("https://h.example/", None),
        ("https://h.example/teams/x", None),
        ("https://h.example/tea", None),
        ("https://h.example/Team/x", None),
        ("https://h.example//team/x", None),
        ("https://h.example/corp/simply/x", None),
        ("https://h.example/corp/x/", None),
        ("http://h.example/team/x", None),
        ("https://h.example:444/team/x", None),
        ("https://sub.h.example/team/x", None),
        ("https://h.example.evil.example/team/x", None),
        ("https://h.example./team/x", None),
        ("https://evil.example/h.example/team/", None),
        ("https://h.example@evil.example/team/", None),
        ("https://h.example/team/../x", None),
        ("https://h.example/team/%2e%2e/x", None),
        ("https://h.example/team/.%2E/x", None),
        ("https://h.example/team/..%2fx", None),
        ("https://h.example/team/%2e%2e%2fx", None),
        ("https://h.example/team/..%5cx", None),
        ("https://h.example/team/%252e%252e/x", None),
        ("https://h.example/team/..;a=b/x", None),
        ("https://h.example/team%2Fx", None),
    ],
)
def test_a_pair_is_for_its_address_and_what_is_below(url: str, user: str | None) -> None:
    assert who(known(CORP, TEAM), url, is_page=True) == user


PARTS = [
    "team",
    "x",
    "",
    ".",
    "..",
    "%2e",
    ".%2E",
    "..%2f",
    "%2E%2e%2F",
    "%252e%252e",
    "..;a",
    "..%5c",
]


@given(st.lists(st.sampled_from(PARTS), max_size=7))
def test_no_server_reads_such_a_path_as_one_beside(parts: list[str]) -> None:
    address = parse_address(f"https://h.example/{'/'.join(parts)}")
    path = address.url.removeprefix("https://h.example")
    for _ in range(4):
        path = unquote(path)
    loosely = [part.partition(";")[0] for part in path.replace("\\", "/").split("/")]
    stays = posixpath.normpath("/".join(loosely)).lstrip("/").split("/")[0] == "team"

    assert stays or who(known(TEAM), address.url, is_page=True) is None


@pytest.mark.parametrize("order", [(HOST, TEAM), (TEAM, HOST)])
def test_the_longest_address_wins_in_any_order(order: tuple[Pair, ...]) -> None:
    credentials = known(*order)

    assert who(credentials, "https://h.example/team/x") == "team"
    assert who(credentials, "https://h.example/teams/x") == "host"


def test_of_equal_addresses_the_first_counts() -> None:
    assert (
        who(known(TEAM, pair("https://h.example/team/", "b")), "https://h.example/team") == "team"
    )


# -- files: where index servers keep them


def test_files_may_lie_beside_simple_and_pages_may_not() -> None:
    url = "https://h.example/corp/packages/x-1.0.tar.gz"

    assert who(known(CORP), url) == "corp"
    assert who(known(CORP), url, is_page=True) is None
    assert who(known(CORP), "https://h.example/other/x-1.0.tar.gz") is None


def test_simple_at_the_top_does_not_stand_for_the_whole_host() -> None:
    top = pair("https://h.example/simple/", "top")

    assert who(known(top), "https://h.example/packages/x.whl") is None
    assert who(known(top), "https://h.example/simple/x/x.whl") == "top"


def test_an_address_of_its_own_wins_over_one_beside_it() -> None:
    files = pair("https://h.example/corp/files/", "files")

    assert who(known(CORP, files), "https://h.example/corp/files/x.whl") == "files"
    assert who(known(CORP, HOST), "https://h.example/corp/files/x.whl") == "corp"


LAYOUTS = {
    "pypiserver": ("/simple/", "/packages/x-1.0-py3-none-any.whl"),
    "devpi": ("/me/dev/+simple/", "/me/dev/+f/ab1/23cd/x-1.0-py3-none-any.whl"),
    "devpi, an inherited index": (
        "/me/dev/+simple/",
        "/root/base/+f/ab1/23/x-1.0-py3-none-any.whl",
    ),
    "artifactory": (
        "/artifactory/api/pypi/repo/simple/",
        "/artifactory/api/pypi/repo/packages/x.whl",
    ),
    "nexus": ("/repository/py/simple/", "/repository/py/packages/x/1.0/x.whl"),
    "gitlab, project": (
        "/api/v4/projects/7/packages/pypi/simple/",
        "/api/v4/projects/7/packages/pypi/files/ab12/x-1.0-py3-none-any.whl",
    ),
    "gitlab, group": (
        "/api/v4/groups/3/-/packages/pypi/simple/",
        "/api/v4/projects/7/packages/pypi/files/ab12/x-1.0-py3-none-any.whl",
    ),
    "azure": (
        "/org/_packaging/feed/pypi/simple/",
        "/org/_packaging/0a1b/pypi/download/x/1/x-1.0-py3-none-any.whl",
    ),
    "azure, a view": (
        "/org/_packaging/feed@Local/pypi/simple/",
        "/org/_packaging/feed%40Local/pypi/download/x/1/x-1.0-py3-none-any.whl",
    ),
    "google": ("/project/repo/simple/", "/project/repo/x/x-1.0-py3-none-any.whl"),
    "aws": ("/pypi/repo/simple/", "/pypi/repo/simple/x/1.0/x-1.0-py3-none-any.whl"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_page_says_that_a_file_elsewhere_is_its_own(layout: str) -> None:
    index, file = (f"https://h.example{path}" for path in LAYOUTS[layout])
    credentials = known(pair(index, "me"))
    credentials.read_page(parse_address(index), lambda: [file])

    assert who(credentials, file) == "me"
    assert who(credentials, f"{file}.metadata") == "me"
    assert who(credentials, "https://h.example/elsewhere/x-1.0-py3-none-any.whl") is None


def test_what_a_page_lists_on_another_origin_gets_nothing() -> None:
    files = ["https://files.example/x.whl", "http://h.example/x.whl", "https://h.example:444/x.whl"]
    credentials = known(CORP)
    credentials.read_page(parse_address("https://h.example/corp/simple/"), lambda: files)

    assert [who(credentials, file) for file in files] == [None] * 3


def test_what_a_strangers_page_lists_gets_nothing() -> None:
    file = "https://h.example/elsewhere/x.whl"
    credentials = known(CORP)
    for index in ("https://h.example/public/simple/", "https://evil.example/corp/simple/"):
        credentials.read_page(parse_address(index), lambda: [file])

    assert who(credentials, file) is None


def test_a_listed_file_is_no_leave_for_redirects_and_pages() -> None:
    file = parse_address("https://h.example/elsewhere/x.whl")
    credentials = known(CORP)
    credentials.read_page(parse_address("https://h.example/corp/simple/"), lambda: [file.url])

    assert credentials.pair_for(file, is_redirect=True) is None
    assert credentials.pair_for(file, is_page=True) is None


def test_a_bound_address_wins_over_a_listing() -> None:
    file = "https://h.example/team/x.whl"
    credentials = known(CORP, TEAM)
    credentials.read_page(parse_address("https://h.example/corp/simple/"), lambda: [file])

    assert who(credentials, file) == "team"


@pytest.mark.parametrize(
    ("url", "index", "needed"),
    [
        ("https://h.example/x.whl", "https://h.example/corp/simple/", True),
        ("https://h.example/corp/x.whl", "https://h.example/corp/simple/", False),
        ("https://h.example/team/x.whl", "https://h.example/corp/simple/", False),
        ("https://h.example/x.whl", "https://h.example/public/simple/", False),
        ("https://files.example/x.whl", "https://h.example/corp/simple/", False),
    ],
)
def test_a_page_is_needed_only_where_it_alone_can_tell(url: str, index: str, needed: bool) -> None:
    credentials = known(CORP, TEAM)

    assert credentials.needs_page(parse_address(url), parse_address(index)) == needed


# -- an index's own address


def test_a_user_in_the_address_is_decoded_and_counts_first() -> None:
    credentials = known(pair("https://h.example/simple/", "other"))
    address = parse_address("https://m%40e:p%3Aw@h.example/simple/")
    credentials.learn(address)

    found = credentials.pair_for(address)
    assert found is not None
    assert base64.b64decode(found.header.removeprefix("Basic ")) == b"m@e:p:w"


@pytest.mark.parametrize("userinfo", ["token", "token:", ":token"])
def test_a_token_alone_is_a_user_or_a_password(userinfo: str) -> None:
    credentials = known()
    credentials.learn(parse_address(f"https://{userinfo}@h.example/"))
    found = credentials.pair_for(parse_address("https://h.example/x"))

    assert found is not None
    assert found.header == "Basic " + base64.b64encode(
        (userinfo if ":" in userinfo else f"{userinfo}:").encode()
    ).decode("ascii")


def test_an_empty_user_is_none() -> None:
    credentials = known()
    credentials.learn(parse_address("https://@h.example/"))

    assert who(credentials, "https://h.example/") is None


# -- netrc


def test_netrc_is_for_the_exact_host_and_comes_last(tmp_path: Path) -> None:
    path = tmp_path / "netrc"
    path.write_text("machine h.example login me password pw\ndefault login d password e\n")
    credentials = known(TEAM, netrc=str(path))

    assert who(credentials, "https://h.example/other/") == "me"
    assert who(credentials, "https://h.example/team/") == "team"
    hosts = ("x.h.example", "h.example.x", "default")
    assert [who(credentials, f"https://{host}/") for host in hosts] == [None] * 3


@pytest.mark.parametrize("text", ["machine", "machine h.example login me pass", "\xff"])
def test_a_netrc_that_cannot_be_read_is_told_without_its_words(tmp_path: Path, text: str) -> None:
    class Warnings(Reporter):
        def __init__(self) -> None:
            self.texts: list[str] = []

        def warn(self, text: str) -> None:
            self.texts.append(text)

    path = tmp_path / "netrc"
    path.write_bytes(f"machine h.example login me password hunter2\n{text}".encode("latin-1"))
    reporter = Warnings()
    credentials = Credentials(netrc_path=str(path), reporter=reporter)

    assert credentials.pair_for(parse_address("https://h.example/")) is None
    assert len(reporter.texts) == 1
    assert "hunter2" not in reporter.texts[0]


# -- keyring

KEYRING = """
from types import SimpleNamespace
asked = []
def get_credential(service, user):
    asked.append(service)
    users = {"https://h.example/corp/simple/": "corp", "h.example": "host", "p.example:81": "port"}
    if service == "bad.example":
        raise RuntimeError("locked")
    return SimpleNamespace(username=users[service], password="pw") if service in users else None
"""


@pytest.fixture
def keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Credentials:
    (tmp_path / "keyring.py").write_text(KEYRING)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "keyring", raising=False)
    return Credentials(netrc_path="/dev/null", ask_keyring=partial(ask_keyring, KeyringPlace()))


def test_keyring_is_asked_for_the_address_and_then_for_the_host(keyring: Credentials) -> None:
    keyring.learn(parse_address("https://h.example/corp/simple/"))
    assert who(keyring, "https://h.example/corp/simple/x/") == "corp"
    assert who(keyring, "https://h.example/other/x/") is None

    keyring.learn(parse_address("https://h.example/other/"))
    assert who(keyring, "https://h.example/corp/simple/x/") == "corp"
    assert who(keyring, "https://h.example/other/x/") == "host"

    keyring.learn(parse_address("https://p.example:81/"))
    keyring.learn(parse_address("https://bad.example/"))
    assert who(keyring, "https://p.example:81/x/") == "port"
    assert who(keyring, "https://p.example/x/") is None
    assert who(keyring, "https://bad.example/") is None


def test_what_keyring_has_for_an_address_goes_before_what_it_has_for_the_host(
    keyring: Credentials,
) -> None:
    keyring.learn(parse_address("https://h.example/other/"))
    keyring.learn(parse_address("https://h.example/corp/simple/"))
    assert who(keyring, "https://h.example/corp/simple/x/") == "corp"
    assert who(keyring, "https://h.example/other/x/") == "host"


def test_keyring_is_not_asked_where_something_else_is_bound_or_it_is_not_wanted(
    keyring: Credentials,
) -> None:
    without = known()
    without.learn(parse_address("https://h.example/corp/simple/"))
    assert who(without, "https://h.example/corp/simple/") is None

    keyring.learn(parse_address("https://me:pw@h.example/corp/simple/"))
    keyring.learn(parse_address("https://h.example/corp/simple/"))
    assert who(keyring, "https://h.example/corp/simple/") == "me"


# -- names for who asks


def test_the_scope_tells_users_apart_and_nothing_of_the_secret() -> None:
    address = parse_address("https://h.example/simple/x/")
    credentials = (
        known(),
        known(pair("https://h.example/", "a")),
        known(pair("https://h.example/", "b")),
    )
    scopes = [each.scope(address) for each in credentials]

    assert scopes[0] == ""
    assert len(set(scopes)) == 3
    assert all("pw" not in scope for scope in scopes)


def test_a_pair_does_not_show_its_password() -> None:
    assert "pw" not in f"{pair('https://h.example/', 'me')!r}"
