"""One item of an array's text is changed; the rest stays as it stands."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.spec.arrays import find_items, insert_item, remove_item, replace_item
from envsync.spec.lines import find_tokens


def values(text: str) -> list[object]:
    found = tomllib.loads(f"a = {text}")["a"]
    if not isinstance(found, list):
        pytest.fail(text)
    return found


def test_items() -> None:
    text = '[ "a,]", # x, y\n [1, [2]], {b = ["c"]}, ]'
    assert [text[item.start : item.end] for item in find_items(text)] == [
        '"a,]"',
        "[1, [2]]",
        '{b = ["c"]}',
    ]


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("[]", 0, '["n"]'),
        ("[ ]", 0, '["n"]'),
        ("[\n]", 0, '[\n    "n",\n]'),
        ("[ # none yet\n]", 0, '[ # none yet\n    "n",\n]'),
        ('[\n  # "old"\n]', 0, '[\n  # "old"\n  "n",\n]'),
        ('["a"]', 0, '["n", "a"]'),
        ('["a"]', 1, '["a", "n"]'),
        ('["a", "b"]', 1, '["a", "n", "b"]'),
        ('[ "a", "b", ]', 2, '[ "a", "b", "n", ]'),
        ('[\n  "a",\n  "b",\n]', 0, '[\n  "n",\n  "a",\n  "b",\n]'),
        ('[\n  "a",\n  "b",\n]', 1, '[\n  "a",\n  "n",\n  "b",\n]'),
        ('[\n  "a",\n  "b",\n]', 2, '[\n  "a",\n  "b",\n  "n",\n]'),
        ('[\n  "a",\n  "b"\n]', 2, '[\n  "a",\n  "b",\n  "n"\n]'),
        ('[\n  "a", # one\n  "b" # two\n]', 2, '[\n  "a", # one\n  "b", # two\n  "n"\n]'),
        ('[\n  "a", # one\n  "b", # two\n]', 1, '[\n  "a", # one\n  "n",\n  "b", # two\n]'),
        ('[\n  "a",\n  # "old",\n]', 1, '[\n  "a",\n  "n",\n  # "old",\n]'),
        ('[\n  # all\n  "a",\n]', 0, '[\n  "n",\n  # all\n  "a",\n]'),
        ('[\n\t"a", "b",\n\t"c",\n]', 1, '[\n\t"a", "n", "b",\n\t"c",\n]'),
        ('[\n\t"a", "b",\n\t"c",\n]', 2, '[\n\t"a", "b",\n\t"n",\n\t"c",\n]'),
        ('["a",\n "b"]', 2, '["a",\n "b",\n "n"]'),
        ('["a", # one\n]', 1, '["a", "n", # one\n]'),
        ('[\n  "a"\n  , "b"\n]', 1, '[\n  "a"\n  , "n", "b"\n]'),
    ],
)
def test_insert(text: str, position: int, expected: str) -> None:
    assert insert_item(text, position, '"n"') == expected


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ('["a"]', 0, "[]"),
        ('[ "a", ]', 0, "[ ]"),
        ('["a", "b", "c"]', 0, '["b", "c"]'),
        ('["a", "b", "c"]', 1, '["a", "c"]'),
        ('["a", "b", "c"]', 2, '["a", "b"]'),
        ('["a", "b",]', 1, '["a",]'),
        (
            '[\n  "a", # one\n  "b", # two\n  # three\n  "c",\n]',
            1,
            '[\n  "a", # one\n  # three\n  "c",\n]',
        ),
        ('[\n  "a",\n  "b"\n]', 1, '[\n  "a",\n]'),
        ('[\n  "a",\n]', 0, "[\n]"),
        ('[\n  "a", "b",\n]', 0, '[\n  "b",\n]'),
        ('[\n  "a", "b",\n]', 1, '[\n  "a",\n]'),
        ('["a", # one\n "b"]', 0, '[ # one\n "b"]'),
        ('["a", # one\n "b"]', 1, '["a", # one\n ]'),
    ],
)
def test_remove(text: str, position: int, expected: str) -> None:
    assert remove_item(text, position) == expected


def test_replace() -> None:
    assert replace_item('[ "a" , # x\n"b"]', 0, '"n"') == '[ "n" , # x\n"b"]'


ITEMS = st.sampled_from(['"a"', "'b]'", "{c = [1, 2]}", "[ '#' ]", "1.5", '"""\n,"""'])
GAPS = st.sampled_from(["", " ", "\n", "\n  ", " # x, ]\n\t", "\r\n", "\n\n", " # y\n # z\n"])


@st.composite
def array_texts(draw: st.DrawFn) -> str:
    items = draw(st.lists(ITEMS, max_size=4))
    text = "[" + draw(GAPS)
    for number, item in enumerate(items):
        is_last = number == len(items) - 1
        comma = draw(st.sampled_from(["", ","])) if is_last else ","
        text += item + draw(GAPS) + comma + (draw(GAPS) if comma else "")
    return text + "]"


def comments(text: str) -> list[str]:
    return [match.group() for match in find_tokens(text) if match.lastgroup == "comment"]


@given(array_texts(), st.integers(0, 4))
def test_insert_changes_one_value_and_no_comment(text: str, wish: int) -> None:
    before = values(text)
    position = min(wish, len(before))
    after = insert_item(text, position, '"n"')
    assert values(after) == [*before[:position], "n", *before[position:]]
    assert comments(after) == comments(text)


@given(array_texts(), st.integers(0, 3))
def test_remove_takes_one_value_and_only_comments_behind_it(text: str, wish: int) -> None:
    before = values(text)
    if not before:
        return
    position = min(wish, len(before) - 1)
    after = remove_item(text, position)
    assert values(after) == [*before[:position], *before[position + 1 :]]
    item = find_items(text)[position]
    behind = comments(text[item.start : item.after] + text[item.after :].partition("\n")[0])
    assert len(comments(text)) - len(comments(after)) <= len(behind)


@given(array_texts(), st.integers(0, 4))
def test_what_was_inserted_can_be_removed(text: str, wish: int) -> None:
    position = min(wish, len(values(text)))
    assert values(remove_item(insert_item(text, position, '"n"'), position)) == values(text)
