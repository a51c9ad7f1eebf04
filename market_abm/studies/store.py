"""A results folder: what was measured, and a manifest that says how to measure it again."""

import json
import math
import os
import platform
import sys
import time
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from market_abm import __version__
from market_abm.errors import BadInput, Problem, did_you_mean
from market_abm.studies.records import CHOICES, COLUMNS, copied, tabled

METRICS, MANIFEST, FIGURES = "metrics.parquet", "manifest.json", "figures"
RECORDS = {name: f"{name}.parquet" for name in COLUMNS}
TABLES = {"metrics": METRICS, **RECORDS}
UNFINISHED = ".unfinished"
FILES = (*TABLES.values(), MANIFEST)
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
        raise BadInput(_unwritable(name, getattr(error, "strerror", error))) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise BadInput(_unwritable(name, "permission denied"))
    return folder


def store(result, folder, command=()):
    """Write a result into a folder that `open_folder` returned, its manifest last."""
    folder = Path(folder)
    fills = {METRICS: lambda file: _write_parquet(result, file)}
    fills |= {RECORDS[name]: partial(copied, name, files) for name, files in result.records.items() if _is_kept(result, name)}
    text = json.dumps(plain(manifest_of(result, command)), indent=1, ensure_ascii=False, allow_nan=False)
    try:
        for name, fill in fills.items():
            _fill(folder / name, fill)
        # An old manifest must never vouch for new numbers, nor a new one for old: both go before names change hands.
        for name in (MANIFEST, *(set(TABLES.values()) - set(fills))):
            _remove(folder / name)
        for name in fills:
            _install(folder / name)
        _fill(folder / MANIFEST, lambda file: file.write((text + "\n").encode()))
        _install(folder / MANIFEST)
    except OSError as error:
        raise BadInput(_unwritable(str(folder), error.strerror)) from None


def _is_kept(result, name):
    """Say whether a table of records belongs into the folder: empty ones that nobody asked for do not."""
    return name == "events" or (name == "edges" and "none" not in result.recorded) or name in result.recorded


def load_results(place):
    """Return the table of metrics and the manifest of a results folder."""
    manifest = _manifest_of_ours(place)
    return _read(Path(place) / METRICS).to_pandas(), manifest


def load_table(place, name):
    """Return a table of a results folder by name: `metrics`, `events`, `edges` or `agents`."""
    if name not in TABLES:
        raise BadInput(Problem(str(place), "is no table of a results folder", did_you_mean(name, TABLES), key=str(name)))
    _manifest_of_ours(place)
    path = Path(place) / TABLES[name]
    if not path.exists():
        remedy = "run the study again" + (f" with --record {name}" if name in CHOICES else "")
        raise BadInput(Problem(str(place), f"holds no {path.name}", remedy))
    return tabled(_read(path)) if name in RECORDS else _read(path).to_pandas()


def _manifest_of_ours(place):
    manifest = _manifest_in(Path(place))
    if manifest is None:
        raise BadInput(Problem(str(place), f"is no results folder: it has no {MANIFEST} of ours", "name the folder given to --out"))
    return manifest


def _read(path):
    import pyarrow.parquet as parquet

    try:
        return parquet.read_table(path)
    except (OSError, ValueError) as error:
        raise BadInput(Problem(str(path), f"cannot be read: {error}", "run the study again")) from None


def manifest_of(result, command=()):
    """Return all that is needed to repeat a study, and how it went."""
    frame = result.config.frame
    return {
        "package": PACKAGE,
        "command": [word.encode(errors="backslashreplace").decode() for word in command],
        "seed": frame.seed, "runs": result.runs, "requested_runs": frame.runs, "quarters": len(result.labels),
        "record": list(result.recorded),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(result.started)),
        "seconds": round(result.seconds, 3),
        "failures": result.failures,
        "refused_entries": {str(r): float(n) for r, n in enumerate(result.refused_entries) if n > 0},
        "versions": {"python": platform.python_version(), PACKAGE: __version__}
        | {name: version(name) for name in ("numpy", "pandas", "pyarrow")},
        "platform": platform.platform(),
        "cpu_features": np.show_config(mode="dicts").get("SIMD Extensions", {}).get("found", []),
        "configuration": asdict(result.config),
    }


def plain(value):
    """Turn a nested value into what JSON can hold: numbers that are not finite become null."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write_parquet(result, file):
    import pyarrow
    import pyarrow.parquet as parquet

    table = pyarrow.table({name: pyarrow.array(column) for name, column in result.columns().items()})
    parquet.write_table(table, file, use_dictionary=["quarter"], compression="zstd")


def _fill(path, fill):
    """Write a file under another name, safely on disk, so that nobody ever meets half of it."""
    with open(_unfinished(path), "wb") as file:
        fill(file)
        file.flush()
        os.fsync(file.fileno())


def _install(path):
    """Give a file that is whole its own name."""
    os.replace(_unfinished(path), path)
    _sync(path.parent)


def _remove(path):
    """Take away a file of an earlier study, and what an interrupted one left of it."""
    path.unlink(missing_ok=True)
    _unfinished(path).unlink(missing_ok=True)
    _sync(path.parent)


def _unfinished(path):
    return path.with_name(path.name + UNFINISHED)


def _sync(folder):
    """Make names of files in a folder last."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_ours(folder):
    """Say whether a folder is empty, holds our manifest, or only what an interrupted study left."""
    if not folder.is_dir():
        return False
    return _manifest_in(folder) is not None or {file.name for file in folder.iterdir()} <= OURS - {MANIFEST}


def _manifest_in(folder):
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) and manifest.get("package") == PACKAGE else None


def _unwritable(name, reason):
    return Problem(name, f"cannot be written: {reason}", "name another folder with --out", key="--out")
