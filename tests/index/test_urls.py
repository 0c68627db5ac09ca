"""Addresses are judged before they are asked and shown without secrets."""

import pytest

from envsync.index.urls import (
    Origin,
    display_url,
    is_loopback,
    parse_address,
    printable,
    redact,
)


def test_an_address_is_split_into_origin_user_and_the_rest() -> None:
    address = parse_address("https://me:se%40cret@Index.Example:8443/simple/a b/?x=1#frag")

    assert address.url == "https://index.example:8443/simple/a%20b/?x=1"
    assert address.origin == Origin("https", "index.example", 8443)
    assert (address.user, address.password) == ("me", "se%40cret")


def test_ports_left_out_are_the_schemes_own() -> None:
    assert (
        parse_address("https://h.example/").origin == parse_address("https://h.example:443").origin
    )
    assert parse_address("http://h.example/").origin == Origin("http", "h.example", 80)


def test_percent_encoding_is_kept_and_the_rest_encoded() -> None:
    address = parse_address("https://h.example/%252e/ü/%7Euser")

    assert address.url == "https://h.example/%252e/%C3%BC/%7Euser"


def test_a_host_with_letters_beyond_ascii_is_encoded() -> None:
    assert parse_address("https://bücher.example/").origin.host == "xn--bcher-kva.example"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h.example/",
        "file:///etc/passwd",
        "data:text/html,x",
        "javascript:alert(1)",
        "//h.example/",
        "h.example/simple",
        "",
        "https://",
        "https:///path",
        "https://h.example:0/",
        "https://h.example:99999/",
        "https://h.example:port/",
        "https://good.example\\@evil.example/",
        "https://h.example/\r\nX-Header: 1",
        "https://h.example/\0",
        "https://h ost.example/",
        "https://[::1",
        "https://-h.example/",
        "https://h.example/" + "a" * 9000,
        "https://" + "a" * 300 + "/",
    ],
)
def test_an_address_that_parsers_could_disagree_on_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_address(url)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "a.localhost"])
def test_loopback_hosts(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1.example", "localhost.example", "10.0.0.1", "127.example", "[::2]"],
)
def test_hosts_that_only_look_like_loopback(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://u:p@h.example/x?token=s#f", "https://h.example/x"),
        ("https://u@h.example/x", "https://h.example/x"),
        ("https://h.example/a@b", "https://h.example/a@b"),
        ("https://h.example/\x1b]52;c;x\x07", r"https://h.example/\x1b]52;c;x\x07"),
        ("https://h.example/\u202egnp", r"https://h.example/\u202egnp"),
    ],
)
def test_a_shown_url_has_no_secret_and_no_control_characters(text: str, shown: str) -> None:
    assert display_url(text) == shown


def test_all_urls_of_a_text_are_redacted() -> None:
    text = "from https://a:b@x.example/?k=1 to http://c@y.example/z?q#f, why?"

    assert redact(text) == "from https://x.example/ to http://y.example/z why?"


def test_printable_text_stays_as_it_is() -> None:
    assert printable("Grüße, 世界 …") == "Grüße, 世界 …"
    assert printable("a\nb\x9b\u200b") == r"a\nb\x9b\u200b"
