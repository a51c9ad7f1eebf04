"""Figures of the post on where scaling laws are taking us (2024). "Implied" marks what follows from the post's own numbers."""

from math import log10

from . import sources as by
from .arithmetic import growth_per_year, twh_per_year
from .countries import nearest_country
from .figures import Figure

GPT3_FLOP, GPT4_FLOP, GPT4_STATED_FLOP = 3.14e23, 2.1e25, 1e26
LARGEST_2024_FLOP, GROK3_FLOP = 5e25, 4.64e26
STATED_COMPUTE, STATED_COST, STATED_POWER = ((2022, 1e26), (2024, 1e27)), ((2022, 1e8), (2028, 1e11)), ((2026, 1), (2028, 10))
COMPUTE_GROWTH = 4.5  # a year, 2010-2024; the source says 4 to 5
POWER_GROWTH = 2.0  # a year, leading systems 2019-2025
FLOP_PER_USD_GROWTH, FLOP_PER_WATT_GROWTH = 1.41, 1.37  # a year: hardware 2008-2025, data-centre chips 2016-2024
LARGEST_SITE_2026_GW = 1.1
CLUSTER_GW = 10.0
EPOCH_USD_PER_GW, HUANG_USD_PER_GW, PILZ_USD_PER_GW = 29e9, 55e9, 200e9 / 9
REACTOR_GW = 3.937 / 3  # Palo Verde, net, three reactors
GRAND_COULEE_GW = 7.079
STATED_TOKENS, STATED_STOCK, TOKENS, STOCK = 15e12, 60e12, 15.6e12, 300e12

STATED_COMPUTE_GROWTH = growth_per_year(*STATED_COMPUTE)
SITE_2028_GW = LARGEST_SITE_2026_GW * POWER_GROWTH**2
COUNTRY = nearest_country(CLUSTER_GW * 1000)

FIGURES = (
    Figure("compute of GPT-4 over GPT-3", 15, GPT4_FLOP / GPT3_FLOP, "ratio", "wrong",
           "Too small by more than four, and at odds with the 1e26 FLOP that the post gives GPT-4 further down.", by.EPOCH_COSTS),
    Figure("compute of GPT-4 over GPT-3 by the post's 1e26 FLOP (implied)", GPT4_STATED_FLOP / GPT3_FLOP, GPT4_FLOP / GPT3_FLOP, "ratio",
           "inconsistent", "1e26 / 3.14e23 = 318, not 15: the two figures of the post contradict each other.", by.EPOCH_COSTS),
    Figure("step in compute beyond GPT-4", 100, GROK3_FLOP / GPT4_FLOP, "ratio", "illustrative",
           f"By February 2025 the largest known run had {GROK3_FLOP / GPT4_FLOP:.0f} times the compute; at x10 every two years x100 takes 4 years, "
           f"at {COMPUTE_GROWTH} a year {2 / log10(COMPUTE_GROWTH):.1f}.", by.EPOCH_COSTS),
    Figure("growth of training compute in two years", 10, COMPUTE_GROWTH**2, "ratio", "low",
           f"x10 is {STATED_COMPUTE_GROWTH:.2f} a year; the largest runs grew 4 to 5 times a year.", by.EPOCH_COMPUTE, 4.0**2, 5.0**2),
    Figure("training of GPT-4 (2022)", GPT4_STATED_FLOP, GPT4_FLOP, "FLOP", "high", "Nearly five times the estimate.", by.EPOCH_COSTS),
    Figure("cost of training GPT-4", 1e8, 4.07e7, "USD", "right order",
           "40.7 M amortised, 78.6 M at cloud prices; its maker spoke of more than 100 M; the cluster cost 778 M to buy.", by.EPOCH_COSTS,
           4.07e7, 7.86e7),
    Figure("largest training run of 2024", 1e27, LARGEST_2024_FLOP, "FLOP", "high",
           f"{1e27 / LARGEST_2024_FLOP:.0f} times the largest run to the end of 2024, {1e27 / GROK3_FLOP:.1f} times that of Grok-3 (February 2025); "
           "the post writes FLOPS, a rate, for an amount.",
           by.EPOCH_COSTS, LARGEST_2024_FLOP, GROK3_FLOP),
    Figure("cost of a frontier cluster or run, 2024", 1e9, 3.01e8, "USD", "ambiguous",
           "As the cost of Grok-3's run high by amortised prices (301 to 507 M), about right by cloud prices (1,164 M); as the price of its "
           "cluster low (5,482 M).",
           by.EPOCH_COSTS, 3.01e8, 5.482e9),
    Figure("power of the largest clusters, 2026", 1, LARGEST_SITE_2026_GW, "GW", "right",
           "Five US sites were expected to pass 1 GW in 2026; one of 1.1 GW is confirmed.", by.EPOCH_SITES),
    Figure("power of a nuclear reactor", 1, REACTOR_GW, "GW", "rounded", "Three reactors of Palo Verde give 3.937 GW.", by.EIA_STATIONS),
    Figure("power of the largest cluster, 2028", CLUSTER_GW, SITE_2028_GW, "GW", "high",
           "Leading systems double their power yearly: 1.1 GW in 2026 makes 4.4 in 2028; a trend of 9 GW in 2030, taken back, 2.25.",
           f"{by.PILZ_GROWTH}; {by.EPOCH_SITES}; {by.PILZ}", 2.25, SITE_2028_GW),
    Figure("cost of a cluster of 10 GW", 1e11, CLUSTER_GW * EPOCH_USD_PER_GW, "USD", "low",
           "A GW of facility costs 22 to 55 bn USD with its chips.", f"{by.EPOCH_GW}; {by.PILZ}; {by.HUANG_GW}",
           CLUSTER_GW * PILZ_USD_PER_GW, CLUSTER_GW * HUANG_USD_PER_GW),
    Figure("cost of a GW of cluster (implied)", 1e11 / CLUSTER_GW, EPOCH_USD_PER_GW, "USD/GW", "low",
           "100 bn / 10; the same three sources.", f"{by.EPOCH_GW}; {by.PILZ}; {by.HUANG_GW}", PILZ_USD_PER_GW, HUANG_USD_PER_GW),
    Figure("10 GW, more than the most powerful station of the US", CLUSTER_GW, GRAND_COULEE_GW, "GW", "holds",
           "Grand Coulee is the largest by capacity.", by.EIA_STATIONS),
    Figure("cost of the cluster that Microsoft and OpenAI plan", 1e11, 1e11, "USD", "partly right",
           "The money was reported, up to 115 bn over six years; its power as several GW, not ten.", by.MINT, 1e11, 1.15e11),
    Figure("electricity of a 10 GW cluster, as much as a country (implied)", twh_per_year(CLUSTER_GW), COUNTRY.consumed_twh, "TWh/year", "holds",
           f"10 GW is {twh_per_year(CLUSTER_GW):.1f} TWh a year at full load; {COUNTRY.name} consumed {COUNTRY.consumed_twh:.1f} in {COUNTRY.year}.",
           COUNTRY.source),
    Figure("growth of FLOP per dollar (implied)", STATED_COMPUTE_GROWTH / growth_per_year(*STATED_COST), FLOP_PER_USD_GROWTH, "ratio/year",
           "inconsistent", f"Compute and cost both x10 in two years leave no progress of hardware; at the measured 1.41 a year x10 of compute costs "
           f"{(STATED_COMPUTE_GROWTH / FLOP_PER_USD_GROWTH) ** 2:.1f} times as much.", by.EPOCH_COSTS, 1.23, 1.62),
    Figure("growth of FLOP per watt (implied)", STATED_COMPUTE_GROWTH / growth_per_year(*STATED_POWER), FLOP_PER_WATT_GROWTH, "ratio/year",
           "inconsistent", f"Power x10 as well leaves no progress here either; at the measured 1.37 a year it is "
           f"x{(STATED_COMPUTE_GROWTH / FLOP_PER_WATT_GROWTH) ** 2:.1f}.", by.EPOCH_COSTS, 1.26, 1.45),
    Figure("text that Llama 3.1 was trained on", STATED_TOKENS, TOKENS, "token", "right", "15.6 trillion.", by.LLAMA_3),
    Figure("text on the internet", STATED_STOCK, STOCK, "token", "low",
           "300 trillion in effect, quality and repeated reading considered (100 to 1,000).", by.VILLALOBOS, 1e14, 1e15),
    Figure("part of the text in use (implied)", STATED_TOKENS / STATED_STOCK, TOKENS / STOCK, "share", "high",
           "15 / 60 is a quarter; 15.6 / 300 is a twentieth.", by.VILLALOBOS),
)
