"""The frame as a caller asks for it: runs, seed or length in place of what a file says."""

from dataclasses import replace
from operator import index

from market_abm.errors import BadInput, Problem
from market_abm.parameters.declare import declarations
from market_abm.parameters.quantities import bounds
from market_abm.parameters.schema import Configuration, Frame


def with_frame(config, **asked):
    """Return a configuration, loaded if a path is given, with runs, seed or quarters replaced after a check."""
    if not isinstance(config, Configuration):
        from market_abm.parameters.loading import load

        config = load(config)
    asked = {name: value for name, value in asked.items() if value is not None}
    problems = [problem for name, value in asked.items() if (problem := _out_of_bounds(name, value))]
    if problems:
        raise BadInput(*problems)
    return replace(config, frame=replace(config.frame, **{name: index(value) for name, value in asked.items()}))


def _out_of_bounds(name, value):
    told = declarations(Frame)[name]
    whole = hasattr(value, "__index__") and not isinstance(value, bool)
    if whole and told.at_least <= value <= told.at_most:
        return None
    return Problem(f"--{name}", bounds(told), f"for example {told.best}", key=f"frame.{name}", value=value)
