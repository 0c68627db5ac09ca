"""Packages that can't stand together, and wheels that reach for what is not theirs."""

import os
import sys
from pathlib import Path

import pytest

from envsync.store.wheels import WheelStore
from tests.commands.conftest import publish
from tests.support.accounting import sha256
from tests.support.command import Workplace
from tests.support.index_server import IndexServer
from tests.support.wheels import make_wheel

SITE = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"


def spec(*dependencies: str, sync: str = "") -> str:
    listed = ", ".join(f'"{name}"' for name in dependencies)
    return (
        f'[env]\nname = "shop"\nrequires-python = ">=3.11"\ndependencies = [{listed}]\n\n'
        f"[sync]\n{sync}\n"
    )


def state(place: Workplace) -> dict[str, bytes | str]:
    """Everything in the project's folder."""
    return {
        str(path): os.readlink(path) if path.is_symlink() else path.read_bytes()
        for path in sorted(place.project.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


CLASHES = {
    "module and folder": (({"shared": "x"}, {}), ({"shared/mod.py": ""}, {})),
    "deep": (({"ns/a/b": ""}, {}), ({"ns/a/b/c/d.py": ""}, {})),
    "data and data": (({}, {"data/share/x": ""}), ({}, {"data/share/x/y": ""})),
    "scripts and data": (({}, {"scripts/tool": "#!python\n"}), ({}, {"data/bin/tool/plugin": ""})),
    "purelib and data": (({}, {"purelib/m": ""}), ({}, {f"data/{SITE}/m/x.py": ""})),
    "platlib and root": (({}, {"platlib/m": ""}), ({"m/x.py": ""}, {})),
    "headers": (
        ({}, {"headers/one.h": ""}),
        ({}, {f"data/include/site/{SITE.split('/')[1]}/one": ""}),
    ),
    "site-packages as a file": (({"a.py": ""}, {}), ({}, {f"data/{SITE}": "x"})),
    "lib/pythonX as a file": (({"a.py": ""}, {}), ({}, {f"data/{SITE.rpartition('/')[0]}": "x"})),
}


@pytest.mark.parametrize("kind", CLASHES)
def test_file_in_the_place_of_a_folder_is_refused_before_anything_changes(
    place: Workplace, server: IndexServer, kind: str
) -> None:
    (one, one_data), (two, two_data) = CLASHES[kind]
    publish(server, make_wheel("one", "1.0", {"only_one.py": "", **one}, data=one_data))
    publish(server, make_wheel("two", "1.0", {"only_two.py": "", **two}, data=two_data))
    place.write(spec("one", "two"))
    place.given("lock")
    before = state(place)
    ran = place.here("sync")
    assert ran.code == 1
    assert "one 1.0" in ran.err
    assert "two 1.0" in ran.err
    assert " installs the file " in ran.err
    assert "hint: only one of them can be installed" in ran.err
    assert state(place) == before
    assert not place.venv.exists()


def test_clash_with_what_is_installed_leaves_that_as_it_was(
    place: Workplace, server: IndexServer
) -> None:
    publish(server, make_wheel("one", "1.0", {"shared": "x"}))
    publish(server, make_wheel("two", "1.0", {"shared/mod.py": ""}))
    place.write(spec("one"))
    place.given("sync")
    before = state(place)
    ran = place.run("add", "two")
    assert ran.code == 1
    assert f"one 1.0 installs the file {SITE}/shared, and two 1.0" in ran.err
    assert state(place) == before
    assert place.run("sync", "--check").code == 0


def test_clash_with_compiled_files_is_refused(place: Workplace, server: IndexServer) -> None:
    publish(server, make_wheel("one", "1.0", {"pkg/__init__.py": "X = 1\n"}))
    publish(server, make_wheel("two", "1.0", {"two.py": ""}, data={"purelib/pkg/__pycache__": "x"}))
    place.write(spec("one", "two", sync="compile-bytecode = true"))
    ran = place.run("sync")
    assert ran.code == 1
    assert f"two 1.0 installs the file {SITE}/pkg/__pycache__, and one 1.0" in ran.err
    assert not place.venv.exists()


def test_folders_and_equal_files_are_shared(place: Workplace, server: IndexServer) -> None:
    common = {"ns/__init__.py": "", "ns/data/common.txt": "same"}
    publish(server, make_wheel("one", "1.0", {**common, "ns/one.py": ""}))
    publish(
        server,
        make_wheel("two", "1.0", {**common, "ns/two/__init__.py": ""}, data={"data/share/x/y": ""}),
    )
    place.write(spec("one", "two"))
    place.ok("sync")
    assert place.python("import ns.one, ns.two") == ""
    assert place.run("sync", "--check").code == 0


def test_packages_that_are_links_into_the_store_share_equal_files(
    place: Workplace, server: IndexServer
) -> None:
    common = {"LICENSE": "same", "ns/__init__.py": "X = 1\n"}
    for name in ("one", "two"):
        publish(server, make_wheel(name, "1.0", {**common, f"ns/{name}.py": ""}))
    place.write(spec("one", "two", sync='link-mode = "symlink"'))
    assert "LICENSE" not in place.ok("sync").err
    assert place.python("import ns.one, ns.two") == ""
    place.ok("verify")
    before = (place.site / "LICENSE").readlink()
    place.write(spec("two", sync='link-mode = "symlink"'))
    place.ok("sync")
    assert (place.site / "LICENSE").readlink() != before  # what went has no use any more
    assert (place.site / "LICENSE").read_text() == "same"
    place.ok("verify")


def test_whose_file_stands_does_not_depend_on_what_came_first(
    place: Workplace, server: IndexServer
) -> None:
    """Namespace files, texts beside packages, and paths that env.toml gives to one package."""
    ns = "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"
    for name, text in (("one", f"# one\n{ns}"), ("two", ns), ("zap", f"'zap'\n{ns}")):
        files = {
            "ns/__init__.py": text,
            f"ns/{name}.py": "",
            "LICENSE": name,
            "tool.py": f"# {name}",
        }
        publish(server, make_wheel(name, "1.0", files))
    place.write(spec("one", "two"))
    ran = place.run("sync")
    assert ran.code == 1
    assert 'hint: say whose file stands: winners = { "tool.py" = "two" } under [sync]' in ran.err

    winner = 'winners = { "tool.py" = "one" }'
    begins = {"one": "# one\n", "two": "__path__", "zap": "'zap'"}
    for names in (("two", "one"), ("zap", "two", "one"), ("one", "zap"), ("one",)):
        place.write(spec(*names, sync=winner))
        told = place.ok("sync").err
        assert ("that of" in told) == (len(names) > 1), told
        assert (place.site / "LICENSE").read_text() == max(names)
        assert (place.site / "tool.py").read_text() == "# one"
        assert (place.site / "ns/__init__.py").read_text().startswith(begins[min(names)])
        place.ok("verify")
        assert "Nothing to do" in place.ok("sync").err
        assert place.python(f"import {', '.join(f'ns.{name}' for name in names)}") == ""
    place.write(spec("one", "two", sync='winners = { "tool.py" = "two" }'))
    place.ok("sync")
    place.write(spec("one", "two", sync=winner))
    assert place.run("sync", "--check").code == 3
    place.ok("sync")
    assert (place.site / "tool.py").read_text() == "# one"
    (place.site / "tool.py").unlink()
    place.ok("sync")
    assert (place.site / "tool.py").read_text() == "# one"
    place.write(spec("two"))
    place.ok("sync")
    assert (place.site / "tool.py").read_text() == "# two"
    place.ok("verify")


def test_folder_becomes_a_file_when_its_package_goes(place: Workplace, server: IndexServer) -> None:
    publish(server, make_wheel("one", "1.0", {"shared.d": "x"}))
    publish(server, make_wheel("two", "1.0", {"shared.d/mod.py": ""}))
    place.write(spec("one"))
    place.given("sync")
    place.write(spec("two"))
    place.ok("sync")
    assert (place.site / "shared.d" / "mod.py").is_file()
    place.write(spec("one"))
    place.ok("sync")
    assert (place.site / "shared.d").read_text() == "x"
    assert place.run("verify").code == 0


REACHES = {
    "foreign RECORD, data": f"data/{SITE}/base-1.0.dist-info/RECORD",
    "foreign RECORD, purelib": "purelib/base-1.0.dist-info/RECORD",
    "foreign metadata, platlib": "platlib/nobody-1.0.dist-info/METADATA",
    "foreign metadata through lib64": f"data/{SITE.replace('lib', 'lib64', 1)}/x-1.dist-info/WHEEL",
    "own RECORD, data": f"data/{SITE}/evil-1.0.dist-info/RECORD",
    "own RECORD, purelib": "purelib/evil-1.0.dist-info/RECORD",
    "own INSTALLER": f"data/{SITE}/evil-1.0.dist-info/INSTALLER",
    "own REQUESTED": "platlib/evil-1.0.dist-info/REQUESTED",
    "own direct_url.json": f"data/{SITE}/evil-1.0.dist-info/direct_url.json",
    "own module twice": f"data/{SITE}/evil.py",
    "pyvenv.cfg": "data/pyvenv.cfg",
    "interpreter": "data/bin/python3",
    "interpreter as a script": "scripts/python",
    "activation": "data/bin/activate.fish",
    "state of envsync": "data/.envsync/manifest",
}


@pytest.mark.parametrize("kind", REACHES)
def test_wheel_that_reaches_for_what_is_not_its_own_is_refused(
    place: Workplace, server: IndexServer, kind: str
) -> None:
    path = REACHES[kind]
    publish(server, make_wheel("evil", "1.0", {"evil.py": "X = 1\n"}, data={path: "forged"}))
    place.write(spec("base==1.0", "evil"))
    ran = place.here("sync")
    assert ran.code == 1
    assert "error: evil" in ran.err
    assert path.rpartition("/")[2] in ran.err
    assert not place.venv.exists()


def test_entry_that_an_earlier_version_unpacked_is_judged_again(
    place: Workplace, server: IndexServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies in the store was judged by the rules of its time."""
    monkeypatch.setattr("envsync.wheel.archive.paths.forged_metadata", lambda *_: None)
    path = f"data/{SITE}/base-1.0.dist-info/RECORD"
    name, content = make_wheel("evil", "1.0", {"evil.py": ""}, data={path: "forged"})
    publish(server, (name, content))
    _unpack(place.cache, name, content)
    place.write(spec("base==1.0", "evil"))
    ran = place.run("sync")
    assert ran.code == 1
    assert "would be the metadata of another package" in ran.err
    assert not place.venv.exists()


def _unpack(cache: Path, name: str, content: bytes) -> None:
    file = cache.parent / name
    file.write_bytes(content)
    WheelStore(str(cache)).add(str(file), sha256=sha256(content), filename=name)
