"""Compiled files for an environment: linked where the store has them, made where asked for."""

from collections.abc import Collection, Mapping, Sequence

from envsync.environment.drift import source_of
from envsync.environment.placing import Tampered
from envsync.events import Reporter
from envsync.model.target import Target
from envsync.store.bytecode import bytecode_label, bytecode_reader
from envsync.store.manifest import StoredWheel
from envsync.sync.store_lookup import CheckDepth


def bytecode_of(
    wheels: Mapping[str, StoredWheel],
    target: Target,
    cache_dir: str,
    *,
    make: Collection[str],
    depth: CheckDepth,
    reporter: Reporter,
) -> dict[str, StoredWheel]:
    """Give the compiled files of wheels for an interpreter, by package name.

    They are taken from the store, and those that `make` names are made where it has none. Ones
    that were tampered with are set aside. Raises `Tampered` when a wheel's sources turn out to be,
    `StorageFailed`, and `EnvsyncError` when the interpreter can't be run.
    """
    label = bytecode_label(target)
    if not label:
        if make:
            reporter.warn(f"{target.executable} has no bytecode files: nothing is compiled")
        return {}
    reader = bytecode_reader(cache_dir, label)
    # Nobody compiles here: not even the entries are looked for.
    if not make and not reader.exists():
        return {}
    entries: dict[str, StoredWheel] = {}
    for name, wheel in wheels.items():
        compiled = reader.get(wheel.sha256)
        if compiled is None:
            continue
        if depth != "trust" and reader.damaged(compiled, hashed=depth == "bytes"):
            reader.set_aside(compiled)
            continue
        entries[name] = compiled
    missing = [name for name in wheels if name in make and name not in entries]
    if missing:
        made = _make([wheels[name] for name in missing], cache_dir, target, reporter)
        entries.update(zip(missing, made, strict=True))
    return entries


def forged(root: str, written: Sequence[str], target: Target) -> list[str]:
    """Give those of the compiled files that Python wrote which are not what their sources say.

    Paths are relative to the environment's root. Only files that the interpreter itself would
    run are looked at. Raises `EnvsyncError` when it can't be run.
    """
    from envsync.store.compiler import Compiled, unfaithful  # noqa: PLC0415

    rows: list[Compiled] = []
    for path in written:
        stem = path.removesuffix(".pyc")
        for level, end in enumerate(("", ".opt-1", ".opt-2")):
            if stem.endswith(f".{target.cache_tag}{end}"):
                rows.append(Compiled(f"{root}/{source_of(path)}", f"{root}/{path}", level))
    return [path[len(root) + 1 :] for path in unfaithful(rows, target)] if rows else []


def _make(
    wheels: Sequence[StoredWheel], cache_dir: str, target: Target, reporter: Reporter
) -> list[StoredWheel]:
    # Threads and processes are loaded only when something is compiled.
    from envsync.store.compiler import SourceDamaged, compile_wheels  # noqa: PLC0415

    count = len(wheels)
    reporter.detail(f"compiling {count} package{'s' if count != 1 else ''} for {target.version}")
    try:
        return compile_wheels(wheels, cache_dir, target, reporter)
    except SourceDamaged as error:
        raise Tampered(error.wheel.tree) from error
