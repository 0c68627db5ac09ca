"""Names, requirements, markers and ranges, and the advice for the usual slips."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.spec.requirements import (
    MAX_NAME,
    MAX_REQUIREMENT,
    read_marker,
    read_name,
    read_name_or_all,
    read_python_range,
    read_requirement,
)
from tests.spec.samples import refusal

HOSTILE_NAMES = [
    "",
    ".",
    "..",
    "-",
    "-r",
    "--index-url",
    "_x",
    "x_",
    ".x",
    "x.",
    "x-",
    "foo\n",
    "foo\r",
    "\nfoo",
    "foo\x00",
    "foo\x00bar",
    "foo bar",
    " foo",
    "foo ",
    "foo\tbar",
    "foo/bar",
    "../foo",
    "foo\\bar",
    "foo:bar",
    "foo@1",
    "foo;bar",
    "foo[bar]",
    "foo==1",
    "f\u043eo",  # Cyrillic
    "foo\u2028",
    "foo\u200b",
    "\u017foo",  # upper case S
    "\u212aey",  # Kelvin sign, lower case k
    "\u0661",
    "Ⅻ",
    "é",
    "\ud800",
    "$HOME",
    "`id`",
    "a" * (MAX_NAME + 1),
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_hostile_names_are_refused(name: str) -> None:
    for read in (read_name, read_name_or_all):
        with pytest.raises(ValueError, match=r"not a valid name|longer"):
            read(name)


@pytest.mark.parametrize("name", [name for name in HOSTILE_NAMES if name.strip(" \t") != "foo"])
def test_hostile_names_of_extras_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_requirement(f"a[{name or '-'}]")


def test_names_are_normalised() -> None:
    assert read_name("Foo._-Bar") == "foo-bar"
    assert read_name_or_all(":all:") == ":all:"
    with pytest.raises(ValueError, match=r"not a valid name"):
        read_name(":all:")


def message(text: str) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        read_requirement(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "guess"),
    [
        ("flask=3", "flask==3"),
        ("flask = 3", "flask==3"),
        ("flask=>3", "flask>=3"),
        ("flask=<3", "flask<=3"),
        ("flask!3", "flask!=3"),
        ("flask 3.1", "flask==3.1"),
        ("flask@3.1", "flask==3.1"),
        ("flask @ 3.1", "flask==3.1"),
        ("flask@latest", "flask"),
        ("flask=*", "flask"),
        ("flask *", "flask"),
        ("flask^3.1", "flask>=3.1,<4"),
        ("flask ^3.1.2", "flask>=3.1.2,<4"),
        ("flask^0.2.3", "flask>=0.2.3,<0.3"),
        ("flask^0.0.3", "flask>=0.0.3,<0.0.4"),
        ("flask^0", "flask>=0,<1"),
        ("flask (^3.1)", "flask>=3.1,<4"),
        ("flask~3.1", "flask>=3.1,<3.2"),
        ("flask~3", "flask>=3,<4"),
        ("flask[async]^3", "flask[async]>=3,<4"),
        ("flask>=3 <4", "flask>=3,<4"),
        ("flask >= 3 < 4", "flask>=3,<4"),
        ("flask>=3.*", "flask>=3"),
        ("flask v3", "flask==3"),
        ("numpy2 =3", "numpy2==3"),
        ("flask=3; python_version = '3.9'", "flask==3; python_version == '3.9'"),
    ],
)
def test_usual_slips_are_understood(text: str, guess: str) -> None:
    told = message(text)
    assert told.startswith((f"'{text}' is not a valid requirement", f'"{text}" is not'))
    assert told.endswith((f"; did you mean '{guess}'?", f'; did you mean "{guess}"?'))
    read_requirement(guess)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("-r requirements.txt", "options of pip have no place here"),
        ("-e .", "options of pip have no place here"),
        ("./local", "a path goes under [sources]"),
        ("C:\\local", "a path goes under [sources]"),
        ("git+https://git.example/x", "put the package's name in front"),
        ("https://files.example/x.whl", "put the package's name in front"),
        ("python>=3.10", "[env] requires-python"),
        ("foo; extra == 'x'", "cannot ask for 'extra'"),
        ("foo; 'x' in extras", "cannot ask for 'extras'"),
        ("foo; 'x' in dependency_groups", "cannot ask for 'dependency_groups'"),
        ("foo @ ftp://files.example/foo.whl", "must begin with https://"),
        ("foo @ file:///tmp/foo.whl", "a local path goes under [sources]"),
        ("foo\n", "not a valid requirement"),
        ("flask; nonsense", "expected a marker variable"),
        ("", "not a valid requirement"),
        ("a" * (MAX_REQUIREMENT + 1), "must not be longer"),
        ("a; " + "(" * 3000 + "os_name == 'x'" + ")" * 1000, "not a valid requirement"),
    ],
)
def test_other_mistakes_are_named(text: str, reason: str) -> None:
    assert reason in message(text)


def test_a_password_in_a_url_is_not_repeated() -> None:
    assert "hunter2" not in message("foo @ https://me:hunter2@files.example/foo.whl")
    assert "hunter2" not in message("https://me:hunter2@files.example/foo.whl")


@pytest.mark.parametrize(
    "text",
    [
        "flask",
        "Flask[async] >= 3, < 4 ; python_version >= '3.10'",
        "a; os_name == 'extra'",
        "tool @ https://files.example/tool-1.0.tar.gz#sha256=" + "0" * 64,
        "tool @ git+https://git.example/tool.git@v1#subdirectory=py",
        "x===1.0-odd",
    ],
)
def test_good_requirements(text: str) -> None:
    assert str(read_requirement(text)).partition(" ")[0]


def test_markers() -> None:
    assert str(read_marker("sys_platform == 'linux'")) == 'sys_platform == "linux"'
    for bad in ("", "linux", "extra == 'x'", "(" * 3000, "os_name == 'x' and" * 500):
        with pytest.raises(ValueError, match=r"."):
            read_marker(bad)


def test_python_ranges() -> None:
    assert str(read_python_range(">=3.10")) == ">=3.10"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("3.10", "did you mean '>=3.10'?"),
        ("^3.10", "did you mean '>=3.10,<4'?"),
        (">=3.10 <4", "did you mean '>=3.10,<4'?"),
        ("", "it is empty"),
        ("snake", "not a range of versions"),
        (">=3.12,<3.10", "no version of Python can satisfy"),
        ("==" + "9" * 5000, "not a range of versions"),
    ],
)
def test_bad_python_ranges(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        read_python_range(text)
    assert reason in str(caught.value)


REQUIREMENT_LIKE = st.text(alphabet="aZ09 .-_[](),;=<>!~^*@:/+#'\"\\\n\u212a", max_size=40)


@given(REQUIREMENT_LIKE | st.text(max_size=40))
def test_any_text_is_read_or_refused_with_a_reason(text: str) -> None:
    for read in (read_name, read_requirement, read_marker, read_python_range):
        error = refusal(partial(read, text))
        assert error is None or (str(error) and str(error).isprintable())


@given(st.from_regex(r"a[ =<>!~^@(]{1,3}[0-9v*.]{1,5}[ ,<>=0-9.)]{0,6}", fullmatch=True))
def test_a_guess_is_always_a_good_requirement(text: str) -> None:
    error = refusal(lambda: read_requirement(text))
    _, said, guess = str(error).partition("did you mean ")
    if said:
        read_requirement(guess[1:-2])


@pytest.mark.parametrize(
    "marker",
    [
        'python_version === ""',
        'implementation_version ~= "3"',
        '"a" == "b"',
        "sys_platform == os_name",
        " or ".join(
            f"(platform_version == 'a{n}' and platform_release == 'b{n}')" for n in range(50)
        ),
    ],
)
def test_markers_that_have_no_value_anywhere_are_refused_where_they_stand(marker: str) -> None:
    with pytest.raises(ValueError, match=r"can't be evaluated|is not a"):
        read_marker(marker)
    with pytest.raises(ValueError, match=r"can't be evaluated|is not a valid"):
        read_requirement(f"base; {marker}")
