import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.environment.drift import Drift, expected_mtime, in_the_way, scan, source_of
from envsync.environment.manifest import Placed

SHA = "ab" * 32
SITE = "lib/site-packages"


def put(root: Path, path: str, data: bytes = b"x = 1\n") -> Placed:
    """Write a file as envsync places it."""
    placed = Placed(path, 0o100444, len(data), SHA)
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    target.chmod(0o444)
    os.utime(target, (expected_mtime(placed),) * 2)
    return placed


def link(root: Path, path: str, to: str) -> Placed:
    placed = Placed(path, 0o120777, len(to), to)
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(to)
    os.utime(target, (expected_mtime(placed),) * 2, follow_symlinks=False)
    return placed


@pytest.fixture
def placed(tmp_path: Path) -> dict[str, Placed]:
    tmp_path.chmod(0o755)
    files = [
        put(tmp_path, f"{SITE}/a.py"),
        put(tmp_path, f"{SITE}/pkg/__init__.py"),
        put(tmp_path, f"{SITE}/pkg/deep/er.py"),
        put(tmp_path, "share/doc.txt"),
        link(tmp_path, "bin/python", "/usr/bin/python3"),
    ]
    return {file.path: file for file in files}


def look(root: Path, placed: dict[str, Placed]) -> Drift:
    return scan(str(root), placed, [SITE, "bin"])


def test_untouched_environment_is_clean(tmp_path: Path, placed: dict[str, Placed]) -> None:
    assert look(tmp_path, placed) == Drift()


def test_missing_file_and_folder_are_found(tmp_path: Path, placed: dict[str, Placed]) -> None:
    (tmp_path / SITE / "a.py").unlink()
    (tmp_path / SITE / "pkg/deep/er.py").unlink()
    (tmp_path / SITE / "pkg/deep").rmdir()
    found = look(tmp_path, placed)
    assert found == Drift(missing=(f"{SITE}/a.py", f"{SITE}/pkg/deep/er.py"))


def edit_in_place(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(b"x = 2\n")
    path.chmod(0o444)


def append(path: Path) -> None:
    path.chmod(0o644)
    with path.open("ab") as file:
        file.write(b"#")


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def replace_by_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def touch(path: Path) -> None:
    os.utime(path)


def make_executable(path: Path) -> None:
    path.chmod(0o555)


@pytest.mark.parametrize(
    "damage",
    [append, replace_by_folder, replace_by_link, make_executable],
)
@pytest.mark.parametrize("path", [f"{SITE}/a.py", f"{SITE}/pkg/deep/er.py", "share/doc.txt"])
def test_edit_is_found(
    tmp_path: Path, placed: dict[str, Placed], path: str, damage: Callable[[Path], None]
) -> None:
    damage(tmp_path / path)
    found = look(tmp_path, placed)
    assert (found.missing, found.edited) == ((), (path,))


def put_back(path: Path) -> None:
    """An edit after which only the time of last change tells of it."""
    before = path.stat()
    edit_in_place(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("damage", [edit_in_place, touch, put_back])
@pytest.mark.parametrize("path", [f"{SITE}/a.py", f"{SITE}/pkg/deep/er.py", "share/doc.txt"])
def test_what_times_leave_open_is_told(
    tmp_path: Path, placed: dict[str, Placed], path: str, damage: Callable[[Path], None]
) -> None:
    times = {name: (tmp_path / name).lstat().st_ctime_ns for name in placed}
    assert scan(str(tmp_path), placed, [SITE, "bin"], times).is_clean()
    damage(tmp_path / path)
    found = scan(str(tmp_path), placed, [SITE, "bin"], times)
    assert found == Drift(unsure=(path,))
    assert not found.is_clean()
    assert look(tmp_path, placed).is_clean() is (damage is put_back)


def test_a_file_of_which_no_time_is_known_is_left_open(
    tmp_path: Path, placed: dict[str, Placed]
) -> None:
    times = {name: (tmp_path / name).lstat().st_ctime_ns for name in placed}
    del times["share/doc.txt"]
    assert scan(str(tmp_path), placed, [SITE, "bin"], times) == Drift(unsure=("share/doc.txt",))


def test_link_to_elsewhere_is_found(tmp_path: Path, placed: dict[str, Placed]) -> None:
    (tmp_path / "bin/python").unlink()
    (tmp_path / "bin/python").symlink_to("/usr/bin/python2")
    assert look(tmp_path, placed).unsure == ("bin/python",)
    (tmp_path / "bin/python").unlink()
    (tmp_path / "bin/python").symlink_to("/usr/bin/python3.9")
    assert look(tmp_path, placed).edited == ("bin/python",)


def test_stray_files_links_and_folders_are_found(tmp_path: Path, placed: dict[str, Placed]) -> None:
    (tmp_path / SITE / "stray.pth").write_text("import os")
    (tmp_path / SITE / "pkg" / "extra.py").write_text("")
    (tmp_path / SITE / "other").mkdir()
    (tmp_path / SITE / "other" / "x.py").write_text("")
    (tmp_path / "bin" / "tool").symlink_to("/bin/true")
    assert look(tmp_path, placed).stray == (
        "bin/tool",
        f"{SITE}/other",
        f"{SITE}/pkg/extra.py",
        f"{SITE}/stray.pth",
    )


def test_files_beside_placed_ones_are_stray_at_every_level(
    tmp_path: Path, placed: dict[str, Placed]
) -> None:
    placed["etc/app/conf.d/one.json"] = put(tmp_path, "etc/app/conf.d/one.json")
    strays = ("etc/app/conf.d/two.json", "etc/app/config.py", "etc/top", "lib/x.so", "share/k/a")
    for stray in strays:
        (tmp_path / stray).parent.mkdir(exist_ok=True)
        (tmp_path / stray).write_text("{}")
    assert look(tmp_path, placed).stray == (*strays[:-1], "share/k")


def test_root_may_hold_what_nobody_placed(tmp_path: Path, placed: dict[str, Placed]) -> None:
    (tmp_path / ".lock").write_text("")
    (tmp_path / "etc").mkdir(mode=0o700)
    (tmp_path / "etc" / "mine.conf").write_text("")
    (tmp_path / "src").symlink_to("/nowhere")
    assert look(tmp_path, placed).is_clean()


def test_what_is_in_the_way_of_new_files_is_told(tmp_path: Path, placed: dict[str, Placed]) -> None:
    for mine in ("var/x.txt", "var/deep/y.txt", "notes.txt", "share/mine.txt", "opt/z.txt"):
        (tmp_path / mine).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / mine).write_text("mine")
    (tmp_path / "srv").symlink_to(tmp_path / "opt")
    (tmp_path / "usr").write_text("mine")
    after = [*placed, "var/deep/new.txt", "var/x.txt", "notes.txt", "srv/z.txt", "usr/a", "new/b"]
    assert sorted(in_the_way(str(tmp_path), placed, after)) == [
        *("notes.txt", "srv", "usr", "var/deep/y.txt", "var/x.txt")
    ]
    assert in_the_way(str(tmp_path), placed, [*placed, "share/mine.txt"]) == ()  # `scan` tells


def test_owned_folder_without_files_is_looked_into_and_never_through_a_link(
    tmp_path: Path, placed: dict[str, Placed]
) -> None:
    (tmp_path / "include" / "site").mkdir(parents=True)
    owned = [SITE, "bin", "include/site"]
    assert scan(str(tmp_path), placed, owned).is_clean()
    (tmp_path / "include" / "site" / "x.h").write_text("")
    assert scan(str(tmp_path), placed, owned).stray == ("include/site/x.h",)
    (tmp_path / "include" / "site").rename(tmp_path / "elsewhere")
    (tmp_path / "include" / "site").symlink_to(tmp_path / "elsewhere")
    assert scan(str(tmp_path), placed, owned).stray == ("include/site",)


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o775, 0o777, 0o1755, 0o4755, 0o555, 0o000])
@pytest.mark.parametrize("folder", ["", "bin", "share", "lib", SITE, f"{SITE}/pkg/deep"])
def test_other_permissions_of_a_folder_are_found(
    tmp_path: Path, placed: dict[str, Placed], folder: str, mode: int
) -> None:
    (tmp_path / folder).chmod(mode)
    found = look(tmp_path, placed)
    assert found.modes == (folder,)
    assert not found.is_clean()


def test_setgid_that_the_folder_above_hands_down_is_no_difference(
    tmp_path: Path, placed: dict[str, Placed]
) -> None:
    for folder in ("", "lib", SITE, "share"):
        (tmp_path / folder).chmod(0o2755)
    assert look(tmp_path, placed).is_clean()
    (tmp_path / "share").chmod(0o2775)
    assert look(tmp_path, placed).modes == ("share",)


@pytest.mark.parametrize(
    "name",
    [
        "a.pyc",
        "a.pyc.so",
        "a.cpython-311.pyc.so",
        "a.so",
        "a.abi3.so",
        "liba.so.1",
        "a.PYD",
        "a.pyw",
        "a.dylib",
        "a.py",
        "__init__.pyc",
        "__init__.py",
        ".a.pyc",
        "gone.cpython-311.pyc.140234",
    ],
)
def test_what_python_would_import_from_a_bytecode_folder_is_stray(
    tmp_path: Path, placed: dict[str, Placed], name: str
) -> None:
    placed[f"{SITE}/__init__.py"] = put(tmp_path, f"{SITE}/__init__.py")
    cache = tmp_path / SITE / "__pycache__"
    cache.mkdir()
    (cache / name).write_bytes(b"")
    assert look(tmp_path, placed).stray == (f"{SITE}/__pycache__/{name}",)


@pytest.mark.parametrize(
    "name",
    [
        "a.cpython-311.pyc.140234567",
        "a.cpython-311.opt-2.pyc",
        "a.pypy310.pyc",
        "a.cpython-311-pytest-8.4.1.pyc",
        "a.other-1.pyc",
    ],
)
def test_what_compilers_write_is_allowed(
    tmp_path: Path, placed: dict[str, Placed], name: str
) -> None:
    cache = tmp_path / SITE / "__pycache__"
    cache.mkdir(mode=0o777)
    (cache / name).write_bytes(b"")
    found = look(tmp_path, placed)
    assert found.is_clean()
    assert found.bytecode == (f"{SITE}/__pycache__/{name}",)


@pytest.mark.parametrize(
    "name",
    ["a.f-3.py311.nbi", "a.f-3.py311.1.nbc", "note", "a.json", "a.cpython-311.pyc.1a", "x.pyc."],
)
def test_what_tools_keep_beside_bytecode_and_python_cannot_import_is_allowed(
    tmp_path: Path, placed: dict[str, Placed], name: str
) -> None:
    cache = tmp_path / SITE / "__pycache__"
    cache.mkdir()
    (cache / name).write_bytes(b"")
    found = look(tmp_path, placed)
    assert found.is_clean()
    assert found.caches == (f"{SITE}/__pycache__/{name}",)
    (cache / "folder").mkdir()
    (cache / "link").symlink_to("/nowhere")
    assert len(look(tmp_path, placed).stray) == 2


def test_bytecode_of_placed_sources_is_allowed_and_other_bytecode_is_stray(
    tmp_path: Path, placed: dict[str, Placed]
) -> None:
    cache = tmp_path / SITE / "__pycache__"
    cache.mkdir()
    for name in ("a.cpython-311.pyc", "a.cpython-311.opt-1.pyc", "gone.cpython-311.pyc"):
        (cache / name).write_bytes(b"")
    found = look(tmp_path, placed)
    assert found.bytecode == (
        f"{SITE}/__pycache__/a.cpython-311.opt-1.pyc",
        f"{SITE}/__pycache__/a.cpython-311.pyc",
    )
    assert found.stray == (f"{SITE}/__pycache__/gone.cpython-311.pyc",)


def test_linked_folder_is_stray_and_what_should_be_in_it_missing(
    tmp_path: Path, placed: dict[str, Placed]
) -> None:
    (tmp_path / SITE / "pkg").rename(tmp_path / "elsewhere")
    (tmp_path / SITE / "pkg").symlink_to(tmp_path / "elsewhere")
    found = look(tmp_path, placed)
    assert found.stray == (f"{SITE}/pkg",)
    assert found.missing == (f"{SITE}/pkg/__init__.py", f"{SITE}/pkg/deep/er.py")


def test_linked_site_packages_is_not_walked(tmp_path: Path, placed: dict[str, Placed]) -> None:
    (tmp_path / SITE).rename(tmp_path / "elsewhere")
    (tmp_path / SITE).symlink_to(tmp_path / "elsewhere")
    assert look(tmp_path, placed).stray == (SITE,)


def test_source_of_bytecode() -> None:
    assert source_of("a/__pycache__/b.cpython-311.opt-2.pyc") == "a/b.py"
    assert source_of("a/__pycache__/b.c.cpython-311.pyc") == "a/b.c.py"
    assert source_of("a/__pycache__/b.cpython-311-pytest-8.4.1.pyc") == "a/b.py"
    assert source_of("a/__pycache__/b.other.pyc") == "a/b.py"
    assert source_of("a/__pycache__/b.txt") == ""


def test_a_placed_link_to_a_folder_is_one_file_and_not_walked(
    tmp_path: Path, placed: dict[str, Placed]
) -> None:
    placed[f"{SITE}/alias"] = link(tmp_path, f"{SITE}/alias", "pkg")
    assert look(tmp_path, placed) == Drift()
    (tmp_path / SITE / "pkg/alias").symlink_to("deep")
    assert look(tmp_path, placed) == Drift(stray=(f"{SITE}/pkg/alias",))


def test_a_link_in_place_of_a_bytecode_folder_is_stray(
    tmp_path: Path, placed: dict[str, Placed]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/a.cpython-311.pyc").write_bytes(b"")
    (tmp_path / SITE / "__pycache__").symlink_to(tmp_path / "elsewhere")
    assert look(tmp_path, placed) == Drift(stray=(f"{SITE}/__pycache__",))


def test_a_bytecode_folder_beside_nothing_of_ours_is_stray_with_its_folder(
    tmp_path: Path, placed: dict[str, Placed]
) -> None:
    (tmp_path / SITE / "other/__pycache__").mkdir(parents=True)
    assert look(tmp_path, placed) == Drift(stray=(f"{SITE}/other",))


def test_what_a_package_placed_in_its_bytecode_folder_is_looked_into(
    tmp_path: Path, placed: dict[str, Placed]
) -> None:
    for path in (f"{SITE}/__pycache__/a.cpython-311.pyc", f"{SITE}/__pycache__/data/x.txt"):
        placed[path] = put(tmp_path, path)
    assert look(tmp_path, placed) == Drift()
    (tmp_path / SITE / "__pycache__/data/y.txt").write_text("")
    assert look(tmp_path, placed) == Drift(stray=(f"{SITE}/__pycache__/data/y.txt",))


def test_bytecode_that_is_no_file_is_stray(tmp_path: Path, placed: dict[str, Placed]) -> None:
    cache = tmp_path / SITE / "__pycache__"
    cache.mkdir()
    (cache / "a.cpython-311.pyc").symlink_to("/nowhere")
    (cache / "a.cpython-312.pyc").mkdir()
    assert look(tmp_path, placed).stray == (
        f"{SITE}/__pycache__/a.cpython-311.pyc",
        f"{SITE}/__pycache__/a.cpython-312.pyc",
    )


def test_where_all_is_as_placed_each_file_is_looked_at_once(
    tmp_path: Path, placed: dict[str, Placed], monkeypatch: pytest.MonkeyPatch
) -> None:
    times = {name: (tmp_path / name).lstat().st_ctime_ns for name in placed}
    lstat, seen = os.lstat, Counter[str]()

    def counted(path: str) -> os.stat_result:
        seen[path.removeprefix(f"{tmp_path}/")] += 1
        return lstat(path)

    monkeypatch.setattr(os, "lstat", counted)
    assert scan(str(tmp_path), placed, [SITE, "bin"], times).is_clean()
    assert {path: seen[path] for path in placed} == dict.fromkeys(placed, 1)


@pytest.mark.parametrize("kind", Drift._fields)
def test_what_is_allowed_is_clean_and_all_else_is_not(kind: str) -> None:
    allowed = kind in ("bytecode", "caches", "kept")
    assert Drift()._replace(**{kind: ("x",)}).is_clean() is allowed
