"""Turn the mistakes of a file into sentences with line and key path, in the order of the file."""

from operator import itemgetter

from envsync.spec.fields import Problem, Problems
from envsync.spec.lines import find_lines, line_of
from envsync.spec.wording import show_path


def problem_lines(problems: Problems, text: str) -> list[str]:
    """Give a sentence for each mistake; says so when reading stopped early."""
    lines = find_lines(text)
    placed = [(line_of(lines, problem.path), problem) for problem in problems.found]
    placed.sort(key=itemgetter(0))
    sentences = [_sentence(line, problem) for line, problem in placed]
    if len(sentences) >= Problems.MOST:
        sentences.append("and perhaps more: reading stopped here")
    return list(dict.fromkeys(sentences))


def _sentence(line: int, problem: Problem) -> str:
    where = f"{show_path(problem.path)}: " if problem.path else ""
    return f"line {line}: {where}{problem.text}"
