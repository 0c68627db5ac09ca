"""Lines of keys: what the scan finds must be what tomllib reads, in its place."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from envsync.spec.lines import KeyPath, excess_line, find_lines, find_tokens, line_of
from tests.spec.samples import EVERYTHING


def paths_in(value: object, path: KeyPath = ()) -> set[KeyPath]:
    """Every key path of parsed TOML."""
    found = {path} if path else set()
    if isinstance(value, dict):
        for key, below in value.items():
            found |= paths_in(below, (*path, key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            found |= paths_in(below, (*path, index))
    return found


def test_tables_and_keys() -> None:
    lines = find_lines("# first\n[env]\nname = 'x'\n\n[lock] # why\n  resolution = 'lowest'\n")
    assert lines == {
        ("env",): 2,
        ("env", "name"): 3,
        ("lock",): 5,
        ("lock", "resolution"): 6,
    }


def test_items_of_an_array_over_several_lines() -> None:
    lines = find_lines('deps = [ # one, two\n  "a", "b",\n  # "c",\n  "d"\n]\nnext = 1\n')
    assert lines == {
        ("deps",): 1,
        ("deps", 0): 2,
        ("deps", 1): 2,
        ("deps", 2): 4,
        ("next",): 6,
    }


def test_arrays_of_tables_and_tables_below_them() -> None:
    lines = find_lines("[[index]]\nname = 'a'\n[[index]]\nname = 'b'\n[index.more]\nx = 1\n")
    assert lines == {
        ("index",): 1,
        ("index", 0): 1,
        ("index", 0, "name"): 2,
        ("index", 1): 3,
        ("index", 1, "name"): 4,
        ("index", 1, "more"): 5,
        ("index", 1, "more", "x"): 6,
    }


def test_inline_tables_and_dotted_keys() -> None:
    text = 'env . name = "x"\nsources."a.b" = {path = ".", x.y = [1,\n {z = 2}]}\n'
    assert find_lines(text) == {
        ("env",): 1,
        ("env", "name"): 1,
        ("sources",): 2,
        ("sources", "a.b"): 2,
        ("sources", "a.b", "path"): 2,
        ("sources", "a.b", "x"): 2,
        ("sources", "a.b", "x", "y"): 2,
        ("sources", "a.b", "x", "y", 0): 2,
        ("sources", "a.b", "x", "y", 1): 3,
        ("sources", "a.b", "x", "y", 1, "z"): 3,
    }


def test_strings_that_look_like_toml() -> None:
    text = (
        'a = """\n[no]\nb = "1" ""\\"""""\nc = \'\'\'\n\'\' [\n\'\'\'\nd = "]\\" #"\ne = \'#"\'\n'
    )
    assert find_lines(text) == {("a",): 1, ("c",): 4, ("d",): 7, ("e",): 8}


def test_values_of_several_words() -> None:
    text = "a = 2026-10-01 00:00:00\nb = [1.5, 2026-10-01 00:00:00, -inf]\r\nc = 1\r\n"
    lines = find_lines(text)
    assert (lines[("b", 2)], lines[("c",)], ("b", 3) in lines) == (2, 3, False)


def test_an_unknown_path_has_the_line_of_what_is_around_it() -> None:
    lines = find_lines("x = 1\n[env]\ny = 2\n")
    assert line_of(lines, ("env", "name", 3)) == 2
    assert line_of(lines, ("lock",)) == 1


def test_the_whole_grammar() -> None:
    assert set(find_lines(EVERYTHING)) == paths_in(tomllib.loads(EVERYTHING))


def test_tokens_cover_any_text() -> None:
    for text in ('"""open', "'''open", '"open\n', "\r", "\\", "é = 1", '"""a"b""c"""""'):
        assert "".join(match.group() for match in find_tokens(text)) == text


@given(st.text(alphabet="a.=[]{},\"'\\\n\r #1\t", max_size=60))
def test_any_text_can_be_scanned(text: str) -> None:
    last = text.count("\n") + 1
    assert all(1 <= line <= last for line in find_lines(text).values())
    assert excess_line(text) is None


KEYS = st.sampled_from(["a", "b-c", '"d.e"', "'f g'", '"\\u0041"', "7"])
SCALARS = st.sampled_from(
    ['"x"', "'#'", "1", "-1.5", "true", "2026-10-01", '"""\n]"""', "'''\n'''"]
)


def arrays(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    gaps = st.sampled_from(["", " ", "\n", " # [,\n  ", "\r\n"])
    return st.builds(
        lambda parts, gap, comma: (
            f"[{gap}{f'{gap},{gap}'.join(parts)}{gap}{comma}{gap}]" if parts else f"[{gap}]"
        ),
        st.lists(items, max_size=3),
        gaps,
        st.sampled_from(["", ","]),
    )


def inline_tables(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.dictionaries(KEYS, items, max_size=3)
    return pairs.map(lambda d: "{" + ", ".join(f"{k} = {v}" for k, v in d.items()) + "}")


VALUES = st.recursive(SCALARS, lambda items: arrays(items) | inline_tables(items), max_leaves=6)
PAIRS = st.dictionaries(KEYS, VALUES, max_size=3).map(
    lambda pairs: "".join(f"{key}={value} # end\n" for key, value in pairs.items())
)
HEADERS = st.sampled_from(
    [
        "[t]\n",
        "[t.u]\n",
        "[[v]]\n",
        "[v.w]\n",
        "[[v.x]]\n",
        "\n",
        "# [c]\n",
        "[ y . 'z' ]\n",
        "q.r.s=1\n",
    ]
)
DOCUMENTS = st.lists(st.tuples(HEADERS, PAIRS), max_size=5).map(
    lambda parts: "".join(header + pairs for header, pairs in parts)
)


@given(DOCUMENTS)
def test_the_scan_finds_what_tomllib_finds(text: str) -> None:
    try:
        expected = paths_in(tomllib.loads(text))
    except tomllib.TOMLDecodeError:
        return
    assert set(find_lines(text)) == expected


@given(DOCUMENTS)
def test_lines_are_those_where_the_path_first_appears(text: str) -> None:
    """Text before the line of a path doesn't have it; text up to that line does."""
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    rows = text.splitlines(keepends=True)
    for path, line in find_lines(text).items():
        assert path not in find_lines("".join(rows[: line - 1]))
        assert path in find_lines("".join(rows[:line]))


def test_excess() -> None:
    assert excess_line("a = 1\nb" + ".b" * 40 + " = 1\n") == 2
    assert excess_line("a = 1\nb = [\n" + "[" * 70) == 3
    assert excess_line("a = [" + "1.5, " * 100 + "]\nb = 'x." + "." * 99 + "'\n") is None
