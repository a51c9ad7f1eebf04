"""How venture capital follows returns."""

from market_abm.exact import bounded, exp, log, power, ratio


def venture_pool(market, venture, years):
    """Return this quarter's pool: it follows the gain in AI revenue that investors extrapolate.

    Venture returns come from growth, so the pool rises with the expected gain and falls back to its
    floor when growth ends. It moves by at most a step a quarter, and jumps with the demand shock.
    Source: assumed form.
    """
    growth = bounded(4.0 * market.customer_growth, 0.0, venture.growth_cap)
    gain = market.customer_spend_usd * (exp(growth * years) - 1.0)
    wish = market.venture_floor_usd + venture.share * gain
    move = bounded(log(ratio(wish, market.venture_pool_usd, 1.0)), -venture.step, venture.step)  # an empty pool stays empty
    return market.venture_pool_usd * exp(move) * power(market.shock_growth, venture.shock_weight)
