"""Files of which no index says a hash that proves anything."""

from collections.abc import Mapping, Sequence

from packaging.pylock import Package, Pylock
from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.model.candidate import Candidate, File
from envsync.model.marker import ALWAYS
from envsync.model.resolution import Resolution, ResolvedPackage
from envsync.workflow.hashes import with_hashes
from tests.lock.samples import digest, lock_of, wheel

INDEX = "https://index.example/simple/"


def resolution_of(**hashes: Mapping[str, str]) -> Resolution:
    """Packages with one wheel each, of which the index says these hashes."""
    packages = []
    for text, said in hashes.items():
        name, version = NormalizedName(text), Version("1")
        filename = f"{name}-1-py3-none-any.whl"
        file = File(filename=filename, url=f"https://files.example/{filename}", hashes=said)
        candidate = Candidate(name, version, wheels=(file,), index_url=INDEX)
        packages.append(ResolvedPackage(name, version, ALWAYS, candidate, ()))
    return Resolution(tuple(packages), ALWAYS, (), 1)


def read(files: Sequence[File]) -> list[str]:
    return [digest(file.filename) for file in files]


def test_md5_alone_counts_as_none_and_stronger_hashes_do() -> None:
    weak = {"md5": "0" * 32}
    found = with_hashes(resolution_of(a=weak, b={"sha512": "0" * 128}, c={}), None, read)

    hashes = [package.candidate.wheels[0].hashes for package in found.packages]
    assert hashes[0] == {**weak, "sha256": digest("a-1-py3-none-any.whl")}
    assert "sha256" not in hashes[1]
    assert hashes[2] == {"sha256": digest("c-1-py3-none-any.whl")}
    assert [notice.partition(": ")[0] for notice in found.notices] == [
        "no sha256 on the index for files of a, c"
    ]


def test_what_was_locked_is_not_read_again() -> None:
    name = NormalizedName("a")
    file = wheel("a-1-py3-none-any.whl")
    old: Pylock = lock_of(Package(name=name, version=Version("1"), index=INDEX, wheels=[file]))
    found = with_hashes(resolution_of(a={}), old, lambda files: ["wrong" for _ in files])

    assert found.notices == ()
    assert found.packages[0].candidate.wheels[0].hashes == file.hashes
