"""Project pages in HTML and JSON, as indexes write them and as attackers would."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from envsync.errors import IndexFailed
from envsync.index.html_page import read_html
from envsync.index.pages import parse_page
from envsync.model.candidate import File
from tests.support.effort import calls

URL = "https://index.example/simple/shop/"
SHOP = canonicalize_name("shop")
SHA = "5f" * 32
WHEEL = "shop-1.0-py3-none-any.whl"


def html(*links: str, head: str = "") -> Sequence[File]:
    text = f"<!DOCTYPE html>\n<html><head>{head}<title>Links</title></head><body>\n"
    text += "\n".join(links) + "\n</body></html>"
    return parse_page(text.encode(), "text/html; charset=utf-8", url=URL, name="shop")


def names(files: Sequence[File]) -> list[str]:
    return [file.filename for file in files]


def page(*rows: dict[str, Any], **more: object) -> bytes:
    meta = {"meta": {"api-version": "1.1"}, "name": "shop", "files": list(rows)}
    return json.dumps({**meta, **more}).encode()


def from_json(body: bytes) -> Sequence[File]:
    return parse_page(body, "application/vnd.pypi.simple.v1+json", url=URL, name="shop")


# -- HTML as indexes write it


def test_a_link_as_indexes_write_it() -> None:
    link = (
        f'<a href="https://files.example/p/{WHEEL}#sha256={SHA}" data-requires-python="&gt;=3.9" '
        'data-upload-time="2026-02-19T05:00:57.678803Z" data-yanked="bad &amp; ugly">'
        f"{WHEEL}</a><br/>"
    )

    expected = File(
        filename=WHEEL,
        url=f"https://files.example/p/{WHEEL}",
        hashes={"sha256": SHA},
        requires_python=">=3.9",
        upload_time="2026-02-19T05:00:57.678803Z",
        yanked="bad & ugly",
    )
    assert html(link, link) == (expected, expected)


@pytest.mark.parametrize("attribute", ["data-core-metadata", "data-dist-info-metadata"])
@pytest.mark.parametrize(
    ("value", "has", "digest"),
    [("true", True, None), (f"sha256={SHA}", True, SHA), ("", True, None), ("false", False, None)],
)
def test_both_spellings_of_the_metadata_attribute(
    attribute: str, value: str, has: bool, digest: str | None
) -> None:
    (file,) = html(f'<a href="{WHEEL}" {attribute}="{value}">x</a>')

    assert (file.has_metadata, file.metadata_sha256) == (has, digest)


def test_the_newer_spelling_counts() -> None:
    (file,) = html(
        f'<a href="{WHEEL}" data-dist-info-metadata="sha256={"0" * 64}" '
        f'data-core-metadata="sha256={SHA}">x</a>'
    )

    assert file.metadata_sha256 == SHA


@pytest.mark.parametrize(
    "link",
    [
        f"<a href='../../f/{WHEEL}'>x</a>",
        f"<a href=../../f/{WHEEL}>x</a>",
        f'<A HREF="../../f/{WHEEL}">x</A>',
        f'<a\n  class="x"\n  href = "/f/{WHEEL}"\n>x</a>',
        f'<a data-gpg-sig=true href="/f/{WHEEL}" rel=internal>x</a>',
        f'<a title="a > b <a href=evil>" href="/f/{WHEEL}">x</a>',
        f"<a title=it's href='/f/{WHEEL}'>x</a>",
        '<a href="/f/shop&#45;1.0-py3-none-any.whl">x</a>',
        f'<a href=" /f/{WHEEL} ">x</a>',
        f'<a href="//index.example/f/{WHEEL}">x</a>',
        f'<a/href="/f/{WHEEL}"/>',
        f'<a href="/f/{WHEEL}" href="/g/other-2.0.zip">x</a>',
        f'<!-- <a href="no-1.zip">x</a> --><a href="/f/{WHEEL}">x</a>',
        f'<!--><a href="/f/{WHEEL}">x</a>',
        f'<script>"<a href=no-1.zip>"</script><a href="/f/{WHEEL}">x</a>',
        f'<style><a href="no-1.zip"></STYLE ><a href="/f/{WHEEL}">x</a>',
        f'<div title="<a href=no-1.zip>"><a href="/f/{WHEEL}">x</a></div>',
        f'<abbr href="no-1.zip">x</abbr><a name="x">no</a><a href="/f/{WHEEL}">x</a>',
        f'<a href="/f/{WHEEL}">x</a><a href="no-1.zip',
        f'<a href="/f/{WHEEL}">x</a><!-- <a href="no-1.zip">',
    ],
)
def test_odd_html_is_read_as_a_browser_would(link: str) -> None:
    assert [file.url for file in html(link)] == [f"https://index.example/f/{WHEEL}"]


def test_links_after_an_odd_one_are_read() -> None:
    usual = f'<a href="https://f.example/{WHEEL}#sha256={SHA}">{WHEEL}</a><br />'
    odd = "<a href='b-1.zip'>b</a>"
    other = f'<a href="https://f.example/{WHEEL}"><b>{WHEEL}</b></a>'

    assert names(html(usual, odd, usual, other, usual)) == [WHEEL, "b-1.zip", WHEEL, WHEEL, WHEEL]


def test_a_base_moves_relative_links() -> None:
    files = html(
        f'<a href="{WHEEL}">x</a>', head='<BASE href="https://cdn.example/x/y/"><base href="/z/">'
    )

    assert [file.url for file in files] == [f"https://cdn.example/x/y/{WHEEL}"]


@pytest.mark.parametrize("base", ["file:///etc/", "data:text/html,", "https://u:p@/", "http://[x"])
def test_a_base_that_leads_nowhere_takes_its_links_with_it(base: str) -> None:
    assert html(f'<a href="{WHEEL}">x</a>', head=f'<base href="{base}">') == ()


def test_hashes_other_than_sha256_are_kept_and_nonsense_is_not() -> None:
    files = html(
        '<a href="a-1.zip#md5=d41d8cd98f00b204e9800998ecf8427e">x</a>',
        f'<a href="b-1.zip#sha256={SHA.upper()}&amp;SHA512={SHA * 2}">x</a>',
        '<a href="c-1.zip#sha256=../../x">x</a>',
        '<a href="d-1.zip#egg=d&sha256=abcd">x</a>',
    )

    assert [dict(file.hashes) for file in files] == [
        {"md5": "d41d8cd98f00b204e9800998ecf8427e"},
        {"sha256": SHA, "sha512": SHA * 2},
        {},
        {},
    ]


@pytest.mark.parametrize("letter", ["g", "G", " ", "_", "٣"])
def test_a_hash_that_is_no_hexadecimal_number_is_none(letter: str) -> None:
    (first, second) = html(
        *[f'<a href="https://h.example/a-1.zip#sha256={letter}{SHA[1:]}">x</a>'] * 2
    )

    assert dict(first.hashes) == dict(second.hashes) == {}


# -- H1, H11: hostile pages


@pytest.mark.parametrize(
    "href",
    [
        "..",
        ".",
        "",
        "https://f.example/",
        "https://f.example",
        "%2e%2e",
        "..%2f..%2fetc%2fpasswd",
        "..%5c..%5cetc",
        "https://f.example/a%00b.whl",
        "https://f.example/a%0d%0ab.whl",
        "https://f.example/a%1b%5d.whl",
        "https://f.example/%e2%80%aefdp.whl",
        "https://f.example/" + "a" * 300 + ".whl",
        "https://f.example/a\\b.whl",
        "file:///etc/shop-1.0.zip",
        "data:text/plain,shop-1.0.zip",
        "javascript:shop-1.0.zip",
        "ftp://f.example/shop-1.0.zip",
        "mailto:shop-1.0.zip",
        "https://f.example:99999/shop-1.0.zip",
        "https://[f/shop-1.0.zip",
        "https://f.example/" + "a/" * 5000 + "shop-1.0.zip",
    ],
)
def test_a_hostile_link_is_left_out_and_the_others_stay(href: str) -> None:
    usual = f'<a href="https://f.example/{WHEEL}">x</a>'

    assert names(html(usual, f'<a href="{href}">x</a>', usual)) == [WHEEL, WHEEL]


def test_names_are_decoded_once() -> None:
    assert names(html('<a href="https://f.example/%252e%252e%252fx-1%2B2.zip">x</a>')) == [
        "%2e%2e%2fx-1+2.zip"
    ]


def test_a_user_in_a_link_is_dropped() -> None:
    (file,) = html(f'<a href="https://user:secret@f.example/{WHEEL}">x</a>')

    assert file.url == f"https://f.example/{WHEEL}"


@pytest.mark.parametrize(
    "text",
    [
        "<a " * 100_000,
        '<a href="' * 33_333,
        "<a href='\"" * 30_000,
        "<a x=" * 66_666,
        "<a = = = = " * 30_000,
        "<a" + " " * 333_333,
        "<a href" + " " * 333_333 + "=" + " " * 333_333,
        "<!--" * 83_333,
        "<script>" * 40_000,
        "<" * 333_333,
        "<a<a<a<a<" * 36_666,
        "&" * 333_333 + "<",
        '<a href="https://h.example/x">' * 11_000,
        '<a href="https://h.example/x">y</b>' * 10_000,
        '<a href="https://h.example/x"' * 11_333 + ">",
        '<a href="https://h.example/x-1.zip">y</a>' * 6_666,
        '<a href="&#1' * 30_000 + '">',
        '<a href="' + "&" * 166_666 + '">',
        '<a href="' + "../" * 100_000 + '">',
        "<a href=" + "'" * 333_333 + ">",
    ],
    ids=lambda text: f"{text[:14]!r}x{len(text)}",
)
def test_work_is_linear_whatever_the_page(text: str) -> None:
    """A square inside a regular expression isn't counted: it would take hours."""
    assert calls(lambda: read_html(text, URL)) < len(text) * 4


@given(st.text(alphabet="<>a/!-='\"& hrefbdat\n#x1.\x00é", max_size=300))
def test_any_text_is_read_without_surprise(text: str) -> None:
    try:
        files = read_html("<" + text, URL)
    except IndexFailed:
        return
    assert all(file.url.startswith(("http://", "https://")) for file in files)
    assert all("/" not in file.filename for file in files)


@given(st.text(alphabet="<>a/!-='\"& hrefsb\n#x1", max_size=80))
def test_the_short_way_reads_what_the_general_way_reads(between: str) -> None:
    row = f'<a href="https://h.example/a-1.zip#sha256={SHA}">a</a><br/>\n'
    single = row.replace('"', "'")  # only the general way takes this quote

    assert read_html(f"{row}{between}{row}{row}", URL) == read_html(
        f"{single}{between}{row}{single}", URL
    )


_ATTRIBUTES = st.lists(
    st.sampled_from(
        [
            ' data-upload-time="2024-01-01T00:00:00Z"',
            ' data-upload-time="2024-01-01T00:00:00&#90;"',
            ' data-upload-time=" 2024 "',
            ' data-upload-time=""',
            ' data-yanked="',
            ' data-yanked=""',
            ' data-yanked="a &gt; b"',
            ' data-requires-python="&gt;=3.9"',
            ' data-requires-python="&gt;=3.9" ',
            f' data-core-metadata="sha256={SHA}"',
            ' data-dist-info-metadata="true"',
            ' data-size="12"',
            ' rel="x"',
            '"',
            "z",
        ]
    ),
    max_size=5,
)


@given(_ATTRIBUTES)
def test_the_short_way_reads_attributes_as_the_general_way_does(parts: list[str]) -> None:
    attributes = "".join(parts)
    row = f'<a href="https://h.example/a-1.zip#sha256={SHA}"{attributes}>a</a>\n'
    end = f'<a href="https://h.example/b-1.zip#sha256={SHA}">b</a>'

    assert read_html(row + end, URL) == read_html(row.replace("href=", "HREF=") + end, URL)


_HREFS = st.lists(
    st.sampled_from(
        [
            f"https://h.example/a/a-1.zip#sha256={SHA}",
            f"https://h.example/b-1.zip#sha256={SHA}",
            f"https://h.example/a%20b-1.zip#sha256={SHA}",
            f"https://h.example/a&amp;b-1.zip#sha256={SHA}",
            f"https://h.example/c-1.zip?x#sha256={SHA}",
            f"https://h.example/a/..#sha256={SHA}",
            f"https://h.example/é-1.zip#sha256={SHA}",
            f"https://h.example/{'d' * 256}#sha256={SHA}",
            f"https://h.example/{'d/' * 4096}d-1.zip#sha256={SHA}",
            f"https://h.example#sha256={SHA}",
            f"https://h.example.evil.example/e-1.zip#sha256={SHA}",
            f"https://i.example/f-1.zip#sha256={SHA}",
            f"https://h.example/g-1.zip#md5={SHA[:32]}",
            f"https://h.example/g-1.zip#sha256={SHA.upper()}",
            f"https://h.example/g-1.zip#sha256={SHA}&amp;md5={SHA[:32]}",
            f"https://h.example/g-1.zip#sha256={SHA[1:]}",
            "https://h.example/h-1.zip",
            "i-1.zip",
        ]
    ),
    min_size=1,
    max_size=4,
)


@given(_HREFS)
def test_the_short_way_reads_addresses_as_the_general_way_does(hrefs: list[str]) -> None:
    text = "".join(f'<a href="{href}">x</a>\n' for href in hrefs)

    assert read_html(text.replace("href=", "HREF="), URL) == read_html(text, URL)


def test_too_many_links_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envsync.index.html_page.MAX_LINKS", 10)
    with pytest.raises(IndexFailed, match="more than 10 links"):
        html(*[f'<a href="https://h.example/{WHEEL}">x</a>'] * 12)
    with pytest.raises(IndexFailed, match="more than 10 links"):
        html(*[f"<a href='{WHEEL}'>x</a>"] * 11)


def test_a_login_form_is_no_project_page() -> None:
    body = b"<html><form><input name=u><input type='password'></form></html>"
    with pytest.raises(IndexFailed, match="login form"):
        parse_page(body, "text/html", url=URL, name="shop")


def test_plain_words_are_no_project_page() -> None:
    with pytest.raises(IndexFailed, match="not a project page"):
        parse_page(b"welcome", "text/html", url=URL, name="shop")


def test_a_page_without_links_has_no_files() -> None:
    assert html() == ()


@pytest.mark.parametrize(
    "kind", ["image/png", "text/plain", "application/octet-stream", "a\x1b[2J"]
)
def test_other_media_types_are_refused(kind: str) -> None:
    with pytest.raises(IndexFailed, match="expected HTML or JSON") as caught:
        parse_page(b"<a href=x-1.zip>", kind, url="https://u:p@i.example/?t=1", name="shop")

    assert str(caught.value).isprintable()
    assert caught.value.url == "https://i.example/"


def test_usual_links_cost_a_few_calls_each() -> None:
    row = (
        '<a href="https://files.example/packages/b7/53/342ee8490dce7939ed31073a1e1d80f114a56bd7b63ebd/'
        f'shop-1.0-cp311-cp311-manylinux_2_28_x86_64.whl#sha256={SHA}" '
        'data-requires-python="&gt;=3.9">shop-1.0-cp311-cp311-manylinux_2_28_x86_64.whl</a><br/>\n'
    )
    text = row * 11_000

    assert len(read_html(text, URL)) == 11_000
    assert calls(lambda: read_html(text, URL)) < 11_000 * 30


# -- JSON


def test_a_json_row_in_full() -> None:
    row = {
        "filename": WHEEL,
        "url": f"../../files/{WHEEL}",
        "hashes": {"sha256": SHA.upper(), "md5": "00" * 16},
        "requires-python": ">=3.9",
        "size": 123,
        "upload-time": "2026-02-19T05:00:57Z",
        "yanked": "broken",
        "core-metadata": {"sha256": SHA},
        "provenance": None,
    }

    assert from_json(page(row)) == (
        File(
            filename=WHEEL,
            url=f"https://index.example/files/{WHEEL}",
            hashes={"sha256": SHA, "md5": "00" * 16},
            size=123,
            requires_python=">=3.9",
            upload_time="2026-02-19T05:00:57Z",
            yanked="broken",
            has_metadata=True,
            metadata_sha256=SHA,
        ),
    )


@pytest.mark.parametrize(
    ("yanked", "expected"), [(False, None), (None, None), ("", None), (True, ""), ("why", "why")]
)
def test_yanked_in_json(yanked: object, expected: str | None) -> None:
    (file,) = from_json(page({"filename": WHEEL, "url": WHEEL, "yanked": yanked}))

    assert file.yanked == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"core-metadata": True}, (True, None)),
        ({"dist-info-metadata": {"sha256": SHA}}, (True, SHA)),
        ({"core-metadata": False, "dist-info-metadata": {"sha256": SHA}}, (False, None)),
        ({"core-metadata": {}}, (True, None)),
        ({}, (False, None)),
    ],
)
def test_metadata_in_json(fields: dict[str, Any], expected: tuple[bool, str | None]) -> None:
    (file,) = from_json(page({"filename": WHEEL, "url": WHEEL, **fields}))

    assert (file.has_metadata, file.metadata_sha256) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'"files"',
        b"\xff\xfe{}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        page(meta={"api-version": "2.0"}),
        page(meta={"api-version": 1}),
        page(name="other"),
        page(files={}),
        page(files=[1]),
        page({"filename": WHEEL}),
        page({"url": WHEEL}),
        page({"filename": 1, "url": WHEEL}),
        page({"filename": WHEEL, "url": ["x"]}),
        page({"filename": WHEEL, "url": WHEEL, "hashes": []}),
        page({"filename": WHEEL, "url": WHEEL, "hashes": {"sha256": 1}}),
        page({"filename": WHEEL, "url": WHEEL, "size": "1"}),
        page({"filename": WHEEL, "url": WHEEL, "size": True}),
        page({"filename": WHEEL, "url": WHEEL, "size": 1.5}),
        page({"filename": WHEEL, "url": WHEEL, "requires-python": 3}),
        page({"filename": WHEEL, "url": WHEEL, "yanked": 1}),
        page({"filename": WHEEL, "url": WHEEL, "core-metadata": "yes"}),
        page({"filename": WHEEL, "url": WHEEL, "upload-time": 5}),
    ],
)
def test_json_that_is_no_project_page_is_refused(body: bytes) -> None:
    with pytest.raises(IndexFailed, match="the page"):
        from_json(body)


@pytest.mark.parametrize(
    "name", ["../x.whl", "a\\b.whl", "a\0.whl", "", "..", "a\n.whl", "x" * 256]
)
def test_json_rows_with_hostile_names_are_left_out(name: str) -> None:
    rows = [{"filename": name, "url": WHEEL}, {"filename": WHEEL, "url": WHEEL}]

    assert names(from_json(page(*rows))) == [WHEEL]


@pytest.mark.parametrize("url", ["file:///etc/x", "ftp://h.example/x", "http://", "data:x"])
def test_json_rows_with_other_schemes_are_left_out(url: str) -> None:
    assert from_json(page({"filename": WHEEL, "url": url})) == ()


def test_json_names_are_not_decoded() -> None:
    assert names(from_json(page({"filename": "a%2fb.whl", "url": WHEEL}))) == ["a%2fb.whl"]


def test_json_with_null_for_what_is_not_known() -> None:
    row = dict.fromkeys(["size", "requires-python", "upload-time", "hashes", "core-metadata"])

    assert from_json(page({"filename": WHEEL, "url": WHEEL, **row})) == (
        File(WHEEL, f"{URL}{WHEEL}", {}),
    )


_VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, True, False, "", SHA, SHA.upper(), " >=3.9 ", "x" * 5000, 0, 7, -1, 10**16, 1.5),
        *([], {}, {"sha256": SHA}, {"sha256": "x"}, {"sha256": 1}, {"md5": "0" * 32}),
    ]
)
_KEYS = ["hashes", "size", "requires-python", "upload-time", "yanked", "core-metadata"]


@given(
    st.dictionaries(st.sampled_from([*_KEYS, "dist-info-metadata"]), _VALUES),
    st.sampled_from([WHEEL, "../x", "a b", "x" * 300]),
    st.sampled_from(["https://h.example/f.whl", "f.whl", "https://h.example/a b", "ftp://h/f"]),
)
def test_the_short_way_reads_rows_as_the_general_way_does(
    fields: dict[str, Any], filename: str, url: str
) -> None:
    def read() -> object:
        try:
            return from_json(page({"filename": filename, "url": url, **fields}))
        except IndexFailed as error:
            return str(error)

    short = read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("envsync.index.json_page._JsonPage._usual_file", lambda *_: None)
        general = read()

    assert short == general


def test_json_without_a_version_is_read() -> None:
    body = json.dumps({"files": []}).encode()

    assert parse_page(body, "application/json", url=URL, name="shop") == ()


MIB = 1024 * 1024
GREEDY = {
    "lists": (b'{"files":[' + b"[]," * MIB * 2 + b"[]]}", "application/json"),
    "numbers": (b'{"files":[' + b"1," * MIB * 5 + b"1]}", "application/json"),
    "texts": (b'{"files":["' + b'a","' * MIB * 5 + b'a"]}', "application/json"),
    "brackets": (b"[" * MIB * 2, "application/json"),
    "links": (b'<a href="https://a.example/x">x</a>\n' * 300_000, "text/html"),
}


@pytest.mark.parametrize("kind", GREEDY)
def test_page_that_would_become_more_objects_than_any_is_refused(kind: str) -> None:
    body, content_type = GREEDY[kind]
    with pytest.raises(IndexFailed, match="more than"):
        parse_page(body, content_type, url=URL, name="shop")


def test_too_many_tags_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envsync.index.html_page._MOST_TAGS", 10)
    with pytest.raises(IndexFailed, match="more than 10 tags"):
        html(*["<a>x</a>"] * 11)


def test_tag_that_is_longer_than_any_is_no_link() -> None:
    text = f'<a href="a-1.tar.gz" {"x" * 70_000}>a</a><a href="b-1.tar.gz">b</a>'
    files = parse_page(text.encode(), "text/html", url="https://a.example/x/", name="x")
    assert [file.filename for file in files] == ["b-1.tar.gz"]
