"""Check that metadata is what the name of the file says that it is in."""

from packaging.utils import parse_wheel_filename

from envsync.errors import MetadataInvalid
from envsync.model.candidate import CoreMetadata
from envsync.model.filenames import source_version
from envsync.model.local_version import is_same_release
from envsync.model.version_text import parse_version


def check_identity(metadata: CoreMetadata, filename: str) -> CoreMetadata:
    """Give the metadata back if its name and version are those of the file name (H10, H25).

    A wheel's may differ in a local part that one of them lacks. Raises `MetadataInvalid`, also
    for a file name that has none.
    """
    if filename.endswith(".whl"):
        try:
            name, version, _, _ = parse_wheel_filename(filename)
        except ValueError as error:
            raise MetadataInvalid(filename, "the file name has no name and version") from error
        is_right = metadata.name == name and is_same_release(metadata.version, version)
    else:
        text = source_version(filename, metadata.name)
        is_right = text is not None and parse_version(text) == metadata.version
    if not is_right:
        said = f"{metadata.name} {metadata.version}"
        raise MetadataInvalid(filename, f"its metadata is that of {said}")
    return metadata
