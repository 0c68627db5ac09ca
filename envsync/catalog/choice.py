"""Check that metadata is what the name of the file says that it is in."""

import operator

from packaging.utils import parse_sdist_filename, parse_wheel_filename

from envsync.errors import MetadataInvalid
from envsync.model.candidate import CoreMetadata
from envsync.model.local_version import is_same_release


def check_identity(metadata: CoreMetadata, filename: str) -> CoreMetadata:
    """Give the metadata back if its name and version are those of the file name (H10, H25).

    A wheel's may differ in a local part that one of them lacks. Raises `MetadataInvalid`, also
    for a file name that has none.
    """
    is_wheel = filename.endswith(".whl")
    try:
        if is_wheel:
            name, version, _, _ = parse_wheel_filename(filename)
        else:
            name, version = parse_sdist_filename(filename)
    except ValueError as error:
        raise MetadataInvalid(filename, "the file name has no name and version") from error
    same = is_same_release if is_wheel else operator.eq
    if metadata.name != name or not same(metadata.version, version):
        found = f"{metadata.name} {metadata.version}"
        raise MetadataInvalid(filename, f"its metadata is that of {found}")
    return metadata
