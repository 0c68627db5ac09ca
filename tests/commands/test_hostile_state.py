"""A clone that brings an environment along: forged state, alone and together, under every command.

Whatever it says of itself, nothing outside of project and cache changes, nothing from outside is
moved in, nothing of it runs, and after a sync the environment is what the lock says.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.support.accounting import locked_wheels, unaccounted
from tests.support.command import Ran, Workplace
from tests.support.index_server import IndexServer
from tests.support.users import SOMEBODY, envsync_as_user, need_root

MINOR = f"python{sys.version_info[0]}.{sys.version_info[1]}"
SITE = f"lib/{MINOR}/site-packages"
ID = "0" * 32

LOOKS = [["status"], ["verify"], ["sync", "--check"], ["sync", "--dry-run", "--discard"]]
CHANGES = [
    ["sync"],
    ["sync", "--force"],
    ["sync", "--discard"],
    ["sync", "--frozen"],
    ["sync", "--verify"],
    ["run", "python", "-c", "pass"],
    ["add", "speedups"],
    ["remove", "webby"],
]


class Home:
    """A home folder with what a thief or a vandal would look for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in (".ssh/id_ed25519", f".local/{SITE}/mine.py", ".bashrc", "file", "deep/a/b"):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"precious {name}")
        (folder / ".config").mkdir()

    def state(self) -> Mapping[str, tuple[object, ...]]:
        """Everything in it but envsync's own folder: names, types, links, contents, times."""
        found: dict[str, tuple[object, ...]] = {}
        for path in sorted(self.folder.rglob("*")):
            name = str(path.relative_to(self.folder))
            if name.startswith((".local/state", "work/")) or name in (".local", "work"):
                continue
            status = path.lstat()
            content: object = None
            if path.is_symlink():
                content = os.readlink(path)
            elif path.is_file():
                content = path.read_bytes()
            found[name] = (status.st_mode, status.st_ino, status.st_mtime_ns, content)
        return found


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def clone(home: Home, server: IndexServer) -> Workplace:
    """A project three folders below the home, with a lock, and no environment yet."""
    (home.folder / "work").mkdir()
    place = Workplace(home.folder / "work", server.url)
    place.environ["HOME"] = str(home.folder)
    place.environ["XDG_STATE_HOME"] = str(home.folder / ".local/state")
    place.write('[env]\nname = "shop"\nrequires-python = ">=3.11"\ndependencies = ["webby"]\n')
    place.given("lock")
    return place


# What a clone can bring, each as a function that puts it into the project.


def sealed_by_nobody(body: str, how: str) -> bytes:
    """A text with what a stranger can put below it: a checksum, or a code under another key."""
    data = body.encode()
    digest = hashlib.sha256(data).hexdigest()
    if how == "checksum":
        return data + f"sha256 {digest}\n".encode()
    return data + f"seal {digest} {'0' * 64}\n".encode()


def write(path: Path, content: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


ROWS = [
    "../../.bashrc",
    "../../../file",
    "../../../.ssh/id_ed25519",
    f"../../../.local/{SITE}/mine.py",
    "/etc/hostname",
    "lib/../../../../file",
    ".envsync/id",
    "lib//x",
    "",
]


def manifest(venv: Path, how: str = "seal", version: int = 3) -> None:
    rows = "".join(f"{row}\t33188\t0\t{'a' * 64}\n" for row in ROWS)
    evil = f"evil.py\t33188\t1\t{'b' * 64}\n"
    head = f"envsync-manifest {version}\nid {ID}\ntarget x\nselection default\n"
    if version == 1:
        content = sealed_by_nobody(f"{head}{rows}/\twebby\t1.5\tx\n{evil}", how)
    else:
        of_rows, of_evil = (
            f"{len(text)}\t{hashlib.sha256(text.encode()).hexdigest()}" for text in (rows, evil)
        )
        owners = f"/\t\t\t\t\t{of_rows}\n/\twebby\t1.5\tx\t\t{of_evil}\n"
        sealed = sealed_by_nobody(f"{head}written synced\n{owners}", how)
        content = sealed + f"{rows}{evil}".encode()
    write(venv / ".envsync/id", ID + "\n")
    for name in ("manifest", "manifest.next"):
        write(venv / f".envsync/{name}", content)


def old_manifest(venv: Path) -> None:
    manifest(venv, "checksum", 1)


def journal(venv: Path, how: str = "seal", version: int = 2) -> None:
    venv.mkdir(exist_ok=True)
    steps = "".join(
        f"{action}\t{row}\t0\n" for row in ROWS for action in ("trash", "keep", "place", "rmdir")
    )
    head = f"envsync-journal {version}\nid {ID} {venv.lstat().st_ino}\n"
    write(venv / ".envsync/id", ID + "\n")
    write(venv / ".envsync/journal", sealed_by_nobody(head + steps, how))
    write(venv / ".envsync/stage/0", "evil")


def old_journal(venv: Path) -> None:
    journal(venv, "checksum", 1)


def broken_journal(venv: Path) -> None:
    write(venv / ".envsync/id", ID)
    write(venv / ".envsync/journal", "no line feed")


def stamp(venv: Path) -> None:
    head = f"envsync-stamp 2\nroot {venv}\nselection default\nwritten {2**62}\ntree 0 0 0\n"
    write(venv / ".envsync/stamp", head)


def link(place: str, target: str) -> Callable[[Path], None]:
    def put(venv: Path) -> None:
        path = venv / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)

    return put


def quarantine(venv: Path) -> None:
    write(venv / ".envsync/id", ID)
    link(".envsync/quarantine", "../../../../.ssh")(venv)


def quarantine_inside(venv: Path) -> None:
    write(venv / ".envsync/id", ID)
    link(f".envsync/quarantine/x/{SITE}", f"../../../../../../../../.local/{SITE}")(venv)


def rows_and_quarantine(venv: Path) -> None:
    """Rows of files outside, and a quarantine that leads outside."""
    manifest(venv, "checksum", 1)
    link(".envsync/quarantine", "../../../../.ssh")(venv)


def planted(venv: Path) -> None:
    """An old folder with a file for the quarantine, which leads to the user's own packages."""
    manifest(venv, "checksum", 1)
    link(".envsync/quarantine", f"../../../../.local/{SITE}")(venv)
    old = venv.with_name(".venv.envsync-old-x")
    manifest(old, "checksum", 1)
    write(old / ".envsync/quarantine/evil.pth", "import evil")


def state_folders(venv: Path) -> None:
    write(venv / ".envsync/id", ID)
    for name in ("stage", "trash", "shell", "manifest", "other"):
        link(f".envsync/{name}", "../../../../.ssh")(venv)


def state_is_a_link(venv: Path) -> None:
    link(".envsync", "../../../.ssh")(venv)
    write(venv / "pyvenv.cfg", "envsync = 1\n")


def folders_are_links(venv: Path) -> None:
    manifest(venv)
    link("lib", f"../../../.local/{SITE}")(venv)
    link("bin", "../../../.ssh")(venv)


def files_are_links(venv: Path) -> None:
    manifest(venv)
    for name in ("base.py", "mine.py", "webby-1.5.dist-info"):
        link(f"{SITE}/{name}", f"../../../../../../../.local/{SITE}/mine.py")(venv)
    link("pyvenv.cfg", "../../../.bashrc")(venv)


def old_folder(venv: Path) -> None:
    for name in (".venv.envsync-old-x", ".venv.envsync-old-1-0123456789abcdef"):
        old = venv.with_name(name)
        manifest(old)
        write(old / SITE / "evil.pth", "import evil")
        link(".envsync/quarantine/evil.pth", f"../../../../../.local/{SITE}/evil.pth")(old)
        link("in", "../../../.ssh")(old)


def new_folder(venv: Path) -> None:
    for name in (".venv.envsync-new-0123", ".venv.envsync-new-0123456789abcdef-0123456789abcdef"):
        new = venv.with_name(name)
        manifest(new)
        link("in", "../../../.ssh")(new)
    link("", "../../.ssh")(venv.with_name(".venv.envsync-new-link"))


def hard_links(venv: Path) -> None:
    """As a tar archive brings them, which some programs extract."""
    manifest(venv)
    home = venv.parents[2]
    for name, target in ((f"{SITE}/base.py", "file"), (".envsync/journal", ".bashrc")):
        path = venv / name
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(home / target, path)
    link(".envsync/trash/0", "../../../../.ssh")(venv)


def devices(venv: Path) -> None:
    (venv / ".envsync").mkdir(parents=True)
    (venv / SITE).mkdir(parents=True)
    for name in (".envsync/id", ".envsync/manifest", ".envsync/journal", f"{SITE}/base.py"):
        os.mkfifo(venv / name)
    write(venv / "pyvenv.cfg", "envsync = 1\n")


FORGERIES = [
    manifest,
    old_manifest,
    journal,
    old_journal,
    broken_journal,
    stamp,
    quarantine,
    quarantine_inside,
    rows_and_quarantine,
    planted,
    state_folders,
    state_is_a_link,
    folders_are_links,
    files_are_links,
    old_folder,
    new_folder,
    hard_links,
    devices,
]


def together(venv: Path) -> None:
    for forge in (journal, manifest, stamp, quarantine_inside, old_folder, new_folder):
        forge(venv)
    evil(venv)


def evil(venv: Path) -> None:
    """Code of the clone's, wherever Python or a shell would find it."""
    touch = f"import os; os.system('touch {venv.parent / 'RAN'}')\n"
    write(venv / SITE / "evil.pth", touch)
    write(venv / SITE / "sitecustomize.py", touch)
    write(venv / SITE / "base.py", touch)
    write(venv / SITE / f"__pycache__/base.cpython-{MINOR[6:].replace('.', '')}.pyc", "x")
    write(venv / "bin/python", f"#!/bin/sh\ntouch {venv.parent / 'RAN'}\n")
    (venv / "bin/python").chmod(0o755)


def is_the_lock(clone: Workplace, server: IndexServer) -> None:
    """Insist that the environment holds what the lock says, and runs."""
    contents = {name: data for files in server.projects.values() for name, data in files.items()}
    here = {"webby", "base"} | ({"speedups"} if "speedups" in clone.read() else set())
    locked = [name for name in locked_wheels(clone.lock()) if name.split("-")[0] in here]
    wrong, extra = unaccounted(clone.site, {name: contents[name] for name in locked})
    assert (wrong, extra) == ([], [])
    clone.ok("sync", "--check", "--verify")
    assert not any(path.is_symlink() for path in (clone.venv / ".envsync").iterdir())
    assert clone.python("import sys; print(sys.prefix)") == str(clone.venv)


@pytest.mark.matrix(4)
@pytest.mark.parametrize("forge", [*FORGERIES, together], ids=lambda forge: forge.__name__)
def test_commands_that_look_change_nothing_anywhere(
    clone: Workplace, home: Home, forge: Callable[[Path], None]
) -> None:
    forge(clone.venv)
    before, project = home.state(), clone.files()
    for command in LOOKS:
        ran = clone.run(*command)
        assert ran.code in (0, 1, 3), ran.err
        assert "Nothing to do" not in ran.err
        assert "Nothing differs" not in ran.out
        if command[:1] != ["status"] and "--dry-run" not in command:
            assert ran.code == 3
    assert home.state() == before
    assert clone.files() == project
    assert not (clone.project / "RAN").exists()


@pytest.mark.matrix(4)
@pytest.mark.parametrize("command", CHANGES, ids=" ".join)
def test_every_command_with_all_of_it_together(
    clone: Workplace, home: Home, server: IndexServer, command: list[str]
) -> None:
    together(clone.venv)
    before = home.state()
    clone.ok(*command)
    assert home.state() == before
    assert not (clone.project / "RAN").exists()
    if command[:1] != ["remove"]:
        is_the_lock(clone, server)
    assert home.state() == before


@pytest.mark.matrix(4)
@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_a_sync_with_each_of_it_alone(
    clone: Workplace, home: Home, server: IndexServer, forge: Callable[[Path], None]
) -> None:
    forge(clone.venv)
    before = home.state()
    ran = clone.run("sync")
    if ran.code != 0:
        assert "was not made by envsync" in ran.err
        assert "hint: `envsync sync --force`" in ran.err
        assert home.state() == before
        clone.ok("sync", "--force")
    assert home.state() == before
    is_the_lock(clone, server)
    clone.ok("sync", "--discard")
    assert home.state() == before
    assert not (clone.venv / ".envsync/quarantine").exists()
    is_the_lock(clone, server)


def test_folders_beside_that_a_clone_brought_stay_where_they_are(
    clone: Workplace, home: Home
) -> None:
    old_folder(clone.venv)
    new_folder(clone.venv)
    beside = {path.name for path in clone.project.iterdir() if "envsync-" in path.name}
    assert len(beside) == 5
    clone.given("sync")
    assert beside < {path.name for path in clone.project.iterdir()}
    assert not (clone.venv / ".envsync/quarantine").exists()
    shutil.rmtree(clone.venv)
    clone.ok("sync")
    assert clone.python("import base; print(base.VERSION)") == "2"


@pytest.mark.parametrize("command", [["sync"], ["remove", "webby"]], ids=" ".join)
@pytest.mark.parametrize("how", ["checksum", "seal"])
def test_a_row_that_leads_out_of_an_environment_of_ours(
    clone: Workplace, home: Home, how: str, command: list[str]
) -> None:
    """All else is right: only that row would be trashed, as a file that is no longer wanted."""
    clone.given("sync")
    path = clone.venv / ".envsync/manifest"
    lines = path.read_text().splitlines()[:-1]
    size = (home.folder / "file").stat().st_size
    rows = [f"{row}\t33188\t{size}\t{'a' * 64}" for row in ("../../../file", "../../.bashrc")]
    content_time = 1_000_000_000 + 0xAAAAAAAA % 500_000_000
    for name in ("file", ".bashrc"):
        (home.folder / name).chmod(0o644)
        (home.folder / name).write_text("x" * size)
        os.utime(home.folder / name, (content_time, content_time))
    path.write_bytes(sealed_by_nobody("".join(f"{line}\n" for line in lines + rows), how))
    before = home.state()
    clone.ok(*command)
    assert home.state() == before


# The honest uses beside it


def ship(clone: Workplace, home: Home) -> dict[str, bytes]:
    """Take a right environment elsewhere and back, as a cache of CI does, without the key."""
    clone.ok("sync")
    clone.ok("run", "python", "-c", "import base, webby")
    archive = home.folder / "work/cache.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(clone.venv, ".venv")
    shutil.rmtree(clone.venv)
    shutil.rmtree(home.folder / ".local/state")
    with tarfile.open(archive) as tar:
        tar.extractall(clone.project, filter="fully_trusted")
    return clone.files()


def test_an_environment_from_a_cache_without_the_key_is_taken_over(
    clone: Workplace, home: Home, server: IndexServer
) -> None:
    (clone.project / "notes").mkdir()
    before = ship(clone, home)
    ran = clone.run("sync", "--check", "--offline")
    assert ran.code == 3
    assert "its manifest was not written by this user's envsync" in ran.err
    assert "hint: `envsync sync`" in ran.err
    clone.ok("sync", "--offline")
    assert clone.files() == before
    assert not (clone.venv / ".envsync/quarantine").exists()
    is_the_lock(clone, server)
    assert "Nothing to do" in clone.ok("sync").err


def test_what_differs_in_it_is_set_aside(clone: Workplace, home: Home, server: IndexServer) -> None:
    ship(clone, home)
    earlier = clone.venv / ".envsync/quarantine/20200101T000000Z/mine.txt"
    write(earlier, "earlier")
    changed = clone.site / "base.py"
    status = changed.stat()
    changed.chmod(0o644)
    changed.write_text("VERSION = 7\n")
    changed.chmod(0o444)
    os.utime(changed, ns=(status.st_atime_ns, status.st_mtime_ns))
    write(clone.site / "notes.txt", "notes")
    ran = clone.ok("sync", "--offline")
    assert "What you had in it is kept in .venv/.envsync/quarantine" in ran.err
    is_the_lock(clone, server)
    assert earlier.read_text() == "earlier"
    kept = clone.venv / ".envsync/quarantine"
    found = {path.name: path.read_text() for path in kept.rglob("*") if path.is_file()}
    assert found == {"mine.txt": "earlier", "base.py": "VERSION = 7\n", "notes.txt": "notes"}


def test_without_key_store_and_network_it_is_an_error_that_says_so(
    clone: Workplace, home: Home
) -> None:
    ship(clone, home)
    shutil.rmtree(clone.cache)
    before = clone.files()
    ran = clone.run("sync", "--offline")
    assert ran.code == 1
    assert "error: " in ran.err
    assert "hint: " in ran.err
    assert clone.files() == before


def test_a_key_that_came_along_is_believed(clone: Workplace, home: Home) -> None:
    """A cache of CI that keeps both."""
    clone.given("sync")
    shutil.copytree(home.folder / ".local/state", home.folder / "kept", symlinks=True)
    moved = clone.venv.rename(home.folder / "venv")
    shutil.rmtree(home.folder / ".local/state")
    shutil.move(home.folder / "kept", home.folder / ".local/state")
    shutil.copytree(moved, clone.venv, symlinks=True)
    assert "Nothing to do" in clone.ok("sync").err


def previous_format(clone: Workplace) -> None:
    """Give the state the form that it had before seals: a checksum alone."""
    state = clone.venv / ".envsync"
    lines = (state / "manifest").read_text().splitlines()[:-1]
    kept = ["envsync-manifest 1", *(line for line in lines[1:] if not line.startswith("written "))]
    body = "".join(f"{line}\n" for line in kept)
    (state / "manifest").write_bytes(sealed_by_nobody(body, "checksum"))


def test_an_environment_of_an_older_version_is_taken_over(
    clone: Workplace, server: IndexServer
) -> None:
    clone.given("sync")
    before = clone.files()
    previous_format(clone)
    ran = clone.run("sync", "--check", "--offline")
    assert ran.code == 3
    assert "another version of envsync wrote it" in ran.err
    clone.ok("sync", "--offline")
    assert clone.files() == before
    assert not (clone.venv / ".envsync/quarantine").exists()
    is_the_lock(clone, server)


DAMAGE: dict[str, list[str]] = {
    "state gone": [".envsync"],
    "identity gone": [".envsync/id"],
    "manifest gone": [".envsync/manifest"],
    "nearly all gone": [".envsync", "bin", "pyvenv.cfg", "CACHEDIR.TAG", "include"],
    "packages gone": [".envsync", f"{SITE}/webby", f"{SITE}/base.py", ".gitignore"],
    "only one mark left": [".envsync", "pyvenv.cfg", ".gitignore"],
}


@pytest.mark.matrix(3)
@pytest.mark.parametrize("gone", DAMAGE.values(), ids=DAMAGE)
def test_an_environment_that_was_half_removed_is_healed_and_the_users_files_kept(
    clone: Workplace, server: IndexServer, gone: list[str]
) -> None:
    clone.given("sync")
    write(clone.site / "notes.txt", "notes")
    write(clone.venv / "mine/deep.txt", "deep")
    for name in gone:
        path = clone.venv / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    ran = clone.run("sync", "--check")
    assert ran.code == 3
    assert "hint: `envsync sync`" in ran.err
    clone.ok("sync", "--offline")
    is_the_lock(clone, server)
    kept = {path.name for path in (clone.venv / ".envsync/quarantine").rglob("*.txt")}
    assert kept == {"notes.txt", "deep.txt"}


def test_a_removal_that_left_only_folders_is_no_stranger(clone: Workplace) -> None:
    (clone.venv / SITE / "webby").mkdir(parents=True)
    clone.ok("sync")
    assert clone.python("import base; print(base.VERSION)") == "2"


def as_people_do(clone: Workplace, *arguments: str) -> Ran:
    """Run it without variables that ask for more: the shortest way is open then."""
    environ = {name: value for name, value in clone.environ.items() if name != "ENVSYNC_PYTHON"}
    done = subprocess.run(
        [sys.executable, "-m", "envsync", *arguments],
        cwd=clone.project,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("name", ["id", "manifest"])
def test_what_is_emptied_is_never_nothing_to_do(clone: Workplace, name: str) -> None:
    assert as_people_do(clone, "sync").code == 0
    time.sleep(0.1)
    assert as_people_do(clone, "sync").code == 0
    assert "Nothing to do" in as_people_do(clone, "sync").err
    path = clone.venv / ".envsync" / name
    status = path.stat()
    path.write_bytes(b"")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert as_people_do(clone, "sync", "--check").code == 3
    ran = as_people_do(clone, "sync")
    assert ran.code == 0
    assert "Nothing to do" not in ran.err
    assert as_people_do(clone, "sync", "--check").code == 0


def test_force_recovers_from_a_link_to_another_environment(
    clone: Workplace, home: Home, server: IndexServer
) -> None:
    """One of the same user's, and with leave for links to where it lies."""
    second = home.folder / "work/second"
    shutil.copytree(clone.project, second)
    clone.ok("-C", str(second), "sync")
    other = second / ".venv"
    write(other / SITE / "notes.txt", "notes")
    clone.venv.symlink_to(other)
    write(home.folder / ".config/envsync/config.toml", f"[venv]\nlinks = ['{second}']\n")
    before = sorted(path.relative_to(other) for path in other.rglob("*"))
    for command in (["sync"], ["run", "python", "-c", "pass"], ["add", "speedups"]):
        ran = clone.run(*command)
        assert ran.code == 1
        assert "hint: `envsync sync --force` sets it aside and makes a new one" in ran.err
    assert clone.run("sync", "--check").code == 3
    clone.ok("sync", "--force")
    is_the_lock(clone, server)
    assert sorted(path.relative_to(other) for path in other.rglob("*")) == before
    (kept,) = (clone.venv / ".envsync/quarantine").iterdir()
    assert os.readlink(kept / ".venv") == str(other)


def test_a_path_that_a_link_leads_out_of_the_project_is_refused(
    clone: Workplace, home: Home
) -> None:
    clone.write(clone.read().replace("[env]", '[env]\npath = "envs/x"', 1))
    clone.given("lock")
    (clone.project / "envs").symlink_to("../../.config")
    before = home.state()
    for command in (["sync"], ["sync", "--force"], ["sync", "--check"], ["status"], ["verify"]):
        ran = clone.run(*command)
        assert ran.code == 1
        assert "a link on the way leads out of the project" in ran.err
        assert "hint: " in ran.err
    assert home.state() == before
    (clone.project / "envs").unlink()
    clone.ok("sync")
    (clone.project / "envs").rename(clone.project / "real")
    (clone.project / "envs").symlink_to("real")
    assert "Nothing to do" in clone.ok("sync").err  # a link that stays inside
    (clone.project / "envs").unlink()
    (clone.project / "envs").symlink_to("../../.config")
    assert clone.run("sync").code == 1
    assert home.state() == before


def test_a_dry_run_discards_nothing(clone: Workplace) -> None:
    clone.given("sync")
    write(clone.site / "notes.txt", "notes")
    clone.ok("sync")
    clone.ok("sync", "--dry-run", "--discard")
    assert list((clone.venv / ".envsync/quarantine").rglob("notes.txt"))
    assert "Deleted" in clone.ok("sync", "--discard").err
    assert not (clone.venv / ".envsync/quarantine").exists()


# Of root, for others


def test_what_root_built_is_in_sync_for_others(clone: Workplace, server: IndexServer) -> None:
    """As in a container that is built as root, and run as somebody else."""
    need_root()
    python = "/usr/bin/python3"
    if not os.access(python, os.X_OK):
        pytest.skip("no interpreter that everybody can run")
    folder = Path(tempfile.mkdtemp(prefix="of-root-"))
    try:
        folder.chmod(0o755)
        place = Workplace(folder, server.url)
        place.environ["ENVSYNC_PYTHON"] = python
        place.write(clone.read())
        place.given("sync")
        (folder / "somebody").mkdir()
        os.chown(folder / "somebody", SOMEBODY, SOMEBODY)
        environ = {
            **place.environ,
            "HOME": str(folder / "somebody"),
            "ENVSYNC_CACHE_DIR": str(folder / "somebody/cache"),
            "XDG_STATE_HOME": str(folder / "somebody/state"),
        }
        out = folder / "seen"
        for command in (["sync", "--check"], ["status"], ["sync"]):
            ran = envsync_as_user(SOMEBODY, command, place.project, environ, out)
            assert ran.code == 0, ran.err
            assert {
                "status": "Nothing differs" in ran.out,
                "sync": "matches the lock" in ran.err,
            }[command[0]]
        (place.venv / ".envsync").chmod(0o777)
        ran = envsync_as_user(SOMEBODY, ["sync", "--check"], place.project, environ, out)
        assert ran.code == 3
        assert "its manifest was not written by this user's envsync" in ran.err
        ran = envsync_as_user(SOMEBODY, ["sync"], place.project, environ, out)
        assert ran.code == 1
        assert "hint: " in ran.err
    finally:
        shutil.rmtree(folder)
