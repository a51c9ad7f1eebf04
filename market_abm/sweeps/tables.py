"""The tables of a sweep, made of its design and its parts: points, rows of the sample, metrics, runs."""

import numpy as np

from market_abm.studies.files import fill_unfinished, install, write_whole
from market_abm.studies.records import LEAD
from market_abm.studies.store import METRICS, POINTS
from market_abm.sweeps.work import seeds_of, written_so

RUNS, ROWS = "runs.parquet", "design.parquet"
GROUP_BYTES = 8e6  # of a row group of the table of metrics: what one piece needs in memory
GROUP_RUNS = 2**16  # of a row group of the table of runs


def write_points(folder, design, points, keys, rows):
    """Write the points with their factors, and the sample: the point of each row, and its place in the unit cube if it has one."""
    import pyarrow
    import pyarrow.parquet as parquet

    columns = {"point": np.arange(len(points)), "key": keys}
    sample = {"row": np.arange(len(rows)), "point": rows}
    for place, factor in enumerate(design.factors):
        columns[factor.key] = [point[place] for point in points]
        sample |= {factor.key: design.unit[:, place]} if design.unit is not None else {}
    write_whole(folder / POINTS, lambda file: parquet.write_table(pyarrow.table(columns), file))
    write_whole(folder / ROWS, lambda file: parquet.write_table(pyarrow.table(sample), file))


def gather(folder, shelf, metrics, seed):
    """Make the tables of metrics and of runs from the parts, in order of point and run, in little memory."""
    fill_unfinished(folder / METRICS, lambda file: _write_metrics(file, shelf, metrics))
    fill_unfinished(folder / RUNS, lambda file: _write_runs(file, shelf, seed))
    install(folder / METRICS)
    install(folder / RUNS)


def _groups(total, size):
    """Yield (low, high) of each piece of so many runs."""
    for low in range(0, total, size):
        yield low, min(low + size, total)


def _write_metrics(file, shelf, metrics):
    """Write the lines of all runs, a group of runs at a time."""
    import pyarrow
    import pyarrow.parquet as parquet

    writer, size = None, max(1, int(GROUP_BYTES / (8 * shelf.quarters * (len(LEAD) + len(metrics)))))
    for low, high in _groups(shelf.part.size, size):
        table = pyarrow.concat_tables(shelf.stretches(low, high)).unify_dictionaries()
        writer = writer or parquet.ParquetWriter(file, table.schema, **written_so(metrics))
        writer.write_table(table)
    writer.close()


def _write_runs(file, shelf, seed):
    import pyarrow.parquet as parquet

    with parquet.ParquetWriter(file, _schema_of_runs(), compression="zstd") as writer:
        for low, high in _groups(shelf.part.size, GROUP_RUNS):
            writer.write_table(_runs_table(shelf, seed, low, high))


def _schema_of_runs():
    import pyarrow

    return pyarrow.schema([("point", pyarrow.int64()), ("run", pyarrow.int64()), ("seed", pyarrow.uint64()), ("refused_entries", pyarrow.float64()),
                           ("failure", pyarrow.string()), ("failed_in", pyarrow.string()), ("reason", pyarrow.string())])


def _runs_table(shelf, seed, low, high):
    """Return one line a run: its seed, the founders it turned away, and why it failed if it did."""
    import pyarrow

    flat = np.arange(low, high)[shelf.part.ravel()[low:high] >= 0]
    points, runs = np.divmod(flat, shelf.part.shape[1])
    cells = list(zip(points.tolist(), runs.tolist(), strict=True))
    failed = [shelf.failures.get(cell, {}) for cell in cells]
    columns = {
        "point": points, "run": runs, "seed": seeds_of(seed, runs) if len(runs) else np.zeros(0, np.uint64),
        "refused_entries": np.array([np.nan if failure else shelf.refused.get(cell, 0.0) for cell, failure in zip(cells, failed, strict=True)]),
        "failure": [failure.get("kind") for failure in failed], "failed_in": [failure.get("quarter") or None for failure in failed],
        "reason": [failure.get("reason") for failure in failed],
    }
    return pyarrow.table(columns, schema=_schema_of_runs())

