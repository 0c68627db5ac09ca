"""Wheels and archives of the project: locked, installed, and never anything but what was locked."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from tests.support.command import Ran, Workplace
from tests.support.index_server import IndexServer
from tests.support.wheels import make_sdist, make_wheel

HEAD = '[env]\nname = "shop"\nrequires-python = ">=3.11"\n'
SPEC = HEAD + 'dependencies = ["sd"]\n[sources]\nsd = {{ path = "vendor/{}" }}\n'
FOREIGN = 'lock-version = "1.0"\ncreated-by = "other"\n[[packages]]\nname = "sd"\nversion = "1.0"\n'


def made(kind: str, value: str) -> tuple[str, bytes]:
    """A wheel or source archive of sd 1.0 whose module says `value`; all are equally long."""
    code = f"VALUE = {value!r}\n"
    if kind == "wheel":
        return make_wheel("sd", "1.0", {"sd.py": code}, requires=["base"])
    return make_sdist("sd", "1.0", {"src/sd.py": code}, requires=["base"])


def put(place: Workplace, kind: str, value: str) -> str:
    """Put a file into the project; gives its path there."""
    filename, content = made(kind, value)
    path = place.project / "vendor" / filename
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return f"vendor/{filename}"


def digest(kind: str, value: str) -> str:
    return hashlib.sha256(made(kind, value)[1]).hexdigest()


def without_cache(place: Workplace) -> None:
    """Forget all but the pages and facts of packages."""
    for bucket in ("wheels-v1", "built-v3"):
        shutil.rmtree(place.cache / bucket, ignore_errors=True)


def refused(ran: Ran, path: str, expected: str, found: str) -> None:
    assert ran.code == 1, ran.err
    assert ran.err.startswith(f"error: {path}: expected sha256:{expected}")
    assert f"found sha256:{found}" in ran.err


@pytest.fixture(params=["wheel", "archive"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def locked(kind: str, place: Workplace) -> Workplace:
    """A project that was synced with a file of its own."""
    place.write(SPEC.format(Path(put(place, kind, "honest")).name))
    place.given("sync")
    return place


def test_a_file_is_locked_installed_and_checked(locked: Workplace, kind: str) -> None:
    assert locked.python("import sd, base; print(sd.VALUE)") == "honest"
    assert f'sha256 = "{digest(kind, "honest")}"' in locked.lock()
    assert "Nothing to do" in locked.ok("sync").err
    for command in (["lock", "--check"], ["sync", "--check"], ["verify"], ["sync", "--locked"]):
        assert locked.here(*command).code == 0
    without_cache(locked)
    shutil.rmtree(locked.venv)
    locked.ok("sync", "--frozen")
    assert locked.python("import sd; print(sd.VALUE)") == "honest"


@pytest.mark.matrix(2)
@pytest.mark.parametrize("cold", [True, False], ids=["cold", "warm"])
def test_a_changed_file_is_never_installed(locked: Workplace, kind: str, cold: bool) -> None:
    path = put(locked, kind, "forged")
    before = locked.files()
    if cold:
        without_cache(locked)
    expected, found = digest(kind, "honest"), digest(kind, "forged")
    for command in (["sync"], ["sync", "--locked"], ["sync", "--frozen"], ["lock"], ["run", "env"]):
        ran = (locked.run if command[0] == "run" else locked.here)(*command)
        refused(ran, path, expected, found)
        assert "`envsync lock --upgrade-package sd`" in ran.err
    for command in (["lock", "--check"], ["sync", "--check"], ["verify"]):
        ran = locked.here(*command)
        assert ran.code == 3, ran.err
        assert f"{path} changed: the lock has sha256:{expected}" in ran.err
        assert "`envsync lock --upgrade-package sd`" in ran.err
    assert f"{path} changed" in locked.run("status").out + locked.run("status").err
    assert locked.files() == before
    shutil.rmtree(locked.venv)
    for command in (["sync"], ["sync", "--locked"], ["sync", "--frozen"]):
        refused(locked.here(*command), path, expected, found)
    assert not locked.venv.exists()


def test_a_changed_file_is_locked_when_it_is_asked_for_by_name(
    locked: Workplace, kind: str
) -> None:
    put(locked, kind, "wanted")
    refused(
        locked.run("lock", "-U"), f"vendor/{made(kind, 'x')[0]}", digest(kind, "honest"),
        digest(kind, "wanted"),
    )  # fmt: skip
    locked.ok("lock", "--upgrade-package", "sd")
    locked.ok("sync", "--locked")
    assert locked.python("import sd; print(sd.VALUE)") == "wanted"
    locked.ok("lock", "--check")


def test_a_false_size_and_a_false_hash_are_no_less_false(locked: Workplace, kind: str) -> None:
    lock, size = locked.lock(), len(made(kind, "honest")[1])
    assert f"size = {size}" in lock
    for old, new, says in (
        (f"size = {size}", "size = 17", f"expected 17 bytes, found {size} bytes"),
        (digest(kind, "honest"), "0" * 64, f"found sha256:{digest(kind, 'honest')}"),
    ):
        locked.write(lock.replace(old, new), "pylock.toml")
        without_cache(locked)
        for flag in ("--locked", "--frozen"):
            ran = locked.here("sync", flag)
            assert ran.code == 1, ran.err
            assert says in ran.err
        assert locked.here("lock", "--check").code == 3


def test_a_file_that_is_gone(locked: Workplace, kind: str) -> None:
    path = f"vendor/{made(kind, 'x')[0]}"
    (locked.project / path).unlink()
    ran = locked.run("lock", "--check")
    assert ran.code == 3
    assert f"{path}: there is no such file or folder" in ran.err
    assert "hint: put the file back" in ran.err
    for command in (["sync"], ["sync", "--locked"]):
        ran = locked.here(*command)
        assert ran.code == 1, ran.err
        assert f"{path}: there is no such file or folder" in ran.err
    locked.ok("sync", "--frozen")  # the environment is as the lock says
    without_cache(locked)
    shutil.rmtree(locked.venv)
    assert f"{path}: there is no such" in locked.run("sync", "--frozen").err
    assert not locked.venv.exists()


def replace(path: Path, what: str, outside: Path) -> None:
    """Put something in place of a file that nobody may read as one."""
    path.unlink()
    if what == "a pipe":
        os.mkfifo(path)
    elif what == "a device":
        os.symlink("/dev/zero", path)
    elif what == "a folder":
        path.mkdir()
    elif what == "a link to itself":
        os.symlink(path.name, path)
    else:
        os.symlink(outside, path)


@pytest.mark.matrix(3)
@pytest.mark.parametrize(
    "what", ["a pipe", "a device", "a folder", "a link to itself", "a link that leads outside"]
)
def test_what_is_no_file_of_the_project(what: str, place: Workplace, tmp_path: Path) -> None:
    path = put(place, "wheel", "honest")
    place.write(SPEC.format(Path(path).name))
    place.given("lock")
    shutil.copy(place.project / path, tmp_path / "outside.whl")
    replace(place.project / path, what, tmp_path / "outside.whl")
    assert place.run("lock", "--check").code in (1, 3)
    for command in (["sync", "--locked"], ["sync", "--frozen"], ["sync"], ["lock", "-U"]):
        ran = place.here(*command)
        assert ran.code == 1, ran.err
        assert path in ran.err
    assert not place.venv.exists()


def test_a_link_inside_the_project_is_followed(place: Workplace) -> None:
    path = put(place, "wheel", "honest")
    os.rename(place.project / "vendor", place.project / "third")
    os.symlink("third", place.project / "vendor")
    place.write(SPEC.format(Path(path).name))
    place.ok("sync")
    place.ok("sync", "--check")
    assert place.python("import sd; print(sd.VALUE)") == "honest"


@pytest.mark.matrix(4)
@pytest.mark.parametrize("form", ["wheels", "archive", "sdist"])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512", "blake2b"])
def test_the_lock_of_another_tool(form: str, algorithm: str, place: Workplace) -> None:
    """PEP 751: recorded hashes are validated, for every form."""
    kind = "archive" if form == "sdist" else "wheel"
    path = put(place, kind, "honest")
    allow = ["--allow-build", "sd"] if form == "sdist" else []

    def lock(value: str, **more: object) -> None:
        of = hashlib.new(algorithm, made(kind, value)[1]).hexdigest()
        size = more.get("size", len(made(kind, value)[1]))
        row = f'{{ path = "{path}", size = {size}, hashes = {{ {algorithm} = "{of}" }} }}'
        place.write(f"{FOREIGN}{form} = {f'[{row}]' if form == 'wheels' else row}\n", "pylock.toml")

    place.write(HEAD)
    for value, more in (("forged", {}), ("honest", {"size": 3})):
        lock(value, **more)
        ran = place.here("sync", "--frozen", *allow)
        assert ran.code == 1, ran.err
        assert f"{path}: expected " in ran.err
        assert not place.venv.exists()
    lock("honest")
    place.ok("sync", "--frozen", *allow)
    assert place.python("import sd; print(sd.VALUE)") == "honest"


def test_a_wrong_archive_poisons_no_other_project(
    place: Workplace, server: IndexServer, tmp_path: Path
) -> None:
    """The lock claims the hash of an honest file; another project locks that from an index."""
    filename, honest = made("archive", "honest")
    path = put(place, "archive", "forged")
    claim = f'{{ path = "{path}", hashes = {{ sha256 = "{hashlib.sha256(honest).hexdigest()}" }} }}'
    place.write(HEAD + '[build]\nallow = ["sd"]\n')
    for form in ("archive", "sdist"):
        place.write(f"{FOREIGN}{form} = {claim}\n", "pylock.toml")
        assert place.run("sync", "--frozen").code == 1
    assert list(place.cache.glob("built-v3/*/*.whl")) == []

    place.write(SPEC.format(filename))  # and by way of env.toml
    place.ok("sync", "--upgrade")
    assert place.python("import sd; print(sd.VALUE)") == "forged"

    server.add("sd", filename, honest)
    other = Workplace(_folder(tmp_path / "other"), server.url)
    other.environ["ENVSYNC_CACHE_DIR"] = str(place.cache)
    other.write(HEAD + 'dependencies = ["sd"]\n[build]\nallow = ["sd"]\n')
    other.ok("sync")
    assert other.python("import sd; print(sd.VALUE)") == "honest"


def test_the_backend_of_one_index_builds_for_no_other(
    place: Workplace, server: IndexServer, tmp_path: Path
) -> None:
    """What a build requires comes from the indexes, so these are part of what it made."""
    filename, content = make_sdist(
        "sd",
        "1.0",
        requires=["base"],
        build_requires=["maker"],
        build_backend="maker",
        backend_path=None,
    )
    server.add("sd", filename, content)
    server.add("maker", *_backend("honest"))
    with IndexServer() as evil:
        evil.add("sd", filename, content)
        evil.add("maker", *_backend("forged"))
        evil.add("base", *make_wheel("base", "2.0"))
        for number, (index, value) in enumerate(((evil, "forged"), (server, "honest"))):
            project = Workplace(_folder(tmp_path / str(number)), index.url)
            project.environ["ENVSYNC_CACHE_DIR"] = str(place.cache)
            project.write(HEAD + 'dependencies = ["sd"]\n[build]\nallow = ["sd"]\n')
            project.ok("sync")
            assert project.python("import sd; print(sd.VALUE)") == value


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _backend(value: str) -> tuple[str, bytes]:
    """A build backend on an index, which makes of anything a wheel that says `value`."""
    filename, wheel = made("wheel", value)
    code = (
        "def build_wheel(directory, config_settings=None, metadata_directory=None):\n"
        f"    open(directory + '/{filename}', 'wb').write({wheel!r})\n"
        f"    return '{filename}'\n"
    )
    return make_wheel("maker", "1.0", {"maker.py": code})


def test_a_changed_file_at_a_url_is_never_a_silent_new_lock(
    place: Workplace, server: IndexServer
) -> None:
    filename, honest = made("wheel", "honest")
    server.add("files", filename, honest)
    url = server.file_url("files", filename)
    place.write(f'{HEAD}dependencies = ["sd @ {url}"]\n')
    place.given("sync")
    server.add("files", filename, made("wheel", "forged")[1])
    refused(
        place.run("lock", "--upgrade", "--refresh"), url, digest("wheel", "honest"),
        digest("wheel", "forged"),
    )  # fmt: skip
    place.write(f'{HEAD}dependencies = ["sd @ {url}#sha256={digest("wheel", "forged")}"]\n')
    place.ok("sync")
    assert place.python("import sd; print(sd.VALUE)") == "forged"
