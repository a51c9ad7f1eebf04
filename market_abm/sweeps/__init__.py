"""Sweeps: many points of a design, run, stored and read back."""
