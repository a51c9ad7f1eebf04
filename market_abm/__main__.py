"""Let `python -m market_abm` do what `market-abm` does."""

from market_abm.cli import main

main()
