"""Options of the test run, and what every test may use."""

import pytest
from hypothesis import settings

# Machines are shared: how long an example takes says nothing.
settings.register_profile("envsync", deadline=None)
settings.load_profile("envsync")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--campaigns", action="store_true", help="run the long campaigns too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what asks the public index or takes long, unless it was asked for."""
    wanted = config.getoption("-m") or ""
    network = "network" in wanted
    campaigns = bool(config.getoption("--campaigns"))
    kept, dropped = [], []
    for item in items:
        if (item.get_closest_marker("network") and not network) or (
            item.get_closest_marker("campaign") and not campaigns
        ):
            dropped.append(item)
        else:
            kept.append(item)
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept
