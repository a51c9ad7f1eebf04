"""Files that are there whole or not at all: written under another name, brought safely to disk, renamed."""

import os
import sys
from pathlib import Path

from market_abm.errors import Problem

UNFINISHED = ".unfinished"


def write_whole(path, fill):
    """Make a file that nobody ever meets half of; `fill(file)` writes it."""
    fill_unfinished(path, fill)
    install(path)


def fill_unfinished(path, fill):
    """Write a file under its unfinished name, and wait until it is on the disk."""
    with open(unfinished(path), "wb") as file:
        fill(file)
        file.flush()
        os.fsync(file.fileno())


def install(path):
    """Give a file that is whole its own name."""
    os.replace(unfinished(path), path)
    sync(Path(path).parent)


def remove(path):
    """Take away a file of an earlier study, and what an interrupted one left of it."""
    path.unlink(missing_ok=True)
    unfinished(path).unlink(missing_ok=True)
    sync(path.parent)


def unfinished(path):
    """Return the name that a file has until it is whole."""
    path = Path(path)
    return path.with_name(path.name + UNFINISHED)


def sync(folder):
    """Make names of files in a folder last."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def unwritable(name, reason):
    """Return what to say of a results folder that cannot be written."""
    return Problem(name, f"cannot be written: {reason}", "name another folder with --out", key="--out")
