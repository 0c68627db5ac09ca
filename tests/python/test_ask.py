import json
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import metadata
from pathlib import Path

import packaging
import pytest
from packaging.markers import default_environment
from packaging.specifiers import SpecifierSet
from packaging.tags import sys_tags

from envsync.errors import InterpreterNotFound
from envsync.model.target import Target, target_from_json, target_to_json
from envsync.model.wheel_tags import TagFacts, wheel_tags
from envsync.python.ask import ask, recall, remember
from envsync.python.base import base_of, settled
from envsync.python.facts import MARK, elf_header, elf_loader
from tests.support.effort import calls
from tests.support.interpreters import Installed, fake_python, installed_interpreters, script

INTERPRETERS = installed_interpreters()
OWN = os.path.realpath(sys.executable)


@pytest.fixture
def cache(tmp_path: Path) -> str:
    return str(tmp_path / "cache")


def refusal(path: str, cache: str) -> str:
    with pytest.raises(InterpreterNotFound) as raised:
        ask(path, cache)
    return str(raised.value)


# What real interpreters say


def test_tags_and_markers_are_what_packaging_says_inside_this_interpreter(cache: str) -> None:
    target = ask(OWN, cache)

    assert target.tags == tuple(map(str, sys_tags()))
    assert target.environment == default_environment()


@pytest.mark.parametrize("interpreter", INTERPRETERS, ids=lambda one: one.minor)
def test_tags_and_markers_are_what_packaging_says_inside_each_interpreter(
    interpreter: Installed, cache: str
) -> None:
    needed = metadata("packaging")["Requires-Python"]
    if not SpecifierSet(needed).contains(interpreter.minor):
        pytest.skip(f"packaging itself needs Python {needed}")
    target = ask(interpreter.executable, cache)

    program = (
        "import json; from packaging.tags import sys_tags;"
        "from packaging.markers import default_environment;"
        "print(json.dumps([list(map(str, sys_tags())), default_environment()]))"
    )
    answer = subprocess.run(
        [interpreter.executable, "-S", "-c", program],
        env={"PYTHONPATH": os.path.dirname(os.path.dirname(packaging.__file__))},
        check=True,
        capture_output=True,
    ).stdout
    tags, environment = json.loads(answer)
    assert target.tags == tuple(tags)
    assert target.environment == environment


@pytest.mark.parametrize("interpreter", INTERPRETERS, ids=lambda one: one.minor)
def test_an_interpreter_describes_itself_and_its_environments(
    interpreter: Installed, cache: str
) -> None:
    target = ask(interpreter.executable, cache)

    status = os.stat(interpreter.executable)
    minor = interpreter.minor
    assert target._replace(tags=(), environment={}) == Target(
        executable=interpreter.executable,
        version=target.environment["python_full_version"],
        implementation="cpython",
        cache_tag=f"cpython-{minor.replace('.', '')}",
        environment={},
        tags=(),
        base_prefix=os.path.dirname(os.path.dirname(interpreter.executable)),
        signature=f"{status.st_size}:{status.st_mtime_ns}",
        purelib=f"lib/python{minor}/site-packages",
        platlib=f"lib/python{minor}/site-packages",
        scripts="bin",
        headers=f"include/site/python{minor}",
        data="",
    )


@pytest.mark.skipif(not os.path.exists("/usr/bin/python3"), reason="no system Python")
def test_the_systems_python_has_the_plain_layout_and_its_most_specific_name(cache: str) -> None:
    target = ask("/usr/bin/python3", cache)

    minor = target.environment["python_version"]
    assert target.executable == f"/usr/bin/python{minor}"
    assert target.purelib == f"lib/python{minor}/site-packages"


def test_asking_runs_no_code_of_sites_or_of_the_current_folder(
    cache: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = tmp_path / "canary"
    for name in ("json", "platform", "sitecustomize", "usercustomize", "sysconfig"):
        (tmp_path / f"{name}.py").write_text(f"open({str(canary)!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "json.py"))

    ask(OWN, cache)

    assert not canary.exists()


# Remembering


def test_an_interpreter_is_asked_once(cache: str, tmp_path: Path) -> None:
    fake = fake_python(str(tmp_path / "python3.40"), "3.40.1")

    first, second = ask(fake.path, cache), ask(fake.path, cache)

    assert first == second
    assert first.version == "3.40.1"
    assert fake.times_asked == 1


def test_an_interpreter_that_changed_is_asked_again(cache: str, tmp_path: Path) -> None:
    path = str(tmp_path / "python3.40")
    fake_python(path, "3.40.1")
    before = ask(path, cache)

    fake_python(path, "3.40.2")
    os.utime(path, (1, 1))
    after = ask(path, cache)

    assert (before.version, after.version) == ("3.40.1", "3.40.2")
    assert before.signature != after.signature


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "nonsense", "other"])
def test_a_damaged_memory_is_as_good_as_none(damage: str, cache: str, tmp_path: Path) -> None:
    fake = fake_python(str(tmp_path / "python3.40"), "3.40.1")
    target = ask(fake.path, cache)
    (entry,) = (path for path in Path(cache, "pythons-v2").rglob("*") if path.is_file())
    data = entry.read_bytes()
    entry.write_bytes(
        {
            "cut": data[: len(data) // 2],
            "flip": data.replace(b"3.40.1", b"3.40.9"),
            "empty": b"",
            "nonsense": b"\0" * 100,
            "other": b"{}\n{}",
        }[damage]
    )

    assert ask(fake.path, cache) == target
    assert fake.times_asked == 2


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert ask(OWN, str(tmp_path / "file")).executable == ask(OWN, str(tmp_path)).executable


def test_what_is_remembered_holds_only_for_its_key(cache: str) -> None:
    remember(cache, "name", ["key", "1"], {"a": 1})

    assert recall(cache, "name", ["key", "1"]) == {"a": 1}
    assert recall(cache, "name", ["key", "2"]) is None
    assert recall(cache, "another", ["key", "1"]) is None


def test_a_remembered_answer_takes_few_steps(cache: str) -> None:
    ask(OWN, cache)

    assert calls(lambda: ask(OWN, cache)) < 800


# Interpreters that don't work


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("echo no libpython >&2; exit 127", "ended with exit code 127: no libpython"),
        ("echo hello", "did not answer as a Python does: hello"),
        ("true", "did not answer as a Python does and wrote nothing"),
        (f"echo '{MARK}[1, 2'", "did not answer as a Python does"),
        (f"echo '{MARK}{{}}'", "did not answer as a Python does"),
        (f"echo '{MARK}{{\"version_info\": [3, 12]}}'", "did not say what its executable is"),
        ("kill -9 $$", "was ended by signal 9"),
        ("printf 'a\\033[31mb\\n'; exit 1", "a?[31mb"),
        ("exec head -c 3000000 /dev/zero", "wrote more than a megabyte"),
    ],
)
def test_a_broken_interpreter_is_reported_in_its_own_words(
    body: str, words: str, cache: str, tmp_path: Path
) -> None:
    path = script(str(tmp_path / "python3"), body).path

    message = refusal(path, cache)

    assert f"{path}: " in message
    assert words in message


def test_an_interpreter_that_hangs_is_ended_with_its_children(
    cache: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("envsync.python.ask._SECONDS", 0.3)
    alive = tmp_path / "alive"
    path = script(str(tmp_path / "python3"), f"(sleep 1; touch '{alive}') & wait").path

    message = refusal(path, cache)

    assert "did not answer within" in message
    time.sleep(1.0)
    assert not alive.exists()


@pytest.mark.parametrize(
    ("version", "fits"), [("3.7.17", False), ("2.7.18", False), ("3.8.0", True)]
)
def test_python_3_8_is_the_oldest(version: str, fits: bool, cache: str, tmp_path: Path) -> None:
    path = fake_python(str(tmp_path / "python3"), version).path

    if fits:
        assert ask(path, cache).version == version
    else:
        assert f"is Python {version}, and envsync needs 3.8 or newer" in refusal(path, cache)


def test_a_missing_file_a_folder_and_a_text_are_no_interpreters(cache: str, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("hello")

    assert "no such file or directory" in refusal(str(tmp_path / "nothing"), cache)
    assert "cannot be started: permission denied" in refusal(str(tmp_path), cache)
    assert "cannot be started: permission denied" in refusal(str(text), cache)


# Following shims, environments and links to the base


def test_a_shim_is_asked_each_time_and_what_it_leads_to_once(cache: str, tmp_path: Path) -> None:
    real = fake_python(str(tmp_path / "versions" / "python3.40"), "3.40.1")
    shim = script(str(tmp_path / "shims" / "python3"), f"exec '{real.path}' \"$@\"")

    first = ask(shim.path, cache)
    again = ask(shim.path, cache)

    assert first == again
    assert first.executable == real.path
    assert shim.times_asked == 2


def test_shims_that_lead_in_a_circle_end(cache: str, tmp_path: Path) -> None:
    one, two = str(tmp_path / "one" / "python3"), str(tmp_path / "two" / "python3")
    fake_python(one, "3.40.1", executable=two, base_executable=two)
    fake_python(two, "3.40.1", executable=one, base_executable=one)

    assert ask(one, cache).version == "3.40.1"


def test_an_environments_python_is_its_base_and_is_not_run(cache: str, tmp_path: Path) -> None:
    base = fake_python(str(tmp_path / "base" / "bin" / "python3.40"), "3.40.1")
    inside = script(str(tmp_path / "env" / "bin" / "python"), "exit 1")
    (tmp_path / "env" / "pyvenv.cfg").write_text(f"home = {tmp_path}/base/bin\nversion = 3.40.1\n")

    target = ask(inside.path, cache)

    assert target.executable == base.path
    assert inside.times_asked == 0


def test_an_environment_made_by_the_standard_library_leads_to_its_base(
    cache: str, tmp_path: Path
) -> None:
    root = tmp_path / "env"
    subprocess.run([OWN, "-m", "venv", "--without-pip", root], check=True)
    nested = tmp_path / "nested"
    subprocess.run([root / "bin" / "python", "-m", "venv", "--without-pip", nested], check=True)

    expected = ask(OWN, cache).executable
    assert ask(str(root / "bin" / "python3"), cache).executable == expected
    assert ask(str(nested / "bin" / "python"), cache).executable == expected


def test_an_environment_whose_base_is_gone_is_told_so(cache: str, tmp_path: Path) -> None:
    root = tmp_path / "env"
    (root / "bin").mkdir(parents=True)
    (root / "bin" / "python").symlink_to(tmp_path / "gone" / "bin" / "python3.12")
    (root / "pyvenv.cfg").write_text(f"home = {tmp_path}/gone/bin\n")

    message = refusal(str(root / "bin" / "python"), cache)

    assert f"the environment {root}" in message
    assert f"{tmp_path}/gone/bin: where its base interpreter was" in message


def test_a_base_inside_the_environment_itself_or_a_relative_one_is_not_believed(
    tmp_path: Path,
) -> None:
    root = tmp_path / "env"
    inside = script(str(root / "bin" / "python"), "exit 1").path
    (root / "pyvenv.cfg").write_text(f"base-executable = {inside}\nhome = bin\n")

    with pytest.raises(InterpreterNotFound):
        base_of(inside)


def test_environments_that_name_each_other_as_base_end(tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "a")):
        script(str(tmp_path / name / "bin" / "python"), "exit 1")
        (tmp_path / name / "pyvenv.cfg").write_text(f"home = {tmp_path}/{other}/bin\n")

    assert base_of(str(tmp_path / "a" / "bin" / "python")).startswith(str(tmp_path))


def test_links_in_one_folder_are_followed_and_links_into_a_relocatable_python_too(
    tmp_path: Path,
) -> None:
    home = tmp_path / "python"
    (home / "lib" / "python3.40").mkdir(parents=True)
    (home / "lib" / "python3.40" / "os.py").touch()
    (home / "bin").mkdir()
    (home / "bin" / "python3.40").touch()
    (home / "bin" / "python").symlink_to("python3.40")
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "python3").symlink_to(home / "bin" / "python")

    stdlib, prefix = str(home / "lib" / "python3.40"), str(home)
    expected = str(home / "bin" / "python3.40")
    assert settled(str(home / "bin" / "python"), stdlib, prefix) == expected
    assert settled(str(tmp_path / "local" / "python3"), stdlib, prefix) == expected


def test_a_link_without_a_standard_library_anywhere_above_stays(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "python3.40").touch()
    (tmp_path / "bin" / "python3").symlink_to(tmp_path / "store" / "python3.40")

    chosen = settled(str(tmp_path / "bin" / "python3"), "/x/lib/python3.40", "/x")

    assert chosen == str(tmp_path / "bin" / "python3")


# The value


def test_a_target_can_be_written_and_read_back(cache: str) -> None:
    target = ask(OWN, cache)

    assert target_from_json(json.loads(json.dumps(target_to_json(target)))) == target


def test_what_is_no_target_is_refused(cache: str) -> None:
    good = target_to_json(ask(OWN, cache))
    wrong: list[object] = [None, [], {}, {**good, "more": 1}]
    wrong += [{**good, name: value} for name in good for value in (None, 3.5, ["x"])]

    for value in wrong:
        with pytest.raises(ValueError, match="not a target"):
            target_from_json(value)


# Tags of machines that are not here

LINUX = TagFacts(
    implementation="cpython",
    version=(3, 13),
    version_nodot="313",
    ext_suffix=".cpython-313-x86_64-linux-gnu.so",
    debug=False,
    free_threaded=False,
    pointer_bits=64,
    system="Linux",
    platform="linux-x86_64",
    libc=("glibc", "2.17"),
    elf=(2, 1, 62, 0),
)


def platforms(facts: TagFacts) -> list[str]:
    """The platforms of an interpreter's own ABI, in order."""
    tags = [tag.split("-") for tag in wheel_tags(facts)]
    first = tags[0][:2]
    return [platform for interpreter, abi, platform in tags if [interpreter, abi] == first]


def test_the_tags_of_an_old_linux() -> None:
    assert platforms(LINUX) == [
        "linux_x86_64",
        "manylinux_2_17_x86_64",
        "manylinux2014_x86_64",
        *(f"manylinux_2_{minor}_x86_64" for minor in (16, 15, 14, 13, 12)),
        "manylinux2010_x86_64",
        *(f"manylinux_2_{minor}_x86_64" for minor in (11, 10, 9, 8, 7, 6, 5)),
        "manylinux1_x86_64",
    ]


def test_the_tags_of_musl() -> None:
    assert platforms(LINUX._replace(libc=("musl", "1.2"))) == [
        "linux_x86_64",
        "musllinux_1_2_x86_64",
        "musllinux_1_1_x86_64",
        "musllinux_1_0_x86_64",
    ]


@pytest.mark.parametrize(
    ("platform_name", "elf", "expected"),
    [
        ("linux-x86_64", (1, 1, 3, 0), ["linux_i686", "manylinux_2_17_i686"]),
        ("linux-i686", (2, 1, 62, 0), ["linux_i686"]),
        (
            "linux-aarch64",
            (1, 1, 40, 0x05000400),
            ["linux_armv8l", "linux_armv7l", "manylinux_2_17_armv8l", "manylinux2014_armv8l"],
        ),
        ("linux-aarch64", (1, 1, 40, 0x05000200), ["linux_armv8l", "linux_armv7l"]),
        ("linux-armv7l", (), ["linux_armv7l"]),
        ("linux-mips", (), ["linux_mips"]),
    ],
)
def test_the_tags_of_32_bit_interpreters(
    platform_name: str, elf: tuple[int, ...], expected: list[str]
) -> None:
    facts = LINUX._replace(platform=platform_name, pointer_bits=32, elf=elf)

    found = platforms(facts)

    assert found[: len(expected)] == expected
    assert (len(found) == len(expected)) == (not any("manylinux" in name for name in expected))


def test_the_tags_of_macos() -> None:
    facts = LINUX._replace(
        system="Darwin", platform="macosx-11.0-arm64", mac=("14.5", "arm64"), libc=("", "")
    )

    found = platforms(facts)

    assert found[:3] == ["macosx_14_0_arm64", "macosx_14_0_universal2", "macosx_13_0_arm64"]
    assert "macosx_10_9_universal2" in found


def test_the_tags_of_windows() -> None:
    facts = LINUX._replace(
        system="Windows", platform="win-amd64", libc=("", ""), ext_suffix=".cp313-win_amd64.pyd"
    )

    assert platforms(facts) == ["win_amd64"]
    assert wheel_tags(facts)[:3] == (
        "cp313-cp313-win_amd64",
        "cp313-abi3-win_amd64",
        "cp313-none-win_amd64",
    )


def test_the_tags_of_debug_and_free_threaded_builds() -> None:
    threaded = wheel_tags(LINUX._replace(free_threaded=True))
    debug = wheel_tags(LINUX._replace(debug=True))

    assert threaded[0] == "cp313-cp313t-linux_x86_64"
    assert not any("-abi3-" in tag for tag in threaded)
    assert debug[0] == "cp313-cp313d-linux_x86_64"
    assert "cp313-cp313-linux_x86_64" in debug


@pytest.mark.parametrize(
    ("implementation", "suffix", "first", "pure"),
    [
        (
            "pypy",
            ".pypy310-pp73-x86_64-linux-gnu.so",
            "pp310-pypy310_pp73-linux_x86_64",
            "pp3-none-any",
        ),
        (
            "graalpy",
            ".graalpy-38-native-x86_64-linux.so",
            "graalpy310-graalpy_38_native-linux_x86_64",
            "py310-none-any",
        ),
        ("other", ".so", "other310-none-linux_x86_64", "py310-none-any"),
    ],
)
def test_the_tags_of_other_implementations(
    implementation: str, suffix: str, first: str, pure: str
) -> None:
    facts = LINUX._replace(
        implementation=implementation, version=(3, 10), version_nodot="310", ext_suffix=suffix
    )

    tags = wheel_tags(facts)

    assert tags[0] == first
    assert next(tag for tag in tags if tag.endswith("-any")) == pure


@pytest.mark.parametrize("libc", ["", "x", "3.0", "2.x", "2.36-custom.9"])
def test_an_odd_libc_version_never_fails(libc: str) -> None:
    found = platforms(LINUX._replace(libc=("glibc", libc)))

    assert found[0] == "linux_x86_64"
    assert ("manylinux_2_36_x86_64" in found) == (libc == "2.36-custom.9")


@pytest.mark.skipif(platform.system() != "Linux", reason="ELF files are Linux'")
def test_the_loader_of_this_interpreter_is_read_from_its_header() -> None:
    assert os.path.isfile(elf_loader())
    assert len(elf_header()) == 4
