"""`sync --lock FILE`: the lock of any tool, without an env.toml; and what it refuses."""

import hashlib
from pathlib import Path

import pytest

from tests.support.command import Workplace
from tests.support.index_server import IndexServer
from tests.support.wheels import make_sdist, make_wheel, source_files

HEAD = 'lock-version = "1.0"\ncreated-by = "other"\nrequires-python = ">=3.11"\n'


def file_row(name: str, where: str, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    return f"{{ name = {name!r}, {where}, hashes = {{ sha256 = '{digest}' }} }}"


def wheel_package(name: str, *, url: str | None = None, marker: str = "") -> tuple[str, bytes]:
    """A row for a wheel, beside the lock under `wheels/` or at an address."""
    filename, content = make_wheel(name, "1.0", {f"{name}.py": f"NAME = {name!r}\n"})
    where = f"path = 'wheels/{filename}'" if url is None else f"url = '{url}/{filename}'"
    row = file_row(filename, where, content)
    marked = f'marker = "{marker}"\n' if marker else ""
    return f'[[packages]]\nname = "{name}"\nversion = "1.0"\n{marked}wheels = [{row}]\n', content


@pytest.fixture
def locks(place: Workplace) -> Path:
    """A lock with files by path, in a folder of its own, with an extra and two groups."""
    folder = place.project / "locks"
    (folder / "wheels").mkdir(parents=True)
    text = (
        f"{HEAD}extras = ['fast']\ndependency-groups = ['dev', 'docs']\ndefault-groups = ['dev']\n"
    )
    for name, marker in (
        ("plain", ""),
        ("quick", "'fast' in extras"),
        ("checks", "'dev' in dependency_groups"),
        ("pages", "'docs' in dependency_groups"),
    ):
        row, content = wheel_package(name, marker=marker)
        text += row
        filename = f"{name}-1.0-py3-none-any.whl"
        (folder / "wheels" / filename).write_bytes(content)
    (folder / "pylock.other.toml").write_text(text)
    return folder / "pylock.other.toml"


def installed(place: Workplace) -> set[str]:
    return {path.stem for path in place.site.glob("*.py")}


@pytest.mark.usefixtures("locks")
@pytest.mark.parametrize(
    ("options", "names"),
    [
        ((), {"plain", "checks"}),
        (("--no-default-groups",), {"plain"}),
        (("--extra", "fast", "--group", "docs"), {"plain", "checks", "quick", "pages"}),
        (("--all-groups", "--no-group", "dev", "--all-extras"), {"plain", "quick", "pages"}),
    ],
)
def test_extras_and_groups_of_the_lock(
    place: Workplace, options: tuple[str, ...], names: set[str]
) -> None:
    ran = place.here("sync", "--lock", "locks/pylock.other.toml", *options)
    assert ran.code == 0, ran.err
    assert installed(place) == names


def test_environment_is_exact_and_nothing_else_is_written(place: Workplace, locks: Path) -> None:
    before = place.files()
    place.ok("sync", "--lock", "locks/pylock.other.toml")
    assert {name for name in place.files() if not name.startswith(".venv/")} == set(before)
    assert place.python("import plain; print(plain.NAME)") == "plain"
    (place.site / "plain.py").write_text("NAME = 'edited'\n")
    (place.site / "stray.py").write_text("")
    checked = place.run("sync", "--lock", str(locks), "--check")
    assert checked.code == 3
    assert "plain.py" in checked.err
    assert f"envsync sync --lock {locks}" in checked.err
    place.ok("sync", "--lock", str(locks))
    assert place.python("import plain; print(plain.NAME)") == "plain"
    assert installed(place) == {"plain", "checks"}
    assert "matches the lock" in place.ok("sync", "--lock", str(locks), "--check").err


def test_environment_lies_in_the_folder_that_is_named(place: Workplace, locks: Path) -> None:
    other = place.project.parent / "other"
    other.mkdir()
    ran = place.here("-C", str(other), "-e", "ci", "sync", "--lock", "locks/pylock.other.toml")
    assert ran.code == 0, ran.err
    assert (other / ".venv-ci" / "bin" / "python").exists()
    assert list(other.iterdir()) == [other / ".venv-ci"]
    assert not (place.project / ".venv").exists()
    assert locks.exists()


def test_a_project_above_is_not_the_one_that_is_meant(place: Workplace, locks: Path) -> None:
    place.write("[env\nbroken")
    below = place.project / "below"
    below.mkdir()
    ran = place.here("-C", "below", "sync", "--lock", str(locks))
    assert ran.code == 0, ran.err
    assert (below / ".venv").is_dir()


def test_an_env_toml_beside_says_where_and_how(place: Workplace, locks: Path) -> None:
    place.write('[env]\npath = "env"\ndependencies = ["webby"]\n')
    ran = place.here("sync", "--lock", str(locks))
    assert ran.code == 0, ran.err
    assert (place.project / "env" / "pyvenv.cfg").exists()
    assert not (place.project / "pylock.toml").exists()


def test_files_from_an_address(place: Workplace, server: IndexServer) -> None:
    row, content = wheel_package("far", url=f"{server.root}/files/far")
    server.add("far", "far-1.0-py3-none-any.whl", content)
    place.write(HEAD + row, "pylock.toml")
    place.ok("sync", "--lock", "pylock.toml")
    assert installed(place) == {"far"}
    wrong = row.replace(hashlib.sha256(content).hexdigest(), "0123456789abcdef" * 4)
    place.write(HEAD + wrong, "pylock.toml")
    before = place.files()
    ran = place.here("sync", "--lock", "pylock.toml")
    assert ran.code == 1
    assert "far" in ran.err
    assert place.files() == before


def sources(place: Workplace) -> str:
    """Rows of a source distribution and of a folder, which are only there when they are built."""
    filename, content = make_sdist("made", "1.0")
    place.write("", "empty")
    (place.project / filename).write_bytes(content)
    for path, data in source_files("folder", "1.0").items():
        file = place.project / "folder" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    sdist = file_row(filename, f"path = '{filename}'", content)
    return (
        f'[[packages]]\nname = "made"\nversion = "1.0"\nsdist = {sdist}\n'
        '[[packages]]\nname = "folder"\ndirectory = { path = "folder" }\n'
    )


def test_sources_are_built_with_leave_that_the_hint_gives(place: Workplace) -> None:
    place.write(HEAD + sources(place), "pylock.toml")
    ran = place.here("sync", "--lock", "pylock.toml")
    assert ran.code == 1
    assert "`envsync sync --lock pylock.toml --allow-build" in ran.err
    ran = place.here("sync", "--lock", "pylock.toml", "--allow-build", "made")
    assert ran.code == 1
    assert "--allow-build folder" in ran.err
    place.ok("sync", "--lock", "pylock.toml", *("--allow-build", "made", "--allow-build", "folder"))


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--lock", "gone.toml"), 2, ("there is no gone.toml", "pylock.toml of any tool")),
        (("--lock", "locks"), 1, ("it is a folder",)),
        (("--lock", "uv.lock"), 2, ("lock-version", "uv export --format pylock.toml")),
        (("--lock", "notes.txt"), 2, ("notes.txt", "pylock.toml of any tool")),
        (("--lock", "locks/pylock.other.toml", "-U"), 2, ("--lock and --upgrade",)),
        (("--lock", "locks/pylock.other.toml", "--locked"), 2, ("--lock and --locked",)),
        (("--lock", "locks/pylock.other.toml", "-P", "plain"), 2, ("--upgrade-package",)),
        (("--lock", "locks/pylock.other.toml", "--extra", "slow"), 2, ("no extra 'slow'", "fast")),
        (("--lock", "old.toml"), 1, ("requires-python <3.5", "that the lock is for")),
        (("--lock", "mac.toml"), 1, ("does not cover", "the tool that made it")),
        (("--lock", "bare.toml"), 2, ("bare.toml", "pylock.toml of any tool")),
        (("--lock", "newer.toml"), 2, ("newer envsync",)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_what_is_refused(
    place: Workplace, locks: Path, arguments: tuple[str, ...], code: int, says: tuple[str, ...]
) -> None:
    place.write('version = 1\n[[package]]\nname = "x"\n', "uv.lock")
    place.write("not a lock", "notes.txt")
    place.write(locks.read_text().replace(">=3.11", "<3.5"), "old.toml")
    mac = "environments = [\"sys_platform == 'darwin'\"]\nextras"
    place.write(locks.read_text().replace("extras", mac, 1), "mac.toml")
    place.write(locks.read_text().split("[[packages]]")[0], "bare.toml")
    place.write(locks.read_text().replace('"1.0"', '"2.0"', 1), "newer.toml")
    before = place.files()
    ran = place.here("sync", *arguments)
    assert ran.code == code, ran.err
    for one in says:
        assert one in ran.err, ran.err
    assert "env.toml" not in ran.err, ran.err
    assert place.files() == before
