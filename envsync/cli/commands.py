"""The table of commands: which module has each, and its line of help."""

from typing import NamedTuple


class Command(NamedTuple):
    """One command: the module that has it, and its line of help."""

    module: str
    summary: str


COMMANDS = {
    "init": Command("change", "start a project: write an env.toml"),
    "import": Command("adopt", "write an env.toml of what other tools' files declare, and lock"),
    "add": Command("change", "add dependencies to env.toml, lock and sync"),
    "remove": Command("change", "remove dependencies from env.toml, lock and sync"),
    "lock": Command("lock", "pin every dependency, for every platform, into pylock.toml"),
    "sync": Command("sync", "make the environment match the lock exactly"),
    "fetch": Command("fetch", "put what the lock needs into a folder, for use without network"),
    "status": Command("inspect", "show how env.toml, lock and environment differ"),
    "verify": Command("inspect", "compare every byte of the environment with the lock's wheels"),
    "run": Command("run", "lock and sync if needed, then run a command, task or script"),
    "shell": Command("shell", "lock and sync if needed, then start your shell inside"),
    "activate": Command("shell", "print what your shell evaluates to enter the environment"),
    "tree": Command("look", "show what the lock pins, and what each package needs"),
    "why": Command("look", "show each chain that leads from env.toml to a package"),
    "list": Command("listing", "list what is installed in the environment"),
    "outdated": Command("listing", "ask the indexes what is newer, and what stands in the way"),
    "diff": Command("difference", "compare the lock with another, or with git's"),
    "python": Command("python", "show the interpreters of this machine, and which one is taken"),
    "cache": Command("cache", "see, trim, empty or verify the store and caches"),
    "doctor": Command("doctor", "show what envsync sees here, and what to do where it is amiss"),
    "completion": Command("completion", "print what makes your shell complete envsync's words"),
    "schema": Command("schema", "print the JSON Schema of env.toml, of the lock, or of --json"),
    "help": Command("about", "show how a command is used, or print its man page"),
    "version": Command("about", "print the version"),
}

HEADINGS = {
    "init": "a project",
    "sync": "its environment",
    "python": "this machine",
    "completion": "envsync itself",
}
"""What help puts above commands: each begins with the one that is named."""

SHARED = "options of every command"
"""The title of the group that help folds."""

WITHOUT_RESULT = frozenset({"shell"})
"""Commands without `--json`: what follows them is the user's own."""

KEEPS_NOTHING = frozenset({"completion", "doctor", "help", "schema", "version"})
"""Commands that take nothing from the cache: one that can't be trusted is no reason to fail."""
