"""Say which keys of a Spec ask for something that envsync can't do yet."""

from collections.abc import Callable, Iterable, Iterator

from packaging.requirements import Requirement

from envsync.spec.model import Spec

UsedKeys = Callable[[Spec], Iterable[str]]


def unsupported(spec: Spec) -> tuple[str, ...]:
    """Give the key paths whose effect comes later, in the order of `PENDING`; none is empty.

    A command for which such a key matters refuses to work rather than ignore it.
    """
    return tuple(key for used_keys in PENDING.values() for key in used_keys(spec))


def _git(spec: Spec) -> Iterator[str]:
    """Git repositories: under [sources], and as direct references in requirements."""
    for name, sources in spec.sources.items():
        if any(source.kind == "git" for source in sources):
            yield f"sources.{name}.git"
    for key, requirements in _requirement_lists(spec):
        for requirement in requirements:
            if (requirement.url or "").startswith("git+"):
                yield f"{key}: {requirement.name} @ git+..."


def _requirement_lists(spec: Spec) -> Iterator[tuple[str, tuple[Requirement, ...]]]:
    yield "env.dependencies", spec.dependencies
    for name, requirements in spec.optional_dependencies.items():
        yield f"env.optional-dependencies.{name}", requirements
    for name, requirements in spec.dependency_groups.items():
        yield f"dependency-groups.{name}", requirements
    yield "lock.constraints", spec.lock.constraints
    yield "lock.overrides", spec.lock.overrides
    for name, requirements in spec.build.extra_build_requires.items():
        yield f"build.extra-build-requires.{name}", requirements


PENDING: dict[str, UsedKeys] = {"sources.git": _git}
"""Delete an entry when the key has its effect."""
