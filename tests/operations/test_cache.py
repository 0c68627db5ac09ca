"""What goes out of the cache and what stays there, by age, use and size."""

import os
import time
from pathlib import Path

import pytest

from envsync.cache.folder import prepare_cache
from envsync.cache.scratch import scratch
from envsync.cache.sizes import measure
from envsync.errors import UsageError
from envsync.events import Stage
from envsync.operations.cache import STAMPS, Pruning, Removal, clean, prune, sizes
from envsync.store.users import User, register
from envsync.sync.wheel_files import SYMLINK
from tests.operations.conftest import Told

DAY = 86_400
NOTHING: frozenset[str] = frozenset()


class Cache:
    """A cache of entries and values with chosen ages, and environments that use them."""

    def __init__(self, folder: Path) -> None:
        self.outside = folder
        self.folder = folder / "cache"
        self.told = Told()
        prepare_cache(str(self.folder))

    def entry(self, name: str, *, days: float = 100, package: str = "shop", size: int = 0) -> Path:
        """Make an entry of the store that was last used so long ago."""
        entry = self.folder / "wheels-v1" / name
        (entry / "tree").mkdir(parents=True)
        (entry / "tree/file").write_bytes(b"x" * size)
        (entry / "manifest").write_text(f"envsync wheel\nname {package}\n")
        return aged(entry / "manifest", days).parent

    def value(self, name: str, *, days: float = 100, size: int = 1) -> Path:
        """Keep a value that was last used so long ago."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
        return aged(path, days)

    def environment(self, name: str, *entries: Path, mode: str = "hardlink") -> Path:
        """Register an environment that uses some entries."""
        root = self.outside / name
        (root / ".envsync").mkdir(parents=True)
        (root / ".envsync/id").write_text("")
        names = tuple(f"wheels-v1/{entry.name}" for entry in entries)
        register(str(self.folder), User(str(root), mode, {"shop": names}))
        return root

    @property
    def records(self) -> list[Path]:
        """The records of environments."""
        return sorted((self.folder / "environments-v1").iterdir())

    def prune(self, days: float = 30.0, size: int | None = None, *, dry: bool = False) -> Removal:
        """Prune it."""
        return prune(str(self.folder), Pruning(days, size, dry_run=dry), self.told)

    def clean(self, *packages: str, dry: bool = False) -> Removal:
        """Clean it."""
        how = {"dry_run": True} if dry else {}
        return clean(str(self.folder), frozenset(packages), self.told, **how)


def aged(path: Path, days: float) -> Path:
    then = time.time() - days * DAY
    os.utime(path, (then, then))
    return path


def names(removal: Removal) -> list[str]:
    return sorted(os.path.basename(item.path) for item in removal.removed)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path)


def test_each_bucket_is_measured_with_what_it_holds(cache: Cache) -> None:
    cache.entry("a", size=20_000)
    cache.entry("b")
    cache.value("http-v4/aa/page")
    cache.environment("one")
    cache.environment("two")
    (cache.folder / "wheels-v0").mkdir()
    found = sizes(str(cache.folder))
    assert [(one.name, one.entries) for one in found] == [
        ("wheels-v1", 2),
        ("http-v4", 1),
        ("environments-v1", 2),
    ]
    assert found[0].size == measure(str(cache.folder / "wheels-v1"))
    assert sizes(str(cache.outside / "none")) == []


@pytest.mark.parametrize("act", [lambda c: c.prune(size=0), lambda c: c.clean()])
def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, act: object) -> None:
    assert callable(act)
    cache = Cache(tmp_path)
    cache.folder = tmp_path / "none"
    assert act(cache) == Removal()
    (tmp_path / "none/wheels-v1/x").mkdir(parents=True)
    (tmp_path / "none/mine").write_text("")
    with pytest.raises(UsageError, match="not a cache"):
        act(cache)
    assert (tmp_path / "none/wheels-v1/x").exists()


def test_prune_goes_by_a_month_without_use(cache: Cache) -> None:
    old, new = cache.entry("old", days=31), cache.entry("new", days=29)
    page, fresh = cache.value("http-v4/aa/old", days=31), cache.value("http-v4/aa/new", days=29)
    removal = prune(str(cache.folder), Pruning(), cache.told)
    assert {item.path for item in removal.removed} == {str(old), str(page)}
    assert not old.exists()
    assert not page.exists()
    assert new.exists()
    assert fresh.exists()
    assert (cache.told.stages, cache.told.totals) == ([Stage.DELETING], [2])
    assert sorted(cache.told.advanced) == [
        (Stage.DELETING, 1, "http-v4/old"),
        (Stage.DELETING, 1, "wheels-v1/old"),
    ]


def test_a_dry_run_tells_the_same_and_deletes_nothing(cache: Cache) -> None:
    cache.entry("old", size=50_000)
    planned = cache.prune(dry=True)
    assert (cache.folder / "wheels-v1/old").exists()
    assert (cache.prune(), planned.removed != ()) == (planned, True)
    assert not (cache.folder / "wheels-v1/old").exists()
    cache.entry("old")
    planned = cache.clean(dry=True)
    assert (cache.folder / "wheels-v1/old").exists()
    assert (cache.clean(), planned.removed != ()) == (planned, True)
    assert not (cache.folder / "wheels-v1/old").exists()


def test_what_environments_link_is_not_counted_as_freed(cache: Cache) -> None:
    entry = cache.entry("old", size=50_000)
    os.link(entry / "tree/file", cache.outside / "linked")
    freed = cache.prune(dry=True).freed
    os.unlink(cache.outside / "linked")
    whole = cache.prune(dry=True).freed
    assert whole == measure(str(entry)).bytes
    assert whole - freed == measure(str(entry / "tree/file")).bytes > 0


def test_what_an_environment_uses_stays_until_that_is_gone(cache: Cache) -> None:
    used, unused = cache.entry("used"), cache.entry("unused")
    root = cache.environment("env", used)
    assert names(cache.prune()) == ["unused"]
    assert not unused.exists()
    (root / ".envsync/id").unlink()
    assert names(cache.prune()) == ["used"]
    (record,) = cache.records  # the environment may be on a disk that is not there today
    aged(record, 31)
    assert names(cache.prune()) == [record.name]
    assert cache.records == []


def test_the_record_of_a_living_environment_stays_however_old(cache: Cache) -> None:
    cache.environment("env")
    (record,) = cache.records
    aged(record, 1000)
    assert cache.prune() == Removal()
    record.write_text("nonsense")
    removal = cache.prune()
    assert [(item.name, item.kind) for item in removal.removed] == [
        (f"environments-v1/{record.name}", "value")
    ]
    assert cache.records == []


def test_the_mark_of_an_environment_that_is_gone_goes(cache: Cache) -> None:
    mark = cache.value(f"{STAMPS.name}/mark", days=0)
    assert names(cache.prune()) == ["mark"]
    assert not mark.exists()


def test_leftovers_damage_and_old_formats_go_at_any_age(cache: Cache) -> None:
    for name in (".damaged-1", ".removed-1"):
        (cache.folder / "wheels-v1" / name).mkdir(parents=True)
    (cache.folder / "wheels-v0").mkdir()
    assert names(cache.prune()) == [".damaged-1", ".removed-1", "wheels-v0"]
    assert os.listdir(cache.folder / "wheels-v1") == []
    assert not (cache.folder / "wheels-v0").exists()


def test_what_somebody_works_in_stays_and_is_counted(cache: Cache) -> None:
    cache.entry("young", days=0)
    cache.entry("younger", days=0)
    os.mkdir(cache.folder / "downloads-v1")
    with scratch(str(cache.folder / "downloads-v1"), "fetch-") as folder:
        aged(Path(folder), 100)
        assert cache.prune(days=0, size=0).running == 1
        assert cache.clean().running == 1
        assert cache.clean("shop").running == 0
        assert os.path.isdir(folder)
    assert cache.prune(days=0).running == 0


def test_what_was_made_a_moment_ago_is_about_to_be_linked(cache: Cache) -> None:
    moment = 60 / DAY
    cache.entry("now", days=moment / 2)
    cache.entry("before", days=moment * 2)
    assert names(cache.prune(days=0)) == ["before"]
    assert names(cache.prune(size=0)) == []
    aged(cache.folder / "wheels-v1/now/manifest", moment * 2)
    assert names(cache.prune(size=0)) == ["now"]


def test_a_size_keeps_what_is_used_and_then_the_newest(cache: Cache) -> None:
    made = {
        name: cache.entry(name, days=days, size=20_000)
        for name, days in [("used", 9), ("new", 1), ("middle", 2), ("old", 3)]
    }
    cache.environment("env", made["used"])
    each = measure(str(made["new"])).bytes
    assert names(cache.prune(size=4 * each, dry=True)) == []
    assert cache.prune(size=4 * each).kept == 4 * each
    assert names(cache.prune(size=4 * each - 1, dry=True)) == ["old"]
    removal = cache.prune(size=2 * each)
    assert (names(removal), removal.kept) == (["middle", "old"], 2 * each)
    removal = cache.prune(size=each)
    assert (names(removal), removal.kept) == (["new"], each)
    assert names(cache.prune(size=0)) == ["used"]


def test_nothing_older_stays_in_place_of_something_newer(cache: Cache) -> None:
    cache.entry("large", days=2, size=50_000)
    cache.entry("small", days=3)
    cache.entry("new", days=1)
    limit = 2 * measure(str(cache.folder / "wheels-v1/new")).bytes
    assert names(cache.prune(size=limit)) == ["large", "small"]


def test_a_size_counts_what_must_stay(cache: Cache) -> None:
    """Symbolic links lead into the store: no size takes what they lead to."""
    pinned = cache.entry("pinned", days=100, size=50_000)
    cache.environment("env", pinned, mode=SYMLINK)
    cache.entry("other", days=1)
    size = measure(str(pinned)).bytes
    removal = cache.prune(size=size)
    assert (names(removal), removal.kept) == (["other"], size)
    assert pinned.exists()


def test_what_goes_by_age_makes_room(cache: Cache) -> None:
    cache.entry("old", days=100, size=50_000)
    new = cache.entry("new", days=1)
    removal = cache.prune(size=measure(str(new)).bytes)
    assert (names(removal), removal.kept) == (["old"], measure(str(new)).bytes)
    assert new.exists()


def test_nothing_is_weighed_where_no_size_is_asked_for(cache: Cache) -> None:
    cache.entry("new", days=1)
    assert cache.prune().kept == 0


def test_clean_takes_all_there_is(cache: Cache) -> None:
    used = cache.entry("used", days=0)
    cache.environment("env", used)
    cache.value("http-v4/aa/page", days=0)
    (cache.folder / "wheels-v0").mkdir()
    (record,) = cache.records
    assert names(cache.clean()) == sorted(["used", "page", "wheels-v0", record.name])
    assert [path for path in cache.folder.rglob("*") if path.is_file()] == [
        cache.folder / "CACHEDIR.TAG"
    ]


def test_clean_of_packages_takes_theirs_and_no_record(cache: Cache) -> None:
    mine = cache.entry("mine", days=0, package="My_Shop")
    cache.entry("other", days=0, package="other")
    cache.environment("env", mine)
    (cache.folder / "wheels-v1/.damaged-1").mkdir()
    (cache.folder / "wheels-v1/unreadable").mkdir()
    cache.value("scripts-v1/script/manifest", days=0)
    assert names(cache.clean("my-shop")) == ["mine"]
    assert len(cache.records) == 1
    assert sorted(os.listdir(cache.folder / "wheels-v1")) == [".damaged-1", "other", "unreadable"]
