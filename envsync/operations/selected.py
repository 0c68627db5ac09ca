"""Which groups and extras of a workspace's lock a selection means: those of the chosen members."""

from collections.abc import Iterable, Sequence

from packaging.utils import NormalizedName, canonicalize_name

from envsync.errors import UsageError
from envsync.project.request import Selection
from envsync.spec.model import Member


def chosen_of_members(members: Sequence[Member], selection: Selection) -> tuple[set[str], set[str]]:
    """Give the groups and the extras of the lock that are installed from; the root comes first.

    Raises `UsageError` for a member, group or extra that there isn't.
    """
    chosen = chosen_members(members, selection)
    _refuse_unknown("group", chosen, (*selection.groups, *selection.no_groups), selection)
    _refuse_unknown("extra", chosen, (*selection.extras, *selection.no_extras), selection)
    groups: set[str] = set()
    extras: set[str] = set()
    for member in chosen:
        own, wanted = _of(member, selection)
        groups.add(member.needs)
        groups |= {member.groups[name] for name in own}
        # The root's extras are extras in the lock, too.
        groups |= {member.extras[name] for name in wanted if member.extras[name] != name}
        extras |= {name for name in wanted if member.extras[name] == name}
    return groups, extras


def chosen_members(members: Sequence[Member], selection: Selection) -> Sequence[Member]:
    """Give the members of which something is installed."""
    if selection.all_packages:
        return members
    if not selection.packages:
        path = selection.member or "."
        chosen = [member for member in members if member.path == path]
        if not chosen:
            raise UsageError(
                f"{path} is no member of the workspace any more", hint="see [workspace] in env.toml"
            )
        return chosen
    by_name = {member.name: member for member in reversed(members)}
    for name in selection.packages:
        if canonicalize_name(name) not in by_name:
            raise UsageError(
                f"--package {name}: the workspace has no such member",
                hint=f"it has {', '.join(sorted(by_name))}",
            )
    return [by_name[canonicalize_name(name)] for name in dict.fromkeys(selection.packages)]


def _of(member: Member, selection: Selection) -> tuple[set[NormalizedName], set[NormalizedName]]:
    """Give a member's groups and extras that are chosen, by their names in its file."""
    groups = set(member.groups) if selection.all_groups else _normal(selection.groups)
    groups |= set(member.default_groups) if selection.default_groups else set()
    extras = set(member.extras) if selection.all_extras else _normal(selection.extras)
    return (
        (groups & set(member.groups)) - _normal(selection.no_groups),
        (extras & set(member.extras)) - _normal(selection.no_extras),
    )


def _refuse_unknown(
    kind: str, chosen: Sequence[Member], names: Iterable[str], selection: Selection
) -> None:
    known = {name for one in chosen for name in (one.groups if kind == "group" else one.extras)}
    whose = "no member" if selection.all_packages else " and ".join(one.name for one in chosen)
    for name in names:
        if canonicalize_name(name) not in known:
            listed = ", ".join(sorted(known))
            raise UsageError(
                f"there is no {kind} {name!r} in {whose}",
                hint=f"there are {listed}" if known else f"there are no {kind}s at all",
            )


def _normal(names: Iterable[str]) -> set[NormalizedName]:
    return set(map(canonicalize_name, names))
