"""Core metadata from afar: by metadata file, by parts, by the whole file; lies are found out."""

import hashlib
import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.errors import DownloadFailed, EnvsyncError, HashMismatch, WheelInvalid
from envsync.index.client import IndexClient, Refresh
from envsync.index.page_source import Index
from envsync.model.candidate import File
from tests.index.conftest import QUICK, MakeClient
from tests.support.index_server import IndexServer, Listed, Reply, Seen, range_reply
from tests.support.wheels import make_sdist, make_wheel, pack_zip, wheel_files

KIB = 1024
PAGE = "/simple/shop/"


def wheel(padding: int = 0, members: int = 0) -> tuple[str, bytes]:
    """A wheel with `padding` bytes before its METADATA, and a directory of `members` more files."""
    files: dict[str, bytes | str] = {"shop/data.bin": b"\7" * padding} if padding else {}
    files.update({f"shop/module_with_a_long_name_{n}.py": "" for n in range(members)})
    return make_wheel("shop", "1.0", files or {"shop.py": "x = 1"}, requires=["rich>=14"])


def metadata_of(content: bytes) -> bytes:
    start = content.index(b"Metadata-Version")
    return content[start : content.index(b"Requires-Dist: rich>=14", start)] + (
        b"Requires-Dist: rich>=14\n"
    )


def publish(server: IndexServer, content: bytes, filename: str, project: str = "shop") -> File:
    """Put a file on the server, and give it as a page would list it."""
    server.add(project, filename, content)
    digest = hashlib.sha256(content).hexdigest()
    return File(filename, server.file_url(project, filename), {"sha256": digest})


SMALL = wheel()
LARGE = wheel(padding=300 * KIB)
CROWDED = wheel(members=2000)


def scattered() -> tuple[str, bytes]:
    """A wheel whose METADATA lies far before its end."""
    members = wheel_files("shop", "1.0", {"shop/z.bin": b"\7" * 300 * KIB}, requires=["rich>=14"])
    big = members.pop("shop/z.bin")
    return LARGE[0], pack_zip({**members, "shop/z.bin": big})


SCATTERED = scattered()


def ranges_of(server: IndexServer) -> list[str | None]:
    return [seen.headers.get("range") for seen in server.requests]


@pytest.mark.parametrize(
    ("content", "parts"),
    [(SMALL, 1), (LARGE, 1), (CROWDED, 3), (SCATTERED, 2)],
    ids=["small", "large", "crowded", "scattered"],
)
def test_metadata_by_parts(
    make_client: MakeClient, server: IndexServer, content: tuple[str, bytes], parts: int
) -> None:
    file = publish(server, content[1], content[0])
    client = make_client(server)

    found = client.wheel_metadata(file).result(10)

    assert found.startswith(metadata_of(content[1]))
    assert None not in ranges_of(server)
    assert len(server.requests) == parts


def test_metadata_near_the_end_takes_one_request(
    make_client: MakeClient, server: IndexServer
) -> None:
    file = publish(server, LARGE[1], LARGE[0])

    make_client(server).wheel_metadata(file).result(10)

    assert ranges_of(server) == ["bytes=-65536"]
    assert server.requests[0].headers["accept-encoding"] == "identity"


def test_metadata_is_asked_for_once_and_kept(make_client: MakeClient, server: IndexServer) -> None:
    file = publish(server, LARGE[1], LARGE[0])
    first, second = make_client(server), make_client(server)
    one = [first.wheel_metadata(file).result(10) for _ in range(3)]
    offline = make_client(server, options=QUICK._replace(offline=True))

    assert (
        second.wheel_metadata(file).result(10) == offline.wheel_metadata(file).result(10) == one[0]
    )
    assert len(server.requests) == 1


def test_metadata_without_a_hash_is_not_kept(make_client: MakeClient, server: IndexServer) -> None:
    file = publish(server, LARGE[1], LARGE[0])._replace(hashes={})

    for _ in range(2):
        client = make_client(server)
        client.wheel_metadata(file).result(10)

    assert len(server.requests) == 2


def test_kept_metadata_that_was_damaged_is_fetched_again(
    make_client: MakeClient, server: IndexServer, tmp_path: Path
) -> None:
    file = publish(server, LARGE[1], LARGE[0])
    found = make_client(server).wheel_metadata(file).result(10)
    (path,) = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    path.write_bytes(path.read_bytes().replace(b"rich>=14", b"evil>=14"))

    assert make_client(server).wheel_metadata(file).result(10) == found
    assert len(server.requests) == 2


def test_offline_says_so(make_client: MakeClient, server: IndexServer) -> None:
    file = publish(server, LARGE[1], LARGE[0])
    client = make_client(server, options=QUICK._replace(offline=True))

    for future in (client.wheel_metadata(file), client.sdist_metadata(file)):
        with pytest.raises(DownloadFailed, match="offline") as caught:
            future.result(10)
        assert caught.value.hint == "run the command once without --offline"


# -- the metadata file (PEP 658)


def listed_file(client: IndexClient) -> File:
    page = client.page("shop").result(10)  # type: ignore[arg-type]
    assert page is not None
    return next(page.releases.every_file())


def test_the_metadata_file_is_enough(make_client: MakeClient) -> None:
    with IndexServer({"shop": {LARGE[0]: LARGE[1]}}, metadata=True) as server:
        client = make_client(server)
        found = client.wheel_metadata(listed_file(client)).result(10)

        assert found.startswith(metadata_of(LARGE[1]))
        assert server.paths()[1:] == [f"/files/shop/{LARGE[0]}.metadata"]


def test_a_metadata_file_with_another_hash_is_an_error(make_client: MakeClient) -> None:
    with IndexServer({"shop": {LARGE[0]: LARGE[1]}}, metadata=True) as server:
        client = make_client(server)
        file = listed_file(client)
        server.listed[LARGE[0]] = Listed(metadata=b"Metadata-Version: 2.1\nName: evil\n")
        with pytest.raises(HashMismatch, match=r"\.whl\.metadata"):
            client.wheel_metadata(file).result(10)


@pytest.mark.parametrize("status", [404, 403, 500])
def test_a_metadata_file_that_is_not_there_is_done_without(
    make_client: MakeClient, status: int
) -> None:
    with IndexServer({"shop": {LARGE[0]: LARGE[1]}}, metadata=True) as server:
        server.on(f"/files/shop/{LARGE[0]}.metadata", lambda _: Reply(status))
        client = make_client(server)
        found = client.wheel_metadata(listed_file(client)).result(10)

        assert found.startswith(metadata_of(LARGE[1]))
        assert ranges_of(server)[-1] == "bytes=-65536"


def test_the_query_of_a_file_stays_behind_its_name(
    make_client: MakeClient, server: IndexServer
) -> None:
    server.metadata = True
    file = publish(server, LARGE[1], LARGE[0])
    file = file._replace(url=f"{file.url}?x=1", has_metadata=True)

    make_client(server).wheel_metadata(file).result(10)

    assert server.paths() == [f"/files/shop/{LARGE[0]}.metadata?x=1"]


# -- H97: whose word it is

LYING = make_wheel("shop", "1.0", {"shop/data.bin": b"\7" * 300 * KIB}, requires=["evil>=14"])[1]
"""Another wheel of that name: parts of it are what a lying server answers with."""
LIE = b"Metadata-Version: 2.1\nName: shop\nVersion: 1.0\nRequires-Dist: evil\n"


def _answer(content: bytes, seen: Seen) -> Reply:
    wanted = seen.headers.get("range")
    return Reply(body=content) if wanted is None else range_reply(content, wanted)


def _liar(content: bytes) -> IndexServer:
    """An index that lists the true wheel, and has another metadata file beside it."""
    return IndexServer(
        {"shop": {LARGE[0]: content}}, metadata=True, listed={LARGE[0]: Listed(metadata=LIE)}
    )


@pytest.mark.parametrize("has_metadata", [True, False], ids=["metadata file", "ranges"])
def test_what_one_index_says_of_a_file_is_not_believed_of_another(
    make_client: MakeClient, *, has_metadata: bool
) -> None:
    """Both list the same sha256; the first one lies about what is in the file."""
    with _liar(LARGE[1]) as evil, IndexServer({"shop": {LARGE[0]: LARGE[1]}}) as honest:
        if not has_metadata:
            evil.metadata = False
            path = f"/files/shop/{LARGE[0]}"
            evil.on(path, lambda seen: range_reply(LYING, seen.headers["range"]))
        poisoned = make_client(evil)
        assert b"evil" in poisoned.wheel_metadata(listed_file(poisoned)).result(10)

        client = make_client(honest)
        found = client.wheel_metadata(listed_file(client)).result(10)
        assert found.startswith(metadata_of(LARGE[1]))


def test_two_indexes_of_one_project_answer_for_themselves(make_client: MakeClient) -> None:
    with _liar(LARGE[1]) as evil, IndexServer({"shop": {LARGE[0]: LARGE[1]}}) as honest:
        client = make_client(Index("evil", evil.url), Index("good", honest.url, explicit=True))
        pages = [client.page("shop", index=name).result(10) for name in ("evil", "good")]  # type: ignore[arg-type]
        files = [next(page.releases.every_file()) for page in pages if page]
        said = [client.wheel_metadata(file).result(10) for file in files]

        assert b"evil" in said[0]
        assert said[1].startswith(metadata_of(LARGE[1]))


def test_what_a_whole_file_says_is_shared_by_all_indexes(make_client: MakeClient) -> None:
    files = {"shop": {LARGE[0]: LARGE[1]}}
    with IndexServer(files, ranges=False) as first, IndexServer(files, ranges=False) as second:
        one, other = make_client(first), make_client(second)
        found = one.wheel_metadata(listed_file(one)).result(10)

        assert other.wheel_metadata(listed_file(other)).result(10) == found
        assert second.paths() == [PAGE]


def test_a_fact_about_the_bytes_outranks_what_an_index_says(make_client: MakeClient) -> None:
    files = {"shop": {LARGE[0]: LARGE[1]}}
    with _liar(LARGE[1]) as evil, IndexServer(files, ranges=False) as honest:
        said = [
            client.wheel_metadata(listed_file(client)).result(10)
            for client in (make_client(evil), make_client(honest), make_client(evil))
        ]

    assert [b"evil" in one for one in said] == [True, False, False]


def test_a_small_file_whose_range_is_all_of_it_is_hashed(make_client: MakeClient) -> None:
    """A lie in it falls to the whole file, which the sha256 refuses."""
    lying = make_wheel("shop", "1.0", {"shop.py": "x = 1"}, requires=["evil>=14"])[1]
    assert len(lying) == len(SMALL[1])
    with IndexServer({"shop": {SMALL[0]: SMALL[1]}}) as server:
        server.on(f"/files/shop/{SMALL[0]}", lambda seen: _answer(lying, seen))
        client = make_client(server)
        with pytest.raises(HashMismatch):
            client.wheel_metadata(listed_file(client)).result(10)


def test_ranges_that_contradict_the_listed_metadata_hash_are_not_believed(
    make_client: MakeClient,
) -> None:
    with IndexServer({"shop": {LARGE[0]: LARGE[1]}}, metadata=True) as server:
        path = f"/files/shop/{LARGE[0]}"
        server.on(f"{path}.metadata", lambda _: Reply(404))
        server.on(path, lambda seen: _answer(LYING, seen) if "range" in seen.headers else None)
        client = make_client(server)
        found = client.wheel_metadata(listed_file(client)).result(10)

        assert found.startswith(metadata_of(LARGE[1]))


def test_refresh_asks_for_claims_again_but_not_for_facts(make_client: MakeClient) -> None:
    again = Refresh(everything=True)
    with _liar(LARGE[1]) as server:
        client = make_client(server)
        assert b"evil" in client.wheel_metadata(listed_file(client)).result(10)
        server.listed.clear()
        client = make_client(server, refresh=again)
        assert b"evil" not in client.wheel_metadata(listed_file(client)).result(10)

        server.metadata = server.ranges = False
        client = make_client(server)
        whole = client.wheel_metadata(listed_file(client)).result(10)
        server.forget()
        client = make_client(server, refresh=again)
        assert client.wheel_metadata(listed_file(client)).result(10) == whole
        assert server.paths() == [PAGE]


def test_offline_a_refresh_makes_do_with_what_is_kept(make_client: MakeClient) -> None:
    with IndexServer({"shop": {LARGE[0]: LARGE[1]}}, metadata=True) as server:
        client = make_client(server)
        file = listed_file(client)
        found = client.wheel_metadata(file).result(10)
        offline = QUICK._replace(offline=True)
        client = make_client(server, options=offline, refresh=Refresh(everything=True))

        assert client.wheel_metadata(file).result(10) == found


def test_who_asks_with_other_credentials_is_told_for_himself(make_client: MakeClient) -> None:
    """One address may hold another file for everybody who may see it."""
    with IndexServer({"shop": {LARGE[0]: LARGE[1]}}, metadata=True) as server:
        path = f"/files/shop/{LARGE[0]}.metadata"
        server.on(path, lambda seen: None if "authorization" in seen.headers else Reply(body=LIE))
        address = server.url.replace("//", "//ann:secret@")
        said = []
        for index in (Index(None, server.url), Index(None, address)):
            client = make_client(index)  # a page that it read is what a password may follow to
            file = listed_file(client)._replace(metadata_sha256=None)
            said.append(client.wheel_metadata(file).result(10))

    assert [b"evil" in one for one in said] == [True, False]


def test_another_listed_metadata_hash_is_another_claim(make_client: MakeClient) -> None:
    with IndexServer({"shop": {LARGE[0]: LARGE[1]}}, metadata=True) as server:
        client = make_client(server)
        file = listed_file(client)
        client.wheel_metadata(file).result(10)
        with pytest.raises(HashMismatch):
            client.wheel_metadata(file._replace(metadata_sha256="ab" * 32)).result(10)


# -- H6: servers that don't do ranges, or lie

Lie = Callable[[bytes, str], Reply | None]


def _part(content: bytes, wanted: str) -> tuple[int, int]:
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    if not first:
        return max(0, len(content) - int(last)), len(content)
    return int(first), int(last) + 1


def _partial(content: bytes, start: int, stop: int, says: str) -> Reply:
    return Reply(206, (("Content-Range", says),), content[start:stop])


def _other_offset(content: bytes, wanted: str) -> Reply:
    start, stop = _part(content, wanted)
    return _partial(content, start - 10, stop - 10, f"bytes {start}-{stop - 1}/{len(content)}")


def _other_range(content: bytes, wanted: str) -> Reply:
    return _partial(content, 0, 100, f"bytes 0-99/{len(content)}")


def _other_total(content: bytes, wanted: str) -> Reply:
    start, stop = _part(content, wanted)
    return _partial(content, start, stop, f"bytes {start}-{stop - 1}/{len(content) + 1000}")


def _no_total(content: bytes, wanted: str) -> Reply:
    start, stop = _part(content, wanted)
    return _partial(content, start, stop, f"bytes {start}-{stop - 1}/*")


def _no_content_range(content: bytes, wanted: str) -> Reply:
    start, stop = _part(content, wanted)
    return Reply(206, (), content[start:stop])


def _too_short(content: bytes, wanted: str) -> Reply:
    start, stop = _part(content, wanted)
    return _partial(content, start, stop - 5, f"bytes {start}-{stop - 1}/{len(content)}")


def _too_long(content: bytes, wanted: str) -> Reply:
    start, stop = _part(content, wanted)
    body = content[start:stop] + b"x" * 5
    return Reply(206, (("Content-Range", f"bytes {start}-{stop - 1}/{len(content)}"),), body)


def _huge_numbers(content: bytes, wanted: str) -> Reply:
    start, stop = _part(content, wanted)
    return _partial(content, start, stop, f"bytes {start}-{stop - 1}/{'9' * 5000}")


def _multipart(content: bytes, wanted: str) -> Reply:
    return Reply(206, (("Content-Type", "multipart/byteranges; boundary=x"),), b"--x--")


def _whole(content: bytes, wanted: str) -> Reply:
    return Reply(body=content)


def _whole_chunked(content: bytes, wanted: str) -> Reply:
    return Reply(body=[content[i : i + 65536] for i in range(0, len(content), 65536)])


def _refused(content: bytes, wanted: str) -> Reply:
    return Reply(416, (("Content-Range", f"bytes */{len(content)}"),))


def _flipped(content: bytes, wanted: str) -> Reply:
    start, stop = _part(content, wanted)
    bad = content.replace(b"rich>=14", b"evil>=14", 1)
    return _partial(bad, start, stop, f"bytes {start}-{stop - 1}/{len(content)}")


def _zeros(content: bytes, wanted: str) -> Reply:
    start, stop = _part(content, wanted)
    return _partial(bytes(stop), start, stop, f"bytes {start}-{stop - 1}/{len(content)}")


LIES = [
    _other_offset,
    _other_range,
    _other_total,
    _no_total,
    _no_content_range,
    _too_short,
    _too_long,
    _huge_numbers,
    _multipart,
    _whole,
    _whole_chunked,
    _refused,
    _flipped,
    _zeros,
]


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("name", ["one part", "two parts"])
@pytest.mark.parametrize("which", [0, 1])
def test_lying_ranges_lead_to_the_whole_file(
    make_client: MakeClient, server: IndexServer, lie: Lie, name: str, which: int
) -> None:
    filename, content = LARGE if name == "one part" else SCATTERED
    file = publish(server, content, filename)
    asked: list[str] = []

    def rule(seen: Seen) -> Reply | None:
        wanted = seen.headers.get("range")
        if wanted is None:
            return None
        asked.append(wanted)
        return lie(content, wanted) if len(asked) - 1 == which else None

    server.on(f"/files/shop/{filename}", rule)
    client = make_client(server)

    found = client.wheel_metadata(file).result(10)

    assert found.startswith(metadata_of(content))
    assert b"evil" not in found


def test_a_server_without_ranges_is_asked_for_parts_once(make_client: MakeClient) -> None:
    projects = {
        name: dict([make_wheel(name, "1.0", {"a.py": os.urandom(100 * KIB)})]) for name in "abc"
    }
    with IndexServer(projects, ranges=False) as server:
        client = make_client(server)
        for name, files in projects.items():
            ((filename, content),) = files.items()
            file = publish(server, content, filename, name)
            assert b"Metadata-Version" in client.wheel_metadata(file).result(10)

        assert ranges_of(server) == ["bytes=-65536", None, None, None]


def test_a_small_file_that_comes_whole_is_enough(
    make_client: MakeClient, server: IndexServer
) -> None:
    server.ranges = False
    file = publish(server, SMALL[1], SMALL[0])
    client = make_client(server)

    assert client.wheel_metadata(file).result(10).startswith(metadata_of(SMALL[1]))
    assert len(server.requests) == 1


# -- H10: the file is not what was listed


def failure(client: IndexClient, file: File) -> EnvsyncError:
    with pytest.raises(EnvsyncError) as caught:
        client.wheel_metadata(file).result(20)
    return caught.value


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
def test_a_whole_file_with_another_hash_is_an_error(
    make_client: MakeClient, server: IndexServer, content: tuple[str, bytes], tmp_path: Path
) -> None:
    server.ranges = False
    file = publish(server, content[1], content[0])._replace(hashes={"sha256": "0" * 64})

    assert isinstance(failure(make_client(server), file), HashMismatch)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("size", [1, len(LARGE[1]) - 1, len(LARGE[1]) + 1])
def test_a_listed_size_that_is_wrong_is_an_error(
    make_client: MakeClient, server: IndexServer, size: int
) -> None:
    file = publish(server, LARGE[1], LARGE[0])._replace(size=size)

    assert isinstance(failure(make_client(server), file), HashMismatch)


@pytest.mark.parametrize(
    "content", [b"", b"x", b"PK\5\6" + bytes(18), os.urandom(200 * KIB), LARGE[1][:-50]]
)
def test_what_is_no_wheel_is_told(
    make_client: MakeClient, server: IndexServer, content: bytes, tmp_path: Path
) -> None:
    error = failure(make_client(server), publish(server, content, LARGE[0]))

    assert isinstance(error, WheelInvalid)
    assert error.file == LARGE[0]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_a_file_that_is_not_there_is_told(
    make_client: MakeClient, server: IndexServer, status: int
) -> None:
    server.on(f"/files/shop/{LARGE[0]}", lambda _: Reply(status))
    file = publish(server, LARGE[1], LARGE[0])

    error = failure(make_client(server), file)

    assert isinstance(error, DownloadFailed)
    assert str(status) in error.reason


def test_an_endless_answer_ends(make_client: MakeClient, server: IndexServer) -> None:
    server.on(f"/files/shop/{LARGE[0]}", lambda _: Reply(body=itertools.repeat(b"x" * 9999)))
    file = publish(server, LARGE[1], LARGE[0])._replace(size=len(LARGE[1]))

    assert isinstance(failure(make_client(server), file), HashMismatch)


def test_hundreds_of_wheels_side_by_side(make_client: MakeClient) -> None:
    projects = {
        f"p{n}": dict([make_wheel(f"p{n}", "1.0", {"a.py": "x" * 999})]) for n in range(200)
    }
    with IndexServer(projects) as server:
        client = make_client(server)
        futures = {}
        for name, files in projects.items():
            ((filename, content),) = files.items()
            futures[name] = client.wheel_metadata(publish(server, content, filename, name))

        for name, future in futures.items():
            assert f"Name: {name}\n".encode() in future.result(20)


# -- source distributions


def test_pkg_info_of_a_source_distribution(
    make_client: MakeClient, server: IndexServer, tmp_path: Path
) -> None:
    filename, content = make_sdist("shop", "1.0", {"a.py": ""}, requires=["rich>=14"])
    file = publish(server, content, filename)
    client = make_client(server)

    found = client.sdist_metadata(file).result(10)

    assert found is not None
    assert found.startswith(metadata_of(found))
    again = make_client(server, options=QUICK._replace(offline=True))
    assert again.sdist_metadata(file).result(10) == found
    assert len(server.requests) == 1
    assert list((tmp_path / "cache" / "partial-v1").iterdir()) == []


def test_a_source_distribution_without_pkg_info(
    make_client: MakeClient, server: IndexServer
) -> None:
    file = publish(server, b"not an archive", "shop-1.0.tar.gz")

    for _ in range(2):
        assert make_client(server).sdist_metadata(file).result(10) is None

    assert len(server.requests) == 1


def test_a_source_distribution_with_another_hash(
    make_client: MakeClient, server: IndexServer
) -> None:
    filename, content = make_sdist("shop", "1.0", {"a.py": ""})
    file = publish(server, content, filename)._replace(hashes={"sha256": "0" * 64})
    with pytest.raises(HashMismatch):
        make_client(server).sdist_metadata(file).result(10)


def test_a_source_distribution_that_is_too_large(
    make_client: MakeClient, server: IndexServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("envsync.index.metadata_source.MAX_SDIST", 1000)
    file = publish(server, bytes(2000), "shop-1.0.tar.gz")
    with pytest.raises(DownloadFailed, match="larger than 1,000 bytes"):
        make_client(server).sdist_metadata(file).result(10)
