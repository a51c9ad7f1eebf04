"""All oracles, in order: which file holds each, and what measures it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from market_abm.errors import BadInput, Problem, did_you_mean
from market_abm.oracles.sheet import read_sheet


@dataclass(frozen=True)
class Oracle:
    """One oracle: the file of its sheet, and the function from a sheet to findings."""

    name: str
    file: str
    measure: Callable


ORACLES = {oracle.name: oracle for oracle in (
)}


def chosen(name):
    """Return the oracles that a name stands for: all for none, else the one of that number or file."""
    if not name:
        return list(ORACLES.values())
    wanted = name.lower().removesuffix(".toml")
    for oracle in ORACLES.values():
        if wanted in (oracle.name.lower(), Path(oracle.file).stem, Path(oracle.file).stem.partition("_")[2]):
            return [oracle]
    raise BadInput(Problem("oracle", "is no oracle", did_you_mean(name.upper(), ORACLES), key="NAME", value=name))


def findings(oracle, folder, sets=()):
    """Return (sheet, findings) of one oracle whose files are in a folder."""
    sheet = read_sheet(str(Path(folder) / oracle.file), sets)
    return sheet, oracle.measure(sheet)
