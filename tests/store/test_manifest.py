"""The manifest of a stored wheel is read back as it was written, or not at all."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.cache.values import with_checksum
from envsync.model.entry_point import EntryPoint
from envsync.store.manifest import (
    FileTable,
    StoredFile,
    StoredWheel,
    parse_manifest,
    render_manifest,
)

EMPTY = hashlib.sha256(b"").hexdigest()

WHEEL = StoredWheel(
    sha256="0" * 64,
    tree="/store/tree",
    name="demo-kit",
    version="1.0+local",
    dist_info="Demo.Kit-1.0+local.dist-info",
    purelib=True,
    files=(
        StoredFile("demo/__init__.py", 12, "1" * 64, False),
        StoredFile("demo/with space, comma.txt", 0, EMPTY, False),
        StoredFile("Demo.Kit-1.0+local.data/scripts/tool", 5, "2" * 64, True),
    ),
    entry_points=(
        EntryPoint("console_scripts", "demo", "demo.cli", "App.main"),
        EntryPoint("gui_scripts", "demo-gui", "demo", "gui", ("a", "b")),
    ),
    folders=("Demo.Kit-1.0+local.data", "Demo.Kit-1.0+local.data/scripts", "demo"),
)
BARE = StoredWheel("0" * 64, "/t", "a", "1", "a-1.dist-info", False, (), ())


TOLD = WHEEL._replace(facts="ab" * 32, requires_python=">=3.8")


@pytest.mark.parametrize(
    "wheel", [WHEEL, BARE, TOLD, TOLD._replace(requires_python="", trusted_record=True)]
)
def test_what_was_written_is_read_back(wheel: StoredWheel) -> None:
    data = render_manifest(wheel, boot="boot-1")
    assert parse_manifest(data, tree=wheel.tree) == (wheel, "boot-1")


def test_a_manifest_without_facts_is_as_older_versions_wrote_it() -> None:
    """What is in the store already stays of use: its METADATA is read where it matters."""
    assert b"\nfacts " not in render_manifest(WHEEL, boot="")
    lines = render_manifest(TOLD, boot="").split(b"\n")
    assert lines[-4:-2] == [b"facts " + b"ab" * 32, b"requires-python >=3.8"]


@pytest.mark.parametrize("pairs", [(), (b"demo/a\tdemo/A",), (b"x\tX", b"folders 1\tFolders 1")])
def test_pairs_of_names_that_older_versions_wrote_are_passed_over(pairs: tuple[bytes, ...]) -> None:
    body = render_manifest(TOLD, boot="b").rpartition(b"checksum ")[0]
    section = b"\n".join((b"collisions %d" % len(pairs), *pairs, b"folders "))
    body = body.replace(b"folders ", section, 1)
    data = body + f"checksum {hashlib.sha256(body).hexdigest()}\n".encode()
    assert parse_manifest(data, tree=TOLD.tree) == (TOLD, "b")


def test_the_text_does_not_name_the_place() -> None:
    assert b"/store" not in render_manifest(WHEEL, boot="")


@pytest.mark.parametrize("length", range(0, 700, 7))
def test_a_manifest_cut_short_is_none(length: int) -> None:
    data = render_manifest(WHEEL, boot="boot-1")
    assert length < len(data)
    with pytest.raises(ValueError, match="checksum"):
        parse_manifest(data[:length], tree="/t")


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_manifest_with_any_byte_altered_is_none(at: int, change: int) -> None:
    data = bytearray(render_manifest(WHEEL, boot="boot-1"))
    data[at % len(data)] ^= change
    with pytest.raises(ValueError, match="checksum"):
        parse_manifest(bytes(data), tree="/t")


@pytest.mark.parametrize("data", [b"", b"\0" * 4096, b"envsync wheel 2\n"])
def test_other_texts_are_none(data: bytes) -> None:
    with pytest.raises(ValueError, match="checksum"):
        parse_manifest(data, tree="/t")


def test_another_format_is_none() -> None:
    body = b"envsync wheel 2\n"
    data = body + f"checksum {hashlib.sha256(body).hexdigest()}\n".encode()
    with pytest.raises(ValueError, match="format"):
        parse_manifest(data, tree="/t")


paths = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), min_size=1, max_size=20
)


@given(
    st.lists(
        st.builds(
            StoredFile,
            paths,
            st.integers(0, 1 << 40),
            st.binary(min_size=32, max_size=32).map(bytes.hex),
            st.booleans(),
        ),
        max_size=8,
    )
)
def test_any_files_are_read_back(files: list[StoredFile]) -> None:
    wheel = BARE._replace(files=tuple(files), folders=tuple(file.path for file in files))
    assert parse_manifest(render_manifest(wheel, boot="b"), tree="/t") == (wheel, "b")


def test_a_table_of_files_is_what_its_rows_are() -> None:
    table = FileTable.of(WHEEL.files)
    assert table == WHEEL.files
    assert (len(table), table[1], table[1:]) == (3, WHEEL.files[1], WHEEL.files[1:])
    assert hash(table) == hash(WHEEL.files)
    assert FileTable.of(table) is table
    assert table.only([True, False, True]) == (WHEEL.files[0], WHEEL.files[2])
    assert FileTable.of(()) == ()


def test_a_column_that_lacks_a_value_is_no_manifest() -> None:
    body = render_manifest(WHEEL, boot="b").rpartition(b"checksum ")[0]
    body = body.replace(b"sizes 12 0 5", b"sizes 12 0")
    with pytest.raises(ValueError, match="lengths"):
        parse_manifest(with_checksum(body), tree="/t")
