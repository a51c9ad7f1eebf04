"""What commands print: tables or JSON on standard output, progress and messages on standard error."""

import json
import sys
import time
from contextlib import contextmanager

READABLE = 24  # characters: narrower columns of text cannot be read
PLAIN_LINES_EVERY = 3.0  # seconds, at first
LATER_EVERY = 0.02  # of the time gone by: a log of a night's work has some hundred lines


def tell(message):
    """Say something on standard error."""
    print(message, file=sys.stderr, flush=True)


def print_json(document):
    """Print one JSON document on standard output."""
    from market_abm.studies.store import plain

    print(json.dumps(plain(document), indent=1, ensure_ascii=False, allow_nan=False))


def print_rows(rows, title=None, empty="nothing"):
    """Print flat dicts as a table, one column a key."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console() if sys.stdout.isatty() else Console(width=1000)  # one line a row for a pipe
    if not rows:
        console.print(Text(empty))
        return
    if not _fits(rows, console.width):
        _print_one_by_one(rows, title, console)
        return
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for place, key in enumerate(rows[0]):  # the first two columns name the row: they never fold
        table.add_column(key, overflow="fold", no_wrap=place < 2, justify="right" if _is_number(rows[0][key]) else "left")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row.values()))
    console.print(table)


def _fits(rows, width):
    """Say whether columns that fold long texts at a readable width stand side by side."""
    longest = [max(len(key), *(len(_cell(row[key])) for row in rows)) for key in rows[0]]
    return sum(length + 1 if place < 2 else min(length, READABLE) + 1 for place, length in enumerate(longest)) <= width


def _print_one_by_one(rows, title, console):
    """Print each row under its first two cells, which name it, one figure a line, where a table would be too wide to read."""
    from rich.padding import Padding
    from rich.text import Text

    if title:
        console.print(Text(title))
    for row in rows:
        first, second, *others = row.items()
        named = f"{second[0]}: " if _is_number(second[1]) else ""
        console.print(Text(f"{_cell(first[1])}  {named}{_cell(second[1])}", style="bold"))
        for key, value in others:
            if _cell(value):
                console.print(Padding(Text(f"{key}: {_cell(value)}"), (0, 0, 0, 2)))


@contextmanager
def progress_shown(what, unit="quarters"):
    """Yield a function `(done, total)` that shows progress: a bar on a terminal, else a line now and then."""
    if not sys.stderr.isatty():
        yield _plain_lines(what, unit)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = ("[bold]{task.description}", BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
    bars = [TextColumn(column) if isinstance(column, str) else column for column in columns]
    with Progress(*bars, console=Console(stderr=True), transient=True) as bar:
        task, clock = bar.add_task(what, total=None, rate=""), time.perf_counter()

        def show(done, total):
            bar.update(task, completed=done, total=total, rate=_rate(done, time.perf_counter() - clock, unit))

        yield show


def _plain_lines(what, unit):
    clock = last = time.perf_counter()

    def show(done, total):
        nonlocal last
        now = time.perf_counter()
        if now - last >= max(PLAIN_LINES_EVERY, LATER_EVERY * (now - clock)) or (done == total and now - clock >= PLAIN_LINES_EVERY):
            last = now
            left = (now - clock) * (total - done) / done
            tell(f"{what}: {100 * done / total:.0f}%, {_rate(done, now - clock, unit)}, {_in_words(left)} left")

    return show


def _rate(done, seconds, unit):
    rate = done / max(seconds, 1e-9)
    return f"{rate:,.0f} {unit}/s" if rate >= 10 else f"{rate:.2g} {unit}/s"


def _in_words(seconds):
    """Return a time as people read it: 45 s, 12 min, 3 h 20 min."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value):
    if value is None:
        return ""
    if isinstance(value, float):
        return "none" if value != value else f"{value:.4g}" if abs(value) < 1e5 else f"{value:.3e}"
    return str(value)
