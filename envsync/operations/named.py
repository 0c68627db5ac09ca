"""Requirements as they are typed to those of env.toml: repositories get their project's name."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from envsync.errors import UsageError
from envsync.spec.locations import read_git_url, read_revision
from envsync.spec.model import SourceSpec, Spec
from envsync.spec.references import direct_source

_BARE = re.compile(
    r"git\+|[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:(?!//)|ssh://|(?:https?|file)://\S+\.git(?:[@#]|$)"
)
_NAMED = re.compile(
    r"(?P<head>[A-Za-z0-9._-]+\s*(?:\[[^\]]*\])?)\s*@\s*(?P<url>git\+.*)", re.DOTALL
)
_EXAMPLE = "a repository is named as in `envsync add --tag v1 git+https://git.example/tool.git`"


class Revision(NamedTuple):
    """What of a repository is asked for by an option."""

    tag: str | None = None
    branch: str | None = None
    rev: str | None = None


class Named(NamedTuple):
    """A requirement as it goes into a list of env.toml, and the source that goes with it."""

    requirement: str
    source: SourceSpec | None = None
    """Goes under [sources]."""

    @property
    def name(self) -> NormalizedName:
        """The package."""
        return canonicalize_name(Requirement(self.requirement).name)


def named(
    requirements: Sequence[str],
    revision: Revision,
    spec: Spec,
    name_at: Callable[[SourceSpec], str],
) -> list[Named]:
    """Give each requirement with its name; `name_at` looks into a repository.

    With a tag, branch or commit by option, and where [sources] has the package already, the address
    goes under [sources]; else it stays with the requirement. Raises `UsageError`, and as `name_at`.
    """
    if revision != Revision() and len(requirements) != 1:
        raise UsageError(
            "--tag, --branch and --rev are about one repository",
            hint="add the packages one after the other",
        )
    return [_named(text.strip(), revision, spec, name_at) for text in requirements]


def _named(
    text: str, revision: Revision, spec: Spec, name_at: Callable[[SourceSpec], str]
) -> Named:
    match = _NAMED.fullmatch(text)
    if match is None and _BARE.match(text) is None:
        if revision != Revision():
            raise UsageError(
                f"{text} is no repository: --tag, --branch and --rev go with one", hint=_EXAMPLE
            )
        return Named(text)
    url, semicolon, marker = (match["url"] if match else text).partition(" ;")
    url = url.strip() if url.startswith("git+") else f"git+{_as_url(url.strip())}"
    source = _source(url, revision)
    head = match["head"].strip() if match else name_at(source)
    name = canonicalize_name(head.partition("[")[0].strip())
    if revision != Revision() or name in spec.sources:
        return Named(f"{head}{semicolon.strip()}{marker}", source)
    return Named(f"{head} @ {url}{semicolon}{marker}")


def _as_url(text: str) -> str:
    """Give the URL of an address without a scheme, as forges show it (`git@host:path`)."""
    if "://" in text:
        return text
    host, _, rest = text.partition(":")
    path = re.split("[@#]", rest, maxsplit=1)[0]
    try:
        return read_git_url(f"{host}:{path}") + rest[len(path) :]
    except ValueError as error:
        raise UsageError(f"{error}", hint=_EXAMPLE) from error


def _source(url: str, revision: Revision) -> SourceSpec:
    """Read an address with its revision, which may stand in it or be given beside it."""
    try:
        source = direct_source(url)
        for text in filter(None, revision):
            read_revision(text)
    except ValueError as error:
        raise UsageError(f"{error}", hint=_EXAMPLE) from error
    if revision == Revision():
        return source
    if source.rev:
        raise UsageError(f"the address says @{source.rev} already", hint="leave one of them out")
    return source._replace(tag=revision.tag, branch=revision.branch, rev=revision.rev)
