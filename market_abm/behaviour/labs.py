"""How labs, owners' and startups alike, size their research, train and win customers."""

from typing import NamedTuple

import numpy as np

from market_abm.exact import bounded, exp, log, power, ratio
from market_abm.rules import choose
from market_abm.rules.capability import CAPABILITY_MAP, DECISIVENESS, scaling_law, trained
from market_abm.units import FLOP_PER_PFLOP_HOUR


class Race(NamedTuple):
    """What every lab knows of the race this quarter, each `(runs, 1)`."""

    largest_budget_usd: np.ndarray  # what the largest could become this quarter
    research_usd: np.ndarray  # spent without any revenue
    prize_usd: np.ndarray  # gross margin of a quarter that labs race for
    rivals: np.ndarray  # effective number of labs with customers


def the_race(market, rivals, training, serving_cost_share):
    """Describe the race: how far the largest budget may go, and what there is to win.

    The prize is the gross margin expected some years ahead, not today's revenue (which is nil at first),
    and not revenue (which must also pay for serving).
    Source: assumed form.
    """
    largest = market.frontier_budget_usd * power(training.ambition_growth, 0.25) * power(market.shock_growth, training.shock_on_labs)
    growth = bounded(4.0 * market.customer_growth, 0.0, log(training.prize_growth_cap))
    prize = (1.0 - serving_cost_share) * market.customer_spend_usd * exp(growth * training.prize_years)
    return Race(largest, market.research_usd, prize, rivals)


def contest_bound(share, race, decisiveness, hope):
    """Return what a lab would spend in a Tullock contest, r s (1-s) V, at its share or at what a newcomer hopes for, a part of an equal one.

    Never more than it expects to win, s V: beyond r (1-s) = 1 nobody takes part.
    Source: Tullock 1980; Baye, Kovenock and de Vries 1994 for contests that decisive.
    """
    expected = np.maximum(share, hope / (race.rivals + 1.0))
    return np.minimum(decisiveness * (1.0 - expected), 1.0) * expected * race.prize_usd


def decisiveness_of_spending(market, rules):
    """Return by how many per cent one more per cent of the frontier's compute raises its strength, `(runs, 1)`.

    The map in force gives it for compute that data does not limit; beyond the stock of text a run is worth
    less than its compute.
    """
    law = scaling_law(rules.training)
    of_map = choose(DECISIVENESS, rules.training.capability_map, market.frontier_effective_flop, rules.customers.contest,
                    rules.training.loss_weight, law.scale, law.exponent)
    return of_map * trained(market.frontier_run_flop, market.data_tokens, law).elasticity


def own_labs_aim(clouds, backs, rules):
    """Return what an owner's lab strives for over the largest budget: its lasting aim, less where a backed startup races in its place.

    Source: assumed form.
    """
    return clouds.lab_aim * (1.0 - rules.backing_share * backs)


def desired_budget(budget, share, race, surprise, training, decisiveness, aim=1.0):
    """Return (budget, whether the prize bounds it): what a lab would spend on research compute.

    It may grow fast from its own past wish, at most to the market's largest (of which it may aim at a part), which itself grows
    by the ambition factor; and never beyond what the contest is worth. A limit on its realised spending would
    ratchet down under rationing, one on its own past alone would freeze the ranks.
    Source: assumed form around the bound of a Tullock contest.
    """
    reach = np.minimum(aim * race.largest_budget_usd, budget * power(training.catch_up_growth, 0.25) * exp(surprise))
    worth = np.maximum(contest_bound(share, race, decisiveness, training.hope), race.research_usd)
    return np.minimum(reach, worth), (worth < reach) * 1.0


def largest_allowed(rules):
    """Return FLOP of the largest run that the law allows, `(runs, 1)`; inf where there is no such law."""
    return ratio(rules.policy.cap_flop, rules.training.cap_tightness, np.inf)


def capped_budget(budget, rent_usd, utilisation, rules):
    """Return a research budget without what a cap on runs makes useless.

    The largest run is a fixed part of a year's research compute: more than this compute for the largest run allowed, at
    the rent and the utilisation (losses of scale included) that the lab has, buys nothing.
    """
    hours = ratio(largest_allowed(rules), 4.0 * rules.training.final_run_share * FLOP_PER_PFLOP_HOUR * utilisation, np.inf)
    return np.minimum(budget, np.where(rent_usd > 0, hours * rent_usd, np.inf))


def run_days(quarter, training):
    """Return how long a large training run takes: longer from year to year, up to what labs have the patience for. Source: assumed form."""
    return np.minimum(training.opening_run_days * power(training.run_days_growth, quarter / 4.0), training.run_days)


def usable_tokens(quarter, training):
    """Return the stock of usable text with every repetition that still helps, on its trend.

    Source: Villalobos et al. 2024; Muennighoff et al. 2023 for repetition.
    """
    return training.data_epochs * training.data_tokens * power(training.data_growth, (quarter - training.data_date) / 4.0)


class Run(NamedTuple):
    """A quarter's training run of each lab."""

    pflop_hours: np.ndarray
    pflops: np.ndarray
    efficiency: np.ndarray
    flop: np.ndarray


def training_run(research_hours, utilisation, pflops_per_chip, days, training, most_flop=np.inf):
    """Turn research compute into the lab's largest run: physical FLOP.

    FLOP = hours x peak x utilisation x parallel efficiency; the run is a fixed part of a year's
    research compute and its cluster is what does it in so many days. Beyond the limit a cluster of n
    chips works at (n/limit)^-e. A run beyond `most_flop` is cut to it, hours and cluster alike.
    Source: compute as time x peak x utilisation, Sevilla et al. 2022; the loss of large clusters is an assumed form.
    """
    hours = 4.0 * training.final_run_share * research_hours
    pflops = hours / (24.0 * days)
    chips = ratio(pflops, pflops_per_chip)
    efficiency = power(np.maximum(1.0, chips / training.cluster_limit_chips), -training.cluster_exponent)
    flop = hours * FLOP_PER_PFLOP_HOUR * utilisation * efficiency
    allowed = ratio(np.minimum(flop, most_flop), flop, 1.0)
    return Run(hours * allowed, pflops * allowed, efficiency, flop * allowed)


def spending_on_services(effective_flop, customers):
    """Return what customers would spend in a quarter, a logistic in log10 of the best effective run. Source: assumed form."""
    distance = (log(np.maximum(effective_flop, 1.0)) / 2.302585092994046 - customers.spend_midpoint) / customers.spend_width
    return 0.25 * customers.spend_max_usd / (1.0 + exp(-distance))


def quality(effective_flop, frontier_flop, rules):
    """Return (strength, decisiveness) of labs at their effective compute, by the map in force; strengths over the best one's.

    Source: Tullock 1980 under `log_compute`; Hoffmann et al. 2022 and McFadden 1974 under `loss`.
    """
    law = scaling_law(rules.training)
    shared = (rules.customers.contest, rules.training.loss_weight, law.scale, law.exponent)
    place = rules.training.capability_map
    return (choose(CAPABILITY_MAP, place, effective_flop, frontier_flop, *shared), choose(DECISIVENESS, place, effective_flop, *shared))


def appeal(strength, decisiveness, rent_usd, frontier_rent_usd, price_elasticity):
    """Return a lab's weight in customers' choice, strength p^-a: a lab's price moves with what its compute costs.

    Where the contest is switched off, price does not count either: all labs are equal.
    Source: assumed form.
    """
    dearer = ratio(rent_usd, frontier_rent_usd, 1.0)
    return strength * power(np.maximum(dearer, 1e-6), -price_elasticity * (decisiveness > 0))


def shares_with_inertia(old, target, inertia):
    """Return shares of which a part stays with last quarter's lab. Source: assumed form."""
    return inertia * old + (1.0 - inertia) * target


def insight(known, seen_share, conduct):
    """Return what a host's lab owes to hosted training, in logs: it grows with the part of all training seen, and goes out of date.

    Source: "sensitive technical and business information" of hosted partners, FTC staff report on AI partnerships 2025.
    """
    return known * (1.0 - conduct.telemetry_decay) + conduct.telemetry_gain * conduct.visibility * seen_share
