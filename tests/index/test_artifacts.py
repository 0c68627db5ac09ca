"""Downloads: nothing counts, and nothing stays, but the right bytes."""

import hashlib
import itertools
import os
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest

from envsync.errors import DownloadFailed, EnvsyncError, HashMismatch, StorageFailed
from envsync.events import Reporter, Stage
from envsync.index import http
from envsync.index.client import IndexClient
from tests.index.conftest import QUICK, MakeClient
from tests.support.index_server import IndexServer, Reply, Seen, range_reply

CONTENT = os.urandom(700_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PATH = "/f/shop-1.0.tar.gz"


class Download:
    """One client and folder; `run` downloads the file at PATH with what is promised of it."""

    def __init__(self, client: IndexClient, server: IndexServer, folder: Path) -> None:
        self.client, self.server, self.folder = client, server, folder
        folder.mkdir()

    def start(
        self,
        hashes: dict[str, str] | None = None,
        size: int | None = None,
        filename: str = "shop-1.0.tar.gz",
    ) -> Future[str]:
        url = f"{self.server.root.replace('//', '//user:secret@')}{PATH}?token=secret"
        return self.client.download(
            url,
            {"sha256": SHA256} if hashes is None else hashes,
            size,
            directory=str(self.folder),
            filename=filename,
        )

    def run(self, hashes: dict[str, str] | None = None, size: int | None = None) -> bytes:
        path = self.start(hashes, size).result(20)
        assert os.path.dirname(path) == str(self.folder)
        return Path(path).read_bytes()

    def error(self, hashes: dict[str, str] | None = None, size: int | None = None) -> EnvsyncError:
        with pytest.raises(EnvsyncError) as caught:
            self.start(hashes, size).result(20)
        assert list(self.folder.iterdir()) == []
        assert "secret" not in str(caught.value)
        return caught.value


@pytest.fixture
def download(make_client: MakeClient, server: IndexServer, tmp_path: Path) -> Download:
    server.on(PATH, lambda _: Reply(body=CONTENT))
    return Download(make_client(server), server, tmp_path / "folder")


def test_the_right_bytes_arrive_in_a_private_file(download: Download) -> None:
    assert download.run(size=len(CONTENT)) == CONTENT
    (path,) = download.folder.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert download.server.requests[0].headers["accept-encoding"] == "identity"


def test_the_same_file_can_be_downloaded_side_by_side(download: Download) -> None:
    paths = {future.result(20) for future in [download.start() for _ in range(5)]}

    assert len(paths) == 5


@pytest.mark.parametrize(
    "hashes",
    [
        {},
        {"sha256": SHA256.upper()},
        {"sha512": hashlib.sha512(CONTENT).hexdigest()},
        {"sha256": SHA256, "md5": hashlib.md5(CONTENT).hexdigest(), "unknown": "00"},
    ],
)
def test_all_known_hashes_are_compared(download: Download, hashes: dict[str, str]) -> None:
    assert download.run(hashes) == CONTENT


@pytest.mark.parametrize(
    "hashes",
    [
        {"sha256": "0" * 64},
        {"sha256": SHA256[:60]},
        {"sha256": hashlib.sha256(b"").hexdigest()},
        {"sha512": "0" * 128},
        {"sha256": "0" * 64, "md5": hashlib.md5(CONTENT).hexdigest()},
        {"sha256": SHA256, "md5": "0" * 32},
        {"sha256": SHA256, "sha512": "0" * 128},
        {"sha256": SHA256, "blake2b": "\x1b[2J"},
    ],
)
def test_a_wrong_hash_is_an_error_and_leaves_nothing(
    download: Download, hashes: dict[str, str]
) -> None:
    error = download.error(hashes)

    assert isinstance(error, HashMismatch)
    assert error.file == "shop-1.0.tar.gz"
    assert str(error).isprintable()
    assert len(download.server.requests) == 2  # it was tried once more


@pytest.mark.parametrize("size", [0, 1, len(CONTENT) - 1, len(CONTENT) + 1, 10**12])
def test_a_wrong_size_is_an_error(download: Download, size: int) -> None:
    assert isinstance(download.error({}, size), HashMismatch)


def test_a_passing_fault_of_the_content_is_healed(download: Download) -> None:
    def rule(_: object) -> Reply:
        is_first = len(download.server.requests) == 1
        return Reply(body=CONTENT[::-1] if is_first else CONTENT)

    download.server.on(PATH, rule)

    assert download.run() == CONTENT
    assert len(download.server.requests) == 2


@pytest.mark.parametrize("cut", [0, 1, 65536, len(CONTENT) - 1])
def test_a_cut_file_is_fetched_again(download: Download, cut: int) -> None:
    tries: list[int] = []

    def rule(_: object) -> Reply:
        tries.append(1)
        return Reply(body=CONTENT, cut=cut if len(tries) < 3 else None)

    download.server.on(PATH, rule)

    assert download.run() == CONTENT
    assert len(tries) == 3


def in_parts(
    download: Download, *cuts: int, rest: bytes = CONTENT, tag: str = ""
) -> Callable[[Seen], Reply]:
    """Give the file with ranges, cut behind so many bytes of each answer as long as there are."""
    left = list(cuts)

    def rule(seen: Seen) -> Reply:
        wanted = seen.headers.get("range")
        reply = Reply(body=CONTENT) if wanted is None else range_reply(rest, wanted)
        headers = (*reply.headers, ("ETag", tag)) if tag else reply.headers
        return reply._replace(headers=headers, cut=left.pop(0) if left else None)

    return rule


def asked(download: Download, header: str = "range") -> list[str | None]:
    return [seen.headers.get(header) for seen in download.server.requests]


def test_a_cut_file_is_continued_where_it_broke(
    download: Download, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "_MUCH", 50_000)
    download.server.on(PATH, in_parts(download, 300_000, 100_000, 60_000, 60_000, 60_000, 60_000))
    assert download.run() == CONTENT
    starts = [None if text is None else int(text[6:-1]) for text in asked(download)]
    assert starts == [None, 300_000, 400_000, 460_000, 520_000, 580_000, 640_000]


def test_what_was_put_together_is_checked_as_a_whole(download: Download) -> None:
    """The file changed in between: the second part is another one's."""
    download.server.on(PATH, in_parts(download, 300_000, rest=CONTENT[::-1]))
    assert download.run() == CONTENT
    assert asked(download) == [None, "bytes=300000-", None]


@pytest.mark.parametrize("answer", [Reply(416), Reply(404), Reply(206, body=CONTENT[:5])])
def test_a_rest_that_is_none_is_not_joined(download: Download, answer: Reply) -> None:
    usual = in_parts(download, 300_000)
    download.server.on(PATH, lambda seen: answer if "range" in seen.headers else usual(seen))
    assert download.run() == CONTENT
    assert asked(download) == [None, "bytes=300000-", None]


@pytest.mark.parametrize(
    ("tag", "ranges", "if_range"),
    [
        ("", [None, None], [None, None]),
        ('W/"1"', [None, None], [None, None]),
        ('"1"', [None, "bytes=300000-"], [None, '"1"']),
    ],
)
def test_without_a_hash_only_the_server_can_say_that_it_is_the_same(
    download: Download, tag: str, ranges: list[str | None], if_range: list[str | None]
) -> None:
    download.server.on(PATH, in_parts(download, 300_000, tag=tag))
    assert download.run({}) == CONTENT
    assert asked(download) == ranges
    assert asked(download, "if-range") == if_range


def test_a_file_that_is_always_cut_fails(download: Download) -> None:
    download.server.on(PATH, lambda _: Reply(body=CONTENT, cut=1000))

    error = download.error()

    assert isinstance(error, DownloadFailed)
    assert "the connection broke" in error.reason
    assert len(download.server.requests) == 3


def test_an_endless_file_stops_at_its_size(download: Download) -> None:
    download.server.on(PATH, lambda _: Reply(body=itertools.repeat(b"x" * 9999)))

    assert isinstance(download.error(size=len(CONTENT)), HashMismatch)


@pytest.mark.parametrize("status", [204, 206, 401, 403, 404, 416, 500])
def test_another_status_fails(download: Download, status: int) -> None:
    download.server.on(PATH, lambda _: Reply(status, body=b"x" * 10))

    error = download.error()

    assert isinstance(error, DownloadFailed)
    assert str(status) in error.reason
    assert ("netrc" in (error.hint or "")) == (status in (401, 403))


@pytest.mark.parametrize("name", ["../../x", "/etc/x", "a\0b", "..", "\x1b]0;x\x07"])
def test_the_name_of_a_file_makes_no_path(download: Download, name: str, tmp_path: Path) -> None:
    path = download.start(filename=name).result(20)

    assert os.path.dirname(path) == str(download.folder)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["folder"]


def test_content_disposition_makes_no_path(download: Download, tmp_path: Path) -> None:
    headers = (("Content-Disposition", 'attachment; filename="../../../evil"'),)
    download.server.on(PATH, lambda _: Reply(headers=headers, body=CONTENT))

    assert download.run() == CONTENT
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["folder"]


def test_a_gzip_coding_that_nobody_asked_for_is_not_undone(download: Download) -> None:
    headers = (("Content-Encoding", "gzip"),)
    download.server.on(PATH, lambda _: Reply(headers=headers, body=CONTENT))

    assert download.run() == CONTENT


def test_a_folder_that_is_gone_is_told(download: Download) -> None:
    download.folder.rmdir()
    with pytest.raises(StorageFailed):
        download.start().result(20)


def test_plain_http_to_another_machine_needs_a_hash(
    make_client: MakeClient, tmp_path: Path
) -> None:
    allowed = QUICK._replace(insecure_hosts=frozenset({"files.example"}), connect_timeout=0.2)
    client = make_client(options=allowed._replace(offline=True))
    url = "http://files.example/x.whl"

    def reason(hashes: dict[str, str]) -> str:
        future = client.download(url, hashes, None, directory=str(tmp_path), filename="x.whl")
        with pytest.raises(DownloadFailed) as caught:
            future.result(10)
        return caught.value.reason

    assert "no hash" in reason({})
    assert "no hash" in reason({"md5": "0" * 32})
    assert "offline" in reason({"sha256": SHA256})


@pytest.mark.parametrize("url", ["file:///etc/passwd", "", "https://h.example:x/", "ftp://h/x"])
def test_an_odd_address_fails(make_client: MakeClient, tmp_path: Path, url: str) -> None:
    future = make_client().download(url, {}, None, directory=str(tmp_path), filename="x")
    with pytest.raises(DownloadFailed):
        future.result(10)


def test_progress_is_told_and_taken_back(
    make_client: MakeClient, server: IndexServer, tmp_path: Path
) -> None:
    class Progress(Reporter):
        def __init__(self) -> None:
            self.steps: list[tuple[Stage, int, str]] = []

        def advance(self, stage: Stage, amount: int = 1, detail: str = "") -> None:
            self.steps.append((stage, amount, detail))

    big = CONTENT * 3
    server.on(PATH, lambda _: Reply(body=big, cut=1_500_000 if len(server.requests) == 1 else None))
    reporter = Progress()
    client = make_client(server, reporter=reporter)
    url = f"{server.root}{PATH}"

    client.download(url, {}, None, directory=str(tmp_path), filename="x").result(20)

    assert {(stage, detail) for stage, _, detail in reporter.steps} == {(Stage.DOWNLOADING, "x")}
    assert sum(amount for _, amount, _ in reporter.steps) == len(big)
    assert min(amount for _, amount, _ in reporter.steps) < 0
