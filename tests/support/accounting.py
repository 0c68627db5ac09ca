"""A reader of its own: what an environment must hold, from the lock's wheels alone.

It shares no code with envsync: wheels are read with `zipfile`, the lock with `tomllib`, and the
rules of installation are those of the specifications.
"""

import base64
import csv
import hashlib
import io
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path

INSTALLER_FILES = {"INSTALLER", "RECORD", "direct_url.json", "REQUESTED"}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def locked_wheels(lock_text: str) -> dict[str, str]:
    """File name -> sha256 of every wheel in a lock."""
    lock = tomllib.loads(lock_text)
    found = {}
    for package in lock["packages"]:
        for wheel in package.get("wheels", []):
            name = wheel.get("name") or wheel["url"].rsplit("/", 1)[1]
            found[name] = wheel["hashes"]["sha256"]
    return found


def expected_site_files(wheels: Mapping[str, bytes]) -> dict[str, str]:
    """Path in site-packages -> sha256, for the plain part of the wheels (no .data folders)."""
    found = {}
    for content in wheels.values():
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.infolist():
                path = member.filename
                if member.is_dir() or ".data/" in path or path.endswith(".dist-info/RECORD"):
                    continue
                found[path] = sha256(archive.read(member))
    return found


def site_files(site: Path) -> dict[str, str]:
    """Path -> sha256 of everything in a site-packages folder but Python's own bytecode."""
    found = {}
    for path in sorted(site.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        relative = path.relative_to(site)
        if relative.suffix == ".pyc" and "__pycache__" in relative.parts:
            continue
        assert not path.is_symlink(), path
        found[relative.as_posix()] = sha256(path.read_bytes())
    return found


def unaccounted(site: Path, wheels: Mapping[str, bytes]) -> tuple[list[str], list[str]]:
    """Compare site-packages with the wheels: paths that differ or are missing, and extra ones.

    Of the extra ones the installer's own files are allowed, RECORD only when every row of it is
    true.
    """
    wanted, found = expected_site_files(wheels), site_files(site)
    wrong = [path for path, digest in wanted.items() if found.get(path) != digest]
    extra = []
    for path in found.keys() - wanted.keys():
        folder, _, name = path.rpartition("/")
        own = folder.endswith(".dist-info") and name in INSTALLER_FILES
        if not own or (name == "RECORD" and false_rows(site, site / path)):
            extra.append(path)
    return wrong, extra


def false_rows(site: Path, record: Path) -> list[str]:
    """Paths of RECORD whose file is missing or has another hash or size than the row says."""
    wrong = []
    for path, digest, size in csv.reader(record.read_text().splitlines()):
        if path == f"{record.parent.name}/RECORD":
            continue
        file = site / path
        if not file.is_file():
            wrong.append(path)
            continue
        data = file.read_bytes()
        encoded = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        if digest != f"sha256={encoded}" or int(size) != len(data):
            wrong.append(path)
    return wrong
