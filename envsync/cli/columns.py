"""Lay rows out for people: in columns where they fit, else each over several lines."""

from collections.abc import Iterator, Sequence

from envsync.ui import Ui

_GAP = 2
_UNITS = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))


def columns(
    head: Sequence[str], rows: Sequence[Sequence[str]], ui: Ui, *, right: Sequence[int] = ()
) -> Iterator[str]:
    """Give the lines of a table; columns that are empty in all rows are left out.

    `right` are the numbers of columns whose text ends in line. On a terminal that is too narrow the
    first two cells of a row are its line, and the others follow, each named by its head.
    """
    kept = [at for at in range(len(head)) if any(row[at] for row in rows)]
    widths = [max(len(row[at]) for row in (head, *rows)) for at in kept]
    room = ui.columns()
    if room is not None and sum(widths) + _GAP * (len(widths) - 1) > room:
        for row in rows:
            yield f"{ui.in_color('cyan', row[0])} {row[1]}".rstrip()
            for at in kept[2:]:
                if row[at]:
                    yield f"  {head[at]}: {row[at]}"
        return
    yield ui.in_color("dim", _line([head[at] for at in kept], widths, kept, right))
    for row in rows:
        line = _line([row[at] for at in kept], widths, kept, right)
        yield ui.in_color("cyan", line[: len(row[0])]) + line[len(row[0]) :]


def _line(
    cells: Sequence[str], widths: Sequence[int], numbers: Sequence[int], right: Sequence[int]
) -> str:
    padded = [
        cell.rjust(width) if number in right else cell.ljust(width)
        for cell, width, number in zip(cells, widths, numbers, strict=True)
    ]
    return (" " * _GAP).join(padded).rstrip()


def size_text(size: int | None) -> str:
    """Give a size for people: `812.3 MB`; "" where it isn't known."""
    if size is None:
        return ""
    for unit, factor in _UNITS:
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} B"
