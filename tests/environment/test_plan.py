import pytest

from envsync.environment.drift import Drift
from envsync.environment.manifest import Manifest, Owner, Placed
from envsync.environment.plan import (
    DesiredPackage,
    PackageChange,
    compare,
    damaged_owners,
    make_plan,
)

REGULAR = 0o100444


def file(path: str, content: str = "aa", size: int = 1) -> Placed:
    return Placed(path, REGULAR, size, content * 32)


def manifest(*owners: Owner) -> Manifest:
    return Manifest("id", "target", "default", owners)


A1 = Owner("a", "1", "wheel:a1", (file("lib/a.py"), file("lib/old.py")))
B1 = Owner("b", "1", "wheel:b1", (file("lib/b/__init__.py"),))


def test_without_a_manifest_everything_is_new() -> None:
    found = compare([DesiredPackage("a", "1", "wheel:a1")], None, Drift())
    assert found.changes == (PackageChange("a", None, "1"),)
    assert found.kept == frozenset()
    assert make_plan({"lib/a.py": file("lib/a.py")}, None, Drift()).place == ("lib/a.py",)


def test_equal_identity_is_kept_and_other_identity_is_replaced() -> None:
    wanted = [DesiredPackage("a", "1", "wheel:a1"), DesiredPackage("b", "1", "wheel:other")]
    found = compare(wanted, manifest(A1, B1), Drift())
    assert found.kept == frozenset({"a"})
    assert found.changes == (PackageChange("b", "1", "1"),)
    assert not found.is_empty()


@pytest.mark.parametrize(
    ("present", "wanted", "kept"),
    [(False, False, True), (True, False, True), (True, True, True), (False, True, False)],
)
def test_compiled_files_are_made_where_wanted_and_stay_where_not(
    present: bool, wanted: bool, kept: bool
) -> None:
    desired = DesiredPackage("a", "1", "wheel:a1", bytecode=wanted)
    found = compare([desired], manifest(A1._replace(bytecode=present)), Drift())
    assert found.kept == (frozenset({"a"}) if kept else frozenset())


def test_package_that_the_lock_drops_is_removed() -> None:
    found = compare([DesiredPackage("a", "1", "wheel:a1")], manifest(A1, B1), Drift())
    assert found.changes == (PackageChange("b", "1", None),)
    assert found.lines() == ["- b==1"]


def test_nothing_to_do_is_empty() -> None:
    wanted = [DesiredPackage("a", "1", "wheel:a1"), DesiredPackage("b", "1", "wheel:b1")]
    desired = {placed.path: placed for owner in (A1, B1) for placed in owner.files}
    assert compare(wanted, manifest(A1, B1), Drift()).is_empty()
    assert make_plan(desired, manifest(A1, B1), Drift()).is_empty()


def test_changed_file_is_placed_and_dropped_file_discarded() -> None:
    desired = {"lib/a.py": file("lib/a.py", "bb")}
    plan = make_plan(desired, manifest(A1), Drift())
    assert plan.place == ("lib/a.py",)
    assert plan.discard == ("lib/old.py",)
    assert plan.quarantine == ()


def test_missing_file_is_placed_again() -> None:
    desired = {placed.path: placed for placed in A1.files}
    plan = make_plan(desired, manifest(A1), Drift(missing=("lib/a.py",)))
    assert plan.place == ("lib/a.py",)
    assert plan.discard == ()


def test_edited_file_is_set_aside_and_placed_again() -> None:
    desired = {placed.path: placed for placed in A1.files}
    plan = make_plan(desired, manifest(A1), Drift(edited=("lib/a.py",)))
    assert plan.place == ("lib/a.py",)
    assert plan.quarantine == ("lib/a.py",)


def test_edited_file_of_a_package_that_goes_is_set_aside_and_not_discarded() -> None:
    plan = make_plan({}, manifest(A1), Drift(edited=("lib/a.py",)))
    assert plan.discard == ("lib/old.py",)
    assert plan.quarantine == ("lib/a.py",)


def test_missing_file_of_a_package_that_goes_needs_nothing() -> None:
    plan = make_plan({}, manifest(A1), Drift(missing=("lib/a.py",)))
    assert plan.discard == ("lib/old.py",)


def test_bytecode_of_a_changed_or_gone_source_goes_and_other_bytecode_stays() -> None:
    desired = {"lib/a.py": file("lib/a.py", "bb"), "lib/same.py": file("lib/same.py")}
    before = manifest(Owner("a", "1", "x", (*A1.files, file("lib/same.py"))))
    bytecode = tuple(f"lib/__pycache__/{n}.cpython-311.pyc" for n in ("a", "old", "same"))
    plan = make_plan(desired, before, Drift(bytecode=bytecode))
    assert plan.discard == ("lib/old.py", bytecode[0], bytecode[1])


def test_damaged_owners_are_those_with_missing_or_edited_files() -> None:
    drift = Drift(missing=("lib/b/__init__.py",), stray=("lib/x.py",))
    assert damaged_owners(manifest(A1, B1), drift) == frozenset({"b"})
    assert damaged_owners(manifest(A1, B1), Drift(stray=("lib/x.py",))) == frozenset()
