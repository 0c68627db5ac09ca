"""`init`, `add` and `remove`: env.toml, lock and environment change together, or not at all."""

import pytest

from envsync.errors import BuildNotAllowed, NoSolution, PackageNotFound, UsageError
from envsync.operations.change import Addition, Changed, Place, add, init_project, remove
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
