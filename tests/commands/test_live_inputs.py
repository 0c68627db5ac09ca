"""[env] from: files that stay the truth, are noticed when they change, and are edited by add."""

import json
import tomllib
from hashlib import sha256

import pytest

from tests.support.command import Workplace
from tests.support.wheels import make_wheel

LIBRARY = '[env]\nfrom = ["pyproject.toml"]\npackage = true\n'
PYPROJECT = """\
# the shop
[project]
name = "shop"
version = "1"
requires-python = ">=3.11"
dependencies = [
    "webby",  # the web part
]
[project.optional-dependencies]
fast = ["speedups"]
[dependency-groups]
dev = ["checker"]
[tool.other]
x = 1
"""


def names(place: Workplace) -> list[str]:
    return [one["name"] for one in tomllib.loads(place.lock())["packages"]]


@pytest.fixture
def live(place: Workplace) -> Workplace:
    """A project whose requirements stand in pyproject.toml and in requirements files."""
    place.write('[env]\nfrom = ["pyproject.toml", "requirements.txt"]\n')
    place.write(PYPROJECT, "pyproject.toml")
    place.write("-r more.txt\n-c constraints.txt\n", "requirements.txt")
    place.write("base\n", "more.txt")
    place.write("base<2\n", "constraints.txt")
    return place


def test_what_files_declare_is_locked_under_their_names(live: Workplace) -> None:
    live.given("lock")
    lock = tomllib.loads(live.lock())
    assert names(live) == ["base", "checker", "speedups", "webby", "winner"]
    assert (lock["extras"], lock["dependency-groups"]) == (["fast"], ["dev"])
    assert lock["requires-python"] == ">=3.11"
    assert next(one["version"] for one in lock["packages"] if one["name"] == "base") == "1.0"


def test_env_toml_has_the_last_word_on_what_can_be_but_once(live: Workplace) -> None:
    live.write('[env]\nname = "other"\nrequires-python = ">=3.12"\nfrom = ["pyproject.toml"]\n')
    live.given("lock")
    assert tomllib.loads(live.lock())["requires-python"] == ">=3.12"


EDITS = [
    ("more.txt", "base\n", "base\nchecker\n", True),
    ("constraints.txt", "base<2", "base<3", True),
    ("pyproject.toml", '"speedups"', '"speedups", "winner"', True),
    ("pyproject.toml", ">=3.11", ">=3.12", True),
    ("pyproject.toml", "# the shop", "# the shop, open", False),
    ("pyproject.toml", "x = 1", "x = 2", False),
    ("pyproject.toml", 'dev = ["checker"]', 'dev = [\n  "checker"\n]', False),
    ("more.txt", "base\n", "# why\n\nbase  # so\n", False),
]


@pytest.mark.parametrize(("file", "old", "new", "matters"), EDITS)
def test_what_matters_in_them_makes_the_lock_stale_and_nothing_else(
    live: Workplace, file: str, old: str, new: str, matters: bool
) -> None:
    live.given("lock")
    assert live.here("lock", "--check").code == 0
    before = live.lock()
    live.write(live.read(file).replace(old, new), file)
    assert live.here("lock", "--check").code == (3 if matters else 0)
    live.given("lock")
    assert (live.lock() != before) == matters
    assert live.here("lock", "--check").code == 0


def test_an_edit_is_noticed_by_a_plain_sync_and_run(live: Workplace) -> None:
    live.ok("sync")
    assert "Nothing to do" in live.ok("sync").err
    live.write("base\nspeedups\n", "more.txt")
    assert live.run("sync", "--check").code == 3
    live.ok("sync")
    assert (live.site / "speedups.py").exists()
    live.write("base\n", "more.txt")
    code = "import importlib.util as u; raise SystemExit(u.find_spec('speedups') is None)"
    assert live.run("run", "python", "-c", code).code == 1
    assert not (live.site / "speedups.py").exists()
    assert "up to date" in live.ok("lock").err
    assert "up to date" in live.ok("lock").err  # from memory


def test_a_library_is_three_lines(place: Workplace) -> None:
    place.write(LIBRARY)
    place.write(PYPROJECT, "pyproject.toml")
    place.given("lock")
    packages = {one["name"]: one for one in tomllib.loads(place.lock())["packages"]}
    assert packages["shop"]["directory"] == {"path": ".", "editable": True}
    assert {"webby", "checker", "speedups"} <= packages.keys()
    assert place.here("lock", "--check").code == 0


def test_add_and_remove_edit_the_file_that_has_the_requirement(live: Workplace) -> None:
    live.write('[env]\nfrom = ["pyproject.toml", "requirements.txt"]\ndependencies = ["winner"]\n')
    live.given("lock")
    before = live.read()
    ran = live.here("add", "--no-sync", "webby>=1", "base>=1", "--json")
    assert json.loads(ran.out)["files_edited"] == ["pyproject.toml", "more.txt"]
    assert '    "webby>=1",  # the web part\n' in live.read("pyproject.toml")
    assert live.read("more.txt") == "base>=1\n"
    assert live.read() == before
    live.given("add", "--no-sync", "winner>=1")
    assert 'dependencies = ["winner>=1"]' in live.read()
    live.given("add", "--no-sync", "--group", "docs", "speedups")
    assert 'docs = [\n    "speedups>=0.9",\n]\n' in live.read("pyproject.toml")
    live.given("add", "--no-sync", "--dev", "speedups")
    assert 'dev = ["checker", "speedups>=0.9"]' in live.read("pyproject.toml")
    live.given("add", "--no-sync", "checker")
    assert '    "checker>=7.0",\n    "webby>=1",' in live.read("pyproject.toml")
    ran = live.here("remove", "--no-sync", "base")
    assert "Edited more.txt" in ran.err
    assert live.read("more.txt") == ""
    live.given("remove", "--no-sync", "--dev", "checker")
    assert 'dev = ["speedups>=0.9"]' in live.read("pyproject.toml")
    live.given("remove", "--no-sync", "winner")
    assert "winner" not in live.read()
    assert live.here("lock", "--check").code == 0
    ran = live.here("remove", "--no-sync", "speedups")
    assert ran.code == 2
    assert "`envsync remove --extra fast speedups`" in ran.err


def test_a_failing_add_changes_no_file(live: Workplace) -> None:
    live.given("lock")
    before = live.files()
    ran = live.here("add", "webby>=1", "no-such-package")
    assert ran.code == 1
    assert live.files() == before


def test_add_installs_what_it_wrote_into_another_file(place: Workplace) -> None:
    place.write('[env]\nfrom = ["requirements.txt"]\n')
    place.write("# mine\r\nwebby\r\n", "requirements.txt")
    place.ok("add", "speedups")
    data = (place.project / "requirements.txt").read_bytes()
    assert data == b"# mine\r\nspeedups>=0.9\r\nwebby\r\n"
    assert (place.site / "speedups.py").exists()
    assert "Nothing to do" in place.ok("sync").err


PIN = f"base==1.0 --hash=sha256:{'0' * 64}\n"
BAD = [
    ('from = ["gone.txt"]', {}, "env.from: gone.txt: there is no such file"),
    ('from = ["../outside.txt"]', {}, "env.from[0]: the path must stay inside"),
    ('from = ["/etc/passwd"]', {}, "env.from[0]: the path must be relative"),
    ("from = [1]", {}, "env.from[0]: expected the name of a file"),
    ('from = "a.txt"', {"a.txt": ""}, "env.from: expected a list"),
    ('from = ["Pipfile"]', {"Pipfile": ""}, "env.from: Pipfile is none of"),
    ('from = ["uv.lock"]', {"uv.lock": ""}, "env.from: uv.lock is none of"),
    ('from = [{ file = "a.txt", grop = "x" }]', {"a.txt": ""}, "unknown key"),
    ('from = [{ group = "x" }]', {}, 'expected { file = "NAME" }'),
    ('from = [{ file = "a.txt", group = "x", extra = "y" }]', {"a.txt": ""}, "is one of group"),
    ('from = [{ file = "pyproject.toml", group = "x" }]', {}, "has groups and extras of its own"),
    ('from = ["a.txt"]', {"a.txt": "b\n-r a.txt\n"}, "a.txt: line 2: the file includes itself"),
    ('from = ["a.txt"]', {"a.txt": "b\nflask=1\n"}, "a.txt: line 2: 'flask=1'"),
    ('from = ["a.txt"]', {"a.txt": "-e ../x\n"}, "a.txt: line 1: "),
    ('from = ["a.txt"]', {"a.txt": "-r ../../x.txt\n"}, "a.txt: line 1: "),
    ('from = ["pyproject.toml"]', {"pyproject.toml": "[project"}, "pyproject.toml: line 1"),
    (
        'from = ["pyproject.toml"]',
        {"pyproject.toml": '[tool.poetry]\nname = "x"\n'},
        "only [tool.poetry]",
    ),
    (
        'from = ["pyproject.toml"]',
        {"pyproject.toml": '[project]\nname = "x"\ndynamic = ["dependencies"]\n'},
        "pyproject.toml: line 3: project.dependencies: it is dynamic",
    ),
    (
        'from = ["pyproject.toml"]',
        {"pyproject.toml": '[project]\nname = "x"\ndependencies = ["x"]\n'},
        "pyproject.toml: line 3: x in dependencies",
    ),
    (
        'from = ["pyproject.toml"]\ndefault-groups = ["dve"]',
        {"pyproject.toml": "[dependency-groups]\ndev = []\n"},
        "there is no group 'dve'; did you mean 'dev'",
    ),
    (
        'from = ["pyproject.toml"]',
        {"pyproject.toml": "[dependency-groups]\na = [{include-group = 'a'}]\n"},
        "pyproject.toml: line 2: ",
    ),
    ("package = 1", {}, "env.package: expected true or false"),
]


@pytest.mark.parametrize(("line", "files", "says"), BAD)
def test_bad_input_is_named_with_file_and_line(
    place: Workplace, line: str, files: dict[str, str], says: str
) -> None:
    place.write(f"[env]\n{line}\n")
    for name, text in files.items():
        place.write(text, name)
    before = place.files()
    ran = place.here("lock")
    assert ran.code == 2, ran.err
    assert says in ran.err
    assert place.files() == before


def test_a_link_out_of_the_project_is_no_input(place: Workplace) -> None:
    (place.project.parent / "secret.txt").write_text("secret-package\n")
    (place.project / "a.txt").symlink_to("../secret.txt")
    place.write('[env]\nfrom = ["a.txt"]\n')
    ran = place.here("lock")
    assert ran.code == 2
    assert "secret-package" not in ran.err


def test_pins_with_hashes_are_not_changed_by_halves(place: Workplace) -> None:
    place.write('[env]\nfrom = ["requirements.txt"]\n')
    place.write(PIN, "requirements.txt")
    ran = place.here("add", "--no-sync", "base>=2")
    assert ran.code == 2
    assert "requirements.txt: line 1 has hashes" in ran.err
    assert place.read("requirements.txt") == PIN


def test_import_can_leave_the_files_the_truth(place: Workplace) -> None:
    place.write(f'{PYPROJECT}[tool.uv]\nconstraint-dependencies = ["base<2"]\n', "pyproject.toml")
    place.write("[build-system]\nrequires = []\n" + place.read("pyproject.toml"), "pyproject.toml")
    place.write("winner\n", "requirements-docs.txt")
    ran = place.here("import", "--live")
    assert ran.code == 0, ran.err
    assert tomllib.loads(place.read()) == {
        "env": {
            "from": ["pyproject.toml", {"file": "requirements-docs.txt", "group": "docs"}],
            "package": True,
        },
        "lock": {"constraints": ["base<2"]},
    }
    assert {"shop", "webby", "winner", "checker"} <= set(names(place))
    assert place.here("lock", "--check").code == 0


def test_add_goes_where_dynamic_dependencies_stand(place: Workplace) -> None:
    place.write('[env]\nfrom = ["pyproject.toml"]\n')
    text = '[project]\nname = "shop"\ndynamic = ["version", "dependencies"]\n'
    dynamic = '[tool.setuptools.dynamic]\ndependencies = { file = ["reqs.txt"] }\n'
    place.write(text + dynamic, "pyproject.toml")
    place.write("webby\n", "reqs.txt")
    place.given("add", "--no-sync", "speedups")
    assert place.read("reqs.txt") == "speedups>=0.9\nwebby\n"
    place.given("add", "--no-sync", "webby>=1")
    assert place.read("reqs.txt") == "speedups>=0.9\nwebby>=1\n"
    place.write("webby\n", "reqs.txt")
    assert place.here("lock", "--check").code == 3


def test_hashes_in_a_live_file_hold(place: Workplace) -> None:
    place.write('[env]\nfrom = ["requirements.txt"]\n')
    place.write(PIN, "requirements.txt")
    before = place.files()
    ran = place.here("lock")
    assert ran.code == 1
    assert "base 1.0: expected sha256:000" in ran.err
    assert "correct that file" in ran.err
    assert place.files() == before
    _, content = make_wheel("base", "1.0", {"base.py": "VERSION = 1\n"})
    place.write(PIN.replace("0" * 64, sha256(content).hexdigest()), "requirements.txt")
    place.given("lock")
    assert names(place) == ["base"]


def test_setup_cfg_is_read_and_not_edited(place: Workplace) -> None:
    place.write('[env]\nfrom = ["setup.cfg"]\n')
    place.write("[metadata]\nname = shop\n[options]\ninstall_requires =\n  webby\n", "setup.cfg")
    place.given("lock")
    assert "webby" in names(place)
    before = place.files()
    ran = place.here("add", "--no-sync", "webby>=1")
    assert ran.code == 2
    assert "setup.cfg, which envsync reads and does not edit" in ran.err
    assert place.files() == before
    place.given("add", "--no-sync", "speedups")
    assert 'dependencies = [\n    "speedups>=0.9",\n]' in place.read()


def test_an_upgrade_sees_what_changed_in_a_live_file(place: Workplace) -> None:
    place.write('[env]\nrequires-python = ">=3.11"\nfrom = ["requirements.txt"]\n')
    place.write("base\n", "requirements.txt")
    place.given("lock", "-U")
    place.given("lock", "-U")
    place.write("base<2\n", "requirements.txt")
    place.given("lock", "-U")
    assert '\nversion = "1.0"' in place.lock()
