"""Take one mechanism out at a time and see whether an effect that theory does not expect goes with it.

Run from the top of the checkout: python experiments/policies/why.py [RUNS]. Prints the second table of the README.
"""

import sys

import market_abm as ma

CASES = (  # lever, metric, what is set
    ("faster_grid", "startups_alive", ()),
    ("faster_grid", "startups_alive", ("startups.entry_run_share=0",)),
    ("break_up", "hhi_chip_sales", ()),
    ("break_up", "hhi_chip_sales", ("switches.integration=0",)),
    ("structural_separation", "hhi_chip_sales", ()),
    ("structural_separation", "hhi_chip_sales", ("switches.integration=0",)),
    ("training_cap", "hhi_chip_sales", ()),
    ("training_cap", "hhi_chip_sales", ("switches.integration=0",)),
    ("structural_separation", "hhi_ai_revenue", ()),
    ("structural_separation", "hhi_ai_revenue", ("switches.stakes=0",)),
    ("training_cap", "hhi_ai_revenue", ()),
    ("training_cap", "hhi_ai_revenue", ("switches.stakes=0",)),
    ("documentation_mandate", "price_usd_per_pflop_hour", ()),
    ("documentation_mandate", "price_usd_per_pflop_hour", ("switches.power_queue=0",)),
    ("documentation_mandate", "compute_energised_pflops", ()),
    ("documentation_mandate", "compute_mw", ()),
    ("compute_vouchers", "price_usd_per_pflop_hour", ()),
    ("compute_vouchers", "price_usd_per_pflop_hour", ("startups.entry_cap=0",)),
    ("compute_vouchers", "cr2_funding", ()),
    ("chip_neutrality", "hhi_compute_owned", ("chips.relationship_exponent=1.1", "chips.relationship_floor=0.02")),
)


def main():
    """Print one line a case: the effect in 2030Q4, in per cent of the baseline, with its 95% interval."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 32
    print("| lever | metric | taken out or changed | effect, % |\n|---|---|---|---|")
    for lever, metric, sets in CASES:
        study = ma.compare(ma.load("configs/base.toml", sets=sets), [lever], runs=runs, seed=1, quarters=52, metrics=metric)
        row = study.effects[0]
        mean, low, high = (100 * row[name] / abs(row["baseline"]) for name in ("difference", "low", "high"))
        print(f"| `{lever}` | `{metric}` | {', '.join(f'`{text}`' for text in sets)} | {mean:+.1f} ({low:+.1f}, {high:+.1f}) |", flush=True)


if __name__ == "__main__":
    main()
