"""What the state can change: each lever amends the rules in force between two dates.

A lever blends a number towards a target, `p*(1-s) + target*s`, with s its strength times its ramp. It
never edits state and is never undone: the rules of every quarter are computed before the first.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Amendment:
    """What a lever does to one number at full strength."""

    key: str
    target: float = 0.0
    factor: float | None = None  # a multiplier of the base value, in place of a target


@dataclass(frozen=True, slots=True)
class Lever:
    """One entry of the catalogue."""

    name: str
    says: str
    reference: str
    amends: tuple[Amendment, ...]


CATALOGUE = {
    lever.name: lever
    for lever in (
        Lever("export_control", "Orders from owners under export control are refused in part.",
              "US rules of 7 October 2022, updated 2023-10-17 and 2024-12-02",
              (Amendment("trade.refused_share", target=0.5),)),
        Lever("data_act", "Providers must let customers leave at little cost.",
              "EU Data Act: applies from 2025-09-12, no switching charges from 2027-01-12",
              (Amendment("clouds.provider_inertia", factor=0.5),)),
    )
}
