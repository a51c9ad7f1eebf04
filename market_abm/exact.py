"""Arithmetic that gives the same bits alone, in a batch, with spare slots and on every x86-64 machine.

Every array is `(runs, rows)`; a figure per run is `(runs, 1)`. Helpers reduce over the last axis and
keep it. numpy's own exp, log and power depend on the processor's instructions and on the shape of
their arguments, so these three are written here from additions, products and exact scalings alone.
"""

import numpy as np

BLOCK = 128
LOG2_E = 1.4426950408889634
LN2_HIGH = 0.693147180369123816490  # the leading bits of ln 2: its product with an exponent is exact
LN2_LOW = 1.90821492927058770002e-10
SQRT_HALF = 0.7071067811865476

# x*coth(x/2) = 2 + x^2/6 - x^4/360 + ...: the Bernoulli series, enough terms for |x| < ln(2)/2.
COTH_SERIES = (-691 / 653837184000, 1 / 23950080, -1 / 604800, 1 / 15120, -1 / 360, 1 / 6)
ATANH_SERIES = tuple(1 / n for n in range(23, 1, -2))


def exp(x):
    """Return e^x: reduce by powers of two, then 1 + 2r/(r*coth(r/2) - r). Relative error below 4e-16."""
    x = np.minimum(np.maximum(x, -746.0), 710.0)
    whole = np.rint(x * LOG2_E)
    r = x - whole * LN2_HIGH
    r -= whole * LN2_LOW
    square = r * r
    series = square * COTH_SERIES[0]
    for coefficient in COTH_SERIES[1:]:
        series += coefficient
        series *= square
    series += 2.0
    series -= r
    return np.ldexp(1.0 + 2.0 * r / series, whole.astype(np.int32))


def log(x):
    """Return ln x (-inf at 0, nan below): mantissa and exponent, then 2*atanh((m-1)/(m+1))."""
    mantissa, exponent = np.frexp(x)
    low = mantissa < SQRT_HALF
    mantissa += mantissa * low
    exponent = np.subtract(exponent, low, dtype=np.float64)
    s = (mantissa - 1.0) / (mantissa + 1.0)
    square = s * s
    series = square * ATANH_SERIES[0]
    for coefficient in ATANH_SERIES[1:]:
        series += coefficient
        series *= square
    s *= 2.0
    value = series * s  # grown in place from its smallest part: 2s*series, the low bits of ln 2, 2s, the high bits
    value += exponent * LN2_LOW
    value += s
    value += exponent * LN2_HIGH
    ordinary = (x > 0) & (x < np.inf)
    if ordinary.all():
        return value
    value = np.where(x == 0, -np.inf, value)
    if np.all(ordinary | (x == 0)):
        return value
    return np.where(x >= 0, np.where(x == np.inf, np.inf, value), np.nan)


def power(x, exponent):
    """Return x^exponent for x >= 0 (0^0 = 1, 0^positive = 0)."""
    product, nought = exponent * log(x), exponent == 0
    return exp(np.where(nought, 0.0, product) if np.any(nought) else product)


def total(x):
    """Sum over the rows in fixed blocks, so that further blocks of empty slots change no bit.

    A table of up to one block is summed whole: for it, the number of rows is part of the structure.
    """
    runs, rows = x.shape[:-1], x.shape[-1]
    x = np.ascontiguousarray(x)  # numpy adds a transposed array in another order
    if rows <= BLOCK:
        return np.add.reduce(x, axis=-1, keepdims=True)
    spare = -rows % BLOCK
    if spare:
        x = np.concatenate([x, np.zeros((*runs, spare))], axis=-1)
    blocks = np.add.reduce(x.reshape(*runs, -1, BLOCK), axis=-1)
    return np.add.accumulate(blocks, axis=-1)[..., -1:]


def best(x):
    """Return the largest value of each run."""
    return x.max(axis=-1, keepdims=True)


def before(x):
    """Return the sum of those ahead of each row; the first is exactly 0."""
    ahead = np.cumsum(x, axis=-1)
    return np.concatenate([np.zeros(ahead[..., :1].shape), ahead[..., :-1]], axis=-1)


def ratio(numerator, denominator, otherwise=0.0):
    """Divide, with `otherwise` wherever the denominator is not positive."""
    numerator, denominator = np.asarray(numerator), np.asarray(denominator)
    positive = denominator > 0
    if positive.all():
        return numerator / denominator
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(positive, numerator / denominator, otherwise)


def share(x):
    """Return each row's share of its run's total; nan where there is no market. For metrics."""
    return ratio(x, total(x), np.nan)


def share_or_zero(x):
    """Return each row's share of its run's total; 0 where there is no market. For phases."""
    return ratio(x, total(x))


def weighted(x, weight, otherwise=0.0):
    """Return the mean of x by weight over the rows."""
    return ratio(total(x * weight), total(weight), otherwise)


def at_best(x, key):
    """Return x where the key is largest, `(runs, 1)`; the first of equals."""
    return np.take_along_axis(x, key.argmax(axis=-1)[..., None], axis=-1)


def leading(x):
    """Turn `(runs, n)` into `(n, runs, 1)`: a figure per maker or region before the rows it meets."""
    return np.ascontiguousarray(np.moveaxis(x, -1, 0))[..., None]


def trailing(x):
    """Turn `(n, runs, 1)` back into `(runs, n)`."""
    return np.ascontiguousarray(np.moveaxis(x[..., 0], 0, -1))


def stacked(x):
    """Sum over the leading axis: what all makers or all regions hold together.

    One layer after the other. numpy adds contiguous layers so, unless each is a single number.
    """
    x = np.ascontiguousarray(x, dtype=np.float64)
    return np.add.reduce(x, axis=0) if x[0].size > 1 else np.add.accumulate(x, axis=0)[-1]


def flattened(x):
    """Sum every axis in front of `(runs, rows)`, one after the other."""
    while x.ndim > 2:
        x = stacked(x)
    return x


def bounded(x, low, high):
    """Keep x between low and high (np.clip without its overhead)."""
    return np.minimum(np.maximum(x, low), high)


def add_up(x, link, rows):
    """Sum x `(runs, n)` by an integer link into `(runs, rows)`; the link `rows` means nobody."""
    runs = x.shape[0]
    cells = np.flatnonzero(x != 0)  # to add nothing changes no bit; most rows are free or idle
    if not len(cells):
        return np.zeros((runs, rows))
    place = link + (rows + 1) * np.arange(runs)[:, None]
    flat = np.bincount(place.reshape(-1).take(cells), weights=x.reshape(-1).take(cells), minlength=runs * (rows + 1))
    return np.ascontiguousarray(flat.reshape(runs, rows + 1)[:, :rows])


def look_up(table, link, nobody=0.0):
    """Read table `(runs, rows)` at an integer link `(runs, n)`; the link `rows` reads `nobody`."""
    runs, rows = table.shape
    wider = np.empty((runs, rows + 1))
    wider[:, :rows] = table
    wider[:, rows:] = nobody
    return wider.reshape(-1).take(link + (rows + 1) * np.arange(runs)[:, None])


def best_by(x, link, rows):
    """Return the largest positive x `(runs, n)` by an integer link, `(runs, rows)`; 0 where nothing names a row."""
    run, row = np.nonzero(x != 0)
    out = np.zeros((len(x), rows + 1))
    np.maximum.at(out, (run, link[run, row]), x[run, row])
    return np.ascontiguousarray(out[:, :rows])


def order_by(key):
    """Return the order of rows, smallest key first; ties stay in row order."""
    return np.argsort(key, axis=-1, kind="stable")


def put_back(x, order):
    """Undo an ordering: x is given in sorted order, the answer in row order."""
    out = np.empty_like(x)
    np.put_along_axis(out, order, x, axis=-1)
    return out


def serve_in_order(wanted, capacity, order):
    """Serve rows in the given order until capacity `(runs, 1)` is used up; return what each gets."""
    queue = np.take_along_axis(wanted, order, axis=-1)
    return put_back(np.minimum(queue, np.maximum(0.0, capacity - before(queue))), order)
