"""Where users and passwords go, as the servers' logs say: whole commands, private indexes."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Ran, Workplace
from tests.support.index_server import IndexServer, Reply
from tests.support.private_indexes import Private, serve, user_of, users
from tests.support.wheels import make_wheel

SECRET = "s3cret-of-corp"
VARIABLES = {"ENVSYNC_INDEX_CORP_USERNAME": "corp", "ENVSYNC_INDEX_CORP_PASSWORD": SECRET}
VARIABLES_OF_CORP = VARIABLES | {"ENVSYNC_INDEX_CORP_PASSWORD": "pw-of-corp"}


def wheels(*names: str) -> dict[str, bytes]:
    return dict(make_wheel(name, "1.0", {f"{name}.py": f"NAME = '{name}'\n"}) for name in names)


def spec(*indexes: tuple[str, str], needs: str = "inside") -> str:
    tables = "".join(f'[[index]]\nname = "{name}"\nurl = "{url}"\n' for name, url in indexes)
    return f'[env]\nname = "shop"\nrequires-python = ">=3.11"\ndependencies = ["{needs}"]\n{tables}'


@pytest.fixture
def other() -> Iterator[IndexServer]:
    with IndexServer() as running:
        yield running


@pytest.fixture
def server() -> Iterator[IndexServer]:
    with IndexServer() as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, other: IndexServer) -> Workplace:
    """A project whose public index has a stranger's newer `inside`."""
    other.add("inside", *make_wheel("inside", "9999", {"inside.py": "EVIL = 1\n"}))
    made = Workplace(tmp_path, other.url)
    made.environ["XDG_CONFIG_HOME"] = str(tmp_path / "config")
    made.environ["NETRC"] = str(tmp_path / "netrc")
    (tmp_path / "netrc").write_text("")
    return made


def config_of(place: Workplace) -> Path:
    return Path(place.environ["XDG_CONFIG_HOME"]) / "envsync" / "config.toml"


def corp(**changes: object) -> Private:
    """An index at /corp/simple/ with its files beside it."""
    index = Private("/corp/simple/", "/corp/files/", "corp", wheels("inside"))
    return index._replace(**changes)  # type: ignore[arg-type]


# -- a name in env.toml is not enough


@pytest.mark.parametrize(
    ("command", "environ"),
    [
        (("lock",), {}),
        (("sync",), {"CI": "true"}),
        (("add", "inside"), {"ENVSYNC_INDEX_CORP_URL": ""}),
        (("lock", "--json"), {"ENVSYNC_INDEX_OTHER_URL": "http://127.0.0.1:1/"}),
    ],
)
def test_a_name_alone_sends_nothing(
    place: Workplace, server: IndexServer, command: tuple[str, ...], environ: dict[str, str]
) -> None:
    serve(server, corp())
    place.write(spec(("corp", f"{server.root}/corp/simple/")))
    before = place.files()

    ran = place.run(*command, environ=VARIABLES | environ)

    assert ran.code == 2
    assert f"ENVSYNC_INDEX_CORP_URL={server.root}/corp/simple/" in ran.err
    assert "config.toml" in ran.err
    assert SECRET not in ran.err + ran.out
    assert server.requests == []
    assert place.files() == before


def test_the_hint_leads_somewhere(place: Workplace, server: IndexServer) -> None:
    serve(server, corp())
    place.write(spec(("corp", f"{server.root}/corp/simple/")))
    hint = place.run("lock", environ=VARIABLES).err.partition("hint: ")[2]
    name, _, url = hint.partition("if they are: ")[2].partition(",")[0].partition("=")

    ran = place.run("sync", environ=VARIABLES_OF_CORP | {name: url})

    assert ran.code == 0, ran.err
    assert users(server) == {"corp"}
    assert SECRET not in place.lock()


@pytest.mark.matrix(5)
@pytest.mark.parametrize(
    "bound",
    ["/corp/simple/", "/corp/simple", "/corp", "/", ""],
)
@pytest.mark.parametrize("way", ["variable", "config"])
def test_the_address_that_the_user_gave_and_all_below(
    place: Workplace, server: IndexServer, bound: str, way: str
) -> None:
    serve(server, corp())
    place.write(spec(("corp", f"{server.root}/corp/simple/")))
    environ = dict(VARIABLES_OF_CORP)
    if way == "variable":
        environ["ENVSYNC_INDEX_CORP_URL"] = server.root + bound
    else:
        config_of(place).parent.mkdir(parents=True)
        config_of(place).write_text(f'[index.corp]\nurl = "{server.root}{bound}"\n')

    ran = place.run("sync", environ=environ)

    assert ran.code == 0, ran.err
    assert users(server, "/corp/") == {"corp"}
    assert 'version = "1.0"' in place.lock()


@pytest.mark.matrix(5)
@pytest.mark.parametrize(
    "wrong",
    ["/corporate/simple/", "/other/simple/", "/corp/simpler/", "/corp/simple/../../other/"],
)
@pytest.mark.parametrize("way", ["variable", "config"])
def test_another_address_than_the_users_gets_nothing(
    place: Workplace, server: IndexServer, other: IndexServer, wrong: str, way: str
) -> None:
    place.write(spec(("corp", server.root + wrong)))
    environ = dict(VARIABLES)
    if way == "variable":
        environ["ENVSYNC_INDEX_CORP_URL"] = f"{server.root}/corp/simple/"
    else:
        config_of(place).parent.mkdir(parents=True)
        config_of(place).write_text(f'[index.corp]\nurl = "{server.root}/corp/simple/"\n')

    ran = place.run("lock", environ=environ)

    assert ran.code == 2
    assert "belong to" in ran.err
    assert SECRET not in ran.err
    assert server.requests == other.requests == []


@pytest.mark.parametrize("url", ["nonsense", "ftp://h.example/", "http://u:s3cret-of-corp@/"])
def test_an_address_that_is_none_is_told(place: Workplace, url: str) -> None:
    place.write(spec(("corp", "https://h.example/")))
    ran = place.run("lock", environ=VARIABLES | {"ENVSYNC_INDEX_CORP_URL": url})
    assert ran.code == 2
    assert "ENVSYNC_INDEX_CORP_URL" in ran.err
    assert SECRET not in ran.err


def test_an_index_without_a_pair_needs_no_address(place: Workplace, server: IndexServer) -> None:
    serve(server, corp(user=None))
    place.write(spec(("corp", f"{server.root}/corp/simple/")))

    ran = place.run("sync", environ={"ENVSYNC_INDEX_ELSE_USERNAME": "x"})

    assert ran.code == 0, ran.err
    assert users(server) == {None}


def test_what_is_in_place_needs_no_address(place: Workplace, server: IndexServer) -> None:
    serve(server, corp())
    place.write(spec(("corp", f"{server.root}/corp/simple/")))
    bound = VARIABLES_OF_CORP | {"ENVSYNC_INDEX_CORP_URL": server.root}
    assert place.run("sync", environ=bound).code == 0

    for command in (("sync",), ("status",), ("run", "python", "-c", "")):
        ran = place.run(*command, environ=VARIABLES)
        assert ran.code == 0, ran.err


def test_the_variables_of_the_url_may_hold_the_user(place: Workplace, server: IndexServer) -> None:
    serve(server, corp())
    place.write(spec(("corp", f"{server.root}/corp/simple/")))
    url = server.root.replace("//", "//corp:pw-of-corp@")

    ran = place.run("sync", environ={"ENVSYNC_INDEX_CORP_URL": url})

    assert ran.code == 0, ran.err
    assert "pw-of-corp" not in place.lock() + ran.err


# -- asked once, on a terminal


def on_terminal(place: Workplace, answer: str, *arguments: str) -> Ran:
    """Run a command before a terminal, and type an answer when it asks."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "envsync", *arguments],
        cwd=place.project,
        env=place.environ | VARIABLES_OF_CORP | {"TERM": "xterm"},
        stdin=slave,
        stderr=slave,
        stdout=subprocess.DEVNULL,
    )
    os.close(slave)
    shown = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([master], [], [], 0.1)[0]:
            try:
                shown += os.read(master, 4096)
            except OSError:
                break
            if b"[y/N]" in shown and answer:
                os.write(master, answer.encode())
                answer = ""
    code = process.wait(60)
    os.close(master)
    return Ran(code, "", shown.decode())


CONFIG = """\
# mine

[python]   # as the search finds none
allow = ["/opt/python3"]

[index.other]
url = "https://other.example/" # keep
"""


@pytest.mark.parametrize("config", [None, CONFIG])
def test_yes_is_remembered_and_comments_stay(
    place: Workplace, server: IndexServer, config: str | None
) -> None:
    serve(server, corp())
    place.write(spec(("corp", f"{server.root}/corp/simple/")))
    path = config_of(place)
    if config is not None:
        path.parent.mkdir(parents=True)
        path.write_text(config)

    ran = on_terminal(place, "y\n", "lock")

    assert ran.code == 0, ran.err
    assert f"{server.root}/corp/simple/" in ran.err
    assert users(server) == {"corp"}
    for line in (config or "").splitlines():
        assert line.partition("}")[0].rstrip(" '") in path.read_text()
    if config is None:
        assert path.stat().st_mode & 0o077 == 0
    assert "pw-of-corp" not in path.read_text() + ran.err

    (place.project / "pylock.toml").unlink()
    ran = place.run("lock", environ=VARIABLES_OF_CORP)
    assert ran.code == 0, ran.err


@pytest.mark.parametrize("answer", ["\n", "n\n", "\x04", "yess\n", "corp\n"])
def test_anything_but_yes_is_no(place: Workplace, server: IndexServer, answer: str) -> None:
    place.write(spec(("corp", f"{server.root}/corp/simple/")))

    ran = on_terminal(place, answer, "lock")

    assert ran.code == 2
    assert "were not sent" in ran.err
    assert server.requests == []
    assert not config_of(place).exists()


@pytest.mark.parametrize("environ", [{"CI": "1"}, {"ENVSYNC_JSON": "1"}])
def test_nobody_is_asked_in_ci_and_by_programs(
    place: Workplace, server: IndexServer, environ: dict[str, str]
) -> None:
    place.write(spec(("corp", f"{server.root}/corp/simple/")))
    place.environ |= environ

    ran = on_terminal(place, "y\n", "lock")

    assert ran.code == 2
    assert "[y/N]" not in ran.err
    assert server.requests == []


def test_a_config_that_is_a_link_stays_one(place: Workplace, server: IndexServer) -> None:
    serve(server, corp())
    place.write(spec(("corp", f"{server.root}/corp/simple/")))
    dotfiles = config_of(place).parent.parent / "dotfiles.toml"
    config_of(place).parent.mkdir(parents=True)
    dotfiles.write_text("# mine\n")
    config_of(place).symlink_to(dotfiles)

    assert on_terminal(place, "y\n", "lock").code == 0

    assert config_of(place).is_symlink()
    assert "# mine" in dotfiles.read_text()
    assert "[index.corp]" in dotfiles.read_text()


# -- two indexes on one host


def two_teams(server: IndexServer) -> dict[str, str]:
    """Two private indexes on one host; the variables for both."""
    serve(
        server,
        Private("/red/simple/", "/red/files/", "red", wheels("inside"), refusal=404),
        Private("/blue/simple/", "/blue/files/", "blue", wheels("azure"), refusal=404),
    )
    return {
        f"ENVSYNC_INDEX_{name.upper()}_{key}": value
        for name in ("red", "blue")
        for key, value in (
            ("USERNAME", name),
            ("PASSWORD", f"pw-of-{name}"),
            ("URL", f"{server.root}/{name}/simple/"),
        )
    }


@pytest.mark.parametrize("order", [("red", "blue"), ("blue", "red")])
def test_each_index_of_a_host_gets_its_own_pair(
    place: Workplace, server: IndexServer, order: tuple[str, str]
) -> None:
    variables = two_teams(server)
    indexes = [(name, f"{server.root}/{name}/simple/") for name in order]
    place.write(spec(*indexes, needs='inside", "azure'))

    ran = place.run("sync", environ=variables)

    assert ran.code == 0, ran.err
    assert (users(server, "/red/"), users(server, "/blue/")) == ({"red"}, {"blue"})
    assert "9999" not in place.lock()
    assert place.python("import inside; print(inside.NAME)") == "inside"


def test_a_neighbour_without_a_pair_gets_none(place: Workplace, server: IndexServer) -> None:
    serve(
        server,
        corp(),
        Private("/public/simple/", "/public/files/", None, wheels("azure")),
    )
    urls = [f"{server.root}/{name}/simple/" for name in ("public", "corp")]
    place.write(spec(("open", urls[0]), ("corp", urls[1]), needs='inside", "azure'))

    ran = place.run("sync", environ=VARIABLES_OF_CORP | {"ENVSYNC_INDEX_CORP_URL": urls[1]})

    assert ran.code == 0, ran.err
    assert (users(server, "/corp/"), users(server, "/public/")) == ({"corp"}, {None})


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_names_the_pair_and_ends_it(
    place: Workplace, server: IndexServer, other: IndexServer, status: int
) -> None:
    serve(server, corp(refusal=status))
    place.write(spec(("corp", f"{server.root}/corp/simple/")))

    ran = place.run("lock", environ=VARIABLES | {"ENVSYNC_INDEX_CORP_URL": server.root})

    assert ran.code == 1
    assert f"status {status}" in ran.err
    assert "refused the user and password from ENVSYNC_INDEX_CORP_USERNAME" in ran.err
    assert "hint: correct the user and password from ENVSYNC_INDEX_CORP_USERNAME" in ran.err
    assert SECRET not in ran.err
    assert other.requests == []


def test_without_a_pair_the_refusal_says_so(place: Workplace, server: IndexServer) -> None:
    serve(server, corp())
    place.write(spec(("corp", f"{server.root}/corp/simple/")))

    ran = place.run("lock")

    assert ran.code == 1
    assert "no user and password were sent" in ran.err
    assert f"ENVSYNC_INDEX_CORP_URL={server.root}/corp/simple/" in ran.err


def test_not_there_from_a_server_that_wants_a_login_is_a_refusal(
    place: Workplace, server: IndexServer, other: IndexServer
) -> None:
    asks = Reply(404, (("WWW-Authenticate", "Basic"),))
    server.on("/corp/simple/inside/", lambda seen: asks)
    place.write(spec(("corp", f"{server.root}/corp/simple/")))

    ran = place.run("lock")

    assert ran.code == 1
    assert other.requests == []


def test_two_indexes_at_one_address_have_one_user(place: Workplace, server: IndexServer) -> None:
    serve(server, corp())
    url = f"{server.root}/corp/simple/"
    place.write(spec(("corp", url), ("twin", url)))
    both = VARIABLES_OF_CORP | {
        "ENVSYNC_INDEX_CORP_URL": url,
        "ENVSYNC_INDEX_TWIN_URL": url,
        "ENVSYNC_INDEX_TWIN_USERNAME": "twin",
        "ENVSYNC_INDEX_TWIN_PASSWORD": SECRET,
    }

    ran = place.run("lock", environ=both)
    assert ran.code == 2
    assert "two users for one address" in ran.err
    assert server.requests == []

    same = {"ENVSYNC_INDEX_TWIN_USERNAME": "corp", "ENVSYNC_INDEX_TWIN_PASSWORD": "pw-of-corp"}
    assert place.run("sync", environ=both | same).code == 0


# -- files, as index servers keep them

LAYOUTS = {
    "beside": ("/corp/simple/", "/corp/files/"),
    "top": ("/simple-x/simple/", "/packages/"),
    "pypiserver": ("/simple/", "/packages/"),
    "devpi": ("/me/dev/+simple/", "/root/base/+f/ab/"),
    "gitlab group": ("/api/v4/groups/3/-/packages/pypi/simple/", "/api/v4/projects/7/pypi/files/"),
    "azure": ("/org/_packaging/feed@Local/pypi/simple/", "/org/_packaging/0a1b/pypi/download/"),
}


@pytest.mark.matrix(5)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("way", ["variable", "default index"])
def test_files_of_every_layout_arrive_also_from_the_lock_alone(
    place: Workplace, server: IndexServer, layout: str, way: str
) -> None:
    pages, files = LAYOUTS[layout]
    serve(server, Private(pages, files, "corp", wheels("inside")))
    if way == "variable":
        place.write(spec(("corp", server.root + pages)))
        environ = VARIABLES_OF_CORP | {"ENVSYNC_INDEX_CORP_URL": server.root + pages}
    else:
        place.write(spec())
        url = (server.root + pages).replace("//", "//corp:pw-of-corp@")
        environ = {"ENVSYNC_DEFAULT_INDEX": url}

    for command in (("lock",), ("sync", "--frozen")):
        subprocess.run(["rm", "-rf", place.cache], check=True)
        ran = place.run(*command, environ=environ)
        assert ran.code == 0, ran.err

    assert users(server) == {"corp"}
    assert "pw-of-corp" not in place.lock()


def test_a_lock_can_not_lead_a_pair_beside_its_index(place: Workplace, server: IndexServer) -> None:
    serve(server, corp())
    place.write(spec(("corp", f"{server.root}/corp/simple/")))
    environ = VARIABLES_OF_CORP | {"ENVSYNC_INDEX_CORP_URL": f"{server.root}/corp/simple/"}
    assert place.run("lock", environ=environ).code == 0
    place.write(place.lock().replace("/corp/files/", "/evil/files/"), "pylock.toml")
    server.forget()
    subprocess.run(["rm", "-rf", place.cache], check=True)

    ran = place.run("sync", "--frozen", environ=environ)

    assert ran.code == 1
    assert users(server, "/evil/") == {None}


def test_files_on_another_host_get_nothing(
    place: Workplace, server: IndexServer, other: IndexServer
) -> None:
    (name, content) = next(iter(wheels("inside").items()))
    other.on(f"/{name}", lambda seen: Reply(body=content))
    page = f'<a href="{other.root}/{name}">{name}</a>'.encode()
    html = Reply(headers=(("Content-Type", "text/html"),), body=page)
    server.on("/corp/simple/inside/", lambda seen: html if user_of(seen) else Reply(401))
    place.write(spec(("corp", f"{server.root}/corp/simple/")))

    place.run("lock", environ=VARIABLES | {"ENVSYNC_INDEX_CORP_URL": server.root})

    assert users(server) == {"corp"}
    assert users(other) <= {None}


# -- redirects


@pytest.mark.parametrize("kind", ["path", "host"])
def test_a_redirect_out_of_the_address_drops_the_pair(
    place: Workplace, server: IndexServer, other: IndexServer, kind: str
) -> None:
    target = f"{server.root if kind == 'path' else other.root}/elsewhere/inside/"
    server.on("/corp/simple/inside/", lambda seen: Reply(302, (("Location", target),)))
    place.write(spec(("corp", f"{server.root}/corp/simple/")))

    ran = place.run(
        "lock", environ=VARIABLES | {"ENVSYNC_INDEX_CORP_URL": f"{server.root}/corp/simple/"}
    )

    assert users(server, "/corp/") == {"corp"}
    assert users(server, "/elsewhere/") | users(other) == {None}
    if kind == "path":  # "not there" of who isn't known says nothing
        assert ran.code == 1
        assert "redirect led out" in ran.err
        assert other.requests == []


# -- netrc and keyring


def test_netrc_is_for_its_host_and_after_what_is_bound(
    place: Workplace, server: IndexServer
) -> None:
    variables = two_teams(server)
    del variables["ENVSYNC_INDEX_BLUE_URL"], variables["ENVSYNC_INDEX_BLUE_USERNAME"]
    del variables["ENVSYNC_INDEX_BLUE_PASSWORD"]
    Path(place.environ["NETRC"]).write_text("machine 127.0.0.1 login blue password pw-of-blue\n")
    indexes = [(name, f"{server.root}/{name}/simple/") for name in ("red", "blue")]
    place.write(spec(*indexes, needs='inside", "azure'))

    ran = place.run("sync", environ=variables)

    assert ran.code == 0, ran.err
    assert (users(server, "/red/"), users(server, "/blue/")) == ({"red"}, {"blue"})


def test_plain_http_gets_no_pair_unless_the_user_allowed_the_host(place: Workplace) -> None:
    place.write(spec(("corp", "http://corp.example/simple/")))
    bound = VARIABLES | {"ENVSYNC_INDEX_CORP_URL": "http://corp.example/simple/"}

    ran = place.run("lock", environ=bound)

    assert ran.code == 1
    assert "plain http is not used for other machines" in ran.err
