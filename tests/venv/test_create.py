import os
import stat
from pathlib import Path

import pytest

from envsync.errors import TargetRefused, UsageError
from envsync.model.target import Target
from envsync.venv.create import (
    MARKED,
    EnvFile,
    environment_files,
    interpreter_names,
    is_mark,
)
from tests.support.environments import make_environment, make_target

LINUX = make_target()._replace(executable="/opt/python/bin/python3.11", base_prefix="/opt/python")
WINDOWS = make_target(
    environment={"os_name": "nt", "sys_platform": "win32", "platform_system": "Windows"}
)._replace(
    executable="C:\\Python311\\python.exe",
    base_prefix="C:\\Python311",
    purelib="Lib/site-packages",
    platlib="Lib/site-packages",
    scripts="Scripts",
)


def files(
    target: Target = LINUX, *, root: str = "/srv/shop/.venv", prompt: str = "shop"
) -> dict[str, EnvFile]:
    return {file.path: file for file in environment_files(target, root=root, prompt=prompt)}


def links(target: Target) -> dict[str, str]:
    return {path: file.link for path, file in files(target).items() if file.kind == "link"}


def folders(target: Target) -> list[str]:
    return [path for path, file in files(target).items() if file.kind == "dir"]


# The layout


def test_an_environment_on_linux() -> None:
    assert folders(LINUX) == [
        "include",
        "bin",
        "lib",
        "lib/python3.11",
        "lib/python3.11/site-packages",
    ]
    assert links(LINUX) == {
        "lib64": "lib",
        "bin/python": "/opt/python/bin/python3.11",
        "bin/python3": "python",
        "bin/python3.11": "python",
    }
    assert sorted(path for path, file in files().items() if file.kind == "file") == [
        ".gitignore",
        "CACHEDIR.TAG",
        "bin/Activate.ps1",
        "bin/activate",
        "bin/activate.csh",
        "bin/activate.fish",
        "bin/activate.nu",
        "bin/activate.ps1",
        "bin/activate.xsh",
        "bin/activate_this.py",
        "pyvenv.cfg",
    ]


def test_an_environment_on_macos_has_no_lib64_and_no_two_names_that_differ_by_case() -> None:
    macos = make_target(environment={"sys_platform": "darwin", "platform_system": "Darwin"})

    assert "lib64" not in files(macos)
    assert len({path.casefold() for path in files(macos)}) == len(files(macos))


def test_an_environment_of_a_32_bit_interpreter_has_no_lib64() -> None:
    assert "lib64" not in files(LINUX._replace(pointer_bits=32))


def test_a_real_lib64_folder_is_no_link() -> None:
    target = LINUX._replace(platlib="lib64/python3.11/site-packages")

    assert "lib64/python3.11/site-packages" in folders(target)
    assert "lib64" not in links(target)


def test_an_environment_on_windows() -> None:
    found = files(WINDOWS, root="C:\\work\\.venv")

    assert [path for path, file in found.items() if file.kind == "dir"] == [
        "Include",
        "Scripts",
        "Lib",
        "Lib/site-packages",
    ]
    assert {path: file.link for path, file in found.items() if file.kind == "copy"} == {
        "Scripts/python.exe": "C:\\Python311\\Lib\\venv\\scripts\\nt\\python.exe",
        "Scripts/pythonw.exe": "C:\\Python311\\Lib\\venv\\scripts\\nt\\pythonw.exe",
    }
    assert not [file for file in found.values() if file.kind == "link"]
    assert "Scripts/activate.bat" in found
    assert "Scripts/deactivate.bat" in found
    assert b"home = C:\\Python311\n" in found["pyvenv.cfg"].content


@pytest.mark.parametrize(
    ("version", "free_threaded", "launcher"),
    [
        ("3.12.9", False, "python.exe"),
        ("3.13.0", False, "venvlauncher.exe"),
        ("3.14.0rc1", True, "venvlaunchert.exe"),
    ],
)
def test_the_windows_launcher_has_the_name_of_its_release(
    version: str, free_threaded: bool, launcher: str
) -> None:
    target = WINDOWS._replace(version=version, free_threaded=free_threaded)

    copy = files(target, root="C:\\work\\.venv")["Scripts/python.exe"]

    assert copy.link.rpartition("\\")[2] == launcher


@pytest.mark.parametrize(
    ("target", "names"),
    [
        (make_target(version="3.8.0"), "python python3 python3.8"),
        (make_target(version="3.14.0rc1"), "python python3 python3.14"),
        (
            make_target(version="3.13.1")._replace(free_threaded=True),
            "python python3 python3.13 python3.13t",
        ),
        (
            make_target(version="3.10.14", implementation="pypy"),
            "python python3 python3.10 pypy pypy3 pypy3.10",
        ),
    ],
)
def test_the_interpreter_goes_by_all_its_usual_names(target: Target, names: str) -> None:
    assert interpreter_names(target) == names.split()


def test_folders_come_before_what_is_in_them() -> None:
    seen = {""}
    for path, file in files().items():
        assert path.rpartition("/")[0] in seen
        if file.kind == "dir":
            seen.add(path)


# Its files


def test_pyvenv_cfg_has_the_keys_of_venv_and_virtualenv_and_our_mark() -> None:
    assert files()["pyvenv.cfg"].content.decode() == (
        "home = /opt/python/bin\n"
        "implementation = CPython\n"
        "version = 3.11.7\n"
        "version_info = 3.11.7.final.0\n"
        "include-system-site-packages = false\n"
        "base-prefix = /opt/python\n"
        "base-exec-prefix = /opt/python\n"
        "base-executable = /opt/python/bin/python3.11\n"
        "prompt = shop\n"
        "envsync = 1\n"
    )


def test_marks_are_told_from_what_other_tools_write() -> None:
    for name in MARKED:
        assert is_mark(name, files()[name].content)
    theirs = {
        "pyvenv.cfg": b"home = /opt/python/bin\nuv = 0.9.1\nprompt = envsync\n",
        ".gitignore": b"*\n",
        "CACHEDIR.TAG": b"Signature: 8a477f597d28d172789f06886806bc55\n",
    }
    for name, content in theirs.items():
        assert not is_mark(name, content)


def test_system_site_packages_and_another_exec_prefix_are_written_down() -> None:
    target = LINUX._replace(base_exec_prefix="/opt/exec", version="3.14.0rc2")
    found = {
        file.path: file.content.decode()
        for file in environment_files(target, root="/r", prompt="p", system_site_packages=True)
        if file.path == "pyvenv.cfg"
    }["pyvenv.cfg"]

    assert "include-system-site-packages = true\n" in found
    assert "base-exec-prefix = /opt/exec\n" in found
    assert "version_info = 3.14.0.candidate.2\n" in found


def test_an_environment_is_kept_out_of_git_and_of_backups() -> None:
    assert files()[".gitignore"].content.decode().splitlines()[-1] == "*"
    assert files()["CACHEDIR.TAG"].content.startswith(
        b"Signature: 8a477f597d28d172789f06886806bc55\n"
    )


def test_the_same_inputs_give_the_same_files() -> None:
    assert files() == files()


def test_an_empty_prompt_is_the_folders_name() -> None:
    assert b"prompt = .venv\n" in files(prompt="")["pyvenv.cfg"].content


@pytest.mark.parametrize("umask", [0o000, 0o027, 0o077])
def test_modes_don_t_depend_on_the_umask(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        make_environment(make_target(), str(tmp_path / "env"))
    finally:
        os.umask(before)

    for path, _, names in os.walk(tmp_path / "env"):
        if path != str(tmp_path / "env"):
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o755
        for name in names:
            status = os.lstat(os.path.join(path, name))
            assert stat.S_ISLNK(status.st_mode) or stat.S_IMODE(status.st_mode) == 0o644


# What is refused


@pytest.mark.parametrize("root", ["/a\nb", "/a\rb", "/a\0b", "/a:b", "relative", "", "C:\\x"])
def test_a_root_that_no_script_or_path_can_hold_is_refused(root: str) -> None:
    with pytest.raises(TargetRefused) as raised:
        files(root=root)

    assert str(raised.value).isprintable()


def test_a_semicolon_is_refused_on_windows_and_a_colon_only_elsewhere() -> None:
    assert files(root="/a;b")
    with pytest.raises(TargetRefused):
        files(WINDOWS, root="C:\\a;b")


@pytest.mark.parametrize("prompt", ["a\nb", "a\rb", "a\0", "\x1b[31m", "\x85", "\u202e", "\ud800"])
def test_a_prompt_that_is_not_printable_is_refused(prompt: str) -> None:
    with pytest.raises(UsageError) as raised:
        files(prompt=prompt)

    assert str(raised.value).isprintable()


def test_an_interpreter_whose_path_has_a_line_break_is_refused() -> None:
    with pytest.raises(TargetRefused):
        files(LINUX._replace(executable="/a\nhome = /b/python3"))


def test_bytes_of_a_path_that_are_no_text_are_kept() -> None:
    root = os.fsdecode(b"/caf\xe9")

    assert b"_envsync_root='/caf\xe9'\n" in files(root=root)["bin/activate"].content
