"""A results folder: what was measured, and a manifest that says how to measure it again."""

import json
import math
import os
import platform
import sys
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np

from market_abm import __version__
from market_abm.errors import BadInput, Problem

METRICS, MANIFEST, FIGURES = "metrics.parquet", "manifest.json", "figures"
UNFINISHED = ".unfinished"
OURS = {METRICS, MANIFEST, FIGURES, METRICS + UNFINISHED, MANIFEST + UNFINISHED}
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
    try:
        # An old manifest must never vouch for new numbers: it goes just before they take their name.
        _write(folder / METRICS, lambda file: _write_parquet(result, file), superseded=folder / MANIFEST)
        text = json.dumps(plain(manifest_of(result, command)), indent=1, ensure_ascii=False, allow_nan=False)
        _write(folder / MANIFEST, lambda file: file.write((text + "\n").encode()))
    except OSError as error:
        raise BadInput(_unwritable(str(folder), error.strerror)) from None


def load_results(place):
    """Return the table of metrics and the manifest of a results folder."""
    import pyarrow.parquet as parquet

    folder = Path(place)
    manifest = _manifest_in(folder)
    if manifest is None:
        raise BadInput(Problem(str(place), f"is no results folder: it has no {MANIFEST} of ours", "name the folder given to --out"))
    try:
        return parquet.read_table(folder / METRICS).to_pandas(), manifest
    except (OSError, ValueError) as error:
        raise BadInput(Problem(str(folder / METRICS), f"cannot be read: {error}", "run the study again")) from None


def manifest_of(result, command=()):
    """Return all that is needed to repeat a study, and how it went."""
    frame = result.config.frame
    return {
        "package": PACKAGE,
        "command": [word.encode(errors="backslashreplace").decode() for word in command],
        "seed": frame.seed, "runs": result.runs, "requested_runs": frame.runs, "quarters": len(result.labels),
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


def _write(path, fill, superseded=None):
    """Write a file under another name and rename it, so that nobody ever meets half of it."""
    unfinished = path.with_name(path.name + UNFINISHED)
    with open(unfinished, "wb") as file:
        fill(file)
        file.flush()
        os.fsync(file.fileno())
    if superseded is not None:
        superseded.unlink(missing_ok=True)
    os.replace(unfinished, path)
    if sys.platform != "win32":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


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
