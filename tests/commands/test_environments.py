"""What people do with an environment after `sync`: enter it, or change the Python below it."""

import json
import os
import shutil
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from envsync.venv.activate import quote_nu
from tests.commands.conftest import SPEC, publish
from tests.support.command import Ran, Workplace
from tests.support.index_server import IndexServer
from tests.support.interpreters import fake_python, installed_interpreters, script
from tests.support.shells import NU, SHELLS, Shell, run_steps, session
from tests.support.wheels import make_wheel

PLAIN = '[env]\nname = "shop"\nrequires-python = ">=3.8"\ndependencies = ["base"]\n'
PROBE = """\
import json, os, sys, base
with open(os.environ["OUT"] + "/probe", "w") as file:
    json.dump([sys.prefix, sys.executable, base.__file__, base.VERSION], file)
"""
CODE = "import base; print(base.VERSION)"


def refused(place: Workplace, *arguments: str) -> Ran:
    """Run a command that must fail with a message and change nothing."""
    before = place.files()
    ran = place.run(*arguments)
    assert ran.code in (1, 2), ran.err
    assert ran.err.startswith("error: ")
    assert place.files() == before
    return ran


# In real shells


def in_shell(shell: Shell, root: str) -> Shell:
    """Nushell wants the path of what it reads written out."""
    if shell.name == "nu":
        return shell._replace(activate=f"overlay use {quote_nu(f'{root}/bin/activate.nu')}")
    return shell


@pytest.mark.parametrize("shell", [*SHELLS, NU], ids=lambda shell: shell.name)
def test_a_locked_package_is_imported_in_an_activated_shell(
    shell: Shell, project: Workplace, tmp_path: Path
) -> None:
    if not shell.installed:
        pytest.skip(f"{shell.command[0]} is not installed")
    project.given("sync")
    root = str(project.venv)
    where = session(str(tmp_path / "session"))
    probe = tmp_path / "probe.py"
    probe.write_text(PROBE)

    answer = run_steps(
        in_shell(shell, root),
        [
            *["dump before", "activate ROOT", "dump inside", f"python {probe}", "webby"],
            *["deactivate", "dump after"],
        ],
        where,
        {"ROOT": root, "PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"},
    )

    assert (answer.returncode, answer.stderr) == (0, "")
    assert "webby runs" in answer.stdout
    site = str(project.site)
    found = json.loads(where.text("probe"))
    assert found == [root, f"{root}/bin/python", f"{site}/base.py", 2]
    assert where.environ("inside")["PATH"] == f"{root}/bin:/usr/bin:/bin"
    assert where.environ("inside")["VIRTUAL_ENV_PROMPT"] == "shop"
    assert where.environ("after") == where.environ("before")
    assert "Nothing to do" in project.ok("sync").err


# One lock, each Python


@pytest.fixture
def universal(place: Workplace, server: IndexServer) -> Workplace:
    """A project whose lock has a package of another version for older Pythons."""
    publish(
        server,
        make_wheel("split", "1.0", {"split.py": "VERSION = 1\n"}, requires_python=">=3.8"),
        make_wheel("split", "2.0", {"split.py": "VERSION = 2\n"}, requires_python=">=3.10"),
    )
    wanted = """["webby", "split", "checker; python_version < '3.9'"]"""
    place.write(PLAIN.replace('["base"]', wanted))
    place.given("lock")
    return place


def test_one_lock_for_each_python(universal: Workplace) -> None:
    """3.8 to 3.13, each environment made in the place of the one before."""
    interpreters = installed_interpreters()
    lock, code = universal.lock(), "import base, sys, webby, split; print(*sys.version_info[:2])"
    assert lock.count('name = "split"') == 2
    for executable, minor in interpreters:
        ran = universal.ok("sync", "--locked", "--python", executable)
        assert universal.python(code) == minor.replace(".", " ")
        split = 1 if minor in ("3.8", "3.9") else 2
        assert universal.python("import split; print(split.VERSION)") == str(split)
        assert (universal.site / "checker.py").exists() == (minor == "3.8")
        webby = subprocess.run([universal.venv / "bin/webby"], capture_output=True, check=True)
        assert webby.stdout == b"webby runs\n"
        assert ran.err.count("it is for Python") == (minor != interpreters[0].minor)
        universal.ok("sync", "--check", "--python", executable)
    assert universal.lock() == lock


@pytest.mark.parametrize("minor", ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13"])
def test_an_interpreter_of_each_minor_version_is_here(minor: str) -> None:
    if minor not in {installed.minor for installed in installed_interpreters()}:
        pytest.skip(f"Python {minor} is not installed: no environment for it is made")


# The interpreter below


class Base:
    """An installation of Python of the test's own: a copied program beside a linked library."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        self.executable = folder / "bin" / self.name
        self._original = os.path.realpath(
            os.path.join(sysconfig.get_config_var("BINDIR"), self.name)
        )

    def install(self) -> None:
        """Copy the program, as a package manager does when it brings a newer patch."""
        (self.folder / "bin").mkdir(parents=True, exist_ok=True)
        fresh = self.folder / "bin" / "fresh"
        shutil.copyfile(self._original, fresh)
        fresh.chmod(0o755)
        os.replace(fresh, self.executable)
        if not (self.folder / "lib").exists():
            (self.folder / "lib").symlink_to(os.path.join(sys.base_prefix, "lib"))


@pytest.fixture
def below(place: Workplace, tmp_path: Path) -> Base:
    """A project whose environment is made from a Python that can be replaced and removed."""
    base = Base(tmp_path / "opt")
    base.install()
    place.environ["ENVSYNC_PYTHON"] = f"{sys.version_info[0]}.{sys.version_info[1]}"
    place.environ["PATH"] = f"{base.folder}/bin:{place.environ['PATH']}"
    place.write(PLAIN)
    return base


def test_a_replaced_interpreter_is_noticed(place: Workplace, below: Base) -> None:
    place.environ["ENVSYNC_PYTHON"] = str(below.executable)
    place.given("sync")
    assert os.readlink(place.venv / "bin/python") == str(below.executable)
    assert "Nothing to do" in place.ok("sync").err
    (place.site / "mine.py").write_text("mine")
    below.install()
    ran = place.run("sync", "--check")
    assert ran.code == 3
    assert "its base interpreter changed" in ran.err
    assert "its base interpreter changed" in place.ok("sync").err
    assert place.python(CODE) == "2"
    (kept,) = place.venv.rglob("mine.py")
    assert kept.read_text() == "mine"
    assert "Nothing to do" in place.ok("sync").err


def test_run_notices_a_replaced_interpreter(place: Workplace, below: Base) -> None:
    place.environ["ENVSYNC_PYTHON"] = str(below.executable)
    place.given("sync")
    below.install()
    ran = place.ok("run", "python", "-c", CODE)
    assert ran.out == "2\n"
    assert "its base interpreter changed" in ran.err


def test_a_vanished_interpreter_is_noticed_and_another_taken(place: Workplace, below: Base) -> None:
    place.environ["ENVSYNC_PYTHON"] = str(below.executable)
    place.given("sync")
    shutil.rmtree(below.folder)
    assert not (place.venv / "bin/python").exists()
    place.environ["ENVSYNC_PYTHON"] = f"{sys.version_info[0]}.{sys.version_info[1]}"
    ran = place.run("sync", "--check")
    assert ran.code == 3
    ran = place.ok("sync")
    assert "its base interpreter changed" in ran.err
    assert place.python(CODE) == "2"


def test_a_vanished_interpreter_that_was_asked_for_by_path(place: Workplace, below: Base) -> None:
    place.environ["ENVSYNC_PYTHON"] = str(below.executable)
    place.given("sync")
    shutil.rmtree(below.folder)
    ran = refused(place, "sync")
    assert str(below.executable) in ran.err


def test_a_patch_release_is_noticed(place: Workplace, tmp_path: Path) -> None:
    python = str(tmp_path / "opt/bin/python3.49")
    place.environ["ENVSYNC_PYTHON"] = python
    place.write(PLAIN)
    for version, said in (
        ("3.49.1", ""),
        ("3.49.2", "it is for Python 3.49.1, not 3.49.2"),
        ("3.49.2", ""),
    ):
        if said or not os.path.exists(python):
            fake_python(python, version)
        ran = place.ok("sync")
        assert said in ran.err
        assert ("it is for" in ran.err) == bool(said)
        assert f"version = {version}\n" in (place.venv / "pyvenv.cfg").read_text()


def test_an_environment_of_a_real_pypy(universal: Workplace) -> None:
    """From the lock that serves CPython too; it is what PyPy's own venv makes."""
    if shutil.which("pypy3") is None:
        pytest.skip("pypy3 is not installed")
    lock = universal.lock()
    universal.ok("sync", "--locked", "--python", "pypy")
    shown = "import sys, base, split; print(sys.implementation.name, sys.prefix, base.VERSION)"
    assert universal.python(shown) == f"pypy {universal.venv} 2"
    assert subprocess.check_output([universal.venv / "bin/webby"]) == b"webby runs\n"
    for name in ("python", "python3", "pypy", "pypy3"):
        said = subprocess.check_output([universal.venv / "bin" / name, "-V"])
        assert b"PyPy" in said
    theirs = universal.project.parent / "theirs"
    subprocess.run(["pypy3", "-m", "venv", "--without-pip", theirs], check=True)
    code = "import json, sys, sysconfig as s; print(json.dumps([sys.path, s.get_paths()]))"
    paths = [
        subprocess.check_output([root / "bin/python", "-I", "-c", code], text=True).replace(
            str(root), "ROOT"
        )
        for root in (universal.venv, theirs)
    ]
    assert paths[0] == paths[1]
    assert "Nothing to do" in universal.ok("sync", "--locked", "--python", "pypy").err
    assert universal.lock() == lock


def test_an_environment_of_pypy(place: Workplace, server: IndexServer, tmp_path: Path) -> None:
    """Of a stand-in that answers as PyPy does: its layout, its names and its tags."""
    publish(
        server,
        make_wheel("fit", "1.0", {"fit.py": "KIND = 'any'\n"}),
        make_wheel(
            "fit",
            "1.0",
            {"fit.py": "KIND = 'pypy'\n"},
            tag="pp310-pypy310_pp73-manylinux_2_17_x86_64",
        ),
        make_wheel("fit", "1.0", {"fit.py": "KIND = 'cpython'\n"}, tag="cp310-cp310-linux_x86_64"),
    )
    path = str(tmp_path / "pypy/bin/pypy3.10")
    answer = {
        "implementation": "pypy",
        "cache_tag": "pypy310",
        "version_nodot": "310",
        "ext_suffix": ".pypy310-pp73-x86_64-linux-gnu.so",
        "platform": "linux-x86_64",
        "libc": ["glibc", "2.36"],
        "environment": {
            "implementation_name": "pypy",
            "implementation_version": "7.3.17",
            "os_name": "posix",
            "platform_machine": "x86_64",
            "platform_python_implementation": "PyPy",
            "platform_release": "6",
            "platform_system": "Linux",
            "platform_version": "1",
            "python_full_version": "3.10.14",
            "python_version": "3.10",
            "sys_platform": "linux",
        },
        "layout": {
            "purelib": "lib/pypy3.10/site-packages",
            "platlib": "lib/pypy3.10/site-packages",
            "scripts": "bin",
        },
    }
    fake_python(path, "3.10.14", **answer)
    place.write(PLAIN.replace('["base"]', '["fit", "base; implementation_name != \'pypy\'"]'))
    place.environ["ENVSYNC_PYTHON"] = path

    place.ok("sync")

    site = place.venv / "lib/pypy3.10/site-packages"
    assert (site / "fit.py").read_text() == "KIND = 'pypy'\n"
    assert not (site / "base.py").exists()
    for name in ("python", "python3", "python3.10", "pypy", "pypy3", "pypy3.10"):
        assert os.path.realpath(place.venv / "bin" / name) == path
    assert "implementation = PyPy\n" in (place.venv / "pyvenv.cfg").read_text()
    assert "Nothing to do" in place.ok("sync").err


# Bad input


def test_an_unknown_interpreter_is_told_what_there_is(place: Workplace) -> None:
    place.write(PLAIN)
    place.given("sync")
    ran = refused(place, "sync", "--python", "3.99")
    assert "no Python interpreter for 3.99 within requires-python >=3.8; found:" in ran.err
    for installed in installed_interpreters():
        assert f"\n  {installed.minor}." in ran.err


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ("echo 'no module named encodings' >&2; exit 1", "no module named encodings"),
        ("echo hello", "hello"),
        ("kill -SEGV $$", ""),
    ],
)
def test_a_broken_interpreter_is_quoted(
    place: Workplace, tmp_path: Path, body: str, part: str
) -> None:
    place.write(PLAIN)
    place.given("sync")
    broken = script(str(tmp_path / "opt/bin/python3.12"), body)
    ran = refused(place, "sync", "--python", broken.path)
    assert broken.path in ran.err
    assert part in ran.err


@pytest.mark.parametrize("kind", ["file", "folder", "link", "another tool's environment"])
def test_a_target_that_is_not_ours(place: Workplace, tmp_path: Path, kind: str) -> None:
    place.write(PLAIN)
    place.given("lock")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("mine")
    if kind == "file":
        place.venv.write_text("mine")
    elif kind == "folder":
        shutil.copytree(elsewhere, place.venv)
    elif kind == "link":
        place.venv.symlink_to(elsewhere)
    else:
        command = [sys.executable, "-m", "venv", "--without-pip", str(place.venv)]
        subprocess.run(command, check=True)

    ran = refused(place, "sync")

    assert str(place.venv) in ran.err
    assert "hint: `envsync sync --force`" in ran.err
    assert [path.name for path in elsewhere.iterdir()] == ["precious"]
    place.ok("sync", "--force")
    assert place.python(CODE) == "2"
    assert [path.name for path in elsewhere.iterdir()] == ["precious"]


@pytest.mark.parametrize("path", ["/usr", "..", "~", ".", "src/../..", "/"])
def test_a_target_outside_the_project_is_refused(place: Workplace, path: str) -> None:
    place.write(f'{PLAIN}path = "{path}"\n')
    ran = refused(place, "sync")
    assert "env.path" in ran.err


def test_a_target_with_a_line_break(place: Workplace) -> None:
    place.write(f'{PLAIN}path = "a\\nb"\n')
    ran = refused(place, "sync")
    assert "env.path: the path has blanks around it or characters that cannot be shown" in ran.err


@pytest.mark.parametrize("name", ["a\nb", "a\rb"], ids=ascii)
def test_a_project_in_a_folder_with_a_line_break(
    tmp_path: Path, server: IndexServer, name: str
) -> None:
    (tmp_path / name).mkdir()
    place = Workplace(tmp_path / name, server.url)
    place.write(PLAIN)
    place.given("lock")
    ran = refused(place, "sync")
    assert "a line break in the path" in ran.err
    assert "hint: rename the folder" in ran.err


def test_a_project_in_a_folder_with_a_colon(tmp_path: Path, server: IndexServer) -> None:
    (tmp_path / "a:b").mkdir()
    place = Workplace(tmp_path / "a:b", server.url)
    place.write(PLAIN)
    ran = place.run("sync")
    assert ran.code == 1
    assert 'a ":" in the path: PATH would break there' in ran.err
    assert not place.venv.exists()


@pytest.mark.parametrize("signs", [100, 240])
def test_a_path_too_long_for_a_shebang(tmp_path: Path, server: IndexServer, signs: int) -> None:
    """Scripts find the interpreter beside themselves there."""
    folder = tmp_path / ("d" * signs) / ("e f" * (signs // 3))
    folder.mkdir(parents=True)
    place = Workplace(folder, server.url)
    program = "#!python\nimport sys\nprint(sys.prefix)\n"
    publish(server, make_wheel("tool", "1.0", data={"scripts/tool": program}))
    place.write(PLAIN.replace('["base"]', '["webby", "tool"]'))
    place.given("sync")
    link = tmp_path / "link"
    link.symlink_to(place.venv / "bin/tool")
    for command, said in (
        (place.venv / "bin/webby", "webby runs"),
        (place.venv / "bin/tool", str(place.venv)),
        (link, str(place.venv)),
    ):
        assert subprocess.check_output([command], text=True).strip() == said
    assert place.ok("run", "webby").out == "webby runs\n"


@pytest.fixture
def shut(place: Workplace) -> Iterator[Path]:
    """The project's folder, which may not be written to."""
    place.write(PLAIN)
    place.given("lock")
    place.project.chmod(0o555)
    yield place.project
    place.project.chmod(0o755)


def test_no_permission(place: Workplace, shut: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "envsync", "sync"]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("setpriv is not installed: root may do everything")
        # Root without its powers is anybody.
        command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *command]
    before = place.files()
    ran = subprocess.run(
        command, cwd=shut, env=place.environ, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1, ran.stderr
    assert "permission denied" in ran.stderr.lower()
    assert str(shut) in ran.stderr
    assert "Traceback" not in ran.stderr
    assert place.files() == before
    assert stat.S_IMODE(shut.stat().st_mode) == 0o555


# Isolation


def test_it_is_isolated_as_venv_isolates(project: Workplace, tmp_path: Path) -> None:
    """No user site; PYTHONPATH is heeded, as venv does; sync and locking heed neither."""
    project.given("sync")
    minor = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    home = tmp_path / "home"
    user_site = home / ".local/lib" / minor / "site-packages"
    user_site.mkdir(parents=True)
    (user_site / "of_user.py").write_text("")
    (tmp_path / "pythonpath").mkdir()
    (tmp_path / "pythonpath/of_path.py").write_text("")
    environ = {"HOME": str(home), "PYTHONPATH": str(tmp_path / "pythonpath")}
    code = (
        "import importlib.util as u, site, of_path; "
        "print(u.find_spec('of_user'), site.ENABLE_USER_SITE, u.find_spec('hypothesis'))"
    )
    ran = project.run("run", "python", "-c", code, environ=environ)
    assert ran.out == "None False None\n", ran.err
    assert "Nothing to do" in project.run("sync", environ=environ).err


def test_two_projects_never_see_each_others_packages(project: Workplace, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    other = Workplace(tmp_path / "second", project.environ["ENVSYNC_DEFAULT_INDEX"])
    other.environ["ENVSYNC_CACHE_DIR"] = str(project.cache)
    other.write(SPEC.replace('"webby"', '"speedups"'))
    project.given("sync")
    other.environ["VIRTUAL_ENV"] = str(project.venv)
    other.environ["PATH"] = f"{project.venv}/bin:{other.environ['PATH']}"
    other.ok("sync")
    code = "import importlib.util as u; print(*[u.find_spec(n) is None for n in {!r}])"
    names = ("webby", "base", "speedups")
    assert project.python(code.format(names)) == "False False True"
    assert other.python(code.format(names)) == "True True False"
    ran = other.ok("run", "python", "-c", "import sys; print(sys.prefix)")
    assert ran.out.strip() == str(other.venv)


def test_what_one_environment_writes_does_not_reach_another(
    project: Workplace, tmp_path: Path
) -> None:
    """Both link to one stored file: replacing it in one leaves it in the other."""
    (tmp_path / "second").mkdir()
    other = Workplace(tmp_path / "second", project.environ["ENVSYNC_DEFAULT_INDEX"])
    other.environ["ENVSYNC_CACHE_DIR"] = str(project.cache)
    other.write(SPEC)
    for place in (project, other):
        place.given("sync")
    (project.site / "base.py").unlink()
    (project.site / "base.py").write_text("VERSION = 'mine'\n")
    assert other.python(CODE) == "2"
    other.ok("sync", "--check", "--verify")
