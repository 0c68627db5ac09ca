"""What is locked and installed: real sets of requirements, and made ones that grow to any size."""

import base64
import hashlib
import json
import os
import random
import zipfile
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.real_sets import RealSet, read_sets

_TIME = (2026, 1, 1, 0, 0, 0)


class Workload(NamedTuple):
    """A project to be."""

    name: str
    about: str
    requirements: tuple[str, ...]
    requires_python: str = ">=3.11"
    small: str = ""
    """A package that is not among those locked, for `add`."""
    changed: tuple[str, str] = ("", "")
    """Two requirements that differ in one package."""
    imported: str = ""
    """Modules that a program would import."""
    installs: bool = True
    """Whether its wheels are installed too; else it is only locked."""


ELEVEN = (
    *("jupyter", "pandas", "scikit-learn", "flask", "sqlalchemy", "boto3", "matplotlib"),
    *("fastapi[standard]", "black", "mypy", "pytest"),
)
REAL = (
    Workload(
        "flask",
        "one requirement, seven packages",
        ("flask",),
        small="httpx",
        changed=("markupsafe<3.0.2", "markupsafe"),
        imported="flask",
    ),
    Workload(
        "eleven",
        "11 requirements, 176 packages, 25,000 files",
        ELEVEN,
        small="toolz",
        changed=("idna<3.10", "idna"),
        imported="pandas, sklearn, matplotlib.pyplot, boto3, fastapi, flask, sqlalchemy",
    ),
)

PACKAGES = (10, 100, 300, 1000)
"""Sizes of the generated universes."""
FILES = (1000, 10_000, 50_000, 100_000)
"""Sizes of the generated wheels."""


def workloads(made: Path) -> Mapping[str, Callable[[], Workload]]:
    """Give all by name; those that are made write their packages into `made` when called."""
    every: dict[str, Callable[[], Workload]] = {one.name: partial(_as_it_is, one) for one in REAL}
    for one in read_sets():
        if one.name in ("airflow-extras", "home-assistant"):
            every[one.name] = partial(_locked_only, one)
    every |= {f"universe-{count}": partial(universe, made, count) for count in PACKAGES}
    every |= {f"files-{count}": partial(wheel_of_files, made, count) for count in FILES}
    every["page-5000"] = partial(page_of_files, made, 5000)
    every["large-wheel"] = partial(large_wheel, made, 750)
    every["direct-500"] = partial(direct, made, 500)
    return every


def _as_it_is(one: Workload) -> Workload:
    return one


def _locked_only(one: RealSet) -> Workload:
    return Workload(one.name, one.about, one.requirements, one.requires_python, installs=False)


def universe(made: Path, count: int) -> Workload:
    """`count` packages of some ten releases that require each other, with a solution."""
    dice = random.Random(count)
    prefix = f"universe{count}"
    for number in range(count):
        name = f"{prefix}-p{number}"
        for release in range(1, 11):
            deeper = range(number + 1, min(count, number + 40))
            wanted = dice.sample(deeper, min(len(deeper), 4))
            requires = [_bounded(f"{prefix}-p{at}", dice, release) for at in wanted]
            _wheel(made, name, f"{release}.0", {f"{_part(name)}.py": b""}, requires)
    roots = tuple(f"{prefix}-p{at}" for at in range(min(count, 20)))
    return Workload(f"universe-{count}", f"{count} generated packages", roots, installs=False)


def _bounded(name: str, dice: random.Random, release: int) -> str:
    """A requirement that release 5 of everything meets, so that there is always a solution."""
    lowest = dice.randint(1, 5)
    return f"{name}>={lowest}" if dice.random() < 0.7 else f"{name}>={lowest},<{max(6, release)}"


def wheel_of_files(made: Path, count: int) -> Workload:
    """One wheel of `count` small files in folders of a hundred."""
    name = f"files{count}"
    files = {f"{name}/d{at // 100}/m{at}.py": b"X = %d\n" % at for at in range(count)}
    _wheel(made, name, "1.0", files)
    return Workload(f"files-{count}", f"a wheel of {count} files", (name,))


def page_of_files(made: Path, count: int) -> Workload:
    """One project whose page lists `count` files, ten to a release."""
    name = f"page{count}"
    _wheel(made, name, f"{count // 10}.0", {f"{name}.py": b""})
    folder = made / name
    rows = []
    for release in range(1, count // 10 + 1):
        for at in range(10):
            tag = "py3-none-any" if at == 0 else f"cp3{at + 4}-cp3{at + 4}-win_amd64"
            filename = f"{name}-{release}.0-{tag}.whl"
            real = folder / filename
            digest = hashlib.sha256(real.read_bytes() if real.exists() else filename.encode())
            row = {"filename": filename, "url": f"../../made/{name}/{filename}", "size": 1000}
            rows.append({**row, "hashes": {"sha256": digest.hexdigest()}, "core-metadata": True})
    page = {"meta": {"api-version": "1.1"}, "name": name, "files": rows}
    (folder / "page.json").write_text(json.dumps(page))
    return Workload(f"page-{count}", f"a page of {count} files", (name,), installs=False)


def large_wheel(made: Path, megabytes: int) -> Workload:
    """One wheel of `megabytes` MB that hardly compress, in members of 50."""
    name = f"large{megabytes}"
    dice = random.Random(1)
    members = {f"{name}/blob{at}.bin": dice for at in range(max(1, megabytes // 50))}
    if not (made / name).exists():
        blobs = {path: source.randbytes(50_000_000) for path, source in members.items()}
        _wheel(made, name, "1.0", {f"{name}/__init__.py": b"", **blobs})
    return Workload("large-wheel", f"a wheel of {megabytes} MB", (name,))


def direct(made: Path, count: int) -> Workload:
    """`count` requirements of a project, each on a package of its own."""
    names = [f"direct{count}-p{at}" for at in range(count)]
    for name in names:
        for release in (1, 2, 3):
            _wheel(made, name, f"{release}.0", {f"{_part(name)}.py": b""})
    wanted = tuple(f"{name}>=1" for name in names)
    return Workload(f"direct-{count}", f"{count} direct requirements", wanted)


def _part(name: str) -> str:
    return name.replace("-", "_")


def _wheel(
    made: Path, name: str, version: str, files: Mapping[str, bytes], requires: Iterable[str] = ()
) -> None:
    """Write a wheel where it isn't there yet."""
    place = made / name / f"{_part(name)}-{version}-py3-none-any.whl"
    if place.exists():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    info = f"{_part(name)}-{version}.dist-info"
    wants = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{wants}"
    wheel = "Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    members = {**files, f"{info}/METADATA": metadata.encode(), f"{info}/WHEEL": wheel.encode()}
    record = "".join(_line(path, content) for path, content in members.items())
    members[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    beside = place.with_suffix(f".{os.getpid()}")
    with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path, content in members.items():
            entry = zipfile.ZipInfo(path, _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    beside.rename(place)


def _line(path: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(content)}\n"
