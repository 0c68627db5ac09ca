"""Say what lock and sync did, as lines and as JSON."""

import os
from typing import TYPE_CHECKING

from envsync.cli.main import Session
from envsync.ui import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envsync.environment.plan import Comparison
    from envsync.lock.compare import Change
    from envsync.operations.lock_file import LockOutcome
    from envsync.operations.start import Inside
    from envsync.operations.unchanged import Unchanged
    from envsync.sync.outcome import SyncOutcome


_MOST_GAPS = 12


def report_lock(outcome: "LockOutcome | Unchanged", session: Session, *, written: bool) -> None:
    """Say what a locking changed."""
    ui = session.ui
    name = os.path.basename(outcome.path)
    if outcome.fresh:
        ui.note(f"{name} is up to date")
        return
    packages = counted(outcome.packages, "package")
    ui.note(f"Resolved {packages} in {outcome.seconds:.2f} s")
    ui.changes(change_line(change) for change in outcome.changes)
    for notice in outcome.notices:
        ui.warn(notice)
    _report_gaps(outcome, session)
    if written:
        ui.note(f"Wrote {name}")
    elif not outcome.changes:
        ui.note(f"{name} stays as it is")


def _report_gaps(outcome: "LockOutcome | Unchanged", session: Session) -> None:
    """Show which packages have no wheel for which platforms."""
    if not outcome.gaps:
        return
    from envsync.lock.coverage import table  # noqa: PLC0415

    packages = counted(len(outcome.gaps), "package")
    have = "has" if len(outcome.gaps) == 1 else "have"
    session.ui.warn(f"{packages} {have} no wheel for some of what the lock covers:")
    head, *rows = table(outcome.gaps)
    shown = rows if session.settings.verbosity > 0 else rows[:_MOST_GAPS]
    session.ui.changes(f"  {line}" for line in (head, *shown))
    if len(shown) < len(rows):
        session.ui.note(f"  ... and {len(rows) - len(shown)} more (-v shows all)")


def change_line(change: "Change") -> str:
    """Say one change of a lock as a line."""
    before, after = ", ".join(change.before), ", ".join(change.after)
    if change.kind == "added":
        return f"+ {change.name} {after}"
    if change.kind == "removed":
        return f"- {change.name} {before}"
    return f"~ {change.name} {before} -> {after}"


def lock_document(outcome: "LockOutcome | Unchanged", *, written: bool) -> dict[str, object]:
    """Give a locking's result for `--json`."""
    return {
        "lock": os.path.basename(outcome.path),
        "up_to_date": outcome.fresh,
        "written": written,
        "packages": outcome.packages,
        "changes": [
            {
                "kind": change.kind,
                "name": change.name,
                "before": list(change.before),
                "after": list(change.after),
            }
            for change in outcome.changes
        ],
        "notices": list(outcome.notices),
        "gaps": [
            {"name": gap.name, "version": gap.version, "platforms": dict(gap.platforms)}
            for gap in outcome.gaps
        ],
    }


def report_sync(
    outcome: "SyncOutcome",
    session: Session,
    *,
    seconds: float,
    dry_run: bool = False,
    told: "Iterable[Change]" = (),
) -> None:
    """Say what a sync changed, but for packages that were `told` to change alike in the lock."""
    ui = session.ui
    name = os.path.basename(outcome.root)
    if outcome.recovered:
        ui.note(f"Finished a sync of {name} that had been interrupted")
    if outcome.created and outcome.reason:
        ui.note(f"{name} is made anew: {outcome.reason}")
        if os.path.isdir(f"{outcome.root}/.envsync/quarantine"):
            ui.note(f"What you had in it is kept in {name}/.envsync/quarantine")
    if not outcome.created and outcome.comparison.is_empty():
        ui.note(f"Nothing to do: {name} matches the lock")
        return
    ui.note(f"{_headline(outcome, name, dry_run=dry_run)} in {seconds:.2f} s")
    ui.changes(_without(told, outcome.comparison).lines())
    drift = outcome.comparison.drift
    if (drift.edited or drift.stray) and not dry_run and not outcome.created:
        ui.note(f"Edited and stray files were set aside in {name}/.envsync/quarantine")
        ui.hint("`envsync sync --discard` deletes what was set aside")


def report_entered(inside: "Inside", session: Session) -> None:
    """Say what a sync changed before a program is started."""
    if inside.synced is not None:
        outcome = inside.synced.outcome
        if outcome.created or not outcome.comparison.is_empty():
            report_sync(outcome, session, seconds=inside.seconds)


def _headline(outcome: "SyncOutcome", name: str, *, dry_run: bool) -> str:
    drift = outcome.comparison.drift
    changed = len(outcome.comparison.changes)
    if not changed and not outcome.created:
        damaged = len(drift.missing) + len(drift.edited) + len(drift.stray)
        damaged += len(drift.modes) + len(drift.times)
        verb = "Would repair" if dry_run else "Repaired"
        return f"{verb} {name}: {counted(damaged, 'path')}"
    verb = "Would change" if dry_run else "Made" if outcome.created else "Synced"
    return f"{verb} {name}: {counted(changed, 'package')}"


def _without(told: "Iterable[Change]", comparison: "Comparison") -> "Comparison":
    """Leave out the packages that change in the environment as they were told to in the lock."""
    known = {(change.name, change.before, change.after) for change in told}
    left = (
        change
        for change in comparison.changes
        if (change.name, _versions(change.old), _versions(change.new)) not in known
    )
    return comparison._replace(changes=tuple(left))


def _versions(version: str | None) -> tuple[str, ...]:
    return () if version is None else (version,)


def sync_document(outcome: "SyncOutcome") -> dict[str, object]:
    """Give a sync's result for `--json`."""
    comparison = outcome.comparison
    return {
        "environment": outcome.root,
        "created": outcome.created,
        "packages_changed": [
            {"name": change.name, "old": change.old, "new": change.new}
            for change in comparison.changes
        ],
        "packages_kept": len(comparison.kept),
        "missing": list(comparison.drift.missing),
        "edited": list(comparison.drift.edited),
        "stray": list(comparison.drift.stray),
        "times": list(comparison.drift.times),
        "modes": [folder or "." for folder in comparison.drift.modes],
    }
