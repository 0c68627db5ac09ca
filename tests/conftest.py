"""Options of the test run, and what every test may use."""

import pytest
from hypothesis import settings

from envsync.platform import many_files
from tests.support.speedups import load_speedups

# Machines are shared: how long an example takes says nothing.
settings.register_profile("envsync", deadline=None)
settings.load_profile("envsync")

RAN = "envsync/ran"
"""Where the names of tests that were run are kept between runs."""


@pytest.fixture(params=["pure", "compiled"])
def pure_and_compiled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test twice: with what is in Python alone, and with the optional compiled module."""
    compiled = load_speedups() if request.param == "compiled" else None
    monkeypatch.setattr(many_files, "compiled", compiled)
    return str(request.param)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--campaigns", action="store_true", help="run the long campaigns too")
    parser.addoption("--matrix", action="store_true", help="run every case of large matrices")
    parser.addoption("--rest", action="store_true", help="run what earlier runs skipped")


def pytest_configure(config: pytest.Config) -> None:
    # The campaign of sabotage runs tests without a cache.
    if not hasattr(config, "workerinput") and config.pluginmanager.hasplugin("cacheprovider"):
        config.pluginmanager.register(Ran(config))


class Ran:
    """Remembers which tests were run and not skipped, for `--rest`."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._names = tests_run(config) if config.getoption("--rest") else set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and not report.skipped:
            self._names.add(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._config.cache.set(RAN, sorted(self._names))
        nothing_ran = session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED
        if self._config.getoption("--rest") and nothing_ran:
            session.exitstatus = pytest.ExitCode.OK  # nothing was left


def tests_run(config: pytest.Config) -> set[str]:
    """Give the names of the tests that earlier runs ran."""
    return set(config.cache.get(RAN, ()))


def beyond_samples(items: list[pytest.Item]) -> set[str]:
    """Give the cases of matrices that an even sample of each leaves out: `matrix(sample)`."""
    cases: dict[str, list[str]] = {}
    samples: dict[str, int] = {}
    for item in items:
        if marker := item.get_closest_marker("matrix"):
            name = item.nodeid.partition("[")[0]
            cases.setdefault(name, []).append(item.nodeid)
            (samples[name],) = marker.args
    left_out: set[str] = set()
    for name, found in cases.items():
        count = min(samples[name], len(found))
        left_out.update(found)
        left_out.difference_update(found[at * len(found) // count] for at in range(count))
    return left_out


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what asks the public index or takes long, unless it was asked for."""
    wanted = config.getoption("-m") or ""
    network = "network" in wanted
    campaigns = bool(config.getoption("--campaigns"))
    done = tests_run(config) if config.getoption("--rest") else set()
    left_out = set() if config.getoption("--matrix") else beyond_samples(items)
    kept, dropped = [], []
    for item in items:
        if (
            (item.get_closest_marker("network") and not network)
            or (item.get_closest_marker("campaign") and not campaigns)
            or item.nodeid in done
            or item.nodeid in left_out
        ):
            dropped.append(item)
        else:
            kept.append(item)
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept
