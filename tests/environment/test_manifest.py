import hashlib

import pytest

from envsync.environment.manifest import (
    Manifest,
    ManifestInvalid,
    Owner,
    PackedFiles,
    Placed,
    parse_manifest,
    render_manifest,
)
from envsync.environment.seal import NOBODY, Seal
from tests.support.environments_on_disk import SEAL

MANIFEST = Manifest(
    environment_id="ab12",
    target="/usr/bin/python3.12\t100:200\t3.12.1\tisolated\t/project/.venv",
    selection="default",
    owners=(
        Owner("", "", "", (Placed("bin/python", 0o120777, 19, "/usr/bin/python3.12"),)),
        Owner(
            "flask", "3.1.0", "wheel:ff", (Placed("lib/a.py", 0o100444, 3, "aa" * 32),), "cd" * 32
        ),
        Owner("empty", "1", "wheel:00", ()),
        Owner("fast", "1", "wheel:11", (), bytecode=True),
    ),
)


def test_manifest_reads_back_as_written() -> None:
    assert parse_manifest(render_manifest(MANIFEST, SEAL), SEAL) == MANIFEST


def test_compiled_files_are_a_mark_on_the_identity_in_the_text() -> None:
    lines = render_manifest(MANIFEST, SEAL).decode().split("\n")
    nothing = f"0\t{hashlib.sha256().hexdigest()}"
    assert f"/\tempty\t1\twheel:00\t\t{nothing}" in lines
    assert f"/\tfast\t1\twheel:11+bytecode\t\t{nothing}" in lines


def test_placed_gives_every_path() -> None:
    assert sorted(MANIFEST.placed()) == ["bin/python", "lib/a.py"]
    assert sorted(MANIFEST.packages()) == ["empty", "fast", "flask"]


def test_file_named_like_the_package_mark_is_still_a_file() -> None:
    odd = MANIFEST._replace(owners=(Owner("", "", "", (Placed("P", 0o100644, 1, "bb" * 32),)),))
    assert parse_manifest(render_manifest(odd, SEAL), SEAL) == odd


def test_undecodable_target_of_a_link_reads_back() -> None:
    target = b"/opt/\xff/python".decode("utf-8", "surrogateescape")
    odd = MANIFEST._replace(owners=(Owner("", "", "", (Placed("P", 0o120777, 13, target),)),))
    assert parse_manifest(render_manifest(odd, SEAL), SEAL) == odd


def test_an_unknown_format_is_named() -> None:
    data = SEAL.close(b"envsync manifest 99\nid ab12\n")
    with pytest.raises(ManifestInvalid, match="unknown format 'envsync manifest 99'"):
        parse_manifest(data, SEAL)


def test_damage_anywhere_is_noticed() -> None:
    data = render_manifest(MANIFEST, SEAL)
    for position in range(0, len(data), 7):
        damaged = data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
        with pytest.raises(ManifestInvalid):
            parse_manifest(damaged, SEAL)


def test_truncation_anywhere_is_noticed() -> None:
    data = render_manifest(MANIFEST, SEAL)
    for length in range(len(data) - 1):
        with pytest.raises(ManifestInvalid):
            parse_manifest(data[:length], SEAL)


def test_a_manifest_that_another_user_sealed_is_not_believed() -> None:
    data = render_manifest(MANIFEST, Seal(b"o" * 32))
    for seal in (SEAL, NOBODY):
        with pytest.raises(ManifestInvalid, match="not written by this user"):
            parse_manifest(data, seal)
    assert parse_manifest(data, NOBODY, trusted=True) == MANIFEST


PATHS = (
    *("../../.bashrc", "/etc/passwd", "lib/../../x", "lib//x", "lib/./x", "", ".", "..", "lib/"),
    *("lib/..", ".envsync/id", ".ENVSYNC/id", "lib\\x", "c:/x", "lib/\x1b[2J", "lib/\0", "\udcff"),
)


@pytest.mark.parametrize("path", PATHS, ids=ascii)
def test_a_path_that_leads_out_is_refused_though_it_is_sealed(path: str) -> None:
    good = Placed("lib/b.py", 0o100644, 1, "bb" * 32)
    for files in ((good._replace(path=path),), (good, good._replace(path=path))):
        forged = MANIFEST._replace(owners=(Owner("", "", "", ()), Owner("a", "1", "w", files)))
        with pytest.raises(ManifestInvalid, match="outside the environment"):
            parse_manifest(render_manifest(forged, SEAL), SEAL)


@pytest.mark.parametrize("path", ["a", "lib/..hidden/...", "lib/a b.py", "lib/é", "x/.envsync/id"])
def test_an_odd_path_that_stays_inside_is_taken(path: str) -> None:
    owner = Owner("", "", "", (Placed(path, 0o100644, 1, "bb" * 32),))
    odd = MANIFEST._replace(owners=(owner,))
    assert parse_manifest(render_manifest(odd, SEAL), SEAL) == odd


def test_files_that_are_read_when_asked_for_are_the_same() -> None:
    data = render_manifest(MANIFEST, SEAL)
    packed = parse_manifest(data, SEAL, packed=True)
    assert render_manifest(packed, SEAL) == data
    assert packed == MANIFEST
    assert [owner.name for owner in packed.owners] == ["", "flask", "empty", "fast"]
    assert packed.placed() == MANIFEST.placed()
    nobody = MANIFEST._replace(owners=(Owner("", "", "", ()),))
    assert parse_manifest(render_manifest(nobody, SEAL), SEAL, packed=True) == nobody


def test_damage_of_what_is_read_when_asked_for_is_noticed_then() -> None:
    data = render_manifest(MANIFEST, SEAL)
    begin = data.index(b"lib/a.py")
    damaged = data[:begin] + b"lib/b.py" + data[begin + 8 :]
    own, flask, *_ = parse_manifest(damaged, SEAL, packed=True).owners
    assert list(own.files) == list(MANIFEST.owners[0].files)
    with pytest.raises(ManifestInvalid, match="is damaged"):
        list(flask.files)


def test_more_than_what_was_sealed_is_not_believed() -> None:
    data = render_manifest(MANIFEST, SEAL)
    for more in (data + b"x", data + data, data + b"lib/b.py\t1\t1\tx\n"):
        with pytest.raises(ManifestInvalid):
            parse_manifest(more, SEAL, packed=True)


def test_what_stays_is_written_as_it_is_and_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = parse_manifest(render_manifest(MANIFEST, SEAL), SEAL, packed=True)
    monkeypatch.setattr(PackedFiles, "_files", lambda _: pytest.fail("read"))
    following = packed._replace(owners=(*packed.owners[:2], *packed.owners[3:]))
    data = render_manifest(following, SEAL)
    monkeypatch.undo()
    assert parse_manifest(data, SEAL) == following


@pytest.mark.parametrize("path", PATHS, ids=ascii)
def test_a_path_that_leads_out_is_refused_when_it_is_asked_for(path: str) -> None:
    forged = MANIFEST._replace(owners=(Owner("", "", "", (Placed(path, 0o100644, 1, "bb"),)),))
    (owner,) = parse_manifest(render_manifest(forged, SEAL), SEAL, packed=True).owners
    with pytest.raises(ManifestInvalid):
        list(owner.files)


def test_what_somebody_else_sealed_is_read_at_once() -> None:
    forged = MANIFEST._replace(owners=(Owner("", "", "", (Placed("../x", 0o100644, 1, "b"),)),))
    data = render_manifest(forged, Seal(b"o" * 32))
    with pytest.raises(ManifestInvalid, match="outside the environment"):
        parse_manifest(data, SEAL, trusted=True, packed=True)
