"""`init`, `add` and `remove`: env.toml, lock and environment change together, or not at all."""

import sys

import pytest

from envsync.errors import BuildNotAllowed, NoSolution, PackageNotFound, UsageError
from envsync.operations.change import Addition, Changed, add, init_project, remove
from envsync.operations.declaration import Place
from envsync.operations.lock import check_lock
from envsync.project.paths import project_at
from envsync.spec.edit import NotListed
from tests.operations.conftest import Bench
from tests.support.wheels import make_sdist


def text(bench: Bench) -> str:
    return (bench.folder / "env.toml").read_text()


def added(bench: Bench, *requirements: str, sync: bool = False, **how: object) -> Changed:
    addition = Addition(requirements, **how)  # type: ignore[arg-type]
    return add(bench.project, addition, bench.settings, bench.told, sync=sync)


def test_init_names_the_file_and_refuses_a_second(bench: Bench) -> None:
    given = (bench.project, None, bench.settings, bench.told)
    assert init_project(*given) == "env.toml"
    assert 'name = "project"' in text(bench)
    with pytest.raises(UsageError, match="is here already"):
        init_project(*given)


def test_a_requirement_gets_the_bound_of_what_was_locked(bench: Bench) -> None:
    bench.publish("base", "1.0")
    bench.publish("other", "2.0")
    bench.write("")
    changed = added(bench, "base", "other<3")
    assert changed.is_edited
    assert changed.wrote_lock
    assert changed.synced is None
    assert '"base>=1.0"' in text(bench)
    assert '"other<3"' in text(bench)
    assert added(bench, "base").lock.fresh


def test_the_index_is_asked_again_about_what_is_added(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its page is believed for a while; who adds a package wants what there is now."""
    monkeypatch.setattr(bench.server, "cache_control", "max-age=600")
    bench.publish("base", "1.0")
    bench.write("")
    added(bench, "base")
    remove(bench.project, ["base"], Place(), bench.settings, bench.told, sync=False)
    bench.publish("base", "2.0")
    added(bench, "base")
    assert '"base>=2.0"' in text(bench)


def test_raw_is_as_given(bench: Bench) -> None:
    bench.publish("base", "1.0")
    bench.write("")
    added(bench, "base", raw=True, place=Place(group="dev"))
    assert 'dev = ["base"]' in text(bench).replace("\n    ", "").replace(",\n]", "]")


def test_what_was_added_to_a_group_is_installed(bench: Bench) -> None:
    bench.publish("base", "1.0")
    bench.write("")
    changed = added(bench, "base", sync=True, place=Place(extra="more"))
    assert changed.synced is not None
    assert (bench.site / "base.py").exists()


@pytest.mark.parametrize("sync", [False, True])
def test_nothing_changes_where_there_is_no_lock(bench: Bench, sync: bool) -> None:
    bench.publish("base", "1.0")
    bench.server.add("built", *make_sdist("built", "1.0"))
    bench.write('"base"')
    bench.lock()
    before = {path: path.read_bytes() for path in bench.folder.iterdir()}
    for requirement, error in (
        ("base>5", NoSolution),
        ("nobody", PackageNotFound),
        ("built", NoSolution),
    ):
        with pytest.raises((error, BuildNotAllowed)):
            added(bench, requirement, sync=sync)
    assert {path: path.read_bytes() for path in bench.folder.iterdir()} == before


def test_what_is_not_listed_is_told_with_what_needs_it(bench: Bench) -> None:
    bench.publish("base", "1.0")
    bench.publish("webby", "1.0", requires=("base",))
    bench.write('"webby"')
    bench.lock()
    given = (bench.settings, bench.told)
    with pytest.raises(NotListed) as caught:
        remove(bench.project, ["base"], Place(), *given, sync=False)
    assert caught.value.needers == ("webby",)
    assert caught.value.message == "base is not in env.dependencies: webby needs it"
    assert caught.value.hint == "`envsync remove webby` takes out what leads to it"
    with pytest.raises(NotListed) as caught:
        remove(bench.project, ["nobody"], Place(), *given, sync=False)
    assert caught.value.hint == "env.toml has no package of that name"
    remove(bench.project, ["webby"], Place(), *given, sync=False)
    assert "webby" not in text(bench)


def test_what_is_added_with_leave_for_its_build_is_built(bench: Bench) -> None:
    bench.server.add("built", *make_sdist("built", "1.0"))
    bench.write("")
    changed = added(bench, "built", sync=True, allow_build=("built",))
    assert 'allow = ["built"]' in text(bench)
    assert (bench.site / "built.py").exists()
    assert changed.synced is not None
    assert changed.wrote_lock


@pytest.mark.parametrize("requirement", ["Base>=0.5", "base @ URL", "base"])
def test_a_bound_is_written_only_where_none_was_given(bench: Bench, requirement: str) -> None:
    bench.publish("base", "1.0")
    bench.publish("other", "3.0")
    url = bench.server.file_url("base", "base-1.0-py3-none-any.whl")
    bench.write('"other"')
    added(bench, requirement.replace("URL", url))
    assert '"other"' in text(bench)  # nobody asked for it just now
    assert ('"base>=1.0"' in text(bench)) == (requirement == "base")


def test_a_bound_is_the_lowest_that_was_locked_without_its_local_part(bench: Bench) -> None:
    for version in ("1.0+local", "2.0"):
        bench.publish("base", version, requires_python=">=3.12" if version == "2.0" else None)
    bench.write("")
    added(bench, "base")
    assert '"base>=1.0"' in text(bench)


def test_what_a_bound_says_is_said_of_the_lock_too(bench: Bench) -> None:
    """The lock answers the env.toml that is written, not the one that was resolved."""
    bench.publish("base", "1.0")
    bench.write("")
    added(bench, "base")
    check_lock(bench.project, bench.settings, bench.told)
    assert added(bench, "base").wrote_lock is False


@pytest.mark.parametrize("place", [Place(group="Dev"), Place(extra="More")])
def test_the_bound_goes_into_the_list_that_was_edited(bench: Bench, place: Place) -> None:
    bench.publish("base", "1.0")
    bench.write("")
    changed = added(bench, "base", place=place, sync=True)
    assert '"base>=1.0"' in text(bench)
    assert "dependencies = []" in text(bench)
    assert (bench.site / "base.py").exists()
    check_lock(bench.project, bench.settings, bench.told)
    assert changed.seconds > 0
    given = (bench.settings, bench.told)
    with pytest.raises(NotListed) as caught:
        remove(bench.project, ["base"], Place(), *given, sync=False)
    option = "--group dev" if place.group else "--extra more"
    assert f"`envsync remove {option} base`" in str(caught.value.hint)
    changed = remove(bench.project, ["base"], place, *given, sync=True)
    assert changed.is_edited
    assert changed.synced is not None
    assert not (bench.site / "base.py").exists()


def test_adding_what_is_there_edits_nothing(bench: Bench) -> None:
    bench.publish("base", "1.0")
    bench.write('"base"')
    bench.lock()
    before = text(bench)
    changed = added(bench, "base")
    assert not changed.is_edited
    assert not changed.wrote_lock
    assert text(bench) == before


def test_init_names_the_environment_and_its_python(bench: Bench) -> None:
    init_project(bench.project, "mine", bench.settings, bench.told)
    major, minor = sys.version_info[:2]
    assert 'name = "mine"' in text(bench)
    assert f'requires-python = ">={major}.{minor}"' in text(bench)
    other = project_at(str(bench.folder), "test")
    assert init_project(other, None, bench.settings, bench.told) == "env.test.toml"


def test_what_is_not_listed_is_told_without_a_lock_too(bench: Bench) -> None:
    bench.write("")
    given = (bench.settings, bench.told)
    for lock in (None, "not toml"):
        if lock:
            (bench.folder / "pylock.toml").write_text(lock)
        with pytest.raises(NotListed) as caught:
            remove(bench.project, ["nobody"], Place(), *given, sync=False)
        assert caught.value.needers == ()
        assert caught.value.hint == "env.toml has no package of that name"
