"""Projects on the disk as sources: editable and not, their changes, their builds."""

import json
import shutil

import pytest

from tests.commands.conftest import SPEC
from tests.project.test_source_files import git
from tests.support.command import Workplace
from tests.support.index_server import IndexServer
from tests.support.wheels import make_sdist, source_files

HEAD = '[env]\nrequires-python = ">=3.11"\ndependencies = ["shop"]\n'


def write_shop(place: Workplace, *requires: str, code: str = "X = 1\n") -> None:
    """Put the source of `shop` into the project's folder, with its metadata in pyproject.toml."""
    tree = source_files("shop", "0.1", {"src/shop.py": code}, requires=requires)
    listed = ", ".join(f'"{requirement}"' for requirement in requires)
    tree["pyproject.toml"] += (
        f'[project]\nname = "shop"\nversion = "0.1"\ndependencies = [{listed}]\n'.encode()
    )
    for path, content in tree.items():
        file = place.project / "lib" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


@pytest.fixture(params=["true", "false"], ids=["editable", "not editable"])
def shop(request: pytest.FixtureRequest, place: Workplace) -> Workplace:
    write_shop(place, "base<2")
    place.write(f'{HEAD}[sources]\nshop = {{ path = "lib", editable = {request.param} }}\n')
    return place


def test_local_source_is_installed_with_what_it_requires(shop: Workplace) -> None:
    shop.ok("sync")
    assert shop.python("import shop, base; print(shop.X, base.VERSION)") == "1 1"
    text = shop.python(
        "import importlib.metadata as m; print(m.distribution('shop').read_text('direct_url.json'))"
    )
    assert json.loads(text)["url"] == f"file://{shop.project}/lib"


def test_second_sync_and_check_find_nothing_to_do(shop: Workplace) -> None:
    shop.given("sync")
    assert "Nothing to do" in shop.ok("sync").err
    shop.ok("sync", "--check")


def test_new_requirement_of_a_local_source_makes_the_lock_stale(shop: Workplace) -> None:
    shop.given("sync")
    with (shop.project / "lib" / "pyproject.toml").open("a") as file:
        file.write("# a comment means nothing\n")
    shop.ok("lock", "--check")
    write_shop(shop, "base<2", "speedups")
    ran = shop.run("lock", "--check")
    assert ran.code == 3
    assert "the project files of shop changed: pyproject.toml" in ran.err
    shop.ok("sync")
    shop.python("import speedups")


def test_changed_code_of_a_local_source_is_what_runs(shop: Workplace) -> None:
    shop.given("sync")
    write_shop(shop, "base<2", code="X = 'changed'\n")
    assert shop.ok("run", "python", "-c", "import shop; print(shop.X)").out == "changed\n"


def test_an_editable_wheel_is_kept_by_what_it_is_made_of(place: Workplace) -> None:
    write_shop(place)
    place.write(f'{HEAD}[sources]\nshop = {{ path = "lib", editable = true }}\n')
    backend = place.project / "lib" / "backend.py"
    counting = "import pathlib\n_log = pathlib.Path(__file__).with_name('built.log')\n"
    counting += "with _log.open('a') as _file: _file.write('x')\n"
    backend.write_text(counting + backend.read_text())
    place.given("sync")
    once = (place.project / "lib" / "built.log").stat().st_size
    shutil.rmtree(place.venv)
    place.given("sync")
    assert (place.project / "lib" / "built.log").stat().st_size == once
    place.python("import shop")
    pyproject = place.project / "lib" / "pyproject.toml"
    pyproject.write_text(f'{pyproject.read_text()}scripts.shop = "shop:X"\n')
    place.given("sync")
    assert (place.project / "lib" / "built.log").stat().st_size > once


def test_missing_local_source_is_named(place: Workplace) -> None:
    place.write(f'{HEAD}[sources]\nshop = {{ path = "nowhere" }}\n')
    ran = place.run("lock")
    assert ran.code in (1, 2)
    assert "nowhere" in ran.err


def test_source_distribution_is_built_once_and_only_with_leave(
    project: Workplace, server: IndexServer
) -> None:
    filename, content = make_sdist("sourced", "1.0", requires=["base"])
    server.add("sourced", filename, content)
    project.write(SPEC.replace('"webby"', '"sourced"').split("[env.opt")[0])
    assert project.run("lock").code == 1
    ran = project.ok("lock", "--allow-build", "sourced")
    assert "+ sourced 1.0" in ran.err
    assert 'allow = ["sourced"]' in project.read()
    project.ok("sync")
    project.python("import sourced, base")
    assert len(list(project.cache.glob("built-v3/*/*.whl"))) == 1


def test_url_of_a_source_archive_names_the_package_to_allow(
    project: Workplace, server: IndexServer
) -> None:
    filename, content = make_sdist("sourced", "1.0")
    server.add("sourced", filename, content)
    url = server.file_url("sourced", filename)
    project.write(f'[env]\nrequires-python = ">=3.11"\ndependencies = ["sourced @ {url}"]\n')
    ran = project.run("lock")
    assert ran.code == 1
    assert "`envsync lock --allow-build sourced`" in ran.err


@pytest.mark.parametrize("editable", ["true", "false"])
def test_a_new_tag_is_a_new_version_and_no_new_lock(place: Workplace, editable: str) -> None:
    write_shop(place)
    pyproject = place.project / "lib" / "pyproject.toml"
    text = pyproject.read_text().replace('version = "0.1"', 'dynamic = ["version"]')
    pyproject.write_text(f"{text}[tool.own]\nsource = 'scm'\n")
    place.write(f'{HEAD}[sources]\nshop = {{ path = "lib", editable = {editable} }}\n')
    git(place.project, "init", "-q")
    git(place.project, "commit", "-q", "--allow-empty", "-m", "x")
    place.ok("sync")
    assert "Nothing to do" in place.ok("sync").err
    lock = place.lock()
    git(place.project, "tag", "v2")
    assert place.here("sync", "--check").code == 3
    place.given("lock", "--check")
    assert "shop" in place.ok("sync").err
    assert "Nothing to do" in place.ok("sync").err
    assert place.lock() == lock
