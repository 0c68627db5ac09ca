"""[[index]] and [sources]."""

import pytest
from packaging.markers import Marker
from packaging.utils import NormalizedName

from envsync.spec.model import IndexSpec, SourceSpec
from envsync.spec.read import parse_spec
from tests.spec.samples import problem, problems, read

NOT_RELATIVE = "the path must be relative to the project's folder"
NOT_INSIDE = "the path must stay inside the project's folder: no .."
UNLESS = "unless outside = true beside it says so"


def sources(text: str) -> str:
    return f"[env]\n[[index]]\nname = 'corp'\nurl = 'https://index.example/'\n[sources]\n{text}\n"


@pytest.mark.parametrize(
    ("written", "location"),
    [
        ("../lib", "../lib"),
        ("./.././lib/", "../lib"),
        ("a/../../lib", "../lib"),
        ("..", ".."),
        ("../../a/../b", "../../b"),
        ("/srv//libs/./shop/../lib", "/srv/libs/lib"),
        ("/../lib", "/lib"),
        ("/", "/"),
    ],
)
def test_a_path_leads_out_where_it_says_so_or_the_user_lets_it(written: str, location: str) -> None:
    text = sources(f"a = {{ path = '{written}', outside = true }}")
    assert read(text).sources == {"a": (SourceSpec("path", location),)}
    plain = text.replace(", outside = true", "")
    assert parse_spec(plain, folder_name="x", reach=[location].__contains__).sources == {
        "a": (SourceSpec("path", location),)
    }
    assert "outside = true" in problem(plain)


def test_indexes_in_their_order() -> None:
    spec = read(
        "[env]\n[[index]]\nname = 'b-1'\nurl = 'http://127.0.0.1:8000/simple'\ndefault = true\n"
        "[[index]]\nname = 'a_2'\nurl = 'https://index.example/'\nexplicit = true\n"
    )
    assert spec.indexes == (
        IndexSpec("b-1", "http://127.0.0.1:8000/simple", default=True),
        IndexSpec("a_2", "https://index.example/", explicit=True),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[index]\nname = 'a'", "line 2: index: write [[index]], with two pairs of brackets"),
        ("[[index]]\nurl = 'https://a.example'", "line 2: index[0]: the index has no name"),
        ("[[index]]\nname = 'a'", "line 2: index[0]: the index has no url"),
        (
            "[[index]]\nurl = 'https://a.example'\nname = 'A'",
            (
                "line 4: index[0].name: 'A' is not a name for an index: "
                "a-z, 0-9 and inside also - and _"
            ),
        ),
        (
            "[[index]]\nname = 'my-corp'\nurl = 'https://me:pw@a.example'",
            (
                "line 4: index[0].url: credentials do not belong in env.toml: put them "
                "in ENVSYNC_INDEX_MY_CORP_USERNAME and ENVSYNC_INDEX_MY_CORP_PASSWORD"
            ),
        ),
        (
            "[[index]]\nname = 'a'\nurl = 'https://127.0.0.1:1/${SECRET}/'",
            (
                "line 4: index[0].url: variables are not expanded in URLs: "
                "credentials come from your settings"
            ),
        ),
        (
            "[[index]]\nname = 'a'\nurl = 'https://a.example'\nexplict = true",
            "line 5: index[0].explict: unknown key; did you mean 'explicit'?",
        ),
        (
            "[[index]]\nname = 'a'\nurl = 'https://a.example'\nexplicit = true\ndefault = true",
            "line 5: index[0].explicit: an index cannot be both default and explicit",
        ),
        (
            (
                "[[index]]\nname = 'a-b'\nurl = 'https://a.example'\n"
                "[[index]]\nname = 'a_b'\nurl = 'https://b.example'"
            ),
            "line 6: index[1].name: another index is named 'a-b'",
        ),
        (
            (
                "[[index]]\nname = 'a'\nurl = 'https://a.example'\ndefault = true\n"
                "[[index]]\nname = 'b'\nurl = 'https://b.example'\ndefault = true"
            ),
            "line 9: index[1].default: another index is the default already",
        ),
    ],
)
def test_bad_indexes(text: str, expected: str) -> None:
    assert problem(f"[env]\n{text}\n") == expected


def test_other_values_for_indexes() -> None:
    assert problem("index = 'x'\n[env]\n") == (
        "line 1: index: expected tables that begin with [[index]]"
    )
    assert problem("index = ['x']\n[env]\n").startswith("line 1: index[0]: expected a table")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A_b = {path = './lib', editable = true}", SourceSpec("path", "lib", editable=True)),
        ("a-b = {path = 'x.whl'}", SourceSpec("path", "x.whl")),
        (
            "a-b = {git = 'ssh://git@g.example/a', branch = 'b/c'}",
            SourceSpec("git", "ssh://git@g.example/a", branch="b/c"),
        ),
        (
            "a-b = {git = 'https://g.example/a', rev = '0123', subdirectory = './py/'}",
            SourceSpec("git", "https://g.example/a", rev="0123", subdirectory="py"),
        ),
        (
            "a-b = {url = 'https://f.example/a.zip', subdirectory = 'py'}",
            SourceSpec("url", "https://f.example/a.zip", subdirectory="py"),
        ),
        ("a-b = {index = 'corp'}", SourceSpec("index", "corp")),
        ("[sources.a-b]\nindex = 'corp'", SourceSpec("index", "corp")),
    ],
)
def test_kinds_of_sources(text: str, expected: SourceSpec) -> None:
    assert dict(read(sources(text)).sources) == {"a-b": (expected,)}


def test_sources_by_platform() -> None:
    spec = read(
        sources(
            "[[sources.torch]]\nindex = 'corp'\nmarker = \"os_name == 'nt'\"\n"
            "[[sources.torch]]\npath = 'torch'\nmarker = \"os_name != 'nt'\"\n"
        )
    )
    assert spec.sources == {
        "torch": (
            SourceSpec("index", "corp", Marker("os_name == 'nt'")),
            SourceSpec("path", "torch", Marker("os_name != 'nt'")),
        )
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 'x'", "a: expected a table such as { url = ... }: path, git, url or index"),
        ("a = '.'", "a: expected a table such as { path = ... }: path, git, url or index"),
        ("a = {}", "a: a source has exactly one of path, git, url and index"),
        (
            "a = {path = '.', index = 'corp'}",
            "a: a source has exactly one of path, git, url and index",
        ),
        ("a = []", "a: the list of sources is empty"),
        ("a = ['.']", "a[0]: expected a table, found a string"),
        (
            "a = {index = 'crop'}",
            "a.index: there is no [[index]] named 'crop'; did you mean 'corp'?",
        ),
        ("a = {path = '/abs'}", f"a.path: {NOT_RELATIVE}, {UNLESS}"),
        ("a = {path = '../x'}", f"a.path: {NOT_INSIDE}, {UNLESS}"),
        ("a = {path = 'x/..', outside = true}", f"a.path: {NOT_INSIDE}"),
        ("a = {path = '~/x', outside = true}", f"a.path: {NOT_RELATIVE}"),
        ("a = {path = 'C:/x', outside = true}", f"a.path: {NOT_RELATIVE}"),
        ("a = {path = 'x', outside = 'yes'}", "a.outside: expected true or false, found a string"),
        ("a = {index = 'corp', outside = true}", "a.outside: goes with path only, not with index"),
        ("a = {path = '.', tag = 'x'}", "a.tag: goes with git only, not with path"),
        (
            "a = {index = 'corp', editable = true}",
            "a.editable: goes with path only, not with index",
        ),
        (
            "a = {index = 'corp', subdirectory = 'x'}",
            "a.subdirectory: goes with path or git or url only, not with index",
        ),
        ("a = {path = 'a.whl', editable = true}", "a.editable: only a folder can be editable"),
        (
            "a = {git = 'https://g.example/a', tag = 'x', rev = 'y'}",
            "a.rev: only one of tag and rev can be given",
        ),
        (
            "a = {git = 'https://g.example/a', tag = '--upload-pack=id'}",
            "a.tag: not the name of a tag, branch or commit",
        ),
        (
            "a = {git = 'https://g.example/a', subdirectory = '../..'}",
            "a.subdirectory: the path must stay inside the project's folder: no ..",
        ),
        ("a = {path = '.', edtable = true}", "a.edtable: unknown key; did you mean 'editable'?"),
        (
            "a = {path = '.', marker = \"extra == 'x'\"}",
            (
                "a.marker: a marker here cannot ask for 'extra': "
                "use [env.optional-dependencies] or [dependency-groups]"
            ),
        ),
    ],
)
def test_bad_sources(text: str, expected: str) -> None:
    assert problem(sources(text)) == f"line 6: sources.{expected}"


def test_each_of_several_sources_needs_a_marker() -> None:
    found = problems(sources("a = [\n  {path = '.'},\n  {index = 'corp'},\n]"))
    reason = "each of several sources needs a marker, extra or group that says where it applies"
    assert found == [f"line 7: sources.a[0]: {reason}", f"line 8: sources.a[1]: {reason}"]


def test_names_of_sources() -> None:
    assert problem(sources("a_b = {path = '.'}\nA-B = {path = '.'}")) == (
        "line 7: sources.A-B: the same name as 'a_b'"
    )
    assert problem(sources('"../x" = {path = "."}')).startswith(
        "line 6: sources.'../x': '../x' is not a valid name"
    )


def test_an_index_with_mistakes_is_still_known_to_sources() -> None:
    found = problems("[env]\n[[index]]\nname = 'corp'\nurl = ''\n[sources]\na = {index = 'corp'}\n")
    assert [each.partition(": not")[0] for each in found] == ["line 4: index[0].url"]


def index(text: str) -> str:
    return f"[env]\n[[index]]\nname = 'a'\n{text}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("url = './vendor//wheels/'", "file:vendor/wheels"),
        ("url = '.'", "file:"),
        ("url = 'my wheels'", "file:my%20wheels"),
        ("url = '../wheels'\noutside = true", "file:../wheels"),
        ("url = 'a/../../b/./c/'\noutside = true", "file:../b/c"),
        ("url = '/srv/w'\noutside = true", "file:///srv/w"),
        ("url = 'file:///srv/a%20b/'\noutside = true", "file:///srv/a%20b"),
        ("url = 'file://localhost/srv/../w'\noutside = true", "file:///w"),
        ("url = 'https://a.example/links.html'", "https://a.example/links.html"),
    ],
)
def test_where_an_index_may_be(text: str, expected: str) -> None:
    assert read(index(f"{text}\nformat = 'flat'")).indexes[0].url == expected


YOURS = "what is yours alone goes into your own config.toml, or variables"
OUT = (
    "leads out of the project's folder, or names a folder of one machine: write a path inside the "
    "project, or add outside = true"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("url = '../wheels'", f"url: {OUT}"),
        ("url = 'a/../../b'", f"url: {OUT}"),
        ("url = '/srv/wheels'", f"url: {OUT}"),
        ("url = 'file:///srv/wheels'", f"url: {OUT}"),
        (
            "url = 'file://server/wheels'\noutside = true",
            "url: a file: URL names a folder of this machine: file:///PATH",
        ),
        (
            "url = 'file:wheels'",
            "url: a file: URL names a folder of this machine: file:///PATH",
        ),
        (
            "url = 'index.example/simple'",
            "url: write https:// before a server, ./ before a folder of the project",
        ),
        (
            "url = 'localhost:8000/simple'",
            "url: write https:// before a server, ./ before a folder of the project",
        ),
        ("url = 'ftp://a.example/'", "url: a URL must begin with https:// or http://, not ftp://"),
        ("url = '~/wheels'", "url: the path must be relative to the project's folder"),
        ("url = 'a\\b'", "url: write the path with forward slashes"),
        ("url = 'w'\nformat = 'page'", 'format: \'page\' is not one of "simple", "flat"'),
        ("url = 'w'\nexclude-newer = true", "exclude-newer: expected a time, an age, or false"),
        (
            "url = 'w'\nignore-error-codes = [200]",
            "ignore-error-codes[0]: expected HTTP statuses of errors, such as [403]",
        ),
        (
            "url = 'w'\nignore-error-codes = [true]",
            "ignore-error-codes[0]: expected HTTP statuses of errors, such as [403]",
        ),
        (
            "url = 'https://a.example'\noutside = true",
            "outside: goes with a path or a file: URL only",
        ),
        (
            "url = 'w'\nclient-cert = 'x'",
            f"client-cert: unknown key; {YOURS}",
        ),
        (
            "url = 'w'\nfind-links = 'x'",
            'find-links: unknown key; write url = ... with format = "flat"',
        ),
    ],
)
def test_bad_keys_of_an_index(text: str, expected: str) -> None:
    assert problem(index(text)).partition("index[0].")[2] == expected


def test_keys_of_an_index() -> None:
    text = "url = 'w'\nexclude-newer = false\nignore-error-codes = [404, 403, 403]"
    assert read(index(text)).indexes[0] == IndexSpec(
        "a", "file:w", exclude_newer=False, ignore_error_codes=(403, 404)
    )
    assert read(index("url = 'w'\nexclude-newer = 2026-01-01")).indexes[0].exclude_newer == (
        "2026-01-01"
    )


TOGETHER = (
    "extra cpu and extra gpu could be installed together, and torch would have two sources: add "
    'conflicts = [["cpu", "gpu"]] under [lock]'
)
PARTS = """\
[env]
dependencies = []
[env.optional-dependencies]
cpu = ["torch"]
gpu = ["torch"]
[dependency-groups]
more = [{include-group = "gpus"}]
gpus = ["torch"]
[[index]]
name = "corp"
url = "https://index.example/"
[sources]
"""
APART = '\n[lock]\nconflicts = [["cpu", "gpu"]]\n'


def test_sources_by_extra_and_group() -> None:
    text = "torch = [{index = 'corp', extra = 'cpu'}, {path = 'x.whl', extra = 'GPU'}]"
    first, second = read(PARTS + text + APART).sources[NormalizedName("torch")]
    assert (first.marker, second.marker) == (Marker("'cpu' in extras"), Marker("'gpu' in extras"))
    (only,) = read(
        PARTS + "torch = {index = 'corp', group = 'gpus', marker = \"os_name == 'nt'\"}"
    ).sources[NormalizedName("torch")]
    assert only.marker == Marker(
        "os_name == 'nt' and ('gpus' in dependency_groups or 'more' in dependency_groups)"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "torch = {index = 'corp', extra = 'cpus'}",
            "there is no extra 'cpus'; did you mean 'cpu'?",
        ),
        ("torch = {index = 'corp', group = 'cpu'}", "there is no group 'cpu'"),
        (
            "torch = {index = 'corp', group = 'gpus', extra = 'cpu'}",
            "a source is for an extra or for a group, not for both",
        ),
        (
            "torch = [{index = 'corp', extra = 'cpu'}, {path = 'x.whl', extra = 'gpu'}]",
            TOGETHER,
        ),
    ],
)
def test_bad_sources_by_extra_and_group(text: str, expected: str) -> None:
    assert problem(PARTS + text + "\n").partition(": sources.torch")[2].partition(": ")[2] == (
        expected
    )
