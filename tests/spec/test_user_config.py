"""The user's own config.toml: strict, with near misses, and every mistake with its line."""

import pytest

from envsync.errors import SpecInvalid
from envsync.spec.user_config import (
    ClientCertificate,
    UserConfig,
    UserMirror,
    VenvPlaces,
    parse_user_config,
)

WHOLE = """\
# my own
[index.corp-eu]
url = "https://index.example/corp/simple/"

[index.torch]
url = "http://torch.example:8080/"

[python]
allow = ["/opt/special/bin/python3", "C:\\\\Python\\\\python.exe", "/opt/special/bin/python3"]

[venv]
folder = "/fast/venvs/"
links = ["/fast/mine"]

[background]
compile-bytecode = false
"""


def refusal(text: str) -> str:
    with pytest.raises(SpecInvalid) as caught:
        parse_user_config(text.encode(), path="config.toml")
    assert caught.value.exit_code == 2
    return "\n".join(caught.value.problems)


def test_all_of_it() -> None:
    assert parse_user_config(WHOLE.encode(), path="config.toml") == UserConfig(
        {
            "CORP_EU": "https://index.example/corp/simple/",
            "TORCH": "http://torch.example:8080/",
        },
        ("/opt/special/bin/python3", "C:\\Python\\python.exe"),
        VenvPlaces("/fast/venvs", ("/fast/mine",)),
        compile_in_background=False,
    )


@pytest.mark.parametrize("text", ["", "# nothing\n", "[index]\n[python]\n", "[python]\nallow=[]"])
def test_nothing(text: str) -> None:
    assert parse_user_config(text.encode(), path="config.toml") == UserConfig()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[indx.corp]\nurl='https://a.example/'",
            "line 1: indx: unknown key; did you mean 'index'?",
        ),
        ("[pyton]\nallow=[]", "line 1: pyton: unknown key; did you mean 'python'?"),
        ("[python]\nalow=[]", "line 2: python.alow: unknown key; did you mean 'allow'?"),
        ("[python]\npath='/x'", "line 2: python.path: unknown key; write allow = [...]"),
        (
            "[venv]\nfolder='venvs'",
            "line 2: venv.folder: the path of a folder must be written in full, from / on",
        ),
        (
            "[background]\ncompile-bytecode=1",
            "line 2: background.compile-bytecode: expected true or false",
        ),
        ("[venv]\npath='/x'", "line 2: venv.path: unknown key; write folder = ..."),
        ("[env]\nname='x'", "line 1: env: unknown key; it belongs in env.toml"),
        ("[[index]]\nname='corp'", "line 1: index: write [index.NAME], with one pair of brackets"),
        ("[index.corp]", "line 1: index.corp: the index has no url"),
        ("[index]\ncorp='https://a.example/'", "line 2: index.corp: expected a table"),
        ("[index.corp]\nurl=3", "line 2: index.corp.url: expected a string"),
        (
            "[index.corp]\nulr='https://a.example/'",
            "index.corp.ulr: unknown key; did you mean 'url'",
        ),
        ("[index.Corp]\nurl='https://a.example/'", "is not a name for an index"),
        ("[index.a-b]\nurl='https://a.example/'\n[index.a_b]\nurl='https://b.example/'", "line 3:"),
        ("[index.corp]\nurl='https://u:pw@a.example/'", "without user and password"),
        ("[index.corp]\nurl='https://a.example/?x=1'", "no ? or # part"),
        ("[index.corp]\nurl='https://a.example/?token=x'", "holds a secret"),
        ("[index.corp]\nurl='ftp://a.example/'", "https:// or http://"),
        ("[index.corp]\nurl='https://a.example/${X}/'", "variables are not expanded"),
        ("[python]\nallow='/usr/bin/python3'", 'expected a list, found a string: write ["/usr'),
        ("[python]\nallow=['bin/python3']", "python.allow[0]: the path of an interpreter must be"),
        ("[python]\nallow=['~/python3']", "written in full"),
        ("[python]\nallow=['/a/../python3']", "without .."),
        ("[python]\nallow=[3]", "expected a string"),
        ("[python", "line 1:"),
        ("a = " + "[" * 500 + "]" * 500, "nested too deeply"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, expected: str) -> None:
    assert expected in refusal(text)


def test_all_mistakes_are_told_together() -> None:
    text = "[python]\nalow = []\n[index.corp]\nurl = 1\n"
    assert len(refusal(text).splitlines()) == 2


def test_a_password_in_the_file_is_answered_and_not_shown() -> None:
    text = "[index.corp]\nurl='https://a.example/'\npassword='hunter2-secret'"
    told = refusal(text)
    assert "ENVSYNC_INDEX_<NAME>_USERNAME" in told
    assert "hunter2" not in told


def test_mirrors_and_client_certificates() -> None:
    config = parse_user_config(
        b"[index.corp]\nurl = 'https://h.example/simple/'\nmirror = 'https://near.example/simple/'\n"
        b"client-cert = '/home/me/c.pem'\n"
        b"[index.other]\nurl = 'https://o.example/'\nclient-cert = '/c'\nclient-key = '/k'\n"
        b"mirror = { url = '/srv/my wheels', format = 'flat', fallback = false }\n",
        path="config.toml",
    )
    assert config.mirrors == (
        UserMirror("https://h.example/simple/", "https://near.example/simple/"),
        UserMirror("https://o.example/", "file:///srv/my%20wheels", "flat", fallback=False),
    )
    assert config.certificates == {
        "CORP": ClientCertificate("/home/me/c.pem"),
        "OTHER": ClientCertificate("/c", "/k"),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mirror = 'wheels'", "mirror.url: write a URL, or the path of a folder in full"),
        ("mirror = {}", "mirror: the mirror has no url"),
        ("mirror = 1", "mirror.url: expected a string"),
        ("mirror = { url = '/x', of = 'y' }", "mirror.of: unknown key"),
        ("client-key = '/k'", "client-key: goes with client-cert"),
        ("client-cert = 'c.pem'", "client-cert: the path of a PEM file must be written in full"),
    ],
)
def test_bad_mirrors_and_client_certificates(text: str, expected: str) -> None:
    assert f"index.corp.{expected}" in refusal(f"[index.corp]\nurl = 'https://h.example/'\n{text}")
