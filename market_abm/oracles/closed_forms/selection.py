"""Entry, a draw of productivity, and exit: Hopenhayn's selection with Melitz' Pareto draw (oracle O10)."""


def cutoff(shape, substitution, fixed_cost, entry_cost, death_rate, lowest=1.0):
    """Return the productivity below which an entrant leaves at once, in units of `lowest`, the least that can be drawn.

    Draws are Pareto, P(draw > x) = (lowest / x)^k, and profit is f ((x / x*)^(s-1) - 1) a period. Free entry asks that
    expected profit until death, at rate d a period, pays the entry cost: with k > s - 1
    x* = lowest ((s - 1) / (k - s + 1) f / (d F))^(1/k). Where that lies below `lowest` everybody stays, and
    x* = lowest ((k / (k - s + 1)) / (1 + d F / f))^(1/(s-1)).
    Source: Melitz 2003, section 3; Pareto draws as in Helpman, Melitz and Yeaple 2004.
    """
    if not shape > substitution - 1.0 > 0.0:
        raise ValueError("shape must be above substitution - 1, and that above 0, or mean profit is infinite")
    tail = shape - substitution + 1.0
    entry_in_fixed = death_rate * entry_cost / fixed_cost
    ratio = (substitution - 1.0) / (tail * entry_in_fixed)
    if ratio >= 1.0:
        return lowest * ratio ** (1.0 / shape)
    return lowest * (shape / tail / (1.0 + entry_in_fixed)) ** (1.0 / (substitution - 1.0))


def chance_of_staying(shape, substitution, fixed_cost, entry_cost, death_rate):
    """Return the part of entrants that their draw lets stay, min(1, (lowest / x*)^k) [0 to 1].

    Source: Melitz 2003, section 3.
    """
    return min(1.0, cutoff(shape, substitution, fixed_cost, entry_cost, death_rate) ** -shape)


def survival(age, staying, death_rate):
    """Return the part of entrants alive `age` whole periods after the draw, S = p (1 - d)^age [0 to 1].

    At age 0 the draw has been made and nobody has died. `age` may be an array.
    Source: Hopenhayn 1992; deaths at a constant rate as in Melitz 2003.
    """
    return staying * (1.0 - death_rate) ** age


def steady_entrants(incumbents, staying, death_rate):
    """Return the entrants a period that replace those who die, M_e p = d M [firms].

    Source: Melitz 2003, section 4 (aggregate stability).
    """
    return death_rate * incumbents / staying
