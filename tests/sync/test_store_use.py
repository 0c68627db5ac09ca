"""The store knows what an environment uses: what is new, and what was kept from before."""

import shutil

from envsync.environment.belief import read_manifest
from envsync.environment.key import UserKey
from envsync.store.bytecode import bytecode_label
from envsync.store.users import BUCKET, User, recall_user, register
from envsync.sync.store_use import used_elsewhere
from tests.support.synced import SyncedProject


def used(synced: SyncedProject) -> dict[str, tuple[str, ...]]:
    user = recall_user(synced.settings.cache_dir, str(synced.environment))
    assert user is not None
    return dict(user.entries)


def entry(synced: SyncedProject, name: str) -> str:
    return f"wheels-v1/{synced.wheels[name].sha256}"


def test_what_is_new_is_what_was_linked(synced: SyncedProject) -> None:
    synced.sync(synced.desired(synced.pin("a", "1"), synced.pin("b", "1")))
    assert used(synced) == {name: (entry(synced, name),) for name in "ab"}


def test_entries_of_what_is_kept_stay(synced: SyncedProject) -> None:
    """Those of a package that was built are in the last record only: no lock has their hash."""
    built, other = synced.editable("built", "built"), synced.pin("other", "1")
    synced.sync(synced.desired(built, other))
    before = used(synced)
    outcome = synced.sync(synced.desired(built, synced.pin("other", "2")))
    assert outcome.comparison.kept == {"built"}
    assert used(synced) == {"built": before["built"], "other": (entry(synced, "other"),)}
    assert before["other"] != used(synced)["other"]


def test_entries_of_what_is_kept_are_the_lock_s_where_no_record_is(synced: SyncedProject) -> None:
    kept = synced.pin("kept", "1")
    synced.sync(synced.desired(kept, synced.pin("other", "1")))
    shutil.rmtree(f"{synced.settings.cache_dir}/{BUCKET.name}")
    synced.sync(synced.desired(kept, synced.pin("other", "2")))
    assert used(synced) == {name: (entry(synced, name),) for name in ("kept", "other")}


def test_what_goes_is_used_no_more(synced: SyncedProject) -> None:
    kept = synced.pin("kept", "1")
    synced.sync(synced.desired(kept, synced.pin("other", "1")))
    synced.sync(synced.desired(kept))
    assert set(used(synced)) == {"kept"}


def test_an_environment_that_is_known_is_left_at_that(synced: SyncedProject) -> None:
    desired = synced.desired(synced.pin("a", "1"))
    synced.sync(desired)
    register(synced.settings.cache_dir, User(str(synced.environment), "auto", {"a": ("x/y",)}))
    assert synced.sync(desired).comparison.is_empty()
    assert used(synced) == {"a": ("x/y",)}
    manifest = read_manifest(str(synced.environment), UserKey(synced.settings).seal())
    assert manifest is not None
    assert set(manifest.packages()) == {"a"}


def test_wheels_that_another_environment_of_this_interpreter_uses(synced: SyncedProject) -> None:
    cache, target, root = synced.settings.cache_dir, synced.target, str(synced.environment)
    label = bytecode_label(target)
    synced.sync(synced.desired(synced.pin("a", "1"), synced.pin("b", "1")))
    wheels = [synced.wheels[name].sha256 for name in "ab"]

    def elsewhere() -> list[str]:
        return list(used_elsewhere(cache, root, target, wheels))

    assert elsewhere() == []
    register(cache, User("/other/.venv", "auto", {"a": (entry(synced, "a"),)}, "another-3.9"))
    register(cache, User("/old/.venv", "auto", {"a": (entry(synced, "a"),)}))
    assert elsewhere() == []
    register(cache, User("/third/.venv", "auto", {"b": (entry(synced, "b"),)}, label))
    assert elsewhere() == wheels[1:]
    register(cache, User("/fourth/.venv", "auto", {"a": (entry(synced, "a"),)}, label))
    assert sorted(elsewhere()) == sorted(wheels)


def test_what_was_linked_without_compiled_files_is_told(synced: SyncedProject) -> None:
    desired = synced.desired(synced.pin("a", "1"))
    assert synced.sync(desired).uncompiled == (synced.wheels["a"].sha256,)
    assert synced.sync(desired).uncompiled == ()
    shutil.rmtree(synced.environment)
    assert synced.sync(desired._replace(compile_bytecode=True)).uncompiled == ()
