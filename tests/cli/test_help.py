"""Help on a terminal of 80 and of 40 columns, as a man page, and for programs."""

import argparse
import json
import shutil
import subprocess

import pytest

from envsync.cli.commands import COMMANDS
from envsync.cli.help_page import page_of
from envsync.cli.help_text import help_text
from envsync.cli.main import main
from envsync.cli.man_page import man_page
from envsync.cli.parser import Parser, all_parsers, build_parser, parser_below
from tests.support.golden import golden

TOPICS: tuple[list[str], ...] = ([], ["add"], ["sync"], ["cache", "prune"])


@pytest.fixture(scope="module")
def every() -> list[Parser]:
    parser, _ = build_parser(list(COMMANDS))
    return list(all_parsers(parser))


@pytest.mark.parametrize("columns", [80, 40])
@pytest.mark.parametrize("topic", TOPICS, ids="-".join)
def test_help_as_it_was_looked_at(topic: list[str], columns: int) -> None:
    parser, _ = build_parser(topic[:1] or None)
    text = help_text(page_of(parser_below(parser, topic)), columns)
    golden(f"help{'-'.join(['', *topic])}-{columns}.txt", text)


def test_no_help_is_wider_than_its_terminal(every: list[Parser]) -> None:
    for parser in every:
        for columns in (40, 60, 80, 200):
            lines = help_text(page_of(parser), columns, every=True).splitlines()
            assert max(map(len, lines)) <= min(columns, 100), parser.prog


def test_every_argument_and_command_has_words(every: list[Parser]) -> None:
    """Whoever adds an option says what it does."""
    for parser in every:
        page = page_of(parser)
        rows = [row for section in page.sections for row in section.rows]
        assert [row.term for row in (*rows, *page.shared) if not row.text] == [], parser.prog


def test_own_options_come_first_and_those_of_every_command_in_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main(["lock", "--help"])
    short = capsys.readouterr().out
    assert main(["help", "lock"]) == 0
    assert capsys.readouterr().out == short
    assert "--default-index URL" not in short
    assert "`envsync help --all lock`\nexplains them" in short
    assert main(["help", "--all", "lock"]) == 0
    assert "--default-index URL" in capsys.readouterr().out


def test_man_pages_are_read_by_roff_without_a_word(every: list[Parser]) -> None:
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("no groff")
    for name in ("envsync", "envsync add", "envsync cache prune"):
        parser = next(one for one in every if one.prog == name)
        done = subprocess.run(
            [groff, "-man", "-ww", "-Tutf8", "-P-cbou"],
            input=man_page(page_of(parser), "1.0").encode(),
            capture_output=True,
            check=True,
        )
        assert done.stderr == b""
        text = done.stdout.decode()
        assert f"{name.replace(' ', '-')} - " in text
        assert "--default-index URL" in text


def test_text_that_means_something_to_roff_is_text() -> None:
    parser = Parser(prog="envsync x", description=".B \\n(.c 'a' \"b\"")
    assert "\\&.B \\en(.c 'a' \\(dqb\\(dq" in man_page(page_of(parser), "1.0")


def test_choices_are_named_once() -> None:
    parser = Parser(prog="envsync x")
    parser.add_argument("--a", choices=("one", "two"), help="one or two")
    parser.add_argument("--b", choices=("one", "two"), help="how")
    parser.add_argument("--c", help=argparse.SUPPRESS)
    rows = {row.term: row.text for row in page_of(parser).sections[-1].rows}
    assert rows == {"-h, --help": "show this", "--a A": "one or two", "--b B": "how: one, two"}


def test_version_says_more_to_programs(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["version"], ["--version"], ["-V"], ["--version", "sync"]):
        assert main(arguments) == 0
        assert capsys.readouterr().out.startswith("envsync 0")
    assert main(["--version", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert main(["version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == said
    assert {"version", "speedups", "python", "executable"} < said.keys()


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        ("help lokc", "there is no command `envsync lokc`", "`envsync help lock`"),
        ("help cache prun", "`envsync cache prun`", "`envsync help cache prune`"),
        ("help sync now", "there is no command `envsync sync now`", "`envsync help sync`"),
        ("python lst", "lst is none of list, find: did you mean list?", "python --help`"),
        ("--color alwais sync", "did you mean always?", "`envsync --help`"),
        ("cache prun", "prun is none of dir, size, prune", "did you mean prune?"),
        ("hepl", "unknown command: hepl", "`envsync help`"),
    ],
)
def test_help_for_what_is_not_there(
    arguments: str, error: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments.split()) == 2
    said = capsys.readouterr().err
    assert error in said
    assert hint in said
