import os
import sys
from pathlib import Path

import pytest

from envsync.errors import InterpreterNotFound, UsageError
from envsync.events import Reporter
from envsync.python.find import list_interpreters, parse_request
from envsync.python.places import Folder, find_candidates, parse_launcher_list, search_folders
from envsync.python.trust import is_inside
from tests.support.effort import calls
from tests.support.interpreters import World, fake_python, script

# Versions that no machine has, so that the interpreters really here never win.
NEWEST = "3.49"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World.made(tmp_path, monkeypatch)


# What requests mean


@pytest.mark.parametrize(
    ("text", "versions", "implementation", "free_threaded"),
    [
        ("3.12", "==3.12.*", None, False),
        ("3", "==3.*", None, False),
        ("3.12.1", "==3.12.1", None, False),
        ("3.14rc1", "==3.14rc1", None, False),
        ("3.14.0b2", "==3.14.0b2", None, False),
        ("3.13t", "==3.13.*", None, True),
        ("python3.12", "==3.12.*", None, False),
        ("python", "", None, False),
        ("cpython3.12", "==3.12.*", "cpython", False),
        ("cpython@3.12", "==3.12.*", "cpython", False),
        ("pypy", "", "pypy", False),
        ("pypy3.10", "==3.10.*", "pypy", False),
        ("pypy-3.10", "==3.10.*", "pypy", False),
        ("graalpy", "", "graalpy", False),
        (">=3.11,<3.14", "<3.14,>=3.11", None, None),
        (" ~=3.11 ", "~=3.11", None, None),
        ("pypy>=3.9", ">=3.9", "pypy", None),
    ],
)
def test_a_request_is_read(
    text: str, versions: str, implementation: str | None, free_threaded: bool | None
) -> None:
    request = parse_request(text)

    assert str(request.versions) == versions
    assert request.implementation == implementation
    assert request.free_threaded == free_threaded
    assert request.path is None


@pytest.mark.parametrize("text", ["./python", "/usr/bin/python3", "env/bin/x", "../x", "3.12/"])
def test_a_request_with_a_slash_is_a_path(text: str) -> None:
    assert parse_request(text).path == os.path.abspath(text)


def test_a_folders_name_is_a_path_and_a_version_never_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".venv").mkdir()
    (tmp_path / "3.12").mkdir()

    assert parse_request(".venv").path == str(tmp_path / ".venv")
    assert parse_request("3.12").path is None


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")

    assert parse_request("~/env").path == "/home/someone/env"


@pytest.mark.parametrize("text", ["", " ", "snake", ">=a", "3.12.1.4", "٣.١٢", "t", "3.12\n3", "~"])
def test_what_means_nothing_is_refused_with_the_forms_there_are(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_request("no such folder" if text == "~" else text)

    assert raised.value.hint is not None
    assert '"3.12"' in raised.value.hint


# Which one is chosen


def test_without_a_request_the_newest_is_chosen(world: World) -> None:
    fake_python(str(world.bin / "python3.47"), "3.47.9")
    newest = fake_python(str(world.bin / "python3.49"), "3.49.0")
    fake_python(str(world.bin / "python3.48"), "3.48.9")

    assert world.find(None).executable == newest.path


def test_requires_python_bounds_the_choice(world: World) -> None:
    fake_python(str(world.bin / "python3.49"), "3.49.0")
    fits = fake_python(str(world.bin / "python3.48"), "3.48.1")

    assert world.find(None, ">=3.40,<3.49").executable == fits.path


def test_a_version_chooses_its_newest_release(world: World) -> None:
    fake_python(str(world.bin / "python3.48"), "3.48.1")
    newer = fake_python(str(world.pyenv / "versions" / "3.48.2" / "bin" / "python3.48"), "3.48.2")
    fake_python(str(world.bin / "python3.49"), "3.49.0")

    assert world.find("3.48").executable == newer.path
    assert world.find("python3.48").executable == newer.path
    assert world.find("==3.48.*").executable == newer.path


def test_an_exact_version_chooses_exactly_it(world: World) -> None:
    exact = fake_python(str(world.bin / "python3.48"), "3.48.1")
    fake_python(str(world.pyenv / "versions" / "3.48.2" / "bin" / "python3.48"), "3.48.2")

    assert world.find("3.48.1").executable == exact.path


def test_a_stable_release_comes_before_a_newer_pre_release(world: World) -> None:
    fake_python(str(world.bin / "python3.49"), "3.49.0rc1")
    stable = fake_python(str(world.bin / "python3.48"), "3.48.0")

    assert world.find(None).executable == stable.path


def test_a_pre_release_is_chosen_when_asked_for_or_when_nothing_else_fits(world: World) -> None:
    fake_python(str(world.bin / "python3.48"), "3.48.0")
    candidate = fake_python(str(world.bin / "python3.49"), "3.49.0rc1")

    assert world.find("3.49").executable == candidate.path
    assert world.find("3.49rc1").executable == candidate.path
    assert world.find("3.49.0rc1").executable == candidate.path
    assert world.find(">=3.49").executable == candidate.path
    assert world.find(None, ">=3.49").executable == candidate.path


def test_a_pre_release_is_not_its_release(world: World) -> None:
    fake_python(str(world.bin / "python3.49"), "3.49.0rc1")

    with pytest.raises(InterpreterNotFound):
        world.find("3.49.0")
    with pytest.raises(InterpreterNotFound):
        world.find("<3.49")


def test_of_equal_versions_the_first_on_path_is_chosen(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = fake_python(str(world.root / "one" / "python3.48"), "3.48.1")
    two = fake_python(str(world.root / "two" / "python3.48"), "3.48.1")

    for first, second in ((one, two), (two, one)):
        folders = [os.path.dirname(first.path), os.path.dirname(second.path)]
        monkeypatch.setenv("PATH", os.pathsep.join(folders))
        assert world.find("3.48").executable == first.path


def test_envsyncs_own_interpreter_wins_ties(world: World) -> None:
    version = "{}.{}.{}".format(*sys.version_info)
    fake_python(str(world.bin / f"python3.{sys.version_info.minor}"), version)

    own = world.find(version, None).executable

    assert os.path.realpath(own) == os.path.realpath(sys.executable)


def test_cpython_with_its_lock_comes_before_others(world: World) -> None:
    pypy = fake_python(str(world.bin / "pypy3.49"), "3.49.0", implementation="pypy")
    threaded = fake_python(str(world.bin / "python3.49t"), "3.49.0", free_threaded=True)
    plain = fake_python(str(world.bin / "python3.48"), "3.48.0")

    assert world.find(None).executable == plain.path
    assert world.find("pypy").executable == pypy.path
    assert world.find("pypy3.49").executable == pypy.path
    assert world.find("3.49t").executable == threaded.path
    assert world.find("3.49").executable == pypy.path
    with pytest.raises(InterpreterNotFound):
        world.find("cpython3.49")


def test_what_names_tell_wrongly_is_found_out(world: World) -> None:
    fake_python(str(world.bin / "python3.49"), "3.41.0")
    right = fake_python(str(world.bin / "python3.48"), "3.48.0")

    assert world.find(None).executable == right.path


def test_a_file_without_a_version_in_its_name_is_asked_when_nothing_else_fits(
    world: World,
) -> None:
    nameless = fake_python(str(world.bin / "python"), "3.48.0")
    named = fake_python(str(world.bin / "python3.47"), "3.47.0")

    assert world.find(">=3.40").executable == named.path
    assert nameless.times_asked == 0
    assert world.find("3.48").executable == nameless.path


def test_uvs_folder_is_looked_through(world: World) -> None:
    home = world.uv / "cpython-3.48.3-linux-x86_64-gnu"
    uvs = fake_python(str(home / "bin" / "python3.48"), "3.48.3")
    (world.uv / "cpython-3.48-linux-x86_64-gnu").symlink_to(home)

    assert world.find("3.48").executable == uvs.path


def test_an_active_environment_leads_to_its_base(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = fake_python(str(world.root / "base" / "python3.48"), "3.48.0")
    inside = script(str(world.root / "env" / "bin" / "python3.48"), "exit 1")
    (world.root / "env" / "pyvenv.cfg").write_text(f"home = {world.root}/base\n")
    monkeypatch.setenv("PATH", os.path.dirname(inside.path))

    assert world.find("3.48").executable == base.path
    assert inside.times_asked == 0


# How little is asked


def test_a_versioned_request_asks_only_interpreters_of_that_version(world: World) -> None:
    others = [fake_python(str(world.bin / f"python3.4{n}"), f"3.4{n}.0") for n in (5, 6, 7, 9)]
    wanted = fake_python(str(world.bin / "python3.48"), "3.48.0")
    (world.bin / "python3").symlink_to("python3.48")

    assert world.find("3.48").executable == wanted.path
    assert wanted.times_asked == 1
    assert [other.times_asked for other in others] == [0, 0, 0, 0]


def test_the_newest_is_found_without_asking_older_ones(world: World) -> None:
    older = fake_python(str(world.bin / "python3.48"), "3.48.0")
    newest = fake_python(str(world.bin / "python3.49"), "3.49.0")

    world.find(None)

    assert (newest.times_asked, older.times_asked) == (1, 0)


def test_pythons_too_old_to_be_used_are_never_asked(world: World) -> None:
    old = [script(str(world.bin / name), "exit 1") for name in ("python2.7", "python3.7")]

    with pytest.raises(InterpreterNotFound):
        world.find(None)

    assert [one.times_asked for one in old] == [0, 0]


def test_pyenvs_shims_are_not_asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    shim = script(str(world.pyenv / "shims" / "python3.48"), "exit 1")
    real = fake_python(str(world.pyenv / "versions" / "3.48.1" / "bin" / "python3.48"), "3.48.1")
    monkeypatch.setenv("PATH", os.path.dirname(shim.path))

    assert world.find("3.48").executable == real.path
    assert shim.times_asked == 0


# Remembering the choice


def test_a_choice_is_remembered(world: World) -> None:
    wanted = fake_python(str(world.bin / "python3.48"), "3.48.0")

    assert world.find("3.48") == world.find("3.48")
    assert wanted.times_asked == 1


def test_a_newly_installed_interpreter_is_noticed(world: World) -> None:
    fake_python(str(world.bin / "python3.48"), "3.48.0")
    world.find(None)

    newer = fake_python(str(world.pyenv / "versions" / "3.49.0" / "bin" / "python3.49"), "3.49.0")

    assert world.find(None).executable == newer.path


def test_a_vanished_interpreter_is_noticed(world: World) -> None:
    newest = fake_python(str(world.pyenv / "versions" / "3.49.0" / "bin" / "python3.49"), "3.49.0")
    left = fake_python(str(world.bin / "python3.48"), "3.48.0")
    world.find(None)

    os.unlink(newest.path)

    assert world.find(None).executable == left.path


def test_an_interpreter_that_became_another_version_is_noticed(world: World) -> None:
    path = str(world.bin / "python3.48")
    fake_python(path, "3.48.0")
    first = world.find("3.48")

    fake_python(path, "3.48.1")
    os.utime(path, (1, 1))

    assert (first.version, world.find("3.48").version) == ("3.48.0", "3.48.1")


def test_a_shims_choice_is_not_remembered(world: World) -> None:
    one = fake_python(str(world.root / "one" / "python3.48"), "3.48.1")
    two = fake_python(str(world.root / "two" / "python3.48"), "3.48.2")
    where = world.root / "where"
    where.write_text(f"{one.path}\n")
    script(str(world.bin / "python3.48"), f'read real < "{where}"; exec "$real" "$@"')

    first = world.find("3.48")
    where.write_text(f"{two.path}\n")
    second = world.find("3.48")

    assert (first.executable, second.executable) == (one.path, two.path)


def test_a_remembered_choice_takes_few_steps(world: World) -> None:
    fake_python(str(world.bin / "python3.48"), "3.48.0")
    world.find("3.48")

    assert calls(lambda: world.find("3.48")) < 12_000


# Paths


def test_a_path_to_an_executable_or_a_folder(world: World) -> None:
    home = world.root / "opt" / "python"
    real = fake_python(str(home / "bin" / "python3"), "3.48.0")

    for request in (real.path, str(home), str(home / "bin"), os.path.relpath(home)):
        assert world.find(request).executable == real.path


def test_a_path_to_an_environment_leads_to_its_base(world: World) -> None:
    base = fake_python(str(world.root / "base" / "python3.48"), "3.48.0")
    root = world.root / "env"
    (root / "bin").mkdir(parents=True)
    (root / "bin" / "python").symlink_to("/nowhere/python3.48")
    (root / "pyvenv.cfg").write_text(f"home = {world.root}/base\n")

    assert world.find(str(root)).executable == base.path


def test_a_path_outside_requires_python_is_refused(world: World) -> None:
    real = fake_python(str(world.root / "python3"), "3.39.0")

    with pytest.raises(InterpreterNotFound) as raised:
        world.find(real.path)

    assert f"3.39.0  {real.path}: outside requires-python >=3.40" in str(raised.value)


def test_a_folder_without_an_interpreter_and_a_missing_path_are_told_so(world: World) -> None:
    with pytest.raises(InterpreterNotFound, match="a folder without an interpreter"):
        world.find(str(world.bin))
    with pytest.raises(InterpreterNotFound, match="no such file or directory"):
        world.find(str(world.root / "nothing"))


# A hostile project


def test_empty_and_relative_entries_of_path_are_skipped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = world.root / "project"
    evil = [
        script(str(project / folder / name), "exit 1")
        for folder in ("", "bin")
        for name in ("python3.48", "python3.49", "python")
    ]
    monkeypatch.chdir(project)
    monkeypatch.setenv("PATH", f":.:bin:./bin:{world.bin}:")
    good = fake_python(str(world.bin / "python3.48"), "3.48.0")

    assert world.find("3.48").executable == good.path
    with pytest.raises(InterpreterNotFound):
        world.find("3.49")
    assert [one.times_asked for one in evil] == [0] * 6


@pytest.mark.parametrize("request_text", ["./python", "bin/python", "env", "link"])
def test_a_projects_file_cannot_name_an_interpreter_inside_the_project(
    request_text: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = world.root / "project"
    evil = [
        script(str(project / path), "exit 1") for path in ("python", "bin/python", "env/bin/python")
    ]
    outside = fake_python(str(world.root / "outside" / "python3"), "3.48.0")
    (project / "link").symlink_to(world.root / "outside")
    monkeypatch.chdir(project)

    with pytest.raises(UsageError, match="inside the project is not run"):
        world.find(request_text, never_inside=str(project))
    assert [one.times_asked for one in evil] == [0, 0, 0]
    monkeypatch.setenv("PATH", os.path.dirname(outside.path))
    assert world.find(outside.path, never_inside=str(project)).executable == outside.path


def test_an_interpreter_inside_the_project_is_not_found_by_version_either(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = world.root / "project"
    evil = script(str(project / "bin" / "python3.48"), "exit 1")
    monkeypatch.setenv("PATH", str(project / "bin"))

    with pytest.raises(InterpreterNotFound):
        world.find("3.48", never_inside=str(project))
    assert evil.times_asked == 0


@pytest.mark.parametrize(
    ("path", "folder", "inside"),
    [("/a/b", "/a", True), ("/a", "/a", True), ("/ab", "/a", False), ("/a/../b", "/a", False)],
)
def test_is_inside(path: str, folder: str, inside: bool) -> None:
    assert is_inside(path, folder) is inside


# Nothing fits


def test_when_none_fits_the_error_lists_what_was_found_newest_first(world: World) -> None:
    fake_python(str(world.bin / "python3.48"), "3.48.0")
    script(str(world.bin / "python3.47"), "echo broken; exit 3")
    fake_python(str(world.bin / "pypy3.49"), "3.49.0", implementation="pypy")

    with pytest.raises(InterpreterNotFound) as raised:
        world.find("3.47", ">=3.40")

    lines = str(raised.value).splitlines()
    assert lines[0] == "no Python interpreter for 3.47 within requires-python >=3.40; found:"
    assert lines[1:3] == [
        f"  3.48  {world.bin}/python3.48",
        f"  {world.bin}/python3.47: ended with exit code 3: broken",
    ]
    assert f"  pypy 3.49  {world.bin}/pypy3.49" in lines
    assert raised.value.hint is not None


def test_a_broken_interpreter_is_passed_over_and_reported(world: World) -> None:
    class Details(Reporter):
        def __init__(self) -> None:
            self.lines: list[str] = []

        def detail(self, text: str) -> None:
            self.lines.append(text)

    script(str(world.bin / "python3.49"), "echo broken; exit 3")
    good = fake_python(str(world.bin / "python3.48"), "3.48.0")
    details = Details()

    assert world.find(None, reporter=details).executable == good.path
    assert details.lines == [f"passed over {world.bin}/python3.49: ended with exit code 3: broken"]


# Listing


def test_all_working_interpreters_are_listed_best_first(world: World) -> None:
    fake_python(str(world.bin / "python3.48"), "3.48.0")
    fake_python(str(world.bin / "python3.49"), "3.49.0rc1")
    fake_python(str(world.bin / "pypy3.49"), "3.49.0", implementation="pypy")
    script(str(world.bin / "python3.47"), "exit 3")

    listed = [
        (target.implementation, target.version)
        for target in list_interpreters(world.cache)
        if target.version.startswith("3.4")
    ]

    assert listed == [("cpython", "3.48.0"), ("cpython", "3.49.0rc1"), ("pypy", "3.49.0")]


# Folders


def test_folders_are_those_of_path_then_pyenv_then_uv_then_the_systems(world: World) -> None:
    (world.pyenv / "versions" / "3.48.1").mkdir()
    (world.uv / "cpython-3.47.2-linux-x86_64-gnu").mkdir()
    (world.uv / "pypy-3.10.14-linux-x86_64-gnu").mkdir()

    folders = search_folders(os.environ)

    assert folders[:6] == (
        Folder(str(world.bin)),
        Folder(str(world.pyenv / "versions")),
        Folder(str(world.pyenv / "versions" / "3.48.1" / "bin"), (3, 48, 1)),
        Folder(str(world.uv)),
        Folder(str(world.uv / "pypy-3.10.14-linux-x86_64-gnu" / "bin")),
        Folder(str(world.uv / "cpython-3.47.2-linux-x86_64-gnu" / "bin"), (3, 47, 2)),
    )
    assert Folder("/usr/bin") in folders


def test_one_file_under_many_names_is_one_candidate(world: World) -> None:
    fake_python(str(world.bin / "python3.48"), "3.48.0")
    for name in ("python", "python3"):
        (world.bin / name).symlink_to("python3.48")
    (world.root / "more").symlink_to(world.bin)
    folders = [Folder(str(world.root / "more")), Folder(str(world.bin))]

    candidates = [c for c in find_candidates(folders, os.environ) if c.version[:2] == (3, 48)]

    assert [(c.real, c.version) for c in candidates] == [(str(world.bin / "python3.48"), (3, 48))]


def test_names_that_only_look_like_interpreters_are_none(world: World) -> None:
    for name in ("python3.48-config", "python3-embed", "ipython3", "pythonw", "python3.48.py"):
        script(str(world.bin / name), "exit 1")
    (world.bin / "python3.48").mkdir()
    (world.bin / "python3.47").write_text("not executable")

    folders = [Folder(str(world.bin))]

    assert [c for c in find_candidates(folders, os.environ) if not c.own] == []


def test_the_windows_launchers_list_is_read() -> None:
    text = (
        "Installed Pythons found by C:\\Windows\\py.exe Launcher for Windows\n"
        " -V:3.13 *        C:\\Users\\me\\AppData\\Local\\Programs\\Python\\Python313\\python.exe\n"
        " -V:3.12          C:\\Program Files\\Python312\\python.exe\n"
        " -V:ContinuumAnalytics/py39_4.12.0-64 C:\\conda\\python.exe\n"
        " -3.8-64          C:\\Python38\\python.exe\n"
        "\n"
    )

    assert parse_launcher_list(text) == [
        Folder("C:\\Users\\me\\AppData\\Local\\Programs\\Python\\Python313", (3, 13)),
        Folder("C:\\Program Files\\Python312", (3, 12)),
        Folder("C:\\conda"),
        Folder("C:\\Python38", (3, 8)),
    ]
