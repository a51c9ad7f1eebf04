"""What every page says: the question, how the runs went, how to read it, what it cannot say."""

import time

from market_abm.report.names import baseline_of, is_comparison, scenarios_of
from market_abm.studies.effects import CONFIDENCE, ERROR_RATE, NEGLIGIBLE
from market_abm.studies.names import policy_name

QUESTION = "Who ends up owning the world's AI compute, what does it cost to get in, and which rule would change that?"
NATURE = ("This page reports a simulation, not a forecast. The model is not calibrated: most of its numbers are assumed inside plausible "
          "ranges, and no estimator has fitted them to facts.")
LISTED = 5  # failures named one by one


def when(manifest):
    """Return the day of a study in words, from the manifest's `started`, in UTC."""
    try:
        day = time.strptime(manifest.get("started") or "", "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return "date not recorded"
    return f"{day.tm_mday} {time.strftime('%B %Y', day)}"


def subject(study):
    """Say in one sentence what was simulated."""
    result = baseline_of(study)
    runs = _counted(result.runs, "run")
    span = f"{result.labels[0]} to {result.labels[-1]}"
    if not is_comparison(study):
        return f"One scenario, {span}, in {runs}, seed {result.seed}."
    policies = _counted(len(study.results), "policy", "policies")
    return f"A baseline and {policies}, {span}, each in {runs} on the same seeds, seed {result.seed}."


def _counted(number, noun, plural=""):
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {plural or noun + 's'}"


def warnings_of(study, manifest):
    """Return what a reader must know before any answer: failed runs, runs that are missing, founders turned away."""
    return [*failures(study), *_interrupted(study, manifest), *_turned_away(manifest)]


def failures(study):
    """Return one sentence for each scenario in which runs failed."""
    own = "of the baseline" if is_comparison(study) else "of this scenario"
    return [_failed(f"under {policy_name(name)}" if name else own, result) for name, result in scenarios_of(study).items() if result.failures]


def _failed(whose, result):
    failed = {failure["run"]: failure for failure in result.failures}
    listed = [f"run {run} in {failure['quarter']} ({failure['identity']})" for run, failure in sorted(failed.items())[:LISTED]]
    rest = len(failed) - len(listed)
    more = f" and {rest} more" if rest else ""
    return (f"{len(failed)} of {result.runs} runs {whose} broke an accounting identity and are left out from then on: "
            f"{', '.join(listed)}{more}.")


def _interrupted(study, manifest):
    runs, asked = baseline_of(study).runs, manifest.get("requested_runs")
    return [f"The study was stopped: {runs} of {asked} runs are in it."] if asked and asked > runs else []


def _turned_away(manifest):
    runs = len(manifest.get("refused_entries") or {})
    return [f"In {_counted(runs, 'run')} founders of startups were turned away for want of slots, so entry is understated there "
            "(frame.startup_slots)."] if runs else []


def reading(study):
    """Return (term, meaning) pairs that say how to read the page."""
    common = [
        ("Run", "One simulated history with its own seed. Runs differ by luck alone: who is founded, who is funded, what research finds."),
        ("Simulated throughout", f"The years to {baseline_of(study).config.frame.history_until} are simulated too. There are facts to "
         "compare them with; for later years there are none."),
        ("Median and 5 to 95%", "The run in the middle, and the range without the lowest and the highest twentieth of runs. The range shows "
         "luck in the model. It says nothing of numbers that are assumed wrongly, so it is no forecast interval."),
        ("HHI", "Herfindahl-Hirschman index: the sum of squared shares, in points from 0 to 10,000. Above 1,800 a market is highly "
         "concentrated (US Merger Guidelines 2023). Between 1,000 and 1,800 it is called moderately concentrated, in the terms of the US "
         "guidelines of 1992. The thresholds are made for antitrust markets and serve here as marks."),
    ]
    return common + (_reading_of_effects(study) if is_comparison(study) else [])


def _reading_of_effects(study):
    pairs = max((row["pairs"] for row in study.effects), default=0)
    return [
        ("Paired seeds", "The same seed under the baseline and under a policy meets the same luck (common random numbers), so the two differ "
         "by their rules alone. A difference is taken seed by seed and then averaged."),
        ("Interval", f"{CONFIDENCE:.0%} confidence interval of the mean of the paired differences, by Student's t, with {pairs} pairs at most. "
         "It narrows with more seeds. It holds for one cell at a time."),
        ("Spread", "5 to 95% of the paired differences over seeds: how far one world may lie from the mean. It does not narrow with more seeds."),
        ("False discovery rate", "With many cells some leave zero by luck. p-values are corrected over all cells of the comparison (Benjamini and "
         f"Hochberg 1995): of the differences called found, at most {ERROR_RATE:.0%} are luck on average, if cells are independent or pull the "
         f"same way. Found means a corrected p-value of at most {ERROR_RATE:.2f}. An interval can leave out zero and the difference not be found."),
        ("Agree, disagree", "Found, with theory's sign or against it. Where theory expects no effect: agree when the interval lies within "
         f"{NEGLIGIBLE:.0%} of the baseline, disagree when a difference is found and the interval lies wholly beyond that."),
        ("Inconclusive", "Not found at this number of seeds, or, where theory expects no effect, neither within that nor wholly beyond. "
         "That is no proof that there is no effect."),
        ("Ambiguous", "Theory has it both ways, or says nothing of this metric. There is nothing to agree with."),
    ]


def limits(study):
    """Return what this page cannot say, one sentence or two an item."""
    items = [
        "Not calibrated. Numbers that no fact fixes were chosen by hand, so that a figure has the right order of magnitude is no evidence.",
        "Concentration also rises by pure luck, without any mechanism. No null model of luck is compared with yet.",
        "Neither ranges nor intervals contain doubt about the assumed numbers or the mechanisms. Whether money or power holds owners back after "
        "2025 turns on numbers that no fact fixes.",
        "Growth of labs' budgets, the demand shock of 2022 and several trends of demand are imposed, so they are no evidence.",
        "Idle in the baseline as shipped: offers for startups blocked by the merger rule, regions short of electricity, the limit of text, and "
        "nearly all foreclosure. What rules on these would change cannot be seen.",
        "Contracts, stakes, backing and takeovers happen by chances that no fact fixes and that answer to no price.",
        "In the baseline as shipped neoclouds hardly grow and do not last, and ownership concentrates further after 2030 than facts would bear out.",
    ]
    return items + (_limits_of_effects(study) if is_comparison(study) else [])


def _limits_of_effects(study):
    quarters = sorted({row["quarter"] for row in study.effects})
    when = f" Effects are read in {' and '.join(quarters)} alone; before and after they may differ." if quarters else ""
    return [f"An effect is one of a rule inside this model. Whether it would be so in the world is not shown.{when}",
            "Theory's signs were written down by the authors from the literature. A sign that agrees does not confirm the size. One that disagrees "
            "may be the fault of the theory, the model or its numbers."]
