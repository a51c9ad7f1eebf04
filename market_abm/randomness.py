"""Draws keyed by run seed, decision, quarter and the birth of the agent, never by its slot.

A draw is a hash, so there is no generator to store or to advance: the order of phases, the number of
slots and the company in the batch cannot change it, and one founder lives the same life under two
policies (common random numbers). The finaliser is splitmix64's (Steele, Lea and Flood 2014).
"""

import hashlib

import numpy as np

from market_abm.exact import exp, log

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
MOST_BIRTHS = 256  # in one quarter: where Poisson counts are cut
S30, S27, S31, S12 = (np.uint64(n) for n in (30, 27, 31, 12))


def finalise(bits):
    """Scramble uint64 words so that every input bit moves every output bit."""
    bits = bits ^ (bits >> S30)
    bits *= FIRST
    bits ^= bits >> S27
    bits *= SECOND
    bits ^= bits >> S31
    return bits


def name_key(name):
    """Return the uint64 that stands for a name, the same in every process."""
    return np.uint64(int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little"))


def birth_key(quarter_of_entry, order_within_quarter):
    """Return the uint64 that stands for the k-th birth of a quarter (founders: quarter -1)."""
    quarter = (np.asarray(quarter_of_entry, np.int64) + 1).astype(np.uint64)
    order = np.asarray(order_within_quarter).astype(np.uint64)
    with np.errstate(over="ignore"):  # numpy warns of wrapping when both are single numbers
        return finalise(quarter * np.uint64(1 << 32) + order + GOLDEN)


def lab_birth(owner_births):
    """Return the keys of the labs of owners, for when they become firms of their own."""
    return finalise(owner_births ^ name_key("lab"))


class Draws:
    """The draws of one quarter for every run of a batch."""

    def __init__(self, seeds, quarter):
        """Take the run seeds `(runs,)` and the quarter's number."""
        seeds = np.asarray(seeds, np.uint64).reshape(-1, 1)
        number = np.full_like(seeds, quarter + 1)  # an array: a single number would warn of wrapping
        self._keys = finalise(finalise(seeds + GOLDEN) ^ (number * GOLDEN))

    def uniform(self, decision, births):
        """Draw uniforms strictly between 0 and 1, shaped as births `(runs, rows)`.

        52 bits and a half are exact; with 53 the largest would round to 1.
        """
        key = finalise(self._keys ^ name_key(decision))
        return ((finalise(key ^ births) >> S12).astype(np.float64) + 0.5) * 2.0**-52

    def logistic(self, decision, births):
        """Draw logistic deviates scaled to unit variance (cheaper than normals, a little heavier tails)."""
        u = self.uniform(decision, births)
        return log(u / (1.0 - u)) * 0.5513288954217921  # sqrt(3)/pi

    def bounded_gain(self, decision, births, low, high):
        """Draw from Kumaraswamy(2, 2) on [low, high]: a bounded Beta with a closed inverse."""
        u = self.uniform(decision, births)
        return low + (high - low) * np.sqrt(1.0 - np.sqrt(1.0 - u))

    def poisson(self, decision, births, mean, most=MOST_BIRTHS):
        """Draw Poisson counts by inverse distribution; mean `(runs, 1)`, counts cut at `most`."""
        u = self.uniform(decision, births)
        mean = np.minimum(mean, 700.0)  # beyond, e^-mean underflows; the cut is reached long before
        ratios = np.concatenate([np.ones_like(mean), mean / np.arange(1.0, most)], axis=-1)
        passed = np.cumsum(exp(-mean) * np.cumprod(ratios, axis=-1), axis=-1)
        return (u[..., None] > passed[:, None, :]).sum(axis=-1).astype(np.float64)
