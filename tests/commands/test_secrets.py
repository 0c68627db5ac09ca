"""Secrets planted in every place that takes a URL: none in output, files, or names of files."""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.commands.conftest import SPEC
from tests.support.command import Ran, Workplace
from tests.support.index_server import IndexServer, Reply

TOKEN = "zq7K0wVb3XyR9"
JWT = f"eyJhbGciOiJIUzI1NiJ9.{TOKEN}.dozjgNryP4J3jVmNHl0w5N"

USERINFOS = [
    f"me:{TOKEN}",
    f"{TOKEN}",
    f":{TOKEN}",
    f"{TOKEN}:x-oauth-basic",
    f"me:p%2F{TOKEN}%40",
    f"me:p/{TOKEN}",
    f"me:12/{TOKEN}",
    f"me:p#{TOKEN}",
    f"me:p?{TOKEN}",
    f"me:p@{TOKEN}",
    f"me@corp:{TOKEN}",
    f"me:p:{TOKEN}",
    f"me:{TOKEN}\\x",
]


def names(folder: Path) -> Iterable[str]:
    for where, folders, files in os.walk(folder):
        yield from (f"{where}/{name}" for name in (*folders, *files))


def nothing_shows(place: Workplace, ran: Ran) -> None:
    """No output, lock or name of a file has the token; nor has the content of the cache."""
    assert TOKEN not in ran.out + ran.err
    lock = place.project / "pylock.toml"
    assert not lock.exists() or TOKEN not in lock.read_text()
    assert [name for name in names(place.cache) if TOKEN in name] == []
    for name in names(place.cache):
        if os.path.isfile(name):
            assert TOKEN.encode() not in Path(name).read_bytes(), name


@pytest.mark.matrix(5)
@pytest.mark.parametrize("number", range(len(USERINFOS)))  # a test's name is a folder's
def test_the_default_index(project: Workplace, server: IndexServer, number: int) -> None:
    userinfo = USERINFOS[number]
    url = f"{'HTTP' if number % 2 else 'http'}://{userinfo}@127.0.0.1:{server.port}/simple/"

    ran = project.run("sync", "-v", "--json", environ={"ENVSYNC_DEFAULT_INDEX": url})
    nothing_shows(project, ran)
    again = project.run("lock", "--default-index", url)
    nothing_shows(project, again)

    is_plain = not set(userinfo) & set("/#?\\")
    assert (ran.code, again.code) == ((0, 0) if is_plain else (2, 2)), ran.err
    assert all("authorization" in seen.headers for seen in server.requests)
    assert bool(server.requests) == is_plain


@pytest.mark.matrix(2)
@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_an_index_that_refuses_and_one_that_is_gone(
    project: Workplace, server: IndexServer, status: int
) -> None:
    server.on("*", lambda seen: Reply(status, body=seen.headers["authorization"].encode()))
    for port in (server.port, 1):
        url = f"http://me:{TOKEN}@127.0.0.1:{port}/simple/"
        ran = project.run("lock", "-v", "--json", environ={"ENVSYNC_DEFAULT_INDEX": url})
        assert ran.code == 1
        nothing_shows(project, ran)


@pytest.mark.matrix(3)
@pytest.mark.parametrize("number", range(len(USERINFOS)))
def test_env_toml(project: Workplace, number: int) -> None:
    userinfo = USERINFOS[number]
    url = f"https://{userinfo.replace(chr(92), chr(92) * 2)}@h.example"
    for text in (
        f'[[index]]\nname = "corp"\nurl = "{url}/simple/"\n',
        f'[sources]\nwebby = {{ url = "{url}/webby-1.5-py3-none-any.whl" }}\n',
        f'[sources]\nwebby = {{ git = "{url}/webby.git" }}\n',
        f'[lock]\nconstraints = ["webby @ {url}/webby-1.5-py3-none-any.whl"]\n',
    ):
        project.write(SPEC + text)
        ran = project.run(*(("lock",), ("sync", "--check", "--json"))[number % 2])
        assert ran.code == 2, (text, ran.err)
        nothing_shows(project, ran)


QUERIES = [
    f"token={TOKEN}",
    f"x={TOKEN}",
    f"a=1&b={JWT}",
    f"x=https://me:{TOKEN}@h.example/",
    TOKEN,
]


@pytest.mark.matrix(3)
@pytest.mark.parametrize("number", range(len(QUERIES)))
def test_queries_in_env_toml(project: Workplace, number: int) -> None:
    query = QUERIES[number]
    for text in (
        f'[[index]]\nname = "corp"\nurl = "https://h.example/simple/?{query}"\n',
        f'[sources]\nwebby = {{ url = "https://h.example/webby-1.5-py3-none-any.whl?{query}" }}\n',
    ):
        project.write(SPEC + text)
        ran = project.run("lock")
        assert ran.code == 2, ran.err
        nothing_shows(project, ran)


ARGUMENTS = [
    ("add", "webby @ {}"),
    ("add", "{}"),
    ("add", "webby @ git+{}"),
    ("remove", "{}"),
    ("lock", "{}"),
    ("lock", "-P", "{}"),
    ("lock", "--nonsense", "{}"),
    ("{}",),
    ("run", "--no-sync", "{}"),
    ("sync", "--group", "{}"),
]


@pytest.mark.matrix(4)
@pytest.mark.parametrize("number", range(len(ARGUMENTS)))
def test_arguments(project: Workplace, number: int) -> None:
    before = project.files()
    for userinfo in USERINFOS[number % 2 :: 2]:
        url = f"https://{userinfo}@h.example/webby-1.5-py3-none-any.whl"
        ran = project.run(*(argument.format(url) for argument in ARGUMENTS[number]))
        assert ran.code != 0, url
        nothing_shows(project, ran)
    assert project.files() == before


def test_links_of_a_page_and_redirects(project: Workplace, server: IndexServer) -> None:
    filename = "webby-1.5-py3-none-any.whl"
    content = server.projects["webby"][filename]
    page = (
        f'<a href="http://me:{TOKEN}@127.0.0.1:{server.port}/away/{filename}'
        f'?sig={TOKEN}&amp;x={JWT}&amp;v=1.5#sha256={__import__("hashlib").sha256(content).hexdigest()}">'
        f"{filename}</a>"
    )
    html = (("Content-Type", "text/html"),)
    signed = f"http://me:{TOKEN}@127.0.0.1:{server.port}/there?sig={TOKEN}"
    server.on("/simple/webby/", lambda seen: Reply(headers=html, body=page.encode()))
    server.on(f"/away/{filename}", lambda seen: Reply(302, (("Location", signed),)))
    server.on("/there", lambda seen: Reply(body=content))
    project.write('[env]\nname = "x"\nrequires-python = ">=3.11"\ndependencies = ["webby"]\n')

    locked = project.run("lock", "-v")
    assert locked.code == 0, locked.err
    assert TOKEN not in locked.out + locked.err + project.lock()
    assert f"/away/{filename}?v=1.5" in project.lock()
    assert [name for name in names(project.cache) if TOKEN in name] == []

    server.on("/there", lambda seen: Reply(403))
    failed = project.run("sync", "-v")
    assert failed.code == 1
    assert TOKEN not in failed.out + failed.err


@pytest.mark.matrix(3)
@pytest.mark.parametrize("number", range(0, len(USERINFOS), 2))
def test_a_lock_of_somebody_else(project: Workplace, number: int) -> None:
    userinfo = USERINFOS[number]
    project.given("lock")
    good = project.lock()
    for text in (
        good.replace("http://127.0.0.1", f"http://{userinfo}@127.0.0.1".replace("\\", "\\\\")),
        good.replace("http://127.0.0.1", f"ftp://{userinfo}@h.example".replace("\\", "\\\\")),
    ):
        project.write(text, "pylock.toml")
        for arguments in (("sync", "--frozen"), ("lock", "--check", "--json"), ("status",)):
            ran = project.run(*arguments)
            assert TOKEN not in ran.out + ran.err, arguments


def test_a_proxy(project: Workplace) -> None:
    for proxy in (f"http://me:{TOKEN}@127.0.0.1:1", f"odd://me:p/{TOKEN}@127.0.0.1:1"):
        ran = project.run(
            "lock",
            "-v",
            environ={
                "ENVSYNC_DEFAULT_INDEX": "https://h.example/simple/",
                "HTTPS_PROXY": proxy,
                "https_proxy": proxy,
                "NO_PROXY": "",
                "no_proxy": "",
            },
        )
        assert ran.code == 1
        nothing_shows(project, ran)
