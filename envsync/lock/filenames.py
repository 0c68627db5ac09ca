"""Give the name of a file that a lock lists."""

from urllib.parse import unquote, urlsplit

from packaging.pylock import PackageArchive, PackageSdist, PackageWheel


def artifact_filename(artifact: PackageWheel | PackageSdist | PackageArchive) -> str:
    """File name of an artifact: its `name`, else the end of its path or URL; "" if it has none."""
    name = None if isinstance(artifact, PackageArchive) else artifact.name
    if name:
        return name
    if artifact.path:
        return artifact.path.rpartition("/")[2]
    url = artifact.url or ""
    if "%" not in url and "?" not in url and "#" not in url:
        return url.rpartition("/")[2]
    try:
        path = urlsplit(url).path
    except ValueError:
        return ""
    # Decoded once and after the split, so that an encoded slash stays visible (H1).
    return unquote(path.rpartition("/")[2])
