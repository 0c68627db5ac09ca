"""The arithmetic of the benchmarks, and that the packages they make are what they say."""

import json
import subprocess
from pathlib import Path

import pytest

from benchmarks.growth import exponent
from benchmarks.measure import Cost, Failed, Spread, Timed, alternate, ratios, run
from benchmarks.report import Row, keep, worse
from benchmarks.tools import console_script
from benchmarks.workloads import page_of_files, universe, wheel_of_files
from envsync.wheel.zip import read_entries


def cost(cpu: float, memory: float = 10.0) -> Cost:
    return Cost(wall=cpu, cpu=cpu, memory=memory)


def test_ratios_are_taken_pair_by_pair() -> None:
    ours, theirs = [cost(10), cost(30), cost(20)], [cost(10), cost(10), cost(10)]

    assert ratios(ours, theirs).cpu == 2


def test_quartiles() -> None:
    assert Spread.of([1, 2, 3, 4, 5]) == (2, 3, 4)
    assert Spread.of([7]) == (7, 7, 7)


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_the_exponent_of_a_curve(power: float) -> None:
    sizes = [10, 100, 1000, 10_000]

    fitted = exponent(sizes, [50 + 0.3 * size**power for size in sizes])

    assert fitted == pytest.approx(power, abs=0.1)


def test_what_is_a_fifth_worse_than_the_kept_ratio_is_said(tmp_path: Path) -> None:
    place = tmp_path / "kept.json"
    keep([Row("w", "run", {"envsync": [cost(10)], "uv": [cost(10)]})], place)

    assert not worse([Row("w", "run", {"envsync": [cost(11.9)], "uv": [cost(10)]})], place)
    assert worse([Row("w", "run", {"envsync": [cost(12.1)], "uv": [cost(10)]})], place) == [
        "w: run: cpu to uv: 1.21, kept 1.0"
    ]
    assert not worse([Row("w", "sync", {"envsync": [cost(90)], "uv": [cost(10)]})], place)


def test_where_instructions_are_known_time_does_not_decide(tmp_path: Path) -> None:
    place = tmp_path / "kept.json"
    keep([Row("w", "run", {"e": [cost(10)], "uv": [cost(10)]}, 1_000_000)], place)

    slow = Row("w", "run", {"e": [cost(90)], "uv": [cost(10)]}, 1_000_000)
    more = Row("w", "run", {"e": [cost(10)], "uv": [cost(10)]}, 1_300_000)

    assert not worse([slow], place)
    assert worse([more], place) == ["w: run: million instructions: 1.3, kept 1.0"]


def test_a_peer_that_fails_is_left_out_and_ours_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = Timed(lambda: None, [("true",)], tmp_path, {})
    bad = Timed(lambda: None, [("false",)], tmp_path, {})

    costs = alternate({"ours": good, "theirs": bad}, 2)

    assert list(costs) == ["ours"]
    assert len(costs["ours"]) == 2
    assert "left out: theirs" in capsys.readouterr().out
    with pytest.raises(Failed):
        run(bad)


def test_made_packages(tmp_path: Path) -> None:
    work = universe(tmp_path, 12)
    assert len(list(tmp_path.glob("universe12-*/*.whl"))) == 120
    assert work.requirements[0] == "universe12-p0"

    wheel_of_files(tmp_path, 250)
    (wheel,) = (tmp_path / "files250").iterdir()
    entries, _ = read_entries(wheel.read_bytes(), file=wheel.name)
    assert len([entry for entry in entries if entry.path.startswith("files250/")]) == 250

    page_of_files(tmp_path, 50)
    rows = json.loads((tmp_path / "page50/page.json").read_bytes())["files"]
    assert len({row["filename"] for row in rows}) == 50


def test_the_script_that_is_timed_runs_this_envsync(tmp_path: Path) -> None:
    script = console_script(tmp_path)

    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("envsync ")
    assert "import re" not in Path(script).read_text()
