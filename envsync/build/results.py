"""Take what a build made out of its private folder: a wheel or METADATA, judged by its name."""

import os
import shutil
import stat
import tempfile
from contextlib import suppress
from typing import BinaryIO

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from envsync.build.request import Build
from envsync.build.room import Room
from envsync.errors import BuildFailed
from envsync.model.local_version import is_same_release
from envsync.platform.files import set_mode, storage_errors
from envsync.platform.open_folder import OpenFolder

MAX_METADATA_BYTES = 16 << 20


def _result_name(build: Build, answer: object, suffix: str) -> str:
    """Check that a hook answered the name of something in the result folder, and give it."""
    if (
        not isinstance(answer, str)
        or not answer.endswith(suffix)
        or answer != os.path.basename(answer)
        or "\0" in answer
    ):
        build.fail(f"its backend answered {answer!r:.200} instead of the name of a {suffix}")
    return answer


def take_wheel(build: Build, room: Room, answer: object, outdir: str) -> str:
    """Check the name of the wheel that a hook made and copy it to `outdir`."""
    filename = _result_name(build, answer, ".whl")
    _check_wheel_name(build, filename)
    path = os.path.join(outdir, filename)
    with (
        _open_result(build, room.result, filename) as source,
        storage_errors(outdir),
        # A fresh inode: whatever a runaway of the build still has open is not this file.
        tempfile.NamedTemporaryFile(dir=outdir, prefix=".built-", delete=False) as copy,
    ):
        try:
            shutil.copyfileobj(source, copy, 1 << 20)
            copy.flush()
            set_mode(copy.fileno(), 0o644)
            os.replace(copy.name, path)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(copy.name)
            raise
    return path


def _check_wheel_name(build: Build, filename: str) -> None:
    try:
        name, version, _, tags = parse_wheel_filename(filename)
    except InvalidWheelFilename as error:
        raise BuildFailed(build.package, f"its backend made {filename!r:.200}: {error}") from error
    tree = build.tree
    # Builds for accelerators add a local part (`+cu122`) to the version of their source.
    if (tree.name or name) != name or not is_same_release(tree.version or version, version):
        build.fail(f"its backend made {filename}, which is another package or version")
    if not {str(tag) for tag in tags} & set(build.target.tags):
        build.fail(f"its backend made {filename}, which {build.target.executable} cannot use")


def _open_result(build: Build, folder_path: str, name: str) -> BinaryIO:
    """Open a file that the build made; links and whatever else is no file are refused."""
    try:
        with OpenFolder(folder_path) as folder:
            file = os.fdopen(folder.open_file(name), "rb")
    except OSError as error:
        reason = f"its backend did not make {name} ({error.strerror})"
        raise BuildFailed(build.package, reason) from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        build.fail(f"what its backend made as {name} is no file")
    return file


def read_metadata(build: Build, room: Room, answer: object) -> bytes:
    """Give the bytes of the METADATA that a hook made, in the folder that it answered."""
    folder = _result_name(build, answer, ".dist-info")
    with _open_result(build, os.path.join(room.result, folder), "METADATA") as file:
        data = file.read(MAX_METADATA_BYTES + 1)
    if len(data) > MAX_METADATA_BYTES:
        build.fail("its metadata is too large")
    return data
