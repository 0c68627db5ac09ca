"""What `[tasks]` means: one task as the commands that it runs, in order."""

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from envsync.spec.command_line import CommandLine, read_command_line
from envsync.spec.lines import KeyPath

Tasks = Mapping[str, str | tuple[str, ...]]
"""Name -> a command line, or commands and names of other tasks in order."""

_Variables = tuple[tuple[str, str], ...]


class Step(NamedTuple):
    """One command of a task."""

    task: str
    """The task in which it stands."""
    words: tuple[str, ...]
    variables: _Variables = ()


class _Call(NamedTuple):
    task: str
    arguments: tuple[str, ...] = ()
    variables: _Variables = ()


def steps_of(tasks: Tasks, name: str, arguments: Sequence[str] = ()) -> Iterator[Step]:
    """Give the commands of the task `name`, in order; `arguments` are appended to its command.

    An item of a list whose first word is a task's name stands for that task, with the rest
    appended. The tasks have passed `task_problems`. A list gets no arguments.
    """
    waiting: list[_Call | Step] = [_Call(name, tuple(arguments))]
    while waiting:
        next_one = waiting.pop()
        if isinstance(next_one, Step):
            yield next_one
            continue
        content = tasks[next_one.task]
        if isinstance(content, str):
            line = read_command_line(content)
            words = (*line.words, *next_one.arguments)
            yield Step(next_one.task, words, (*line.variables, *next_one.variables))
        else:
            waiting += [_item(tasks, next_one, item) for item in reversed(content)]


def _item(tasks: Tasks, call: _Call, item: str) -> _Call | Step:
    line = read_command_line(item)
    variables = (*line.variables, *call.variables)
    if line.words[0] in tasks:
        return _Call(line.words[0], line.words[1:], variables)
    return Step(call.task, line.words, variables)


def task_problems(tasks: Tasks) -> Iterator[tuple[str, KeyPath]]:
    """Give what is wrong between tasks, each with where it stands below [tasks].

    A task that runs itself, and arguments for a list. Commands that can't be read are passed
    over: they are reported by themselves.
    """
    graph: dict[str, list[str]] = {}
    for name, content in tasks.items():
        lines = [] if isinstance(content, str) else [_readable(item) for item in content]
        graph[name] = [line.words[0] for line in lines if line and line.words[0] in tasks]
        for position, line in enumerate(lines):
            called = line.words[0] if line else ""
            if line and line.words[1:] and called in tasks and isinstance(tasks[called], tuple):
                reason = f"the task {called} is a list, and a list takes no arguments"
                yield reason, (name, position)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1][::-1]
        shown = " -> ".join(circle)
        yield (
            f"the task runs itself: {shown}; a command of that name is sh -c {circle[0]}",
            (circle[0],),
        )


def plain_tasks(value: object) -> Tasks | None:
    """Take the `[tasks]` of an env.toml as they stand; None where something is wrong with them.

    For a file that is known to be right but for this: `spec.read` says what is wrong.
    """
    tasks: dict[str, str | tuple[str, ...]] = {}
    for name, task in value.items() if isinstance(value, dict) else ():
        commands = task if isinstance(task, list) else [task]
        if not commands or not all(isinstance(each, str) and _readable(each) for each in commands):
            return None
        tasks[name] = task if isinstance(task, str) else tuple(commands)
    return None if any(task_problems(tasks)) else tasks


def _readable(item: str) -> CommandLine | None:
    try:
        return read_command_line(item)
    except ValueError:
        return None
