"""market_abm: who ends up owning the world's AI compute, and which rule would change that."""

__version__ = "0.1.0"

_HOMES = {
    "ComputeMarket": "market_abm.model",
    "compare": "market_abm.studies.comparison",
    "load": "market_abm.parameters.loading",
    "load_results": "market_abm.sweeps.results",
    "run": "market_abm.studies.run",
    "sweep": "market_abm.sweeps.runner",
}


__all__ = ["__version__", *_HOMES]


def __dir__():
    return sorted(__all__)


def __getattr__(name):
    """Fetch the public functions when first asked for: importing the package stays cheap."""
    if name not in _HOMES:
        raise AttributeError(f"module 'market_abm' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
