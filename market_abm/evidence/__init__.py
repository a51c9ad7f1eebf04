"""Evidence: what is known of the market as data, fits to it, judgement on what was held out, null models and ablations."""
