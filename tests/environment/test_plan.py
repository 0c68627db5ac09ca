import pytest

from envsync.environment.drift import Drift, expected_mtime
from envsync.environment.manifest import Manifest, Owner, Placed
from envsync.environment.plan import (
    Comparison,
    DesiredPackage,
    PackageChange,
    Plan,
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
    assert damaged_owners(manifest(A1, B1).owners, drift) == frozenset({"b"})
    assert damaged_owners(manifest(A1, B1).owners, Drift(stray=("lib/x.py",))) == frozenset()


SOURCE = "from a source tree"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (None, "2", "+ a==2"),
        ("1", None, "- a==1"),
        ("1", "2", "~ a==1 -> 2"),
        ("1", "1", "~ a==1"),
        (None, SOURCE, "+ a (from a source tree)"),
        ("1", SOURCE, "~ a (from a source tree)"),
    ],
)
def test_each_change_of_a_package_has_its_line(old: str | None, new: str | None, line: str) -> None:
    assert PackageChange("a", old, new).line() == line


def test_a_package_from_a_folder_has_no_version_to_compare() -> None:
    folder = DesiredPackage("a", None, "wheel:a1")
    assert compare([folder], manifest(A1), Drift()).kept == frozenset({"a"})
    assert compare([folder], None, Drift()).changes == (PackageChange("a", None, SOURCE),)
    changed = folder._replace(identity="wheel:a2")
    assert compare([changed], manifest(A1), Drift()).changes == (PackageChange("a", "1", SOURCE),)


def test_one_file_under_another_version_is_a_change() -> None:
    found = compare([DesiredPackage("a", "2", "wheel:a1")], manifest(A1), Drift())
    assert found.changes == (PackageChange("a", "1", "2"),)


def test_changes_come_in_the_order_of_names() -> None:
    wanted = [DesiredPackage(name, "1", "x") for name in ("c", "a")]
    found = compare(wanted, manifest(B1), Drift())
    assert found.lines() == ["+ a==1", "- b==1", "+ c==1"]


def test_drift_alone_is_something_to_do_and_has_its_lines() -> None:
    drift = Drift(
        missing=("m",), edited=("e",), stray=("s",), modes=("", "lib"), times=("t",), unsure=("u",)
    )
    found = Comparison(drift=drift)
    assert not found.is_empty()
    assert found.lines() == [
        "! m is missing",
        "! e was edited",
        "! s is not from the lock",
        "! t has another modification time",
        "! . has other permissions than 755",
        "! lib has other permissions than 755",
    ]


def test_only_what_is_not_from_the_lock_is_but_stray() -> None:
    stray = Drift(stray=("s",))
    assert Comparison(drift=stray).is_but_stray()
    assert not Comparison(drift=stray).is_empty()
    assert not Comparison(drift=stray._replace(edited=("e",))).is_but_stray()
    assert not Comparison((PackageChange("a", None, "1"),), drift=stray).is_but_stray()


@pytest.mark.parametrize(
    "plan",
    [
        Plan(place=("x",)),
        Plan(discard=("x",)),
        Plan(quarantine=("x",)),
        Plan(modes=("",)),
        Plan(times=(("x", 1),)),
    ],
)
def test_one_thing_to_do_makes_a_plan(plan: Plan) -> None:
    assert Plan().is_empty()
    assert not plan.is_empty()


def test_a_time_is_given_back_to_what_stays_in_place() -> None:
    desired = {"lib/a.py": file("lib/a.py"), "lib/old.py": file("lib/old.py", "bb")}
    times = ("lib/a.py", "lib/old.py", "lib/gone.py")
    before = manifest(A1._replace(files=(*A1.files, file("lib/gone.py"))))
    plan = make_plan(desired, before, Drift(times=times, modes=("lib",)))
    assert plan.times == (("lib/a.py", expected_mtime(desired["lib/a.py"])),)
    assert plan.place == ("lib/old.py",)  # with its time
    assert plan.discard == ("lib/gone.py",)
    assert plan.modes == ("lib",)


def test_what_programs_keep_goes_only_where_something_else_is_to_stand() -> None:
    desired = {
        "lib/a.py": file("lib/a.py"),
        "lib/old.py": file("lib/old.py", "bb"),
        "etc/new/x": file("etc/new/x"),
    }
    kept = ("lib/a.py", "lib/old.py", "etc/new", "etc/mine")
    plan = make_plan(desired, manifest(A1), Drift(kept=kept))
    assert plan.quarantine == ("etc/new", "lib/old.py")
    gone = make_plan({}, manifest(A1), Drift(kept=("lib/a.py", "etc/mine")))
    assert gone.quarantine == ("lib/a.py",)
    assert gone.discard == ("lib/old.py",)


def test_caches_of_tools_go_with_the_last_file_beside_them() -> None:
    caches = ("lib/__pycache__/x.nbi", "lib/b/__pycache__/x.nbi")
    plan = make_plan({"lib/a.py": file("lib/a.py")}, manifest(A1, B1), Drift(caches=caches))
    assert plan.quarantine == ("lib/b/__pycache__/x.nbi",)
