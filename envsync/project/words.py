"""Names in a project that a shell completes: read as they stand, in milliseconds, and not judged.

A file that can't be read, or isn't what it should be, has none: whoever runs the command says why.
Only plain names are given: what is a stranger's text goes into the user's command line.
"""

import os

from envsync.platform.flags import READ

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_LARGEST_SPEC, _LARGEST_LOCK = 1 << 20, 64 << 20
_TYPE, _FILE = 0o170000, 0o100000
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:")
_LONGEST = 200
_AT_MOST = 20_000
_MEMBER, _PARTS = "member-", ("-group-", "-extra-")
_ENDS = "[<>=!~;@ ("
"""Begin what stands after the name of a requirement (PEP 508)."""


class Words:
    """The names of the project that a folder belongs to, each kind read when it is asked for."""

    def __init__(self, folder: str, environment: str = "") -> None:
        """`environment` is the NAME of env.NAME.toml; "" for env.toml."""
        part = f".{environment}" if environment else ""
        self._spec_name, self._lock_name = f"env{part}.toml", f"pylock{part}.toml"
        self._folder = _above(folder, self._spec_name)
        self._spec: Mapping[str, object] | None = None

    def groups(self) -> "Iterator[str]":
        """Give the dependency groups."""
        for table in (self._read_spec(), *self._inputs()):
            yield from plain(_table(table, "dependency-groups"))

    def extras(self) -> "Iterator[str]":
        """Give the extras."""
        yield from plain(_table(self._read_spec(), "env", "optional-dependencies"))
        for table in self._inputs():
            yield from plain(_table(table, "project", "optional-dependencies"))

    def tasks(self) -> "Iterator[tuple[str, str]]":
        """Give the tasks with what they run."""
        tasks = _table(self._read_spec(), "tasks")
        for name in plain(tasks):
            task = tasks[name]
            yield name, task if isinstance(task, str) else ", ".join(_texts(task))

    def indexes(self) -> "Iterator[str]":
        """Give the names of indexes."""
        rows = self._read_spec().get("index")
        tables = rows if isinstance(rows, list) else []
        return plain(_texts([one.get("name") for one in tables if isinstance(one, dict)]))

    def required(self) -> "Iterator[str]":
        """Give the packages that are required by name, in any list."""
        spec = self._read_spec()
        for table in (spec, *self._inputs()):
            project = _table(table, "env" if table is spec else "project")
            optional = _table(project, "optional-dependencies")
            lists = (project.get("dependencies"), *optional.values())
            groups = _table(table, "dependency-groups").values()
            for each in (*lists, *groups):
                yield from plain(map(_name_of, _texts(each)))

    def locked(self) -> "Iterator[str]":
        """Give the packages of the lock."""
        is_package = False
        for line in self._read_lock().split("\n"):
            if line.startswith("["):
                is_package = line.startswith("[[packages]]")
            elif is_package and line.startswith("name = "):
                yield from plain((line[7:].strip().strip("\"'"),))

    def members(self) -> "Iterator[str]":
        """Give the members of a workspace: the lock has a group for each (`spec.workspace`)."""
        head = _parsed(self._read_lock().partition("\n[[packages]]")[0])
        for group in _texts(head.get("dependency-groups")):
            if group.startswith(_MEMBER) and not any(one in group for one in _PARTS):
                yield from plain((group[len(_MEMBER) :],))

    def environments(self) -> "Iterator[str]":
        """Give the names of environments, which `-e` takes."""
        for folder in _upwards(self._folder):
            try:
                names = sorted(os.listdir(folder))
            except OSError:
                continue
            found = [
                name[4:-5] for name in names if name.startswith("env.") and name.endswith(".toml")
            ]
            if "env.toml" in names or any(found):
                return plain(filter(None, found))
        return iter(())

    def _read_spec(self) -> "Mapping[str, object]":
        if self._spec is None:
            self._spec = _toml(f"{self._folder}/{self._spec_name}")
        return self._spec

    def _read_lock(self) -> str:
        # That of a workspace lies above its members.
        return _read(f"{_above(self._folder, self._lock_name)}/{self._lock_name}", _LARGEST_LOCK)

    def _inputs(self) -> "Iterator[Mapping[str, object]]":
        """Give what a pyproject.toml declares that env.toml names with `from`."""
        rows = _table(self._read_spec(), "env").get("from")
        for row in rows if isinstance(rows, list) else []:
            name = row.get("file") if isinstance(row, dict) else row
            if name == "pyproject.toml":  # another folder's would have to be looked for with care
                yield _toml(f"{self._folder}/{name}")


def plain(names: "Iterable[str]") -> "Iterator[str]":
    """Leave out names that mean something to a shell or a terminal."""
    for at, name in enumerate(names):
        if at >= _AT_MOST:
            return
        if name and len(name) <= _LONGEST and _PLAIN.issuperset(name) and name[0] not in "-:":
            yield name


def _above(folder: str, name: str) -> str:
    """Give the nearest folder upwards that has a file; the folder itself where none has."""
    return next((one for one in _upwards(folder) if os.path.isfile(f"{one}/{name}")), folder)


def _upwards(folder: str) -> "Iterator[str]":
    while True:
        yield folder
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above


def _toml(path: str) -> "Mapping[str, object]":
    return _parsed(_read(path, _LARGEST_SPEC))


def _parsed(text: str) -> "Mapping[str, object]":
    if not text:
        return {}
    from envsync.spec.toml import loads  # noqa: PLC0415  (for what env.toml says only)

    try:
        return loads(text)
    except ValueError:
        return {}


def _read(path: str, largest: int) -> str:
    """Read a file; "" for what is none, is too large, or isn't UTF-8."""
    try:
        if os.stat(path).st_mode & _TYPE != _FILE:
            return ""
        with open(os.open(path, READ), "rb") as file:
            data = file.read(largest)
        return data.decode("utf-8-sig") if len(data) < largest else ""
    except (OSError, ValueError):
        return ""


def _table(value: "Mapping[str, object]", *keys: str) -> "Mapping[str, object]":
    for key in keys:
        inner = value.get(key)
        if not isinstance(inner, dict):
            return {}
        value = inner
    return value


def _texts(value: object) -> "list[str]":
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _name_of(requirement: str) -> str:
    """Give the name that a requirement begins with."""
    for at, character in enumerate(requirement):
        if character in _ENDS:
            return requirement[:at]
    return requirement
