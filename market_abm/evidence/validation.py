"""Validation: a configuration judged on what is known, with what a fit knew told apart from what it did not."""

from dataclasses import dataclass
from pathlib import Path

from market_abm.errors import BadInput, Problem
from market_abm.evidence.estimators import ends_of, last_of
from market_abm.evidence.judging import judged, share_of, wilson, years
from market_abm.evidence.patterns import SHIPPED, read_patterns
from market_abm.evidence.runs import simulated
from market_abm.evidence.skill import series_of, skill
from market_abm.evidence.validation_tables import band_table, page, rows, year_table
from market_abm.metrics.catalogue import catalogue_of
from market_abm.parameters.frame import with_frame
from market_abm.studies.files import unwritable, write_whole
from market_abm.studies.store import write_rows
from market_abm.units import quarter_number

RUNS = 200
SPLIT = "2023Q4"  # what the first of the two shipped fits knew; quarters are counted from it
LEAST_FITTED, LEAST_HELD_OUT, LEAST_COVERED = 0.90, 2 / 3, 0.85
STORE = "runs"
PATTERNS_TABLE, YEARS_TABLE, SKILL_TABLE, PAGE = "patterns.csv", "pattern_years.csv", "skill.csv", "validation.md"


@dataclass(frozen=True)
class Verdict:
    """What came of a validation: bands, pattern-years and skill, with what could not be measured and which runs failed."""

    config: str
    patterns_file: str
    split: str
    until: str
    runs: int
    bands: tuple
    years: tuple
    skill: list[dict]
    unmeasured: dict  # {pattern: why}
    failures: list[dict]

    @property
    def fitted(self):
        """Return the bands that the fit may have met."""
        return tuple(band for band in self.bands if not band.held_out)

    @property
    def held_out(self):
        """Return the bands that no fit had."""
        return tuple(band for band in self.bands if band.held_out)

    @property
    def criteria(self):
        """Return one dict a criterion: what is asked for, least, found, of how many, with Wilson's interval, and whether it is met.

        A criterion with nothing to judge is not met, unless the patterns have nothing of its kind.
        """
        asked = (("medians in band, fitted", LEAST_FITTED, [band.ok for band in self.fitted]),
                 ("medians in band, held out", LEAST_HELD_OUT, [band.ok for band in self.held_out]),
                 ("pattern-years in their intervals", LEAST_COVERED, [year.inside for year in self.years]))
        return [_criterion(name, least, flags) for name, least, flags in asked]

    @property
    def ok(self):
        """Say whether every criterion is met, and something was measured."""
        return any(one["of"] for one in self.criteria) and all(one["ok"] for one in self.criteria)

    @property
    def rows(self):
        """Return what the command prints: a row a band and a row a pattern-year, in one where their periods are the same."""
        return rows(self)

    @property
    def remarks(self):
        """Return what is to be said beside the rows."""
        told = [f"{one['found']:.0%} of {one['of']} {one['criterion']} (at least {one['least']:.0%}): {'met' if one['ok'] else 'not met'}"
                for one in self.criteria if one["of"]]
        told += [f"skill against {row['naive']}, by {row['scale']}: {row['skill']:.2f} over {row['series']} series, p = {row['p_value']:.2g}"
                 for row in self.skill if row["series"]]
        if self.unmeasured:
            told.append("not measured: " + "; ".join(f"{name} ({why})" for name, why in self.unmeasured.items()))
        return told


def validate(config, runs=RUNS, patterns=None, split=None, out=None, workers=None, seed=None, progress=None):
    """Run a configuration and judge it; return a `Verdict`. `out` is a folder for runs, tables and the page.

    `patterns` are a file or what `read_patterns` returned, by default the shipped ones. `split` is the last quarter that the fit knew, by default
    `frame.history_until` of the configuration.
    """
    chosen = read_patterns(patterns) if patterns is None or isinstance(patterns, str | Path) else tuple(patterns)
    told = SHIPPED if patterns is None else str(patterns) if isinstance(patterns, str | Path) else "given"
    base = with_frame(config)
    split = _checked(base.frame.history_until if split is None else split)
    usable, unmeasured = _usable(chosen, base, told)
    until = _until(usable)
    folder = None if out is None else Path(out) / STORE
    metrics = sorted({name for pattern in usable for name in pattern.metrics})
    done = simulated(config, [{}], runs, until, metrics, folder, workers, progress, seed)
    name = str(config) if isinstance(config, str | Path) else base.frame.title
    verdict = verdict_of(usable, done.values[0], done.labels, split, name, told, runs, unmeasured, done.failures)
    if out is not None:
        leave(verdict, out)
    return verdict


def verdict_of(patterns, values, labels, split=SPLIT, config="", patterns_file="", runs=0, unmeasured=None, failures=()):
    """Return the `Verdict` on runs that are there: `values` is {metric: (quarters, runs)}."""
    bands = tuple(judged(pattern, values, labels, split) for pattern in patterns)
    found = tuple(year for pattern in patterns for year in years(pattern, values, labels, split))
    lost = {band.pattern.name: "no run has a value" for band in bands if not band.measured}
    return Verdict(config, patterns_file, split, labels[-1], runs, bands, found, skill(series_of(patterns, values, labels, split)),
                   (unmeasured or {}) | lost, list(failures))


def _checked(split):
    try:
        quarter_number(split, SPLIT)
    except ValueError:
        raise BadInput(Problem("--split", "is no quarter", f"write for example {SPLIT}", value=split, key="split")) from None
    return split


def _usable(patterns, base, file):
    """Return (patterns that this configuration can be measured by, {pattern: why not})."""
    known, start = {metric.name for metric in catalogue_of(base.cast)}, base.frame.start
    unmeasured = {}
    for pattern in patterns:
        missing = [name for name in pattern.metrics if name not in known]
        if missing:
            unmeasured[pattern.name] = f"this configuration has no {', '.join(missing)}"
        elif quarter_number(ends_of(pattern.period)[0][0], start) < 0:
            unmeasured[pattern.name] = f"begins before {start}"
    usable = tuple(pattern for pattern in patterns if pattern.name not in unmeasured)
    if not usable:
        raise BadInput(Problem(file, "has no pattern that this configuration can be measured by", next(iter(unmeasured.values()))))
    return usable, unmeasured


def _until(patterns):
    """Return the last quarter that some band or pattern-year needs."""
    ends = [last_of(period) for pattern in patterns for period in (pattern.period, *(point.period for point in pattern.history))]
    return max(ends, key=lambda end: quarter_number(end, SPLIT))


def _criterion(name, least, flags):
    told = [flag for flag in flags if flag is not None]
    found = share_of(flags)
    low, high = wilson(found, len(told))
    return {"criterion": name, "least": least, "found": found, "of": len(told), "interval_low": low, "interval_high": high,
            "ok": bool(found >= least) if told else not flags}


def leave(verdict, out):
    """Write the tables and the page of a verdict into a folder."""
    folder = Path(out)
    told = {PATTERNS_TABLE: band_table(verdict), YEARS_TABLE: year_table(verdict), SKILL_TABLE: verdict.skill}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in told.items():
            write_rows(folder / name, table)
        write_whole(folder / PAGE, lambda file: file.write(page(verdict).encode()))
    except OSError as error:
        raise BadInput(unwritable(str(out), error.strerror)) from None
    return folder
