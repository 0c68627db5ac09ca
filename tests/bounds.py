"""Print what to install to run the tests with the lowest or the newest versions of dependencies.

`python -m tests.bounds lowest`: each dependency of pyproject.toml at its lower bound; `newest`:
each as it stands there, for an installer that upgrades. The extras are tools, and stay as pinned.
"""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"


def at_the_edge(dependencies: list[str], edge: str) -> Iterator[str]:
    """Give a requirement for each dependency; raises `ValueError` for one without lower bound."""
    for dependency in dependencies:
        requirement = Requirement(dependency)
        if edge == "newest":
            yield dependency
            continue
        lower = [each.version for each in requirement.specifier if each.operator in (">=", "==")]
        if len(lower) != 1:
            raise ValueError(f"{dependency}: one lower bound is needed")
        yield f"{requirement.name}=={lower[0]}"


def main(edge: str) -> None:
    """Print one requirement a line."""
    if edge not in ("lowest", "newest"):
        raise SystemExit(f"{edge}: lowest or newest")
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    sys.stdout.write("\n".join(at_the_edge(project["dependencies"], edge)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
