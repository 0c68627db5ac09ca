"""Check that metadata is what the name of the file says that it is in."""

from packaging.utils import parse_sdist_filename, parse_wheel_filename

from envsync.errors import MetadataInvalid
from envsync.model.candidate import CoreMetadata


def check_identity(metadata: CoreMetadata, filename: str) -> CoreMetadata:
    """Give the metadata back if its name and version are those of the file name (H10, H25).

    Raises `MetadataInvalid`, also for a file name that has none.
    """
    try:
        if filename.endswith(".whl"):
            name, version, _, _ = parse_wheel_filename(filename)
        else:
            name, version = parse_sdist_filename(filename)
    except ValueError as error:
        raise MetadataInvalid(filename, "the file name has no name and version") from error
    if (metadata.name, metadata.version) != (name, version):
        found = f"{metadata.name} {metadata.version}"
        raise MetadataInvalid(filename, f"its metadata is that of {found}")
    return metadata
