"""Reading a lock strictly: what is accepted, and what is refused with which place and reason."""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.pylock import Pylock

from envsync.errors import LockInvalid
from envsync.events import Reporter
from envsync.lock.places import is_plain, judge_url
from envsync.lock.read import MAX_BYTES, parse_lock
from envsync.lock.reading import ReadingPolicy, reading_policy
from envsync.lock.text import render
from envsync.spec.model import SourceSpec, Spec
from tests.lock.samples import digest

GOOD = f"""\
lock-version = "1.0"
requires-python = ">=3.10"
environments = ["sys_platform == 'linux'"]
extras = ["redis"]
dependency-groups = ["dev"]
default-groups = ["dev"]
created-by = "other-tool"

[[packages]]
name = "spam-eggs"
version = "1.0"
marker = "'dev' in dependency_groups"
requires-python = ">=3.8"
dependencies = [{{ name = "tool" }}]
index = "https://index.example/simple/"
sdist = {{ url = "https://files.example/spam_eggs-1.0.tar.gz", size = 7, \
hashes = {{ sha256 = "{digest("s")}" }} }}
wheels = [
    {{ url = "https://files.example/spam_eggs-1.0-py3-none-any.whl", size = 9, \
upload-time = 2025-01-25T11:30:10Z, hashes = {{ sha256 = "{digest("w")}" }} }},
]

[[packages]]
name = "tool"
vcs = {{ type = "git", url = "https://git.example/tool.git", requested-revision = "v2", \
commit-id = "{"0a" * 20}", subdirectory = "py/tool" }}

[[packages]]
name = "shop"
directory = {{ path = ".", editable = true, subdirectory = "src" }}

[[packages]]
name = "direct"
version = "2"
archive = {{ url = "https://files.example/direct-2-py3-none-any.whl", size = 5, \
hashes = {{ sha512 = "{"ab" * 64}" }} }}
"""


def refusal(text: str | bytes, policy: ReadingPolicy | None = None) -> LockInvalid:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(LockInvalid) as caught:
        parse_lock(data, path="pylock.toml", policy=policy or ReadingPolicy())
    return caught.value


def with_change(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new, 1)


def test_a_good_lock_is_read_whole() -> None:
    lock = parse_lock(GOOD.encode(), path="pylock.toml")
    assert lock == Pylock.from_dict(tomllib.loads(GOOD))
    assert [package.name for package in lock.packages] == ["spam-eggs", "tool", "shop", "direct"]
    assert lock.packages[0].marker == Marker("'dev' in dependency_groups")


def test_unknown_keys_are_for_newer_tools() -> None:
    """PEP 751 lets a reader ignore them."""
    parse_lock(with_change("created-by", "novelty = 1\ncreated-by").encode(), path="x")


def test_a_newer_minor_version_is_read_with_a_warning() -> None:
    class Heard(Reporter):
        warnings: list[str] = []

        def warn(self, text: str) -> None:
            self.warnings.append(text)

    parse_lock(with_change('"1.0"', '"1.7"').encode(), path="pylock.toml", reporter=Heard())
    assert Heard.warnings == ["pylock.toml has lock-version 1.7; what is newer than 1.0 is ignored"]


def test_a_newer_major_version_is_refused() -> None:
    error = refusal(with_change('"1.0"', '"2.0"'))
    assert (error.where, error.reason) == ("lock-version", "pylock version 2.0 is not supported")
    assert error.hint == "a newer envsync may read it"


@pytest.mark.parametrize(
    ("text", "where", "reason"),
    [
        (GOOD.replace("[[packages]]", "[[package]]"), "packages", "Missing required value"),
        ("", "lock-version", "Missing required value"),
        ("a = \nb = 1\n", "line 1", "is not valid TOML: Invalid value"),
        ('lock-version = "1.0', None, None),
        ("x = " + "[" * 5000 + "]" * 5000, "line 1", "is nested too deeply"),
        ("x = " + "9" * 5000, None, None),
        (b'x = 1\ny = "\xff"', "line 2", "is not UTF-8"),
    ],
)
def test_broken_files(text: str | bytes, where: str | None, reason: str | None) -> None:
    error = refusal(text)
    assert error.path == "pylock.toml"
    assert error.where == where or reason is None
    assert reason is None or error.reason == reason


def test_conflict_markers_are_named() -> None:
    """What git leaves in a file after a merge that it could not finish (H22)."""
    lines = GOOD.splitlines(keepends=True)
    text = "".join([*lines[:3], "<<<<<<< HEAD\n", "=======\n", ">>>>>>> topic\n", *lines[3:]])
    error = refusal(text)
    assert str(error) == "pylock.toml: line 4: git conflict markers"
    assert error.hint is not None
    assert error.hint.startswith("`envsync lock` resolves it")


def test_a_huge_file_is_refused_unread() -> None:
    assert refusal(b"#" * (MAX_BYTES + 1)).reason == "is larger than 16 MiB"


SHA = digest("w")


@pytest.mark.parametrize(
    ("hashes", "where", "reason"),
    [
        ('md5 = "d41d8cd98f00b204e9800998ecf8427e"', "hashes", "no hash is sha256 or stronger"),
        (f'sha1 = "{SHA[:40]}"', "hashes", "no hash is sha256 or stronger"),
        (f'sha256 = "{SHA[:-1]}"', "hashes.sha256", "64 lower-case hexadecimal digits"),
        (f'sha256 = "{SHA}0"', "hashes.sha256", "64 lower-case hexadecimal digits"),
        (f'sha256 = "{SHA.upper()}"', "hashes.sha256", "64 lower-case hexadecimal digits"),
        (f'sha256 = "{SHA[:-1]}\\n"', "hashes.sha256", "64 lower-case hexadecimal digits"),
        (f'sha256 = "{SHA}", sha512 = "ab"', "hashes.sha512", "128 lower-case"),
        (f'sha256 = "{digest("")}"', "hashes.sha256", "the hash of an empty file"),
    ],
)
def test_hashes_that_prove_nothing(hashes: str, where: str, reason: str) -> None:
    """H23: sha256 or stronger, spelled out in full."""
    error = refusal(with_change(f'sha256 = "{SHA}"', hashes))
    assert error.where == f"packages[0].wheels[0].{where}"
    assert reason in error.reason
    assert error.reason.startswith("spam-eggs: ")


def test_no_hash_at_all() -> None:
    assert refusal(with_change(f'sha256 = "{SHA}"', "")).where == "packages[0].wheels[0].hashes"
    assert refusal(with_change(f', hashes = {{ sha256 = "{SHA}" }}', "")).where == (
        "packages[0].wheels[0].hashes"
    )


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd/spam_eggs-1.0-py3-none-any.whl",
        "ftp://files.example/spam_eggs-1.0-py3-none-any.whl",
        "ssh://files.example/spam_eggs-1.0-py3-none-any.whl",
        "data:text/plain,spam_eggs-1.0-py3-none-any.whl",
        "javascript:spam_eggs-1.0-py3-none-any.whl",
        "spam_eggs-1.0-py3-none-any.whl",
        "//files.example/spam_eggs-1.0-py3-none-any.whl",
        "https:///spam_eggs-1.0-py3-none-any.whl",
        "https://-oProxyCommand=x/spam_eggs-1.0-py3-none-any.whl",
        "https://files.example:99999/spam_eggs-1.0-py3-none-any.whl",
        "https://[::1/spam_eggs-1.0-py3-none-any.whl",
        "https://files.example/a b/spam_eggs-1.0-py3-none-any.whl",
        "https://files.example\\\\@evil.example/spam_eggs-1.0-py3-none-any.whl",
        "https://files.example/\\u202e/spam_eggs-1.0-py3-none-any.whl",
        "http://files.example/spam_eggs-1.0-py3-none-any.whl",
        "--upload-pack=x/spam_eggs-1.0-py3-none-any.whl",
    ],
)
def test_hostile_addresses(url: str) -> None:
    """H24: where a lock sends an installer to."""
    error = refusal(with_change("https://files.example/spam_eggs-1.0-py3-none-any.whl", url))
    assert error.where is not None
    assert error.where.startswith("packages[0]")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3:8080", "localhost", "[::1]:80"])
def test_plain_http_is_for_this_machine(host: str) -> None:
    parse_lock(with_change("https://files.example/spam", f"http://{host}/spam").encode(), path="x")


def test_the_user_may_allow_more() -> None:
    """Settings and env.toml decide, never the lock itself."""
    policy = ReadingPolicy(insecure_hosts=frozenset({"files.example"}), file_urls=True)
    plain = with_change("https://files.example/spam", "http://files.example/spam")
    parse_lock(plain.encode(), path="x", policy=policy)
    local = with_change("https://files.example/spam", "file:///srv/spam")
    parse_lock(local.encode(), path="x", policy=policy)
    remote = with_change("https://files.example/spam", "file://server/spam")
    assert refusal(remote, policy).reason.endswith("must not name another host")


def test_a_local_repository_must_be_named_by_env_toml() -> None:
    text = with_change("https://git.example/tool.git", "file:///srv/tool")
    if "envsync" in text.partition("created-by")[2].partition("\n")[0]:
        parse_lock(text.encode(), path="x")  # outdated then, as `lock.origins` says
    text = text.replace('created-by = "envsync"', 'created-by = "other"')
    assert refusal(text).where == "packages[1].vcs.url"
    source = SourceSpec("git", "file:///srv/tool")
    spec = Spec("shop", sources={"tool": (source,)})  # type: ignore[dict-item]
    parse_lock(text.encode(), path="x", policy=reading_policy(spec))


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("0a" * 20, "--upload-pack=touch x", "packages[1].vcs.commit-id"),
        ("0a" * 20, "0A" * 20, "packages[1].vcs.commit-id"),
        ("0a" * 20, "main", "packages[1].vcs.commit-id"),
        ("0a" * 20, "0a" * 20 + "\\n", "packages[1].vcs.commit-id"),
        ('"git"', '"ext"', "packages[1].vcs.type"),
        ('"v2"', '"--config=x"', "packages[1].vcs.requested-revision"),
        ('"v2"', '"a\\u001bb"', "packages[1].vcs.requested-revision"),
        ('"https://git.example/tool.git"', '"ext::sh -c x"', "packages[1].vcs.url"),
        ('"https://git.example/tool.git"', '"git@git.example:tool"', "packages[1].vcs.url"),
        ('"https://git.example/tool.git"', '"ssh://-oX=y/tool"', "packages[1].vcs.url"),
        ('"https://git.example/tool.git"', '"ssh://-x@git.example/t"', "packages[1].vcs.url"),
        ('"py/tool"', '"../.."', "packages[1].vcs.subdirectory"),
        ('"py/tool"', '"/etc"', "packages[1].vcs.subdirectory"),
        ('"py/tool"', '"py/../../x"', "packages[1].vcs.subdirectory"),
        ('path = "."', 'path = "../other"', "packages[2].directory.path"),
        ('path = "."', 'path = "/srv"', "packages[2].directory.path"),
        ('path = "."', 'path = "C:/srv"', "packages[2].directory.path"),
        ('path = "."', 'path = "..\\\\x"', "packages[2].directory.path"),
        ('path = "."', 'path = "~root"', "packages[2].directory.path"),
        ('path = "."', 'path = "-e"', "packages[2].directory.path"),
        ('path = "."', 'path = "a//b"', "packages[2].directory.path"),
        ('path = "."', 'path = ""', "packages[2].directory.path"),
        ('subdirectory = "src"', 'subdirectory = ".."', "packages[2].directory.subdirectory"),
        ('name = "shop"', 'name = "../../PWNED"', "packages[2].name"),
        ('name = "shop"', 'name = "shop\\n"', "packages[2].name"),
        ('name = "shop"', 'name = "Shop"', "packages[2].name"),
        ('name = "shop"', 'name = "sh\\u043ep"', "packages[2].name"),
        ('name = "shop"', 'name = "-r"', "packages[2].name"),
        ("size = 9", "size = 0", "packages[0].wheels[0].size"),
        ("size = 9", "size = -1", "packages[0].wheels[0].size"),
        ("size = 9", f"size = {10**30}", "packages[0].wheels[0].size"),
        ("size = 9", "size = true", "packages[0].wheels[0].size"),
        ('extras = ["redis"]', 'extras = ["Red_is"]', "extras[0]"),
        ('-groups = ["dev"]', '-groups = ["a\\u001b[31m"]', "dependency-groups[0]"),
        ('version = "2"', f'version = "{"1." * 80}1"', "packages[3].version"),
        ('"https://index.example/simple/"', '"x\\u0007"', "packages[0].index"),
        ("direct-2-py3-none-any.whl", "other-2-py3-none-any.whl", "packages[3].archive"),
        ("direct-2-py3-none-any.whl", "direct-3-py3-none-any.whl", "packages[3].archive"),
        ("direct-2-py3-none-any.whl", "direct-2.whl", "packages[3].archive"),
        ("direct-2-py3-none-any.whl", "", "packages[3].archive.name"),
    ],
)
def test_hostile_values(old: str, new: str, where: str) -> None:
    """H24, H20: every value that an installer would act on."""
    assert refusal(with_change(old, new)).where == where


@pytest.mark.parametrize(
    "filename",
    [
        "spam_eggs-1.0-py3-none-a%2Fb.whl",
        "%2e%2e%2fspam_eggs-1.0-py3-none-any.whl",
        "spam_eggs-1.0-py3-none-any%00.whl",
        "spam_eggs-1.0-py3-none-any%0a.whl",
        "spam-2.0-py3-none-any.whl",
        "spam_eggs-2.0-py3-none-any.whl",
        "spam-eggs-1.0-py3-none-any.whl",
        "spam_eggs-1.0-py3-none-any.exe",
        f"spam_eggs-1.0-py3-none-{'a' * 300}.whl",
    ],
)
def test_file_names_that_are_not_this_file(filename: str) -> None:
    """H25 and H1: a name is a plain name, of this project and version."""
    where = refusal(with_change("spam_eggs-1.0-py3-none-any.whl", filename)).where
    assert where is not None
    assert where.startswith("packages[0].wheels[0]")


def test_rows_that_can_never_be_told_apart() -> None:
    twice = GOOD + '\n[[packages]]\nname = "shop"\ndirectory = { path = "b" }\n'
    error = refusal(twice)
    assert (error.where, error.reason) == (
        "packages[4]",
        "shop is listed twice for the same environments, first at packages[2]",
    )


def test_rows_for_different_environments_are_fine() -> None:
    text = GOOD + (
        '\n[[packages]]\nname = "shop"\nmarker = "sys_platform == \'x\'"\n'
        'directory = { path = "b" }\n'
    )
    assert len(parse_lock(text.encode(), path="x").packages) == 5


def every_key(value: object, trail: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, inner in items:
        yield (*trail, key)
        yield from every_key(inner, (*trail, key))


KEYS = list(every_key(tomllib.loads(GOOD)))


@pytest.mark.parametrize("junk", [0, 1.5, True, "junk", [], ["\x1b"], {}, {"a": 1}, [{"a": 1}]])
def test_any_key_with_any_value_is_read_or_refused(junk: Any) -> None:
    """H22: no retyped key gives a traceback or an empty lock."""
    for trail in KEYS:
        data: Any = tomllib.loads(GOOD)
        inner = data
        for key in trail[:-1]:
            inner = inner[key]
        inner[trail[-1]] = junk
        check_verdict(to_text(data))


def test_any_dropped_key_is_read_or_refused() -> None:
    for trail in KEYS:
        data: Any = tomllib.loads(GOOD)
        inner = data
        for key in trail[:-1]:
            inner = inner[key]
        del inner[trail[-1]]
        check_verdict(to_text(data))


def check_verdict(text: str) -> None:
    refused: LockInvalid | None = None
    try:
        lock = parse_lock(text.encode(), path="pylock.toml")
    except LockInvalid as error:
        refused = error
    if refused is not None:
        assert str(refused).isprintable()
    else:
        assert lock.created_by
        assert len(lock.packages) == len(tomllib.loads(text)["packages"])


def to_text(data: Any) -> str:
    """Any table as TOML, through the free part of a lock's own writer."""
    free = Pylock.from_dict(
        {"lock-version": "1.0", "created-by": "x", "packages": [], "tool": {"t": data}}
    )
    return render(free).partition("[tool.t]\n")[2]


OURS = (
    GOOD.replace('"other-tool"', '"envsync"')
    + """
[tool.envsync]
fingerprint = "sha256:0"
roots = [
    { requirement = "spam-eggs" },
]
"""
)


def test_our_own_lock_cut_off_anywhere_is_refused() -> None:
    """H22: also between two packages, where the rest is a valid lock with fewer of them."""
    assert len(parse_lock(OURS.encode(), path="x").packages) == 4
    for end in range(len(OURS) - 1):
        refusal(OURS[:end])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(LockInvalid):
        parse_lock(noise, path="pylock.toml")


@settings(deadline=None)
@given(
    st.sampled_from(("https", "http", "ftp", "file", "HTTP")),
    st.sampled_from(
        (
            "localhost",
            "127.0.0.1",
            "a.example",
            "mirror",
            "-a.example",
            "[::1]",
            "a@b",
            "",
            "A.example",
        )
    ),
    st.sampled_from(("", ":80", ":59999", ":60000", ":99999", ":", ":x")),
    st.sampled_from(("/x.whl", "/a b", "/a\\b", "/é", "", "?x")),
)
def test_a_plain_address_is_one_with_nothing_to_refuse(
    scheme: str, host: str, port: str, path: str
) -> None:
    url, policy = f"{scheme}://{host}{port}{path}", ReadingPolicy(frozenset({"mirror"}))
    if is_plain(url, policy):
        judge_url(url, policy)
