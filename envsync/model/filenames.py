"""Read the names of distribution files, as indexes have them."""

from packaging.utils import (
    NormalizedName,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)


def is_wheel_name(filename: str) -> bool:
    """Whether a name follows the grammar of wheels (binary distribution format)."""
    try:
        parse_wheel_filename(filename)
    except ValueError:
        return False
    return True


def is_source_name(filename: str, name: NormalizedName) -> bool:
    """Whether a project's source distribution is named as the specification has it."""
    try:
        return parse_sdist_filename(filename)[0] == name
    except ValueError:
        return False


def source_version(filename: str, name: NormalizedName) -> str | None:
    """What stands for the version in the name of a source distribution of a project.

    None for what is no such name. Old files have what the specification no longer allows: dashes in
    the version (1.0-1 is 1.0.post1), and runs of separators in the project's name.
    """
    stem = filename.removesuffix(".tar.gz").removesuffix(".zip")
    if stem == filename:
        return None
    length = len(name)
    if stem[length : length + 1] == "-" and canonicalize_name(stem[:length]) == name:
        return stem[length + 1 :]
    ends = (at for at, character in enumerate(stem) if character == "-")
    end = next((at for at in ends if canonicalize_name(stem[:at]) == name), None)
    return None if end is None else stem[end + 1 :]
