"""Calendar, names and physical constants. FLOP is an amount, FLOP/s a rate; 1 PFLOP-h = 3.6e18 FLOP."""

HOURS_PER_QUARTER = 2190.0
QUARTERS_PER_YEAR = 4
HOURS_PER_YEAR = 8760.0
FLOP_PER_PFLOP_HOUR = 3.6e18
PFLOPS_PER_PERSON = 20.0  # a "person of compute", as George Hotz defines it


def quarter_number(label, start):
    """Return how many quarters `label` ("2026Q1") lies after `start`."""
    return _count(label) - _count(start)


def quarter_label(number, start):
    """Return the label of the quarter `number` quarters after `start`."""
    count = _count(start) + number
    return f"{count // 4}Q{count % 4 + 1}"


def year_of(number, start):
    """Return the calendar year, with its fraction, at the beginning of a quarter."""
    return (_count(start) + number) / 4


def slug(name):
    """Return the part of a metric's name that stands for an agent: small letters, digits and _."""
    return "".join(letter if letter.isalnum() else "_" for letter in name.lower())


def _count(label):
    year, _, quarter = label.partition("Q")
    if not (year.isdigit() and len(year) == 4 and quarter in ("1", "2", "3", "4")):
        raise ValueError(f"{label!r} is no quarter; write it like 2026Q1")
    return int(year) * 4 + int(quarter) - 1
