"""What a sync leaves to a process in the background: wheels compiled for the next environments.

An environment's first import of a package makes Python compile it. The second environment of a
machine that links a wheel shows that there may be a third, so the wheel is compiled into the store,
and linked with its compiled files from then on. An environment that is there stays as it is.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from envsync.errors import EnvsyncError
from envsync.events import Reporter
from envsync.settings import Settings
from envsync.sync.desired import DesiredEnvironment
from envsync.sync.outcome import SyncOutcome
from envsync.sync.store_use import used_elsewhere


def compile_for_others(
    outcome: SyncOutcome, desired: DesiredEnvironment, settings: Settings, reporter: Reporter
) -> None:
    """Have wheels compiled that were just linked without compiled files, and are used elsewhere.

    Nobody waits for it, and what prevents it is no error of a sync.
    """
    if not outcome.uncompiled or not settings.background or settings.compile_bytecode is False:
        return
    cache_dir = settings.cache_dir
    with suppress(OSError, EnvsyncError):
        if not os.access(cache_dir, os.W_OK):
            return
        target = desired.target
        wheels = used_elsewhere(cache_dir, desired.folder, target, outcome.uncompiled)
        if wheels and _is_allowed(settings):
            _start(wheels, desired, cache_dir)
            reporter.detail(f"compiling {len(wheels)} wheels for other environments meanwhile")


def _is_allowed(settings: Settings) -> bool:
    if not os.path.lexists(settings.config_file):
        return True
    from envsync.project.user_config import read_user_config  # noqa: PLC0415

    return read_user_config(settings).compile_in_background


def _start(wheels: Sequence[str], desired: DesiredEnvironment, cache_dir: str) -> None:
    # Processes are loaded only when one is started.
    from envsync.platform.background import start_in_background  # noqa: PLC0415
    from envsync.python.trust import own_environment  # noqa: PLC0415
    from envsync.store.compile_request import Request  # noqa: PLC0415

    request = Request(cache_dir, desired.target, wheels)
    command = [sys.executable, "-m", "envsync.store.compile_later"]
    start_in_background(command, request.to_bytes(), env=own_environment(os.environ))
