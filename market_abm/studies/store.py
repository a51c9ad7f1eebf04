"""A results folder: what was measured, and a manifest that says how to measure it again."""

import csv
import io
import json
import math
import os
import platform
import time
from dataclasses import asdict, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from market_abm import __version__
from market_abm.errors import BadInput, Problem
from market_abm.parameters.schema import CAST_KINDS, Cast, Configuration, DatedLever, Frame, Parameters
from market_abm.studies.comparison import Comparison
from market_abm.studies.files import UNFINISHED, fill_unfinished, install, remove, unwritable, write_whole
from market_abm.studies.records import COLUMNS, LEAD, copied
from market_abm.studies.run import Result

METRICS, MANIFEST, FIGURES = "metrics.parquet", "manifest.json", "figures"
EFFECTS, POINTS, REPORT = "effects.csv", "points.parquet", "report.html"
RECORDS = {name: f"{name}.parquet" for name in COLUMNS}
TABLES = {"metrics": METRICS, **RECORDS}
FILES = (*TABLES.values(), EFFECTS, POINTS, REPORT, MANIFEST)
OURS = {FIGURES, *FILES, *(name + UNFINISHED for name in FILES)}
PACKAGE = "market_abm"


def open_folder(place):
    """Create a results folder, or take over one of ours; refuse one that holds anything else."""
    folder, name = Path(place), str(place)
    try:
        if folder.exists() and not _is_ours(folder):
            raise BadInput(Problem(name, "exists and is no results folder of market-abm", "name another with --out, or empty it", key="--out"))
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise BadInput(unwritable(name, getattr(error, "strerror", error))) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise BadInput(unwritable(name, "permission denied"))
    return folder


def store(study, folder, command=()):
    """Write a result or a comparison into a folder that `open_folder` returned, its manifest last."""
    folder = Path(folder)
    several = isinstance(study, Comparison)
    fills = _fills_of_comparison(study) if several else _fills_of_result(study)
    told = manifest_of_comparison(study, command) if several else manifest_of(study, command)
    text = json.dumps(plain(told), indent=1, ensure_ascii=False, allow_nan=False)
    try:
        for name, fill in fills.items():
            fill_unfinished(folder / name, fill)
        # An old manifest must never vouch for new numbers, nor a new one for old: both go before names change hands.
        for name in (MANIFEST, *sorted(set(FILES) - {MANIFEST} - set(fills))):
            remove(folder / name)
        for name in fills:
            install(folder / name)
        write_whole(folder / MANIFEST, lambda file: file.write((text + "\n").encode()))
    except OSError as error:
        raise BadInput(unwritable(str(folder), error.strerror)) from None


def _fills_of_result(result):
    """Return {file: function that writes it} of one scenario."""
    fills = {METRICS: lambda file: _write_metrics([result], file)}
    return fills | {RECORDS[name]: partial(copied, name, files) for name, files in result.records.items() if _is_kept(result, name)}


def _fills_of_comparison(study):
    """Return {file: function that writes it} of a comparison: its points are the baseline, 0, and the policies."""
    def write_points(file):
        import pandas as pd

        pd.DataFrame({"point": range(len(study.scenarios)), "policy": list(study.scenarios)}).to_parquet(file)

    return {METRICS: lambda file: _write_metrics(list(study.scenarios.values()), file), POINTS: write_points,
            EFFECTS: lambda file: file.write(study.table.to_csv(index=False).encode())}


def write_page(text, folder):
    """Put the report of a study beside its results."""
    try:
        write_whole(Path(folder) / REPORT, lambda file: file.write(text.encode()))
    except OSError as error:
        raise BadInput(unwritable(str(folder), error.strerror)) from None


def _is_kept(result, name):
    """Say whether a table of records belongs into the folder: empty ones that nobody asked for do not."""
    return name == "events" or (name == "edges" and "none" not in result.recorded) or name in result.recorded


def load_study(place):
    """Return the result or comparison that a results folder holds, and its manifest; recorded tables are left where they are."""
    manifest = manifest_of_ours(place)
    if "sweep" in manifest:
        raise BadInput(Problem(str(place), "holds a sweep, which has no page and no pictures of its own",
                               "use `market-abm sensitivity`, `discover` or `export`, or read it with ma.load_results"))
    try:
        config = configuration_of(manifest["configuration"])
        policies = {name: tuple(DatedLever(**lever) for lever in levers) for name, levers in manifest.get("policies", {}).items()}
        scenarios = {"": config} | {name: _under(config, levers, manifest["policy_sizes"][name]) for name, levers in policies.items()}
    except (KeyError, TypeError, AttributeError) as error:
        version_then = manifest.get("versions", {}).get(PACKAGE, "unknown")
        raise BadInput(Problem(str(Path(place) / MANIFEST), f"is of version {version_then} and cannot be read by {__version__}: {error}",
                               "run the study again")) from None
    table = read_table(Path(place) / METRICS)
    try:
        points = table.column("point").to_numpy()
        results = {name: _stored_result(table.filter(points == point), scenario, name, manifest)
                   for point, (name, scenario) in enumerate(scenarios.items())}
        baseline = results.pop("")
        study = Comparison(baseline, results, policies, tuple(manifest["metrics"]), tuple(manifest["compared_in"])) if policies else baseline
        fits = all(result.runs == int(manifest["runs"]) for result in (baseline, *results.values()))
        fits = fits and set(manifest.get("metrics", ())) <= set(baseline.names)
    except (KeyError, TypeError, ValueError):
        fits = False
    if not fits:
        raise BadInput(Problem(str(Path(place) / METRICS), f"does not hold what {MANIFEST} says", "run the study again"))
    return study, manifest


def _stored_result(table, config, policy, manifest):
    """Return one scenario of a table of metrics as a result without records."""
    quarters = int(manifest["quarters"])
    runs = len(table) // quarters
    names = tuple(table.column_names[len(LEAD):])
    values = np.stack([table.column(name).to_numpy().reshape(runs, quarters).T for name in names])
    labels = tuple(table.column("quarter").slice(0, quarters).to_pylist())
    failures = [{key: value for key, value in failure.items() if key != "policy"}
                for failure in manifest["failures"] if failure.get("policy", "") == policy]
    return Result(config, values, labels, names, table.column("seed").to_numpy()[::quarters], failures, np.zeros(runs),
                  manifest["seconds"], recorded=tuple(manifest["record"]), own_rules=manifest.get("rules", {}))


def _under(config, levers, sizes):
    """Return a configuration with further levers and with their arguments."""
    parameters = replace(config.parameters, policy=replace(config.parameters.policy, **sizes))
    return replace(config, levers=config.levers + levers, parameters=parameters)


def configuration_of(document):
    """Return the configuration that a manifest holds."""
    sections = {name: type(getattr(Parameters(), name))(**numbers) for name, numbers in document["parameters"].items()}
    cast = {kind: tuple(CAST_KINDS[kind](**agent) for agent in agents) for kind, agents in document["cast"].items()}
    levers = tuple(DatedLever(**lever) for lever in document["levers"])
    return Configuration(Frame(**document["frame"]), Parameters(**sections), Cast(**cast), levers, document["sources"])


def manifest_of_ours(place):
    """Return the manifest of a results folder."""
    manifest = _manifest_in(Path(place))
    if manifest is None:
        raise BadInput(Problem(str(place), f"is no results folder: it has no {MANIFEST} of ours", "name the folder given to --out"))
    return manifest


def read_table(path):
    """Return a Parquet file as an Arrow table."""
    import pyarrow.parquet as parquet

    try:
        return parquet.read_table(path)
    except (OSError, ValueError) as error:
        raise BadInput(Problem(str(path), f"cannot be read: {error}", "run the study again")) from None


def manifest_of_comparison(study, command=()):
    """Return all that is needed to repeat a comparison, and how it went."""
    policies = {name: [asdict(lever) for lever in levers] for name, levers in study.policies.items()}
    standing = asdict(study.config.parameters.policy)
    sizes = {name: {key: value for key, value in asdict(result.config.parameters.policy).items() if value != standing[key]}
             for name, result in study.results.items()}
    return manifest_of(study.baseline, command) | {
        "policies": policies, "policy_sizes": sizes, "metrics": list(study.metrics), "compared_in": list(study.quarters), "failures": study.failures}


def manifest_of(result, command=()):
    """Return all that is needed to repeat a study, and how it went."""
    frame = result.config.frame
    return {
        "package": PACKAGE,
        "command": [word.encode(errors="backslashreplace").decode() for word in command],
        "seed": frame.seed, "runs": result.runs, "requested_runs": frame.runs, "quarters": len(result.labels),
        "record": list(result.recorded), "rules": result.own_rules,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(result.started)),
        "seconds": round(result.seconds, 3),
        "failures": result.failures,
        "refused_entries": {str(r): float(n) for r, n in enumerate(result.refused_entries) if n > 0},
        **surroundings(),
        "configuration": asdict(result.config),
    }


def surroundings():
    """Return which versions ran on what machine."""
    return {
        "versions": {"python": platform.python_version(), PACKAGE: __version__} | {name: version(name) for name in ("numpy", "pandas", "pyarrow")},
        "platform": platform.platform(),
        "cpu_features": np.show_config(mode="dicts").get("SIMD Extensions", {}).get("found", []),
    }


def csv_of(rows, fields=None):
    """Return flat rows as comma-separated values, with the fields of the first unless some are named; a missing figure is an empty field."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(fields or (rows[0] if rows else ())), lineterminator="\n")
    writer.writeheader()
    writer.writerows(plain(rows))
    return text.getvalue()


def write_rows(path, rows, fields=None):
    """Write flat rows as comma-separated values, whole or not at all."""
    write_whole(path, lambda file: file.write(csv_of(rows, fields).encode()))


def plain(value):
    """Turn a nested value into what JSON can hold: numbers that are not finite become null."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write_metrics(results, file):
    """Write the metrics of scenarios one after the other; the place of each is its `point`."""
    import pyarrow
    import pyarrow.parquet as parquet

    tables = [pyarrow.table({name: pyarrow.array(column) for name, column in result.columns(point).items()}) for point, result in enumerate(results)]
    with parquet.ParquetWriter(file, tables[0].schema, use_dictionary=["quarter"], compression="zstd") as writer:
        for table in tables:
            writer.write_table(table)


def _is_ours(folder):
    """Say whether a folder is empty, holds our manifest, or only what an interrupted study left."""
    if not folder.is_dir():
        return False
    manifest = _manifest_in(folder)
    if manifest is not None:
        return "sweep" not in manifest
    return {file.name for file in folder.iterdir()} <= OURS - {MANIFEST}


def _manifest_in(folder):
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) and manifest.get("package") == PACKAGE else None
