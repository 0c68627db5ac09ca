"""Decide whose file stands where several packages install one path with different bytes.

All of them are looked at, as if they were installed together from nothing: what stands never
depends on the order in which they came. A package that loses a path keeps the row for it, with the
winner's content, so that the path stays until the last of them goes.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from envsync.environment.drift import source_of
from envsync.environment.manifest import Owner, Placed
from envsync.errors import InstallConflict
from envsync.sync.wheel_files import Content, read_stored

_INIT = "/__init__.py"
# Beside packages, and of no use to any program: what a build took along by mistake.
_STRAY_TEXT = (
    r"(?:authors|changelog|changes|contributing|contributors|copying|history|install|licen[cs]e"
    r"|maintainers|makefile|manifest|news|notice|readme|thanks|todo)[^/]*"
)
_CODE = (".py", ".pyc", ".pyd", ".so", ".pth", ".pyi")


class Settled(NamedTuple):
    """The contents that can stand together, as far as they can."""

    contents: tuple[Content, ...]
    told: tuple[str, ...]
    """What a person should know: a line each."""


class _Claim(NamedTuple):
    """One package's file at a path that others install otherwise."""

    name: str
    placed: Placed
    source: str | bytes

    def read(self) -> bytes:
        """Give the file's bytes. Raises `Tampered`, `StorageFailed`."""
        if isinstance(self.source, str):
            return read_stored(self.source, self.placed.content)
        return self.source


def sharing(others: Iterable[Owner], those: Iterable[Owner]) -> frozenset[str]:
    """Give the names of the others that have a path in common with one of those."""
    paths = {file.path for owner in those if owner.name for file in owner.files}
    return frozenset(
        owner.name
        for owner in others
        if owner.name and not paths.isdisjoint(file.path for file in owner.files)
    )


def settle(contents: Sequence[Content], winners: Mapping[str, str], site: str) -> Settled:
    """Give each contested path to one package, where that can be said.

    `winners` are packages by path, relative to `site` (site-packages in the environment) or to the
    environment. Else an `__init__.py` that only extends `__path__` stands for all such ones, and
    of texts that lie beside packages that of the last package by name. What remains contested is
    left for `merge` to refuse. Raises `InstallConflict` for a winner that doesn't install the
    path, and `Tampered` and `StorageFailed` where a stored file can't be read as it was.
    """
    contested = _contested(contents)
    if not contested:
        return Settled(tuple(contents), ())
    decided: dict[str, _Claim] = {}
    told: list[str] = []
    for path, claims in _claims(contents, contested).items():
        inside = path.removeprefix(f"{site}/")
        named = winners.get(inside, winners.get(path))
        if named is not None:
            decided[path] = _named(path, inside, named, claims)
        elif path.endswith(_INIT) and (winner := _namespace(claims)):
            decided[path] = winner
        elif f"{site}/{inside}" == path and _is_stray_text(inside):
            decided[path] = max(claims)
            told.append(_told(inside, sorted(claim.name for claim in claims)))
    return Settled(tuple(_given(content, decided) for content in contents), tuple(told))


def _told(path: str, names: Sequence[str]) -> str:
    number = "both" if len(names) == 2 else "all"
    return f"{' and '.join(names)} {number} install {path}: that of {names[-1]} stands"


def _contested(contents: Iterable[Content]) -> set[str]:
    first: dict[str, Placed] = {}
    contested: set[str] = set()
    for content in contents:
        for placed in content.owner.files:
            other = first.setdefault(placed.path, placed)
            if other is not placed and other != placed:
                contested.add(placed.path)
    return contested


def _claims(contents: Iterable[Content], paths: Collection[str]) -> Mapping[str, list[_Claim]]:
    claims: dict[str, list[_Claim]] = {path: [] for path in sorted(paths)}
    for content in contents:
        for placed, source in zip(content.owner.files, content.sources, strict=True):
            if placed.path in claims:
                claims[placed.path].append(_Claim(content.owner.name, placed, source))
    return claims


def _named(path: str, inside: str, name: str, claims: Sequence[_Claim]) -> _Claim:
    for claim in claims:
        if claim.name == name:
            return claim
    names = [claim.name or InstallConflict.ENVIRONMENT for claim in claims]
    raise InstallConflict(
        path,
        names,
        how=f"{name} doesn't install {path}: {' and '.join(names)} do",
        hint=f'name one of them: winners = {{ "{inside}" = "{names[-1]}" }} under [sync]',
    )


def _namespace(claims: Sequence[_Claim]) -> _Claim | None:
    from envsync.sync.namespace import RANKS, namespace_kind  # noqa: PLC0415  (ast: 3 ms)

    kinds = [namespace_kind(claim.read()) for claim in claims]
    if None in kinds or not all(claim.name for claim in claims):
        return None
    ranked = [(RANKS.index(kind), claim) for kind, claim in zip(kinds, claims, strict=True) if kind]
    return min(ranked)[1]


def _is_stray_text(name: str) -> bool:
    is_text = re.fullmatch(
        _STRAY_TEXT, name, re.IGNORECASE
    )  # compiled where something is contested
    return is_text is not None and not name.endswith(_CODE)


def _given(content: Content, decided: Mapping[str, _Claim]) -> Content:
    """Give a package the winners' files in place of its own, and none compiled from those."""
    files: list[Placed] = []
    sources: list[str | bytes] = []
    for placed, source in zip(content.owner.files, content.sources, strict=True):
        compiled_from = decided.get(source_of(placed.path)) if ".pyc" in placed.path else None
        winner = decided.get(placed.path)
        if winner is not None:
            files.append(winner.placed)
            sources.append(winner.source)
        elif compiled_from is None or compiled_from.name == content.owner.name:
            files.append(placed)
            sources.append(source)
    return Content(content.owner._replace(files=tuple(files)), tuple(sources))
