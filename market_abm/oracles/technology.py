"""Oracles of technology: cost that falls with what was ever made (O15), loss that falls with compute and text (O18)."""

import math

import numpy as np

from market_abm.errors import BadInput, Problem
from market_abm.oracles.closed_forms import technology
from market_abm.oracles.finding import Finding
from market_abm.oracles.running import column, stepped
from market_abm.rules.capability import scaling_law, trained
from market_abm.units import FLOP_PER_PFLOP_HOUR

LABS = 6  # in the file of O18


def o15_wright(sheet):
    """Compare the unit cost of a chip along a run with the learning curve, and its average over all chips with both readings of it.

    The cost of a quarter's chips is that of the chip which follows all those made before. Source: Wright 1936.
    """
    exponent, quarters = technology.learning_exponent(sheet.learning_rate), sheet.quarters
    output = sheet.capacity_chips + sheet.second_capacity_chips
    simulation = stepped([_at_capacity(sheet, exponent)], each=_costs, quarters=quarters + 1)
    cost, made, spent = (np.array(one) for one in zip(*simulation.seen, strict=True))
    known = technology.cost_path(sheet.unit_cost_usd, sheet.chips_before_start, output, exponent, quarters)
    stock = sheet.chips_before_start + made
    slope = math.log(cost[quarters] / cost[0]) / math.log(stock[quarters - 1] / sheet.chips_before_start)
    found = [Finding(f"chips made in {quarters} quarters", float(output * quarters), float(made[quarters - 1]))]
    found += [Finding(f"unit cost after {quarter} quarters (USD/chip)", float(known[quarter]), float(cost[quarter]))
              for quarter in sorted({0, 1, quarters // 2, quarters})]
    average, paid = float(known[:-1].mean()), float(spent[:quarters].sum() / made[quarters - 1])
    return [
        *found,
        Finding("unit cost over what it was at the start", float(technology.unit_cost(1.0, stock[quarters - 1] / sheet.chips_before_start, exponent)),
                float(cost[quarters] / cost[0])),
        Finding("largest distance from the learning curve (relative)", 0.0, float(np.abs(cost / known - 1).max())),
        Finding("part of unit cost that a doubling takes", sheet.learning_rate, 1.0 - 2.0**slope),
        Finding("average cost of all chips made (USD/chip)", average, paid),
        Finding("average cost over the cost of the next chip", average / float(known[-1]), paid / float(cost[quarters]))]


def _at_capacity(sheet, exponent):
    """Return the configuration with a learning curve and two factories."""
    sets = [f"chips.learning_exponent={exponent!r}", f"chips.chips_before_start={sheet.chips_before_start}"]
    sets += [f"cast.makers.{maker}.unit_cost_usd={sheet.unit_cost_usd}" for maker in ("maker", "second")]
    sets += [f"cast.makers.maker.capacity_chips={sheet.capacity_chips}", f"cast.makers.second.capacity_chips={sheet.second_capacity_chips}"]
    return sheet.configuration(*sets)


def _costs(simulation):
    """Return this quarter's unit cost a chip, all chips made by its end, and what making its chips cost, USD."""
    cost = column(simulation, "makers.unit_cost_usd_per_pflops")[0] * column(simulation, "makers.pflops_per_chip")[0]
    spent = simulation.world.ledger.amount("wafers and packaging")[0, 0]
    return cost[0], column(simulation, "makers.cumulative_chips")[0].sum(), spent


def o18_chinchilla(sheet):
    """Compare the rule's best run, and what labs' runs come to in the engine, with the scaling law; one run a set of coefficients.

    Source: Hoffmann et al. 2022, equation 4; the data limit as in closed_forms.technology.
    """
    laws = _laws(sheet)
    simulation = stepped([_with_law(sheet, law) for law in laws], each=_runs_of_labs)
    found = []
    for run, law in enumerate(laws):
        found += _of_rule(sheet, law, simulation.rules[0].training, run)
        found += _of_engine(sheet, law, simulation, run)
    return found


def _laws(sheet):
    """Return the scaling laws that the knobs list; every list must be as long as the others."""
    lists = (sheet.floor_loss, sheet.parameter_loss, sheet.token_loss, sheet.parameter_exponent, sheet.token_exponent)
    if len({len(one) for one in lists}) > 1:
        names = "floor_loss, parameter_loss, token_loss, parameter_exponent, token_exponent"
        raise BadInput(Problem("--set", f"{names} must be equally long", "give one value for each scaling law",
                               key="floor_loss", value=sheet.floor_loss))
    return [technology.ScalingLaw(*(float(number) for number in law)) for law in zip(*lists, strict=True)]


def _with_law(sheet, law):
    """Return the configuration with a scaling law."""
    growth = [f"training.{name}={sheet.budget_growth}" for name in ("ambition_growth", "catch_up_growth")]
    law_sets = [f"training.{name}={getattr(law, name)!r}" for name in law._fields if name != "floor"]
    others = ("data_tokens", "data_epochs", "data_growth", "algorithmic_growth", "loss_weight")
    return sheet.configuration(*growth, *law_sets, *(f"training.{name}={getattr(sheet, name)}" for name in others))


def _runs_of_labs(simulation):
    """Return what the oracle reads each quarter, `(runs, labs)`: compute of each run, hours, best effective run, share of customers."""
    names = ("run_flop", "training_pflop_hours", "effective_flop", "ai_share", "data_short")
    return {name: column(simulation, f"clouds.{name}")[:, :LABS] for name in names}


def _of_rule(sheet, law, training, run):
    """Return findings on `trained` of rules/capability.py at one compute, without and with a limit of text."""
    one = type("Coefficients", (), {name: getattr(training, name)[run : run + 1] for name in law._fields if name != "floor"})
    form, flop = scaling_law(one), np.array([[sheet.compute_flop]])
    found, name = [], f"rule, law {run + 1}"
    tokens = technology.best_run(law, sheet.compute_flop).tokens
    for limit, says in ((math.inf, ""), (tokens / 10, " on a tenth of the text")):
        answer, got = technology.best_run(law, sheet.compute_flop, limit), trained(flop, np.array([[min(limit, 1e60)]]), form)
        pairs = (("parameters", answer.parameters, got.parameters), ("tokens", answer.tokens, got.tokens),
                 ("loss (nat a token)", answer.loss, law.floor + got.reducible_loss),
                 ("worth (FLOP)", technology.worth_flop(law, sheet.compute_flop, limit), got.worth_flop),
                 ("elasticity of that worth to compute", technology.worth_elasticity(law, sheet.compute_flop, limit), got.elasticity))
        found += [Finding(f"{name}: {what} at {sheet.compute_flop:.3g} FLOP{says}", float(known), float(value[0, 0])) for what, known, value in pairs]
    more = trained(10 * flop, np.array([[1e60]]), form).reducible_loss / trained(flop, np.array([[1e60]]), form).reducible_loss
    return [*found, Finding(f"{name}: reducible loss left by ten times the compute", technology.reducible_loss_ratio(law, 10.0), float(more[0, 0]))]


def _of_engine(sheet, law, simulation, run):
    """Return findings on six labs: compute, worth, effective FLOP, and the differences in loss that customers' shares reveal."""
    seen = {name: np.array([quarter[name][run] for quarter in simulation.seen]) for name in simulation.seen[0]}
    quarters, name, training = len(simulation.seen), f"engine, law {run + 1}", simulation.rules[0].training
    tokens = [sheet.data_tokens * sheet.data_epochs * sheet.data_growth ** (q / 4) for q in range(quarters)]
    worth = np.array([[technology.worth_flop(law, flop, tokens[q]) for flop in seen["run_flop"][q]] for q in range(quarters)])
    effective = np.maximum.accumulate(worth * sheet.algorithmic_growth ** (np.arange(quarters) / 4)[:, None])
    utilisation = _utilisation(simulation.rules[0].documentation, run)
    flop = 4 * training.final_run_share[run, 0] * seen["training_pflop_hours"][-1] * FLOP_PER_PFLOP_HOUR * utilisation
    found = [Finding(f"{name}: usable text in the last quarter (tokens)", tokens[-1], float(column(simulation, "market.data_tokens")[run, 0]))]
    reducible = [technology.best_run(law, one).reducible_loss for one in effective[-1]]
    for lab in range(LABS):
        of = f"of lab {lab + 1} in the last quarter"
        found += [Finding(f"{name}: largest run {of} (FLOP)", float(flop[lab]), float(seen["run_flop"][-1, lab])),
                  Finding(f"{name}: what the text there is lets that run be worth, lab {lab + 1} (FLOP)", float(worth[-1, lab]),
                          float(seen["run_flop"][-1, lab] * (1 - seen["data_short"][-1, lab]))),
                  Finding(f"{name}: effective compute {of} (FLOP)", float(effective[-1, lab]), float(seen["effective_flop"][-1, lab]))]
    for lab in range(1, LABS):
        shares = seen["ai_share"][-1]
        found.append(Finding(f"{name}: loss of lab {lab + 1} above that of lab 1, by customers' shares (nat a token)",
                             reducible[lab] - reducible[0], math.log(shares[0] / shares[lab]) / sheet.loss_weight))
    return found


def _utilisation(documentation, run):
    """Return model FLOP utilisation while software does not count: half-way between the floor and the top."""
    return documentation.utilisation_floor[run, 0] + documentation.utilisation_span[run, 0] / 2
