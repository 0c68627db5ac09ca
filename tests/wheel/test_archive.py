"""Which wheels may be unpacked, by the rules beyond the ZIP format."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping

import pytest
from packaging.version import Version

from envsync.errors import WheelInvalid
from envsync.model.entry_point import EntryPoint
from envsync.wheel.archive import WheelArchive, open_wheel
from envsync.wheel.members import read_member
from tests.support.wheels import (
    Content,
    make_wheel,
    pack_zip,
    record_line,
    render_metadata,
    render_wheel_file,
    wheel_files,
)
from tests.wheel.zips import FILENAME, Part, pack_parts

INFO = "demo-1.0.dist-info"
SOURCE = {"demo/__init__.py": b"x = 1\n"}


def open_files(
    files: Mapping[str, Content],
    *,
    data: Mapping[str, Content] | None = None,
    entry_points: str | None = None,
    filename: str = FILENAME,
) -> WheelArchive:
    """Open a wheel of demo 1.0 with these members; one under *.dist-info replaces the right one."""
    _, content = make_wheel("demo", "1.0", files, data=data, entry_points=entry_points)
    return open_all(content, filename)


def open_members(members: Mapping[str, bytes], filename: str = FILENAME) -> WheelArchive:
    """Open a wheel of exactly these members."""
    return open_all(pack_zip(members), filename)


def open_all(content: bytes, filename: str = FILENAME) -> WheelArchive:
    """Open a wheel and read every member, as unpacking does."""
    archive = open_wheel(content, filename=filename)
    for member in archive.members:
        read_member(content, member, file=filename)
    return archive


def recorded(members: Mapping[str, bytes], info: str = INFO) -> dict[str, bytes]:
    """Members with a true RECORD."""
    rows = [record_line(path, content) for path, content in members.items()]
    return {**members, f"{info}/RECORD": "".join([*rows, f"{info}/RECORD,,\n"]).encode()}


def plain_members() -> dict[str, bytes]:
    """Members of a good wheel, without RECORD."""
    members = wheel_files("demo", "1.0", SOURCE)
    del members[f"{INFO}/RECORD"]
    return members


def renamed(old: str, new: str) -> dict[str, bytes]:
    """The good wheel with a top folder renamed, RECORD true."""
    members = {
        path.replace(f"{old}/", f"{new}/", 1): content for path, content in plain_members().items()
    }
    return recorded(members, new if old == INFO else INFO)


def test_a_good_wheel_is_opened() -> None:
    filename, content = make_wheel(
        "Demo.Kit",
        "1.0",
        {"demo/__init__.py": "x = 1", "demo/tool.sh": "#!/bin/sh\n"},
        requires=["rich>=14"],
        entry_points={"console_scripts": {"demo": "demo:main"}},
        executable=["demo/tool.sh"],
        root_is_purelib=False,
    )
    archive = open_wheel(content, filename=filename, name="demo_kit", version=Version("1.0.0"))
    assert (archive.name, archive.version) == ("demo-kit", Version("1.0"))
    assert archive.dist_info == "demo_kit-1.0.dist-info"
    assert archive.purelib is False
    assert archive.entry_points == (EntryPoint("console_scripts", "demo", "demo", "main"),)
    assert [str(requirement) for requirement in archive.metadata.requires_dist] == ["rich>=14"]
    assert [member.path for member in archive.members if member.executable] == ["demo/tool.sh"]
    first = archive.members[0]
    assert first.sha256 == hashlib.sha256(b"x = 1").hexdigest()
    assert read_member(content, first, file=filename)[0] == b"x = 1"


# --- RECORD -------------------------------------------------------------------------------------

ROW = record_line("demo/__init__.py", SOURCE["demo/__init__.py"])
LIES = {
    "a row is missing": (ROW, "", "not in RECORD"),
    "a row is too many": (ROW, ROW + "demo/gone.py,,\n", "lists 'demo/gone.py'"),
    "a row leads outside": (ROW, ROW + "../../../etc/passwd,,\n", "lists '../"),
    "a row twice": (ROW, ROW * 2, "twice"),
    "another hash": (ROW, record_line("demo/__init__.py", b"y = 1\n"), "another hash"),
    "another size": (ROW, ROW.replace(",6\n", ",7\n"), "another size"),
    "no hash": (ROW, "demo/__init__.py,,\n", "no hash"),
    "no hash, but a size": (ROW, "demo/__init__.py,,6\n", "no hash"),
    "md5 only": (ROW, "demo/__init__.py,md5=4d1bfe2d9b9a3f0f,6\n", "hashes"),
    "sha1 only": (ROW, "demo/__init__.py,sha1=4d1bfe2d9b9a3f0f,6\n", "hashes"),
    "another spelling": (ROW, ROW.replace("demo/", "./demo/"), "not in RECORD"),
    "backslashes": (ROW, ROW.replace("demo/", "demo\\"), "not in RECORD"),
    "another letter case": (ROW, ROW.replace("demo/", "Demo/"), "not in RECORD"),
}


@pytest.mark.parametrize("name", LIES)
def test_refuses_a_record_that_lies(name: str) -> None:
    old, new, reason = LIES[name]
    members = wheel_files("demo", "1.0", SOURCE)
    record = members[f"{INFO}/RECORD"].decode()
    assert old in record
    members[f"{INFO}/RECORD"] = record.replace(old, new).encode()
    with pytest.raises(WheelInvalid, match=reason):
        open_members(members)


def test_metadata_must_be_what_record_says_before_it_is_read() -> None:
    members = wheel_files("demo", "1.0", SOURCE)
    members[f"{INFO}/METADATA"] = members[f"{INFO}/METADATA"].replace(b"test", b"text")
    with pytest.raises(WheelInvalid, match=r"METADATA' has another hash"):
        open_members(members)


def test_record_need_not_list_itself_or_signatures() -> None:
    members = wheel_files("demo", "1.0", SOURCE)
    members[f"{INFO}/RECORD"] = members[f"{INFO}/RECORD"].replace(
        f"{INFO}/RECORD,,\n".encode(), b""
    )
    members[f"{INFO}/RECORD.jws"] = b"{}"
    members[f"{INFO}/RECORD.p7s"] = b"0"
    assert len(open_members(members).members) == 6


def test_folders_may_be_listed_when_they_are_there() -> None:
    members = wheel_files("demo", "1.0", SOURCE)
    members["demo/"] = b""
    members[f"{INFO}/RECORD"] += b"demo/,,\n"
    assert len(open_members(members).members) == 4


@pytest.mark.parametrize("algorithm", ["sha384", "sha512"])
def test_stronger_hashes_are_compared(algorithm: str) -> None:
    members = wheel_files("demo", "1.0", SOURCE)
    digest = urlsafe_b64encode(hashlib.new(algorithm, b"x = 1\n").digest()).rstrip(b"=").decode()
    for wanted, fits in ((digest, True), (f"A{digest[1:]}", digest[0] == "A")):
        row = f"demo/__init__.py,{algorithm}={wanted},6\n"
        record = members[f"{INFO}/RECORD"].decode().replace(ROW, row).encode()
        altered = {**members, f"{INFO}/RECORD": record}
        if fits:
            assert open_members(altered).members[0].sha256 == ""
        else:
            with pytest.raises(WheelInvalid, match="another hash"):
                open_members(altered)


# --- identity -----------------------------------------------------------------------------------


def metadata(name: str = "demo", version: str = "1.0") -> dict[str, str]:
    return {f"{INFO}/METADATA": render_metadata(name, version)}


IDENTITY: dict[str, tuple[Callable[[], dict[str, bytes]], str]] = {
    "no dist-info": (
        lambda: {"demo.py": b""},
        "no .*dist-info",
    ),
    "two of them": (
        lambda: recorded({**plain_members(), "other-1.0.dist-info/METADATA": b""}),
        r"2 \*.dist-info",
    ),
    "two by letter case": (
        lambda: recorded({**plain_members(), "Demo-1.0.dist-info/X": b""}),
        r"2 \*.dist-info",
    ),
    "one as an empty folder": (
        lambda: {**recorded(plain_members()), "other-1.0.dist-info/": b""},
        r"2 \*.dist-info",
    ),
    "another project's": (lambda: renamed(INFO, "other-1.0.dist-info"), "another project"),
    "another version's": (lambda: renamed(INFO, "demo-2.0.dist-info"), "another project"),
    "no version": (lambda: renamed(INFO, "demo.dist-info"), "another project"),
    "no name": (lambda: renamed(INFO, "-1.0.dist-info"), "another project"),
    "ending in capitals": (lambda: renamed(INFO, "demo-1.0.DIST-INFO"), "another project"),
    "another project's data": (
        lambda: recorded({**plain_members(), "other-1.0.data/scripts/x": b""}),
        "another project",
    ),
    "two data folders": (
        lambda: recorded(
            {**plain_members(), "demo-1.0.data/scripts/x": b"", "Demo-1.0.data/scripts/y": b""}
        ),
        r"2 \*.data",
    ),
    "data of no version": (
        lambda: recorded({**plain_members(), "demo.data/scripts/x": b""}),
        "another project",
    ),
    "no METADATA": (lambda: without("METADATA"), "has no .*METADATA"),
    "no WHEEL": (lambda: without("WHEEL"), "has no .*WHEEL"),
    "no RECORD": (plain_members, "has no .*RECORD"),
}


def without(name: str) -> dict[str, bytes]:
    members = plain_members()
    del members[f"{INFO}/{name}"]
    return recorded(members)


@pytest.mark.parametrize("name", IDENTITY)
def test_refuses_wheels_of_unclear_identity(name: str) -> None:
    build, reason = IDENTITY[name]
    with pytest.raises(WheelInvalid, match=reason):
        open_members(build())


def test_a_local_part_that_only_one_of_name_and_metadata_has_is_no_contradiction() -> None:
    renamed = open_members(recorded(plain_members()), "demo-1.0+cu122-py3-none-any.whl")
    assert (str(renamed.version), renamed.dist_info) == ("1.0", INFO)
    assert str(open_files(metadata(version="1.0+cu122")).version) == "1.0+cu122"
    with pytest.raises(WheelInvalid, match=r"says that it is demo 1\.0\+cu121"):
        open_files(metadata(version="1.0+cu121"), filename="demo-1.0+cu122-py3-none-any.whl")


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (metadata(name="../../x"), "not a valid name"),
        (metadata(name="other"), "says that it is other"),
        (metadata(version="1.1"), "says that it is demo 1.1"),
        ({f"{INFO}/METADATA": "Name: demo\n"}, "no Version"),
        ({f"{INFO}/METADATA": "Name: demo\nVersion: 1.0\nName: x\n"}, "contradicts itself"),
        ({f"{INFO}/WHEEL": "Wheel-Version: 2.0\nRoot-Is-Purelib: true\n"}, "version 2.0"),
        ({f"{INFO}/WHEEL": ""}, "no Wheel-Version"),
        ({f"{INFO}/INSTALLER": "pip\n"}, "only an installer writes"),
        ({f"{INFO}/installer": "pip\n"}, "only an installer writes"),
        ({f"{INFO}/REQUESTED": ""}, "only an installer writes"),
        ({f"{INFO}/direct_url.json": "{}"}, "only an installer writes"),
        ({f"{INFO}/Direct_URL.json": "{}"}, "only an installer writes"),
        ({f"{INFO}/METADATA": b"x" * (17 << 20)}, "larger than"),
    ],
)
def test_refuses_wheels_whose_files_contradict_their_name(
    files: Mapping[str, Content], reason: str
) -> None:
    with pytest.raises(WheelInvalid, match=reason):
        open_files({**SOURCE, **files})


@pytest.mark.parametrize(
    "filename",
    [
        "demo-1.0.zip",
        "demo-1.0.whl",
        "demo.whl",
        "",
        "demo-1.0-py3-none-any.whl\n",
        "../demo-1.0-py3-none-any.whl",
        "d\u0435mo-1.0-py3-none-any.whl",
        "demo-one-py3-none-any.whl",
        "demo-1.0-py3-none-any-x-y.whl",
        f"{'a' * 300}-1.0-py3-none-any.whl",
        f"demo-1.{'9' * 100}{'0' * 100}-{'x' * 100}-none-any.whl",
    ],
)
def test_refuses_file_names_that_are_none(filename: str) -> None:
    with pytest.raises(WheelInvalid, match="not that of a wheel"):
        open_files(SOURCE, filename=filename)


@pytest.mark.parametrize(
    "filename",
    ["other-1.0-py3-none-any.whl", "demo-1.1-py3-none-any.whl", "demo_x-1.0-py3-none-any.whl"],
)
def test_refuses_the_wheel_of_another_project_or_version(filename: str) -> None:
    with pytest.raises(WheelInvalid, match="another project"):
        open_files(SOURCE, filename=filename)


def test_refuses_what_was_not_asked_for() -> None:
    filename, content = make_wheel("foo-2", "2")
    assert (
        open_wheel(content, filename=filename, name="Foo_2", version=Version("2.0")).name == "foo-2"
    )
    with pytest.raises(WheelInvalid, match="not that of foo"):
        open_wheel(content, filename=filename, name="foo", version=Version("2"))
    with pytest.raises(WheelInvalid, match="not that of version 2"):
        open_wheel(content, filename=filename, name="foo-2", version=Version("2-2"))


@pytest.mark.parametrize(
    ("info", "filename"),
    [
        ("Demo-1.0.dist-info", FILENAME),
        ("demo-1.0.0.dist-info", FILENAME),
        ("demo-1.0.dist-info", "Demo-1.0.0-1-cp311.cp312-abi3-manylinux_2_17_x86_64.whl"),
    ],
)
def test_spellings_of_one_project_and_version_are_equal(info: str, filename: str) -> None:
    assert open_members(renamed(INFO, info), filename).dist_info == info


@pytest.mark.parametrize(
    ("spelling", "filename"),
    [
        ("demo-kit-1.0", "demo_kit-1.0-py3-none-any.whl"),
        ("Demo.Kit-1.0", "Demo.Kit-1.0-py3-none-any.whl"),
        ("demo_kit-1.0", "demo.kit-1.0-py3-none-any.whl"),
    ],
)
def test_names_that_old_tools_escaped_otherwise_are_equal(spelling: str, filename: str) -> None:
    info = f"{spelling}.dist-info"
    members = {
        f"{info}/METADATA": render_metadata("demo.kit", "1.0").encode(),
        f"{info}/WHEEL": render_wheel_file("py3-none-any").encode(),
    }
    assert open_members(recorded(members, info), filename).dist_info == info


def test_metadata_of_vendored_projects_is_no_second_dist_info() -> None:
    assert open_files({**SOURCE, "demo/_vendor/x-1.dist-info/INSTALLER": "pip"}).name == "demo"


# --- paths --------------------------------------------------------------------------------------

ESCAPES = ["../evil", "a/../../evil", "/evil", "a//b", "./a", "a\\b", "C:/evil", "a\tb", "a\u202eb"]
SCHEMES = ["", "purelib/", "platlib/", "headers/", "scripts/", "data/"]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("path", ESCAPES)
def test_refuses_paths_that_leave_their_place(path: str, scheme: str) -> None:
    prefix = f"demo-1.0.data/{scheme}" if scheme else ""
    members = {**plain_members(), f"{prefix}{path}": b"evil"}
    parts = [Part(name.encode(), text, flags=0x800) for name, text in recorded(members).items()]
    with pytest.raises(WheelInvalid, match=r"component|absolute path|the character"):
        open_all(pack_parts(parts))


@pytest.mark.parametrize("folder", ["../evil/", "/evil/", "a//", "./", "a\\b/"])
def test_refuses_folder_entries_that_leave_their_place(folder: str) -> None:
    with pytest.raises(WheelInvalid, match=r"component|absolute path|the character"):
        open_members({**recorded(plain_members()), folder: b""})


def test_refuses_a_name_that_hides_behind_a_nul() -> None:
    members = recorded({**plain_members(), "a.py\0evil.so": b"evil"})
    parts = [Part(path.encode(), content) for path, content in members.items()]
    with pytest.raises(WheelInvalid, match=r"U\+0000"):
        open_all(pack_parts(parts))


def test_refuses_a_member_that_is_there_twice() -> None:
    members = recorded(plain_members())
    parts = [Part(path.encode(), content) for path, content in members.items()]
    with pytest.raises(WheelInvalid, match=r"'demo/__init__.py' is there twice"):
        open_all(pack_parts([*parts, Part(b"demo/__init__.py", b"y = 2")]))


CLASHES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "file and folder": ({"demo": "x"}, {}),
    "file and folder, deeper": ({"demo/a": "x", "demo/a/b/c": "y"}, {}),
    "body and purelib": ({}, {"purelib/demo/__init__.py": "y"}),
    "purelib and platlib": ({}, {"purelib/other.py": "x", "platlib/other.py": "y"}),
    "equal bytes in two schemes": ({}, {"purelib/other.py": "x", "platlib/other.py": "x"}),
    "scripts and data": ({}, {"scripts/tool": "x", "data/bin/tool": "y"}),
    "file in one scheme, folder in another": ({}, {"purelib/demo": "x"}),
}


@pytest.mark.parametrize("name", CLASHES)
def test_refuses_files_that_cannot_stand_together(name: str) -> None:
    files, data = CLASHES[name]
    with pytest.raises(WheelInvalid, match=r"is there twice|is a file and a folder"):
        open_files({**SOURCE, **files}, data=data)


def test_refuses_a_file_where_a_folder_entry_is() -> None:
    members = {**recorded({**plain_members(), "other": b"x"}), "other/": b""}
    with pytest.raises(WheelInvalid, match="is a file and a folder"):
        open_members(members)


FORGED = [
    "purelib/other-2.0.dist-info/METADATA",
    "platlib/other-2.0.dist-info/RECORD",
    "purelib/OTHER-2.0.DIST-INFO/METADATA",
    "purelib/demo-1.1.dist-info/METADATA",
    "purelib/other.dist-info",
    "data/lib/python3.12/site-packages/other-2.0.dist-info/METADATA",
    "data/lib/python3.8/site-packages/other-2.0.dist-info/RECORD",
    "data/lib64/python3.12/site-packages/other-2.0.dist-info/RECORD",
    "data/lib/pypy3.10/site-packages/other-2.0.dist-info/direct_url.json",
    "data/Lib/site-packages/other-2.0.dist-info/RECORD",
    "data/lib/python3/dist-packages/other-2.0.dist-info/RECORD",
]
SEALS = ("RECORD", "RECORD.jws", "INSTALLER", "REQUESTED", "direct_url.json", "Direct_URL.json")
OWN = [f"{scheme}/{INFO}/{name}" for scheme in ("purelib", "platlib") for name in SEALS]
OWN += [f"data/lib/python3.12/site-packages/{INFO}/{name}" for name in SEALS]
OWN += [f"purelib/{INFO}/REQUESTED/deeper"]


@pytest.mark.parametrize("path", FORGED)
def test_refuses_metadata_of_another_package_by_any_way(path: str) -> None:
    with pytest.raises(WheelInvalid) as caught:
        open_files(SOURCE, data={path: "x"})
    assert f"{path!a} in its *.data folder" in str(caught.value)
    assert "would be the metadata of another package" in str(caught.value)


@pytest.mark.parametrize("path", OWN)
def test_refuses_what_installers_write_by_any_way(path: str) -> None:
    with pytest.raises(WheelInvalid, match=r"is written by installers only|is there twice"):
        open_files(SOURCE, data={path: "x"})


@pytest.mark.parametrize("name", ["INSTALLER/x", "REQUESTED", "Direct_URL.json", "requested/a/b"])
def test_refuses_what_installers_write_in_its_own_folder(name: str) -> None:
    with pytest.raises(WheelInvalid, match="which only an installer writes"):
        open_files({**SOURCE, f"{INFO}/{name}": "x"})


def test_accepts_what_is_nobodys_metadata() -> None:
    data = {
        "purelib/demo/_vendor/x-1.dist-info/RECORD": "vendored",
        "data/share/x-1.dist-info/RECORD": "not a library",
        f"purelib/{INFO}/licenses/more.txt": "its own licence",
        "data/lib/python3.12/site-packages/demo.pth": "",
        "scripts/x.dist-info": "a script",
    }
    assert len(open_files(SOURCE, data=data).members) == 4 + 5


def test_names_that_differ_in_letter_case_are_not_refused() -> None:
    """Where they are one is found out in the environment's own folder (`environment.names`)."""
    files = {"demo/A.py": "a", "demo/a.py": "b", "x": "", "X/y": ""}
    assert {member.path for member in open_files(files).members} >= set(files)


def test_scripts_that_differ_in_letter_case_are_not_refused() -> None:
    scripts = "[console_scripts]\nDemo = demo:main\n"
    archive = open_files(SOURCE, data={"scripts/demo": "x"}, entry_points=scripts)
    assert [script.name for script in archive.entry_points] == ["Demo"]


@pytest.mark.parametrize(
    "path",
    ["x", "lib/x", "Scripts/x", "PURELIB/x", "stdlib/x", "include/x", "scripts", "../scripts/x"],
)
def test_refuses_schemes_that_are_unknown(path: str) -> None:
    with pytest.raises(WheelInvalid, match=r"no scheme|component"):
        open_files(SOURCE, data={path: "x"})


def test_the_five_schemes_are_known() -> None:
    data = {f"{scheme}other/x": "x" for scheme in SCHEMES[3:]}
    data |= {"purelib/pure.py": "x", "platlib/plat.py": "x"}
    assert len(open_files(SOURCE, data=data).members) == 4 + 5


RESERVED = [
    "scripts/python",
    "scripts/Python",
    "scripts/python3",
    "scripts/python3.12",
    "scripts/python.exe",
    "scripts/PYTHONW.EXE",
    "scripts/pypy3",
    "scripts/activate",
    "scripts/Activate",
    "scripts/activate.csh",
    "scripts/activate.fish",
    "scripts/Activate.ps1",
    "scripts/activate_this.py",
    "scripts/deactivate",
    "data/bin/python",
    "data/bin/python3",
    "data/BIN/Python3",
    "data/Scripts/python.exe",
    "data/bin/activate",
    "data/pyvenv.cfg",
    "data/PYVENV.CFG",
    "data/pyvenv.cfg.",
    "data/.envsync/manifest",
    "data/.ENVSYNC/journal",
    "data/.gitignore",
    "data/CACHEDIR.TAG",
    "data/bin",
    "data/lib",
    "data/lib64",
    "data/include",
]


@pytest.mark.parametrize("path", RESERVED)
def test_refuses_what_would_replace_the_environments_own(path: str) -> None:
    with pytest.raises(WheelInvalid, match=r"would replace|belongs to|is a folder of"):
        open_files(SOURCE, data={path: "#!evil"})


def test_refuses_entry_points_that_would_replace_the_interpreter() -> None:
    with pytest.raises(WheelInvalid, match="would replace the interpreter"):
        open_files(SOURCE, entry_points="[console_scripts]\npython3 = demo:main\n")


@pytest.mark.parametrize(
    "line",
    ["../../x = demo:main", "x = os:system('x')", "a/b = demo:main", "x = demo:main\nimport os"],
)
def test_refuses_entry_points_that_are_not_plain(line: str) -> None:
    with pytest.raises(WheelInvalid):
        open_files(SOURCE, entry_points=f"[console_scripts]\n{line}\n")


# --- what is not installed ----------------------------------------------------------------------


def skipped(archive: WheelArchive) -> list[str]:
    return [member.path for member in archive.members if member.skip]


def test_bytecode_beside_its_source_is_not_installed() -> None:
    files: dict[str, Content] = {
        "demo/__init__.py": "x = 1",
        "demo/__pycache__/__init__.cpython-311.pyc": b"forged",
        "demo/__pycache__/gone.cpython-311.pyc": b"of no use",
        "demo/__pycache__/notes.txt": b"data",
        "demo/old.py": "x = 1",
        "demo/old.pyc": b"forged",
        "demo/sourceless.pyc": b"code",
    }
    assert skipped(open_files(files)) == [
        "demo/__pycache__/__init__.cpython-311.pyc",
        "demo/__pycache__/gone.cpython-311.pyc",
        "demo/old.pyc",
    ]


def test_bytecode_that_is_not_installed_is_judged_all_the_same() -> None:
    members = recorded({**plain_members(), "demo/__pycache__/x.cpython-311.pyc": b"code"})
    members["demo/__pycache__/x.cpython-311.pyc"] = b"evil"
    with pytest.raises(WheelInvalid, match="another hash"):
        open_members(members)


def test_a_script_of_an_entry_points_name_gives_way_to_it() -> None:
    scripts = "[console_scripts]\ndemo = demo:main\n"
    archive = open_files(
        SOURCE, data={"scripts/demo": "old", "scripts/x": ""}, entry_points=scripts
    )
    assert skipped(archive) == ["demo-1.0.data/scripts/demo"]


def test_a_pth_file_is_a_file_like_others() -> None:
    """It is installed; who lists what runs at start finds it among the members."""
    archive = open_files({**SOURCE, "demo.pth": "import demo\n"})
    assert "demo.pth" in [member.path for member in archive.members]


def test_reasons_show_hostile_names_printably() -> None:
    with pytest.raises(WheelInvalid) as caught:
        open_files({**SOURCE, "a\x1b]52;c;x\x07": ""})
    assert str(caught.value).isprintable()


def test_refuses_what_is_nearly_all_folders() -> None:
    """A few kilobytes can name tens of thousands of folders, each nested in the next."""
    files = {"/".join(f"{n}x{depth}" for depth in range(40)) + "/a.py": "" for n in range(60)}
    filename, content = make_wheel("shop", "1.0", files)
    with pytest.raises(WheelInvalid, match=r"6\d files in 240\d folders"):
        open_wheel(content, filename=filename)


def test_takes_packages_with_a_folder_for_each_file() -> None:
    files = {f"shop/p{n}/q/__init__.py": "" for n in range(900)}
    filename, content = make_wheel("shop", "1.0", files)
    assert len(open_wheel(content, filename=filename).members) > 900
