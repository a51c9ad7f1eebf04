"""Queues: a quarterly one for grid connections in closed form (oracle O17), and the textbook ones with random arrivals.

The quarterly queue is first come, first served, and nobody withdraws. A request made in quarter 0 may be granted from quarter
`study_quarters` on, and is energised `lead_quarters` after it was granted. Slots are S in quarter 0 and grow by the
same ratio every quarter; those left over in a quarter are lost. An engine that looks at its queue before new
requests join it needs a study of at least one quarter.
"""

import itertools
import math
from typing import NamedTuple

ROUNDING = 1e-9  # quarters: the last MW of a quarter must not fall into the next


def slots_mw_through(quarter, slots_mw, growth=1.0, study_quarters=1):
    """Return all slots from the end of the study through `quarter`, S g^s (g^n - 1) / (g - 1), n = quarter - s + 1 [MW].

    Source: sum of a geometric series.
    """
    count = max(0, quarter - study_quarters + 1)
    first = slots_mw * growth**study_quarters
    return first * (count if growth == 1.0 else math.expm1(count * math.log(growth)) / (growth - 1.0))


def burst_granted_mw(quarter, burst_mw, slots_mw, growth=1.0, study_quarters=1):
    """Return what is granted by the end of `quarter` of a burst in quarter 0, min(B, slots so far) [MW].

    Source: first come, first served; a fluid queue, Newell 1982, chapter 2.
    """
    return min(burst_mw, slots_mw_through(quarter, slots_mw, growth, study_quarters))


def burst_energised_mw(quarter, burst_mw, slots_mw, lead_quarters, growth=1.0, study_quarters=1):
    """Return what is energised by the end of `quarter` of a burst in quarter 0, the grants of a lead before [MW].

    Source: a deterministic delay of `lead_quarters`.
    """
    return burst_granted_mw(quarter - lead_quarters, burst_mw, slots_mw, growth, study_quarters)


def burst_wait_quarters(place_mw, slots_mw, lead_quarters, growth=1.0, study_quarters=1):
    """Return how long the MW at `place_mw` in the line waits for power, from a burst in quarter 0 [quarters].

    It is granted n - 1 quarters after the study, n = the least whole number with S g^s (g^n - 1) / (g - 1) >= place;
    infinite where slots that shrink never reach it. A place at the very end of a quarter's grants counts to that quarter.
    Source: sum of a geometric series, solved for n.
    """
    needed = place_mw / (slots_mw * growth**study_quarters)  # in slots of the first quarter with grants
    if growth != 1.0:
        if needed * (growth - 1.0) <= -1.0:
            return math.inf
        needed = math.log1p(needed * (growth - 1.0)) / math.log(growth)
    return float(study_quarters + max(1, math.ceil(needed - ROUNDING)) - 1 + lead_quarters)


def burst_mean_wait_quarters(burst_mw, slots_mw, lead_quarters, growth=1.0, study_quarters=1):
    """Return the mean wait for power over all MW of a burst in quarter 0 [quarters]; infinite where some are never granted.

    Source: the mean of the waits by place, each quarter's weighted by what it grants.
    """
    if burst_mw <= 0:
        return math.nan
    last = burst_wait_quarters(burst_mw, slots_mw, 0, growth, study_quarters)
    if math.isinf(last):
        return math.inf
    by_quarter = [burst_granted_mw(q, burst_mw, slots_mw, growth, study_quarters) for q in range(study_quarters - 1, int(last) + 1)]
    grants = [after - before for before, after in itertools.pairwise(by_quarter)]
    waits = [quarter * granted for quarter, granted in enumerate(grants, study_quarters)]
    return math.fsum(waits) / math.fsum(grants) + lead_quarters


def steady_energised_mw(quarter, rate_mw, lead_quarters, study_quarters=1):
    """Return what is energised by the end of `quarter` when `rate_mw`, below the slots, is requested in every quarter from 0 [MW].

    Nothing comes before study and lead are over; from then on the rate itself, every quarter. Source: a deterministic delay.
    """
    return rate_mw * max(0, quarter - study_quarters - lead_quarters + 1)


def steady_pipeline_mw(quarter, rate_mw, lead_quarters, study_quarters=1):
    """Return what is granted and not yet energised at the end of `quarter` [MW]: rate x lead once the pipeline is full.

    Source: Little 1961, L = lambda W with W the lead.
    """
    return rate_mw * min(max(0, quarter - study_quarters + 1), lead_quarters)


class QueueMeans(NamedTuple):
    """Long-run means of a queue: chance to wait, wait before service, time until served, number waiting and in service."""

    waiting_chance: float
    wait: float
    time_in_system: float
    number_in_system: float


def erlang_c(arrival_rate, service_rate, servers):
    """Return the chance that an arrival of an M/M/c queue has to wait; 1 where arrivals reach capacity.

    By Erlang's B: B_k = a B_{k-1} / (k + a B_{k-1}), a = lambda / mu; C = B / (1 - rho (1 - B)).
    Source: Erlang 1917; Cooper 1981, chapter 3.
    """
    load, blocked = arrival_rate / service_rate, 1.0
    if load >= servers:
        return 1.0
    for server in range(1, servers + 1):
        blocked = load * blocked / (server + load * blocked)
    return blocked / (1.0 - load / servers * (1.0 - blocked))


def many_servers(arrival_rate, service_rate, servers):
    """Return the means of an M/M/c queue, wait = C / (c mu - lambda); infinite where arrivals reach capacity.

    Rates are by unit of time, waits in it. Source: Erlang 1917; Little 1961 for the number in the system.
    """
    chance, spare = erlang_c(arrival_rate, service_rate, servers), servers * service_rate - arrival_rate
    wait = chance / spare if spare > 0 else math.inf
    time = wait + 1.0 / service_rate
    return QueueMeans(chance, wait, time, arrival_rate * time)


def fixed_service(arrival_rate, service_rate):
    """Return the means of an M/D/1 queue, wait = rho / (2 mu (1 - rho)); infinite where arrivals reach capacity.

    Half of what exponential service of the same mean gives. Source: Pollaczek 1930; Khinchine 1932.
    """
    busy = arrival_rate / service_rate
    wait = busy / (2.0 * service_rate * (1.0 - busy)) if busy < 1 else math.inf
    time = wait + 1.0 / service_rate
    return QueueMeans(min(1.0, busy), wait, time, arrival_rate * time)
