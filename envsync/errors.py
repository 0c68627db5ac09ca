"""Every error that envsync raises on purpose, as data: what, where, and what to type next.

    EnvsyncError                 exit 1 unless said otherwise
    ├── UsageError               2  an option or argument that cannot be used
    │   ├── ProjectNotFound      2  no env.toml from here upwards
    │   └── InterpreterRefused   2  a program that env.toml names and that is not run
    ├── SpecInvalid              2  mistakes in env.toml, all of them together
    ├── LockInvalid              2  mistakes in pylock.toml
    │   └── LockTooNew           2  one of another format
    ├── NotSupported             2  a key that is accepted but has no effect yet
    ├── LockOutdated             3  the lock does not answer env.toml
    │   └── LockMissing          3  there is none
    ├── EnvDiffers               3  the environment is not what the lock asks for
    ├── NoSolution               1  requirements that cannot be met together
    ├── NoMatchingFile           1  no file of a package can be used
    ├── PackageNotFound          1  no index has the package
    │   └── OwnNameRequired      1  a package that has the project's own name
    ├── IndexFailed              1  an index that cannot be asked, or answers nonsense
    ├── DownloadFailed           1  an artifact that did not arrive whole
    ├── HashMismatch             1  bytes that are not the ones that were locked
    ├── MetadataInvalid          1  metadata of a package that cannot be read or believed
    ├── MetadataDiffers          1  a wheel that does not say what was locked
    ├── WheelInvalid             1  a wheel that a strict reader refuses
    │   └── RecordWrong          1  its RECORD does not fit its files
    ├── PathRefused              1  a path of the project that leads to nothing, or elsewhere
    ├── GitFailed                1  a repository that can't be asked, or lacks what is asked for
    ├── SourceInvalid            1  a source distribution or folder that cannot be built from
    ├── BuildNotAllowed          1  a build for which env.toml gives no leave
    ├── BuildFailed              1  a build that failed
    ├── InterpreterNotFound      1  no Python that fits
    ├── TargetNotCovered         1  an interpreter or platform that the lock is not for
    ├── TargetRefused            1  a folder that envsync did not make
    ├── InstallConflict          1  two packages that own one path
    ├── EnvironmentBusy          1  another envsync holds the environment
    └── StorageFailed            1  the disk refused

Messages are plain text without colour or a final full stop. Only `cli.main` catches.
"""

from collections.abc import Mapping, Sequence
from typing import Self


class Remedy(str):
    """A hint around one command that helps, which is kept apart: who knows the command line that
    failed can put a better one there.
    """

    words: tuple[str, ...]
    """Of the command, without `envsync`."""
    before: str
    after: str

    def __new__(cls, words: Sequence[str], after: str = "", *, before: str = "") -> Self:
        """Give the hint as a text; `before` and `after` stand around the command."""
        made = super().__new__(cls, f"{before}`envsync {' '.join(words)}`{after}")
        made.words, made.before, made.after = tuple(words), before, after
        return made

    def by(self, way: str) -> str:
        """Give the hint with something else in the command's place."""
        return f"{self.before}{way}{self.after}"


class Leave(Remedy):
    """A hint by which `name` may be built from source."""

    name: str

    def __new__(cls, name: str, after: str, *, before: str = "") -> Self:
        """Give the hint as a text; `before` and `after` stand around the command."""
        made = super().__new__(cls, ("lock", "--allow-build", name), after, before=before)
        made.name = name
        return made


class EnvsyncError(Exception):
    """What could not be done. `hint`, where given, is something the user can type or change.

    `message` is one line and `lines` are the further ones: a line feed inside of one of them is
    part of a stranger's text, and shown as such.
    """

    exit_code: int = 1

    def __init__(self, message: str, *, lines: Sequence[str] = (), hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.lines = tuple(lines)
        self.hint = hint

    def __str__(self) -> str:
        return "\n  ".join((self.message, *self.lines))


class UsageError(EnvsyncError):
    """An option or argument that cannot be used."""

    exit_code = 2


class ProjectNotFound(UsageError):
    """No folder from here upwards has the file that makes it a project."""


class InterpreterRefused(UsageError):
    """A file names a program that is no interpreter, or one of a stranger's: it is not run."""


class SpecInvalid(EnvsyncError):
    """env.toml has mistakes: `problems` holds them all, one line each, with key path and line."""

    exit_code = 2

    def __init__(self, path: str, problems: Sequence[str], *, hint: str | None = None) -> None:
        self.path = path
        self.problems = tuple(problems)
        message, lines = f"{path} has {len(self.problems)} mistakes:", self.problems
        if len(lines) == 1:
            message, lines = f"{path}: {lines[0]}", lines[1:]
        super().__init__(
            message, lines=lines, hint=hint or f"correct {path}, and run the command again"
        )


class LockInvalid(EnvsyncError):
    """pylock.toml cannot be used: `where` is the key path or line, `reason` what is wrong there."""

    exit_code = 2

    def __init__(
        self, path: str, reason: str, *, where: str | None = None, hint: str | None = None
    ) -> None:
        self.path, self.reason, self.where = path, reason, where
        place = f"{path}: {where}" if where else path
        super().__init__(
            f"{place}: {reason}", hint=hint or "`envsync lock` writes the file anew from env.toml"
        )


class LockTooNew(LockInvalid):
    """pylock.toml is of a format that this envsync does not know; it must not be written over."""


class NotSupported(EnvsyncError):
    """A key or option whose effect does not exist yet."""

    exit_code = 2

    def __init__(self, key: str, *, hint: str | None = None) -> None:
        self.key = key
        super().__init__(f"not yet supported: {key}", hint=hint)


class LockOutdated(EnvsyncError):
    """The lock on disk does not answer env.toml; `reasons` say why."""

    exit_code = 3

    def __init__(self, path: str, reasons: Sequence[str], *, hint: str | None = None) -> None:
        self.path, self.reasons = path, tuple(reasons)
        detail = "; ".join(self.reasons)
        super().__init__(
            f"{path} is out of date: {detail}", hint=hint or "`envsync lock` brings it up to date"
        )


class LockMissing(LockOutdated):
    """There is no lock that could answer env.toml."""

    def __init__(self, path: str, *, hint: str | None = None) -> None:
        super().__init__(path, ["there is no lock"], hint=hint or "`envsync lock` makes it")
        self.message = f"there is no {path}"


class EnvDiffers(EnvsyncError):
    """A check found that the environment is not what the lock asks for."""

    exit_code = 3

    def __init__(self, path: str, changes: Sequence[str], *, hint: str | None = None) -> None:
        self.path, self.changes = path, tuple(changes)
        super().__init__(
            f"{path} differs from the lock:",
            lines=self.changes,
            hint=hint or Remedy(["sync"], " makes them equal"),
        )


class NoSolution(EnvsyncError):
    """Requirements that cannot be met together; `explanation` is plain sentences, a line each."""

    def __init__(
        self,
        explanation: Sequence[str],
        *,
        hint: str | None = None,
        unmet: Mapping[str, str] | None = None,
    ) -> None:
        self.explanation = tuple(explanation)
        self.unmet = dict(unmet or {})
        """Packages of which there is no version as one requirement wants it, with its specifier."""
        super().__init__("no versions satisfy all requirements:", lines=self.explanation, hint=hint)


class NoMatchingFile(EnvsyncError):
    """No file of a package can be used here; `refusals` say why each was passed over."""

    def __init__(
        self, package: str, target: str, refusals: Sequence[str], *, hint: str | None = None
    ) -> None:
        self.package, self.target, self.refusals = package, target, tuple(refusals)
        super().__init__(
            f"{package}: no file can be installed on {target}", lines=self.refusals, hint=hint
        )


class PackageNotFound(EnvsyncError):
    """No index has the package; `required_by` is the chain that leads to it."""

    def __init__(
        self,
        name: str,
        indexes: Sequence[str],
        *,
        required_by: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.name, self.indexes, self.required_by = name, tuple(indexes), required_by
        chain = f" (required by {required_by})" if required_by else ""
        where = ", ".join(self.indexes) or "any index"
        super().__init__(
            f"package not found: {name}{chain}; asked {where}",
            hint=hint or "check the spelling, or add the index that has it under [[index]]",
        )

    def because(self, chain: str) -> "PackageNotFound":
        """Give the same error with what leads to the package."""
        return PackageNotFound(self.name, self.indexes, required_by=chain, hint=self.hint)


class OwnNameRequired(PackageNotFound):
    """A package requires the project's own name, for which no index is asked."""

    def __init__(
        self, name: str, *, required_by: str | None = None, hint: str | None = None
    ) -> None:
        self.name, self.indexes, self.required_by = name, (), required_by
        chain = f" (required by {required_by})" if required_by else ""
        EnvsyncError.__init__(
            self,
            f"{name} is this project's own name, which no index is asked for{chain}",
            hint=hint
            or f'say under [sources] where it comes from ({name} = {{ path = "." }}), '
            "or give the environment another name under [env]",
        )

    def because(self, chain: str) -> PackageNotFound:
        """Give the same error with what leads to the package."""
        return OwnNameRequired(self.name, required_by=chain)


class IndexFailed(EnvsyncError):
    """An index could not be asked, or its answer cannot be used."""

    def __init__(self, url: str, reason: str, *, hint: str | None = None) -> None:
        self.url, self.reason = url, reason
        super().__init__(
            f"{url}: {reason}",
            hint=hint or "check the index's address and the network, then run the command again",
        )


class DownloadFailed(EnvsyncError):
    """An artifact did not arrive, or not whole."""

    def __init__(self, url: str, reason: str, *, hint: str | None = None) -> None:
        self.url, self.reason = url, reason
        super().__init__(
            f"could not download {url}: {reason}",
            hint=hint or "run the command again; files that arrived whole are kept",
        )


class HashMismatch(EnvsyncError):
    """Bytes whose hash or size is not the expected one; they were thrown away."""

    def __init__(self, file: str, expected: str, found: str, *, hint: str | None = None) -> None:
        self.file, self.expected, self.found = file, expected, found
        super().__init__(
            f"{file}: expected {expected}, found {found}",
            hint=hint
            or "the file changed after it was locked, or was altered on its way: "
            "do not use it before you know why",
        )


class MetadataInvalid(EnvsyncError):
    """Metadata of a package that cannot be read, or contradicts what the index said."""

    def __init__(self, file: str, reason: str, *, hint: str | None = None) -> None:
        self.file, self.reason = file, reason
        super().__init__(f"{file}: {reason}", hint=hint)


class MetadataDiffers(EnvsyncError):
    """A wheel whose METADATA is not what the lock was made from; nothing was installed.

    `locked` and `found` are what the lock and the wheel say otherwise, a line each.
    """

    def __init__(
        self,
        package: str,
        file: str,
        locked: Sequence[str],
        found: Sequence[str],
        *,
        hint: str | None = None,
    ) -> None:
        self.package, self.file = package, file
        self.locked, self.found = tuple(locked), tuple(found)
        lines = [f"locked: {line}" for line in self.locked]
        lines += [f"in the wheel: {line}" for line in self.found]
        name = package.partition(" ")[0]
        super().__init__(
            f"{package}: the metadata in {file} is not what was locked",
            lines=lines,
            hint=hint
            or f"`envsync lock --upgrade-package {name}` locks what the wheel says (where nothing "
            "is locked yet, run the command again); find out which index said otherwise",
        )


class WheelInvalid(EnvsyncError):
    """A wheel that breaks its specification; nothing of it was kept."""

    def __init__(self, file: str, reason: str, *, hint: str | None = None) -> None:
        self.file, self.reason = file, reason
        super().__init__(
            f"{file} is not a valid wheel: {reason}",
            hint=hint or "tell its authors; until then, exclude this version in env.toml",
        )


class RecordWrong(WheelInvalid):
    """A wheel whose RECORD doesn't fit its files."""

    def __init__(self, file: str, reason: str, *, hint: str | None = None) -> None:
        name, version = (*file.split("-"), "")[:2]
        super().__init__(
            file,
            reason,
            hint=hint
            or "tell its authors; until then, exclude this version in env.toml, or believe its "
            f'files as they are: trust-record = ["{name}=={version}"] under [lock]',
        )


class PathRefused(EnvsyncError):
    """A path below the project's folder that names nothing, no file, or leads out of it."""

    def __init__(self, path: str, reason: str, *, hint: str | None = None) -> None:
        self.path, self.reason = path, reason
        super().__init__(
            f"{path}: {reason}",
            hint=hint or "paths in env.toml and a lock name files and folders of the project",
        )


class GitFailed(EnvsyncError):
    """A repository that can't be asked, or hasn't what is asked for; or git itself is missing."""

    def __init__(self, url: str, reason: str, *, hint: str | None = None) -> None:
        """`url` is the repository's address without secrets."""
        self.url, self.reason = url, reason
        super().__init__(f"{url}: {reason}", hint=hint)


class SourceInvalid(EnvsyncError):
    """A source distribution, or a folder of sources, that a strict reader refuses."""

    def __init__(self, file: str, reason: str, *, hint: str | None = None) -> None:
        self.file, self.reason = file, reason
        super().__init__(f"{file} cannot be built from: {reason}", hint=hint)


class BuildNotAllowed(EnvsyncError):
    """A source distribution would have to be built, and env.toml gives no leave."""

    def __init__(self, package: str, *, source: str | None = None, hint: str | None = None) -> None:
        """`source` says where a lock has it from, where that is no index."""
        self.package = package
        self.name = name = package.replace("@", " ").replace("==", " ").split()[0]
        if source is None:
            reason = "has only source distributions that fit, and building them is not allowed"
        else:
            reason = (
                f"would have to be built: the lock has it from {source}, which [sources] in "
                f"env.toml does not name, and [build] allow does not name {name}"
            )
        super().__init__(
            f"{package} {reason}",
            hint=hint or Leave(name, " allows it (a build runs the package's code)"),
        )


class BuildFailed(EnvsyncError):
    """A build backend failed; `output` is what it printed."""

    def __init__(
        self, package: str, reason: str, output: str = "", *, hint: str | None = None
    ) -> None:
        self.package, self.reason, self.output = package, reason, output
        tail = output.splitlines()[-20:]
        super().__init__(f"could not build {package}: {reason}", lines=tail, hint=hint)


class InterpreterNotFound(EnvsyncError):
    """No Python that fits; `found` lists those that were looked at."""

    def __init__(self, wanted: str, found: Sequence[str], *, hint: str | None = None) -> None:
        self.wanted, self.found = wanted, tuple(found)
        seen = "found:" if self.found else "found none at all"
        super().__init__(f"no Python interpreter for {wanted}; {seen}", lines=self.found, hint=hint)


class TargetNotCovered(EnvsyncError):
    """The lock is not for this interpreter or platform, or one of its packages says it isn't."""


class TargetRefused(EnvsyncError):
    """A folder that envsync did not make, or must not touch."""

    def __init__(self, path: str, reason: str, *, hint: str | None = None) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}", hint=hint)


class InstallConflict(EnvsyncError):
    """Files that can't stand together in one environment; nothing was changed.

    `owners` are two packages, or one with itself or with the environment; `how` says it where it
    isn't one path with different bytes.
    """

    ENVIRONMENT = "the environment itself"

    def __init__(
        self, path: str, owners: Sequence[str], *, how: str = "", hint: str | None = None
    ) -> None:
        self.path, self.owners = path, tuple(owners)
        packages = sorted({*owners} - {self.ENVIRONMENT})
        if len(packages) > 1:
            way_out = "only one of them can be installed: take the other out of env.toml"
        else:
            way_out = f"take {' '.join(packages)} out of env.toml, or ask for another version"
        super().__init__(
            how or f"{' and '.join(owners)} both install {path}, with different content",
            hint=hint or way_out,
        )


class EnvironmentBusy(EnvsyncError):
    """Another process holds the environment's lock and did not let go in time."""

    def __init__(self, path: str, seconds: float, *, hint: str | None = None) -> None:
        self.path, self.seconds = path, seconds
        super().__init__(f"{path} is in use by another envsync; waited {seconds:.0f} s", hint=hint)


class StorageFailed(EnvsyncError):
    """The disk refused; `path` is where, `reason` the system's own words."""

    def __init__(self, path: str, reason: str, *, hint: str | None = None) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}", hint=hint)
