"""Say which member of a workspace a folder is or lies in, by the patterns alone."""

import os

from envsync.platform.files import open_regular, storage_errors
from envsync.spec.document import MAX_BYTES, decode, load
from envsync.spec.member_patterns import member_above


def member_in(spec_path: str, directory: str) -> str:
    """Give the folder of a member, relative to the workspace's; "" where there is none.

    Raises `SpecInvalid` for an env.toml that is no TOML, `StorageFailed`.
    """
    root, name = os.path.split(spec_path)
    with storage_errors(spec_path), open_regular(spec_path) as file:
        data = file.read(MAX_BYTES + 1)
    table = load(decode(data, path=name), path=name).get("workspace")
    folder = os.path.relpath(directory, root)
    if not isinstance(table, dict) or folder == ".":
        return ""
    return member_above(_texts(table.get("members")), _texts(table.get("exclude")), folder) or ""


def _texts(value: object) -> list[str]:
    # As `spec.workspace` reads them; what is wrong there is said when the file is read in full.
    texts = [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
    return ["/".join(part for part in text.split("/") if part not in ("", ".")) for text in texts]
