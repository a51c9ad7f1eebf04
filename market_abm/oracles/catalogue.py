"""All oracles, in order: which file holds each, and what measures it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from market_abm.errors import BadInput, Problem, did_you_mean
from market_abm.oracles import accounts, chains, chance, differentiated, estimators, firms, labs, power, prices, selection, sharing, technology


@dataclass(frozen=True)
class Oracle:
    """One oracle: the file of its sheet, and the function from a sheet to findings."""

    name: str
    file: str
    measure: Callable


ORACLES = {oracle.name: oracle for oracle in (
    Oracle("O1", "o01_cournot.toml", firms.o01_cournot),
    Oracle("O2", "o02_unequal_costs.toml", firms.o02_unequal_costs),
    Oracle("O3", "o03_isoelastic.toml", firms.o03_isoelastic),
    Oracle("O4", "o04_capacity.toml", firms.o04_capacity),
    Oracle("O5", "o05_monopoly.toml", firms.o05_monopoly),
    Oracle("O6", "o06_chain.toml", chains.o06_chain),
    Oracle("O7", "o07_logit.toml", differentiated.o07_logit),
    Oracle("O8", "o08_sutton.toml", differentiated.o08_sutton),
    Oracle("O9", "o09_free_entry.toml", firms.o09_free_entry),
    Oracle("O10", "o10_selection.toml", selection.o10_selection),
    Oracle("O11", "o11_gibrat.toml", chance.o11_gibrat),
    Oracle("O12", "o12_yule_simon.toml", chance.o12_yule_simon),
    Oracle("O13", "o13_urns.toml", chance.o13_urns),
    Oracle("O14", "o14_replicator.toml", chance.o14_replicator),
    Oracle("O15", "o15_wright.toml", technology.o15_wright),
    Oracle("O16", "o16_merit_order.toml", power.o16_merit_order),
    Oracle("O17", "o17_interconnection.toml", power.o17_interconnection),
    Oracle("O18", "o18_chinchilla.toml", technology.o18_chinchilla),
    Oracle("O19", "o19_contest.toml", labs.o19_contest),
    Oracle("O20", "o20_call_market.toml", power.o20_call_market),
    Oracle("O21", "o21_rationing.toml", sharing.o21_rationing),
    Oracle("O22", "o22_limit_output.toml", firms.o22_limit_output),
    Oracle("O23", "o23_stakes.toml", firms.o23_stakes),
    Oracle("O24", "o24_merger.toml", firms.o24_merger),
    Oracle("O25", "o25_switching.toml", sharing.o25_switching),
    Oracle("O26", "o26_leontief.toml", power.o26_leontief),
    Oracle("O27", "o27_conservation.toml", accounts.o27_conservation),
    Oracle("O28", "o28_estimators.toml", estimators.o28_estimators),
    Oracle("O29", "o29_price_rules.toml", prices.o29_price_rules),
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
