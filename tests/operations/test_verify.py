"""`verify` compares the environment with its manifest, and that with the wheels of the store."""

import hashlib
import os
from pathlib import Path

import pytest

from envsync.environment.key import UserKey
from envsync.errors import EnvDiffers
from envsync.operations import verify as operation
from envsync.operations.verify import Verified, verify
from envsync.platform.files import content_mtime
from envsync.project.request import Selection, SyncRequest
from envsync.sync.store_lookup import WRONG_LOCK
from tests.operations.conftest import Bench
from tests.support.manifests import forge_manifest

PLAIN = SyncRequest()


def make(bench: Bench, mode: str = "copy") -> Bench:
    bench.publish("base", "1.0", "VERSION = 1\n")
    bench.publish("other", "1.0", "OTHER = 1\n")
    more = '[dependency-groups]\nmore = ["other"]\n'
    bench.write('"base"', f'{more}[sync]\nlink-mode = "{mode}"\n')
    bench.sync(SyncRequest(Selection(groups=("more",))))
    return bench


def verified(bench: Bench, *groups: str) -> Verified:
    request = SyncRequest(Selection(groups=groups))
    return verify(bench.project, request, bench.settings, bench.told)


def lines(bench: Bench, *groups: str) -> tuple[tuple[str, ...], str | None]:
    with pytest.raises(EnvDiffers) as caught:
        verified(bench, *groups)
    return tuple(caught.value.lines), caught.value.hint


def stored(bench: Bench, name: str) -> Path:
    (path,) = Path(bench.settings.cache_dir).glob(f"wheels-v1/*/tree/{name}")
    return path


def edit(path: Path, content: bytes) -> None:
    before = path.stat()
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(before.st_mode & 0o7777)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def forge(bench: Bench, old: bytes, new: bytes) -> None:
    """Change the manifest as only this user can."""
    forge_manifest(bench.folder / ".venv", old, new, UserKey(bench.settings).seal())


def test_what_the_store_has_is_compared_and_counted(bench: Bench) -> None:
    make(bench)
    both = verified(bench, "more")
    assert (both.packages, both.compared) == (2, 2)
    os.rename(stored(bench, "base.py").parent.parent, bench.folder.parent / "gone")
    assert verified(bench, "more") == both._replace(compared=1)


def test_a_manifest_that_was_forged_with_its_file_is_no_witness(bench: Bench) -> None:
    make(bench)
    old, new = b"VERSION = 1\n", b"VERSION = 9\n"
    edit(bench.site / "base.py", new)
    moment = content_mtime(hashlib.sha256(new).hexdigest())
    os.utime(bench.site / "base.py", (moment, moment))
    digests = (hashlib.sha256(one).hexdigest().encode() for one in (old, new))
    forge(bench, *digests)
    path = (bench.site / "base.py").relative_to(bench.folder / ".venv")
    found, hint = lines(bench, "more")
    assert found == (f"! {path} is not what the wheel has",)
    assert "sync --verify" in str(hint)


def test_a_file_that_no_wheel_has_is_told_though_the_manifest_names_it(bench: Bench) -> None:
    """Of compiled files that is no wonder: they are made here."""
    make(bench)
    site = bench.site.relative_to(bench.folder / ".venv")
    for name in ("planted.py", "planted.pyc"):
        content = b"VERSION = 9\n"
        planted, digest = bench.site / name, hashlib.sha256(content).hexdigest()
        planted.write_bytes(content)
        moment = content_mtime(digest)
        os.utime(planted, (moment, moment))
        line = f"{site}/{name}\t{planted.stat().st_mode}\t{len(content)}\t{digest}\n".encode()
        before = f"{site}/base.py\t".encode()
        forge(bench, before, line + before)
    assert lines(bench, "more")[0] == (f"! {site}/planted.py is not what the wheel has",)


def test_a_damaged_wheel_says_nothing_of_a_copy(bench: Bench) -> None:
    make(bench)
    edit(stored(bench, "base.py"), b"VERSION = 9\n")
    assert verified(bench, "more").compared == 1


def test_a_damaged_wheel_is_the_environments_where_links_lead_to_it(bench: Bench) -> None:
    make(bench, "symlink")
    path = stored(bench, "base.py")
    edit(path, b"VERSION = 9\n")
    found, _ = lines(bench, "more")
    assert any(str(path) in line or "base.py" in line for line in found)


def test_a_lie_about_a_wheel_that_is_not_installed_here_is_told(bench: Bench) -> None:
    make(bench)
    bench.sync()
    lock = bench.folder / "pylock.toml"
    head, other, rest = lock.read_text().partition('name = "other"')
    before, key, after = rest.partition('metadata = "sha256:')
    lock.write_text(head + other + before + key + "0" * 64 + after[64:])
    found, hint = lines(bench)
    name = "other-1.0-py3-none-any.whl"
    assert found == (f"! {name} in the store does not say what was locked from it",)
    assert hint == WRONG_LOCK


def test_a_manifest_that_goes_meanwhile_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(bench)

    def gone(*_: object) -> None:
        return None

    monkeypatch.setattr(operation, "read_manifest", gone)
    assert lines(bench, "more")[0] == ("! its manifest is gone",)
