"""Recorded lines of a study: packed batch by batch as compressed Parquet, and unpacked when somebody asks."""

import io

import numpy as np

from market_abm.errors import BadInput, Problem, did_you_mean
from market_abm.recording.agents import AGENTS, RENAMED, shown
from market_abm.recording.lines import Words
from market_abm.recording.recorder import CHOICES
from market_abm.state.columns import LINK

GROUP = 2**16  # lines written at a time: what one piece needs in memory
LEAD = {"point": "int64", "run": "int64", "seed": "uint64", "quarter": "string"}
EVENTS = {"event": "words", "kind": "words", "agent": "words", "other": "words", "amount": "float64", "unit": "words", "reason": "words"}
EDGES = {"edge": "words", "source_kind": "words", "source": "words", "target_kind": "words", "target": "words",
         "amount": "float64", "unit": "words"}
FIGURES_OF_AGENTS = {RENAMED.get(c.name, c.name): "words" if c.lives == LINK else "float64" for table in AGENTS for c in shown(table)}
COLUMNS = {"events": LEAD | EVENTS, "edges": LEAD | EDGES, "agents": LEAD | {"kind": "words", "agent": "words"} | FIGURES_OF_AGENTS}


def choices(record):
    """Return what to record as a tuple without doubles, after a check: `edges`, `agents`, or `none` alone."""
    record = tuple(dict.fromkeys((record,) if isinstance(record, str) else record))
    wrong = [name for name in record if name not in CHOICES]
    if wrong:
        raise BadInput(*(Problem("--record", "is nothing that can be recorded", _remedy(str(name)), key=str(name)) for name in wrong))
    if "none" in record and len(record) > 1:
        raise BadInput(Problem("--record", "goes with no other", "leave it out", key="none"))
    return record


def _remedy(name):
    parts = name.split(",")
    if len(parts) > 1 and set(parts) <= set(CHOICES):
        return "give " + " ".join(f"--record {part}" for part in parts)
    return did_you_mean(name, CHOICES)


def packed(records, first, seeds, labels):
    """Return {name: Parquet file in memory} of one batch whose first run has the number `first` in the study."""
    return {name: _file(name, parts, first, seeds, labels) for name, parts in records.items()}


def copied(name, files, out):
    """Write what several batches packed into one Parquet file, a group of lines at a time."""
    import pyarrow.parquet as parquet

    with parquet.ParquetWriter(out, _schema(name), compression="zstd") as writer:
        for file in files:
            source = parquet.ParquetFile(io.BytesIO(file))
            for group in range(source.num_row_groups):
                writer.write_table(source.read_row_group(group))


def unpacked(name, files):
    """Return the pandas table of what several batches packed."""
    import pyarrow
    import pyarrow.parquet as parquet

    tables = [parquet.read_table(io.BytesIO(file)) for file in files]
    return tabled(pyarrow.concat_tables(tables) if tables else _schema(name).empty_table())


def tabled(table):
    """Return an Arrow table as a pandas one: quarters are texts, which are in order of time, other words are categories."""
    return table.unify_dictionaries().to_pandas()


def _schema(name):
    import pyarrow

    kinds = {"words": pyarrow.dictionary(pyarrow.int32(), pyarrow.string())}
    return pyarrow.schema([(column, kinds.get(kind) or getattr(pyarrow, kind)()) for column, kind in COLUMNS[name].items()])


def _file(name, parts, first, seeds, labels):
    import pyarrow.parquet as parquet

    out, schema = io.BytesIO(), _schema(name)
    with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        for lines in parts:
            for start in range(0, len(lines["run"]), GROUP):
                piece = {column: values[start:start + GROUP] for column, values in lines.items()}
                writer.write_table(_table(piece, schema, first, seeds, labels))
    return out.getvalue()


def _table(lines, schema, first, seeds, labels):
    """Return lines as an Arrow table; columns that they do not have are empty."""
    import pyarrow

    runs = lines["run"]
    lines = lines | {"point": np.zeros(len(runs), np.int64), "run": runs.astype(np.int64) + first,
                     "seed": seeds[runs], "quarter": Words(lines["quarter"].astype(np.int32), labels)}
    return pyarrow.table([_column(lines.get(field.name), field.type, len(runs)) for field in schema], schema=schema)


def _column(values, kind, count):
    import pyarrow

    if values is None:
        return pyarrow.nulls(count, kind)
    if isinstance(values, Words):
        codes = pyarrow.array(values.codes, mask=values.codes < 0)
        return pyarrow.DictionaryArray.from_arrays(codes, pyarrow.array(values.words, pyarrow.string())).cast(kind)
    return pyarrow.array(values, from_pandas=True)
