"""The values that env.toml is read into."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

Resolution = Literal["highest", "lowest", "lowest-direct"]
Prereleases = Literal["if-necessary-or-explicit", "allow", "disallow"]
LinkMode = Literal["auto", "clone", "hardlink", "copy", "symlink"]
SourceKind = Literal["path", "git", "url", "index"]
IndexFormat = Literal["simple", "flat"]

ALL = ":all:"
"""Stands for every package in `no-binary` and `build.allow`."""


class IndexSpec(NamedTuple):
    """One `[[index]]`."""

    name: str
    """Lower case letters, digits, `-` and `_`."""
    url: str
    """http or https, without credentials; or a place on this machine (`model.file_urls`)."""
    default: bool = False
    """Stands in for the public index."""
    explicit: bool = False
    """Serves only packages that `[sources]` sends to it."""
    format: IndexFormat = "simple"
    """"simple": a page for each project (PEP 503, 691); "flat": one page or folder for all."""
    exclude_newer: str | Literal[False] | None = None
    """In the place of `[lock] exclude-newer`; False: nothing is too new here."""
    ignore_error_codes: tuple[int, ...] = ()
    """HTTP statuses that mean "not there", as 404 does."""
    outside: bool = False
    """It may lie outside of the project's folder."""
    mirror_of: str | None = None
    """The URL of the index whose locked files it has; such a one is in `Spec.mirrors`."""
    fallback: bool = True
    """What a mirror doesn't give is got from the index itself."""


class SourceSpec(NamedTuple):
    """Where a package comes from, under one marker."""

    kind: SourceKind
    location: str
    """By kind: a path with forward slashes, relative to the project's folder or, where it leads out
    of that, absolute if it was written so; the URL of a git repository; the URL of a wheel or
    source archive; the name of an index."""
    marker: Marker | None = None
    editable: bool = False
    subdirectory: str | None = None
    """The folder inside the source that holds the project; relative, without `..`."""
    tag: str | None = None
    branch: str | None = None
    rev: str | None = None
    extra: NormalizedName | None = None
    """It applies where this extra is installed, or what includes it; `marker` says so too."""
    group: NormalizedName | None = None
    """Likewise, of a dependency group."""
    submodules: bool = False
    """Check out its submodules, too."""
    lfs: bool = False
    """Take its large files out of Git LFS, not their pointers."""

    @property
    def revision(self) -> str | None:
        """What to check out of a git repository; None is its default branch."""
        return self.tag or self.branch or self.rev


class LockPolicy(NamedTuple):
    """`[lock]`: how versions are chosen."""

    environments: tuple[Marker, ...] = ()
    """What the lock covers; empty is everything."""
    required_environments: tuple[Marker, ...] = ()
    resolution: Resolution = "highest"
    prereleases: Prereleases = "if-necessary-or-explicit"
    exclude_newer: str | None = None
    """As written; `times.exclude_newer_time` makes a time of it."""
    constraints: tuple[Requirement, ...] = ()
    overrides: tuple[Requirement, ...] = ()
    ignore_requires_python: frozenset[NormalizedName] = frozenset()
    no_binary: frozenset[str] = frozenset()
    """Normalised names, or `ALL`."""
    conflicts: tuple[tuple[NormalizedName, ...], ...] = ()
    """Extras or groups that are never installed together; two names or more each."""
    trust_record: frozenset[tuple[NormalizedName, Version]] = frozenset()
    """Releases whose wheels are taken though RECORD doesn't fit their files."""


class SyncOptions(NamedTuple):
    """`[sync]`: how files get into the environment."""

    link_mode: LinkMode = "auto"
    compile_bytecode: bool = False
    keep: tuple[str, ...] = ()
    """Patterns of paths in site-packages that programs write to."""
    winners: Mapping[str, NormalizedName] = MappingProxyType({})
    """Whose file stands, by path in site-packages or in the environment."""


class BuildPolicy(NamedTuple):
    """`[build]`: what may be built from source, and how."""

    allow: frozenset[str] = frozenset()
    """Normalised names, or `ALL`."""
    config_settings: Mapping[NormalizedName, Mapping[str, str | list[str]]] = {}
    extra_build_requires: Mapping[NormalizedName, tuple[Requirement, ...]] = {}
    environment: Mapping[NormalizedName, Mapping[str, str]] = {}
    """Variables for a package's build."""
    passed: tuple[str, ...] = ()
    """Names of the user's variables that builds of remote sources get; `*` stands for anything."""
    no_isolation: frozenset[NormalizedName] = frozenset()
    """Built beside what the project installs, not in an environment of their own."""
    unconfined: frozenset[str] = frozenset()
    """Normalised names, or `ALL`, whose builds have the network and may write anywhere."""
    constraints: tuple[Requirement, ...] = ()
    """Bounds for whatever builds require."""


class InputFile(NamedTuple):
    """A file that `[env] from` names, or that such a file includes, as it was read."""

    path: str
    """Relative to the project's folder."""
    data: bytes


class Part(NamedTuple):
    """An extra or a dependency group; or the dependencies that are always installed."""

    kind: Literal["base", "extra", "group"]
    name: NormalizedName

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class WorkspaceSpec(NamedTuple):
    """`[workspace]`: the folders below env.toml's that are locked together, by patterns."""

    members: tuple[str, ...]
    exclude: tuple[str, ...] = ()


class Member(NamedTuple):
    """A project of a workspace, and how the one lock of all calls what it needs.

    In the lock everything that a member needs is in dependency groups, so that what one needs can
    be chosen without the others.
    """

    name: NormalizedName
    path: str
    """Its folder, relative to the workspace's; "." is the workspace's own project."""
    needs: NormalizedName
    """The group of what it always needs."""
    groups: Mapping[NormalizedName, NormalizedName] = MappingProxyType({})
    """Its own groups, by their names in its file."""
    extras: Mapping[NormalizedName, NormalizedName] = MappingProxyType({})
    default_groups: tuple[NormalizedName, ...] = ()
    """By their names in its file."""
    file: str = ""
    """The file that says what it needs, relative to the workspace's folder."""
    tasks: Mapping[str, str | tuple[str, ...]] = MappingProxyType({})

    def place(self, group: NormalizedName) -> str:
        """Say what in this member's file a group of the lock is."""
        for kind, names in (("group", self.groups), ("extra", self.extras)):
            for name, known in names.items():
                if known == group:
                    return f"{self.file}: {kind} {name}"
        return f"{self.file}: dependencies"


BASE = Part("base", NormalizedName(""))

Exclusive = tuple[frozenset[Part], ...]
"""Of these sets of extras and groups at most one is ever installed from."""


class Spec(NamedTuple):
    """All of env.toml, checked."""

    name: str
    """Shown in the prompt; any printable text."""
    own_name: NormalizedName | None = None
    """The name as that of a package, where it can be one: no index is asked for it unsent."""
    requires_python: SpecifierSet | None = None
    python: str | None = None
    """The interpreter to use: a version, a specifier or an absolute path."""
    dependencies: tuple[Requirement, ...] = ()
    optional_dependencies: Mapping[NormalizedName, tuple[Requirement, ...]] = {}
    dependency_groups: Mapping[NormalizedName, tuple[Requirement, ...]] = {}
    """Included groups and own extras are already put in the place of their names (PEP 735)."""
    default_groups: tuple[NormalizedName, ...] = ()
    path: str = ".venv"
    """The environment's folder, relative to the project's, with forward slashes."""
    system_site_packages: bool = False
    seed: tuple[NormalizedName, ...] = ()
    indexes: tuple[IndexSpec, ...] = ()
    """In priority order."""
    mirrors: tuple[IndexSpec, ...] = ()
    """They decide nothing of a lock, and serve files that it names."""
    sources: Mapping[NormalizedName, tuple[SourceSpec, ...]] = {}
    lock: LockPolicy = LockPolicy()
    exclusive: tuple[Exclusive, ...] = ()
    """What `lock.conflicts` means once includes are followed, a member for each of its names."""
    sync: SyncOptions = SyncOptions()
    build: BuildPolicy = BuildPolicy()
    tasks: Mapping[str, str | tuple[str, ...]] = {}
    """Name -> a command line, or commands and names of other tasks in order."""
    workspace: WorkspaceSpec | None = None
    members: tuple[Member, ...] = ()
    """Of a workspace, the project at its root first; empty where there is none, or where members
    weren't read. Then all of the root's dependencies stand in groups."""
    inputs: tuple[InputFile, ...] = ()
    """What was read beside env.toml, whose values are in all the others already."""
    script: str = ""
    """What messages call the script whose metadata this is; of an env.toml: nothing."""

    def place(self, key: str) -> str:
        """Say where a key stands, as it is called in the file that the user wrote."""
        if not self.script:
            return f"env.toml: {key}"
        return f"{self.script}: {key[4:] if key.startswith('env.') else f'tool.envsync.{key}'}"
