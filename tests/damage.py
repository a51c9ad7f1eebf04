"""What tests of folders of sweeps share: a toy's sweep, complete or interrupted, and what can be done to its files."""

import pytest
from sweeping import tables, toy_design

from market_abm.sweeps import runner
from market_abm.sweeps.runner import Stopped, run_design

POINTS, RUNS = 4, 8  # 32 runs, in four parts of eight
LONG = 60.0  # seconds that nothing here should take


def use_small_batches(patch):
    """Make a part of every eight runs."""
    patch.setattr(runner, "BATCH", 8)
    patch.setattr(runner, "CHUNK_SECONDS", 0.0)


def run(place, **asked):
    """Sweep a toy in a folder, in this process."""
    return run_design(toy_design(**({"points": POINTS, "runs": RUNS} | asked)), place, workers=0)


def undisturbed(place):
    """Sweep a toy, and return the bytes of its tables."""
    with pytest.MonkeyPatch.context() as patch:
        use_small_batches(patch)
        run(place)
    return tables(place)


def begin(place, runs_stored=16):
    """Sweep a toy, and interrupt it."""
    def stop(done, total):
        if done >= runs_stored:
            raise KeyboardInterrupt

    with pytest.raises(Stopped):
        run_design(toy_design(points=POINTS, runs=RUNS), place, workers=0, progress=stop)


def parts_of(folder):
    """Return the paths of the parts in a folder."""
    return sorted((folder / "parts").glob("*.parquet"))


def contents(folder):
    """Return {name: bytes} of the parts in a folder."""
    return {path.name: path.read_bytes() for path in parts_of(folder)}


def flip(path, place, bit=0):
    """Flip one bit of a file."""
    data = bytearray(path.read_bytes())
    data[place] ^= 1 << bit
    path.write_bytes(bytes(data))


def end_of_a_page(path, column):
    """Return the place of the last byte of a column's figures."""
    import pyarrow.parquet as parquet

    told = parquet.read_metadata(path).row_group(0)
    [found] = [told.column(n) for n in range(told.num_columns) if told.column(n).path_in_schema == column]
    return found.data_page_offset + found.total_compressed_size - 1
