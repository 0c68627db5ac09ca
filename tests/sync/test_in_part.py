"""A part of an environment that changes alone comes out as if everything had been looked at."""

import os
import random
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from envsync.environment import drift, every_byte, stamp, transaction
from envsync.environment.belief import read_manifest
from envsync.environment.change import Others
from envsync.environment.drift import Drift, scan
from envsync.environment.key import UserKey
from envsync.environment.manifest import Manifest
from envsync.environment.times import read_times
from envsync.errors import InstallConflict
from envsync.lock.pins import Pinned
from envsync.sync import change_times, observe
from envsync.sync.outcome import SyncOutcome
from tests.campaigns.oracle import read_tree
from tests.support.synced import SyncedProject
from tests.support.wheels import Files

SITE = "lib/python3.12/site-packages"

pytestmark = pytest.mark.usefixtures("pure_and_compiled")

FILES: dict[str, Files] = {
    "a-1": {"a/__init__.py": "1", "a/old/x.py": "1", "ns/a.py": "1"},
    "a-2": {"a/__init__.py": "2", "a/new/deep/y.py": "2", "ns/a.py": "1"},
    "b-1": {"b.py": "1", "ns/b.py": "1", "shared/c.py": "same"},
    "b-2": {"b.py": "2", "shared/c.py": "same"},
    "c-1": {"c/__init__.py": "1", "shared/c.py": "same"},
    "c-2": {"c.py": "2", "ns/c/deep.py": "2"},
    "d-1": {f"d/{number}.py": str(number) for number in range(9)},
}


class Project(SyncedProject):
    """One whose packages have several versions."""

    def has(self, *names: str) -> SyncOutcome:
        """Sync an environment of `a-1` and the like."""
        return self.sync(self.desired(*map(self.of, sorted(names))))

    def of(self, name: str) -> Pinned:
        """Give the pin of one, and let it be what is fetched."""
        package, _, version = name.partition("-")
        return self.pin(package, version, FILES[name])

    @property
    def site(self) -> Path:
        return self.environment / SITE

    def manifest(self) -> Manifest:
        """What is said to be in place."""
        manifest = read_manifest(str(self.environment), UserKey(self.settings).seal())
        assert manifest is not None
        return manifest

    def drift(self) -> Drift:
        """How the disk differs, by a look at everything."""
        seal, cache_dir = UserKey(self.settings).seal(), self.settings.cache_dir
        return observe.observe(self.desired(), seal, cache_dir, force=False).drift

    def is_current(self) -> bool:
        root = str(self.environment)
        return stamp.is_current(self.settings.cache_dir, root, "default", files=True)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The environments that were looked at as a whole."""
    seen: list[str] = []

    def counted(root: str, *given: Any) -> Drift:
        seen.append(root)
        return scan(root, *given)

    monkeypatch.setattr(observe, "scan", counted)
    return seen


def after_commit(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Let somebody do something between the commit and what is noted of it."""
    commit = transaction.commit

    def committed(*given: Any) -> transaction.Committed:
        done = commit(*given)
        act()
        return done

    monkeypatch.setattr(transaction, "commit", committed)


def test_what_changes_is_all_that_is_looked_at(project: Project, looks: list[str]) -> None:
    project.has("a-1", "b-1", "d-1")
    for names in (["a-2", "b-1", "d-1"], ["a-2", "d-1"], ["a-1", "b-2", "d-1"], ["d-1"]):
        lines = project.has(*names).comparison.lines()
        assert lines != []
        assert project.is_current()
        assert project.has(*names).comparison.is_empty()
    assert looks == []
    assert project.drift().is_clean()


def test_paths_are_read_of_owners_that_share_a_folder_alone() -> None:
    read: list[str] = []
    owners = {"a": ["a/x", "s/a"], "b": ["b/c/x"], "c": ["top"], "d": ["s/d/x"], "e": []}

    def paths_of(name: str) -> list[str]:
        read.append(name)
        return owners[name]

    rows = [({path.rpartition("/")[0] for path in paths}, n) for n, paths in owners.items()]
    others = Others(rows, paths_of)
    assert others.folders == {"a", "s", "b", "b/c", "s/d"}
    assert read == []
    assert others.beside({"b", "new"}) == set()
    assert others.beside({"s", "b/c"}) == {"a/x", "s/a", "b/c/x"}
    assert others.beside({""}) == {"top"}
    assert others.beside({"s"}) == {"a/x", "s/a"}
    assert read == ["a", "b", "c"]
    assert sorted(others.paths()) == sorted([path for paths in owners.values() for path in paths])
    assert read == ["a", "b", "c", "d", "e"]
    assert (*Others().paths(), *Others().folders, *Others().beside({""})) == ()


def test_a_change_reads_no_paths_of_packages_elsewhere(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.has("a-1", "b-1", "d-1")
    read: list[str] = []
    paths_of = stamp.Mark.paths_of

    def counted(mark: stamp.Mark, part: "stamp.Part") -> list[str]:
        read.append(part[0])
        return paths_of(mark, part)

    monkeypatch.setattr(stamp.Mark, "paths_of", counted)
    project.has("a-2", "b-1", "d-1")
    (project.site / "a/stray").write_text("")
    assert project.has("a-2", "b-1", "d-1").comparison.drift.stray == (f"{SITE}/a/stray",)
    assert "b" in read  # its module lies beside `a`, and `ns` is of both
    assert "d" not in read


@pytest.mark.parametrize("seed", range(6))
def test_it_is_as_if_everything_had_been_looked_at(
    tmp_path: Path, looks: list[str], seed: int
) -> None:
    """Two projects go the same way; one of them has lost its mark before each sync."""
    chance = random.Random(seed)
    for name in ("part", "whole"):
        (tmp_path / name).mkdir()
    part, whole = Project(tmp_path / "part"), Project(tmp_path / "whole")
    for _ in range(7):
        names = [f"{package}-{chance.choice('12')}" for package in "abcd" if chance.random() < 0.7]
        names = [name for name in names if name in FILES]
        stamp.drop(whole.settings.cache_dir, str(whole.environment))
        looks.clear()
        outcomes = [project.has(*names) for project in (part, whole)]
        assert outcomes[0].comparison.lines() == outcomes[1].comparison.lines()
        assert rows(part) == rows(whole)
        assert shape(part) == shape(whole)
        assert part.is_current() or str(part.environment) in looks  # else the next one looks
        seal = UserKey(part.settings).seal()
        root, manifest = str(part.environment), part.manifest()
        times = read_times(root, manifest.environment_id, seal, trusted=False)
        for path in manifest.placed():
            assert times[path] == os.lstat(f"{root}/{path}").st_ctime_ns
        assert part.drift() == Drift()


def gone(path: Path) -> None:
    path.unlink()


def own(path: Path) -> Path:
    """Give a file an inode of its own: that of a link is the store's as well."""
    copy = path.with_name("copy")
    shutil.copy2(path, copy, follow_symlinks=False)
    return copy.replace(path)


def hidden_edit(path: Path) -> None:
    edit(own(path))


def longer(path: Path) -> None:
    path.unlink()
    path.write_bytes(b"longer than it was")


def another_mode(path: Path) -> None:
    assert not path.is_symlink()  # what a link leads to may be the machine's
    own(path).chmod(0o600)


def another_time(path: Path) -> None:
    os.utime(own(path), (1, 1), follow_symlinks=False)


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "in.py").write_text("")


def link_instead(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def linked_elsewhere(path: Path) -> None:
    """What makes another environment, and goes: the time of change moves, and the bytes stay."""
    os.link(path, path.parents[4] / "elsewhere")
    os.unlink(path.parents[4] / "elsewhere")


def stray_beside(path: Path) -> None:
    (path.parent / "stray.py").write_text("")


def stray_folder_beside(path: Path) -> None:
    (path.parent / "stray").mkdir()
    (path.parent / "stray/x.py").write_text("")


def stray_bytecode(path: Path) -> None:
    compiled(path)
    (path.parent / "__pycache__/none.cpython-312.pyc").write_bytes(b"of no source")


def bytecode(path: Path) -> None:
    compiled(path)


def folder_gone(path: Path) -> None:
    shutil.rmtree(path.parent) if path.parent.name != "site-packages" else path.unlink()


def folder_closed(path: Path) -> None:
    path.parent.chmod(0o700)


DAMAGE = [
    *(gone, hidden_edit, longer, another_mode, another_time, folder_instead, link_instead),
    *(linked_elsewhere, stray_beside, stray_folder_beside, stray_bytecode, bytecode, folder_gone),
    folder_closed,
]
PLACES = ["a/__init__.py", "ns/a.py", "b.py", "d/1.py", "d/7.py", "d-1.dist-info/RECORD"]


@pytest.mark.parametrize("seed", range(25))
def test_what_differs_is_found_and_repaired_as_if_everything_had_been_looked_at(
    tmp_path: Path, seed: int
) -> None:
    """Two projects are damaged alike; one of them has lost its mark before each sync."""
    chance = random.Random(seed)
    for name in ("part", "whole"):
        (tmp_path / name).mkdir()
    part, whole = Project(tmp_path / "part"), Project(tmp_path / "whole")
    for number in range(3):
        for project in (part, whole):
            project.has("a-1", "b-1", "d-1")
        harm = DAMAGE[(seed + number) % len(DAMAGE)]
        acts = [(harm, chance.choice(PLACES))]
        acts += [(chance.choice(DAMAGE), chance.choice(PLACES)) for _ in range(seed % 3)]
        for project in (part, whole):
            for act, place in acts:
                with suppress(OSError):  # another act was before
                    act(project.site / place)
        stamp.drop(whole.settings.cache_dir, str(whole.environment))
        names = ["a-1", "b-1", "d-1"] if seed % 2 else ["a-2", "d-1"]
        outcomes = [project.has(*names) for project in (part, whole)]
        assert outcomes[0].comparison.lines() == outcomes[1].comparison.lines(), acts
        assert rows(part) == rows(whole)
        assert shape(part) == shape(whole), acts
        assert part.drift().is_clean()
        time.sleep(0.05)  # what changed in the tick of a look is not trusted
        assert part.has(*names).comparison.is_empty()
        assert part.is_current(), acts


def test_what_differs_is_all_that_is_looked_at(
    project: Project, looks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project.has("a-1", "b-1", "d-1")
    seen: list[str] = []

    def counted(placed: Mapping[str, object], root: str) -> set[str]:
        seen.extend(placed)
        found: set[str] = other(placed, root)
        return found

    other: Any = change_times._other
    monkeypatch.setattr(change_times, "_other", counted)
    listed: list[str] = []
    monkeypatch.setattr(drift._Walk, "list_alone", lambda _, folder: listed.append(folder))
    hidden_edit(project.site / "b.py")
    time.sleep(0.05)
    project.has("a-1", "b-1", "d-1")
    assert looks == []
    assert seen == [f"{SITE}/b.py"]
    assert listed == [SITE]
    assert (project.site / "b.py").read_text() == "1"
    assert project.is_current()


def test_what_first_imports_leave_is_looked_at_alone_and_once(
    project: Project, looks: list[str]
) -> None:
    project.has("a-1", "b-1", "d-1")
    compiled(project.site / "d/1.py")
    time.sleep(0.05)  # what changed in the tick of a look is not trusted
    assert not project.is_current()
    assert project.has("a-1", "b-1", "d-1").comparison.is_empty()
    assert looks == []
    assert project.is_current()


def test_where_most_differs_everything_is_looked_at(project: Project, looks: list[str]) -> None:
    project.has("a-1", "b-1", "d-1")
    for path in project.site.rglob("*.py"):  # not bin/python: that leads out of the project
        another_mode(path)
    project.has("a-1", "b-1", "d-1")
    assert len(looks) == 1
    assert project.drift().is_clean()


def rows(project: Project) -> list[object]:
    """What the manifest says, but for what names the project's folder."""
    return [
        (owner.name, owner.version, owner.identity, list(owner.files))
        for owner in project.manifest().owners
        if owner.name
    ]


def shape(project: Project) -> dict[str, int]:
    return {path: entry.mode for path, entry in read_tree(project.environment).items()}


def test_a_path_that_two_packages_have_is_looked_at_with_everything(
    project: Project, looks: list[str]
) -> None:
    project.has("b-1", "d-1")
    project.has("b-1", "c-1", "d-1")  # it comes to what is there
    assert len(looks) == 1
    project.has("c-1", "d-1")  # it stays for the other one
    assert len(looks) == 2
    assert (project.site / "shared/c.py").exists()
    assert project.drift().is_clean()


@pytest.mark.parametrize(
    ("files", "others"),
    [({"x/y.py": ""}, {"x": ""}), ({"x": ""}, {"x/y.py": ""}), ({"x.py": "1"}, {"x.py": "2"})],
)
def test_what_cannot_stand_together_is_refused(
    project: Project, files: Files, others: Files
) -> None:
    one, other = project.pin("one", "1", files), project.pin("other", "1", others)
    project.sync(project.desired(one))
    assert project.is_current()
    with pytest.raises(InstallConflict):
        project.sync(project.desired(one, other))
    assert project.drift().is_clean()


def compiled(path: Path) -> Path:
    """Let Python have compiled a module."""
    found = path.parent / "__pycache__" / f"{path.stem}.cpython-312.pyc"
    found.parent.mkdir(exist_ok=True)
    found.write_bytes(b"compiled")
    return found


def test_bytecode_goes_with_its_source_and_that_of_others_stays(
    project: Project, looks: list[str]
) -> None:
    project.has("a-1", "b-1", "d-1")
    gone = [compiled(project.site / path) for path in ("a/__init__.py", "a/old/x.py")]
    stays = [compiled(project.site / path) for path in ("ns/b.py", "ns/a.py", "d/1.py")]
    time.sleep(0.05)  # what changed in the tick of a look is not trusted
    project.has("a-1", "b-1", "d-1")
    assert project.is_current()
    looks.clear()
    strange = project.site / "a/__pycache__/code.pyc"
    strange.write_bytes(b"without a source")
    caches = [project.site / f"{folder}/__pycache__/jit.nbi" for folder in ("a/old", "ns", "d")]
    for path in caches:
        path.write_bytes(b"of a tool")
    project.has("a-2", "b-1", "d-1")
    assert looks == []
    assert [path.exists() for path in caches] == [False, True, True]
    assert not any(path.exists() for path in (*gone, strange))
    assert all(path.exists() for path in stays)
    assert not (project.site / "a/old").exists()
    kept = list((project.environment / ".envsync/quarantine").rglob("*.pyc"))
    assert [path.name for path in kept] == ["code.pyc"]
    project.has("b-1", "d-1")
    assert looks == []
    assert [path.exists() for path in (*caches, *stays)] == [False, True, True, True, False, True]
    assert project.is_current()
    assert project.drift().is_clean()


def edit(path: Path) -> None:
    """Edit a file and put its time back."""
    before = path.stat()
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[::-1] or b"?")
    path.chmod(before.st_mode & 0o7777)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("name", ["d/3.py", "d-1.dist-info/RECORD"])
def test_what_was_edited_elsewhere_is_found_and_repaired(
    project: Project, looks: list[str], name: str
) -> None:
    project.has("a-1", "d-1")
    path = project.site / name
    before = path.read_bytes()
    path.unlink()
    path.write_bytes(before)
    edit(path)
    project.has("a-2", "d-1")
    assert looks == []
    assert path.read_bytes() == before
    assert project.is_current()
    project.has("a-2", "d-1")
    assert looks == []
    assert project.drift() == Drift()


@pytest.mark.parametrize("name", ["stray.py", "a/stray.py", "a/old/stray.py", "d/stray.py"])
def test_what_is_added_meanwhile_is_found_by_the_next_sync(
    project: Project, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """In folders in which the sync places files, and makes folders, and in none of those."""
    project.has("a-1", "d-1")
    stray = project.site / name

    def add() -> None:
        stray.parent.mkdir(exist_ok=True)
        stray.write_text("")

    after_commit(monkeypatch, add)
    project.has("a-2", "d-1")
    monkeypatch.undo()
    assert not project.is_current()
    project.has("a-2", "d-1")
    assert not stray.exists()


def test_a_folder_that_should_have_gone_is_found_by_the_next_sync(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.has("a-1", "d-1")
    left = project.site / "a" / "old"
    after_commit(monkeypatch, lambda: left.mkdir())
    project.has("a-2", "d-1")
    monkeypatch.undo()
    assert not project.is_current()
    project.has("a-2", "d-1")
    assert not left.exists()


def test_an_input_that_is_edited_meanwhile_is_not_trusted(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.has("a-1")
    spec = Path(project.project.spec_path)

    def edit_spec() -> None:
        time.sleep(0.05)  # so that the look is longer ago than what is taken off below
        spec.write_text("other\n")
        moment = os.stat(spec).st_mtime_ns - 30_000_000
        os.utime(spec, ns=(moment, moment))  # long ago, as for the stamp's own moment

    desired = project.desired(project.of("a-2"))
    after_commit(monkeypatch, edit_spec)
    project.sync(desired)
    assert not project.is_current()


@pytest.mark.parametrize("without", ["inputs", "link_mode", "keep"])
def test_what_the_mark_does_not_speak_of_is_looked_at(
    project: Project, looks: list[str], without: str
) -> None:
    project.has("a-1")
    other: Any = {"inputs": (), "link_mode": "symlink", "keep": ("gen/**",)}[without]
    project.sync(project.desired(project.of("a-2"))._replace(**{without: other}))
    assert len(looks) == 1
    assert (project.site / "a/__init__.py").read_text() == "2"


def test_no_byte_is_read_where_only_the_mark_was_lost(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment knows its files' times itself, of those as well that changed in part."""
    project.has("a-1", "d-1")
    project.has("a-2", "d-1")

    def altered(_root: str, placed: Sequence[object], *_: object) -> tuple[str, ...]:
        raise AssertionError(placed)

    monkeypatch.setattr(every_byte, "altered", altered)
    assert project.drift() == Drift()
