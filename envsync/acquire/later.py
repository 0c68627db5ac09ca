"""Say which later index has what the first one that knows a package has not.

The first index that has a package serves it alone, since the same name may be a stranger's on
another (H4). Only where that leaves no solution are later ones asked, and nothing is taken there.
"""

from collections.abc import Collection, Iterator

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from envsync.errors import EnvsyncError, NoSolution
from envsync.index.client import IndexClient
from envsync.index.page_source import Index
from envsync.index.urls import display_url
from envsync.model.version_text import parse_version


def with_later_indexes(error: NoSolution, client: IndexClient, sent: Collection[str]) -> NoSolution:
    """Give the same error with what later indexes have; `sent` are names with a source."""
    lines: list[str] = []
    hint: str | None = None
    for name, specifier in error.unmet.items():
        if name not in sent:
            having = _where(client, name, SpecifierSet(specifier))
            lines += _told(name, specifier, having)
            hint = hint or next((_hint(name, index) for index in having[1:]), None)
    if not lines:
        return error
    return NoSolution((*error.explanation, *lines), hint=hint or error.hint, unmet=error.unmet)


def _where(client: IndexClient, name: str, versions: SpecifierSet) -> list[Index]:
    """The index that serves a package where others come after it, and those that have versions."""
    project = canonicalize_name(name)
    try:
        page = client.page(project).result()
        later = client.later(page.index) if page is not None else ()
        if page is None or not later:
            return []
        having = [page.index]
        for index in later:
            releases = client.page_on(index, project).result()
            texts = map(parse_version, releases.outline.texts if releases is not None else ())
            if any(one is not None and versions.contains(one, prereleases=True) for one in texts):
                having.append(index)
    # This only adds to an error: one of its own would hide that.
    except EnvsyncError:
        return []
    return having


def _told(name: str, specifier: str, having: list[Index]) -> Iterator[str]:
    if having:
        yield (
            f"{_label(having[0])} has {name} and serves it alone: later indexes were not asked, "
            "where the name could be another project's"
        )
    yield from (f"{name}{specifier} is on {_label(index)}" for index in having[1:])


def _label(index: Index) -> str:
    return f"index {index.name} ({display_url(index.url)})" if index.name else "the public index"


def _hint(name: str, index: Index) -> str:
    if index.name is None:
        return (
            f"to take {name} from there, name that index under [[index]], and send the package "
            "to it under [sources]"
        )
    return f'`{name} = {{ index = "{index.name}" }}` under [sources] takes it from there'
