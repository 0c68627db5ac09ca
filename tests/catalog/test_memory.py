"""Remembering core metadata."""

import time
from pathlib import Path

import orjson
import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from envsync.catalog.memory import MetadataMemory, pack_metadata, unpack_metadata
from envsync.model.candidate import CoreMetadata

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
    """200 files with 20 requirements each; the bound is generous for a busy machine."""
    memory = MetadataMemory(str(tmp_path))
    for number in range(200):
        requires = tuple(
            Requirement(f"p{number}-{at}>={at}; extra == 'e{at % 5}'") for at in range(20)
        )
        memory.put(f"{number:064x}", BARE._replace(requires_dist=requires))
    begin = time.process_time()
    assert all(memory.get(f"{number:064x}") for number in range(200))
    assert time.process_time() - begin < 0.3
