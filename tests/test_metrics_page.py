"""docs/metrics.md names every metric, with its unit, and no other."""

import re
from pathlib import Path

import market_abm
from market_abm.metrics.catalogue import catalogue
from market_abm.metrics.concentration import BASE_SAYS, SMALL, STACKS

PAGE = (Path(market_abm.__file__).parent.parent / "docs" / "metrics.md").read_text("utf-8")
OWNER, MAKER = "somebody", "some_maker"


def rows(heading):
    """Yield the cells of every row of the tables with this first heading."""
    inside = False
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
        inside = line.startswith("|") and (inside or cells[0] == heading)
        if inside and line.startswith("| `"):
            yield cells


def expanded(pattern):
    """Return the names that a pattern stands for."""
    places = {"<base>": BASE_SAYS, "<small base>": [base for kind in SMALL for base in STACKS[kind]], "<owner>": [OWNER], "<maker>": [MAKER]}
    for place, names in places.items():
        if place in pattern:
            return [pattern.replace(place, name) for name in names]
    return [pattern]


def told():
    """Return [(name, units)] of the page, patterns expanded."""
    patterns = [(pattern, unit) for first, unit, *_ in rows("metric") for pattern in re.findall(r"`([^`]+)`", first)]
    return [(name, unit) for pattern, unit in patterns for name in expanded(pattern)]


def test_the_page_names_every_metric_once_and_no_other():
    names = [name for name, _ in told()]
    metrics = [metric.name for metric in catalogue([OWNER], [MAKER])]
    assert sorted(set(metrics) - set(names)) == []
    assert sorted(set(names) - set(metrics)) == []
    assert len(names) == len(set(names)) and len(metrics) == len(set(metrics))


def test_the_page_uses_no_name_that_does_not_exist():
    patterns = re.findall(r"`([a-z0-9_<> ]+_[a-z0-9_<> ]+)`", PAGE)
    named = {name for pattern in patterns if "<measure>" not in pattern for name in expanded(pattern)}
    assert named - {metric.name for metric in catalogue([OWNER], [MAKER])} - set(BASE_SAYS) == {"_by_group"}


def test_the_page_gives_each_metric_its_unit():
    units = {metric.name: metric.unit for metric in catalogue([OWNER], [MAKER])}
    assert [(name, unit, units[name]) for name, unit in told() if units[name] not in unit.split(", ")] == []


def test_the_page_names_every_base():
    assert [first.strip("`") for first, *_ in rows("base")] == list(BASE_SAYS)


def test_every_metric_says_what_it_is():
    for metric in catalogue([OWNER], [MAKER]):
        assert metric.says.endswith(".") and metric.unit, metric.name
