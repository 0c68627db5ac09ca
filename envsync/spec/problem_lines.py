"""Turn the mistakes of a file into sentences with line and key path, in the order of the file."""

from collections.abc import Mapping
from operator import itemgetter

from envsync.spec.fields import Problem, Problems
from envsync.spec.lines import KeyPath, find_lines, line_of
from envsync.spec.wording import show_path


def problem_lines(
    problems: Problems, text: str, places: Mapping[KeyPath, str] | None = None
) -> list[str]:
    """Give a sentence for each mistake; says so when reading stopped early.

    `places` are key paths that come from other files, with file and line.
    """
    lines = find_lines(text)
    elsewhere = [(_place(problem.path, places or {}), problem) for problem in problems.found]
    here = [problem for place, problem in elsewhere if place is None]
    placed = [(line_of(lines, problem.path), problem) for problem in here]
    placed.sort(key=itemgetter(0))
    sentences = [_sentence(line, problem) for line, problem in placed]
    sentences += [f"{place}: {problem.text}" for place, problem in elsewhere if place is not None]
    if len(sentences) >= Problems.MOST:
        sentences.append("and perhaps more: reading stopped here")
    return list(dict.fromkeys(sentences))


def _place(path: KeyPath, places: Mapping[KeyPath, str]) -> str | None:
    """Give file and line of a key path, or of what is around it, that is in another file."""
    while path and path not in places:
        path = path[:-1]
    return places.get(path)


def _sentence(line: int, problem: Problem) -> str:
    where = f"{show_path(problem.path)}: " if problem.path else ""
    return f"line {line}: {where}{problem.text}"
