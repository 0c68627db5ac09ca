"""An environment entered, and what is said where a command can't be started in it."""

import errno
import os
from pathlib import Path

import pytest

from envsync.errors import EnvsyncError
from envsync.operations import lock, start
from envsync.operations.start import Inside, become, cannot_start, enter
from envsync.operations.ways import bring_up_to_date
from envsync.platform import execute
from envsync.project.request import Selection, SyncRequest
from tests.operations.conftest import Bench

PLAIN = SyncRequest()


@pytest.fixture
def project(bench: Bench) -> Bench:
    bench.publish(
        "base", "1.0", "A = 1\n", entry_points={"console_scripts": {"serve": "base:main"}}
    )
    bench.write('"base"', '[tasks]\nbuild = "python -V"\n')
    return bench


def entered(bench: Bench, *, no_sync: bool = False, before: list[str] | None = None) -> Inside:
    given = (bench.project, PLAIN, bench.settings, bench.told)
    if before is None:
        return enter(*given, no_sync=no_sync)
    return enter(*given, no_sync=no_sync, before_sync=lambda: before.append("called"))


def test_what_is_not_in_sync_is_synced_after_the_caller_had_a_say(project: Bench) -> None:
    calls: list[str] = []
    inside = entered(project, before=calls)
    assert calls == ["called"]
    assert inside.root == f"{project.folder}/.venv"
    assert inside.synced is not None
    assert inside.synced.lock is not None
    assert (inside.project, inside.settings) == (project.project, project.settings)
    assert (project.site / "base.py").exists()
    (project.site / "base.py").unlink()
    os.utime(project.site)
    again = entered(project)  # from memory: no lock is worked out
    assert again.synced is not None
    assert again.synced.lock is None
    assert (project.site / "base.py").exists()


def test_no_file_is_read_because_something_touched_it(project: Bench) -> None:
    """Who runs a command waits for it: an edit that hides from size and times is for `sync`."""
    entered(project)
    module = project.site / "base.py"
    before = module.stat()
    module.unlink()
    module.write_text("x" * before.st_size)
    module.chmod(before.st_mode)
    os.utime(module, ns=(before.st_atime_ns, before.st_mtime_ns))
    (project.folder / ".venv/bin/python").unlink()  # there is something to do
    assert entered(project).synced is not None
    assert module.read_text() == "x" * before.st_size
    project.sync()
    assert module.read_text() == "A = 1\n"


def test_the_seconds_of_a_sync_leave_out_those_of_locking(
    project: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock:
        """Locking takes a hundred seconds, all of a sync seven more."""

        now = 1000.0

        @classmethod
        def monotonic(cls) -> float:
            return cls.now

    def slow(*given: object) -> object:
        Clock.now += 100
        return real_resolve(*given)  # type: ignore[arg-type]

    def sync(*given: object) -> object:
        Clock.now += 7
        return real_sync(*given)  # type: ignore[arg-type]

    real_resolve, real_sync = lock._resolve, bring_up_to_date
    monkeypatch.setattr(lock, "_resolve", slow)
    monkeypatch.setattr(start, "bring_up_to_date", sync)
    monkeypatch.setattr(lock, "time", Clock)
    monkeypatch.setattr(start, "time", Clock)
    inside = entered(project)
    assert inside.synced is not None
    assert inside.synced.lock is not None
    assert (inside.synced.lock.seconds, inside.seconds) == (100, 7)


def test_what_is_in_sync_is_entered_at_once(project: Bench) -> None:
    entered(project)
    calls: list[str] = []
    inside = entered(project, before=calls)
    assert calls == []
    assert (inside.root, inside.synced, inside.seconds) == (f"{project.folder}/.venv", None, 0)


def test_without_a_sync_the_environment_is_entered_as_it_is(project: Bench) -> None:
    with pytest.raises(EnvsyncError, match="there is no environment at"):
        entered(project, no_sync=True)
    entered(project)
    (project.site / "base.py").unlink()
    calls: list[str] = []
    inside = entered(project, no_sync=True, before=calls)
    assert (inside.root, inside.synced, calls) == (f"{project.folder}/.venv", None, [])
    assert not (project.site / "base.py").exists()


# --- what can't be started ----------------------------------------------------------------------


@pytest.fixture
def inside(project: Bench) -> Inside:
    return entered(project)


def refusal(inside: Inside, name: str) -> tuple[str, str | None]:
    """Try to become a command that can't be started; gives message and hint."""
    with pytest.raises(EnvsyncError) as caught:
        become(inside, [name], dict(os.environ))
    return caught.value.message, caught.value.hint


def test_a_name_that_nobody_knows_is_told_with_what_may_be_meant(inside: Inside) -> None:
    message, hint = refusal(inside, "nobodys-command")
    assert message == f"no command nobodys-command in {inside.root} or on PATH"
    assert hint == "`envsync add NAME` adds the package that has it"
    assert refusal(inside, "srve")[1] == "`envsync run serve`"
    assert refusal(inside, "biuld")[1] == "`envsync run build`"
    (Path(inside.project.root) / "env.toml").write_text("not toml")
    assert refusal(inside, "srve")[1] == "`envsync run serve`"


def test_a_command_of_a_group_is_told_with_the_group(bench: Bench) -> None:
    bench.publish("linter", "1.0", entry_points={"console_scripts": {"lint": "linter:main"}})
    bench.write("", '[dependency-groups]\nmore = ["linter"]\n')
    bench.sync(SyncRequest(Selection(groups=("more",))))
    bench.sync()
    assert refusal(entered(bench), "lint")[1] == "linter has it: `envsync run --group more lint`"


def test_a_path_is_told_as_a_path(inside: Inside, tmp_path: Path) -> None:
    hint = "check the path; it is relative to the current folder"
    assert refusal(inside, "no/such")[1] == hint
    assert refusal(inside, "such.py")[1] == hint
    assert refusal(inside, f"{inside.root}/bin/gone")[1] == "`envsync sync` repairs the environment"


def test_a_folder_is_no_command(inside: Inside, tmp_path: Path) -> None:
    error = PermissionError(errno.EACCES, "denied", str(tmp_path))
    refused = cannot_start("x", error, inside)
    assert (refused.message, refused.hint) == (
        "x is a folder",
        "`envsync run COMMAND` wants a program",
    )


def test_a_script_whose_program_is_gone_is_told_from_one_that_is_not_there(
    inside: Inside, tmp_path: Path
) -> None:
    script = tmp_path / "script"
    script.write_text("#!/no/such/program\n")
    script.chmod(0o755)
    message, hint = refusal(inside, str(script))
    assert message.startswith(f"{script} can't be started: the program that its first line names")
    assert hint == "`envsync sync --verify` repairs the scripts of packages"


def test_what_is_not_executable_or_no_program_is_told_how_it_is_run(
    inside: Inside, tmp_path: Path
) -> None:
    for name, more in (("script.py", f", or `envsync run python {tmp_path}/script.py`"), ("x", "")):
        path = tmp_path / name
        path.write_text("print(1)\n")
        assert refusal(inside, str(path)) == (
            f"{path} can't be executed",
            f"`chmod +x {path}`{more}",
        )
    path.chmod(0o755)
    message, hint = refusal(inside, str(path))
    assert message == f"{path} is no program, and doesn't begin with a line #!/path/of/program"
    assert hint == f"name the program that reads it: `envsync run sh {path}`"


def test_any_other_reason_is_the_systems(inside: Inside) -> None:
    assert cannot_start("x", OSError(errno.E2BIG, "Too long"), inside).message == "x: Too long"
    assert cannot_start("x", OSError("odd"), inside).message == "x: odd"
    missing = FileNotFoundError(errno.ENOENT, "No such file")
    assert cannot_start("nobodys", missing, inside).message.startswith("no command nobodys in ")


def test_a_command_gets_the_environments_variables(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[str, list[str], dict[str, str]]] = []

    def note(path: str, command: list[str], environ: dict[str, str]) -> None:
        started.append((path, command, environ))
        raise OSError(errno.E2BIG, "Argument list too long")

    monkeypatch.setattr(execute, "become", note)
    with pytest.raises(EnvsyncError, match="serve: Argument list too long"):
        become(inside, ["serve", "-x"], {"PATH": "/usr/bin", "MINE": "1"})
    ((path, command, environ),) = started
    assert path == f"{inside.root}/bin/serve"
    assert command == ["serve", "-x"]
    assert (environ["VIRTUAL_ENV"], environ["MINE"]) == (inside.root, "1")
