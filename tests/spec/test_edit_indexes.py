"""`add --index`: env.toml with an index and packages sent to it, all else as it was."""

import tomllib

import pytest

from envsync.errors import UsageError
from envsync.spec.edit_indexes import Destination, read_destination, send_to_index

CORP = Destination("corp")
TABLE = '\n[[index]]\nname = "corp"\nurl = "https://c.example/"\n'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"[env]{TABLE}", f'[env]{TABLE}\n[sources]\na-b = {{ index = "corp" }}\n'),
        (
            f"[env]{TABLE}[sources] # mine\nx = 1 # keep\n\n[lock]\n",
            f'[env]{TABLE}[sources] # mine\na-b = {{ index = "corp" }}\nx = 1 # keep\n\n[lock]\n',
        ),
        (
            f"[env]{TABLE}[sources]",
            f'[env]{TABLE}[sources]\na-b = {{ index = "corp" }}\n',
        ),
        (f"[env]{TABLE}[sources]\nA_B = {{index = 'corp'}}\n", ""),
    ],
)
@pytest.mark.parametrize("form", ["\n", "\r\n", "bom"])
def test_a_package_is_sent_to_an_index(before: str, after: str, form: str) -> None:
    expected = after or before
    if form == "\r\n":
        before, expected = before.replace("\n", form), expected.replace("\n", form)
    if form == "bom":
        before, expected = f"\ufeff{before}", f"\ufeff{expected}"
    assert send_to_index(before, ["A.b"], CORP) == expected


def test_a_new_index() -> None:
    text = send_to_index(
        "[env]\ndependencies = []", ["a"], read_destination("near=https://n.example/")
    )
    assert tomllib.loads(text) == {
        "env": {"dependencies": []},
        "index": [{"name": "near", "url": "https://n.example/"}],
        "sources": {"a": {"index": "near"}},
    }
    again = read_destination("near=https://n.example")
    assert send_to_index(text, ["a"], again) == text


def test_sources_by_extra_become_a_list() -> None:
    one = Destination("corp", part=("extra", "cpu"))
    text = send_to_index(f"[env]{TABLE}", ["torch"], one)
    assert tomllib.loads(text)["sources"]["torch"] == {"index": "corp", "extra": "cpu"}

    other = Destination("gpu", "https://g.example/", ("extra", "gpu"))
    text = send_to_index(text, ["torch"], other)

    assert tomllib.loads(text)["sources"]["torch"] == [
        {"index": "corp", "extra": "cpu"},
        {"index": "gpu", "extra": "gpu"},
    ]
    assert send_to_index(text, ["torch"], other) == text


@pytest.mark.parametrize(
    ("text", "destination", "expected"),
    [
        ("[env]", CORP, "there is no [[index]] of that name"),
        (f"[env]{TABLE}", Destination("crop"), "did you mean 'corp'?"),
        (f"[env]{TABLE}", Destination("corp", "https://d.example/"), "is at https://c.example/"),
        (f"[env]{TABLE}[sources]\na = {{path = '.'}}", CORP, "a has a source under [sources]"),
        (f"sources = {{ b = 1 }}\n[env]{TABLE}", CORP, "cannot edit: sources"),
        (f"note = '''\n[sources]\n'''\n[env]{TABLE}", CORP, "cannot edit: sources"),
    ],
)
def test_what_can_not_be_sent(text: str, destination: Destination, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        send_to_index(text, ["a"], destination)
    assert expected in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    "text", ["", "Corp", "a b", "corp=", "corp=ftp://x/", "corp=../x", "corp=https://u:p@x/"]
)
def test_what_names_no_index(text: str) -> None:
    with pytest.raises(UsageError, match="--index"):
        read_destination(text)
