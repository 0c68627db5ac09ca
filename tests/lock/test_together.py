"""What git makes of two branches' locks: right where it is, and known where it isn't."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from packaging.markers import Marker
from packaging.pylock import Package, Pylock
from packaging.version import Version

from envsync.lock.fingerprint import fingerprint, put_together, root_rows, stale_reasons
from envsync.lock.read import parse_lock
from envsync.lock.text import render
from envsync.spec.model import Spec
from envsync.spec.read import parse_spec
from tests.lock.samples import package


def spec_of(*names: str, lock: str = "") -> Spec:
    return parse_spec(
        f'[env]\nname = "shop"\nrequires-python = ">=3.11"\ndependencies = {list(names)}\n{lock}',
        folder_name="shop",
    )


def row(name: str, version: str = "1", needs: Sequence[str] = (), marker: str = "") -> Package:
    return package(
        name,
        version,
        "py3-none-any",
        dependencies=[{"name": one} for one in needs] or None,
        marker=Marker(marker) if marker else None,
    )


def lock_of(spec: Spec, *rows: Package) -> Pylock:
    return Pylock(
        lock_version=Version("1.0"),
        created_by="envsync",
        requires_python=spec.requires_python,
        packages=list(rows),
        tool={
            "envsync": {
                "fingerprint": fingerprint(spec),
                "prereleases": spec.lock.prereleases,
                "resolution": spec.lock.resolution,
                "roots": root_rows(spec, rows),
            }
        },
    )


def merged(folder: Path, base: Pylock, ours: Pylock, theirs: Pylock) -> tuple[int, bytes]:
    """What `git merge` makes of three texts, and the number of conflicts."""
    for name, pylock in (("base", base), ("ours", ours), ("theirs", theirs)):
        (folder / name).write_text(render(pylock))
    done = subprocess.run(
        ["git", "merge-file", "-p", "ours", "base", "theirs"],
        cwd=folder, capture_output=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


BASE = (row("base"), row("kilo", needs=["base"]), row("mike"))


def test_branches_that_add_different_things_need_no_new_lock(tmp_path: Path) -> None:
    base = lock_of(spec_of("kilo", "mike"), *BASE)
    ours = lock_of(spec_of("alpha", "kilo", "mike"), row("alpha", needs=["base"]), *BASE)
    theirs = lock_of(spec_of("kilo", "mike", "zulu"), *BASE, row("zulu", needs=["base"]))
    conflicts, text = merged(tmp_path, base, ours, theirs)

    spec = spec_of("alpha", "kilo", "mike", "zulu")
    pylock = parse_lock(text, path="pylock.toml")
    assert conflicts == 0
    assert (stale_reasons(spec, pylock), tuple(put_together(spec, pylock))) == ((), ())


def test_a_merge_that_nobody_resolved_is_stale(tmp_path: Path) -> None:
    """One branch moves a package, the other adds what can't stand that; no line collides."""
    base = lock_of(spec_of("kilo", "mike"), *BASE)
    ours = lock_of(spec_of("kilo", "mike"), row("base", "2"), *BASE[1:])
    theirs = lock_of(spec_of("kilo", "mike", "zulu"), *BASE, row("zulu", needs=["base"]))
    conflicts, text = merged(tmp_path, base, ours, theirs)

    pylock = parse_lock(text, path="pylock.toml")
    assert conflicts == 0
    assert stale_reasons(spec_of("kilo", "mike", "zulu"), pylock) == ()
    (reason,) = put_together(spec_of("kilo", "mike", "zulu"), pylock)
    assert "were not locked together" in reason


def test_what_was_locked_under_other_options_is_stale() -> None:
    spec = spec_of("kilo", lock="[lock]\nprereleases = 'disallow'\n")
    pylock = lock_of(spec, row("kilo"))
    (pylock.tool or {})["envsync"]["roots"] = root_rows(spec_of("kilo"), pylock.packages)
    assert stale_reasons(spec, pylock) == ()
    assert list(put_together(spec, pylock))


def test_two_rows_for_one_environment() -> None:
    spec = spec_of("kilo")
    rows = row("kilo", "1", marker="os_name == 'nt'"), row("kilo", "2")
    found = list(put_together(spec, lock_of(spec, *rows)))
    assert found == ["two versions of kilo in the lock are for the same environments"]
