"""A list of requirements in the text of a TOML file, and what adding to it and taking out means."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import tomlkit
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envsync.spec.arrays import insert_item, remove_item, replace_item
from envsync.spec.form import with_line_ends
from envsync.spec.rewrite import ListPath, get_list, put_list, values_at

_HEAD = re.compile(r"\s*(?P<name>:all:|[A-Za-z0-9._-]+)\s*(?:\[[^\]]*\])?")
"""Name and extras at the beginning of a requirement."""


class RequirementList(NamedTuple):
    """A list in env.toml: its text, and the values in it."""

    text: str
    values: tuple[object, ...]

    def names(self) -> list[str]:
        """Normalised names of what is listed; "" for what has none, such as an include."""
        return [name_of(value) for value in self.values]

    def replace(self, position: int, value: str) -> "RequirementList":
        """Put a value in the place of another."""
        text = replace_item(self.text, position, quoted(value))
        return RequirementList(text, (*self.values[:position], value, *self.values[position + 1 :]))

    def add(self, value: str) -> "RequirementList":
        """Add in alphabetical order if the list is in it, else at the end."""
        names, position = self.names(), len(self.values)
        listed = [name for name in names if name]
        if listed == sorted(listed):
            later = (place for place, name in enumerate(names) if name > name_of(value))
            position = next(later, position)
        text = insert_item(self.text, position, quoted(value))
        return RequirementList(text, (*self.values[:position], value, *self.values[position:]))

    def remove(self, position: int) -> "RequirementList":
        """Take a value out."""
        text = remove_item(self.text, position)
        return RequirementList(text, (*self.values[:position], *self.values[position + 1 :]))

    def without(self, name: str) -> "RequirementList":
        """Take out whatever has a normalised name."""
        entries = self
        for position in reversed(range(len(self.values))):
            if name_of(self.values[position]) == name:
                entries = entries.remove(position)
        return entries


def with_requirement(listed: RequirementList, new: Requirement, text: str) -> RequirementList:
    """Give a list with a requirement: in the place of one of that name and marker, else added."""
    if not listed.values and "\n" not in listed.text:
        listed = RequirementList("[\n]", ())
    for position, value in enumerate(listed.values):
        if not isinstance(value, str) or name_of(value) != canonicalize_name(new.name):
            continue
        old = Requirement(value)
        if old.marker == new.marker:
            merged = merged_requirement(value, old, text.strip(), new)
            return listed if merged == value else listed.replace(position, merged)
    return listed.add(text.strip())


def change_list(
    body: str,
    values: Mapping[str, object],
    path: ListPath,
    change: Callable[[RequirementList], RequirementList],
) -> tuple[str, RequirementList] | None:
    """Give the text of a TOML file with one list changed, and that list; None where it stays.

    `values` is what `body` means. Whoever asks compares the result. Raises `RewriteFailed`.
    """
    before = RequirementList(get_list(body, path) or "[]", tuple(values_at(values, path)))
    after = change(before)
    if after.values == before.values:
        return None
    return with_line_ends(put_list(body, path, after.text), body), after


def merged_requirement(old_text: str, old: Requirement, new_text: str, new: Requirement) -> str:
    """Join two requirements of one name and marker."""
    says_version = bool(new.specifier) or new.url is not None
    kept_text, kept = (new_text, new) if says_version else (old_text, old)
    extras = old.extras | new.extras
    if extras == kept.extras:
        return kept_text
    rest = _HEAD.sub("", kept_text, count=1)
    return f"{kept.name}[{','.join(sorted(extras))}]{rest}"


def name_of(value: object) -> str:
    """Give the normalised name at the beginning of a list's item; "" where there is none."""
    head = _HEAD.match(value) if isinstance(value, str) else None
    return canonicalize_name(head["name"]) if head else ""


def inline_table(values: Mapping[str, object]) -> str:
    """Write strings, and what is true or false, as a table on one line."""
    pairs = (
        f"{key} = {quoted(value) if isinstance(value, str) else str(value).lower()}"
        for key, value in values.items()
    )
    return f"{{ {', '.join(pairs)} }}"


def quoted(text: str) -> str:
    """Write a string as TOML, without escapes where that can be."""
    plain = text.isprintable()
    if plain and not set(text) & set('"\\'):
        return f'"{text}"'
    if plain and "'" not in text:
        return f"'{text}'"
    return tomlkit.string(text).as_string()
