"""A history-friendly check: do policies against a dominant chip maker bite more where customers are locked in less?

Malerba, Nelson, Orsenigo and Winter 2001 (International Journal of Industrial Organization 19, 635-664) let the state break up the dominant
maker of mainframes, or help entrants. With customers who stick to a brand little could have been done; with less of this the market is
less concentrated to begin with, and both policies work better. Here lock-in is documentation and switching cost: strong where nobody
may read how chips work and leaving is dearest, weak where everybody may and leaving is free. What is divided matters, so a break-up has three depths.
"""

from dataclasses import dataclass, replace

import numpy as np

from market_abm.engine import Simulation, run_seeds
from market_abm.levers.in_force import rules_in_force
from market_abm.metrics import indices
from market_abm.parameters.chips import Chips, Entrants
from market_abm.parameters.declare import declarations
from market_abm.parameters.frame import with_frame
from market_abm.parameters.schema import SECTIONS
from market_abm.state.columns import PIPELINE, STOCK
from market_abm.state.lifecycle import split
from market_abm.state.tables import MERCHANT
from market_abm.studies.effects import paired
from market_abm.units import quarter_label, quarter_number

STRONG, WEAK = "strong", "weak"
NOTHING, SUPPORT = "no policy", "entry support"
DIVIDED, WITH_SOFTWARE, WITH_CUSTOMERS = "firm divided", "firm and software divided", "firm, software and customers divided"
BREAK_UPS = (DIVIDED, WITH_SOFTWARE, WITH_CUSTOMERS)
SWITCHING = declarations(Chips)["switching_cost"]
REGIMES = {STRONG: {"documentation.rule": "closed", "chips.switching_cost": SWITCHING.high},
           WEAK: {"documentation.rule": "open", "chips.switching_cost": SWITCHING.low}}
# Numbers of entrants at that end of their declared range which favours them: none was chosen for its effect.
FAVOURABLE = {"drive": "high", "performance": "high", "cost_ratio": "low", "opening_software": "high", "runway_quarters": "high"}
ENTRY_SUPPORT = {f"entrants.{name}": getattr(declarations(Entrants)[name], end) for name, end in FAVOURABLE.items()}
POLICIES = (NOTHING, *BREAK_UPS, SUPPORT)
SPARE_PLACES = 4  # for merchants who may come, beside those of the configuration: entry and the parts of a divided maker need room
SINCE, EARLY, LATE = "since the policy", "first four years", "last two years"
EARLY_QUARTERS, LATE_QUARTERS = 16, 8


@dataclass(frozen=True)
class LockIn:
    """What came of it: `hhi` {(regime, policy): (quarters, runs)} of merchants' sales, and rows of what theory expects of it."""

    labels: tuple[str, ...]
    hhi: dict
    rows: list[dict]
    failures: list
    undivided: dict  # {(regime, policy): runs} in which there was nobody to divide, or no place for a part


def lock_in(config, runs=16, acts="2024Q1", until="2032Q4", seed=None, progress=None):
    """Run both regimes without policy to the quarter `acts`, then under each policy on the same seeds, and return a `LockIn`.

    `config` is a configuration or its file. Rows hold a paired difference of HHIs, its 95% interval, theory's sign and whether it is
    borne out: over the quarters since the policy, over the first of them, and late. `progress(done, total)` counts quarters.
    """
    config = with_places(with_frame(config, seed=seed))
    start = config.frame.start
    config, before = with_frame(config, quarters=quarter_number(until, start) + 1), quarter_number(acts, start)
    simulation, found, undivided = _simulated(config, runs, before, progress)
    arms = [(regime, policy) for policy in POLICIES for regime in REGIMES]  # in the order in which branches stand in the batch
    hhi = {arm: found[:, place * runs : (place + 1) * runs] for place, arm in enumerate(arms)}
    windows = {SINCE: slice(before, None), EARLY: slice(before, before + EARLY_QUARTERS), LATE: slice(-LATE_QUARTERS, None)}
    rows = [row for name, part in windows.items() for row in compared({arm: values[part].mean(axis=0) for arm, values in hhi.items()}, name)]
    return LockIn(tuple(quarter_label(q, start) for q in range(config.frame.quarters)), hhi, rows, simulation.failures, undivided)


def _simulated(config, runs, before, progress):
    """Return (simulation, merchants' HHI `(quarters, policies x regimes x runs)`, what could not be divided); policies begin in quarter `before`."""
    regimes, quarters = [with_numbers(config, setting) for setting in REGIMES.values()], config.frame.quarters
    seeds, undivided = run_seeds(config.frame.seed, 0, runs), {}
    simulation = Simulation([one for one in regimes for _ in range(runs)], np.tile(seeds, len(regimes)), metrics=())
    found = np.full((quarters, len(POLICIES) * len(regimes) * runs), np.nan)
    for q in range(quarters):
        if q == before:
            undivided = _act(simulation, regimes, runs)
        simulation.step()
        found[q, simulation.running] = merchants_hhi(simulation.world)
        if progress:
            progress(q + 1, quarters)
    found[:before] = np.tile(found[:before, : len(regimes) * runs], len(POLICIES))
    return simulation, found, undivided


def _act(simulation, regimes, runs):
    """Branch the batch into every policy, divide the leaders where that is the policy, and return in how many runs it could not be done."""
    count, undivided = len(regimes) * runs, {}
    for policy in POLICIES[1:]:
        changed = ENTRY_SUPPORT if policy == SUPPORT else {}
        configurations = [with_numbers(one, changed) for one in regimes for _ in range(runs)]
        simulation.branch(rules_in_force(configurations, simulation.frame.quarters), np.arange(count))
    for place, policy in enumerate(POLICIES):
        if policy in BREAK_UPS:
            mine = simulation.running // count == place
            left = mine & ~divide_leader(simulation.world, mine, policy)
            undivided |= {(regime, policy): int((left & (simulation.running % count // runs == k)).sum()) for k, regime in enumerate(REGIMES)}
    return undivided


def compared(hhi, window):
    """Return the rows of the check from {(regime, policy): mean HHI `(runs,)`} on the same seeds; `window` says over which quarters."""
    effect = {(regime, policy): hhi[regime, policy] - hhi[regime, NOTHING] for regime in REGIMES for policy in POLICIES}
    rows = [_row(NOTHING, "weak less strong lock-in", hhi[WEAK, NOTHING] - hhi[STRONG, NOTHING], "Weak lock-in leaves the market less concentrated.")]
    for policy in POLICIES[1:]:
        rows += [_row(policy, "effect under weak lock-in", effect[WEAK, policy], "The policy lowers concentration."),
                 _row(policy, "effect under strong lock-in", effect[STRONG, policy], ""),
                 _row(policy, "effect under weak less under strong lock-in", effect[WEAK, policy] - effect[STRONG, policy], "The policy bites more.")]
    return [{"over": window} | row for row in rows]


def _row(policy, what, difference, theory):
    """Return one comparison of the HHI of merchants' sales; theory, where it says anything, expects less."""
    told = paired(difference)
    sign = "-" if theory else ""
    verdict = "" if not sign else "agree" if told["high"] < 0 else "disagree" if told["low"] > 0 else "inconclusive"
    return {"policy": policy, "comparison": what, "unit": "HHI, 0 to 1", **{key: told[key] for key in ("difference", "low", "high", "pairs")},
            "predicted_sign": sign, "theory": theory, "verdict": verdict}


# The market and its state ---------------------------------------------------------------------------


def merchants_hhi(world):
    """Return the HHI of merchants' sales of the quarter, `(runs,)`: own chips are no part of this market."""
    sales = world.array("makers.sales_usd") * (world.array("makers.kind") == MERCHANT)
    return indices.herfindahl(sales)[:, 0]


def divide_leader(world, wanted, policy=WITH_CUSTOMERS):
    """Divide the merchant with most of the orders into two that sell the same chip, in the runs of a mask; return in which it was done.

    Factories, cash, research and the stock of chips are shared out by halves. The old firm keeps the brand: the part begins with an
    entrant's software unless this is divided, so that both may use all of it, and with no customer's chips and orders unless these are. The part
    takes a place that is free; where there is none, nothing happens.
    """
    alive, merchant = world.array("makers.alive") > 0, world.array("makers.kind") == MERCHANT
    orders = world.array("makers.share_of_orders") * (alive & merchant)
    source = (orders == orders.max(axis=-1, keepdims=True)) & (orders > 0) & wanted[:, None]
    source &= np.cumsum(source, axis=-1) == 1
    child = merchant & ~alive & source.any(axis=-1, keepdims=True)
    child &= np.cumsum(child, axis=-1) == 1
    source &= child.any(axis=-1, keepdims=True)
    births = world.array("makers.birth").copy()
    split(world, "makers", source, child, np.full((len(wanted), 1), 0.5), {"birth": births})
    if policy == DIVIDED:
        np.copyto(world.array("makers.ecosystem"), world.rules.entrants.opening_software, where=child)
    if policy == WITH_CUSTOMERS:
        for run in np.flatnonzero(source.any(axis=-1)):
            _divide_customers(world, run, int(source[run].argmax()), int(child[run].argmax()))
    return source.any(axis=-1)


def _divide_customers(world, run, old, part):
    """Give the part a half of what others hold by maker of one run: chips installed, on order and retiring, and what is remembered of them.

    What does not add up, as the utilisation that a buyer gets, is the same for both; tastes are lasting, so each keeps its own.
    """
    for _, column, array in world.each():
        if column.by != "makers" or column.name == "taste":
            continue
        if column.lives in (STOCK, PIPELINE) or column.name == "supplier_share":
            array[..., old, run, :] /= 2.0
        array[..., part, run, :] = array[..., old, run, :]


# Configurations -------------------------------------------------------------------------------------


def with_places(config, count=SPARE_PLACES):
    """Return a configuration with further places for merchants who may come, each like the first empty one that it has."""
    empty = next(maker for maker in config.cast.makers if maker.kind == "merchant" and not maker.present)
    more = tuple(replace(empty, key=f"{empty.key}_{k}", name=f"{empty.name} {k}") for k in range(2, 2 + count))
    return replace(config, cast=replace(config.cast, makers=config.cast.makers + more))


def with_numbers(config, setting):
    """Return a configuration with {section.name: value} in place of what it has."""
    changed = {section: {key.split(".")[1]: value for key, value in setting.items() if key.split(".")[0] == section} for section in SECTIONS}
    return replace(config, parameters=replace(config.parameters, **{
        section: replace(getattr(config.parameters, section), **numbers) for section, numbers in changed.items() if numbers}))
