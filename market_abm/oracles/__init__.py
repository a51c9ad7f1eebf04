"""Oracles: limiting cases with known answers, and what the model gives for them."""
