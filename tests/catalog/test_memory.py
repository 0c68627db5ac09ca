"""Remembering core metadata."""

from pathlib import Path

import orjson
import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from envsync.cache.values import ValueCache
from envsync.catalog.memory import (
    MetadataMemory,
    believe_bytes,
    keep_locked,
    pack_metadata,
    unpack_metadata,
)
from envsync.index import metadata_source
from envsync.model.candidate import Candidate, CoreMetadata
from envsync.model.marker import ALWAYS
from envsync.model.resolution import ResolvedPackage
from envsync.wheel.facts import facts_digest
from tests.support.effort import calls

FULL = CoreMetadata(
    canonicalize_name("a"),
    Version("1.0rc1+local"),
    tuple(
        Requirement(text)
        for text in (
            "b",
            "c[x,y]>=1,<2",
            "d; python_version < '3.11' and extra == 'z'",
            "e @ https://files.example/e.whl ; os_name == 'nt'",
            "f (>=1)",
        )
    ),
    SpecifierSet(">=3.8,!=3.9.*"),
    frozenset({canonicalize_name("z")}),
)
BARE = CoreMetadata(canonicalize_name("a"), Version("1"))


@pytest.mark.parametrize("metadata", [FULL, BARE])
def test_what_was_put_is_got(tmp_path: Path, metadata: CoreMetadata) -> None:
    assert unpack_metadata(pack_metadata(metadata)) == metadata
    memory = MetadataMemory(str(tmp_path))
    assert memory.get("00" * 32) is None
    memory.put("00" * 32, metadata)
    assert MetadataMemory(str(tmp_path)).get("00" * 32) == metadata
    assert memory.get("01" * 32) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b"5",
        orjson.dumps(["a", "1", 5, None, []]),
        orjson.dumps(["a", "x y", [], None, []]),
        orjson.dumps(["a b", "1", [], None, []]),
        orjson.dumps(["a", "1", ["!"], None, []]),
        orjson.dumps(["a", "1", [5], None, []]),
        orjson.dumps(["a", "1", [], "!!", []]),
        orjson.dumps([None, "1", [], None, []]),
        orjson.dumps(["a", "1", [], None, [5]]),
    ],
)
def test_anything_else_is_nothing(data: bytes) -> None:
    """H12: a damaged entry is as none."""
    assert unpack_metadata(data) is None


def test_a_whole_lock_is_remembered_at_once(tmp_path: Path) -> None:
    """200 files with 20 requirements each: some ten calls for each of those."""
    memory = MetadataMemory(str(tmp_path))
    for number in range(200):
        requires = tuple(
            Requirement(f"p{number}-{at}>={at}; extra == 'e{at % 5}'") for at in range(20)
        )
        memory.put(f"{number:064x}", BARE._replace(requires_dist=requires))
    keys = [f"{number:064x}" for number in range(200)]
    assert calls(lambda: [memory.get(key) for key in keys]) < 200 * 20 * 20
    assert all(memory.get(key) for key in keys)


def test_what_was_said_of_a_file_is_forgotten_once_its_bytes_were_read(tmp_path: Path) -> None:
    memory = MetadataMemory(str(tmp_path))
    raw = ValueCache(metadata_source.BUCKET.folder(str(tmp_path)))
    for group in ("a-1.whl", "b-1.whl"):
        memory.put("claim", FULL, group)
        raw.put("claim", b"said", group)

    believe_bytes(str(tmp_path), "ab" * 32, BARE, ["a-1.whl", "gone.whl"])

    assert memory.get("ab" * 32) == BARE
    assert [memory.get("claim", group) for group in ("a-1.whl", "b-1.whl")] == [None, FULL]
    assert [raw.get("claim", group) for group in ("a-1.whl", "b-1.whl")] == [None, b"said"]


def test_metadata_that_is_no_files_is_not_kept_for_one(tmp_path: Path) -> None:
    believe_bytes(str(tmp_path), "", BARE, [])
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_what_a_lock_was_made_from_is_found_by_its_digest(tmp_path: Path) -> None:
    packages = [
        ResolvedPackage(
            one.name, one.version, ALWAYS, Candidate(one.name, one.version), (), (), one,
            facts_digest(one),
        )
        for one in (FULL, BARE, FULL)
    ]  # fmt: skip
    keep_locked(str(tmp_path), [*packages, packages[0]._replace(metadata=None, facts="")])
    memory = MetadataMemory(str(tmp_path))

    assert memory.locked(facts_digest(FULL)) == FULL
    assert memory.locked(facts_digest(BARE)) == BARE
    assert memory.locked("ab" * 32) is None
    memory.put("locked " + "ab" * 32, FULL)
    assert memory.locked("ab" * 32) is None
