"""Tables of a results folder as comma-separated values, row group by row group."""

from pathlib import Path

from market_abm.errors import BadInput, Problem
from market_abm.studies.files import unwritable, write_whole
from market_abm.sweeps.results import FILES, load_results

TABLE_NAMES = tuple(FILES)


def exported(place, names=()):
    """Write tables beside the originals, and yield (path, lines) of each; by default all that there are."""
    results = load_results(place)
    if not results.complete:
        raise BadInput(Problem(str(place), "is not complete", "run the same command again"))
    for name in names or [name for name in FILES if (results.folder / FILES[name]).exists()]:
        path = (results.folder / FILES[name]).with_suffix(".csv")
        if not (results.folder / FILES[name]).exists():
            results.arrow(name)  # says what is missing and what to do
        try:
            yield path, _write(results.folder / FILES[name], path)
        except OSError as error:
            raise BadInput(unwritable(str(path), error.strerror)) from None


def _write(source, path):
    """Write one table a row group at a time; return its lines, with the header."""
    import pyarrow
    import pyarrow.csv as csv
    import pyarrow.parquet as parquet

    table = parquet.ParquetFile(source)
    fields = [field.with_type(pyarrow.string()) if pyarrow.types.is_dictionary(field.type) else field for field in table.schema_arrow]
    schema = pyarrow.schema([field.remove_metadata() for field in fields])

    def fill(file):
        with csv.CSVWriter(file, schema) as writer:
            for group in range(table.num_row_groups):
                writer.write_table(table.read_row_group(group).cast(schema))

    write_whole(Path(path), fill)
    return table.metadata.num_rows + 1
