"""What a calibration leaves behind: rows and remarks, a configuration with the fitted numbers, tables."""

import json
import os
from pathlib import Path

import numpy as np

from market_abm.errors import BadInput, Problem
from market_abm.evidence.identification import IDENTIFIABLE_BELOW
from market_abm.evidence.moments import mean_of
from market_abm.evidence.search import AS_IT_STANDS
from market_abm.studies.files import UNFINISHED, unwritable, write_whole
from market_abm.studies.store import csv_of

FITTED, DOCUMENT, TRACE = "fitted.toml", "calibration.json", "trace.csv"
PARAMETERS, MOMENTS, COLLINEARITY, SLICES, STARTS = "parameters.csv", "moments.csv", "collinearity.csv", "slices.csv", "starts.csv"
OURS = {FITTED, DOCUMENT, TRACE, PARAMETERS, MOMENTS, COLLINEARITY, SLICES, STARTS, "runs"}
UNLIKELY = 0.05


def own_folder(place):
    """Return a folder for a calibration, made if need be; refuse one that holds anything else."""
    folder = Path(place)
    try:
        if folder.exists() and not (folder.is_dir() and {file.name.removesuffix(UNFINISHED) for file in folder.iterdir()} <= OURS):
            raise BadInput(Problem(str(place), "exists and is no folder of a calibration", "name another with --out, or empty it", key="--out"))
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise BadInput(unwritable(str(place), getattr(error, "strerror", None) or error)) from None
    return folder


class Heard:
    """Write the trace whenever points have been met, and tell how far the search is."""

    def __init__(self, folder, plan, search, progress):
        self.folder, self.plan, self.search, self.progress = folder, plan, search, progress

    def __call__(self, done, total, objective):
        """Take in that `done` points have been met."""
        write_table(self.folder / TRACE, trace_rows(self.plan, self.search))
        if self.progress:
            self.progress(done, total, objective)


def trace_rows(plan, search):
    """Return one row a point, in the order in which they were met."""
    return [{"evaluation": met["evaluation"], "stage": met["stage"], **values_at(plan, met["point"]), "objective": met["objective"],
             "lacking": met["lacking"]} for met in search.trace]


def values_at(plan, point):
    """Return {key: value} of a point, the standing values where it is the configuration as it stands."""
    return {factor.key: factor.standing for factor in plan.free} if point is AS_IT_STANDS else plan.setting(point)


def parameter_rows(plan, setting, fit):
    """Return one row a free parameter: what it is fitted to, with a standard error in its unit, nan where the moments do not fix it."""
    return [{
        "parameter": factor.key, "fitted": setting[factor.key], "standard_error": float(error * _per_range(factor, setting[factor.key])),
        "unit": factor.told.unit, "before": factor.standing, "low": factor.low, "high": factor.high, "at_bound": bound,
        "importance": float(importance), "curvature": float(bend),
    } for factor, error, bound, importance, bend in zip(plan.free, fit.known.standard_errors, fit.bounds, fit.known.importance, fit.curvature,
                                                        strict=True)]


def _per_range(factor, value):
    """Return how much a parameter moves for a move of one range at a value."""
    return value * np.log(factor.high / factor.low) if factor.scale == "log" else factor.high - factor.low


def moment_rows(moments, fit):
    """Return one row a moment: the fact, what the model has before and after in the pattern's unit, and the gap in standard deviations."""
    search, best = fit.search, fit.search.met[fit.point]
    before, chance = search.met[AS_IT_STANDS], _spread(best.by_run)
    gaps = best.mean - search.target.values
    return [{
        "pattern": moment.pattern.name, "period": moment.period, "unit": moment.pattern.unit, "scale": moment.pattern.scale,
        "target": moment.shown(moment.target), "before": moment.shown(before.mean[place]), "fitted": moment.shown(best.mean[place]),
        "error": moment.error, "chance": float(chance[place]), "gap": float(gaps[place] / np.hypot(moment.error, chance[place])),
        "part_of_objective": float(search.target.weights[place] * gaps[place] ** 2 / best.objective) if best.objective else 0.0,
    } for place, moment in enumerate(moments)]


def _spread(by_run):
    """Return the standard deviation over seeds of each moment."""
    there = np.isfinite(by_run)
    count = there.sum(axis=1)
    return np.sqrt((np.where(there, by_run - mean_of(by_run)[:, None], 0.0) ** 2).sum(axis=1) / np.maximum(count - 1, 1))


def remarks(plan, fit, left_out, failed):
    """Return what a reader must know beside the numbers."""
    keys, known = [factor.key for factor in plan.free], fit.known
    said = [f"{key} ended at its {bound} bound: the facts may want more than the bounds allow, and its standard error means little"
            for key, bound in zip(keys, fit.bounds, strict=True) if bound]
    if known.rank < len(keys):
        loose = [key for key, error in zip(keys, known.standard_errors, strict=True) if not np.isfinite(error)]
        said.append(f"the moments fix {known.rank} of {len(keys)} directions of the parameters: {', '.join(loose)} are not identified")
    said += [f"{' and '.join(keys[which] for which in row['parameters'])} can make up for one another (collinearity {row['index']:.3g})"
             for row in entangled(known.collinearity)]
    if known.j_p_by_seeds < UNLIKELY:
        said.append(f"the gaps that remain are more than chance: J = {known.j_statistic:.3g} on {known.j_freedom} degrees of freedom; one run in "
                    f"the place of the history is as far off with probability {known.j_p_by_seeds:.2g}")
    apart = [row for row in fit.starts if not row["same_as_best"]]
    said += [f"a search ended elsewhere, with objective {row['objective']:.4g}: there is more than one minimum, or it had not converged"
             for row in apart]
    said += ["a search had not converged: raise calibration.steps" for row in fit.starts if not row["converged"]][:1]
    bad = sum(not met.good for met in fit.search.met.values())
    said += [f"{bad} of {len(fit.search.met)} points are no candidates: more than a tenth of their runs lacked a moment"] if bad else []
    said += [f"{failed} runs failed and were left out"] if failed else []
    said += [f"{name}: {why}" for name, why in left_out.items() if why.startswith("has no value")]
    return said


def entangled(rows):
    """Return the subsets that are not identifiable and hold no smaller one that is not; subsets come in order of their size."""
    found = []
    for row in rows:
        if row["index"] >= IDENTIFIABLE_BELOW and not any(set(other["parameters"]) < set(row["parameters"]) for other in found):
            found.append(row)
    return found


def document(plan, fit, rows, moments, left_out, said, failed):
    """Return all that was found as nested data."""
    keys, known, best = [factor.key for factor in plan.free], fit.known, fit.search.met[fit.point]
    return {
        "calibration": plan.file, "config": plan.config, "until": plan.plan.until, "runs": plan.plan.runs, "seed": plan.seed,
        "weights": plan.plan.weights, "points": len(fit.search.met), "parameters": rows, "objective": best.objective,
        "objective_before": fit.search.met[AS_IT_STANDS].objective, "moments": moments, "left_out": left_out,
        "rank": known.rank, "singular_values": known.singular_values.tolist(), "noise_of_singular_values": known.noise.tolist(),
        "condition": known.condition, "correlation": known.correlation.tolist(),
        "j_statistic": known.j_statistic, "j_freedom": known.j_freedom, "j_p_value": known.j_p_value,
        "j_p_by_seeds": known.j_p_by_seeds,
        "bounds_hit": [key for key, bound in zip(keys, fit.bounds, strict=True) if bound],
        "collinearity": collinearity_rows(keys, known), "searches": start_rows(plan, fit), "failed": [list(map(int, cell)) for cell in failed],
        "remarks": said,
    }


def collinearity_rows(keys, known):
    """Return one row a subset of parameters, those that make up for one another most first."""
    rows = [{"parameters": "+".join(keys[which] for which in row["parameters"]), "index": row["index"], "identifiable": row["identifiable"]}
            for row in known.collinearity]
    return sorted(rows, key=lambda row: -np.nan_to_num(row["index"], nan=np.inf, posinf=np.inf))


def start_rows(plan, fit):
    """Return one row a search: from where, to where."""
    return [{"search": place, **{f"{key} from": value for key, value in values_at(plan, row["start"]).items()},
             **{f"{key} to": value for key, value in values_at(plan, row["end"]).items()},
             **{name: row[name] for name in ("start_objective", "objective", "iterations", "converged", "same_as_best")}}
            for place, row in enumerate(fit.starts, 1)]


def slice_rows(plan, fit):
    """Return one row a point of the slices along each parameter."""
    return [{"parameter": plan.free[row["parameter"]].key, "value": plan.free[row["parameter"]].at(row["place"]), "objective": row["objective"]}
            for row in fit.slices]


def write(folder, plan, setting, rows, moments, fit, told):
    """Write the tables and the fitted configuration, and return the path of the latter."""
    keys = [factor.key for factor in plan.free]
    found = {PARAMETERS: rows, MOMENTS: moments, COLLINEARITY: collinearity_rows(keys, fit.known), SLICES: slice_rows(plan, fit),
             STARTS: start_rows(plan, fit), TRACE: trace_rows(plan, fit.search)}
    for name, table in found.items():
        write_table(folder / name, table)
    text = json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False)
    _written(folder / FITTED, fitted_toml(folder, plan, rows, len(moments)))
    _written(folder / DOCUMENT, text + "\n")
    return folder / FITTED


def fitted_toml(folder, plan, rows, moments):
    """Return the text of a configuration that extends the one that was fitted and says what was fitted to what."""
    try:
        extends = Path(os.path.relpath(plan.config, folder)).as_posix()
    except ValueError:  # another drive
        extends = Path(plan.config).resolve().as_posix()
    lines = [f"# {plan.plan.title or 'A fit'}: made by `market-abm calibrate {plan.file}`; see {DOCUMENT} beside it.",
             f"extends = {_toml(extends)}"]
    tables_met = {}
    for row in rows:
        table, _, name = row["parameter"].rpartition(".")
        error = "not identified" if not np.isfinite(row["standard_error"]) else f"standard error {row['standard_error']:.3g}"
        bound = f", at its {row['at_bound']} bound" if row["at_bound"] else ""
        source = f"fitted: {moments} moments to {plan.plan.until}, {error}{bound}"
        tables_met.setdefault(table, []).append(
            f"{name} = {{ value = {row['fitted']!r}, low = {row['low']!r}, high = {row['high']!r}, source = {_toml(source)} }}")
    for table, entries in tables_met.items():
        lines += ["", f"[{table}]", *entries]
    return "\n".join(lines) + "\n"


def _toml(text):
    return json.dumps(text, ensure_ascii=False)


def write_table(path, rows):
    """Write flat rows as comma-separated values; what is missing stays empty."""
    _written(path, csv_of(rows))


def _written(path, text):
    try:
        write_whole(path, lambda file: file.write(text.encode()))
    except OSError as error:
        raise BadInput(unwritable(str(path.parent), error.strerror or error)) from None
