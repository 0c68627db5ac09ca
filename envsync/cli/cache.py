"""The command `cache` with its own commands: dir, size, prune, clean, verify."""

import argparse
import os

from envsync.cache.sizes import Size
from envsync.cli.columns import size_text
from envsync.cli.main import Session
from envsync.cli.parser import shared_options
from envsync.errors import UsageError
from envsync.operations.cache import GRACE_DAYS, Pruning, Removal, clean, prune, sizes
from envsync.operations.cache_verify import Checked, verify
from envsync.ui import counted

_DIFFERENT = 3
_UNITS = {"": 1, "B": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}

_SUMMARIES = {
    "dir": "print the folder of the cache",
    "size": "say how much each part takes on the disk",
    "prune": "delete what is left over, outdated, or unused for long",
    "clean": "delete everything, or what is there of some packages",
    "verify": "read every byte, and set aside what is damaged",
}


def add_arguments(command: str, parser: argparse.ArgumentParser) -> None:  # noqa: ARG001
    """Declare the commands of `cache` and their arguments."""
    parser.set_defaults(dry_run=False)
    actions = parser.add_subparsers(dest="action", metavar="COMMAND", required=True)
    parsers = {
        name: actions.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            parents=[shared_options()],
        )
        for name, summary in _SUMMARIES.items()
    }
    for name in ("prune", "clean"):
        parsers[name].add_argument(
            "--dry-run", action="store_true", help="say what would be deleted"
        )
    parsers["prune"].add_argument(
        "--unused-for",
        type=_days,
        default=GRACE_DAYS,
        metavar="DAYS",
        help="keep what was used in this time (default: %(default)g)",
    )
    parsers["prune"].add_argument(
        "--max-size",
        type=_bytes,
        default=None,
        metavar="SIZE",
        help="then keep to a size such as 5GB, least recently used first",
    )
    parsers["clean"].add_argument(
        "packages", nargs="*", metavar="PACKAGE", help="delete what is of this one only"
    )


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = -1.0
    if not 0 <= days <= 36_500:
        raise argparse.ArgumentTypeError(f"expected a number of days, not {text}")
    return days


def _bytes(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def parse_size(text: str) -> int:
    """Read a size: `500MB`, `5 GB`, `1.5GiB`, or a number of bytes. Raises `ValueError`."""
    plain = text.strip().upper()
    number = plain.rstrip("KMGTIB ")
    unit = plain[len(number) :].strip()
    binary = unit.endswith("IB")
    letter = unit.removesuffix("IB" if binary else "B")
    try:
        if letter not in _UNITS or (binary and not letter):
            raise ValueError
        factor = 1024 ** "KMGT".index(letter) * 1024 if binary else _UNITS[letter]
        size = float(number) * factor
        if not 0 <= size < 2**63:
            raise ValueError
    except ValueError:
        raise ValueError(f"expected a size such as 500MB or 5GB, not {text}") from None
    return int(size)


def run(command: str, options: argparse.Namespace, session: Session) -> int:  # noqa: ARG001
    """Do what is asked of the cache."""
    cache_dir = session.settings.cache_dir
    if options.action == "dir":
        if session.settings.json:
            session.ui.document({"command": "cache dir", "cache": cache_dir})
        else:
            session.ui.data(cache_dir)
        return 0
    if options.action == "size":
        return _size(cache_dir, session)
    if options.action == "verify":
        return _verify(cache_dir, session)
    removal = (_prune if options.action == "prune" else _clean)(cache_dir, options, session)
    _report(removal, options, session)
    return 0


def _prune(cache_dir: str, options: argparse.Namespace, session: Session) -> Removal:
    limit = options.max_size
    said = os.environ.get("ENVSYNC_CACHE_MAX_SIZE")
    if limit is None and said:
        try:
            limit = parse_size(said)
        except ValueError as error:
            raise UsageError(
                f"ENVSYNC_CACHE_MAX_SIZE: {error}", hint="ENVSYNC_CACHE_MAX_SIZE=5GB"
            ) from error
    return prune(cache_dir, Pruning(options.unused_for, limit, dry_run=options.dry_run), session.ui)


def _clean(cache_dir: str, options: argparse.Namespace, session: Session) -> Removal:
    from packaging.utils import InvalidName, canonicalize_name  # noqa: PLC0415

    try:
        names = frozenset(canonicalize_name(name, validate=True) for name in options.packages)
    except InvalidName as error:
        raise UsageError(str(error), hint="`envsync cache clean numpy`") from error
    return clean(cache_dir, names, session.ui, dry_run=options.dry_run)


def _report(removal: Removal, options: argparse.Namespace, session: Session) -> None:
    """Say what was deleted."""
    ui = session.ui
    if options.dry_run:
        for item in removal.removed:
            ui.detail(f"- {item.name}")
    count = len(removal.removed)
    verb = "Would delete" if options.dry_run else "Deleted"
    frees = "would free" if options.dry_run else "freed"
    if count:
        things = counted(count, "entry")
        ui.note(f"{verb} {things} of the cache; {frees} {size_text(removal.freed)}")
    else:
        ui.note("Nothing to delete in the cache")
    if removal.running:
        processes = counted(removal.running, "running process")
        ui.note(f"Left alone what {processes} may be working on")
    if session.settings.json:
        ui.document(
            {
                "command": f"cache {options.action}",
                "dry_run": options.dry_run,
                "removed": [item.name for item in removal.removed],
                "freed": removal.freed,
            }
        )


def _size(cache_dir: str, session: Session) -> int:
    buckets = sizes(cache_dir)
    total = sum((bucket.size for bucket in buckets), Size())
    if session.settings.json:
        session.ui.document(
            {
                "command": "cache size",
                "cache": cache_dir,
                **_size_document(total),
                "buckets": {
                    bucket.name: {"entries": bucket.entries, **_size_document(bucket.size)}
                    for bucket in buckets
                },
            }
        )
        return 0
    rows = [_row(bucket.name, str(bucket.entries), bucket.size) for bucket in buckets]
    head = f"{'':18}{'entries':>9}{'files':>9}{'on disk':>11}{'only here':>11}"
    session.ui.data("\n".join([head, *rows, _row("total", "", total)]))
    return 0


def _row(name: str, entries: str, size: Size) -> str:
    alone = size_text(size.bytes - size.shared)
    return f"{name:18}{entries:>9}{size.files:>9}{size_text(size.bytes):>11}{alone:>11}"


def _size_document(size: Size) -> dict[str, int]:
    return {"files": size.files, "bytes": size.bytes, "shared_bytes": size.shared}


def _verify(cache_dir: str, session: Session) -> int:
    checked = verify(cache_dir, session.ui)
    ui = session.ui
    for damage in checked.damaged:
        package = f" ({damage.package})" if damage.package else ""
        ui.warn(f"{damage.name}{package} was set aside: {_few(damage.problems)}")
        for root in damage.used_by:
            ui.hint(f"{root} uses it: `envsync -C {os.path.dirname(root)} sync --verify`")
    if session.settings.json:
        ui.document(_verify_document(checked))
    count = len(checked.damaged)
    if count:
        entries = counted(checked.entries, "entry")
        ui.note(f"{count} of {entries} damaged; what is damaged is made anew when needed")
        return _DIFFERENT
    entries, are = counted(checked.entries, "entry"), "is" if checked.entries == 1 else "are"
    ui.note(f"{entries} of the cache {are} whole: {counted(checked.files, 'file')}")
    return 0


def _few(problems: tuple[str, ...]) -> str:
    more = f", and {len(problems) - 3} more" if len(problems) > 3 else ""
    return ", ".join(problems[:3]) + more


def _verify_document(checked: Checked) -> dict[str, object]:
    return {
        "command": "cache verify",
        "entries": checked.entries,
        "files": checked.files,
        "damaged": [
            {
                "entry": damage.name,
                "package": damage.package,
                "problems": list(damage.problems),
                "used_by": list(damage.used_by),
            }
            for damage in checked.damaged
        ],
    }
