"""Read a project's file as git has it in some revision; nothing that a repository says is run.

git is told to look an object up, and nothing else: no hook, filter, text conversion or pager takes
part in that, and what isn't in the repository is not fetched.
"""

import os
import re
import subprocess
from collections.abc import Sequence

from envsync.errors import EnvsyncError, GitFailed, UsageError
from envsync.git.program import find_git, options, variables
from envsync.project.interpreter import strangers_folder

_REVISION = re.compile(r"[A-Za-z0-9_@^~{}./+][A-Za-z0-9_@^~{}./+-]*")
_MISSING = re.compile(r"path '.*' (?:does not exist|exists on disk, but not) in ")
_ANOTHER = "`envsync diff --lock FILE` compares with a file"
_MOST_SAID = 300


def file_in(revision: str, path: str, limit: int) -> bytes | None:
    """Give the bytes of a file in a revision; None where that has no such file.

    `path` is the file's, absolute. Raises `UsageError` for what is no revision, `EnvsyncError`
    where there is no git or no repository, or the file has more than `limit` bytes.
    """
    if _REVISION.fullmatch(revision) is None:
        raise UsageError(f"{revision}: not a revision of git", hint="such as HEAD~1, a tag, main")
    folder, name = os.path.split(path)
    outside = strangers_folder(folder)
    words = ["-C", folder, "--no-pager", "--no-replace-objects", *options()]
    try:
        git = find_git(os.environ, outside)
    except GitFailed as error:
        error.hint = f"{error.hint}; {_ANOTHER}"
        raise
    asked = [git, *words, "cat-file", "blob", f"{revision}:./{name}"]
    code, out, err = _asked(asked, outside, limit)
    if len(out) > limit:
        raise EnvsyncError(f"{name} of {revision} is larger than {limit // 2**20} MiB")
    if code == 0:
        return out
    _refuse(err, revision, folder)
    return None


def _asked(words: Sequence[str], outside: str | None, limit: int) -> tuple[int, bytes, str]:
    """Run git; give its exit code and what it wrote, of the answer a byte more than `limit`."""
    process = subprocess.Popen(
        words,
        env={
            **variables(os.environ, outside, "file"),
            # A clone in part would ask its server, by programs that its configuration names.
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_ALLOW_PROTOCOL": "",
        },
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        out = process.stdout.read(limit + 1)
        if len(out) > limit:
            process.kill()
        err = process.stderr.read(1 << 16)
        return process.wait(), out, err.decode("utf-8", "replace")


def _refuse(err: str, revision: str, folder: str) -> None:
    """Raise for what git refused; where only the file is missing there is nothing to raise."""
    said = next((line for line in err.splitlines() if line.startswith("fatal:")), err.strip())
    said = said.removeprefix("fatal:").strip()
    if _MISSING.match(said):
        return
    if "not a git repository" in said:
        raise EnvsyncError(f"{folder} is in no git repository", hint=_ANOTHER)
    shown = said[:_MOST_SAID] or "it says nothing"
    raise EnvsyncError(f"git can't read {revision}: {shown}", hint=_ANOTHER)
