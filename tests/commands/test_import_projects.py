"""Projects as well-known ones declare themselves, imported: what is carried over, and how much."""

import re
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from envsync.adopt.toml_text import dumps
from tests.support.command import Workplace
from tests.support.index_server import IndexServer
from tests.support.wheels import make_wheel

PROJECTS = Path(__file__).parent.parent / "adopt" / "projects"
DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "imports.md"
EXPECTED = "expected.toml"
NAMES = sorted(path.name for path in PROJECTS.iterdir())
HASH = re.compile(r"<([a-z0-9-]+) ([0-9.]+)>")
EDGES = {
    "build": ["packaging", "pyproject-hooks"],
    "jinja2": ["markupsafe"],
    "pytest": ["pluggy"],
    "requests": ["urllib3"],
    "rich": ["pygments"],
}
"""What packages need on the index of these tests."""
EXTRAS = {
    *("filecache", "sqs", "redis", "bcrypt", "socks", "async", "keyring"),
}


def wheel(name: str, version: str) -> tuple[str, bytes]:
    extras: Mapping[str, list[str]] = {extra: [] for extra in sorted(EXTRAS)}
    return make_wheel(name, version, requires=EDGES.get(name, []), extras=extras)


def digest(match: re.Match[str]) -> str:
    return sha256(wheel(match[1], match[2])[1]).hexdigest()


def bring(name: str, place: Workplace, server: IndexServer) -> None:
    """Copy a project into the workplace, with the hashes and the address of this index."""
    shutil.copytree(PROJECTS / name, place.project, dirs_exist_ok=True)
    (place.project / EXPECTED).unlink(missing_ok=True)
    with_user = server.url.replace("http://127.0.0.1", "http://me:secret@localhost")
    for path in place.project.rglob("*"):
        if path.is_file():
            text = path.read_text().replace("<corp with user>", with_user)
            path.write_text(HASH.sub(digest, text.replace("<server>", server.url)))


def requirements(spec: Mapping[str, Any]) -> Iterator[Requirement]:
    env = spec["env"]
    lists = [env["dependencies"], *env.get("optional-dependencies", {}).values()]
    for listed in (*lists, *spec.get("dependency-groups", {}).values()):
        yield from (Requirement(each) for each in listed if isinstance(each, str))


def publish_all(spec: Mapping[str, Any], old: str, server: IndexServer) -> None:
    """Serve what is required: each version that an old lock pins, and a newer one beside it."""
    pinned = {}
    for match in HASH.finditer(old):
        pinned[match[1]] = match[2]
    for requirement in requirements(spec):
        name = canonicalize_name(requirement.name)
        bounds = [
            one.version for one in requirement.specifier if one.operator in (">=", "==", "~=")
        ]
        version = pinned.setdefault(name, (bounds or ["1.0"])[0].removesuffix(".*"))
        assert requirement.specifier.contains(version, prereleases=True), requirement
    for other in {each for needed in EDGES.values() for each in needed}:
        pinned.setdefault(other, "1.0")
    for package, version in pinned.items():
        release = Version(version).release
        newer = ".".join(map(str, (*release[:-1], release[-1] + 1)))
        for each in (version, newer):
            filename, content = wheel(package, each)
            server.add(package, filename, content)


def lockable(spec: dict[str, Any]) -> str:
    """Give an env.toml without what no server of these tests has: repositories, and a project
    whose version only a build could tell.
    """
    unknown = {
        name
        for name, source in spec.get("sources", {}).items()
        if "git" in source or name == "requests-like"
    }

    def kept(listed: list[Any]) -> list[Any]:
        return [
            each
            for each in listed
            if not isinstance(each, str) or canonicalize_name(Requirement(each).name) not in unknown
        ]

    env = spec["env"]
    env["dependencies"] = kept(env["dependencies"])
    groups = spec.get("dependency-groups", {})
    groups.update({name: kept(listed) for name, listed in groups.items()})
    sources = {k: v for k, v in spec.get("sources", {}).items() if k not in unknown}
    return dumps({**spec, "sources": sources} if sources else {**spec, "sources": {}})


def count(value: object) -> int:
    """Count what is carried over: requirements, and values of all other keys."""
    if isinstance(value, dict):
        return sum(map(count, value.values()))
    return len(value) if isinstance(value, list) else 1


@pytest.mark.parametrize("name", NAMES)
def test_a_project_is_imported(name: str, place: Workplace) -> None:
    with IndexServer() as server:
        place.environ["ENVSYNC_DEFAULT_INDEX"] = server.url
        bring(name, place, server)
        old = "".join(
            path.read_text() for path in sorted((PROJECTS / name).rglob("*")) if path.is_file()
        )
        ran = place.here("import", "--no-lock")
        assert ran.code == 0, ran.err
        expected = (PROJECTS / name / EXPECTED).read_text()
        corp = server.url.replace("127.0.0.1", "localhost")
        assert place.read().replace(server.url, "<server>").replace(corp, "<corp>") == expected
        assert "secret" not in ran.err
        spec = tomllib.loads(place.read())
        listed = ran.err.count("not carried over: ")
        carried = count(spec)
        publish_all(spec, old, server)
        place.write(lockable(spec))
        ran = place.here("lock")
        assert ran.code == 0, ran.err
        kept = re.findall(r"Kept (\d+) of (\d+) versions", ran.err)
    told = " of ".join(str(sum(map(int, each))) for each in zip(*kept, strict=True))
    row = f"| {name} | {carried} | {listed} | {told or 'no lock'} |"
    assert row in DOCUMENT.read_text()


def test_the_document_has_no_other_projects() -> None:
    rows = re.findall(r"^\| ([a-z]+) \| \d+", DOCUMENT.read_text(), re.MULTILINE)
    assert sorted(rows) == NAMES
