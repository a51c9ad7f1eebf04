"""The two sets of constants that conversions use: the essays' own, and better-sourced ones."""

from dataclasses import dataclass
from math import nan

from market_abm.units import PFLOPS_PER_PERSON

from . import sources as by
from .arithmetic import DOUBLING_YEARS
from .first_essay import A100_TFLOPS, BOX_CHIPS, DESKTOP_TFLOPS, HARDWARE_DOUBLING, PERSON_KW, PERSON_USD
from .second_essay import EPOCH_USD_PER_GW

PERSON_FLOPS = PFLOPS_PER_PERSON * 1e15
MOUSE_FLOPS = DESKTOP_TFLOPS * 1e12  # the mouse is a definition, so it is the same in both columns
RUN_DAYS = 90.0
FACILITY_WATTS = 2.0  # per watt of chip: an H100 of 700 W draws 1.4 kW all in; of other chips assumed
REFERENCE_CHIP = "H100"  # the chip whose draw, price and number in real sites are best known


@dataclass(frozen=True, slots=True)
class Chip:
    """An accelerator: dense 16-bit peak [TFLOP/s], power of the chip [W], price with its part of an 8-chip server [USD], and when."""

    tflops: float
    watts: float
    server_usd: float
    priced: str

    @property
    def flops(self):
        """Return the peak in FLOP/s."""
        return self.tflops * 1e12


CHIPS = {  # all from Epoch AI's training-cost-trends; nan where no price is published
    "V100": Chip(125, 300, nan, ""),
    "A100": Chip(A100_TFLOPS, 400, 17_349, "2025-03"),
    "TPU v4": Chip(275, 170, nan, ""),
    "MI250X": Chip(383, 500, nan, ""),
    "H100": Chip(989.4, 700, 31_905, "2025-01"),
    "MI300X": Chip(1307.4, 750, 25_734, "2025-02"),
    "H200": Chip(989.5, 700, 39_083, "2025-01"),
    "B200": Chip(2250, 1000, 47_409, "2024-12"),
    "Trainium2": Chip(667, 500, nan, ""),
}


@dataclass(frozen=True, slots=True)
class Basis:
    """What turns a rate into power, money and years: per FLOP/s of peak, per watt of facility, per doubling; `chip` sets the first."""

    chip: str
    watts_per_flops: float
    site_usd_per_watt: float
    servers_usd_per_flops: float
    desktop_flops: float
    box_flops: float
    doubling_years: float
    utilisation: float
    says: str
    source: str


AS_STATED = Basis(
    chip="A100",
    watts_per_flops=PERSON_KW * 1e3 / PERSON_FLOPS, site_usd_per_watt=PERSON_USD / (PERSON_KW * 1e3),
    servers_usd_per_flops=nan,  # the essay has one price, for everything
    desktop_flops=DESKTOP_TFLOPS * 1e12, box_flops=BOX_CHIPS * A100_TFLOPS * 1e12, doubling_years=DOUBLING_YEARS,
    utilisation=0.40,  # the essays give none; assumed
    says="a person is 20 PFLOP/s, 30 kW, 250,000 USD", source=by.FIRST_ESSAY,
)


def as_published(chip_name=REFERENCE_CHIP):
    """Return the better-sourced constants for one accelerator."""
    chip = CHIPS[chip_name]
    return Basis(
        chip=chip_name,
        watts_per_flops=FACILITY_WATTS * chip.watts / chip.flops,
        site_usd_per_watt=EPOCH_USD_PER_GW / 1e9,
        servers_usd_per_flops=chip.server_usd / chip.flops,
        desktop_flops=330e12,  # RTX 4090 in 16 bit, as the chips it is compared with
        box_flops=BOX_CHIPS * chip.flops, doubling_years=HARDWARE_DOUBLING,
        utilisation=0.38,  # median of 52 published runs since 2020; quartiles .30 and .50
        says=f"{chip_name}: {chip.tflops:g} TFLOP/s and {FACILITY_WATTS * chip.watts:g} W all in; 29 bn USD per GW", source=by.EPOCH_COSTS,
    )
