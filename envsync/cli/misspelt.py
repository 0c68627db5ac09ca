"""Words of a command line that mean nothing: what was probably meant, as something to type."""

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches

from envsync.errors import UsageError

_CLOSE = 0.75
"""Of the letters: `snyc` is `sync`, and `tree` isn't `remove`."""

_OTHERWISE = {
    "new": "init",
    "install": "sync",
    "uninstall": "remove NAME",
    "update": "sync --upgrade",
    "upgrade": "sync --upgrade",
    "compile": "lock",
    "check": "sync --check",
    "exec": "run",
    "clean": "cache clean",
    "graph": "tree",
    "freeze": "list --format freeze",
    "ls": "list",
    "show": "why NAME",
    "explain": "why NAME",
}
"""What other tools call it."""


def near_miss(word: str, known: Collection[str]) -> str | None:
    """Give the one that was probably meant, if any is close."""
    return next(iter(get_close_matches(word, known, n=1, cutoff=_CLOSE)), None)


def unknown_package(name: str, known: Collection[str]) -> UsageError:
    """Word the error for a package that the lock, which has those known, hasn't."""
    near = near_miss(name, known)
    return UsageError(
        f"the lock has no package {name}",
        hint=f"did you mean {near}?" if near else "`envsync tree` shows what it has",
    )


def unknown_command(words: Sequence[str], commands: Collection[str]) -> UsageError:
    """Word the error for a first word that is no command; `words` begin with it."""
    word, *rest = words
    plain = [one for one in rest if not one.startswith("-")]
    meant = near_miss(word, commands) or _OTHERWISE.get(word)
    if word == "install" and plain:
        meant = f"add {plain[0]}"
    return UsageError(
        f"unknown command: {word}",
        hint=f"`envsync {meant}`" if meant else f"the commands are {', '.join(commands)}",
    )


def unknown_word(
    program: str, word: str, options: Collection[str], below: Mapping[str, Collection[str]]
) -> UsageError:
    """Word the error for an option or argument that a command hasn't.

    `program` is "envsync sync"; `options` are those that it has, `below` those of its commands.
    """
    every = f"`{program} --help` shows what there is"
    if not word.startswith("-"):
        return UsageError(f"{program.partition(' ')[2]} takes no argument {word}", hint=every)
    option = word.partition("=")[0]
    for command, known in below.items():
        if option in known:
            return UsageError(
                f"{option} is an option of {command}, and stands after that word",
                hint=f"`{program} {command} {option}`",
            )
    near = near_miss(option, [one for one in options if one.startswith("--")])
    return UsageError(
        f"unknown option: {option}", hint=f"did you mean {near}? {every}" if near else every
    )


def no_choice(word: str, choices: Collection[str]) -> str:
    """Say that a word is none of those that there are."""
    near = near_miss(word, choices)
    meant = f": did you mean {near}?" if near else ""
    return f"{word} is none of {', '.join(choices)}{meant}"


def unknown_topic(program: str, word: str, commands: Collection[str]) -> UsageError:
    """Word the error for help that is asked for of something which is no command."""
    near = near_miss(word, commands)
    topic = program.partition(" ")[2]
    command = f"envsync help {topic + ' ' if topic else ''}{near or ''}".strip()
    return UsageError(f"there is no command `{program} {word}`", hint=f"`{command}`")
