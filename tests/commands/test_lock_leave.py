"""What may be built follows env.toml, whatever rows a lock has; the honest use beside each."""

import os
import re
import shutil
from pathlib import Path

import pytest

from envsync.platform.files import sha256_file
from tests.commands.conftest import publish
from tests.support.command import Workplace
from tests.support.index_server import IndexServer
from tests.support.wheels import BACKEND, make_sdist, make_wheel, source_files

HEAD = '[env]\nname = "shop"\nrequires-python = ">=3.11"\n'
# What is built here leaves its mark outside of its own folders.
SPEC = HEAD + 'dependencies = ["webby"]\n[build]\nunconfined = ["evil"]\n'


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    """A file that is there once code of a source has run."""
    return tmp_path / "ran"


def digest_of(path: Path) -> str:
    return sha256_file(str(path))


def tells(ran: Path) -> str:
    """A build backend that leaves a mark."""
    return f"open({str(ran)!r}, 'w').close()\n{BACKEND}"


@pytest.fixture
def locked(place: Workplace, ran: Path) -> Workplace:
    """A locked project beside sources that leave a mark when they are built."""
    place.write(SPEC)
    place.given("lock")
    evil = tells(ran)
    filename, content = make_sdist("evil", "1.0", backend_source=evil)
    folder = place.project / "vendor"
    folder.mkdir()
    (folder / filename).write_bytes(content)
    for path, text in source_files("evil", "1.0", backend_source=evil).items():
        file = place.project / "evil" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text)
    return place


def archive(place: Workplace, path: str = "vendor/evil-1.0.tar.gz") -> str:
    return f'{{ path = "{path}", hashes = {{ sha256 = "{digest_of(place.project / path)}" }} }}'


def rows(place: Workplace) -> dict[str, str]:
    """Rows that bring code along to be built."""
    commit = "0123456789" * 4
    return {
        "sdist by path": f'version = "1.0"\nsdist = {archive(place)}\n',
        "archive by path": f'version = "1.0"\narchive = {archive(place)}\n',
        "archive by path without a version": f"archive = {archive(place)}\n",
        "directory": 'directory = { path = "evil" }\n',
        "directory, spelled otherwise": 'directory = { path = "./evil/." }\n',
        "editable directory": 'directory = { path = "evil", editable = true }\n',
        "subdirectory": 'directory = { path = ".", subdirectory = "evil" }\n',
        "repository": (
            'vcs = { type = "git", url = "https://git.example/evil.git", '
            f'commit-id = "{commit}" }}\n'
        ),
        "repository by path": f'vcs = {{ type = "git", path = "evil", commit-id = "{commit}" }}\n',
    }


KINDS = sorted(
    [
        *("sdist by path", "archive by path", "archive by path without a version", "directory"),
        *("directory, spelled otherwise", "editable directory", "subdirectory"),
        *("repository", "repository by path"),
    ]
)


def add_row(place: Workplace, name: str, row: str) -> None:
    """Add a row before `[tool.envsync]`, whose fingerprint stays as it is."""
    head, mark, tool = place.lock().partition("[tool.envsync]")
    place.write(f'{head}[[packages]]\nname = "{name}"\n{row}\n{mark}{tool}', "pylock.toml")


def replace_row(place: Workplace, name: str, row: str) -> None:
    """Put another row in place of a package's."""
    old = re.search(rf'\[\[packages\]\]\nname = "{name}"\n.*?\n(?=\n|\[)', place.lock(), re.DOTALL)
    assert old is not None
    text = place.lock().replace(old[0], f'[[packages]]\nname = "{name}"\n{row}')
    place.write(text, "pylock.toml")


@pytest.mark.matrix(4)
@pytest.mark.parametrize("kind", KINDS)
def test_a_row_that_env_toml_does_not_lead_to(kind: str, locked: Workplace, ran: Path) -> None:
    add_row(locked, "evil", rows(locked)[kind])
    for command in (["lock", "--check"], ["sync", "--locked"]):
        said = locked.here(*command)
        assert said.code == 3, said.err
        assert "evil" in said.err
        assert "out of date" in said.err
    assert not locked.venv.exists()
    said = locked.run("sync", "--frozen")
    assert said.code in (1, 2), said.err
    assert "evil" in said.err
    assert not locked.venv.exists()
    locked.ok("sync")
    assert "evil" not in locked.lock()
    locked.python("import webby")
    assert not ran.exists()


@pytest.mark.matrix(4)
@pytest.mark.parametrize("kind", KINDS)
def test_a_row_in_place_of_one_that_is_required(kind: str, locked: Workplace, ran: Path) -> None:
    """The package is required, and env.toml sends it elsewhere."""
    replace_row(locked, "base", rows(locked)[kind])
    refused = 2 if kind == "sdist by path" else 3  # by its name it is another project's
    said = locked.run("lock", "--check")
    assert said.code == refused, said.err
    assert "base" in said.err
    assert locked.run("sync", "--frozen").code in (1, 2)
    assert not locked.venv.exists()
    assert not ran.exists()


def test_a_row_that_another_row_was_made_to_need(locked: Workplace, ran: Path) -> None:
    add_row(locked, "evil", rows(locked)["archive by path"])
    text = locked.lock().replace('{ name = "base" },', '{ name = "base" },\n    { name = "evil" },')
    assert text != locked.lock()
    locked.write(text, "pylock.toml")
    said = locked.run("lock", "--check")
    assert said.code == 3
    assert "evil 1.0 in the lock is archive vendor/evil-1.0.tar.gz" in said.err
    assert not ran.exists()


def test_the_error_under_frozen_says_which_row_why_and_how(locked: Workplace, ran: Path) -> None:
    add_row(locked, "evil", rows(locked)["archive by path"])
    said = locked.run("sync", "--frozen")
    assert said.code == 1
    for part in (
        "error: evil==1.0 would have to be built",
        "the lock has it from archive vendor/evil-1.0.tar.gz",
        "[sources] in env.toml does not name",
        "[build] allow does not name evil",
        "`envsync sync --frozen --allow-build evil`",
    ):
        assert part in said.err
    assert not ran.exists()
    locked.ok("sync", "--frozen", "--allow-build", "Evil")
    locked.python("import evil, webby")
    assert ran.exists()


def test_leave_under_build_allow_is_leave_for_a_row(locked: Workplace) -> None:
    add_row(locked, "evil", rows(locked)["directory"])
    locked.write(SPEC + 'allow = ["evil"]\n')
    locked.ok("sync", "--frozen")
    locked.python("import evil")


@pytest.mark.parametrize(
    "source",
    [
        '{ path = "vendor/evil-1.0.tar.gz" }',
        '{ path = "evil" }',
        '{ path = "./evil/", editable = true }',
        "{ path = '.', subdirectory = 'evil' }",
    ],
)
def test_what_sources_names_is_built_in_every_way(
    source: str, locked: Workplace, ran: Path
) -> None:
    leave = '[build]\nunconfined = ["evil"]\n'
    locked.write(f'{HEAD}dependencies = ["webby", "evil"]\n[sources]\nevil = {source}\n{leave}')
    locked.given("lock")
    locked.ok("lock", "--check")
    locked.ok("sync", "--locked")
    locked.python("import evil")
    assert ran.exists()
    for command in (["sync", "--check"], ["verify"], ["sync", "--frozen"]):
        assert locked.here(*command).code == 0


@pytest.mark.parametrize(
    "place_in_lock",
    [
        'path = "other"',
        'path = "evil", editable = true',
        'path = ".", subdirectory = "evil"',
    ],
)
def test_a_source_that_the_lock_has_otherwise(
    place_in_lock: str, locked: Workplace, ran: Path
) -> None:
    shutil.copytree(locked.project / "evil", locked.project / "other")
    locked.write(f"{HEAD}dependencies = ['evil']\n[sources]\nevil = {{ path = 'evil' }}\n")
    locked.given("lock")
    ran.unlink(missing_ok=True)
    assert 'path = "evil"' in locked.lock()
    locked.write(locked.lock().replace('path = "evil"', place_in_lock), "pylock.toml")
    said = locked.run("lock", "--check")
    assert said.code == 3, said.err
    assert "evil in the lock is " in said.err
    assert locked.run("sync", "--frozen").code == 1
    assert not ran.exists()


def test_wheels_of_another_tool_need_no_leave_and_everything_else_does(
    locked: Workplace, ran: Path
) -> None:
    name, content = make_wheel("vendored", "1.0", {"vendored.py": "X = 1\n"})
    (locked.project / "vendor" / name).write_bytes(content)
    head = 'lock-version = "1.0"\ncreated-by = "other"\n[[packages]]\nname = "vendored"\n'
    wheel = archive(locked, f"vendor/{name}")
    for row in (
        f'version = "1.0"\nwheels = [{wheel}]\n',
        f'version = "1.0"\narchive = {wheel}\n',
        f"archive = {wheel}\n",
    ):
        locked.write(head + row, "pylock.toml")
        locked.ok("sync", "--frozen")
        locked.python("import vendored")
    for kind, row in rows(locked).items():
        locked.write(head.replace("vendored", "evil") + row, "pylock.toml")
        said = locked.run("sync", "--frozen")
        assert said.code in (1, 2), (kind, said.err)
        assert "evil" in said.err
        locked.python("import vendored")
    assert not ran.exists()


def test_allow_build_without_frozen_leads_on(locked: Workplace) -> None:
    said = locked.run("sync", "--allow-build", "evil")
    assert said.code == 2
    assert "`envsync lock --allow-build evil`" in said.err
    assert locked.run("sync", "--frozen", "--allow-build", "-x/").code == 2
    assert not locked.venv.exists()


# -- what else a lock may not say by itself -----------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("created-by", 'default-groups = ["dev"]\ncreated-by', "default-groups in the lock"),
        ("created-by", "environments = [\"os_name == 'nt'\"]\ncreated-by", "environments in the"),
        ("extras = []", 'extras = ["x"]', "extras in the lock"),
        ("dependency-groups = []", 'dependency-groups = ["x"]', "dependency-groups in the lock"),
    ],
)
def test_a_head_that_env_toml_does_not_say(
    old: str, new: str, says: str, locked: Workplace
) -> None:
    assert old in locked.lock()
    locked.write(locked.lock().replace(old, new, 1), "pylock.toml")
    said = locked.run("lock", "--check")
    assert said.code == 3
    assert says in said.err


def test_a_wheel_that_nothing_requires(locked: Workplace) -> None:
    lock = locked.lock()
    locked.write(SPEC.replace('"webby"', '"webby", "checker"'))
    locked.given("lock")
    (row,) = re.findall(r'\[\[packages\]\]\nname = "checker".*?\n\n', locked.lock(), re.DOTALL)
    locked.write(SPEC)
    locked.write(lock.replace("[tool.envsync]", row + "[tool.envsync]"), "pylock.toml")
    said = locked.run("sync", "--locked")
    assert said.code == 3
    assert "nothing requires checker 7.0, which is in the lock" in said.err


def test_a_row_that_is_gone(locked: Workplace) -> None:
    for name, says in (("base", "webby 1.5 in the lock needs base"), ("webby", "webby has no row")):
        lock = locked.lock()
        replace_row(locked, name, "")
        locked.write(locked.lock().replace(f'[[packages]]\nname = "{name}"\n', ""), "pylock.toml")
        said = locked.run("lock", "--check")
        assert said.code == 3
        assert says in said.err
        locked.write(lock, "pylock.toml")


def test_a_version_that_env_toml_excludes(place: Workplace) -> None:
    place.write(HEAD + 'dependencies = ["base<2"]\n')
    place.given("lock")
    one = place.lock()
    place.write(HEAD + 'dependencies = ["base"]\n')
    place.ok("lock", "--upgrade")
    (row,) = re.findall(r"\[\[packages\]\].*?\n\n", place.lock(), re.DOTALL)
    assert 'version = "2.0"' in row
    place.write(HEAD + 'dependencies = ["base<2"]\n')
    place.write(re.sub(r"\[\[packages\]\].*?\n\n", row, one, flags=re.DOTALL), "pylock.toml")
    said = place.run("lock", "--check")
    assert said.code == 3
    assert "nothing requires base 2.0, which is in the lock" in said.err


# -- indexes ------------------------------------------------------------------------------------


def test_a_row_of_an_index_that_env_toml_does_not_name(locked: Workplace) -> None:
    url = locked.environ["ENVSYNC_DEFAULT_INDEX"]
    text = locked.lock()
    assert f'index = "{url}"' in text
    for other in ('index = "https://evil.example/simple/"', ""):
        locked.write(text.replace(f'index = "{url}"', other, 1), "pylock.toml")
        said = locked.run("lock", "--check")
        assert said.code == 3, said.err
        assert "base 2.0 in the lock is " in said.err
    locked.write(text, "pylock.toml")
    locked.ok("lock", "--check")
    locked.environ["ENVSYNC_DEFAULT_INDEX"] = url.rstrip("/")
    locked.ok("lock", "--check")


def test_the_user_s_own_settings_count_for_a_check_too(locked: Workplace) -> None:
    text = re.sub(r'url = "http://[^/]*/', 'url = "http://plain.example/', locked.lock(), count=1)
    locked.write(text, "pylock.toml")
    said = locked.run("lock", "--check")
    assert said.code == 2
    assert "plain http is not allowed for plain.example" in said.err
    locked.environ["ENVSYNC_ALLOW_INSECURE_HOST"] = "plain.example"
    locked.ok("lock", "--check")


def test_an_explicit_index_serves_only_what_is_sent_there(locked: Workplace) -> None:
    with IndexServer() as other:
        publish(other, make_wheel("extra", "1.0"), make_wheel("base", "1.0"))
        index = f'[[index]]\nname = "own"\nurl = "{other.url}"\nexplicit = true\n'
        sources = '[sources]\nextra = { index = "own" }\n'
        locked.write(SPEC.replace('"webby"', '"webby", "extra"') + index + sources)
        locked.given("lock")
        locked.ok("lock", "--check")
        public, text = locked.environ["ENVSYNC_DEFAULT_INDEX"], locked.lock()
        for old, new in ((other.url, public), (public, other.url)):
            locked.write(text.replace(f'index = "{old}"', f'index = "{new}"', 1), "pylock.toml")
            said = locked.run("lock", "--check")
            assert said.code == 3, said.err
            assert f"from {new}, which is not where env.toml sends it" in said.err


def test_with_a_default_index_no_other_is_asked(locked: Workplace) -> None:
    public = locked.environ["ENVSYNC_DEFAULT_INDEX"]
    with IndexServer() as other:
        publish(other, make_wheel("base", "1.0"))
        locked.write(
            f'{HEAD}dependencies = ["base"]\n'
            f'[[index]]\nname = "own"\nurl = "{other.url}"\ndefault = true\n'
        )
        locked.given("lock")
        locked.ok("lock", "--check")
        locked.write(locked.lock().replace(other.url, public), "pylock.toml")
        assert locked.run("lock", "--check").code == 3


def test_an_archive_at_a_url(locked: Workplace, server: IndexServer, ran: Path) -> None:
    filename, content = make_sdist("evil", "1.0", backend_source=tells(ran))
    server.add("evil", filename, content)
    url = server.file_url("evil", filename)
    digest = digest_of(locked.project / "vendor" / filename)
    add_row(locked, "evil", f'archive = {{ url = "{url}", hashes = {{ sha256 = "{digest}" }} }}\n')
    said = locked.run("lock", "--check")
    assert said.code == 3
    assert f"evil in the lock is archive {url}, which env.toml does not name" in said.err
    assert locked.run("sync", "--frozen").code == 1
    assert not ran.exists()
    locked.write(
        f'{HEAD}dependencies = ["webby", "evil @ {url}#sha256={digest}"]\n'
        '[build]\nallow = ["evil"]\nunconfined = ["evil"]\n'
    )
    locked.ok("lock")
    locked.ok("sync", "--locked")
    locked.python("import evil")


def test_a_tree_with_a_link_out_of_the_project(locked: Workplace, ran: Path) -> None:
    outside = locked.project.parent / "outside"
    os.rename(locked.project / "evil", outside)
    os.symlink(outside, locked.project / "evil")
    for editable in ("false", "true"):
        locked.write(
            f'{HEAD}dependencies = ["evil"]\n[sources]\n'
            f'evil = {{ path = "evil", editable = {editable} }}\n'
        )
        said = locked.run("sync")
        assert said.code == 1
        assert "leads out of the project's folder" in said.err
    locked.write(HEAD + 'dependencies = []\n[build]\nallow = [":all:"]\n')
    head = 'lock-version = "1.0"\ncreated-by = "other"\n[[packages]]\nname = "evil"\n'
    for row in ('path = "evil"', 'path = "evil", editable = true'):
        locked.write(f"{head}directory = {{ {row} }}\n", "pylock.toml")
        said = locked.run("sync", "--frozen")
        assert said.code == 1
        assert "leads out of the project's folder" in said.err
    assert not ran.exists()
