"""Of what a page speaks: owners by name, quarters, values, scenarios."""

from market_abm.studies.summary import ROUND_DATE


def owner_name(name):
    """Return an owner's name; one that is only a key begins with a capital and has spaces."""
    return name.replace("_", " ").capitalize() if name.islower() else name


def dates(result):
    """Return the quarters that a page speaks of: the end of history, 2030Q4 and the end, as far as the run has them."""
    wanted = dict.fromkeys((result.config.frame.history_until, ROUND_DATE, result.labels[-1]))
    return [quarter for quarter in wanted if quarter in result.labels]


def values_at(result, metric, quarter):
    """Return one metric in one quarter, `(runs,)`."""
    return result.metric(metric)[result.labels.index(quarter)]


def baseline_of(study):
    """Return the result that a page about one scenario speaks of: a comparison's baseline, or the result itself."""
    return getattr(study, "baseline", study)


def is_comparison(study):
    """Say whether a study compares policies."""
    return hasattr(study, "effects")


def scenarios_of(study):
    """Return {name of a policy: result}, the baseline first and under no name."""
    return {"": study.baseline, **study.results} if is_comparison(study) else {"": study}
