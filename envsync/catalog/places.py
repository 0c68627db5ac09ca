"""Say where packages come from: the indexes in their order, and a key for each entry of [sources].

The resolver only compares keys and hands them back; what they stand for is looked up here.
"""

from collections.abc import Iterable, Mapping

from packaging.utils import NormalizedName

from envsync.index.page_source import Index
from envsync.model.file_urls import is_local, path_of, reach_of
from envsync.model.marker import MarkerSet, from_marker
from envsync.spec.declared import declared_sources
from envsync.spec.model import IndexSpec, SourceSpec, Spec
from envsync.spec.references import direct_source

INDEX_KEY = "index:"


def indexes_for(spec: Spec, default_index_url: str) -> tuple[Index, ...]:
    """The indexes in the order in which they are asked, the public one last.

    `default_index_url` is the public index or what the settings put in its place; an [[index]]
    with `default = true` stands in for either. An explicit one serves only what [sources] sends.
    """
    named = tuple(_index(index) for index in spec.indexes if not index.default)
    default = next((_index(index) for index in spec.indexes if index.default), None)
    # The user's own settings may name any folder.
    other = Index(None, default_index_url, outside=is_local(default_index_url))
    return (*named, default or other)


def reach(indexes: Iterable[Index]) -> tuple[str, ...]:
    """Give the folders, outside of the project, in which files of indexes may lie."""
    return tuple(
        path_of(reach_of(index.url, index.format))
        for index in indexes
        if index.outside and is_local(index.url)
    )


def _index(index: IndexSpec) -> Index:
    return Index(
        index.name,
        index.url,
        index.explicit,
        index.format,
        frozenset(index.ignore_error_codes),
        index.outside,
    )


def source_rules(spec: Spec) -> Mapping[str, tuple[tuple[MarkerSet, str], ...]]:
    """[sources] as `ResolvePolicy.sources` wants them: where each applies, and its key."""
    return {
        name: tuple((from_marker(source.marker), source_key(source)) for source in sources)
        for name, sources in spec.sources.items()
    }


def sources_by_key(spec: Spec) -> Mapping[str, SourceSpec]:
    """What the keys of `source_rules` stand for."""
    return {source_key(source): source for each in spec.sources.values() for source in each}


def source_key(source: SourceSpec) -> str:
    """A text that names a source, and the same text for the same source."""
    if source.kind == "index":
        return f"{INDEX_KEY}{source.location}"
    details = [
        *((f"{key}={value}" for key, value in _revision(source).items())),
        *([f"subdirectory={source.subdirectory}"] if source.subdirectory else []),
        *(["editable"] if source.editable else []),
    ]
    return f"{source.kind}:{source.location}" + (f" ({', '.join(details)})" if details else "")


def _revision(source: SourceSpec) -> Mapping[str, str]:
    given = {"tag": source.tag, "branch": source.branch, "rev": source.rev}
    return {key: value for key, value in given.items() if value is not None}


def source_of(key: str, known: Mapping[str, SourceSpec]) -> SourceSpec:
    """The source of a key, or of the URL of a direct reference (PEP 508).

    `ValueError` for a URL that can't be used.
    """
    declared = known.get(key)
    return declared if declared is not None else direct_source(key)


def elsewhere(spec: Spec) -> frozenset[NormalizedName]:
    """Projects with a source or address of their own, and the own name: no index hears of them."""
    own = () if spec.own_name is None else (spec.own_name,)
    return frozenset((*declared_sources(spec), *own))
