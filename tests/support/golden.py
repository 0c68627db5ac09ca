"""What commands print, kept in files that people look at.

`GOLDEN=1 python -m pytest FILE` writes them anew; the difference is then to be read in git.
"""

import os
from pathlib import Path

_FOLDER = Path(__file__).parent.parent / "golden"


def golden(name: str, text: str) -> None:
    """Compare a text with the file that is kept of it."""
    path = _FOLDER / name
    if os.environ.get("GOLDEN"):
        _FOLDER.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()
