"""Say where env.toml itself sends packages: `[sources]`, and requirements with a URL."""

from collections.abc import Iterator, Mapping
from itertools import chain

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from envsync.spec.model import SourceSpec, Spec
from envsync.spec.references import direct_source


def declared_sources(spec: Spec) -> Mapping[NormalizedName, tuple[SourceSpec, ...]]:
    """Every source that env.toml names, by package, each with the marker that it is for.

    A direct reference (`NAME @ URL`, PEP 508) counts in every extra and group, as in `[sources]`.
    """
    declared = dict(spec.sources)
    for requirement in _requirements(spec):
        if requirement.url is not None:
            name = canonicalize_name(requirement.name)
            source = direct_source(requirement.url)._replace(marker=requirement.marker)
            declared[name] = (*declared.get(name, ()), source)
    return declared


def _requirements(spec: Spec) -> Iterator[Requirement]:
    lists = (*spec.optional_dependencies.values(), *spec.dependency_groups.values())
    return chain(spec.dependencies, spec.lock.overrides, *lists)
