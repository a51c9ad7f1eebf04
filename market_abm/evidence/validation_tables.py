"""Validation told: rows for the command, tables for a spreadsheet, and a page that says what was fitted, held out, and fails."""

import numpy as np

from market_abm.evidence.judging import LEVEL, share_of, sharpness

KEYS = ("pattern", "base", "period", "low", "high", "value", "pass_rate", "held_out", "source", "ok", "history", "interval_low", "interval_high",
        "inside", "width")
OF_A_YEAR = KEYS[KEYS.index("history"):]
FITTED_NAME, HELD_NAME = "fitted", "held out"


def rows(verdict):
    """Return what the command prints: a row a band and a row a pattern-year, in one where their periods are the same."""
    found = {(band.pattern.name, band.pattern.period): _band_row(band) for band in verdict.bands}
    for year in verdict.years:
        key = (year.pattern.name, year.point.period)
        found[key] = found.get(key, _year_only(year)) | _year_part(year)
    order = {band.pattern.name: place for place, band in enumerate(verdict.bands)}
    return [found[key] for key in sorted(found, key=lambda key: order[key[0]])]


def _band_row(band):
    pattern = band.pattern
    empty = dict.fromkeys(OF_A_YEAR)
    return {"pattern": pattern.name, "base": pattern.base, "period": pattern.period, "low": pattern.low, "high": pattern.high, "value": band.value,
            "pass_rate": band.pass_rate, "held_out": band.held_out, "source": pattern.source, "ok": band.ok} | empty


def _year_only(year):
    pattern = year.pattern
    return {"pattern": pattern.name, "base": pattern.base, "period": year.point.period, "low": None, "high": None, "value": year.value,
            "pass_rate": None, "held_out": year.held_out, "source": pattern.source, "ok": None}


def _year_part(year):
    low, high = year.interval
    return {"history": year.point.value, "interval_low": low, "interval_high": high, "inside": year.inside, "width": year.width}


def band_table(verdict):
    """Return the rows of patterns.csv: every band, with Wilson's interval of its pass rate."""
    return [_band_row(band) | {"unit": band.pattern.unit, "estimator": band.pattern.estimator, "runs": band.runs, "runs_with_value": band.valued}
            | dict(zip(("pass_low", "pass_high"), band.pass_interval, strict=True)) for band in verdict.bands]


def year_table(verdict):
    """Return the rows of pattern_years.csv: every pattern-year, with its intervals and interval scores."""
    return [{"pattern": year.pattern.name, "base": year.pattern.base, "unit": year.pattern.unit, "period": year.point.period, "value": year.value,
             "held_out": year.held_out, "source": year.pattern.source, **_year_part(year), "error": year.point.error, "scale": year.pattern.scale,
             "seeds_low": year.seeds_interval[0], "seeds_high": year.seeds_interval[1], "inside_seeds": year.inside_seeds,
             "interval_score": year.scores[0], "naive_interval_score": year.scores[1]} for year in verdict.years]


def page(verdict):
    """Return the page in Markdown: data, fit, what was held out, what fails, skill (after TRACE, Grimm et al. 2014)."""
    parts = [f"# Validation of {verdict.config or 'a configuration'}", _opening(verdict), "## Criteria", _criteria(verdict),
             "## Data", _data(verdict), "## Fit", _medians(verdict.fitted), "## Held out", HELD_OUT_SAYS, _medians(verdict.held_out),
             "## What fails", _failing(verdict), "## Pattern-years", YEARS_SAY, _coverage(verdict), _years(verdict),
             "## Skill", SKILL_SAYS, _skill(verdict)]
    return "\n\n".join(part for part in parts if part) + "\n"


HELD_OUT_SAYS = """No objective contains these figures. They were not unknown to who wrote the model, though: mechanisms were chosen by people who
had read the same sources. Figures that nobody of them has seen can be judged with `--patterns FILE`."""
YEARS_SAY = f"""Part of the figures in the central {LEVEL:.0%} interval, with the source's error of measurement, and of the seeds alone; median width
over the figure; mean interval score in units of that error (less is better) beside a random walk's, where two earlier figures are known."""
SKILL_SAYS = """Score 1 - sum of the model's errors over sum of the naive forecast's, each series once: 1 is perfect, 0 no better, below 0 worse.
p: two-sided, signs of whole series flipped. Series of one source are not wholly independent, so p is rather too small than too large."""


def _opening(verdict):
    failed = f" {len(verdict.failures)} runs failed and have no value from then on." if verdict.failures else ""
    return (f"Patterns: {verdict.patterns_file}. {verdict.runs} runs to {verdict.until}. A fit is taken to know what ended by {verdict.split}; "
            f"what ends later, or is kept for judging, is held out.{failed} All tables are made from the runs.")


def _criteria(verdict):
    return markdown(("criterion", "found", "of", f"{LEVEL:.0%} interval", "at least", "met"), [
        (one["criterion"], _percent(one["found"]), one["of"], f"{_percent(one['interval_low'])} to {_percent(one['interval_high'])}",
         _percent(one["least"]), _yes(one["ok"])) for one in verdict.criteria])


def _data(verdict):
    told = markdown(("pattern", "what", "measured by", "period", "source"), [
        (pattern.name, pattern.says, f"{pattern.estimator} of {', '.join(pattern.metrics)}", pattern.period, pattern.source)
        for pattern in (band.pattern for band in verdict.bands)])
    left = "".join(f"\n- {name}: {why}" for name, why in verdict.unmeasured.items())
    return told + (f"\n\nNot measured:\n{left}" if left else "")


def _medians(bands):
    lines = []
    for band in bands:
        pattern, (low, high) = band.pattern, band.pass_interval
        lines.append((pattern.name, pattern.unit, pattern.period, f"{_number(pattern.low)} to {_number(pattern.high)}", _number(band.value),
                      _yes(band.ok), f"{_percent(band.pass_rate)} ({_percent(low)} to {_percent(high)})"))
    return markdown(("pattern", "unit", "period", "band", "median", "in band", "part of runs in band"), lines)


def _failing(verdict):
    lines = []
    for band in verdict.bands:
        pattern = band.pattern
        if band.ok is False:
            side, kind = "below" if band.value < pattern.low else "above", HELD_NAME if band.held_out else FITTED_NAME
            lines.append(f"- {pattern.name} ({kind}, {pattern.period}): {_number(band.value)} {pattern.unit}, "
                         f"{side} {_number(pattern.low)} to {_number(pattern.high)}. {pattern.says}.")
    return "\n".join(lines) or "No median lies outside its band."


def _coverage(verdict):
    lines = []
    for name, found in ((FITTED_NAME, [y for y in verdict.years if not y.held_out]), (HELD_NAME, [y for y in verdict.years if y.held_out])):
        told = sharpness(found)
        lines.append((name, len(found), _percent(share_of([y.inside for y in found])), _percent(share_of([y.inside_seeds for y in found])),
                      *(_number(told[key]) for key in ("width", "score", "naive_score")), told["points"]))
    return markdown(("figures", "count", "inside", "inside, seeds alone", "width", "score", "random walk", "scored"), lines)


def _years(verdict):
    lines = []
    for year in verdict.years:
        low, high = (_number(end) for end in year.interval)
        lines.append((year.pattern.name, year.point.period, _number(year.point.value), _number(year.value), f"{low} to {high}", _yes(year.inside),
                      _yes(year.held_out)))
    return markdown(("pattern", "period", "figure", "median", "interval", "inside", "held out"), lines)


def _skill(verdict):
    heads = ("against", "errors scaled by", "series", "model's error", "naive error", "skill", "series foreseen better", "p")
    return markdown(heads, [
        (row["naive"], row["scale"], row["series"], *(_number(row[key]) for key in ("model_error", "naive_error", "skill")), row["better"],
         _number(row["p_value"])) for row in verdict.skill])


def markdown(heads, lines):
    """Return a table of Markdown; a bar within a cell would end it."""
    if not lines:
        return "None."
    return "\n".join("| " + " | ".join(str(cell).replace("|", "/") for cell in line) + " |" for line in (heads, ["---"] * len(heads), *lines))


def _number(value):
    return "none" if value is None or not np.isfinite(value) else f"{value:.4g}"


def _percent(value):
    return "none" if not np.isfinite(value) else f"{100 * value:.0f}%"


def _yes(flag):
    return "not measured" if flag is None else "yes" if flag else "no"
