"""`cache verify` reads every byte of the store, says what is wrong, and sets that aside."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.cache.inventory import items
from envsync.errors import UsageError
from envsync.events import Stage
from envsync.operations import cache_verify
from envsync.operations.cache import BUCKETS
from envsync.operations.cache_verify import Checked, Damage, verify
from envsync.store.built import BuiltStore
from envsync.store.entries import StoreReader
from envsync.store.manifest import render_manifest
from envsync.store.times import learn
from envsync.store.users import User, register
from envsync.store.wheels import WheelStore
from tests.operations.conftest import Told
from tests.support.wheels import Files, make_wheel, record_line

KEY = "0" * 64


class Store:
    """A store with wheels in it."""

    def __init__(self, folder: Path) -> None:
        self.outside = folder
        self.cache = folder / "cache"
        self.cache.mkdir(mode=0o700)
        self.told = Told()

    def add(self, name: str, files: Files | None = None, *, trust_record: bool = False) -> Path:
        """Unpack a wheel; gives its entry."""
        filename, content = make_wheel(name, "1.0", files or {f"{name}/__init__.py": "A = 1\n"})
        path = self.outside / filename
        path.write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        store = WheelStore(str(self.cache))
        wheel = store.add(str(path), sha256=sha256, filename=filename, trust_record=trust_record)
        return Path(wheel.tree).parent

    def build(self, name: str) -> Path:
        """Keep a wheel as one that was built; gives its file."""
        filename, content = make_wheel(name, "1.0")
        path = self.outside / filename
        path.write_bytes(content)
        return Path(BuiltStore(str(self.cache)).put(KEY, str(path)).path)

    def verify(self) -> Checked:
        """Verify it."""
        return verify(str(self.cache), self.told)

    def damage(self) -> Damage:
        """Verify it; gives the only damage."""
        (damage,) = self.verify().damaged
        return damage


def overwrite(path: Path, content: bytes) -> None:
    """Change a stored file behind the back of its times."""
    before = path.stat()
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(0o444)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_a_whole_store_is_counted_and_stays(store: Store) -> None:
    entries = [store.add("one"), store.add("two", {"two.py": "", "more/deep/x.py": ""})]
    built = store.build("three")
    for name in ("http-v3/page", "scripts-v1/script/env.toml"):  # nobody knows their bytes
        (store.cache / name).parent.mkdir(parents=True)
        (store.cache / name).write_text("")
    files = sum(len([path for path in one.rglob("tree/**/*") if path.is_file()]) for one in entries)
    assert store.verify() == Checked(entries=3, files=files + 1, damaged=())
    assert all(path.exists() for path in (*entries, built))
    assert (store.told.stages, store.told.totals) == ([Stage.VERIFYING], [3])
    names = [f"wheels-v1/{entry.name}" for entry in entries]
    assert sorted(store.told.advanced) == sorted(
        (Stage.VERIFYING, 1, name) for name in (*names, f"built-v3/{KEY}")
    )


def test_where_there_is_no_cache_nothing_is_wrong(tmp_path: Path) -> None:
    assert verify(str(tmp_path / "none"), Told()) == Checked(0, 0, ())
    (tmp_path / "mine").write_text("")
    with pytest.raises(UsageError, match="not a cache"):
        verify(str(tmp_path), Told())


def test_damage_names_package_file_and_who_uses_it_and_is_set_aside(store: Store) -> None:
    entry, other = store.add("one"), store.add("two")
    for name, entries in (("user", (entry, other)), ("no-user", (other,)), ("gone", (entry,))):
        root = store.outside / name
        (root / ".envsync").mkdir(parents=True)
        if name != "gone":
            (root / ".envsync/id").write_text("")
        used = {path.name: (f"wheels-v1/{path.name}",) for path in entries}
        register(str(store.cache), User(str(root), "hardlink", used))
    overwrite(entry / "tree/one/__init__.py", b"A = 9\n")
    checked = store.verify()
    assert checked.damaged == (
        Damage(
            name=f"wheels-v1/{entry.name}",
            package="one 1.0",
            problems=("one/__init__.py is damaged",),
            used_by=(str(store.outside / "user"),),
        ),
    )
    assert (checked.entries, checked.files) == (2, 8)
    assert (Stage.VERIFYING, 1, "one 1.0") in store.told.advanced
    assert not entry.exists()
    assert len(list((store.cache / "wheels-v1").glob(".damaged-*/*/manifest"))) == 1
    assert store.verify() == Checked(1, 4, ())


DAMAGE: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "a file gone": (lambda entry: (entry / "tree/one/__init__.py").unlink(), ("one/__init__.py",)),
    "a file more": (lambda entry: (entry / "tree/more.py").write_text(""), ("more.py",)),
    "one more deep": (lambda entry: (entry / "tree/one/x.py").write_text(""), ("one/x.py",)),
    "a folder more": (lambda entry: (entry / "tree/one/sub").mkdir(), ("one/sub",)),
    "a manifest gone": (lambda entry: (entry / "manifest").unlink(), ("it has no manifest",)),
    "a manifest cut": (lambda e: overwrite(e / "manifest", b"x"), ("its manifest is damaged: ",)),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_every_kind_of_damage_to_an_entry_is_named(store: Store, name: str) -> None:
    act, expected = DAMAGE[name]
    entry = store.add("one")
    act(entry)
    checked = store.verify()
    (damage,) = checked.damaged
    assert checked.files == (0 if "manifest" in name else 4)
    assert len(damage.problems) == len(expected)
    for problem, beginning in zip(damage.problems, expected, strict=True):
        assert problem.startswith(beginning)
    assert damage.package == ("" if "manifest" in name else "one 1.0")
    assert not entry.exists()


def test_an_edit_that_hides_from_every_time_is_found(store: Store) -> None:
    """The store's own note of the time of change is forged, too."""
    entry = store.add("one")
    module = entry / "tree/one/__init__.py"
    overwrite(module, b"A = 9\n")
    status = module.stat()
    learn(str(entry), {status.st_ino: status.st_ctime_ns})
    reader = StoreReader(str(store.cache))
    wheel, _ = reader.parse((entry / "manifest").read_bytes(), entry.name)
    assert reader.intact(wheel)
    assert store.damage().problems == ("one/__init__.py is damaged",)


def test_strangers_are_named_in_order_and_once(store: Store) -> None:
    entry = store.add("one")
    for name in ("b.py", "a.py", "one/c.py"):
        (entry / "tree" / name).write_text("")
    assert store.damage().problems == tuple(
        f"{name} does not belong to it" for name in ("a.py", "b.py", "one/c.py")
    )


def test_a_manifest_that_agrees_with_a_forged_file_is_not_enough(store: Store) -> None:
    """RECORD is the wheel's own word: a manifest written anew around an edit doesn't fit it."""
    entry = store.add("one", {"one.py": "A = 1\n", "two.py": "B = 2\n"})
    overwrite(entry / "tree/one.py", b"A = 9\n")
    wheel, boot = StoreReader(str(store.cache)).parse((entry / "manifest").read_bytes(), entry.name)
    files = [
        file._replace(sha256=hashlib.sha256(b"A = 9\n").hexdigest())
        if file.path == "one.py"
        else file
        for file in wheel.files
    ]
    forged = render_manifest(wheel._replace(files=tuple(files)), boot=boot)
    overwrite(entry / "manifest", forged)
    damage = store.damage()
    assert damage.problems == ("one.py is not what RECORD says",)
    assert damage.package == "one 1.0"


def test_a_record_that_env_toml_trusts_though_it_is_wrong_is_no_damage(store: Store) -> None:
    record = "one-1.0.dist-info/RECORD"
    files = {"one.py": "A = 1\n", record: f"{record_line('one.py', b'A = 9')}{record},,\n"}
    entry = store.add("one", files, trust_record=True)
    assert store.verify().damaged == ()
    assert entry.exists()


def test_a_built_wheel_is_compared_with_its_hash(store: Store) -> None:
    path = store.build("some_shop")
    overwrite(path, path.read_bytes() + b"x")
    damage = store.damage()
    assert damage == Damage(f"built-v3/{KEY}", "some_shop 1.0", (f"{path.name} is damaged",), ())
    assert not path.exists()
    path = store.build("some_shop")
    path.unlink()
    assert store.damage().problems == (f"{path.name} is damaged",)
    path = store.build("some_shop")
    overwrite(path.parent / "manifest", b"x")
    assert store.damage() == Damage(f"built-v3/{KEY}", "", ("its manifest is damaged",), ())


@pytest.mark.parametrize("kind", ["wheel", "built"])
def test_an_entry_that_is_deleted_meanwhile_is_no_damage(
    store: Store, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = store.add("one") if kind == "wheel" else store.build("one").parent
    there = list(items(str(store.cache), BUCKETS))
    monkeypatch.setattr(cache_verify, "items", lambda *_: there)
    shutil.rmtree(entry)
    assert store.verify() == Checked(1, 0, ())
