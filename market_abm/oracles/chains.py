"""Oracle of a chip maker above competing clouds: two margins, integration, access at cost (O6)."""

import math

from market_abm.oracles.closed_forms import chain
from market_abm.oracles.finding import Finding
from market_abm.oracles.firms import on_a_line, rent, sold
from market_abm.oracles.running import column, firms_present, metric, stepped
from market_abm.units import HOURS_PER_YEAR


def o06_chain(sheet):
    """Compare a chip monopolist above N clouds, access at cost, and integration with one cloud, with theory."""
    line, n = on_a_line(sheet, sheet.choke, sheet.slope), sheet.integrated_with
    one_maker = [*line, *_chip_cost(sheet, "maker")]
    chained = [sheet.configuration(*firms_present(count), *one_maker, _speed(count)) for count in sheet.firms]
    at_cost = sheet.configuration(*firms_present(n), *one_maker, "chips.pricing=cost_based", _speed(n))
    together = sheet.configuration(*firms_present(n), *line, *_chip_cost(sheet, "own1"), "rental.output_speed=1", "switches.integration=1",
                                   "cast.makers.own1.present=1", "cast.makers.maker.capacity_chips=0", *_all_chips_to_the_first(n))
    after = stepped([*chained, at_cost, together], quarters=60)
    found, per_hour = [], _usd_an_hour(sheet)
    for run, count in enumerate(sheet.firms):
        known = chain.separate(sheet.choke, sheet.slope, sheet.chip_cost, 0.0, count)
        w, p, q = column(after, "makers.price_usd_per_pflops")[run, 0] * per_hour, rent(after)[run], sold(after)[run].sum()
        found += [Finding(f"price of chips, N = {count} (USD per PFLOP-h that they give)", known.wholesale_price, w),
                  Finding(f"rent, N = {count} (USD/PFLOP-h)", known.price, p), Finding(f"output, N = {count} (PFLOP-h)", known.quantity, q),
                  Finding(f"profit upstream, N = {count} (USD)", known.profit_up, (w - sheet.chip_cost) * q),
                  Finding(f"profit of all clouds, N = {count} (USD)", known.profit_down, (p - w) * q)]
    return found + _integration(sheet, after, len(sheet.firms))


def _speed(firms):
    """Return the text that sets the speed at which equal firms settle at once."""
    return f"rental.output_speed={2 / (firms + 1)}"


def _integration(sheet, after, run):
    """Compare access at cost and integration: concentration up and rent down against the chain."""
    n = sheet.integrated_with
    market = sheet.choke, sheet.slope, sheet.chip_cost, 0.0
    fair, one, apart = chain.access_at_cost(*market, n), chain.integrated(*market, n - 1), chain.separate(*market, n)
    price, hours, hhi = rent(after), sold(after), metric(after, "hhi_compute_rented")
    return [Finding(f"rent with access to chips at cost, N = {n} (USD/PFLOP-h)", fair.price, price[run]),
            Finding(f"output of a cloud with access at cost, N = {n} (PFLOP-h)", fair.quantity / n, hours[run, 0]),
            Finding(f"rent after integration with one of {n} (USD/PFLOP-h)", one.price, price[run + 1]),
            Finding("output of the integrated firm (PFLOP-h)", one.own_quantity, hours[run + 1, 0]),
            Finding("output of its rivals (PFLOP-h)", one.others_quantity, hours[run + 1, 1:].sum()),
            Finding("HHI after integration", chain.herfindahl_downstream(one, n - 1), hhi[run + 1]),
            Finding("rise of the HHI by integration", 1.0 - 1.0 / n, hhi[run + 1] - 1.0 / n),
            Finding("change of the rent by integration (USD/PFLOP-h)", one.price - apart.price, price[run + 1] - apart.price)]


def _usd_an_hour(sheet):
    """Return USD per PFLOP-hour of a USD per PFLOP/s of chips: the user cost of capital over hours used, d/(1 - e^-dT)/h."""
    numbers = sheet.configuration().parameters
    d, years = numbers.clouds.capital_cost + numbers.clouds.expected_decline, numbers.chips.life_quarters / 4
    return d / (1 - math.exp(-d * years)) / (HOURS_PER_YEAR * numbers.clouds.target_utilisation)


def _chip_cost(sheet, maker):
    """Return the text that sets a maker's unit cost to the knob's USD per PFLOP-hour."""
    chip = next(m for m in sheet.configuration().cast.makers if m.key == maker)
    return [f"cast.makers.{maker}.unit_cost_usd={sheet.chip_cost / _usd_an_hour(sheet) * chip.pflops_per_chip!r}"]


def _all_chips_to_the_first(firms):
    return [f"cast.clouds.firm{i + 1}.fleet_share={int(i == 0)}" for i in range(firms)]
