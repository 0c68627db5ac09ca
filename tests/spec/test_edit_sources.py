"""A repository put under [sources], with all else as it was."""

import pytest

from envsync.errors import SpecInvalid, UsageError
from envsync.spec.edit_sources import put_git_source
from envsync.spec.model import SourceSpec

HEAD = '[env]\nrequires-python = ">=3.11"  # why\n'
SOURCE = SourceSpec("git", "https://git.example/tool", tag="v1", subdirectory="py")
ROW = 'tool = { git = "https://git.example/tool", tag = "v1", subdirectory = "py" }\n'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"\n[sources]\n{ROW}"),
        ("[sources]\n# mine\na = { path = '.' }\n\n[sync]\n",
         f"[sources]\n# mine\na = {{ path = '.' }}\n{ROW}\n[sync]\n"),
        ("[sources]\ntool = { path = '.' }  # x\n", f"[sources]\n{ROW[:-1]}  # x\n"),
        (f"[sources]\n{ROW}", f"[sources]\n{ROW}"),
        ("[sources]\nTool = { git = 'https://git.example/tool', branch = 'x', lfs = true }\n",
         f"[sources]\nT{ROW[1:-3]}, lfs = true }}\n"),
        ("[sources]\nTool = { git = 'https://git.example/other', lfs = true }\n",
         f"[sources]\nT{ROW[1:]}"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_source_is_put_in_its_place(before: str, after: str, newline: str) -> None:
    given = f"\ufeff{HEAD}{before}".replace("\n", newline)
    written = put_git_source(given, "tool", SOURCE)
    assert written == f"\ufeff{HEAD}{after}".replace("\n", newline)


@pytest.mark.parametrize(
    "before", ["[sources]\ntool = [{ path = '.', marker = 'os_name == \"nt\"' }]\n"]
)
def test_what_is_not_edited_is_said(before: str) -> None:
    with pytest.raises(UsageError, match="several sources") as caught:
        put_git_source(HEAD + before, "tool", SOURCE)
    assert "by hand" in str(caught.value.hint)


def test_a_result_with_mistakes_is_no_result() -> None:
    with pytest.raises(SpecInvalid):
        put_git_source(f"{HEAD}dependencies = ['tool @ git+https://g.example/x']\n", "tool", SOURCE)
