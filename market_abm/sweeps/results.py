"""A results folder of any kind, its tables read when somebody asks for them."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from market_abm.errors import BadInput, Problem
from market_abm.studies.records import CHOICES, tabled
from market_abm.studies.store import METRICS, POINTS, RECORDS, TABLES, manifest_of_ours, read_table
from market_abm.sweeps.parts import PARTS, Damaged, Shelf
from market_abm.sweeps.tables import ROWS, RUNS

FILES = TABLES | {"points": POINTS, "runs": RUNS}


def load_results(place):
    """Return the `Results` in a folder that `run`, `compare`, `demo` or `sweep` made."""
    return Results(Path(place), manifest_of_ours(place))


@dataclass(frozen=True)
class Results:
    """A folder and its manifest; `metrics`, `points`, `runs`, `events`, `edges` and `agents` are pandas tables.

    Of a sweep that is not complete `metrics` holds the runs that are stored.
    """

    folder: Path
    manifest: dict

    def __getattr__(self, name):
        """Read a table of the folder."""
        if name not in FILES:
            raise AttributeError(f"a results folder has no table {name!r}; it may have {', '.join(FILES)}")
        table = self.arrow(name)
        table = tabled(table) if name in RECORDS else table.to_pandas()
        self.__dict__[name] = table
        return table

    @property
    def failures(self):
        """Return the runs that failed, each with the reason."""
        return self.manifest["failures"]

    @property
    def complete(self):
        """Say whether nothing is missing; only a sweep can be incomplete."""
        return self.manifest.get("sweep", {}).get("complete", True)

    @cached_property
    def factors(self):
        """Return what a sweep varied, one dict a factor."""
        return self.sweep["factors"]

    @cached_property
    def sample(self):
        """Return the design's sample as a pandas table: the point of each row and, if it was drawn, its place in the unit cube."""
        return self._in_sweep(ROWS).to_pandas()

    def arrow(self, name):
        """Return a table by name as an Arrow table."""
        if name == "metrics" and not self.complete:
            return self._stored_so_far()
        path = self.folder / FILES[name]
        if not path.exists():
            remedy = "run the study again" + (f" with --record {name}" if name in CHOICES else "")
            if not self.complete:
                remedy = "the sweep is not complete: run the same command again"
            raise BadInput(Problem(str(self.folder), f"holds no {path.name}", remedy))
        if "sweep" not in self.manifest:
            return read_table(path)
        return self._in_sweep(path.name)

    def values(self, metric, quarter):
        """Return one metric of a complete sweep in one quarter, `(points, runs)`, nan for failed runs."""
        import pyarrow.parquet as parquet

        sweep = self.sweep
        if not self.complete:
            raise BadInput(Problem(str(self.folder), f"is not complete: {sweep['stored']} runs of {self.manifest['runs']} are stored",
                                   "run the same command again"))
        if metric not in sweep["identity"]["metrics"] or quarter not in sweep["at"]:
            known = sweep["identity"]["metrics"] if metric not in sweep["identity"]["metrics"] else sweep["at"]
            raise BadInput(Problem(str(self.folder), f"did not record it; recorded are {_few(known)}", "choose one of them",
                                   key=metric if known is not sweep["at"] else quarter))
        path = self.folder / METRICS
        try:
            table = parquet.read_table(path, columns=[metric], filters=[("quarter", "=", quarter)])
        except (OSError, ValueError) as error:
            raise BadInput(_made_again(path, error)) from None
        return table.column(metric).to_numpy().reshape(sweep["points"], sweep["runs_a_point"])

    @property
    def sweep(self):
        """Return what the manifest says of the sweep; raise BadInput if the folder holds none."""
        if "sweep" not in self.manifest:
            raise BadInput(Problem(str(self.folder), "holds no sweep", "make one with `market-abm sweep DESIGN`"))
        return self.manifest["sweep"]

    def _in_sweep(self, name):
        """Return a table of a sweep."""
        import pyarrow.parquet as parquet

        path = self.folder / name if self.sweep else None
        try:
            return parquet.read_table(path)
        except (OSError, ValueError) as error:
            raise BadInput(_made_again(path, error)) from None

    def _stored_so_far(self):
        import pyarrow

        sweep, keys = self.sweep, self._in_sweep(POINTS).column("key").to_pylist()
        shelf = Shelf(self.folder, sweep["study"], keys, sweep["runs_a_point"], len(sweep["at"]), mends=False).take_stock()
        try:
            tables = list(shelf.stretches(0, shelf.part.size))
        except Damaged as error:
            raise BadInput(Problem(str(self.folder / PARTS / shelf.damaged[-1][0]), f"is not as it was written: {error}",
                                   "run the same command again: its runs will be made anew")) from None
        if not tables:
            raise BadInput(Problem(str(self.folder), "holds no finished run yet", "run the same command again"))
        return pyarrow.concat_tables(tables).unify_dictionaries()


def _made_again(path, error):
    """Return what to say of a table of a sweep that cannot be read: the parts have all that was in it."""
    return Problem(str(path), f"cannot be read: {error}", "remove it, and run the same command again: it is made anew from the parts")


def _few(names, most=8):
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
