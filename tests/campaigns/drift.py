"""C10: everything that people and programs do to an environment is found, repaired, and kept.

    python -m tests.campaigns.drift --rounds 500          one to five mutations at once
    python -m tests.campaigns.drift --rounds 0 --clean 500    environments in use: no false alarm

A round: `sync --check` must find it (`verify`, for compiled code that is forged), `sync` must bring
back exactly the locked files by the independent reader, and every byte that the wheels didn't bring
must be in quarantine afterwards.
"""

import argparse
import importlib.util
import marshal
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.campaigns import oracle
from tests.campaigns.stage import (
    Goal,
    SmallWorld,
    Stage,
    minor_version,
    publish,
    remove,
    say,
    scratch,
    small_world,
    spec_text,
    this_python,
)
from tests.support.accounting import sha256
from tests.support.wheels import make_wheel


class Field:
    """An environment that mutations work on: each path is used once in a round."""

    def __init__(self, stage: Stage, generator: random.Random) -> None:
        self.stage, self.venv, self.generator = stage, stage.venv, generator
        (self.site,) = self.venv.glob("lib/python*/site-packages")
        self._used: list[Path] = []

    def pick(self, choices: Iterator[Path]) -> Path:
        """One of the paths that nothing in this round was done to, above or below it."""
        free = [path for path in sorted(choices) if not self._is_used(path)]
        if not free:
            raise Unavailable
        path = self.generator.choice(free)
        self._used.append(path)
        return path

    def _is_used(self, path: Path) -> bool:
        return any(
            path == used or path in used.parents or used in path.parents for used in self._used
        )

    def file(self, pattern: str = "*/*", *, filled: bool = True) -> Path:
        """A file in site-packages."""
        return self.pick(
            path
            for path in self.site.rglob(pattern)
            if path.is_file() and not path.is_symlink() and (path.stat().st_size or not filled)
        )

    def folder(self) -> Path:
        """A folder in site-packages that is no dist-info."""
        return self.pick(
            path
            for path in self.site.rglob("*")
            if path.is_dir() and not path.is_symlink() and path.suffix != ".dist-info"
        )

    def new(self, name: str) -> Path:
        """A path in site-packages where nothing is."""
        folders = [p for p in self.site.rglob("*") if p.is_dir() and p.name != "__pycache__"]
        folder = self.generator.choice([self.site, *sorted(folders)])
        path = folder / name
        if path.exists() or self._is_used(path):
            raise Unavailable
        self._used.append(path)
        return path

    def bytes(self) -> bytes:
        """Content that nobody else has."""
        return b"# mine " + self.generator.randbytes(8).hex().encode() + b"\n"


class Unavailable(Exception):
    """The environment has nothing left that this can be done to."""


def with_old_times(path: Path, change: Callable[[Path], object]) -> None:
    """Change a file, then set its times back."""
    before = path.stat()
    change(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def edit_through_link(field: Field) -> None:
    field.file().write_bytes(field.bytes())


def edit_keeping_size(field: Field) -> None:
    path = field.file()
    path.write_bytes(field.generator.randbytes(path.stat().st_size))


def edit_keeping_time(field: Field) -> None:
    with_old_times(field.file(), lambda path: path.write_bytes(field.bytes() * 3))


def other_bytes(field: Field, path: Path) -> None:
    """Overwrite a file in place, with as many bytes."""
    path.write_bytes(field.generator.randbytes(path.stat().st_size))


def edit_keeping_size_and_time(field: Field) -> None:
    with_old_times(field.file(), lambda path: other_bytes(field, path))


def edit_with_touch(field: Field) -> None:
    """Times put back by a program, from another file."""
    path, reference = field.file(), field.stage.live / "reference"
    reference.touch()
    shutil.copystat(path, reference)
    other_bytes(field, path)
    subprocess.run(["touch", "-r", reference, path], check=True)


def edit_by_renaming(field: Field) -> None:
    """As rsync -a does: a new file with the size, permissions and times of the old."""
    path = field.file()
    new = path.with_name(".new")
    new.write_bytes(field.generator.randbytes(path.stat().st_size))
    shutil.copystat(path, new)
    new.rename(path)


def link_with_old_times(field: Field) -> None:
    """A symbolic link to elsewhere, as long as the old one and as old."""
    path = field.pick(p for p in field.venv.glob("bin/python") if p.is_symlink())
    before, target = path.lstat(), os.readlink(path)
    path.unlink()
    path.symlink_to(target[:-1] + ("x" if target[-1] != "x" else "y"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns), follow_symlinks=False)


def edit_through_another_environment(field: Field) -> None:
    """Of the same inode, by a link that is gone afterwards."""
    path, link = field.file(), field.stage.live / "other-environment"
    os.link(path, link)
    with_old_times(link, lambda path: other_bytes(field, path))
    link.unlink()


def edit_in_the_store(field: Field) -> None:
    stored = {p.stat().st_ino: p for p in field.stage.cache.glob("wheels-v1/*/tree/**/*")}
    shared = (p for p in field.site.rglob("*") if p.is_file() and p.stat().st_ino in stored)
    path = field.pick(p for p in shared if p.stat().st_size)
    with_old_times(stored[path.stat().st_ino], lambda path: other_bytes(field, path))


def edit_as_new_file(field: Field) -> None:
    path = field.file()
    path.unlink()
    path.write_bytes(field.bytes())


def append(field: Field) -> None:
    with open(field.file(), "ab") as file:
        file.write(field.bytes())


def truncate(field: Field) -> None:
    os.truncate(field.file(), 0)


def truncate_half(field: Field) -> None:
    path = field.file()
    os.truncate(path, path.stat().st_size // 2)


def delete(field: Field) -> None:
    field.file(filled=False).unlink()


def delete_folder(field: Field) -> None:
    shutil.rmtree(field.folder())


def delete_dist_info(field: Field) -> None:
    shutil.rmtree(field.pick(field.site.glob("*.dist-info")))


def make_writable(field: Field) -> None:
    path = field.pick(p for p in field.site.rglob("*.py") if not p.is_symlink())
    path.chmod(path.stat().st_mode | 0o222)


def take_exec_bit(field: Field) -> None:
    field.pick(p for p in field.venv.glob("bin/app*") if not p.is_symlink()).chmod(0o644)


def touch(field: Field) -> None:
    os.utime(field.file())


def swap(field: Field) -> None:
    one, other = field.file(), field.file()
    if one.read_bytes() == other.read_bytes():
        raise Unavailable
    spare = one.with_name("spare")
    one.rename(spare)
    other.rename(one)
    spare.rename(other)


def link_for_file(field: Field) -> None:
    path = field.file()
    target = field.stage.live / f"outside-{path.name}"
    shutil.copy2(path, target)
    path.unlink()
    path.symlink_to(target)


def link_for_folder(field: Field) -> None:
    path = field.folder()
    target = field.stage.live / f"outside-{path.name}"
    path.rename(target)
    path.symlink_to(target)


def stray_file(field: Field) -> None:
    field.new("notes.txt").write_bytes(field.bytes())


def stray_pth(field: Field) -> None:
    path = field.site / f"mine{field.generator.randrange(99)}.pth"
    path.write_bytes(b"import sys\n" + field.bytes())


def stray_pyc(field: Field) -> None:
    field.new("mine.pyc").write_bytes(field.bytes())


def stray_in_bytecode_folder(field: Field) -> None:
    path = field.new("__pycache__")
    path.mkdir()
    (path / "nobody.cpython-311.pyc").write_bytes(field.bytes())
    (path / "notes.so").write_bytes(field.bytes())


def stray_dist_info(field: Field) -> None:
    folder = field.new("mine-1.0.dist-info")
    folder.mkdir()
    (folder / "METADATA").write_bytes(b"Name: mine\nVersion: 1.0\n" + field.bytes())


def stray_package(field: Field) -> None:
    folder = field.new("mine")
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "__init__.py").write_bytes(field.bytes())
    (folder / "deep" / "er" / "x.py").write_bytes(field.bytes())


def stray_link(field: Field) -> None:
    field.new("mine-link").symlink_to("/nowhere/at/all")


def stray_script(field: Field) -> None:
    path = field.venv / "bin" / f"mine{field.generator.randrange(99)}"
    path.write_bytes(b"#!/bin/sh\n" + field.bytes())
    path.chmod(0o755)


def stray_pipe(field: Field) -> None:
    os.mkfifo(field.new("mine-pipe"))


def folder_mode(field: Field) -> None:
    field.folder().chmod(field.generator.choice((0o700, 0o750, 0o775, 0o777, 0o1755, 0o555, 0)))


def folder_mode_elsewhere(field: Field) -> None:
    """Of a folder outside site-packages."""
    tops = ("bin", "lib", "share", "include")
    folders = (path for top in tops for path in (field.venv / top, *(field.venv / top).rglob("*")))
    path = field.pick(p for p in folders if p.is_dir() and field.site not in (p, *p.parents))
    path.chmod(field.generator.choice((0o700, 0o777, 0o500)))


def root_mode(field: Field) -> None:
    field.venv.chmod(field.generator.choice((0o700, 0o777, 0o1777)))


def stray_beside_data(field: Field) -> None:
    """What programs read from share and etc, whoever put it there."""
    names = ("share/app/kernel.json", "share/mine/kernel.json", "share/mine.conf")
    path = field.venv / field.generator.choice(names)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(field.bytes())


def stray_library(field: Field) -> None:
    path = field.venv / field.generator.choice(("lib/mine.so", f"{field.site.parent}/mine.py"))
    path.write_bytes(field.bytes())


def stray_header(field: Field) -> None:
    (field.venv / "include" / "mine.h").write_bytes(field.bytes())


def importable_in_bytecode_folder(field: Field) -> None:
    """Names that Python's import takes there, or another loader does."""
    cache = field.file("*.py").parent / "__pycache__"
    cache.mkdir(exist_ok=True)
    for name in ("nobody.pyc", "nobody.pyc.so", "nobody.cpython-311.so", "nobody.py"):
        (cache / name).write_bytes(field.bytes())


def edit_record(field: Field) -> None:
    path = field.file("RECORD")
    path.write_bytes(path.read_bytes() + b"../../../../outside,," + field.bytes())


def empty_record(field: Field) -> None:
    field.file("RECORD").write_bytes(b"")


def file_to_folder(field: Field) -> None:
    path = field.file()
    path.unlink()
    path.mkdir()
    (path / "inside.txt").write_bytes(field.bytes())


def folder_to_file(field: Field) -> None:
    path = field.folder()
    shutil.rmtree(path)
    path.write_bytes(field.bytes())


def rename_case(field: Field) -> None:
    path = field.file("*.py")
    new = path.with_name(path.name.swapcase())
    if new.exists():
        raise Unavailable
    path.rename(new)


def rename_folder(field: Field) -> None:
    path = field.folder()
    path.rename(path.with_name(path.name + "_moved"))


def foreign_install(field: Field) -> None:
    """Another installer puts another version there."""
    wheel = field.stage.live / "left-9.0-py3-none-any.whl"
    content = {"space/left.py": field.bytes().decode(), "space/more.py": field.bytes().decode()}
    wheel.write_bytes(make_wheel("left", "9.0", content)[1])
    field.pick(field.site.glob("left-1.0.dist-info"))
    python = str(field.venv / "bin" / "python")
    pip = [this_python(), "-m", "pip", "--python", python, "install", "-q", "--no-index"]
    done = subprocess.run([*pip, "--no-deps", wheel], capture_output=True, check=False)
    if done.returncode != 0:
        raise Unavailable


def edit_configuration(field: Field) -> None:
    path = field.pick(field.venv.glob("pyvenv.cfg"))
    path.write_text(path.read_text().replace("false", "true") + f"mine = {field.bytes().hex()}\n")


def edit_script(field: Field) -> None:
    path = field.pick(field.venv.glob("bin/app*"))
    path.write_bytes(path.read_bytes() + field.bytes())


def edit_activation(field: Field) -> None:
    path = field.pick(field.venv.glob("bin/activate*"))
    path.write_bytes(field.bytes())


def other_interpreter(field: Field) -> None:
    path = field.pick(field.venv.glob("bin/python"))
    path.unlink()
    path.symlink_to("/bin/sh")


def interpreter_copied(field: Field) -> None:
    path = field.pick(field.venv.glob("bin/python3"))
    path.unlink()
    path.write_bytes(b"#!/bin/sh\n" + field.bytes())
    path.chmod(0o755)


def library_link_lost(field: Field) -> None:
    link = field.venv / "lib64"
    if not link.is_symlink():
        raise Unavailable
    field.pick(iter([link]))
    link.unlink()


def header_and_data(field: Field) -> None:
    field.pick(field.venv.glob("include/site/*/*/*.h")).unlink()
    field.pick(field.venv.glob("share/app/*")).write_bytes(field.bytes())


def damaged_manifest(field: Field) -> None:
    """Nobody knows any more what was placed: the environment is made anew."""
    path = field.pick(field.venv.glob(".envsync/manifest"))
    data = bytearray(path.read_bytes())
    data[field.generator.randrange(len(data))] ^= 1
    path.write_bytes(data)
    stray_file(field)


def lost_manifest(field: Field) -> None:
    field.pick(field.venv.glob(".envsync/manifest")).unlink()
    edit_through_link(field)


def damaged_stamp(field: Field) -> None:
    """The mark that nothing is to do says so of another state."""
    path = field.pick(field.venv.parent.parent.glob("cache/stamps-v1/*"))
    path.write_bytes(path.read_bytes()[:-8] + bytes(8))
    delete(field)


def forge_bytecode(field: Field) -> None:
    """Compiled code that claims to be of a source, and isn't."""
    path = field.file("*.py")
    status = path.stat()
    target = Path(importlib.util.cache_from_source(str(path)))
    target.parent.mkdir(exist_ok=True)
    code = compile("FORGED = True", str(path), "exec")
    head = (status.st_mtime_ns // 10**9).to_bytes(4, "little") + status.st_size.to_bytes(
        4, "little"
    )
    magic = importlib.util.MAGIC_NUMBER + bytes(4)
    target.write_bytes(magic + head + marshal.dumps(code))


HIDDEN = {"forge_bytecode": forge_bytecode}
"""Only bytes can tell: `verify` finds it."""

_SEEN = (
    *(edit_through_link, edit_keeping_size, edit_keeping_time, edit_as_new_file, append, truncate),
    *(truncate_half, delete, delete_folder, delete_dist_info, make_writable, take_exec_bit, touch),
    *(swap, link_for_file, link_for_folder, stray_file, stray_pth, stray_pyc, stray_dist_info),
    *(stray_in_bytecode_folder, stray_package, stray_link, stray_script, stray_pipe, edit_record),
    *(empty_record, file_to_folder, folder_to_file, rename_case, rename_folder, foreign_install),
    *(edit_configuration, edit_script, edit_activation, other_interpreter, interpreter_copied),
    *(library_link_lost, header_and_data, damaged_manifest, lost_manifest, damaged_stamp),
    *(folder_mode, folder_mode_elsewhere, root_mode, stray_beside_data, stray_library),
    *(stray_header, importable_in_bytecode_folder),
)
_BACKDATED = (
    *(edit_keeping_size_and_time, edit_with_touch, edit_by_renaming, link_with_old_times),
    *(edit_through_another_environment, edit_in_the_store),
)
BACKDATED = {mutation.__name__: mutation for mutation in _BACKDATED}
"""With the time of modification put back: only that of the last change tells."""
SEEN = {mutation.__name__: mutation for mutation in _SEEN} | BACKDATED
"""Found by every `sync --check`, repaired by every `sync`."""


def contents(folder: Path) -> set[str]:
    """What there is below a folder: hashes of files that aren't empty, and targets of links."""
    found = set()
    for path in folder.rglob("*"):
        if path.is_symlink():
            found.add(f"-> {os.readlink(path)}")
        elif path.is_file() and path.stat().st_size and not _is_compiled(path):
            found.add(sha256(path.read_bytes()))
    return found


def _is_compiled(path: Path) -> bool:
    """Python's own work, which goes when its source is replaced, and is nobody's file."""
    return path.parent.name == "__pycache__" and not path.name.startswith("nobody.")


def in_environment(venv: Path) -> set[str]:
    """The same of an environment, without envsync's own state."""
    found = {f"-> {os.readlink(p)}" for p in venv.iterdir() if p.is_symlink()}
    found |= {sha256(p.read_bytes()) for p in venv.iterdir() if p.is_file()}
    for top in venv.iterdir():
        if top.name != ".envsync" and top.is_dir() and not top.is_symlink():
            found |= contents(top)
    return found


class Round(NamedTuple):
    """One round: what was done, and what went wrong."""

    mutations: tuple[str, ...]
    wrong: list[str]


class Course:
    """The rounds on one environment."""

    def __init__(self, world: SmallWorld, generator: random.Random) -> None:
        self._stage, self._generator = world.stage, generator
        self._goal = world.goals["old"]
        self._wheels = {sha256(content): content for content in self._goal.wheels}
        stage = self._stage
        stage.restore("warm")
        stage.write(self._goal)
        stage.ok("sync")
        stage.ok("sync")
        stage.save("clean")
        self._known = in_environment(stage.venv)
        self._verifies = stage.run("verify").code == 0
        self.skipped = 0

    def round(self, names: list[str]) -> Round:
        """Do these mutations and see what envsync makes of them."""
        stage = self._stage
        stage.restore("clean")
        if not BACKDATED.keys().isdisjoint(names):  # in a copy, all files changed just now
            stage.ok("sync")
        field = Field(stage, self._generator)
        done = []
        for name in names:
            try:
                {**SEEN, **HIDDEN}[name](field)
            except Unavailable:
                continue
            done.append(name)
        if not done:
            return Round((), [])
        wrong = self._hidden() if set(done) <= HIDDEN.keys() else self._seen(done)
        return Round(tuple(done), wrong)

    def _hidden(self) -> list[str]:
        if not self._verifies:
            self.skipped += 1
            return []
        code = self._stage.run("verify").code
        return [] if code == 3 else [f"verify exits {code}"]

    def _seen(self, done: list[str]) -> list[str]:
        stage, wrong = self._stage, []
        foreign = in_environment(stage.venv) - self._known
        check = stage.run("sync", "--check")
        if check.code != 3:
            wrong.append(f"the check exits {check.code}: {check.err}")
        ran = stage.run("sync")
        if ran.code != 0 or "Traceback" in ran.err:
            return [*wrong, f"sync exits {ran.code}: {ran.err}"]
        if not HIDDEN.keys() & set(done):
            wrong += stage.problems(self._goal)
            wrong += oracle.store_problems(stage.cache, self._wheels)
            kept = contents(stage.venv / ".envsync" / "quarantine")
            wrong += [f"{item} is not in quarantine" for item in foreign - kept]
        again = stage.run("sync", "--check")
        if again.code != 0:
            wrong.append(f"after the sync the check exits {again.code}: {again.err}")
        return wrong


def mutate(world: SmallWorld, rounds: int, generator: random.Random) -> int:
    """Play rounds: each mutation alone first, then one to five at once. Gives the failures."""
    course = Course(world, generator)
    singles = [[name] for name in (*SEEN, *HIDDEN)]
    seen = list(SEEN)
    failures, counts, played = 0, Counter[str](), 0
    for number in range(rounds):
        names = (
            singles[number]
            if number < len(singles)
            else generator.sample(seen, generator.randint(1, 5))
        )
        outcome = course.round(names)
        played += bool(outcome.mutations)
        counts.update(outcome.mutations)
        for line in outcome.wrong:
            failures += 1
            say(f"    {number} {', '.join(outcome.mutations)}: {line}")
    say(f"{'mutation':32} {'times':>6}")
    for name in (*SEEN, *HIDDEN):
        say(f"{name:32} {counts[name]:6}")
    say(f"{'rounds':32} {played:6}\n{'kinds':32} {len(counts):6}\n{'failures':32} {failures:6}")
    if course.skipped:
        say(f"{'left out: there is no verify':32} {course.skipped:6}")
    return failures


def odd_wheel(number: int, generator: random.Random) -> tuple[str, bytes]:
    """A package with names, contents and permissions as real ones have them."""
    name = f"odd{number}"
    files = {f"{name}/__init__.py": "", f"{name}/__main__.py": "print('runs')\n"}
    for index in range(generator.randint(1, 12)):
        stem = generator.choice(("mod", "über", "with space", "UPPER", "a.b", "x" * 100))
        suffix = generator.choice((".py", ".py", ".txt", ".json", "", ".pyi"))
        if suffix == ".py":
            stem = generator.choice(("mod", "UPPER"))
        size = generator.choice((0, 1, 40, 5000))
        files[f"{name}/{stem}{index}{suffix}"] = "#" * size
    if generator.random() < 0.3:
        files[f"{name}/tests/test_it.py"] = (
            "import unittest\nclass T(unittest.TestCase):\n    def test(self): pass\n"
        )
        files[f"{name}/tests/__init__.py"] = ""
    data = {"scripts/run-it": "#!python\nprint(1)\n"} if generator.random() < 0.5 else None
    return make_wheel(
        name,
        "1.0",
        files,
        entry_points={"console_scripts": {name: f"{name}.__main__:main"}},
        data=data,
    )


_IMPORT_ALL = """\
import pkgutil, NAME
for module in pkgutil.walk_packages(NAME.__path__, "NAME."):
    if "__main__" not in module.name and ".b" not in module.name:
        __import__(module.name)
"""

USES = {
    "import": ["-c", _IMPORT_ALL],
    "run": ["-m", "NAME"],
    "compile": ["-m", "compileall", "-q", "SITE"],
    "compile, optimized": ["-O", "-m", "compileall", "-q", "SITE"],
    "compile, by hash": ["-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "SITE"],
    "tests": ["-m", "unittest", "discover", "-q", "-s", "SITE/NAME", "-t", "SITE"],
    "optimized": ["-OO", "-c", "import NAME"],
    "nothing": [],
}
"""What programs do to an environment that is in use: none of it is drift."""


def use(world: SmallWorld, count: int, generator: random.Random) -> int:
    """Make environments, use them, and insist that nothing is found. Gives the false alarms."""
    stage, alarms, uses = world.stage, 0, Counter[str]()
    python = this_python()
    wheels = dict(odd_wheel(number, generator) for number in range(40))
    publish(world.server, wheels)
    for number in range(count):
        remove(stage.project)
        stage.project.mkdir()
        chosen = generator.sample(sorted(wheels), generator.randint(1, 6))
        pins = [filename.partition("-")[0] for filename in chosen]
        mode = generator.choice(("auto", "auto", "hardlink", "copy", "symlink"))
        text = spec_text(pins, python) + f'\n[sync]\nlink-mode = "{mode}"\n'
        goal = Goal(text, "", tuple(wheels[name] for name in chosen), minor_version(python))
        stage.write(goal, lock=False)
        stage.ok("sync")
        kinds = generator.sample(sorted(USES), 2)
        uses.update(kinds)
        for kind in kinds:
            _use(stage, kind, generator.choice(pins))
        for command in generator.sample((("sync", "--check"), ("sync",), ("sync", "--check")), 2):
            ran = stage.run(*command)
            said = "Nothing to do" in ran.err or "matches" in ran.err
            if ran.code != 0 or not said:
                alarms += 1
                say(f"    {number} ({mode}; {', '.join(kinds)}): {' '.join(command)}: {ran}")
        if mode != "symlink" and (wrong := stage.problems(goal)):
            alarms += 1
            say(f"    {number} ({mode}): {wrong[0]}")
    for kind, times in sorted(uses.items()):
        say(f"{kind:32} {times:6}")
    say(f"{'clean environments':32} {count:6}\n{'false alarms':32} {alarms:6}")
    return alarms


def _use(stage: Stage, kind: str, name: str) -> None:
    (site,) = stage.venv.glob("lib/python*/site-packages")
    arguments = [text.replace("NAME", name).replace("SITE", str(site)) for text in USES[kind]]
    if arguments:
        subprocess.run(
            [stage.venv / "bin" / "python", *arguments],
            cwd=stage.project,
            env={"PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )


def main() -> int:
    """Run the campaign from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--clean", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    failures = 0
    with scratch() as folder, small_world(folder, switch=False) as world:
        if options.rounds:
            failures += mutate(world, options.rounds, random.Random(options.seed))
        if options.clean:
            failures += use(world, options.clean, random.Random(options.seed))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
