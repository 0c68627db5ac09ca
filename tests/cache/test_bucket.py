"""Buckets and their names."""

import pytest

from envsync.cache.bucket import ENTRIES, VALUES, Bucket, declared, parse_name

WHEELS, PAGES = Bucket("wheels-v2", ENTRIES), Bucket("http-v12", VALUES)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("wheels-v1", ("wheels", 1)),
        ("http-v12", ("http", 12)),
        ("more-notes-v1", ("more-notes", 1)),
        ("wheels", None),
        ("wheels-v", None),
        ("wheels-v1x", None),
        ("wheels-v-1", None),
        ("wheels-v²", None),
    ],
)
def test_names_of_buckets(name: str, expected: tuple[str, int] | None) -> None:
    assert parse_name(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("wheels-v2", WHEELS),
        ("wheels-v1", WHEELS),
        ("wheels-v3", WHEELS),
        ("http-v1", PAGES),
        ("notes-v1", None),
        ("wheels", None),
        ("state", None),
    ],
)
def test_every_version_of_a_bucket_is_known_by_its_name(name: str, expected: Bucket | None) -> None:
    assert declared(name, (WHEELS, PAGES)) is expected


def test_a_bucket_lies_right_below_the_cache() -> None:
    assert WHEELS.folder("/c") == "/c/wheels-v2"
