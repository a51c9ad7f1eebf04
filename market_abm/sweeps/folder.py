"""The folder of a sweep: who may work in it, what it is a sweep of, which numbers its points have, and its manifest."""

import json
import os
import socket
import time
from contextlib import contextmanager
from dataclasses import asdict
from hashlib import blake2b
from pathlib import Path

import numpy as np

from market_abm import __version__
from market_abm.errors import BadInput, Problem, shown
from market_abm.studies.files import UNFINISHED, unwritable, write_whole
from market_abm.studies.store import FIGURES, MANIFEST, METRICS, PACKAGE, POINTS, plain, surroundings
from market_abm.sweeps.code import code_of_the_engine
from market_abm.sweeps.parts import PARTS
from market_abm.sweeps.tables import ROWS, RUNS

LOCK = ".lock"
CONCLUSIONS = ("sensitivity.csv", "discovery.csv", *(f"{FIGURES}/{name}.{kind}" for name in ("sensitivity", "regions") for kind in ("svg", "png")))
OURS = {*CONCLUSIONS, PARTS, RUNS, ROWS, LOCK, METRICS, POINTS, MANIFEST, FIGURES}
NEEDED = {"identity": dict, "sessions": list, "factors": list, "complete": bool, "stored": int, "points": int}  # of what is told of a sweep
SHOWN = 4  # differences that are told when a folder holds another sweep


@contextmanager
def taken(place):
    """Yield the folder of a sweep, made if need be, while nobody else may work in it."""
    import filelock

    folder = Path(place)
    try:
        if folder.exists():
            _admit_place(folder)
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / LOCK, timeout=0)
        lock.acquire()
    except filelock.Timeout:
        raise BadInput(Problem(str(place), f"is being swept by another process{_who(folder)}", "wait for it, or name another folder with --out",
                               key="--out")) from None
    except (OSError, ValueError) as error:
        raise BadInput(unwritable(str(place), getattr(error, "strerror", None) or error)) from None
    try:
        yield folder
    finally:
        lock.release()


def _admit_place(folder):
    """Refuse what is neither an empty folder, nor one that holds a sweep or what an interrupted one left."""
    names = {file.name.removesuffix(UNFINISHED) for file in folder.iterdir()} if folder.is_dir() else None
    manifest = manifest_in(folder)
    if manifest is None and names is not None and MANIFEST in names and PARTS in names and (folder / MANIFEST).exists():
        raise BadInput(Problem(str(folder / MANIFEST), "cannot be read", f"bring it back from a copy; or remove this file alone, and run the same "
                               f"command again: the runs are in {PARTS}/ and are kept"))
    ours = names is not None and names <= OURS if manifest is None else manifest.get("package") == PACKAGE and "sweep" in manifest
    if not ours:
        raise BadInput(Problem(str(folder), "exists and is no folder of a sweep", "name another with --out, or empty it", key="--out"))


def manifest_in(folder):
    """Return the manifest in a folder, None if there is none that can be read."""
    try:
        manifest = json.loads((Path(folder) / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    readable = isinstance(manifest, dict) and ("sweep" not in manifest or _is_whole(manifest["sweep"]))
    return manifest if readable else None


def _is_whole(told):
    """Say whether what a manifest tells of a sweep has what is read from it."""
    return isinstance(told, dict) and all(isinstance(told.get(name), kind) for name, kind in NEEDED.items())


def up_to_date(folder, design, rows, stored):
    """Say whether a folder's tables can be opened and are of this design, with so many runs."""
    import pyarrow
    import pyarrow.parquet as parquet

    told = (manifest_in(folder) or {}).get("sweep", {"complete": False})
    if not told["complete"] or told["stored"] != stored or told["factors"] != plain([told_factor(factor) for factor in design.factors]):
        return False
    lines = {METRICS: stored * len(design.at), RUNS: stored, POINTS: told["points"], ROWS: len(rows)}
    try:
        whole = all(parquet.read_metadata(folder / name).num_rows == count for name, count in lines.items())
        return whole and parquet.read_table(folder / ROWS, columns=["point"]).column("point").to_pylist() == rows.tolist()
    except (pyarrow.ArrowException, OSError, ValueError, KeyError):
        return False


def _who(folder):
    at_work = (manifest_in(folder) or {}).get("sweep", {}).get("at_work") or {}
    return " (process {process} on {host}, since {since})".format(**at_work) if at_work else ""


def identity_of(design):
    """Return what all runs of a sweep share, as plain data; points and replicates may be added, none of this may change."""
    return {"model": design.plan.model, "seed": design.seed, "at": list(design.at), "code of the engine": code_of_the_engine(),
            "numpy": np.__version__, PACKAGE: __version__, **plain(design.model.identity())}


def fingerprint(identity):
    """Return the fingerprint of an identity, which every part carries."""
    return blake2b(json.dumps(identity, sort_keys=True).encode(), digest_size=12).hexdigest()


def admit(folder, identity):
    """Refuse a folder that holds a sweep of anything else."""
    manifest = manifest_in(folder)
    if manifest is None:
        return
    before = manifest["sweep"].get("identity", {})
    changed = list(_differences(before, identity))
    if changed:
        told = "; ".join(f"{key} was {_short(was)}, is {_short(now)}" for key, was, now in changed[:SHOWN])
        more = f"; and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
        raise BadInput(Problem(str(folder), f"holds a sweep of something else: {told}{more}", "name another folder with --out", key="--out"))


def _differences(before, now, path=()):
    if isinstance(before, dict) and isinstance(now, dict):
        for key in dict.fromkeys((*before, *now)):
            yield from _differences(before.get(key), now.get(key), (*path, key))
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now) and any(isinstance(one, dict) for one in now):
        for place, (one, other) in enumerate(zip(before, now, strict=True)):
            yield from _differences(one, other, (*path, str(place)))
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        yield from ((f"{'.'.join(path)}[{place}]", was, new) for place, (was, new) in enumerate(zip(before, now, strict=True)) if was != new)
    elif before != now:
        yield ".".join(path), before, now


def _short(value):
    if isinstance(value, list) and (len(value) > SHOWN or any(isinstance(one, dict | list) for one in value)):
        return f"a list of {len(value)}"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "empty"
    if value is None:
        return "absent"
    return shown(value if isinstance(value, bool | int | float) else " ".join(str(value).split()))


def numbered(folder, design):
    """Return (points, keys, number of each of the design's points), keeping the numbers that a folder's points have.

    A design may grow in a folder; one that drops points is refused, because the table of metrics would hold runs of no design.
    """
    stored = _stored_points(folder)
    if stored is None:
        return list(design.points), list(design.keys), np.arange(len(design.points))
    new = dict(zip(design.keys, design.points, strict=True))
    gone = [key for key in stored if key not in new]
    if gone:
        raise BadInput(Problem(str(folder), f"holds {len(stored)} points, of which {len(gone)} are not in this design",
                               "name another folder with --out, or keep the old points among the new", key="--out"))
    keys = [*stored, *(key for key in design.keys if key not in stored)]
    numbers = {key: number for number, key in enumerate(keys)}
    return [new[key] for key in keys], keys, np.array([numbers[key] for key in design.keys])


def _stored_points(folder):
    """Return {key: number} of the points in a folder, None if it has none yet."""
    import pyarrow.parquet as parquet

    path = folder / POINTS
    if not path.exists():
        return None
    try:
        keys = parquet.read_table(path, columns=["point", "key"]).column("key").to_pylist()
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(Problem(str(path), f"cannot be read: {error}", "bring it back from a copy; or remove it, and run the same "
                               "command again with the design that made it")) from None
    return {key: number for number, key in enumerate(keys)}


def write_manifest(folder, design, identity, shelf, sessions, complete):
    """Say what this folder holds, how it came about, and which runs failed."""
    base = design.model.base
    points, runs = shelf.part.shape
    told = {
        "package": PACKAGE, "command": sessions[-1]["command"], "seed": design.seed, "runs": points * runs, "quarters": len(design.at),
        "seconds": round(sum(session["seconds"] for session in sessions), 3), "failures": told_failures(shelf),
        "refused_entries": len(shelf.refused), **surroundings(), "configuration": asdict(base) if base is not None else None,
        "sweep": {
            "complete": complete, "stored": shelf.stored, "points": points, "runs_a_point": runs,
            "title": design.plan.title, "design": design.file, "method": design.plan.method, "plan": asdict(design.plan), "at": list(design.at),
            "factors": [told_factor(factor) for factor in design.factors], "worker_seconds": round(shelf.seconds, 3),
            "identity": identity, "study": fingerprint(identity), "sessions": sessions, "damaged": [name for name, _ in shelf.damaged],
            "at_work": None if complete else {"process": os.getpid(), "host": socket.gethostname(), "since": now()},
        },
    }
    text = json.dumps(plain(told), indent=1, ensure_ascii=False, allow_nan=False)
    write_whole(folder / MANIFEST, lambda file: file.write((text + "\n").encode()))


def told_failures(shelf):
    """Return the failures in order of point and run."""
    return [shelf.failures[cell] for cell in sorted(shelf.failures)]


def told_factor(factor):
    """Return one factor as plain data."""
    return {"key": factor.key, "unit": factor.told.unit, "low": factor.low, "high": factor.high, "values": list(factor.values), "scale": factor.scale,
            "standing": factor.standing, "whole": bool(factor.told.whole), "options": list(factor.told.options), "says": factor.told.says}


def now():
    """Return the time in words that sort."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
