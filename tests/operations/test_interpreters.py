"""Interpreters listed and chosen, for a project and outside of one."""

from pathlib import Path

import pytest

from envsync.errors import InterpreterNotFound, ProjectNotFound
from envsync.operations.interpreters import Place, find_python, interpreters, path_taken
from tests.operations.conftest import Bench
from tests.support.interpreters import fake_python


@pytest.fixture
def bench(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """PATH has two interpreters, and nobody asks for one."""
    for version in ("3.12.97", "3.13.98"):
        folder = bench.folder.parent / version
        folder.mkdir()
        fake_python(str(folder / "python3"), version)
    path = f"{bench.folder.parent}/3.12.97:{bench.folder.parent}/3.13.98"
    monkeypatch.setenv("PATH", path)
    bench.settings = bench.settings._replace(python=None)
    return bench


def version(bench: Bench, request: str | None, place: Place) -> str:
    return find_python(request, place, bench.settings, bench.told).version


def test_all_are_listed_and_those_that_are_meant(bench: Bench) -> None:
    place = Place(str(bench.folder))
    every = interpreters(None, place, bench.settings, bench.told)
    assert every.known == every.matching
    assert {"3.12.97", "3.13.98"} <= {target.version for target in every.known}
    some = interpreters("3.12", place, bench.settings, bench.told)
    assert some.known == every.known
    assert "3.12.97" in {target.version for target in some.matching}
    assert {target.version.rpartition(".")[0] for target in some.matching} == {"3.12"}


def test_none_of_the_clones_own_is_run_to_be_listed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bench.folder / "bin").mkdir()
    fake = fake_python(str(bench.folder / "bin/python3"), "3.14.7")
    monkeypatch.setenv("PATH", f"{bench.folder}/bin:{bench.folder.parent}/3.12.97")
    found = interpreters(None, Place(str(bench.folder)), bench.settings, bench.told)
    assert fake.times_asked == 0
    assert "3.14.7" not in {target.version for target in found.known}


def test_what_is_asked_for_wins_over_the_project(bench: Bench) -> None:
    place = Place(str(bench.folder))
    bench.write("", 'python = "3.12.97"\n')
    assert version(bench, None, place) == "3.12.97"
    assert version(bench, "3.13.98", place) == "3.13.98"
    (bench.folder / "env.toml").write_text("not toml")
    assert version(bench, "3.13.98", place) == "3.13.98"
    bench.settings = bench.settings._replace(python="3.12.97")
    assert version(bench, "3.13.98", place) == "3.13.98"


def test_the_projects_bounds_hold(bench: Bench) -> None:
    (bench.folder / "env.toml").write_text('[env]\nrequires-python = "==3.12.97"\n')
    inner = bench.folder / "inner"
    inner.mkdir()
    assert version(bench, None, Place(str(inner))) == "3.12.97"


def test_an_environment_by_name_must_be_there(bench: Bench) -> None:
    (bench.folder / "env.test.toml").write_text('[env]\nrequires-python = "==3.12.97"\n')
    assert version(bench, None, Place(str(bench.folder), "test")) == "3.12.97"
    with pytest.raises(ProjectNotFound):
        find_python(None, Place(str(bench.folder), "other"), bench.settings, bench.told)


def test_outside_of_projects_what_the_user_set_is_taken(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    bench.settings = bench.settings._replace(python="3.12.97")
    assert version(bench, None, Place(str(folder))) == "3.12.97"


def test_no_path_where_none_fits(bench: Bench) -> None:
    place = Place(str(bench.folder))
    path = path_taken("3.12.97", place, bench.settings, bench.told)
    assert path == f"{bench.folder.parent}/3.12.97/python3"
    assert path_taken("3.7.0", place, bench.settings, bench.told) == ""
    with pytest.raises(InterpreterNotFound):
        find_python("3.7.0", place, bench.settings, bench.told)
    bench.write("", f'python = "{bench.folder}/bin/python"\n')
    assert path_taken(None, place, bench.settings, bench.told) == ""
