"""Paths that env.toml leaves to programs."""

from pathlib import Path

import pytest

from envsync.environment.drift import Drift
from envsync.environment.manifest import Manifest, Owner, Placed
from envsync.environment.plan import make_plan
from envsync.sync.keep import Keep, spare

SITE = "lib/python3.12/site-packages"


@pytest.mark.parametrize(
    ("pattern", "covered", "others"),
    [
        ("prisma/client/**", ["prisma/client/a.py", "prisma/client/b/c"], ["prisma/x", "client/a"]),
        ("prisma/client", ["prisma/client", "prisma/client/b/c"], ["prisma/client.py", "prisma"]),
        ("gen/*.py", ["gen/a.py"], ["gen/a/b.py", "gen/a.pyc", "x/gen/a.py"]),
        ("**/_generated.py", ["_generated.py", "a/b/_generated.py"], ["a/x_generated.py"]),
        ("a/**/b?", ["a/b1", "a/x/y/b2"], ["a/b", "b1"]),
        ("a.b", ["a.b"], ["aXb"]),
    ],
)
def test_what_a_pattern_covers(pattern: str, covered: list[str], others: list[str]) -> None:
    keep = Keep((pattern,), SITE)
    assert [path for path in covered if not keep.covers(f"{SITE}/{path}")] == []
    assert [path for path in others if keep.covers(f"{SITE}/{path}")] == []
    assert [path for path in covered if keep.covers(path) or keep.covers(f"bin/{path}")] == []


def test_no_pattern_covers_nothing() -> None:
    assert not Keep((), SITE)


def test_a_stray_folder_is_parted_where_only_some_of_it_is_kept(tmp_path: Path) -> None:
    for name in ("gen/keep/a.py", "gen/keep/b.py", "gen/other/c.py", "elsewhere/d.py"):
        path = tmp_path / SITE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / SITE / "gen/link").symlink_to("/etc")
    drift = Drift(
        edited=(f"{SITE}/pkg/edited.py",), stray=(f"{SITE}/elsewhere", f"{SITE}/gen", "bin/x")
    )
    found = spare(drift, Keep(("gen/keep/**", "pkg/*"), SITE), str(tmp_path))
    assert found.edited == ()
    assert found.stray == (
        "bin/x",
        f"{SITE}/elsewhere",
        f"{SITE}/gen/link",
        f"{SITE}/gen/other",
    )
    assert found.kept == (f"{SITE}/gen/keep", f"{SITE}/pkg/edited.py")


def test_what_a_program_wrote_goes_to_quarantine_when_its_file_changes_or_goes() -> None:
    def placed(content: str, *names: str) -> dict[str, Placed]:
        return {name: Placed(name, 0o100644, 1, content) for name in names}

    before = placed("1", "a", "b", "c")
    manifest = Manifest("id", "t", "", (Owner("x", "1", "i", tuple(before.values())),))
    desired = {**placed("1", "a"), **placed("2", "b"), **placed("2", "d/e")}
    plan = make_plan(desired, manifest, Drift(kept=("a", "b", "c", "d", "z")))
    assert plan.place == ("b", "d/e")
    assert plan.quarantine == ("b", "c", "d")
    assert plan.discard == ()
