"""Prepare the change of an environment: what is needed from the store, and the files of all of it.

What is in place stays as it is here, whatever fails.
"""

from collections.abc import Mapping, Sequence

from envsync.environment import in_place
from envsync.environment.change import Change, Contents, Means, Others, new_environment_id
from envsync.environment.drift import Drift, in_the_way
from envsync.environment.manifest import Manifest, Owner
from envsync.environment.names import OneName
from envsync.environment.placing import Files, Tampered
from envsync.environment.plan import Comparison, Plan, damaged_owners, make_plan
from envsync.environment.replace import prepare_replacement
from envsync.environment.seal import Seal
from envsync.environment.update import prepare_update
from envsync.errors import StorageFailed
from envsync.events import Reporter
from envsync.lock.pins import Pinned
from envsync.platform.files import storage_errors
from envsync.platform.links import Placer
from envsync.store.times import known
from envsync.sync.contents import StoredSources, fetch_contents, own_files, settled
from envsync.sync.contested import sharing
from envsync.sync.desired import DesiredEnvironment, owned_folders, target_line
from envsync.sync.in_part import Part
from envsync.sync.merge import merge, one_name
from envsync.sync.observe import ObservedEnvironment
from envsync.sync.shortcuts import entry_of
from envsync.sync.store_lookup import CheckDepth, Fetch
from envsync.sync.wheel_files import SYMLINK, Content, environment_content, sources

# Each cleaning beside a sync may cost it an entry (H58); four in a row are no accident.
_TRIES = 4


def needed_of(
    desired: DesiredEnvironment, observed: ObservedEnvironment, comparison: Comparison
) -> list[Pinned]:
    """Give the packages whose files are new or damaged, and those that share a path with one that
    changes or goes: it may be theirs alone from then on.
    """
    if observed.manifest is None:
        return list(desired.pins)
    changing = damaged_owners(observed.looked_at(), observed.drift).difference({""})
    owners = observed.manifest.packages()
    changing |= owners.keys() - comparison.kept
    if changing and observed.mark is None:  # else `in_part` sees to it
        kept = [owner for name, owner in owners.items() if name not in changing]
        changing |= sharing(kept, [owners[name] for name in changing])
    return [pin for pin in desired.pins if pin.name not in owners or pin.name in changing]


def prepare_from_store(
    desired: DesiredEnvironment,
    observed: ObservedEnvironment,
    part: Part | None,
    fetch: Fetch,
    needed: Sequence[Pinned],
    reporter: Reporter,
    *,
    seal: Seal,
    verify: bool,
    cache_dir: str | None,
) -> tuple[Change, StoredSources]:
    """Make everything ready; what turns out to be gone or tampered with is made anew.

    Where only a `part` is looked at, raises `Entangled` when that won't do.
    """
    closely: CheckDepth = "bytes" if verify else "signature"
    # Linking itself looks at every file, but not that of a symbolic link.
    depth: CheckDepth = closely if verify or desired.link_mode == SYMLINK else "trust"
    sources_in = (cache_dir,) if cache_dir else ()
    for _ in range(_TRIES):
        try:
            stored, contents = fetch_contents(
                desired,
                part.before if part else observed.manifest,
                fetch,
                needed,
                reporter,
                depth=depth,
                cache_dir=cache_dir,
            )
            # Known before anything is linked: what changes from here on is compared by bytes (H52).
            rows = known(map(entry_of, stored.all()))
            means = Means(seal, Placer(desired.link_mode), reporter, sources_in)
            return _prepare(desired, observed, part, contents, rows, means), stored
        except Tampered as error:
            changed = error
            reporter.detail("a stored file was changed: looking at all that are needed")
            depth = closely
    raise StorageFailed(
        str(changed), "a stored file changes while it is used", hint="run the command once more"
    ) from changed


def _prepare(
    desired: DesiredEnvironment,
    observed: ObservedEnvironment,
    part: Part | None,
    packages: Sequence[Content],
    stored_times: Mapping[int, int],
    means: Means,
) -> Change:
    """Make everything ready. Raises `InstallConflict`, and `Tampered` for a stored file that isn't
    as it was unpacked; `stored_times` say when those last changed while they were.
    """
    own = own_files(desired)
    contents, told = settled(desired, [environment_content(own), *packages])
    for line in told:
        means.reporter.warn(line)
    manifest = _next_manifest(desired, observed, contents)
    files = merge([content.owner for content in contents] if part else manifest.owners)
    if part:
        part.refuse_meeting(files)
    wanted = Contents(
        manifest,
        Files(files, sources(contents), stored_times),
        [file.path for file in own if file.kind == "dir"],
        part.others if part else Others(),
    )
    try:
        return _change(desired, observed, part, wanted, means)
    except OneName as error:
        raise one_name(error.first, error.second, manifest.owners) from error


def _change(
    desired: DesiredEnvironment,
    observed: ObservedEnvironment,
    part: Part | None,
    contents: Contents,
    means: Means,
) -> Change:
    """Prepare an update of what is believed, else a replacement: inside a folder that stays."""
    root = desired.folder
    if part is not None:
        with storage_errors(root):
            drift = part.drift(root, observed.drift)
        plan = _plan(root, part.before, drift, contents)
        return prepare_update(root, plan, contents, means, part.times)
    if observed.manifest is not None:
        plan = _plan(root, observed.manifest, observed.drift, contents)
        return prepare_update(root, plan, contents, means, observed.times)
    # A folder that can't be renamed away can't be replaced: a mount, or one above that is closed.
    if in_place.is_fixed(root, is_linked=bool(desired.link_end)):
        return in_place.prepare_inside(root, owned_folders(desired.target), contents, means)
    return prepare_replacement(root, contents, means)


def _plan(root: str, manifest: Manifest, drift: Drift, contents: Contents) -> Plan:
    """Say what is to change; what is in the way of a new file counts as stray, too."""
    with storage_errors(root):
        before = [*manifest.placed(), *contents.others.folders]
        others = in_the_way(root, before, contents.files.desired)
    drift = drift._replace(stray=tuple(sorted({*drift.stray, *others})))
    return make_plan(contents.files.desired, manifest, drift)


def _next_manifest(
    desired: DesiredEnvironment, observed: ObservedEnvironment, contents: Sequence[Content]
) -> Manifest:
    """Join what is kept with what is new."""
    owners: dict[str, Owner] = {}
    names = {pin.name for pin in desired.pins}
    if observed.manifest:
        owners = {n: o for n, o in observed.manifest.packages().items() if n in names}
    owners.update((content.owner.name, content.owner) for content in contents)
    return Manifest(
        environment_id=(
            observed.manifest.environment_id if observed.manifest else new_environment_id()
        ),
        target=target_line(desired),
        selection=desired.selection,
        owners=tuple(owners[name] for name in sorted(owners)),
    )
