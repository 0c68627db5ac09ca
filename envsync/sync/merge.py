"""Join what all packages put into one environment, and refuse what can't stand together."""

from collections.abc import Iterable, Sequence

from envsync.environment.manifest import Owner, Placed
from envsync.environment.paths import parents
from envsync.errors import InstallConflict


def merge(owners: Iterable[Owner]) -> dict[str, Placed]:
    """Join the files of all owners, the environment itself among them, by path.

    Two owners of one path with equal bytes share it. Raises `InstallConflict` where the bytes
    differ, and where a file of one stands in the place of a folder of another.
    """
    owners = tuple(owners)
    merged = {file[0]: file for owner in owners for file in owner.files}
    if len(merged) != sum(len(owner.files) for owner in owners):
        merged = _shared(owners)
    folders = parents(merged)
    if not folders.isdisjoint(merged):
        raise _file_and_folder(min(folders & merged.keys()), owners)
    return merged


def _shared(owners: Sequence[Owner]) -> dict[str, Placed]:
    """Join files of which some have one path: that of the first owner stands for all."""
    merged: dict[str, Placed] = {}
    for owner in owners:
        for placed in owner.files:
            other = merged.setdefault(placed.path, placed)
            if other is not placed and other != placed:
                raise _two_contents(placed.path, owners)
    return merged


def _two_contents(path: str, owners: Sequence[Owner]) -> InstallConflict:
    names = [owner.name for owner in owners if any(file.path == path for file in owner.files)]
    inside = path.rpartition("/site-packages/")[2]
    way_out = (
        f'say whose file stands: winners = {{ "{inside}" = "{names[-1]}" }} under [sync] in '
        "env.toml, or take one of them out"
    )
    return InstallConflict(path, _owners_of(path, owners), hint=way_out if all(names) else None)


def _file_and_folder(path: str, owners: Sequence[Owner]) -> InstallConflict:
    below = next(
        file.path for owner in owners for file in owner.files if file.path.startswith(f"{path}/")
    )
    return _two(path, below, owners, "{} installs the file {}, and {} the file {}")


def one_name(first: str, second: str, owners: Iterable[Owner]) -> InstallConflict:
    """Give the error for two paths that the file system takes for one."""
    text = "{} installs {}, and {} {}: one name on this file system"
    return _two(first, second, tuple(owners), text)


def _two(first: str, second: str, owners: Sequence[Owner], text: str) -> InstallConflict:
    one, other = (
        (_owners_of(path, owners) or _users_of(path, owners))[0] for path in (first, second)
    )
    return InstallConflict(first, (one, other), how=text.format(one, first, other, second))


def _owners_of(path: str, owners: Iterable[Owner]) -> list[str]:
    return [_name(owner) for owner in owners if any(file.path == path for file in owner.files)]


def _users_of(folder: str, owners: Iterable[Owner]) -> list[str]:
    below = f"{folder}/"
    return [_name(owner) for owner in owners if any(f.path.startswith(below) for f in owner.files)]


def _name(owner: Owner) -> str:
    return f"{owner.name} {owner.version}".strip() or InstallConflict.ENVIRONMENT
