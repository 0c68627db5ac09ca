import pytest

from envsync.sync.manifest import (
    Manifest,
    ManifestInvalid,
    Owner,
    Placed,
    parse_manifest,
    render_manifest,
)

MANIFEST = Manifest(
    environment_id="ab12",
    target="/usr/bin/python3.12\t100:200\t3.12.1\tisolated\t/project/.venv",
    selection="default",
    owners=(
        Owner("", "", "", (Placed("bin/python", 0o120777, 19, "/usr/bin/python3.12"),)),
        Owner("flask", "3.1.0", "wheel:ff", (Placed("lib/a.py", 0o100444, 3, "aa" * 32),)),
        Owner("empty", "1", "wheel:00", ()),
    ),
)


def test_manifest_reads_back_as_written() -> None:
    assert parse_manifest(render_manifest(MANIFEST)) == MANIFEST


def test_placed_gives_every_path() -> None:
    assert sorted(MANIFEST.placed()) == ["bin/python", "lib/a.py"]
    assert sorted(MANIFEST.packages()) == ["empty", "flask"]


def test_file_named_like_the_package_mark_is_still_a_file() -> None:
    odd = MANIFEST._replace(owners=(Owner("", "", "", (Placed("P", 0o100644, 1, "bb" * 32),)),))
    assert parse_manifest(render_manifest(odd)) == odd


def test_undecodable_path_reads_back() -> None:
    path = b"lib/\xff.py".decode("utf-8", "surrogateescape")
    odd = MANIFEST._replace(owners=(Owner("", "", "", (Placed(path, 0o100644, 1, "bb" * 32),)),))
    assert parse_manifest(render_manifest(odd)) == odd


def test_damage_anywhere_is_noticed() -> None:
    data = render_manifest(MANIFEST)
    for position in range(0, len(data), 7):
        damaged = data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
        with pytest.raises(ManifestInvalid):
            parse_manifest(damaged)


def test_truncation_anywhere_is_noticed() -> None:
    data = render_manifest(MANIFEST)
    for length in range(len(data) - 1):
        with pytest.raises(ManifestInvalid):
            parse_manifest(data[:length])
