"""Phases: the only writers of state, and the list that tells the whole quarter."""
