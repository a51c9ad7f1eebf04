"""Figures of "The undressing of the king" (late 2023). "Implied" marks what follows from the essay's own numbers."""

from math import log2

from market_abm.units import PFLOPS_PER_PERSON

from . import sources as by
from .arithmetic import SECONDS_PER_DAY, days_to_compute, doubling_years, moore_years, year_reached
from .figures import Figure

WRITTEN = 2023.9  # the essay is undated; its latest facts are of late 2023
SINGULARITY = 2038.0
DESKTOP_TFLOPS, A100_TFLOPS = 50.0, 312.0
LLAMA_CHIPS, PERSON_CHIPS, BOX_CHIPS = 2048, 64, 8
PERSON_KW, PERSON_USD = 30.0, 250_000.0
MICE_PER_PERSON = PFLOPS_PER_PERSON * 1000 / DESKTOP_TFLOPS
CLUSTER_PFLOPS = LLAMA_CHIPS * A100_TFLOPS / 1000
GPT3_STATED_FLOP, GPT3_FLOP = 3.14e20, 3.14e23
LLAMA_MFU = 0.4746
REVENUE_SHARES_2020 = (0.32, 0.20, 0.09, 0.06)  # Amazon, Microsoft, Google, Alibaba
COMPUTE_SHARES_2023 = (0.213, 0.201, 0.105, 0.076)  # Google, Microsoft, Meta, Amazon

CARD_YEARS = (2016, 2018, 2020, 2022)
CARDS = ("GeForce GTX 1080", "GeForce RTX 2080", "GeForce RTX 3090", "GeForce RTX 4090")
STATED_TFLOPS = (11.3, 14.2, 35.6, 82.6)
RIGHT_TFLOPS = (8.873, 10.07, 35.58, 82.58)  # 32 bit, as the essay has them
CARD_USD = (599, 699, 1499, 1599)
STATED_DOUBLING = doubling_years(CARD_YEARS, STATED_TFLOPS)
RIGHT_DOUBLING = doubling_years(CARD_YEARS, RIGHT_TFLOPS)
DOUBLING_PER_USD = doubling_years(CARD_YEARS, [size / usd for size, usd in zip(RIGHT_TFLOPS, CARD_USD, strict=True)])
HARDWARE_DOUBLING = 2.3  # FLOP/s of machine-learning hardware in 32 bit, 2010-2023

A100_USD = {"list 2022": 12_500, "list 2020": 15_000, "DGX 2020": 199_000 / BOX_CHIPS}  # a chip
DGX_KW, DGX_UNITS, A100_KW = 6.5, 6, 0.4
POSIX_END = 1970 + 2**31 / (365.2425 * SECONDS_PER_DAY)
BOXES = PERSON_CHIPS // BOX_CHIPS

CARD_FAULTS = {
    "GeForce GTX 1080": "11.3 is the GTX 1080 Ti of 2017.",
    "GeForce RTX 2080": "14.2 is the RTX 2080 Ti at the clock of its Founders Edition; the RTX 2080 has 10.07.",
}
CARD_FIGURES = tuple(
    Figure(f"{card} ({year}), 32 bit", stated, right, "TFLOP/s", "wrong" if card in CARD_FAULTS else "right",
           f"Wrong card: {CARD_FAULTS[card]}" if card in CARD_FAULTS else "As the data sheet has it.", by.EPOCH_COSTS)
    for card, year, stated, right in zip(CARDS, CARD_YEARS, STATED_TFLOPS, RIGHT_TFLOPS, strict=True)
)

FIGURES = (
    Figure("share of the world's compute of Amazon, Microsoft, Google and Alibaba", 0.67,
           sum(COMPUTE_SHARES_2023) - COMPUTE_SHARES_2023[2], "share", "mislabelled",
           f"{sum(REVENUE_SHARES_2020):.2f} is their share of cloud revenue late in 2020 (.32 + .20 + .09 + .06); of AI chips at the end of 2023 "
           f"three of them (Alibaba is not counted apart) hold .49, and the four largest owners, Meta among them, {sum(COMPUTE_SHARES_2023):.3f}.",
           f"{by.EPOCH_CHIPS}; {by.SYNERGY}", sum(COMPUTE_SHARES_2023) - COMPUTE_SHARES_2023[2], sum(COMPUTE_SHARES_2023)),
    Figure("time for which the clouds have amassed compute", 20, 2023 - 2006, "year", "rounded",
           "Amazon has rented out servers for 17 years, Alibaba for 14, Microsoft for 13.", by.LAUNCHES, 2023 - 2010, 2023 - 2006),
    Figure("training of GPT-3", GPT3_STATED_FLOP, GPT3_FLOP, "FLOP", "wrong",
           "Too small by 1,000: it took 314 zettaFLOP (6 x 175e9 parameters x 300e9 tokens); an amount, so FLOP and not FLOP/s.", by.EPOCH_COSTS),
    Figure("GPT-3 on the essay's cluster, at peak (implied)", days_to_compute(GPT3_STATED_FLOP, CLUSTER_PFLOPS),
           days_to_compute(GPT3_FLOP, CLUSTER_PFLOPS), "day", "wrong",
           f"By the essay's amount it would take {days_to_compute(GPT3_STATED_FLOP, CLUSTER_PFLOPS) * SECONDS_PER_DAY:.0f} s; it takes days, "
           f"{days_to_compute(GPT3_FLOP, CLUSTER_PFLOPS, LLAMA_MFU):.1f} at LLaMA's utilisation of {LLAMA_MFU:.3f}.",
           by.ARITHMETIC, days_to_compute(GPT3_FLOP, CLUSTER_PFLOPS), days_to_compute(GPT3_FLOP, CLUSTER_PFLOPS, LLAMA_MFU)),
    Figure("peak of an A100", A100_TFLOPS, 312, "TFLOP/s", "right", "Dense 16 bit on tensor cores; in 32 bit it is 19.5.", by.EPOCH_COSTS),
    Figure("cluster that trained LLaMA", LLAMA_CHIPS, 2048, "A100", "right", "As the paper says.", by.LLAMA),
    Figure("peak of that cluster", 639, CLUSTER_PFLOPS, "PFLOP/s", "right",
           f"2048 x 0.312 = {CLUSTER_PFLOPS:.3f}; the run realised {CLUSTER_PFLOPS * LLAMA_MFU:.0f} of it.", by.ARITHMETIC),
    Figure("most A100 that can work on one model", 2048, 25_000, "A100", "wrong",
           "Runs on 4,480 (2021), 12,288, 13,760 and 25,000 A100 are known; the first is older than the essay.", by.EPOCH_COSTS, 4480, 25_000),
    Figure("desktop computer", DESKTOP_TFLOPS, RIGHT_TFLOPS[-1], "TFLOP/s", "inconsistent",
           "Fits a gaming computer in 32 bit, but stands beside 16-bit rates of the A100; the best card, the RTX 4090, has 82.6 in 32 bit "
           "and 330 in 16.", by.EPOCH_COSTS, RIGHT_TFLOPS[-1], 330),
    Figure("mice of compute in a person", 400, MICE_PER_PERSON, "mouse/person", "right", "20,000 / 50 = 400.", by.ARITHMETIC),
    Figure("doublings from a mouse to a person", 9, log2(MICE_PER_PERSON), "doubling", "right", "log2 400 = 8.64, rounded up.", by.ARITHMETIC),
    Figure("year in which a desktop reaches a person", SINGULARITY, int(year_reached(WRITTEN, MICE_PER_PERSON, 2.0)), "year", "inconsistent",
           f"Two years a doubling give 2041, and so does the fit to the essay's cards ({STATED_DOUBLING:.2f} years); the right cards "
           f"({RIGHT_DOUBLING:.2f}) give late 2038; to be there when 2038 begins takes "
           f"{(SINGULARITY - WRITTEN) / log2(MICE_PER_PERSON):.2f}. The essay names the year for the singularity and does not derive it.",
           by.ARITHMETIC, int(year_reached(WRITTEN, MICE_PER_PERSON, RIGHT_DOUBLING)), int(year_reached(WRITTEN, MICE_PER_PERSON, STATED_DOUBLING))),
    Figure("rollover of Unix time", 2038, int(POSIX_END), "year", "right", "2^31 seconds after 1970: 19 January 2038.", by.CLOCK),
    *CARD_FIGURES,
    Figure("doubling time of the essay's cards", 2, STATED_DOUBLING, "year", "right", "Least squares on log2 of its four figures.", by.ARITHMETIC),
    Figure("doubling time of the right cards", 2, RIGHT_DOUBLING, "year", "rounded",
           f"The right cards grew faster, but part of it was bought: per dollar they doubled in {DOUBLING_PER_USD:.2f} years, and from 2020 on "
           "the maker counts twice as many 32-bit units a core; hardware at large took 2.3.",
           f"{by.ARITHMETIC}; {by.EPOCH_TRENDS}", RIGHT_DOUBLING, DOUBLING_PER_USD),
    Figure("cycles of Moore's law by which 2048 GPUs are ahead", 11, log2(LLAMA_CHIPS / BOX_CHIPS), "doubling", "inconsistent",
           "log2 2048 = 11 is against one GPU; the sentence compares with eight, from which it is 8.", by.ARITHMETIC),
    Figure("years by which 2048 GPUs are ahead", 16, moore_years(LLAMA_CHIPS, BOX_CHIPS), "year", "right",
           f"8 doublings of two years against eight GPUs; the 11 cycles of the same sentence would be {moore_years(LLAMA_CHIPS, 1):.0f} years.",
           by.ARITHMETIC),
    Figure("person of compute", PFLOPS_PER_PERSON, PERSON_CHIPS * A100_TFLOPS / 1000, "PFLOP/s", "definition",
           "64 x 0.312 = 19.968, so 20 is rounded.", by.DEFINITION),
    Figure("A100 in a person", PERSON_CHIPS, PFLOPS_PER_PERSON * 1000 / A100_TFLOPS, "A100", "right", "20 / 0.312 = 64.1.", by.ARITHMETIC),
    Figure("height of a person", 42, BOXES * DGX_UNITS, "rack unit", "low",
           "Eight of the maker's servers of 6U need more than one rack; eight of 4U would fit.", by.DGX_HEIGHT),
    Figure("power of a person", PERSON_KW, BOXES * DGX_KW, "kW", "low",
           f"{PERSON_CHIPS * A100_KW:.1f} kW is the chips alone, 52 is eight DGX A100 at full load, before cooling; kW is power and not energy.",
           by.DGX_POWER, PERSON_CHIPS * A100_KW, BOXES * DGX_KW),
    Figure("price of a person", PERSON_USD, PERSON_CHIPS * A100_USD["list 2020"], "USD", "low",
           "64 A100 at the list price of 2020 or of 2022, or in eight DGX A100 of 199,000 USD, cost three to six times as much.", by.EPOCH_COSTS,
           PERSON_CHIPS * A100_USD["list 2022"], PERSON_CHIPS * A100_USD["DGX 2020"]),
    Figure("price of one A100 (implied)", PERSON_USD / PERSON_CHIPS, A100_USD["list 2020"], "USD", "low",
           "250,000 / 64, rack and network included, is far below any list price of the chip alone.", by.EPOCH_COSTS,
           A100_USD["list 2022"], A100_USD["DGX 2020"]),
)
