"""Wheels and metadata from source, built in environments that envsync itself makes."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Protocol

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from envsync.acquire.fetch import address_of, listing_of
from envsync.acquire.public_index import default_index
from envsync.acquire.repositories import RepositorySources
from envsync.build.backend import build_editable, build_metadata, build_wheel, prepare
from envsync.build.key import build_key, requirements_digest
from envsync.build.log import BuildLog, logged
from envsync.build.process import DEFAULT_LIMITS, Limits
from envsync.build.request import Build, BuildEnvironment, Provision
from envsync.build.room import BUILDS, REQUIRES
from envsync.build.sources import SourceTree, open_folder, unpack_sdist
from envsync.build.system import read_build_system
from envsync.build.variables import passed
from envsync.cache.scratch import scratch_in
from envsync.cache.values import ValueCache, key_of
from envsync.catalog.memory import MetadataMemory
from envsync.catalog.places import indexes_for
from envsync.errors import BuildNotAllowed, EnvsyncError, SourceInvalid
from envsync.events import Reporter, Stage, during
from envsync.index.client import IndexClient
from envsync.index.page_source import Index
from envsync.inside import folder_inside
from envsync.lock.builds import LockedBuild, build_for
from envsync.lock.origins import is_declared, place
from envsync.lock.pins import Pinned
from envsync.lock.urls import public_url
from envsync.model.candidate import Candidate, CoreMetadata
from envsync.model.target import Target
from envsync.platform.confined import confinement
from envsync.platform.files import make_private_directory, sha256_file, storage_errors
from envsync.project.interpreter import find_interpreter
from envsync.project.local_files import take
from envsync.project.local_metadata import metadata_rows, read_texts
from envsync.project.outside import place_of
from envsync.project.recipes import beside, recipe_of
from envsync.settings import Settings
from envsync.spec.model import ALL, Spec
from envsync.store.built import BuiltStore, BuiltWheel
from envsync.wheel.metadata import parse_metadata


class BuildHost(Protocol):
    """What a build needs of whoever asked for it."""

    def client(self) -> IndexClient:
        """Give the index client."""

    def repositories(self) -> RepositorySources:
        """Give the git repositories of the project."""

    def provision(
        self, requirements: Sequence[Requirement], target: Target
    ) -> AbstractContextManager[BuildEnvironment]:
        """Make an environment that holds build requirements, for the time of a `with` block."""

    def provision_beside(
        self, package: str, requirements: Sequence[Requirement], target: Target
    ) -> AbstractContextManager[BuildEnvironment]:
        """Make one that holds what the project installs beside a package, without isolation."""

    def beside(self) -> Sequence[Pinned]:
        """Give what the project installs, as far as it is known."""

    def builds(self) -> Sequence[LockedBuild]:
        """Give what was locked for builds."""


class Builder:
    """Builds what pins and candidates name, with leave only."""

    def __init__(
        self,
        host: BuildHost,
        root: str,
        spec: Spec,
        settings: Settings,
        reporter: Reporter,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._host, self._root, self._spec = host, root, spec
        self._settings, self._reporter, self._limits = settings, reporter, limits
        self._built = BuiltStore(settings.cache_dir)

    def wheel(self, pin: Pinned, target: Target) -> tuple[str, str]:
        """Build the wheel of a pin that is a source; gives its path and sha256.

        A source distribution is built once for each kind of interpreter, and so is an editable
        folder whose files say all that such a build depends on; other local folders each time.
        Raises `BuildNotAllowed`, `BuildFailed`, and what getting the source raises.
        """
        self.check_leave(pin)
        # What lies in the project is read each time: it may not be what was locked any more.
        is_vcs = pin.kind == "vcs"
        named = self._host.repositories().digest(pin) if is_vcs else pin.sha256
        source = named if pin.url is not None or is_vcs else self._said(pin)
        built = self._known(source, pin, target)
        if built is not None:
            return built.path, built.sha256
        with self._scratch() as folder, self._tree(pin, folder) as tree:
            # An archive of the project has its hash only now, from the copy that is built from
            # (H103).
            built = self._known(tree.sha256, pin, target)
            if built is None:
                built = self._build(pin, tree, target, folder)
                # What it links to isn't in such a wheel; what was compiled would be.
                if source and source == self._said(pin) and built.filename.endswith("-any.whl"):
                    self._built.put(self._key(source, pin, target), built.path)
        return built.path, built.sha256

    def _said(self, pin: Pinned) -> str:
        """Digest all that an editable wheel of a folder is made of; "" where that isn't known.

        That is where it is, and its project files, where these hold all of its metadata (PEP 621).
        """
        if pin.kind != "directory" or not pin.editable:
            return ""
        root, path = place_of(self._root, pin.path or ".", pin.subdirectory)
        if not read_texts(root, path).static:
            return ""
        facts = (*metadata_rows(root, path, files_too=True), os.path.join(root, path), "editable")
        return hashlib.sha256("\n".join(facts).encode("utf-8", "surrogateescape")).hexdigest()

    def _known(self, source: str, pin: Pinned, target: Target) -> BuiltWheel | None:
        return self._built.get(self._key(source, pin, target)) if source else None

    def _build(self, pin: Pinned, tree: SourceTree, target: Target, folder: str) -> BuiltWheel:
        make = build_editable if pin.editable else build_wheel
        label = f"{pin.name}=={pin.version}" if pin.version else pin.name
        with logged(label) as log:
            build = self._prepared(pin, tree, target, label, log)
            path = make(build, make_private_directory(folder, "out-"))
        with storage_errors(path):
            # A folder has no hash that says all that its build read: its wheel is kept under its
            # own, and never found again by the folder.
            key = self._key(tree.sha256, pin, target) if tree.sha256 else sha256_file(path)
        return self._built.put(key, path)

    def requires(self, candidate: Candidate) -> tuple[Requirement, ...] | None:
        """Give what a candidate's `[build-system]` and env.toml ask for; nothing of it runs.

        None for what is built beside the project's packages, and where its source says nothing that
        can be read. Raises what getting the source raises.
        """
        recipe = recipe_of(self._spec.build, candidate.name)
        if not recipe.isolated:
            return None
        own = self._build_system_of(_pin_of(candidate))
        return None if own is None else tuple(dict.fromkeys((*own, *recipe.requires)))

    def _build_system_of(self, pin: Pinned) -> tuple[Requirement, ...] | None:
        """Give what a source's `[build-system]` asks for; remembered where its bytes are known."""
        seen = ValueCache(REQUIRES.folder(self._settings.cache_dir))
        named = self._host.repositories().digest(pin) if pin.kind == "vcs" else pin.sha256
        key = key_of((named, pin.subdirectory or "")) if named else ""
        known = seen.get(key) if key else None
        if known is not None:
            return tuple(map(Requirement, known.decode().splitlines()))
        try:
            with self._scratch() as folder, self._tree(pin, folder, is_outline=True) as tree:
                own = read_build_system(tree).requires
        except SourceInvalid:
            return None  # a build will say why
        if key:
            seen.put(key, "".join(f"{one}\n" for one in own).encode())
        return own

    def _prepared(
        self, pin: Pinned, tree: SourceTree, target: Target, label: str, log: BuildLog
    ) -> Build:
        """Give the build of a pin as `[build]` wants it."""
        recipe = recipe_of(self._spec.build, pin.name)
        # The user's own folder is built by the user's own programs, as the user.
        confined = not (tree.is_in_place or recipe.unconfined)
        if confined and confinement().why_not:
            self._reporter.note(_unconfined(confinement().why_not))
        return prepare(
            tree,
            target=target,
            provision=self._provision(pin),
            package=label,
            config_settings=recipe.settings,
            extra_requires=recipe.requires,
            variables=self._variables(pin),
            confined=confined,
            log=log,
            reporter=self._reporter,
            limits=self._limits,
        )

    def metadata(self, candidate: Candidate) -> CoreMetadata:
        """Ask a candidate's backend for its metadata. Raises as `wheel`."""
        source = candidate.source
        # The catalog reads no repository but those that env.toml names.
        is_named = source is not None and (source.url is None or source.kind == "vcs")
        if not is_named and not self._is_allowed(candidate.name):
            raise BuildNotAllowed(f"{candidate.name}=={candidate.version}")
        spec = self._spec
        target = find_interpreter(
            spec.python, spec.requires_python, self._root, self._settings, self._reporter
        )
        pin = _pin_of(candidate)
        label = pin.name if pin.version is None else f"{pin.name}=={pin.version}"
        memory, key = MetadataMemory(self._settings.cache_dir), self._key_of_metadata(pin, target)
        is_asked_again = key and self._host.repositories().moves(candidate.name)
        known = memory.get(key) if key and not is_asked_again else None
        if known is not None:
            return known
        stage = during(Stage.BUILDING, self._reporter)
        with (
            stage,
            self._scratch() as folder,
            self._tree(pin, folder) as tree,
            logged(label) as log,
        ):
            data = build_metadata(self._prepared(pin, tree, target, label, log))
        metadata = parse_metadata(data, file=label)
        if key:
            memory.put(key, metadata)
        return metadata

    def _key_of_metadata(self, pin: Pinned, target: Target) -> str:
        """Name what a build says of a commit; "" of all else, which is asked each time."""
        if pin.kind != "vcs":
            return ""
        return f"built {self._key(self._host.repositories().digest(pin), pin, target)}"

    def check_leave(self, pin: Pinned) -> None:
        """See that env.toml gives leave for a build: by `[build] allow`, or because `[sources]`
        names this very file or folder of the project, or this repository. A lock gives none.

        Raises `BuildNotAllowed`.
        """
        is_ours = pin.url is None or pin.kind == "vcs"
        if self._is_allowed(pin.name) or (is_ours and is_declared(pin, self._spec)):
            return
        package = f"{pin.name}=={pin.version}" if pin.version else pin.name
        raise BuildNotAllowed(package, source=None if pin.index_url else place(pin))

    def _is_allowed(self, name: str) -> bool:
        allowed = self._spec.build.allow
        return ALL in allowed or canonicalize_name(name) in allowed

    def _key(self, source: str, pin: Pinned, target: Target) -> str:
        recipe = recipe_of(self._spec.build, pin.name)
        return build_key(
            source_sha256=source,
            requirements=requirements_digest(
                (
                    *map(str, recipe.requires),
                    *(f"constraint {one}" for one in recipe.constraints),
                    *(f"locked {build.digest()}" for build in self._locked_for(pin)),
                )
            ),
            config_settings=recipe.settings,
            target=target,
            subdirectory=pin.subdirectory,
            indexes=[public_url(index.url) for index in self._indexes()],
            variables=self._variables(pin),
            beside=beside(recipe, self._host.beside()),
        )

    def _locked_for(self, pin: Pinned) -> Iterator[LockedBuild]:
        build = build_for(self._host.builds(), canonicalize_name(pin.name))
        if build is not None:
            yield build

    def _indexes(self) -> Sequence[Index]:
        return indexes_for(self._spec, default_index(self._settings, self._root))

    def _variables(self, pin: Pinned) -> Mapping[str, str]:
        """Give what a build gets beyond the usual; a local folder has all of the user's anyway."""
        build = self._spec.build
        asked = passed(os.environ, build.passed) if pin.kind != "directory" else {}
        return {**asked, **recipe_of(build, pin.name).variables}

    def _provision(self, pin: Pinned) -> Provision:
        if recipe_of(self._spec.build, pin.name).isolated:
            return self._host.provision
        return partial(self._host.provision_beside, pin.name)

    def _scratch(self) -> AbstractContextManager[str]:
        return scratch_in(BUILDS, self._settings.cache_dir, "build-")

    @contextmanager
    def _tree(self, pin: Pinned, folder: str, *, is_outline: bool = False) -> Iterator[SourceTree]:
        """Give the source tree of a pin: a folder where it is, all else in a private place.

        An outline is only to be looked at.
        """
        place = make_private_directory(folder, "source-")
        if pin.kind == "directory":
            inside = folder_inside(*place_of(self._root, pin.path or ".", pin.subdirectory))
            yield open_folder(inside, label=pin.path)
        elif pin.kind == "vcs":
            yield self._host.repositories().tree(pin, place, is_outline=is_outline)
        else:
            yield unpack_sdist(
                self._archive(pin, folder),
                directory=place,
                filename=pin.filename,
                name=canonicalize_name(pin.name) if pin.kind == "sdist" else None,
                version=Version(pin.version) if pin.version else None,
                subdirectory=pin.subdirectory,
            )

    def _archive(self, pin: Pinned, folder: str) -> str:
        url = address_of(pin)
        if url is None:
            return take(pin, self._root, folder)
        arriving = self._host.client().download(
            url,
            pin.hashes,
            pin.size,
            directory=folder,
            filename=pin.filename,
            listing=listing_of(pin),
        )
        return arriving.result()


def _unconfined(why: str) -> str:
    return f"builds have the network here and may write where you may: {why}"


def _pin_of(candidate: Candidate) -> Pinned:
    """Give the pin of a candidate's source, for getting at its files."""
    source, sdist = candidate.source, candidate.sdist
    if source is not None and source.kind != "wheel":
        return Pinned(
            candidate.name,
            None if source.kind in ("directory", "vcs") else str(candidate.version),
            source.kind,
            os.path.basename(source.url or source.path or ""),
            source.url,
            source.path,
            source.hashes.get("sha256", ""),
            source.hashes,
            source.size,
            subdirectory=source.subdirectory,
            editable=False,
            vcs=source.vcs,
            commit=source.commit,
            requested_revision=source.requested_revision,
        )
    if sdist is None:
        raise EnvsyncError(f"{candidate.name} {candidate.version} has no source to build from")
    return Pinned(
        candidate.name,
        str(candidate.version),
        "sdist",
        sdist.filename,
        sdist.url,
        None,
        sdist.sha256 or "",
        sdist.hashes,
        sdist.size,
    )
