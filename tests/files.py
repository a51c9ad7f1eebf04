"""Small configuration files for tests of everything that reads them."""

import sys
import types

import numpy as np

from market_abm.engine import Outcome
from market_abm.units import quarter_label

SMALL = """
[frame]
quarters = 4
runs = 2
startup_slots = 128
[startups]
opening = 20
[cast.makers.alpha]
fleet_share = 0.7
[cast.makers.beta]
fleet_share = 0.3
[cast.clouds.east]
has_lab = 1
fleet_share = 0.6
legacy_share = 0.6
general_share = 0.5
new_workload_share = 0.5
group_cash_flow_usd = 5e10
lab_share = 1
cash_usd = 1e9
[cast.clouds.west]
fleet_share = 0.4
legacy_share = 0.4
general_share = 0.5
new_workload_share = 0.5
group_cash_flow_usd = 5e10
cash_usd = 1e9
[cast.clouds.later]
present = 0
[cast.regions.north]
site_share = 1.0
renewables_mw = 1e5
baseload_mw = 2e5
midload_mw = 1e5
peaking_mw = 1e5
"""


def write_small(folder, more="", name="small.toml"):
    """Write base.toml with a small valid cast, and a file that extends it by `more`; return the latter's path."""
    (folder / "base.toml").write_text(SMALL)
    path = folder / name
    path.write_text(f'extends = "base.toml"\n{more}')
    return path


def fake_engine(failures=(), refused=0.0, interrupt_at=None):
    """Return a stand-in for the engine: two metrics that depend on seed and quarter alone."""
    batches = []

    def simulate(configurations, seeds, on_quarter, recorder, own_rules):
        batches.append(len(configurations))
        if interrupt_at == len(batches):
            raise KeyboardInterrupt
        frame = configurations[0].frame
        for _ in range(frame.quarters):
            on_quarter()
        quarter, values = np.arange(frame.quarters)[:, None], np.empty((2, frame.quarters, len(seeds)))
        values[0] = seeds + 0.01 * quarter
        values[1] = 0.25
        return Outcome(
            labels=[quarter_label(q, frame.start) for q in range(frame.quarters)], names=["hhi_compute_owned", "share_owned_east"],
            values=values, seeds=seeds, failures=list(failures), refused_entries=np.full((len(seeds), 1), refused))

    def run_seeds(seed, first, count):
        return np.arange(first, first + count, dtype=np.uint64) + np.uint64(1000 * seed)

    return types.SimpleNamespace(simulate=simulate, run_seeds=run_seeds, batches=batches)


def use_engine(monkeypatch, engine):
    """Put a stand-in in the engine's place for one test."""
    import market_abm

    monkeypatch.setitem(sys.modules, "market_abm.engine", engine)
    monkeypatch.setattr(market_abm, "engine", engine, raising=False)
