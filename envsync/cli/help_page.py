"""What a parser has to say of itself, as a value that help and man pages are made from."""

import argparse
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from envsync.cli.commands import HEADINGS, SHARED


class Row(NamedTuple):
    """One argument, option or command."""

    term: str
    """As it is typed: `-C, --project DIR`."""
    text: str


class Section(NamedTuple):
    """Rows under one heading."""

    title: str
    rows: tuple[Row, ...]


class Page(NamedTuple):
    """All that there is to know of one command."""

    command: str
    """`envsync cache prune`."""
    usage: str
    description: str
    sections: tuple[Section, ...]
    shared: tuple[Row, ...]
    """The options of every command."""
    examples: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()


_FIRST_SESSION = (
    Row("envsync init", "write an env.toml; `envsync import` in an existing project"),
    Row("envsync add 'flask>=3'", "add a dependency, lock it, install it"),
    Row("envsync run flask --version", "run a command in the environment"),
)
_NOTES = (
    "`envsync help COMMAND` says more of a command, `envsync doctor` what envsync sees here.",
    (
        "exit codes: 0 done, 1 could not, 2 usage or an invalid file, 3 a check found a "
        "difference, 130 interrupted. The options of every command have variables: --offline is "
        "ENVSYNC_OFFLINE=1."
    ),
)


def page_of(parser: argparse.ArgumentParser) -> Page:
    """Read a parser."""
    is_root = parser.prog == "envsync"
    groups = {str(group.title): group for group in parser._action_groups}  # noqa: SLF001
    shared = groups.pop(SHARED, None)
    sections: list[Section] = []
    for title, group in groups.items():
        actions = [each for each in group._group_actions if each.help != argparse.SUPPRESS]  # noqa: SLF001
        sections += _sections(parser, _title(title), actions)
    rows = () if shared is None else tuple(_rows(parser, shared._group_actions))  # noqa: SLF001
    return Page(
        parser.prog,
        _usage(parser),
        parser.description or "",
        tuple(section for section in sections if section.rows),
        rows,
        _FIRST_SESSION if is_root else (),
        _NOTES if is_root else (),
    )


def _title(title: str) -> str:
    return "arguments" if title == "positional arguments" else title


def _sections(
    parser: argparse.ArgumentParser, title: str, actions: Iterable[argparse.Action]
) -> Iterator[Section]:
    plain = []
    for action in actions:
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            yield from _commands(action)
        else:
            plain.append(action)
    yield Section(title, tuple(_rows(parser, plain)))


def _commands(action: "argparse._SubParsersAction[argparse.ArgumentParser]") -> Iterator[Section]:
    """Give the commands, those of envsync itself under headings."""
    title, rows = "commands", list[Row]()
    for one in action._choices_actions:  # noqa: SLF001
        if one.dest in HEADINGS and action.dest == "command":
            if rows:
                yield Section(title, tuple(rows))
            title, rows = HEADINGS[one.dest], []
        rows.append(Row(one.dest, one.help or ""))
    yield Section(title, tuple(rows))


def _rows(parser: argparse.ArgumentParser, actions: Iterable[argparse.Action]) -> Iterator[Row]:
    formatter = parser._get_formatter()  # noqa: SLF001
    for action in actions:
        text = formatter._expand_help(action) if action.help else ""  # noqa: SLF001
        text = "show this" if action.dest == "help" else text
        yield Row(", ".join(action.option_strings) + _value(action), _with_choices(action, text))


def _value(action: argparse.Action) -> str:
    """Give the name of what an option takes, or of an argument."""
    name = value_name(action)
    if not action.option_strings:
        return name
    return f" {name}" if name else ""


def value_name(action: argparse.Action) -> str:
    """Give what stands for the value of an option or argument in help; "" for a flag."""
    if action.option_strings and action.nargs == 0:
        return ""
    if isinstance(action.metavar, str):
        return action.metavar
    return action.dest.upper()


def _with_choices(action: argparse.Action, text: str) -> str:
    """Name the values that there are, where the text doesn't."""
    choices = [str(one) for one in action.choices or ()]
    if not choices or any(one in text.replace(",", " ").split() for one in choices):
        return text
    return f"{text}: {', '.join(choices)}" if text else ", ".join(choices)


def _usage(parser: argparse.ArgumentParser) -> str:
    """Give what is typed: the options by one word, arguments by name."""
    arguments = (one for one in parser._actions if not one.option_strings)  # noqa: SLF001
    return " ".join((parser.prog, "[OPTIONS]", *map(_argument, arguments)))


def _argument(action: argparse.Action) -> str:
    name = value_name(action)
    if action.nargs in ("*", argparse.REMAINDER):
        return f"[{name}...]"
    if action.nargs == "?":
        return f"[{name}]"
    return f"{name}..." if action.nargs == "+" else name
