"""Where builds run, which variables they get, and beside what; as whole commands."""

import json
from pathlib import Path
from typing import Any

from tests.commands.conftest import publish
from tests.support.command import Workplace
from tests.support.index_server import IndexServer
from tests.support.wheels import BACKEND, make_sdist, make_wheel, source_files

HEAD = '[env]\nrequires-python = ">=3.11"\ndependencies = ["shop"]\n'
OLD: Any = {"metadata_version": "2.1"}
# Its wheel holds what the build saw, and says so on its output, too.
SEEING = """
import json, os, sys
_NAMES = ("ONE", "TWO", "CARGO_TOKEN", "MINE", "ENVSYNC_INDEX_CORP_PASSWORD", "PYTHONPATH")
_plain_sources = _sources


def _sources():
    with open(LOG, "a") as file:
        file.write("built\\n")
    seen = {name: os.environ[name] for name in _NAMES if name in os.environ}
    print(json.dumps(seen), flush=True)
    if "FAIL" in os.environ:
        os._exit(3)
    seen["HOME"], seen["cwd"] = os.environ["HOME"], os.getcwd()
    yield from _plain_sources()
    yield "seen.json", json.dumps(seen).encode()
    MORE
"""


def backend(place: Workplace, more: str = "") -> str:
    log = repr(str(place.project.parent / "log"))
    return BACKEND + SEEING.replace("LOG", log).replace("MORE", more)


def builds(place: Workplace) -> int:
    """How often something was built since the last question."""
    log = place.project.parent / "log"
    count = len(log.read_text().splitlines()) if log.exists() else 0
    log.unlink(missing_ok=True)
    return count


def write_tree(folder: Path, backend_source: str) -> None:
    tree = source_files("shop", "0.1", {"src/shop.py": "X = 1\n"}, backend_source=backend_source)
    tree["pyproject.toml"] += b'[project]\nname = "shop"\nversion = "0.1"\n'
    for path, content in tree.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def seen(place: Workplace) -> dict[str, str]:
    code = "import shop, json; print(open(shop.__file__[:-7] + 'seen.json').read())"
    return dict(json.loads(place.python(code)))


def test_a_local_folder_is_built_where_it_is_and_only_when_a_source_changed(
    place: Workplace,
) -> None:
    folder = place.project / "libs" / "shop"
    read = "assert open('../../VERSION').read() == '7'; assert os.path.exists('../../.git/HEAD')"
    write_tree(folder, backend(place, read))
    place.write("7", "VERSION")
    (place.project / ".git").mkdir()
    place.write("ref: refs/heads/main\n", ".git/HEAD")
    (place.project / "outside").mkdir()
    place.write("Y = 1\n", "outside/y.py")
    (folder / "src" / "linked.py").symlink_to(place.project / "outside" / "y.py")
    place.write(HEAD + '[sources]\nshop = { path = "libs/shop" }\n')
    before = set(place.files())
    place.ok("sync")
    assert builds(place) == 1
    assert seen(place)["cwd"] == str(folder)
    assert place.python("import linked; print(linked.Y)") == "1"
    ours = {name for name in place.files() if not name.startswith(".venv/")}
    assert ours == before | {"pylock.toml"}
    (folder / "server.log").write_text("GET /\n")
    assert "Nothing to do" in place.ok("sync").err
    assert builds(place) == 0
    (folder / "src" / "shop.py").write_text("X = 22\n")
    place.ok("sync")
    assert builds(place) == 1
    assert place.python("import shop; print(shop.X)") == "22"


def test_a_local_folder_gets_the_users_environment_but_for_envsyncs_secrets(
    place: Workplace,
) -> None:
    write_tree(place.project, backend(place))
    place.write(f'{HEAD}[sources]\nshop = {{ path = "." }}\n[build.environment.shop]\nONE = "1"\n')
    place.environ |= {"MINE": "mine", "PYTHONPATH": "/none", "HOME": str(place.cache.parent)}
    place.environ["ENVSYNC_INDEX_CORP_PASSWORD"] = "corp-pass-4711"
    place.ok("sync")
    expected = {"ONE": "1", "MINE": "mine", "HOME": str(place.cache.parent)}
    assert seen(place) == {**expected, "cwd": str(place.project)}
    assert builds(place) == 1
    place.write(place.read().replace('ONE = "1"', 'ONE = "2"'))
    place.ok("sync")
    assert (seen(place)["ONE"], builds(place)) == ("2", 1)
    assert "Nothing to do" in place.ok("sync").err


def test_a_remote_source_gets_what_env_toml_gives_and_passes_on(
    place: Workplace, server: IndexServer
) -> None:
    publish(server, make_sdist("shop", "0.1", backend_source=backend(place)))
    place.write(
        f'{HEAD}[build]\nallow = ["shop"]\nunconfined = ["shop"]\n'
        'pass = ["CARGO_*", "TW?", "ENVSYNC*"]\n'
        '[build.environment.shop]\nONE = "1"\n[build.environment.other]\nTWO = "2"\n'
    )
    ran = place.run("lock")
    assert ran.code == 2
    assert "build.pass[1]" in ran.err
    place.write(place.read().replace(', "TW?", "ENVSYNC*"', ""))
    place.environ |= {"CARGO_TOKEN": "s3cr3t-value", "MINE": "mine", "HOME": "/nowhere"}
    ran = place.ok("sync", "-v")
    assert "s3cr3t-value" not in ran.err + ran.out + place.lock()
    found = seen(place)
    assert found.pop("HOME") != "/nowhere"
    assert found.pop("cwd") != str(place.project)
    assert found == {"ONE": "1", "CARGO_TOKEN": "s3cr3t-value"}
    builds(place)

    place.write(place.read().replace('ONE = "1"', 'ONE = "2"'))
    place.ok("sync")
    assert (seen(place)["ONE"], builds(place)) == ("2", 1)
    (place.project / ".venv").rename(place.project.parent / "old")
    place.environ["CARGO_TOKEN"] = "an0ther-value"
    place.ok("sync")  # what was built is kept by what it was built with
    assert (seen(place)["CARGO_TOKEN"], builds(place)) == ("an0ther-value", 1)

    place.write(place.read().replace('ONE = "2"', 'ONE = "2"\nFAIL = "yes"'))
    ran = place.run("sync")
    assert ran.code == 1
    assert '"CARGO_TOKEN": "***"' in ran.err
    assert "an0ther-value" not in ran.err


def test_variables_alone_give_no_leave(place: Workplace, server: IndexServer) -> None:
    publish(server, make_sdist("shop", "0.1", backend_source=backend(place)))
    place.write(f'{HEAD}[build.environment.shop]\nLD_PRELOAD = "/none.so"\n')
    assert place.run("sync").code == 1
    assert builds(place) == 0


def test_a_build_without_isolation_sees_what_the_project_installs(
    place: Workplace, server: IndexServer
) -> None:
    more = "import base, sys; assert base.VERSION == 1; assert 'tool' in sys.modules"
    source = f"import tool\n{backend(place, more)}"
    publish(
        server,
        make_sdist("shop", "0.1", backend_source=source, build_requires=["tool>=2"], **OLD),
        make_wheel("tool", "1.0", {"tool.py": ""}),
        make_wheel("tool", "2.0", {"tool.py": ""}),
        make_wheel("tool", "3.0", {"tool.py": "raise SystemError('not the one of the project')"}),
    )  # fmt: skip
    build = '[build]\nallow = ["shop"]\nno-isolation = ["shop"]\nunconfined = ["shop"]\n'
    place.write(HEAD.replace('["shop"]', '["shop", "base<2"]') + build)
    ran = place.run("sync")
    assert ran.code == 1
    assert "shop: it is built without isolation" in ran.err
    assert "tool>=2" in ran.err
    assert "hint: `envsync add 'tool>=2'`" in ran.err

    place.write(HEAD.replace('["shop"]', '["shop", "base<2", "tool<3"]') + build)
    place.ok("sync")
    assert place.python("import shop; print(shop.__version__)") == "0.1"
    assert builds(place) == 1
    assert "Nothing to do" in place.ok("sync").err
