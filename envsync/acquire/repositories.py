"""Git repositories as sources of packages: their commits, metadata without a build, their trees."""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import quote

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from envsync.build.sources import SourceTree
from envsync.catalog.direct import Repository
from envsync.catalog.memory import MetadataMemory
from envsync.errors import GitFailed, Leave, MetadataInvalid, NotSupported, SourceInvalid
from envsync.events import Reporter
from envsync.git.access import Access
from envsync.git.repositories import PROJECT_FILES, Found, Repositories, Wanted
from envsync.git.run import Program
from envsync.inside import folder_inside
from envsync.lock.compare import CommitOf
from envsync.lock.origins import declared_source
from envsync.lock.pins import Pinned
from envsync.lock.urls import public_url
from envsync.model.candidate import Candidate, CoreMetadata, DirectSource
from envsync.project.interpreter import strangers_folder
from envsync.project.pyproject_table import project_name, static_metadata
from envsync.settings import Settings
from envsync.spec.model import ALL, SourceSpec, Spec
from envsync.wheel.metadata import static_sdist_metadata


class RepositorySources:
    """The repositories that one project takes packages from."""

    def __init__(
        self,
        root: str,
        spec: Spec,
        settings: Settings,
        reporter: Reporter,
        commits: Mapping[CommitOf, str],
        renewed: bool | frozenset[str],
    ) -> None:
        """`commits` are those of the lock; they stay, but those of packages that are `renewed`."""
        self._root, self._spec, self._reporter = root, spec, reporter
        self._commits, self._renewed = commits, renewed
        strangers = strangers_folder(settings.script_folder or root)
        access = Access(
            Program(os.environ, strangers, idle_seconds=settings.timeout),
            settings.cache_dir,
            settings.offline,
            settings.insecure_hosts,
            reporter,
        )
        self._repositories = Repositories(access)
        self._memory = MetadataMemory(settings.cache_dir)
        self._found: dict[tuple[str, str | None], Found] = {}

    # -- for locking

    def read(self, name: NormalizedName, source: SourceSpec) -> Repository:
        """Find the commit of a source and read what it says of itself (`ReadRepository`).

        Raises `GitFailed`, `MetadataInvalid`; and for an address that only a package names, as what
        its build requires.
        """
        self._refuse_strangers(name, source)
        place = CommitOf(name, public_url(source.location), source.revision)
        locked = self._commits.get(place)
        moves = self.moves(name)
        if locked is not None and not moves:
            known = self._memory.get(_memory_key(source, locked))
            if known is not None:  # the repository itself is not needed then
                return Repository(self._direct(source, locked), known)
        with _named_in_hints(name):
            found = self._find(source, None if moves else locked)
        if moves and locked not in (None, found.commit) and _is_tag(source, found):
            self._reporter.warn(
                f"the tag {source.revision} of {place.url} has moved from {locked} to "
                f"{found.commit}: a published tag should stay where it is"
            )
        return Repository(self._direct(source, found.commit), self._metadata(source, found.commit))

    def _refuse_strangers(self, name: NormalizedName, source: SourceSpec) -> None:
        """See that env.toml names an address, or lets the package be built (hazard H18): asking it
        takes the user's own logins along.
        """
        allowed = self._spec.build.allow
        direct = self._direct(source, source.rev or "")
        pin = Pinned(
            name, None, "vcs", "", direct.url, None, "", {}, subdirectory=direct.subdirectory
        )
        pin = pin._replace(requested_revision=direct.requested_revision, commit=direct.commit)
        if name not in allowed and ALL not in allowed and declared_source(pin, self._spec) is None:
            raise GitFailed(
                source.location,
                f"a build requires {name} from there, and env.toml doesn't name that address",
                hint=Leave(name, " lets it be asked, and built"),
            )

    def moves(self, name: NormalizedName) -> bool:
        """Say whether a package is asked for anew, whatever is locked or remembered of it."""
        return self._renewed is True or (
            isinstance(self._renewed, frozenset) and name in self._renewed
        )

    def name_at(self, source: SourceSpec) -> NormalizedName | None:
        """Give the name of the project in a repository; None where only a build can tell."""
        commit = self._find(source, None).commit
        metadata = self._metadata(source, commit)
        if metadata is not None:
            return metadata.name
        folder = f"{source.subdirectory}/" if source.subdirectory else ""
        (data,) = self._repositories.files(source, commit, [f"{folder}pyproject.toml"])
        return None if data is None else project_name(data)

    def unnamed(self, source: SourceSpec) -> Candidate:
        """Give what a build is asked about, to learn the name of the project in a repository."""
        commit = self._find(source, None).commit
        direct = self._direct(source, commit)
        last = source.location.rstrip("/").rpartition("/")[2].removesuffix(".git")
        name = canonicalize_name(re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-._") or "project")
        return Candidate(name, Version("0"), source=direct)

    def _direct(self, source: SourceSpec, commit: str) -> DirectSource:
        return DirectSource(
            "vcs",
            url=public_url(source.location),
            subdirectory=source.subdirectory,
            vcs="git",
            commit=commit,
            requested_revision=source.revision,
        )

    def _find(self, source: SourceSpec, locked: str | None) -> Found:
        """Find a source's commit; two packages of one repository get the same one."""
        key = (source.location, source.revision)
        if locked is not None:
            return self._repositories.find(source, locked)
        if key not in self._found:
            self._found[key] = self._repositories.find(source)
        return self._found[key]

    def _metadata(self, source: SourceSpec, commit: str) -> CoreMetadata | None:
        key = _memory_key(source, commit)
        known = self._memory.get(key)
        if known is not None:
            return known
        metadata = self._static(source, commit)
        if metadata is not None:
            self._memory.put(key, metadata)
        return metadata

    def _static(self, source: SourceSpec, commit: str) -> CoreMetadata | None:
        """Read pyproject.toml, else PKG-INFO that promises to be static (PEP 621, 643)."""
        folder = f"{source.subdirectory}/" if source.subdirectory else ""
        label = f"{source.location}@{commit[:12]}"
        if folder and not self._repositories.has_folder(source, commit, folder.rstrip("/")):
            raise MetadataInvalid(
                label,
                f"has no folder {source.subdirectory!r}",
                hint="see that subdirectory is right; links are not followed",
            )
        names = (*PROJECT_FILES, "PKG-INFO")
        contents = self._repositories.files(source, commit, [f"{folder}{name}" for name in names])
        files = dict(zip(names, contents, strict=True))
        if all(data is None for data in contents):
            raise self._no_project(source, commit, label)
        pyproject, pkg_info = files["pyproject.toml"], files["PKG-INFO"]
        if pyproject is not None:
            metadata = static_metadata(pyproject, file=f"{label}/{folder}pyproject.toml")
            if metadata is not None:
                return metadata
        if pkg_info is not None:
            return static_sdist_metadata(pkg_info, file=f"{label}/{folder}PKG-INFO")
        return None

    def _no_project(self, source: SourceSpec, commit: str, label: str) -> MetadataInvalid:
        where = f" in {source.subdirectory}" if source.subdirectory else ""
        there = self._repositories.projects(source, commit)
        hint = "see that this is the repository of a Python package"
        if there:
            hint = f"it has projects in {', '.join(there[:5])}: name one as subdirectory"
        names = f"{', '.join(PROJECT_FILES[:-1])} or {PROJECT_FILES[-1]}"
        return MetadataInvalid(label, f"holds no project{where}: there is no {names}", hint=hint)

    # -- for builds

    def digest(self, pin: Pinned) -> str:
        """Name what a pin's tree holds: 64 hexadecimal digits, for the key of what is built."""
        url, wanted = self._place(pin)
        facts = ("git", url, pin.commit or "", str(wanted.submodules), str(wanted.lfs))
        return hashlib.sha256("\0".join(facts).encode()).hexdigest()

    def tree(self, pin: Pinned, directory: str, *, is_outline: bool = False) -> SourceTree:
        """Check a pin's commit out into an empty folder. Raises `GitFailed`, `SourceInvalid`.

        An outline is only to be looked at, not built.
        """
        url, wanted = self._place(pin)
        if is_outline:
            wanted = Wanted(pin.subdirectory, is_outline=True)
        with _named_in_hints(pin.name):
            self._repositories.check_out(url, pin.commit or "", directory, wanted)
        path = directory
        for part in (pin.subdirectory or "").split("/"):
            path = os.path.join(path, part)
            if os.path.islink(path) or not os.path.isdir(path):
                raise SourceInvalid(
                    f"{url}@{(pin.commit or '')[:12]}", f"it has no folder {pin.subdirectory!r}"
                )
        name = canonicalize_name(pin.name)
        label = f"{url}@{(pin.commit or '')[:12]}"
        return SourceTree(path, self.digest(pin), label, name, private=directory)

    def _place(self, pin: Pinned) -> tuple[str, Wanted]:
        """Give the address of a pin, and what env.toml wants of it."""
        if pin.vcs not in (None, "git"):
            raise NotSupported(f"{pin.name}: packages.vcs of type {pin.vcs}", hint=_ONLY_GIT)
        source = declared_source(pin, self._spec)
        wanted = Wanted(pin.subdirectory)
        if source is not None:
            wanted = wanted._replace(submodules=source.submodules, lfs=source.lfs)
        if pin.url is not None:
            return pin.url, wanted
        folder = folder_inside(self._root, pin.path or ".", None)
        return f"file://{quote(folder)}", wanted


_ONLY_GIT = "git is the one version control system that packages are taken from"


@contextmanager
def _named_in_hints(name: str) -> Iterator[None]:
    """Put a package's name into what a hint says to type: a repository knows none."""
    try:
        yield
    except GitFailed as error:
        error.hint = error.hint and error.hint.replace("-P NAME", f"-P {name}")
        raise


def _memory_key(source: SourceSpec, commit: str) -> str:
    """Name what a commit says of itself: its id tells all of its content, whoever served it."""
    return f"git {commit} {source.subdirectory or ''}"


def _is_tag(source: SourceSpec, found: Found) -> bool:
    return source.tag is not None or (found.name or "").startswith("refs/tags/")
