"""Which code ran: a fingerprint of everything that can change a figure, so that results of two versions never mix."""

from functools import cache
from hashlib import blake2b
from pathlib import Path

ROOMS = ("behaviour", "levers", "metrics", "parameters", "phases", "rules", "state")
MODULES = ("engine", "opening", "checks", "randomness", "exact", "units", "sweeps/market", "sweeps/ishigami")


@cache
def code_of_the_engine():
    """Return a fingerprint of the source of the engine and of all that it imports, and of numpy's version."""
    import numpy

    package = Path(__file__).resolve().parent.parent
    files = [path for room in ROOMS for path in sorted((package / room).rglob("*.py"))] + [package / f"{name}.py" for name in MODULES]
    mark = blake2b(numpy.__version__.encode(), digest_size=8)
    for path in files:
        mark.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return mark.hexdigest()
