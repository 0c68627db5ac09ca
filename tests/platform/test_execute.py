"""What a command inside an environment gets, and how it is found."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from envsync.platform.execute import find, own_variables, variables


def test_variables_of_an_environment(tmp_path: Path) -> None:
    root = str(tmp_path)
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\nprompt = my shop é\n")
    before = {"PATH": "/bin", "PYTHONHOME": "/x", "VIRTUAL_ENV": "/old", "A": "1"}
    inside = variables(root, before)
    assert inside == {
        "PATH": f"{root}/bin:/bin",
        "VIRTUAL_ENV": root,
        "VIRTUAL_ENV_PROMPT": "my shop é",
        "A": "1",
    }
    assert variables(root, inside) == inside
    assert before["VIRTUAL_ENV"] == "/old"


def test_odd_paths(tmp_path: Path) -> None:
    root = str(tmp_path)
    assert variables(root, {"PATH": ""})["PATH"] == f"{root}/bin"
    assert variables(root, {})["PATH"] == f"{root}/bin:{os.defpath}"
    assert variables(root, {"PATH": f"{root}/bin-x"})["PATH"] == f"{root}/bin:{root}/bin-x"
    assert variables(root, {})["VIRTUAL_ENV_PROMPT"] == tmp_path.name


def test_find_takes_the_first_that_can_be_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, mode in (("a", 0o644), ("b", 0o755), ("c", 0o755)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "tool").touch(mode)
    (tmp_path / "d/tool").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "c")
    environ = {"PATH": f"{tmp_path}/d:/nowhere:{tmp_path}/a:{tmp_path}/b"}
    assert find("tool", environ) == f"{tmp_path}/b/tool"
    assert find("tool", {"PATH": f":{tmp_path}/b"}) == "tool"
    assert find("../b/tool", environ) == "../b/tool"
    with pytest.raises(FileNotFoundError):
        find("tool", {"PATH": f"{tmp_path}/d"})
    with pytest.raises(FileNotFoundError):
        find("", environ)


def test_find_names_what_can_not_be_run(tmp_path: Path) -> None:
    (tmp_path / "tool").touch(0o644)
    with pytest.raises(PermissionError):
        find("tool", {"PATH": str(tmp_path)})
    with pytest.raises(PermissionError):
        find(f"{tmp_path}/tool", {"PATH": ""})


@pytest.mark.skipif(not os.path.exists("/proc/self/environ"), reason="no /proc")
@pytest.mark.parametrize(
    "given", [{}, {"LC_CTYPE": "C.UTF-8"}, {"LC_ALL": "C.UTF-8"}, {"LANG": "C.UTF-8", "B": ""}]
)
def test_own_variables_are_those_that_were_given(given: dict[str, str]) -> None:
    code = "import sys; sys.path[:0] = sys.argv[1:]"
    code += "; from envsync.platform.execute import own_variables"
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; print(own_variables())", root],
        env=given,
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode().strip() == repr(given)
    assert "PATH" in own_variables()
