"""Every scenario as real files on a real index, locked by the command, its lock judged twice.

Once against what the scenario says, and once by an oracle that knows nothing of envsync: in every
environment of a grid the selected packages must be closed, consistent, reachable, hash-true and
installable.
"""

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from envsync.lock.origins import unfounded
from envsync.lock.read import parse_lock
from envsync.model.marker import (
    ALWAYS,
    NEVER,
    MarkerSet,
    extra,
    from_marker,
    from_requires_python,
    from_text,
    group,
)
from envsync.spec.read import parse_spec
from tests.support.catalog import SCENARIOS, scenario_files
from tests.support.command import Ran, Workplace
from tests.support.lock_oracle import Gap, Place, judge
from tests.support.universe_server import ONLY_IN_MEMORY, Served, UniverseServer, lock_in_process


def name_of(path: str) -> str:
    return path.removeprefix(SCENARIOS).strip("/").removesuffix(".toml")


def can_be_served(path: str) -> bool:
    with open(path, "rb") as file:
        data = tomllib.load(file)
    return not ONLY_IN_MEMORY & set(data.get("lock", {}))


PATHS = [path for path in scenario_files() if can_be_served(path)]

SAYS_OF_REAL_FILES = {
    "conflicts/bad-metadata": ("a 1.0 cannot be used", "a-1.0-py3-none-any.whl", "Name"),
}
"""Where the words in memory are about a file that a real index calls by another name."""

AS_PROCESSES = ("forks/nested", "groups/marker", "conflicts/two-dependencies", "sources/by-marker")


@pytest.fixture(scope="module")
def server() -> Iterator[UniverseServer]:
    with UniverseServer() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    project.mkdir()
    return project


def covered(env_toml: str) -> MarkerSet:
    """The environments of an env.toml, with the extras and groups that may be chosen together."""
    table = tomllib.loads(env_toml)
    lock, extras = table.get("lock", {}), table["env"].get("optional-dependencies", {})
    found = NEVER if "environments" in lock else ALWAYS
    for text in lock.get("environments", ()):
        found |= from_text(text)
    for conflict in lock.get("conflicts", ()):
        members = [extra(name) if name in extras else group(name) for name in conflict]
        for one, other in combinations(members, 2):
            found &= ~(one & other)
    return found & from_requires_python(SpecifierSet(table["env"]["requires-python"]))


def meaning(line: str, environments: MarkerSet) -> tuple[str, str, MarkerSet]:
    requirement = Requirement(line)
    return (
        requirement.name,
        str(requirement.specifier),
        from_marker(requirement.marker) & environments,
    )


def locked(text: str) -> list[str]:
    """The rows of a lock as requirement texts, the way scenarios write them."""
    lines = []
    for row in tomllib.loads(text)["packages"]:
        marker = f"; {row['marker']}" if "marker" in row else ""
        lines.append(f"{row['name']}=={row['version']}{marker}")
    return lines


class Report(NamedTuple):
    """What `envsync lock --json` said."""

    notices: list[str]
    gaps: dict[tuple[str, str], dict[str, str]]
    """By package and platform: "wheel", "source", "none", perhaps "none on 3.9-3.10"."""
    newest: int
    """The newest minor of Python 3 that some wheel of the lock is built for: beyond it and about
    other implementations and C libraries the report says nothing."""

    def tells(self, gap: Gap) -> bool:
        cell = self.gaps.get((gap.name, str(gap.version)), {}).get(platform(gap.place), "")
        return cell.startswith("none") or not self._speaks_of(gap.place)

    def _speaks_of(self, place: Place) -> bool:
        if place.system.label == "win32 ARM64":
            return False  # but of the x86-64 interpreters that such machines run as well
        minor = int(place.python.split(".")[1])
        usual = place.implementation == "cpython" and not place.system.label.endswith("musl")
        return usual and minor <= self.newest


def read_report(ran: Ran, lock: str) -> Report:
    document = json.loads(ran.out)
    gaps = {(one["name"], one["version"]): one["platforms"] for one in document["gaps"]}
    minors = [int(minor) for minor in re.findall(r"-cp3([0-9]+)-", lock)]
    return Report(document["notices"], gaps, max(minors, default=99))


def platform(place: Place) -> str:
    """A platform as the report calls it."""
    system = {"linux": "linux", "darwin": "macos", "win32": "windows"}[place.system.sys_platform]
    return f"{system} {place.system.machine.lower()}"


def judge_lock(served: Served, folder: Path, ran: Ran) -> None:
    text = (folder / "pylock.toml").read_text()
    environments = covered(served.env_toml)
    expected = [meaning(line, environments) for line in served.expected.packages]
    found = [meaning(line, environments) for line in locked(text)]
    assert sorted(expected, key=str) == sorted(found, key=str), locked(text)
    report = read_report(ran, text)
    for notice in served.expected.notices:
        assert any(notice in line for line in report.notices), report.notices
    if not served.expected.notices:
        assert report.notices == []
    spec = parse_spec(served.env_toml, folder_name=folder.name)
    lock = parse_lock(text.encode(), path="pylock.toml")
    assert unfounded(spec, lock, served.index_url.startswith) == ()
    judgement = judge(text.encode(), served.env_toml, served.shelf(), told=report.tells)
    assert judgement.violations == []
    assert judgement.places > 0
    real = {(gap.name, str(gap.version), platform(gap.place)) for gap in judgement.gaps}
    told = {
        (*package, name)
        for package, cells in report.gaps.items()
        for name, cell in cells.items()
        if cell.startswith("none")
    }
    assert told <= real


def judge_failure(served: Served, folder: Path, ran: Ran) -> None:
    said = ran.err
    for part in SAYS_OF_REAL_FILES.get(served.name, served.expected.says):
        assert part in said
    if served.expected.hint:
        assert "hint: " in said
        at = f"envsync -C {shlex.quote(str(folder))} "
        assert (
            served.expected.hint.replace("envsync ", at, 1) in said or served.expected.hint in said
        )
    lock = folder / "pylock.toml"
    assert (lock.read_text() if lock.exists() else None) == served.old_lock


@pytest.mark.parametrize("path", PATHS, ids=name_of)
def test_a_served_scenario_is_locked_as_it_says(
    path: str, server: UniverseServer, folder: Path
) -> None:
    served = server.publish(path)
    served.write_project(folder)

    ran = lock_in_process(folder, served.index_url, "--json", *served.arguments)

    if served.expected.error is not None:
        assert ran.code == 1, ran.err
        judge_failure(served, folder, ran)
        return
    assert ran.code == 0, ran.err
    judge_lock(served, folder, ran)
    again = lock_in_process(folder, served.index_url, "--check")
    assert again.code == 0, again.err


@pytest.mark.parametrize("name", AS_PROCESSES)
def test_a_served_scenario_is_locked_by_a_process_of_its_own(
    name: str, server: UniverseServer, tmp_path: Path
) -> None:
    served = server.publish(f"{SCENARIOS}/{name}.toml")
    place = Workplace(tmp_path, served.index_url)
    served.write_project(place.project)

    ran = place.run("lock", "--json")

    if served.expected.error is not None:
        assert ran.code == 1
        judge_failure(served, place.project, ran)
    else:
        assert ran.code == 0, ran.err
        judge_lock(served, place.project, ran)


def test_few_scenarios_are_for_the_memory_alone() -> None:
    left_out = sorted(name_of(path) for path in set(scenario_files()) - set(PATHS))
    assert left_out == ["conflicts/regions-run-out", "conflicts/rounds-run-out"]
