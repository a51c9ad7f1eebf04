"""Oracle of the training race as a contest for customers (O19)."""

from market_abm.oracles.closed_forms import contest
from market_abm.oracles.finding import Finding
from market_abm.oracles.running import column, firms_present, metric, settled, stepped

MILLION = 1e6
SERVING = 0.5  # serving_cost_share in configs/oracles/o19_contest.toml


def o19_contest(sheet):
    """Compare what labs spend and keep, how many can take part and enter, and who is active among unequal ones, with theory.

    A lab never spends more than it expects to win: where theory has no pure equilibrium because everybody would
    lose, the payoff is 0.
    """
    cases = [(n, r) for r in sheet.decisiveness for n in sheet.labs]
    after = stepped([_race(sheet, n, r) for n, r in cases], quarters=16)
    spent, share = column(after, "clouds.lab_funded_usd")[:, 0] / MILLION, column(after, "clouds.ai_share")[:, 0]
    found, payoff = [], {}
    for run, (n, r) in enumerate(cases):
        known = contest.symmetric(sheet.prize, n, r)
        payoff[n, r] = share[run] * sheet.prize - spent[run]
        found += [Finding(f"spending of a lab, N = {n}, r = {r:g} (M USD)", min(known.spending, sheet.prize / n), spent[run]),
                  Finding(f"payoff of a lab, N = {n}, r = {r:g} (M USD)", max(0.0, known.payoff), payoff[n, r])]
    for r in sheet.decisiveness:
        bound, tried = contest.participation_bound(r), sorted(set(sheet.labs))
        found += [Finding(f"labs that can take part without a loss, among {tried}, r = {r:g}", sum(n <= bound * (1 + 1e-12) for n in tried),
                          sum(not _capped(spent[cases.index((n, r))], sheet.prize, n, r) for n in tried)),
                  Finding(f"most labs that earn an entry cost of {sheet.entry_cost:g}, among {tried}, r = {r:g}",
                          max((n for n in tried if contest.symmetric(sheet.prize, n, r).payoff >= sheet.entry_cost), default=0),
                          max((n for n in tried if payoff[n, r] >= sheet.entry_cost), default=0))]
    return found + _unequal(sheet)


def _capped(spent, prize, n, r):
    """Say whether a lab spends less than the first-order condition asks, because that would be more than it expects to win."""
    return spent < prize * r * (n - 1) / n**2 * (1 - 1e-9)


def _race(sheet, labs, decisiveness, *more):
    spend = 4 * sheet.prize * MILLION / (1 - SERVING)
    return sheet.configuration(*firms_present(labs, has_lab=1, lab_share=1), f"customers.spend_max_usd={spend!r}",
                               f"customers.contest={decisiveness}", f"training.research_usd={sheet.prize * 1e-6!r}", *more)


def _unequal(sheet):
    """Labs whose compute costs differ, because each makes its own chips, at r = 1."""
    costs = [c / sheet.costs[0] for c in sheet.costs]
    own = [text for i, c in enumerate(costs) for text in (
        f"cast.makers.own{i + 1}.present=1", f"cast.makers.own{i + 1}.unit_cost_usd={3750 * c!r}", f"cast.makers.own{i + 1}.fleet_share=1")]
    after = settled([_race(sheet, len(costs), 1.0, *own, "cast.makers.maker.capacity_chips=0")], "clouds.ai_share", 1e-10)
    share, known = column(after, "clouds.ai_share")[0], contest.unequal([sheet.prize] * len(costs), costs, 1.0)
    found = [Finding(f"share of the lab with cost {c:g}, number {i + 1}", known.chances[i], _seen(share[i])) for i, c in enumerate(costs)]
    spent = column(after, "clouds.lab_funded_usd")[0, : len(costs)] / MILLION
    found += [Finding(f"spending of the lab with cost {c:g}, number {i + 1} (M USD)", c * known.spending[i], spent[i] if share[i] > 1e-6 else 0.0)
              for i, c in enumerate(costs)]
    return [*found, Finding("labs that take part", int((known.chances > 0).sum()), int((share > 1e-6).sum())),
            Finding("HHI of AI revenue", float(known.chances @ known.chances), metric(after, "hhi_ai_revenue")[0])]


def _seen(share):
    """Return a share, 0 for the speck of who keeps the least laboratory there is."""
    return share if share > 1e-6 else 0.0
