"""Requirements are read as packaging reads them, and known slips are mended."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from envsync.wheel.requirement import parse_requirement, parse_specifiers

WELL_FORMED = [
    "foo",
    "Foo.Bar_baz",
    "foo>=1.0",
    "foo >= 1.0 , < 2",
    "foo (>=1.0,<2)",
    "foo(==1.*)",
    "foo ()",
    "foo[a]",
    "foo[a,b.c]>=1",
    "foo [ a , b ] ( >= 1 )",
    "foo[]",
    "foo>=1,",
    "foo===weird-1",
    "foo==1.0+local.1",
    "foo~=1.2; python_version<'3'",
    "foo ; extra == 'test'",
    'foo>=1; (python_version >= "3.8" and extra == "X_y") or os_name=="nt"',
    "foo; python_version in '3.8, 3.9'",
    "foo @ https://files.example/foo.whl",
    "foo[a] @ https://files.example/foo.whl ; python_version<'3'",
    "foo@git+https://git.example/foo.git@main",
    "  foo >=1  ",
]


def same(found: Requirement, expected: Requirement) -> bool:
    keys = ("name", "url", "extras", "specifier", "marker")
    mine, theirs = ([getattr(each, key) for key in keys] for each in (found, expected))
    return mine == theirs and str(found) == str(expected)


@pytest.mark.parametrize("text", WELL_FORMED)
def test_reads_what_packaging_reads(text: str) -> None:
    assert same(parse_requirement(text), Requirement(text))


MENDED = {
    "foo>=3.6.*": "foo>=3.6",
    "foo (<4.*,>=3.*)": "foo<4,>=3",
    "foo~=1.2.*": "foo~=1.2",
    "foo!=3.0*": "foo!=3.0.*",
    "foo>=1,!=3.1*,!=3.2*": "foo>=1,!=3.1.*,!=3.2.*",
    "foo>=7.2<8": "foo>=7.2,<8",
    "foo (>=7.2.0<8.0.0)": "foo>=7.2.0,<8.0.0",
    "foo>=1.0 <2": "foo>=1.0,<2",
    "foo>='1.0'": "foo>=1.0",
    'foo>="1.0",<"2"; os_name=="nt"': 'foo>=1.0,<2; os_name=="nt"',
    "foo[a]>=1.*; python_version>='3.6'": "foo[a]>=1; python_version>='3.6'",
    "foo==1.*,>=1.0.*": "foo==1.*,>=1.0",
}


@pytest.mark.parametrize("text", MENDED)
def test_mends_slips_whose_meaning_is_plain(text: str) -> None:
    assert same(parse_requirement(text), Requirement(MENDED[text]))


REFUSED = [
    "",
    "-r other.txt",
    "foo -u",
    "foo[x",
    "foo>=",
    "foo>dev",
    "foo~=5",
    "foo>=1.0python_version>'3'",
    "foo (>=1",
    "foo; nonsense == 'x'",
    "foo; python_version >= ",
    "foo >= 1 ; ",
    "foo\nbar",
    "fo\u00f6",
    "foo==" + "9" * 5000,
    "foo; " + "(" * 3000 + "os_name=='nt'" + ")" * 3000,
    "foo>=1" + " " * 5000,
]


@pytest.mark.parametrize("text", REFUSED)
def test_refuses_the_rest_with_one_kind_of_error(text: str) -> None:
    with pytest.raises(InvalidRequirement):
        parse_requirement(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (">=3.8", ">=3.8"),
        (">=3.6.*", ">=3.6"),
        (">=2.7, !=3.0.*, !=3.1.*,", ">=2.7,!=3.0.*,!=3.1.*"),
        (">=2.7,!=3.0*", ">=2.7,!=3.0.*"),
        (">=3.8<4", ">=3.8,<4"),
        (">='3.6'", ">=3.6"),
        ("~=3.6.*", "~=3.6"),
    ],
)
def test_specifiers_are_mended_alike(text: str, expected: str) -> None:
    assert parse_specifiers(text) == SpecifierSet(expected)


@pytest.mark.parametrize("text", ["3.6", ">=x", "python", ">=" + "9" * 5000, ">=1" * 2000])
def test_other_specifiers_are_refused(text: str) -> None:
    with pytest.raises(InvalidSpecifier):
        parse_specifiers(text)


@settings(max_examples=300)
@given(st.text(alphabet=st.sampled_from("foo[],()>=<!~.*1 2;@'\"osx_\t"), max_size=24))
def test_whatever_packaging_accepts_is_read_the_same(text: str) -> None:
    try:
        expected = Requirement(text)
    except InvalidRequirement:
        return
    assert same(parse_requirement(text), expected)
