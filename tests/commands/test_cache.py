"""The cache seen, trimmed, emptied and verified, and syncs that lose it under their hands."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.operations.cache import BUCKETS
from tests.commands.conftest import SPEC, publish
from tests.support.command import Workplace
from tests.support.index_server import IndexServer
from tests.support.wheels import make_sdist, make_wheel

MONTHS = 90 * 86_400.0


def age(place: Workplace, seconds: float = MONTHS) -> None:
    """Let everything in the cache have been used long ago."""
    then = time.time() - seconds
    for path in sorted(place.cache.rglob("*"), reverse=True):
        if "tree" not in path.relative_to(place.cache).parts:
            os.utime(path, (then, then), follow_symlinks=False)


def wheels(place: Workplace) -> list[str]:
    """The packages whose wheels are unpacked in the store."""
    manifests = (place.cache / "wheels-v1").glob("[0-9a-f]*/manifest")
    found = (path.read_text().split("\nname ")[1].split("\n")[0] for path in manifests)
    return sorted(found)


def document(place: Workplace, *arguments: str) -> dict[str, object]:
    """The JSON that a command gives."""
    value = json.loads(place.ok("cache", *arguments, "--json").out)
    assert isinstance(value, dict)
    return value


def outside_is_whole(folder: Path) -> bool:
    return (folder / "keep/deep.txt").read_text() == "kept"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that nothing may reach."""
    folder = tmp_path / "outside"
    (folder / "keep").mkdir(parents=True)
    (folder / "keep/deep.txt").write_text("kept")
    return folder


# --- dir and size -------------------------------------------------------------------------------


def test_dir_prints_the_folder(place: Workplace) -> None:
    assert place.ok("cache", "dir").out == f"{place.cache}\n"
    assert document(place, "dir")["cache"] == str(place.cache)


def test_size_of_nothing_is_nothing(place: Workplace) -> None:
    assert document(place, "size")["bytes"] == 0
    assert "total" in place.ok("cache", "size").out


def test_size_is_what_the_disk_says_and_links_count_once(project: Workplace) -> None:
    project.given("sync")
    found = document(project, "size")
    inodes = {
        (status.st_dev, status.st_ino): status.st_blocks * 512
        for path in project.cache.rglob("*")
        if path.name != "CACHEDIR.TAG"
        for status in [path.lstat()]
    }
    assert found["bytes"] == sum(inodes.values())
    buckets = found["buckets"]
    assert isinstance(buckets, dict)
    assert buckets["wheels-v1"]["entries"] == 3
    before = buckets["wheels-v1"]
    assert 0 < before["shared_bytes"] < before["bytes"]
    shutil.rmtree(project.venv)
    assert document(project, "size")["shared_bytes"] == 0
    assert "wheels-v1" in project.ok("cache", "size").out


def test_whatever_a_full_run_keeps_lies_in_a_declared_bucket(
    project: Workplace, server: IndexServer
) -> None:
    filename, content = make_sdist("sourced", "1.0", {"src/sourced.py": "X = 1\n"})
    server.add("sourced", filename, content)
    direct = make_wheel("direct", "1.0", {"direct.py": ""})
    server.add("elsewhere", *direct)
    project.given("lock")
    project.write(
        SPEC.replace('["webby"]', '["webby", "sourced", "direct"]')
        + f'[sources]\ndirect = {{ url = "{server.file_url("elsewhere", direct[0])}" }}\n'
    )
    project.given("lock", "--allow-build", "sourced")
    project.given("sync", "--compile-bytecode")
    project.given("tree")
    (project.project / "script.py").write_text("# /// script\n# dependencies = []\n# ///\n")
    project.ok("run", "script.py")

    there = {path.name for path in project.cache.iterdir() if path.is_dir()}
    assert there <= {bucket.name for bucket in BUCKETS}
    unused = {"completion-v1", "git-v1", "refuted-v2", "workspaces-v1"}
    assert {bucket.name for bucket in BUCKETS} - there == unused


# --- registered environments --------------------------------------------------------------------


def test_a_sync_registers_what_its_environment_uses(project: Workplace) -> None:
    project.given("sync", "--compile-bytecode")
    (record,) = (project.cache / "environments-v1").iterdir()
    lines = record.read_text().splitlines()
    assert lines[1] == f"root {project.venv}"
    entries = {line.split("\t")[1] for line in lines if "\t" in line}
    there = {
        f"{path.parent.name}/{path.name}"
        for bucket in ("wheels-v1", "bytecode-v1")
        for path in (project.cache / bucket).iterdir()
    }
    assert entries == there
    written = record.stat().st_mtime_ns
    project.ok("sync")
    assert record.stat().st_mtime_ns == written
    record.unlink()
    project.ok("sync", "--frozen")  # looks closer than the stamp
    assert {line.split("\t")[1] for line in record.read_text().splitlines() if "\t" in line} == (
        entries
    )


def test_what_is_kept_stays_registered_and_what_goes_does_not(project: Workplace) -> None:
    project.given("sync")
    project.write(SPEC.replace('["webby"]', '["base"]'))
    project.ok("sync")
    (record,) = (project.cache / "environments-v1").iterdir()
    names = [line.split("\t")[0] for line in record.read_text().splitlines() if "\t" in line]
    assert names == ["base", "checker"]


def test_a_store_that_takes_no_record_is_no_error(project: Workplace) -> None:
    project.given("sync")
    shutil.rmtree(project.cache / "environments-v1")
    (project.cache / "environments-v1").write_text("in the way")
    shutil.rmtree(project.venv)
    project.ok("sync")


# --- prune --------------------------------------------------------------------------------------


def test_prune_keeps_what_is_used_or_new(project: Workplace) -> None:
    project.given("sync")
    assert "Nothing to delete" in project.ok("cache", "prune").err
    age(project)
    project.ok("cache", "prune")
    assert wheels(project) == ["base", "checker", "webby"]
    project.write(SPEC.replace('["webby"]', '["base"]'))
    project.ok("sync")
    age(project)
    ran = project.ok("cache", "prune", "--dry-run")
    assert "Would delete" in ran.err
    assert wheels(project) == ["base", "checker", "webby"]
    assert "freed" in project.ok("cache", "prune").err
    assert wheels(project) == ["base", "checker"]


def test_prune_takes_what_only_a_gone_environment_used(project: Workplace) -> None:
    project.given("sync", "--compile-bytecode")
    shutil.rmtree(project.venv)
    project.ok("cache", "prune")
    assert wheels(project) == ["base", "checker", "webby"]
    age(project)
    found = document(project, "prune")
    assert wheels(project) == []
    assert os.listdir(project.cache / "bytecode-v1") == []
    assert os.listdir(project.cache / "environments-v1") == []
    assert isinstance(found["freed"], int)
    assert found["freed"] > 0


def test_use_is_noted_once_a_day_and_protects(project: Workplace) -> None:
    project.given("sync")
    shutil.rmtree(project.venv)
    age(project)
    project.ok("sync")
    shutil.rmtree(project.venv)
    project.ok("cache", "prune")
    assert wheels(project) == ["base", "checker", "webby"]
    age(project, 7200)
    manifests = list((project.cache / "wheels-v1").glob("*/manifest"))
    before = [path.stat().st_mtime_ns for path in manifests]
    project.ok("sync")
    assert [path.stat().st_mtime_ns for path in manifests] == before


def test_prune_removes_leftovers_damage_and_old_formats(project: Workplace) -> None:
    project.given("sync")
    made = ["wheels-v1/.damaged-1/x", "wheels-v1/.removed-1/x", "wheels-v1/.staging-1/tree/x"]
    made += ["downloads-v1/fetch-1/x", "builds-v1/build-1/x", "partial-v1/direct-1/x"]
    made += ["wheels-v0/old", "bytecode-v0/old", "http-v0/x"]
    for name in made:
        path = project.cache / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    (project.cache / "wheels-v2").mkdir()
    (project.cache / "notes-v1").mkdir()
    (project.cache / "notes.txt").write_text("mine")
    age(project, 2 * 86_400)
    project.ok("cache", "prune")
    assert [name for name in made if (project.cache / name).exists()] == []
    assert (project.cache / "wheels-v2").exists()
    assert (project.cache / "notes-v1").exists()
    assert (project.cache / "notes.txt").read_text() == "mine"
    assert wheels(project) == ["base", "checker", "webby"]


def test_what_a_living_process_works_in_stays(project: Workplace) -> None:
    project.given("sync")
    code = (
        "import sys, time\nfrom envsync.cache.scratch import scratch\n"
        f"with scratch({str(project.cache / 'downloads-v1')!r}, 'fetch-') as folder:\n"
        "    print(folder, flush=True)\n    time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip())
    try:
        os.utime(folder, (time.time() - MONTHS,) * 2)
        for command in (["prune", "--unused-for", "0"], ["clean"]):
            ran = project.ok("cache", *command)
            assert folder.is_dir()
            assert "Left alone" in ran.err
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    project.ok("cache", "prune")
    assert not folder.exists()


def test_prune_keeps_to_a_size_and_to_the_newest(project: Workplace, server: IndexServer) -> None:
    names = [f"big{number}" for number in range(5)]
    for name in names:
        publish(server, make_wheel(name, "1.0", {f"{name}.py": "x" * 500_000}))
    project.write(f"[env]\ndependencies = {json.dumps(names)}\n")
    project.given("sync")
    shutil.rmtree(project.venv)
    age(project)
    for number, name in enumerate(names):
        (tree,) = (project.cache / "wheels-v1").glob(f"*/tree/{name}.py")
        then = time.time() - 86_400 * (10 - number)
        os.utime(tree.parent.parent / "manifest", (then, then))
    ran = project.ok("cache", "prune", "--unused-for", "1000", "--max-size", "1.2MB")
    assert "freed" in ran.err
    assert wheels(project) == ["big3", "big4"]
    size = document(project, "size")["bytes"]
    assert isinstance(size, int)
    assert size < 1_400_000
    environ = {"ENVSYNC_CACHE_MAX_SIZE": "0"}
    project.run("cache", "prune", "--unused-for", "1000", environ=environ)
    assert wheels(project) == []


def test_a_size_never_costs_an_environment_of_symbolic_links_its_files(project: Workplace) -> None:
    project.write(SPEC + '[sync]\nlink-mode = "symlink"\n')
    project.given("sync")
    age(project)
    project.ok("cache", "prune", "--max-size", "0")
    assert wheels(project) == ["base", "checker", "webby"]
    assert project.python("import webby; print(1)") == "1"


@pytest.mark.parametrize("text", ["x", "3x", "-1", "", "GB", "1e400"])
@pytest.mark.parametrize("way", ["flag", "variable"])
def test_a_size_that_is_none_is_refused(place: Workplace, text: str, way: str) -> None:
    if way == "flag":
        ran = place.here("cache", "prune", f"--max-size={text}")
    elif text:
        ran = place.here("cache", "prune", environ={"ENVSYNC_CACHE_MAX_SIZE": text})
    else:
        return
    assert ran.code == 2
    assert "expected a size" in ran.err


# --- clean --------------------------------------------------------------------------------------


def test_clean_empties_the_cache_and_environments_stay_whole(project: Workplace) -> None:
    project.given("sync", "--compile-bytecode")
    before = project.files()
    ran = project.ok("cache", "clean", "--dry-run")
    assert wheels(project) == ["base", "checker", "webby"]
    assert "Would delete" in ran.err
    project.ok("cache", "clean")
    left = [path for path in project.cache.rglob("*") if not path.is_dir()]
    assert [path.name for path in left] == ["CACHEDIR.TAG"]
    assert project.files() == before
    project.ok("sync", "--check")
    assert project.python("import webby; print(1)") == "1"
    shutil.rmtree(project.venv)
    project.ok("sync")
    assert wheels(project) == ["base", "checker", "webby"]


def test_clean_of_packages_takes_them_alone(project: Workplace) -> None:
    project.given("sync", "--compile-bytecode")
    ran = project.ok("cache", "clean", "Webby", "nothing")
    assert "Deleted" in ran.err
    assert wheels(project) == ["base", "checker"]
    assert len(os.listdir(project.cache / "bytecode-v1")) == 2
    text = b"".join(
        path.read_bytes()
        for bucket in ("http-v4", "metadata-v3", "core-v3")
        for path in (project.cache / bucket).rglob("*")
        if path.is_file()
    )
    assert b"Webby" not in text
    assert b"webby-1.5" not in text
    assert "Nothing to delete" in project.ok("cache", "clean", "webby").err
    assert project.run("cache", "clean", "../x").code == 2


def test_clean_knows_wheels_that_were_built(project: Workplace, server: IndexServer) -> None:
    filename, content = make_sdist("sourced", "1.0", {"src/sourced.py": "X = 1\n"})
    server.add("sourced", filename, content)
    project.write(SPEC.replace('["webby"]', '["sourced"]'))
    project.given("lock", "--allow-build", "sourced")
    project.given("sync")
    assert len(list((project.cache / "built-v3").glob("[0-9a-f]*"))) == 1
    project.ok("cache", "clean", "sourced")
    assert list((project.cache / "built-v3").glob("[0-9a-f]*")) == []
    assert "sourced" not in wheels(project)


@pytest.mark.parametrize("action", ["clean", "prune", "verify"])
def test_a_folder_of_something_else_is_refused(
    place: Workplace, outside: Path, action: str
) -> None:
    ran = place.run("cache", action, "--cache-dir", str(outside))
    assert ran.code == 2
    assert "is not a cache of envsync" in ran.err
    assert outside_is_whole(outside)


@pytest.mark.parametrize("action", ["clean", "prune"])
def test_a_cache_that_is_not_there_is_clean(place: Workplace, action: str) -> None:
    assert "Nothing to delete" in place.ok("cache", action).err


@pytest.mark.parametrize("action", [["clean"], ["prune", "--unused-for", "0"], ["verify"]])
def test_links_are_never_followed_out(project: Workplace, outside: Path, action: list[str]) -> None:
    project.given("sync")
    (entry, *_) = sorted((project.cache / "wheels-v1").iterdir())
    tree = entry / "tree"
    os.symlink(outside, tree / "away")
    os.symlink(outside, project.cache / "wheels-v1" / ("0" * 64))
    os.symlink(outside, project.cache / "wheels-v1" / ".staging-x")
    os.symlink(outside, project.cache / "downloads-v1" / "fetch-x")
    os.symlink(outside, project.cache / "built-v3")
    os.symlink(outside, project.cache / "http-v4" / "zz")
    shutil.rmtree(project.venv)
    age(project)
    project.run("cache", *action)
    assert outside_is_whole(outside)


# --- verify -------------------------------------------------------------------------------------


def poison(path: Path) -> None:
    status = path.stat()
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"1", b"9").replace(b"V", b"W"))
    path.chmod(0o444)
    os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))


def truncate(path: Path) -> None:
    path.chmod(0o644)
    os.truncate(path, 3)


DAMAGE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "bytes": ("wheels-v1/*/tree/base.py", poison),
    "missing": ("wheels-v1/*/tree/base.py", Path.unlink),
    "added": ("wheels-v1/*/tree/base.py", lambda path: (path.parent / "more.py").write_text("")),
    "manifest": (
        "wheels-v1/*/tree/base.py",
        lambda p: truncate(p.parent.parent / "manifest"),
    ),
    "no manifest": ("wheels-v1/*/tree/base.py", lambda p: (p.parent.parent / "manifest").unlink()),
    "bytecode": ("bytecode-v1/*/tree/__pycache__/base.*.pyc", poison),
}


def test_verify_of_a_whole_store(project: Workplace) -> None:
    project.given("sync", "--compile-bytecode")
    assert "6 entries of the cache are whole" in project.ok("cache", "verify").err


@pytest.mark.matrix(3)
@pytest.mark.parametrize("name", DAMAGE)
def test_verify_finds_damage_and_sets_it_aside(project: Workplace, name: str) -> None:
    project.given("sync", "--compile-bytecode")
    pattern, damage = DAMAGE[name]
    (path,) = project.cache.glob(pattern)
    damage(path)
    ran = project.run("cache", "verify")
    assert ran.code == 3
    assert "was set aside" in ran.err
    if name in ("bytes", "bytecode"):
        assert f"{project.venv} uses it" in ran.err
    assert project.run("cache", "verify").code == 0
    shutil.rmtree(project.venv)
    project.ok("sync", "--compile-bytecode")
    project.ok("verify")
    assert project.python("import base; print(base.VERSION)") == "2"
    found = json.loads(project.run("cache", "verify", "--json").out)
    assert (found["entries"], found["damaged"]) == (6, [])


def test_verify_finds_a_damaged_built_wheel(project: Workplace, server: IndexServer) -> None:
    filename, content = make_sdist("sourced", "1.0", {"src/sourced.py": "X = 1\n"})
    server.add("sourced", filename, content)
    project.write(SPEC.replace('["webby"]', '["sourced"]'))
    project.given("lock", "--allow-build", "sourced")
    project.given("sync")
    (path,) = (project.cache / "built-v3").glob("*/*.whl")
    poison(path)
    ran = project.run("cache", "verify", "--json")
    assert ran.code == 3
    (damage,) = json.loads(ran.out)["damaged"]
    assert (damage["package"], damage["problems"]) == (
        "sourced 1.0",
        [f"{path.name} is damaged"],
    )


# --- syncs that lose the store under their hands ------------------------------------------------


def many(server: IndexServer, count: int) -> list[str]:
    names = [f"many{number}" for number in range(count)]
    for name in names:
        files = {f"{name}/m{at}.py": f"X = {at}\n" for at in range(40)}
        scripts = {f"scripts/{name}-tool": "#!python\nprint(1)\n"}
        publish(server, make_wheel(name, "1.0", files, data=scripts))
    return names


def in_a_loop(act: Callable[[], None]) -> tuple[threading.Thread, threading.Event]:
    """Do something again and again beside the test."""
    stop = threading.Event()

    def repeat() -> None:
        while not stop.is_set():
            act()
            time.sleep(0.05)

    thread = threading.Thread(target=repeat)
    thread.start()
    return thread, stop


@pytest.mark.parametrize("command", [["clean"], ["prune", "--unused-for", "0"]])
def test_cleaning_never_breaks_a_live_sync(
    place: Workplace, server: IndexServer, command: list[str]
) -> None:
    """Syncs run while the store is emptied again and again: each ends with the exact files."""
    place.write(f"[env]\ndependencies = {json.dumps(many(server, 6))}\n")
    place.given("sync", "--compile-bytecode")
    wanted = place.files()
    codes: list[int] = []
    thread, stop = in_a_loop(lambda: codes.append(place.run("cache", *command).code))
    try:
        for _ in range(3):
            shutil.rmtree(place.venv)
            place.ok("sync")
            assert place.files() == wanted
    finally:
        stop.set()
        thread.join()
    assert set(codes) == {0}
    place.ok("sync", "--check")


@pytest.mark.parametrize("what", ["wheels-v1", "downloads-v1", "."])
def test_a_store_that_is_deleted_by_hand_is_made_anew(
    place: Workplace, server: IndexServer, what: str
) -> None:
    place.write(f"[env]\ndependencies = {json.dumps(many(server, 6))}\n")
    place.given("sync")
    wanted = place.files()
    for moment in (0.2, 0.4, 0.6):
        shutil.rmtree(place.venv)
        shutil.rmtree(place.cache / "wheels-v1", ignore_errors=True)
        doom = threading.Timer(moment, shutil.rmtree, [place.cache / what], {"ignore_errors": True})
        doom.start()
        place.ok("sync")
        doom.join()
        assert place.files() == wanted


def test_a_clean_that_is_killed_leaves_nothing_half(project: Workplace) -> None:
    project.given("sync")
    for moment in (0.1, 0.15, 0.2, 0.25, 0.3):
        process = subprocess.Popen(
            [sys.executable, "-m", "envsync", "cache", "clean"],
            cwd=project.project,
            env=project.environ,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        process.wait()
        shutil.rmtree(project.venv)
        project.ok("sync")
        project.ok("verify")
    project.ok("cache", "prune")
    left = [path.name for path in (project.cache / "wheels-v1").iterdir()]
    assert [name for name in left if name.startswith(".")] == []
