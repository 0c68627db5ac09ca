"""Where packages come from besides servers with a page for each: whole commands.

Folders and pages of files, trees without a server, indexes with settings of their own, and sources
by extra and group.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Workplace
from tests.support.index_server import IndexServer, Listed, Reply, Seen
from tests.support.wheels import make_sdist, make_wheel

HEAD = '[env]\nname = "shop"\nrequires-python = ">=3.11"\ndependencies = ["alpha"]\n'
ALPHA, CODE = "alpha-1.0-py3-none-any.whl", "VERSION = '{}'\n"


def wheel(name: str, version: str, *requires: str) -> tuple[str, bytes]:
    return make_wheel(name, version, {f"{name}.py": CODE.format(version)}, requires=requires)


def fill(folder: Path, *files: tuple[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for filename, content in files:
        (folder / filename).write_bytes(content)


def index(url: str, *lines: str, name: str = "wheels") -> str:
    more = "".join(f"{line}\n" for line in lines)
    return f'[[index]]\nname = "{name}"\nurl = "{url}"\n{more}'


FLAT = 'format = "flat"'


@pytest.fixture
def server() -> Iterator[IndexServer]:
    with IndexServer() as running:
        running.add("beta", *wheel("beta", "9"))
        yield running


@pytest.fixture
def vendored(tmp_path: Path, server: IndexServer) -> Workplace:
    """A project with a folder of wheels; `beta` is on the public index in a newer version."""
    place = Workplace(tmp_path, server.url)
    fill(place.project / "wheels", wheel("alpha", "1.0", "beta"), wheel("beta", "2.0"))
    place.write(HEAD + index("wheels", FLAT))
    return place


def empty_store(place: Workplace) -> None:
    shutil.rmtree(place.cache)
    shutil.rmtree(place.venv, ignore_errors=True)


# -- folders of the project


def test_a_folder_of_wheels_is_an_index(vendored: Workplace, server: IndexServer) -> None:
    vendored.ok("sync")
    lock = vendored.lock()

    assert vendored.python("import beta; print(beta.VERSION)") == "2.0"
    assert server.requests == []
    assert f'path = "wheels/{ALPHA}", size = ' in lock
    assert 'index = "wheels", metadata' in lock
    assert "http" not in lock
    assert str(vendored.project) not in lock
    assert vendored.here("lock", "--check").code == 0
    assert "Nothing to do" in vendored.ok("sync").err
    empty_store(vendored)
    vendored.given("sync", "--locked", "--offline")
    assert vendored.here("verify").code == 0


def test_new_wheels_are_taken_when_asked_for(vendored: Workplace) -> None:
    vendored.given("lock")
    before = vendored.lock()
    fill(vendored.project / "wheels", wheel("beta", "3.0"))

    vendored.given("lock")
    assert vendored.lock() == before
    vendored.given("lock", "--upgrade")
    assert 'version = "3.0"' in vendored.lock()


def test_a_wheel_that_changed_is_told_and_taken_only_when_named(vendored: Workplace) -> None:
    vendored.given("sync")
    before = vendored.files()
    fill(vendored.project / "wheels", make_wheel("beta", "2.0", {"beta.py": "VERSION = 'evil'\n"}))

    for command in (["lock"], ["sync"], ["sync", "--locked"], ["lock", "--upgrade"]):
        ran = vendored.here(*command)
        assert ran.code in (1, 3), command
        assert "lock --upgrade-package beta" in ran.err, command
    assert vendored.lock().encode() == before["pylock.toml"]
    vendored.given("lock", "--upgrade-package", "beta")
    vendored.given("sync")
    assert vendored.python("import beta; print(beta.VERSION)") == "evil"


def test_a_source_distribution_in_a_folder_needs_leave(vendored: Workplace) -> None:
    fill(vendored.project / "wheels", make_sdist("alpha", "2.0"))
    vendored.given("lock")
    assert 'version = "1.0"' in vendored.lock()

    vendored.ok("lock", "--allow-build", "alpha", "--upgrade")
    vendored.ok("sync")

    assert 'sdist = { path = "wheels/alpha-2.0.tar.gz", size' in vendored.lock()
    assert vendored.python("import alpha; print(alpha.__version__)") == "2.0"


def test_a_tree_without_a_server(vendored: Workplace) -> None:
    simple = vendored.project / "web" / "simple"
    (simple / "alpha").mkdir(parents=True)
    (vendored.project / "wheels").rename(vendored.project / "web" / "files")
    (simple / "alpha" / "index.html").write_text(f'<a href="../../files/{ALPHA}">{ALPHA}</a>')
    vendored.write(HEAD + index("web/simple"))

    vendored.given("sync")

    assert f'path = "web/files/{ALPHA}", size' in vendored.lock()
    # The tree has no beta: the next index is asked.
    assert vendored.python("import beta; print(beta.VERSION)") == "9"


# -- outside of the project


@pytest.mark.parametrize("way", ["relative", "absolute", "setting"])
def test_a_folder_outside_where_that_is_said(vendored: Workplace, way: str) -> None:
    share = vendored.project.parent / "share"
    (share / "simple").mkdir(parents=True)
    (vendored.project / "wheels").rename(share / "simple" / "alpha")
    fill(share / "simple" / "beta", wheel("beta", "2.0"))
    url = "../share/simple" if way == "relative" else f"file://{share}/simple"
    vendored.write(HEAD + ("" if way == "setting" else index(url, "outside = true")))
    more = ("--default-index", url) if way == "setting" else ()

    vendored.ok("sync", *more)

    lock = vendored.lock()
    where = f'path = "{url}' if way == "relative" else f'url = "{url}'
    assert f"{where}/alpha/{ALPHA}" in lock
    assert vendored.here("lock", "--check", *more).code == 0
    empty_store(vendored)
    vendored.given("sync", "--frozen", *more)
    assert vendored.here("verify", *more).code == 0


def test_a_lock_reaches_no_further_than_env_toml_says(vendored: Workplace) -> None:
    share = vendored.project.parent / "share"
    fill(share, wheel("alpha", "1.0"))
    vendored.write(HEAD + index("../share", FLAT, "outside = true"))
    vendored.given("lock")
    lock = vendored.lock()
    share.rename(share.parent / "other")

    for path in (f"../other/{ALPHA}", f"../share/../other/{ALPHA}", f"../../{ALPHA}"):
        vendored.write(lock.replace(f"../share/{ALPHA}", path), "pylock.toml")
        ran = vendored.here("sync", "--frozen")
        assert (ran.code, ran.err.count("leads out of its folder")) == (2, 1), ran.err
    url = f"file://{share.parent}/other/{ALPHA}"
    vendored.write(lock.replace(f'path = "../share/{ALPHA}', f'url = "{url}'), "pylock.toml")
    assert "bound to one machine" in vendored.here("sync", "--frozen").err
    assert not vendored.venv.exists()


def test_nothing_is_read_through_a_link_that_came_with_a_clone(vendored: Workplace) -> None:
    share = vendored.project.parent / "share"
    (vendored.project / "wheels").rename(share)
    (vendored.project / "wheels").symlink_to(share)

    ran = vendored.here("lock")

    assert ran.code == 1
    assert "wheels: leads out of its folder, to " in ran.err


# -- pages of links on a server


def flat(server: IndexServer, *names: str, **reply: object) -> None:
    """Let /links.html have links to files of projects."""
    links = "".join(
        f'<a href="{server.file_url(name, filename)}">{filename}</a>\n'
        for name in names
        for filename in server.projects[name]
    )
    body = f"<html><body><a href='?C=N'>Name</a>\n{links}</body></html>".encode()
    page = Reply(headers=(("Content-Type", "text/html"),), body=body)
    server.on("/links.html", lambda _: page._replace(**reply))  # type: ignore[arg-type]


def test_a_page_of_links_is_asked_for_once(vendored: Workplace, server: IndexServer) -> None:
    server.add("alpha", *wheel("alpha", "1.0", "beta", "gamma"))
    server.add("gamma", *wheel("gamma", "1"))
    flat(server, "alpha", "beta")
    vendored.write(HEAD + index(f"{server.root}/links.html", FLAT))

    vendored.ok("sync")

    lock = vendored.lock()
    assert server.paths().count("/links.html") == 1
    assert lock.count(f'index = "{server.root}/links.html"') == 2
    assert lock.count("size = ") == 3
    assert f'index = "{server.url}"' in lock  # gamma
    assert vendored.here("lock", "--check").code == 0
    vendored.given("lock", "--upgrade")
    assert vendored.lock() == lock


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ({"status": 404}, "answered with status 404"),
        ({"status": 403}, "answered with status 403"),
        ({"body": b"<form><input type=password></form>"}, "the answer is a login form"),
        ({"body": b"nothing here"}, "the answer is not a project page"),
        (
            {"headers": (("Content-Type", "application/zip"),)},
            "a project page of type application/zip",
        ),
    ],
)
def test_a_page_of_links_that_is_none(
    vendored: Workplace, server: IndexServer, reply: dict[str, object], reason: str
) -> None:
    flat(server, "beta", **reply)
    vendored.write(HEAD + index(f"{server.root}/links.html", FLAT))

    ran = vendored.here("lock")

    assert ran.code == 1
    assert f"error: {server.root}/links.html: {reason}" in ran.err
    assert not (vendored.project / "pylock.toml").exists()


# -- settings of one index


def test_codes_that_count_as_not_there(vendored: Workplace, server: IndexServer) -> None:
    with IndexServer() as bucket:
        bucket.on("*", lambda _: Reply(403))
        server.add("alpha", *wheel("alpha", "1.0"))
        vendored.write(HEAD + index(bucket.url))
        ran = vendored.here("lock")
        assert ran.code == 1
        assert "ignore-error-codes = [403]" in ran.err

        vendored.write(HEAD + index(bucket.url, "ignore-error-codes = [403]"))
        vendored.given("lock")

        bucket.on("*", lambda _: Reply(401))
        vendored.write(HEAD + index(bucket.url, "ignore-error-codes = [403, 404]"))
        assert vendored.here("lock").code == 1


def test_exclude_newer_of_one_index(vendored: Workplace, server: IndexServer) -> None:
    old, new = "2024-01-01T00:00:00Z", "2026-01-01T00:00:00Z"
    for version, time in (("7", old), ("8", new)):
        server.add("gamma", *wheel("gamma", version), Listed(upload_time=time))
    head = HEAD.replace('["alpha"]', '["alpha", "gamma"]')
    tail = '[lock]\nexclude-newer = "2025-01-01T00:00:00Z"\n'
    vendored.write(head + index("wheels", FLAT) + tail)
    ran = vendored.here("lock")
    assert ran.code == 1
    assert "exclude-newer = false under [[index]] lifts it for one" in ran.err

    vendored.write(head + index("wheels", FLAT, "exclude-newer = false") + tail)
    vendored.given("lock")
    assert 'name = "gamma"\nversion = "7"' in vendored.lock()

    other = index(server.url, 'exclude-newer = "2026-06-01"', "default = true", name="corp")
    vendored.write(head + index("wheels", FLAT, "exclude-newer = false") + other + tail)
    vendored.given("lock", "--upgrade")
    assert 'name = "gamma"\nversion = "8"' in vendored.lock()
    assert 'index-exclude-newer = { corp = "2026-06-02T00:00:00Z" }' in vendored.lock()


# -- what is wrong with a folder or a wheel in it


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("gone", "error: wheels: there is no such file or folder (index wheels)"),
        ("file", "the answer is not a project page"),
        ("other", "alpha-1.0-py3-none-any.whl"),
        ("damaged", "alpha-1.0-py3-none-any.whl"),
        ("pipe", "no regular file"),
    ],
)
def test_a_folder_that_is_wrong(vendored: Workplace, kind: str, reason: str) -> None:
    vendored.given("sync")
    before = vendored.files()
    wheels = vendored.project / "wheels"
    if kind in ("gone", "file"):
        shutil.rmtree(wheels)
    if kind == "file":
        wheels.write_text("not a page")
    (wheels / ALPHA).unlink() if wheels.is_dir() else None
    if kind == "other":
        (wheels / ALPHA).write_bytes(wheel("omega", "1.0")[1])
    if kind == "damaged":
        (wheels / ALPHA).write_bytes(b"PK")
    if kind == "pipe":
        os.mkfifo(wheels / ALPHA)

    ran = vendored.here("lock", "--upgrade")

    assert (ran.code, reason in ran.err) == (1, True), ran.err
    assert "hint: " in ran.err
    after = vendored.files()
    assert {name: after[name] for name in before if name in after and "wheels" not in name} == {
        name: content for name, content in before.items() if "wheels" not in name
    }


# -- sources by extra and group, in the form of the torch index


def torch(place: Workplace, server: IndexServer, *, others: str) -> IndexServer:
    """Builds of one version on pages of their own, files on another host, 403 for all else."""
    files = IndexServer()
    server.add("torch", *wheel("torch", "2.9.1", "beta"))
    pages = {}
    for kind in ("cpu", "cu128"):
        name = make_wheel("torch", f"2.9.1+{kind}", {"torch.py": CODE.format(kind)})
        files.add("torch", *name)
        url = files.file_url("torch", name[0]).replace("+", "%2B")
        pages[f"/whl/{kind}/torch/"] = f'<a href="{url}">{name[0]}</a><br/>'.encode()

    def rule(seen: Seen) -> Reply | None:
        if seen.path in pages:
            return Reply(headers=(("Content-Type", "text/html"),), body=pages[seen.path])
        return Reply(403) if seen.path.startswith("/whl/") else None

    server.on("*", rule)
    tables = "".join(
        index(f"{server.root}/whl/{kind}", "explicit = true", name=f"torch-{kind}")
        for kind in ("cpu", "cu128")
    )
    server.add("alpha", *wheel("alpha", "1.0", "torch"))
    place.write(HEAD + others + tables)
    return files


BY_EXTRA = """\
[env.optional-dependencies]
cpu = ["torch"]
cu128 = ["torch>=2"]
[sources]
torch = [
    { index = "torch-cpu", extra = "cpu" },
    { index = "torch-cu128", extra = "cu128" },
]
[lock]
conflicts = [["cpu", "cu128"]]
"""
BY_GROUP = """\
[dependency-groups]
both = [{ include-group = "cu128" }]
cpu = ["torch"]
cu128 = ["torch"]
[sources]
torch = [
    { index = "torch-cpu", group = "cpu" },
    { index = "torch-cu128", group = "cu128" },
]
[lock]
conflicts = [["cpu", "cu128"]]
"""


@pytest.mark.parametrize(
    ("others", "choices"),
    [
        (BY_EXTRA, {(): "2.9.1", ("--extra", "cpu"): "cpu", ("--extra", "cu128"): "cu128"}),
        (BY_GROUP, {("--group", "both"): "cu128", ("--group", "cpu"): "cpu"}),
    ],
    ids=["extras", "groups"],
)
def test_sources_by_extra_and_group(
    vendored: Workplace, server: IndexServer, others: str, choices: dict[tuple[str, ...], str]
) -> None:
    with torch(vendored, server, others=others):
        vendored.ok("lock")
        for options, expected in choices.items():
            vendored.given("sync", *options)
            assert vendored.python("import torch; print(torch.VERSION)") == expected
        lock = vendored.lock()
        for kind in ("cpu", "cu128"):
            assert f'version = "2.9.1+{kind}"' in lock
            assert f'index = "{server.root}/whl/{kind}"' in lock
        assert vendored.here("lock", "--check").code == 0
        kinds = ("--all-extras",) if others == BY_EXTRA else ("--all-groups",)
        assert vendored.here("sync", *kinds).code == 2


# -- add --index


def test_add_sends_a_package_to_an_index(vendored: Workplace, server: IndexServer) -> None:
    vendored.write(HEAD.replace('"alpha"', ""))
    with IndexServer() as corp:
        corp.add("alpha", *wheel("alpha", "1.0", "beta"))
        ran = vendored.run("add", "alpha", "--index", f"corp={corp.url}", "--no-sync")
        assert ran.code == 0, ran.err
        assert 'alpha = { index = "corp" }' in vendored.read()
        assert f'index = "{corp.url}"' in vendored.lock()
        before = vendored.files()
        for wrong in (["corpo"], ["corp=https://other.example/"], ["corp=x:y"]):
            ran = vendored.here("add", "beta", "--index", *wrong)
            assert (ran.code, "hint: " in ran.err) == (2, True)
        # That index has no gamma, and nobody else is asked for it.
        assert vendored.here("add", "gamma", "--index", "corp").code == 1
        assert vendored.files() == before


# -- odd ones


@pytest.mark.parametrize(
    ("url", "code", "expected"),
    [
        ("./nope", 1, "nope: there is no such file or folder"),
        ("file:///nowhere/at/all", 1, "/nowhere/at/all: there is no such file or folder"),
        ("./wheels", 1, "package not found: alpha"),
        (f"./wheels/{ALPHA}", 1, "is no folder of projects"),
        ("wheels", 2, "is not an http or https URL, nor a folder"),
        ("file://server/x", 2, "is not an http or https URL, nor a folder"),
        ("file:wheels", 2, "is not an http or https URL, nor a folder"),
        ("./tree", 0, ""),
    ],
)
def test_the_default_index_may_be_a_folder(
    vendored: Workplace, url: str, code: int, expected: str
) -> None:
    fill(vendored.project / "tree" / "Alpha", wheel("alpha", "3.0"))
    vendored.write(HEAD)
    ran = vendored.here("lock", "--default-index", url)
    assert (ran.code, expected in ran.err) == (code, True), ran.err
    if not code:
        assert 'path = "tree/Alpha/alpha-3.0-py3-none-any.whl"' in vendored.lock()
        assert vendored.here("lock", "--check", "--default-index", url).code == 0
        assert vendored.here("lock", "--check").code == 3


def test_what_only_looks_like_a_wheel(vendored: Workplace) -> None:
    wheels = vendored.project / "my wheels ü"
    (vendored.project / "wheels").rename(wheels)
    vendored.write(HEAD + index("my wheels ü", FLAT))
    (wheels / ALPHA.replace("1.0", "2.0")).mkdir()
    fill(wheels, ("alpha-x.whl", b""), ("notes.txt", b""), ("alpha-3.0.tar.bz2", b""))
    # Nobody asks a folder for a password.
    pair = {"ENVSYNC_INDEX_WHEELS_USERNAME": "me", "ENVSYNC_INDEX_WHEELS_PASSWORD": "pw"}

    assert vendored.here("lock", environ=pair).code == 0

    assert f'path = "my wheels ü/{ALPHA}"' in vendored.lock()
    outside = vendored.project.parent / "secret"
    fill(outside, wheel("alpha", "4.0"))
    (wheels / "alpha-4.0-py3-none-any.whl").symlink_to(outside / "alpha-4.0-py3-none-any.whl")
    ran = vendored.here("lock", "--upgrade")
    assert ran.code == 1
    assert "my wheels ü/alpha-4.0-py3-none-any.whl: leads out of its folder" in ran.err
