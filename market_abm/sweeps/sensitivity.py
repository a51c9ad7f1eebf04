"""What a Morris or Sobol sweep says about its factors: sensitivity indices and the share of chance, as rows of a table."""

from typing import NamedTuple

from market_abm.errors import BadInput, Problem
from market_abm.studies.comparison import COMPARED
from market_abm.studies.summary import ROUND_DATE
from market_abm.sweeps import indices
from market_abm.sweeps.results import load_results

SEED = "seed"  # what noise is a parameter of
MOST_METRICS = 6  # that are told of unless some are named


class Told(NamedTuple):
    """Rows of a table, and remarks that belong to them."""

    rows: list[dict]
    remarks: list[str]


def sensitivity(place, metrics=(), at=()):
    """Return the indices of every factor of a Morris or Sobol sweep, and the share of variance that is noise between seeds.

    By default in the metrics of a comparison as far as they were recorded, in 2030Q4 or at the end. Replicates are averaged first.
    """
    results = load_results(place)
    sweep = results.sweep
    if sweep["method"] not in ("morris", "sobol"):
        raise BadInput(Problem(str(place), f"holds a sweep by {sweep['method']}, which has no sensitivity indices",
                               'choose method = "morris" or "sobol", or use `market-abm discover`'))
    rows, remarks = [], []
    for metric, quarter in _asked(results, metrics, at):
        values = results.values(metric, quarter)
        found = _indices(results, values.mean(axis=1)[results.sample["point"]])
        if found.left_out:
            block = "trajectories" if sweep["method"] == "morris" else "blocks"
            remarks.append(f"{metric} in {quarter}: {found.left_out} of {found.left_out + found.used} {block} left out, because a run in them failed")
        keys = [factor["key"] for factor in results.factors]
        rows += [_row(keys[row["factor"]], metric, quarter, row) for row in found.rows]
        if sweep["runs_a_point"] > 1:
            chance = indices.noise_share(values)
            rows += [_row(SEED, metric, quarter, row) for row in chance]
            if chance[0]["left_out"]:
                remarks.append(f"{metric} in {quarter}: {chance[0]['left_out']} of {len(values)} points left out of the share of chance")
    if sweep["runs_a_point"] < 2:
        remarks.append("one run a point: the share of chance is unknown; sweep again with runs = 4 or more")
    return Told(rows, remarks)


def _row(parameter, metric, quarter, row):
    return {"parameter": parameter, "metric": metric, "quarter": quarter} | {name: row[name] for name in ("index", "value", "low", "high")}


def _indices(results, y):
    if results.sweep["method"] == "sobol":
        return indices.sobol(y, len(results.factors))
    unit = results.sample[[factor["key"] for factor in results.factors]].to_numpy()
    return indices.morris(unit, y, results.sweep["plan"]["levels"])


def _asked(results, metrics, at):
    """Return the pairs of metric and quarter to tell of."""
    recorded = results.sweep["identity"]["metrics"]
    usual = [name for name in COMPARED if name in recorded] or recorded[:MOST_METRICS]
    usual = recorded if len(recorded) <= MOST_METRICS else usual
    return [(metric, quarter) for metric in metrics or usual for quarter in at or (usual_quarter(results),)]


def usual_quarter(results):
    """Return the quarter to tell of when none is named: 2030Q4, or the last recorded."""
    quarters = results.sweep["at"]
    return ROUND_DATE if ROUND_DATE in quarters else quarters[-1]
