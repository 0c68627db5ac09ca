"""Real backends in real environments: hooks, their requirements, and all the ways they fail."""

import io
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName
from packaging.version import Version

from envsync.build.backend import build_editable, build_metadata, build_wheel, prepare
from envsync.build.process import Limits
from envsync.build.request import Build
from envsync.build.sources import SourceTree, open_folder, unpack_sdist
from envsync.errors import BuildFailed, StorageFailed
from envsync.events import Reporter
from envsync.model.target import Target
from tests.build.environments import THIS, Provider
from tests.support.wheels import BACKEND, make_sdist, make_wheel

SHOP = NormalizedName("shop")
WHEEL = "shop-1.0-py3-none-any.whl"


class Details(Reporter):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def detail(self, text: str) -> None:
        self.texts.append(text)


class Bench:
    """A folder to build in, a provider, and the three functions with everything filled in."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.out = root / "out"
        self.out.mkdir()
        self.provider = Provider(root)
        self.target: Target = THIS
        self.reporter = Details()
        self.limits = Limits(seconds=20)
        self.settings: dict[str, str | Sequence[str]] = {}
        self.extra_requires: list[Requirement] = []
        self.confined = False

    def tree(self, backend: str = BACKEND, **fields: Any) -> SourceTree:
        """Unpack a source distribution of shop 1.0 with this backend."""
        filename, content = make_sdist("shop", "1.0", backend_source=backend, **fields)
        (self.root / filename).write_bytes(content)
        directory = self.root / "tree"
        directory.mkdir()
        return unpack_sdist(
            str(self.root / filename), directory=str(directory), name=SHOP, version=Version("1.0")
        )

    def build(self, tree: SourceTree) -> Build:
        return prepare(
            tree,
            target=self.target,
            provision=self.provider,
            package="shop==1.0",
            config_settings=self.settings,
            extra_requires=self.extra_requires,
            confined=self.confined,
            reporter=self.reporter,
            limits=self.limits,
        )

    def wheel(self, backend: str = BACKEND, **fields: Any) -> Path:
        return Path(build_wheel(self.build(self.tree(backend, **fields)), str(self.out)))

    def metadata(self, backend: str = BACKEND, **fields: Any) -> str:
        return build_metadata(self.build(self.tree(backend, **fields))).decode()

    def failure(self, backend: str, **fields: Any) -> BuildFailed:
        """Build what must fail, and see that nothing came of it."""
        with pytest.raises(BuildFailed) as caught:
            self.wheel(backend, **fields)
        assert os.listdir(self.out) == []
        return caught.value


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def backend(build: str, before: str = "", more: str = "") -> str:
    """A backend whose build_wheel does `build`; `wheel()` makes a good wheel, `folder` is where."""
    filename, content = make_wheel("shop", "1.0")
    return f"""
import os, sys, time
{before}
def wheel(folder, name={filename!r}):
    with open(os.path.join(folder, name), "wb") as file:
        file.write({content!r})
    return name
def build_wheel(folder, settings=None, metadata=None):
    {build}
{more}
"""


def test_builds_a_wheel(bench: Bench) -> None:
    wheel = bench.wheel(files={"src/shop/__init__.py": "x = 1"}, requires=["rich>=14"])
    assert bench.out / WHEEL == wheel
    assert os.listdir(bench.out) == [WHEEL]
    assert wheel.stat().st_mode == 0o100644
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("shop/__init__.py") == b"x = 1"
    assert bench.provider.asked == [[]]
    assert not bench.provider.is_open


def test_what_a_backend_asks_for_under_an_extra_is_not_meant(bench: Bench) -> None:
    """As flit does, which asks for all that the package requires."""
    asked = """['dep', 'ruff; extra == "all"', 'old; python_version < "3"']"""
    more = f"def get_requires_for_build_wheel(settings): return {asked}"
    bench.provider = Provider(bench.root, {"dep": ""})
    bench.wheel(backend("return wheel(folder)", more=more))
    assert bench.provider.asked[-1] == ["dep"]


def test_asks_for_metadata_without_building(bench: Bench) -> None:
    text = bench.metadata(BACKEND + "\ndef build_wheel(*a): raise SystemExit(1)", requires=["rich"])
    assert text.split("\n")[1:4] == ["Name: shop", "Version: 1.0", "Requires-Dist: rich"]


def test_a_backend_without_the_metadata_hook_builds_the_wheel_for_it(bench: Bench) -> None:
    text = bench.metadata(backend("return wheel(folder)"))
    assert "Name: shop" in text.split("\n")


def test_builds_an_editable_wheel_of_a_folder_in_place(bench: Bench) -> None:
    bench.tree()
    project = bench.root / "tree" / "shop-1.0"
    before = sorted(os.listdir(project))
    wheel = build_editable(bench.build(open_folder(str(project))), str(bench.out))
    with zipfile.ZipFile(wheel) as archive:
        assert str(project / "src") == archive.read("__editable__shop.pth").decode()
    assert before == sorted(os.listdir(project))


def test_a_backend_without_editable_installs_is_named(bench: Bench) -> None:
    tree = bench.tree(backend("return wheel(folder)"))
    with pytest.raises(BuildFailed, match="has no hook build_editable") as caught:
        build_editable(bench.build(tree), str(bench.out))
    assert caught.value.hint == "install it without `editable = true`"


def test_provides_what_the_tree_and_then_the_backend_require(bench: Bench) -> None:
    bench.provider = Provider(bench.root, {"dep": "x = 1", "more": "y = 2", "extra": "z = 3"})
    bench.extra_requires = [Requirement("extra")]
    source = backend(
        "import more, extra; assert more.y == 2; return wheel(folder)",
        "import dep",
        "def get_requires_for_build_wheel(settings): return ['more>=1', 'dep']",
    )
    bench.wheel(source, build_requires=["dep"])
    assert bench.provider.asked == [["dep", "extra"], ["dep", "extra", "more>=1"]]


def test_a_required_backend_comes_from_the_environment(bench: Bench) -> None:
    bench.provider = Provider(bench.root, {"made": backend("return wheel(folder)")})
    bench.wheel(build_requires=["made"], build_backend="made", backend_path=None)
    assert bench.provider.asked == [["made"]]


def test_without_a_pyproject_the_legacy_backend_is_required(bench: Bench) -> None:
    failure = bench.failure(BACKEND, build_backend=None, files={"setup.py": ""})
    assert bench.provider.asked == [["setuptools>=40.8.0"]]
    assert "its build requirements cannot be installed: package not found: setuptools" in str(
        failure
    )


def test_hands_settings_to_every_hook(bench: Bench) -> None:
    bench.settings = {"one": "1", "many": ["2", "3"]}
    source = backend(
        "print('build', sorted(settings.items())); return wheel(folder)",
        more="def get_requires_for_build_wheel(s):\n print('ask', s['one']); return []",
    )
    bench.wheel(source)
    expected = [
        "shop==1.0: ask 1",
        "shop==1.0: build [('many', ['2', '3']), ('one', '1')]",
    ]
    assert expected == bench.reporter.texts


def test_a_backend_object_can_be_named(bench: Bench) -> None:
    source = backend(
        "return wheel(folder)", more="class api:\n class v1:\n  build_wheel = build_wheel"
    )
    source = source.replace("build_wheel = build_wheel", "build_wheel = staticmethod(build_wheel)")
    bench.wheel(source, build_backend="backend:api.v1")


def test_the_environment_is_scrubbed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hazard H47: no token of the user's, no home, no module of the user's."""
    for name, value in {
        "API_TOKEN": "s3cret",
        "AWS_SECRET_ACCESS_KEY": "s3cret",
        "ENVSYNC_INDEX_CORP_PASSWORD": "s3cret",
        "PYTHONPATH": "/s3cret",
        "PIP_INDEX_URL": "https://me:s3cret@index.example/",
        "https_proxy": "http://me:s3cret@proxy.example",
        "HTTP_PROXY": "http://proxy.example",
        "CFLAGS": "-O1",
        "PATH": f":.:bin:{os.environ['PATH']}",
    }.items():
        monkeypatch.setenv(name, value)
    source = backend(
        "import json; print(json.dumps([dict(os.environ), sys.path])); return wheel(folder)"
    )
    bench.wheel(source)
    environ, path = json.loads(bench.reporter.texts[0].partition(": ")[2])
    assert "s3cret" not in str([environ, path])
    expected = {
        "CFLAGS": "-O1",
        "HTTP_PROXY": "http://proxy.example",
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        "SOURCE_DATE_EPOCH": "315619200",
        "TZ": "UTC",
    }
    assert expected == {name: environ.get(name) for name in expected}
    folders = environ["PATH"].split(":")
    assert str(bench.root / "environment1" / "bin") == folders[0]
    assert all(folder.startswith("/") for folder in folders)
    private = [environ[name] for name in ("HOME", "TMPDIR")]
    assert os.environ.get("HOME") not in private
    assert not any(os.path.exists(folder) for folder in private)
    assert not any(str(Path(__file__).parents[2] / "envsync") in folder for folder in path)


def test_home_and_temporary_folder_are_private_and_vanish(bench: Bench) -> None:
    source = backend(
        "home = os.path.expanduser('~'); open(os.path.join(home, 'x'), 'w').close();"
        " import tempfile; print(home, tempfile.mkdtemp(), oct(os.stat(home).st_mode));"
        " return wheel(folder)"
    )
    bench.wheel(source)
    _, home, temporary, mode = bench.reporter.texts[0].split()
    assert mode == "0o40700"
    assert not os.path.exists(home)
    assert not os.path.exists(temporary)


def test_the_same_tree_gives_the_same_wheel(tmp_path: Path) -> None:
    wheels = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        wheels.append(Bench(tmp_path / name).wheel().read_bytes())
    assert wheels[0] == wheels[1]


def test_warnings_of_a_backend_disturb_nobody(
    bench: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    bench.wheel(backend("import warnings; warnings.warn('old'); return wheel(folder)"))
    assert capfd.readouterr() == ("", "")


def test_a_failing_backend_shows_the_end_of_its_output(bench: Bench) -> None:
    failure = bench.failure(
        backend("[print('line', n) for n in range(99)]; raise SystemError('no \\x1b[31mcompiler')")
    )
    assert failure.output.endswith("SystemError: no compiler\n")
    assert "could not build shop==1.0: its build backend backend failed (exit code 1)" in str(
        failure
    )
    assert len(str(failure).split("\n")) == 21


ANSWERS: Mapping[str, str] = {
    "return None": "answered None instead of the name of a .whl",
    "return 1": "answered 1 instead",
    "return ''": "answered '' instead",
    "return 'shop.txt'": "answered 'shop.txt' instead",
    "return '../' + wheel(folder + '/..')": "answered '../shop",
    "return os.path.join(folder, wheel(folder))": "instead of the name",
    "return wheel(folder, 'shop.whl')": "Invalid wheel filename",
    "return 'shop-1.0-py3-none-any.whl'": "did not make shop-1.0-py3-none-any.whl (No such file",
    "return wheel(folder, 'shop-1.1-py3-none-any.whl')": "another package or version",
    "return wheel(folder, 'evil-1.0-py3-none-any.whl')": "another package or version",
    "return wheel(folder, 'shop-1.0-cp39-cp39-win32.whl')": "cannot use",
    f"os.symlink('/etc/passwd', folder + '/{WHEEL}'); return '{WHEEL}'": "(Too many levels",
    f"os.mkfifo(folder + '/{WHEEL}'); return '{WHEEL}'": "is no file",
    f"os.mkdir(folder + '/{WHEEL}'); return '{WHEEL}'": "(Is a directory)",
    "os._exit(0)": "gave no answer",
    "open(sys.argv[2] + '/output.json', 'w').write('{'); os._exit(0)": "gave no answer",
    "open(sys.argv[2] + '/output.json', 'w').write('[]'); os._exit(0)": "gave no answer",
    "open(sys.argv[2] + '/output.json', 'w').write('[' * 99999); os._exit(0)": "gave no answer",
    "os.mkfifo(sys.argv[2] + '/output.json'); os._exit(0)": "answer is not readable",
    "open(sys.argv[2] + '/output.json', 'w').truncate(1 << 40); os._exit(0)": "is not readable",
}


def test_a_build_may_add_a_local_part_to_the_version_of_its_source(bench: Bench) -> None:
    wheel = bench.wheel(backend("return wheel(folder, 'shop-1.0+cu122-py3-none-any.whl')"))
    assert wheel.name == "shop-1.0+cu122-py3-none-any.whl"


@pytest.mark.parametrize("answer", ANSWERS)
def test_refuses_what_is_no_wheel(bench: Bench, answer: str) -> None:
    failure = bench.failure(backend(answer))
    assert ANSWERS[answer] in str(failure)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("'setuptools'", "is no list of requirements"),
        ("[1]", "is no list of requirements"),
        ("['???']", "get_requires[0]: '???' is not a requirement"),
        ("['none']", "its build requirements cannot be installed: package not found: none"),
    ],
)
def test_refuses_requirements_that_are_none(bench: Bench, answer: str, reason: str) -> None:
    more = f"def get_requires_for_build_wheel(settings): return {answer}"
    assert reason in str(bench.failure(backend("return wheel(folder)", more=more)))


@pytest.mark.parametrize("name", ["../x.dist-info", "..", "none.dist-info", "link.dist-info"])
def test_refuses_metadata_from_elsewhere(bench: Bench, name: str) -> None:
    more = f"""
def prepare_metadata_for_build_wheel(folder, settings=None):
    os.mkdir(os.path.join(folder, "x"))
    open(os.path.join(folder, "x", "METADATA"), "w").close()
    os.symlink("x", os.path.join(folder, "link.dist-info"))
    return {name!r}
"""
    with pytest.raises(BuildFailed, match=r"instead of the name|did not make METADATA"):
        bench.metadata(backend("pass", more=more))


def test_a_backend_that_cannot_be_imported_is_named(bench: Bench) -> None:
    failure = bench.failure(BACKEND, build_backend="hatchling.build", backend_path=None)
    assert "its build backend hatchling.build cannot be imported" in str(failure)
    assert "ModuleNotFoundError: No module named 'hatchling'" in failure.output
    assert "[build.extra-build-requires]" in str(failure.hint)


def test_an_in_tree_backend_must_be_in_its_path(bench: Bench) -> None:
    """PEP 517: what is installed must not stand in for it."""
    bench.provider = Provider(bench.root, {"made": backend("return wheel(folder)")})
    failure = bench.failure(BACKEND, build_requires=["made"], build_backend="made")
    assert "cannot be imported" in str(failure)


def test_a_build_that_hangs_is_ended(bench: Bench) -> None:
    bench.limits = Limits(seconds=0.5)
    assert "it did not end within 0.5 s" in str(bench.failure(backend("time.sleep(60)")))


def test_a_build_can_be_cancelled(bench: Bench) -> None:
    begun = bench.root / "begun"
    bench.limits = Limits(cancelled=begun.exists)
    source = backend(f"print('working', flush=True); open({str(begun)!r}, 'w'); time.sleep(60)")
    failure = bench.failure(source)
    assert "it was cancelled" in str(failure)
    assert failure.output == "working\n"


def test_a_python_that_cannot_be_started_is_named(bench: Bench) -> None:
    bench.provider.python = "/none/python"
    failure = bench.failure(BACKEND)
    assert failure.output == "/none/python: No such file or directory\n"


def test_a_full_disk_is_a_storage_error(bench: Bench) -> None:
    tree = bench.tree()
    with pytest.raises(StorageFailed):
        build_wheel(bench.build(tree), str(bench.root / "none"))


def test_a_runaway_cannot_change_the_wheel_afterwards(bench: Bench) -> None:
    """Hazard H49: a process that left the group still has the file open, and writes to it."""
    source = backend(
        "name = wheel(folder); import subprocess;"
        " subprocess.Popen([sys.executable, '-c', RUNAWAY, os.path.join(folder, name)],"
        " start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL);"
        " time.sleep(0.3); return name",
        before='RUNAWAY = \'import sys, time\\nwith open(sys.argv[1], "r+b") as f:\\n'
        ' time.sleep(0.8)\\n f.write(b"evil")\'',
    )
    wheel = bench.wheel(source)
    before = wheel.read_bytes()
    time.sleep(1)
    assert before == wheel.read_bytes()
    assert zipfile.is_zipfile(io.BytesIO(before))


KILLED = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from tests.build.test_backend import Bench, backend
Bench(Path(sys.argv[1])).wheel(backend("print('x'); time.sleep(60)", before={before!r}))
"""


def test_the_next_build_is_not_disturbed_by_one_that_was_killed(tmp_path: Path) -> None:
    """Hazard H49: kill envsync in mid-build; the backend dies, and building again works."""
    alive = tmp_path / "alive"
    before = f"open({str(alive)!r}, 'w').write(str(os.getpid()))"
    code = KILLED.format(root=str(Path(__file__).parents[2]), before=before)
    (tmp_path / "one").mkdir()
    starter = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "one")])
    deadline = time.monotonic() + 10
    while not (alive.exists() and alive.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    starter.kill()
    starter.wait()
    (tmp_path / "two").mkdir()
    assert Bench(tmp_path / "two").wheel().exists()
    pid = int(alive.read_text())
    assert not re.search("State:\t[RSD]", _status(pid))


def _status(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return ""
