"""Say what of env.toml a lock answers: its roots and a fingerprint, and whether they changed.

The roots stand line by line, so that two branches which add different things can be merged; the
fingerprint is of everything else that has no line of its own. Comments, order of keys and tables,
`[sync]` and `[tasks]` don't count, nor do credentials. The fingerprint of a file that means the
same stays the same across versions of envsync; a change of `_FORMAT` makes every lock stale, so it
is for mistakes that locks must not keep.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import orjson
from packaging.pylock import Package, Pylock
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from envsync.lock.together import digests, overlapping
from envsync.lock.urls import public_url
from envsync.spec.model import BuildPolicy, IndexSpec, LockPolicy, SourceSpec, Spec

_FORMAT = 1

_Json = str | bool | None | Sequence["_Json"] | Mapping[str, "_Json"]


class Root(NamedTuple):
    """One requirement of env.toml, as the lock records it."""

    requirement: str
    extra: str | None = None
    group: str | None = None

    def __str__(self) -> str:
        if self.extra is not None:
            return f"{self.requirement} (extra {self.extra})"
        if self.group is not None:
            return f"{self.requirement} (group {self.group})"
        return self.requirement


def fingerprint(spec: Spec) -> str:
    """Hash of what in env.toml matters to the lock and isn't recorded there in words.

    That is "sha256:" and 64 digits.
    """
    return _hash({key: value for key, value in _form(spec).items() if key not in _IN_WORDS})


def whole_fingerprint(spec: Spec) -> str:
    """The same of everything, as locks have it that were made before the roots had digests."""
    return _hash(_form(spec))


_IN_WORDS = frozenset({"roots", "extras", "groups", "default-groups", "seed"})


def _hash(form: Mapping[str, _Json]) -> str:
    text = orjson.dumps(form, option=orjson.OPT_SORT_KEYS)
    return f"sha256:{hashlib.sha256(text).hexdigest()}"


def roots(spec: Spec) -> tuple[Root, ...]:
    """Every requirement of env.toml in canonical spelling, sorted: base, extras, groups."""
    base = {Root(requirement_text(item)) for item in spec.dependencies}
    base |= {Root(name) for name in spec.seed}
    extras = {
        Root(requirement_text(item), extra=extra)
        for extra, items in spec.optional_dependencies.items()
        for item in items
    }
    groups = {
        Root(requirement_text(item), group=group)
        for group, items in spec.dependency_groups.items()
        for item in items
    }
    return tuple(
        sorted(base | extras | groups, key=lambda root: tuple(part or "" for part in root[::-1]))
    )


def root_rows(spec: Spec, packages: Sequence[Package]) -> list[Mapping[str, str]]:
    """The roots as a lock records them, each with the digest of the rows that it leads to."""
    named = [(_name(root), root) for root in roots(spec)]
    resolved = digests((name for name, _ in named), packages, fingerprint(spec))
    return [
        {key: value for key, value in root._asdict().items() if value is not None}
        | {"resolved": resolved[name]}
        for name, root in named
    ]


_BEGINNING = re.compile(r"[a-z0-9-]+")


def _name(root: Root) -> NormalizedName:
    """The package of a root, with whose normalised name its text begins."""
    match = _BEGINNING.match(root.requirement)
    return NormalizedName(match[0] if match is not None else "")


def requirement_text(requirement: Requirement) -> str:
    """One spelling for each meaning: normalised name and extras, sorted, without credentials."""
    parts = [str(canonicalize_name(requirement.name))]
    if requirement.extras:
        parts.append(f"[{','.join(sorted(map(canonicalize_name, requirement.extras)))}]")
    parts.append(str(requirement.specifier))
    if requirement.url:
        parts.append(f" @ {public_url(requirement.url)}")
    if requirement.marker is not None:
        parts.append(f"{' ' if requirement.url else ''}; {requirement.marker}")
    return "".join(parts)


def stale_reasons(spec: Spec, pylock: Pylock) -> tuple[str, ...]:
    """Why a lock does not answer env.toml, a phrase each; empty when it does."""
    recorded = tool_table(pylock)
    if not isinstance(recorded.get("fingerprint"), str):
        return (f"it was made by {pylock.created_by}, which records no inputs",)
    if recorded["fingerprint"] == whole_fingerprint(spec):
        return ()
    reasons = (*_changed_roots(spec, pylock), *_changed_options(spec, pylock, recorded))
    if not reasons and recorded["fingerprint"] != fingerprint(spec):
        reasons = ("indexes, sources or options in env.toml changed",)
    return reasons


def put_together(spec: Spec, pylock: Pylock) -> Iterator[str]:
    """Why the rows of a lock that answers env.toml don't belong together, a phrase each.

    Locks of before the roots had digests have one line that no merge leaves right.
    """
    recorded = tool_table(pylock)
    if recorded.get("fingerprint") == whole_fingerprint(spec):
        return
    for name in overlapping(pylock.packages):
        yield f"two versions of {name} in the lock are for the same environments"
    if recorded.get("roots") != root_rows(spec, pylock.packages):
        yield "its packages were not locked together, as after a merge of two branches"


def tool_table(pylock: Pylock) -> Mapping[str, object]:
    """`[tool.envsync]` of a lock; empty where it has none. Its values are not judged."""
    table = (pylock.tool or {}).get("envsync")
    return table if isinstance(table, Mapping) else {}


def recorded_roots(pylock: Pylock) -> tuple[Root, ...]:
    """The requirements that a lock of envsync's was made from; what is not one is left out."""
    rows = tool_table(pylock).get("roots")
    given = [
        (row.get("requirement"), row.get("extra"), row.get("group"))
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, Mapping)
    ]
    return tuple(
        Root(requirement, extra, group)
        for requirement, extra, group in given
        if isinstance(requirement, str)
        and isinstance(extra, str | None)
        and isinstance(group, str | None)
    )


def _changed_roots(spec: Spec, pylock: Pylock) -> Iterable[str]:
    before, after = set(recorded_roots(pylock)), set(roots(spec))
    for root in sorted(map(str, after - before)):
        yield f"{root} was added"
    for root in sorted(map(str, before - after)):
        yield f"{root} was removed"


def _changed_options(spec: Spec, pylock: Pylock, recorded: Mapping[str, object]) -> Iterable[str]:
    wanted = spec.requires_python
    if wanted is not None and wanted != pylock.requires_python:
        yield f"requires-python is {wanted}, the lock has {pylock.requires_python or 'none'}"
    for what, names, locked in (
        ("extras", spec.optional_dependencies, pylock.extras),
        ("dependency-groups", spec.dependency_groups, pylock.dependency_groups),
        ("default-groups", spec.default_groups, pylock.default_groups),
    ):
        if sorted(names) != sorted(locked or ()):
            yield f"{what} in the lock are not those of env.toml"
    for key, value in (
        ("resolution", spec.lock.resolution),
        ("prereleases", spec.lock.prereleases),
    ):
        if recorded.get(key) != value:
            yield f"{key} is {value}, the lock has {recorded.get(key)}"


def _form(spec: Spec) -> Mapping[str, _Json]:
    return {
        "format": str(_FORMAT),
        "requires-python": _text(spec.requires_python),
        # Decides what is covered only where requires-python is not given.
        "python": spec.python if spec.requires_python is None else None,
        "roots": [list(root) for root in roots(spec)],
        "extras": sorted(spec.optional_dependencies),
        "groups": sorted(spec.dependency_groups),
        "default-groups": sorted(spec.default_groups),
        "seed": sorted(spec.seed),
        "indexes": [_index_form(index) for index in spec.indexes],
        "sources": {
            name: [_source_form(source) for source in sources]
            for name, sources in spec.sources.items()
        },
        "lock": _policy_form(spec.lock),
        "build": _build_form(spec.build),
    }


def _build_form(build: BuildPolicy) -> Mapping[str, _Json]:
    given: Mapping[str, _Json] = {
        "environment": {name: dict(values) for name, values in build.environment.items()},
        "pass": sorted(build.passed),
        "no-isolation": sorted(build.no_isolation),
        "unconfined": sorted(build.unconfined),
        "constraints": _requirements_form(build.constraints),
    }
    return {
        "allow": sorted(build.allow),
        "config-settings": {name: dict(values) for name, values in build.config_settings.items()},
        "extra-build-requires": {
            name: _requirements_form(items) for name, items in build.extra_build_requires.items()
        },
        # As with sources: what is not set is left out.
        **{key: value for key, value in given.items() if value},
    }


def _index_form(index: IndexSpec) -> _Json:
    given: Mapping[str, _Json] = {
        "format": index.format,
        "exclude-newer": index.exclude_newer,
        "ignore-error-codes": list(map(str, index.ignore_error_codes)),
        "outside": index.outside or None,
    }
    # As with sources: what is not set is left out.
    unset: tuple[_Json, ...] = (None, "simple", [])
    more: dict[str, _Json] = {key: value for key, value in given.items() if value not in unset}
    row: list[_Json] = [index.name, public_url(index.url), index.default, index.explicit]
    return [*row, more] if more else row


def _source_form(source: SourceSpec) -> Mapping[str, _Json]:
    # What is not set is left out, so that a key that envsync learns later changes nothing.
    given = {key: str(value) for key, value in source._asdict().items() if value}
    return {**given, "location": public_url(source.location)}


def _policy_form(policy: LockPolicy) -> Mapping[str, _Json]:
    trusted = sorted(f"{name}=={version}" for name, version in policy.trust_record)
    return {
        **({"trust-record": trusted} if trusted else {}),  # fingerprints of before stay
        "environments": sorted(map(str, policy.environments)),
        "required-environments": sorted(map(str, policy.required_environments)),
        "resolution": policy.resolution,
        "prereleases": policy.prereleases,
        "exclude-newer": policy.exclude_newer,
        "constraints": _requirements_form(policy.constraints),
        "overrides": _requirements_form(policy.overrides),
        "ignore-requires-python": sorted(policy.ignore_requires_python),
        "no-binary": sorted(policy.no_binary),
        "conflicts": sorted(sorted(names) for names in policy.conflicts),
    }


def _requirements_form(requirements: Iterable[Requirement]) -> list[str]:
    return sorted({requirement_text(requirement) for requirement in requirements})


def _text(value: object) -> str | None:
    return None if value is None else str(value)
