"""How each kind of agent decides: pure functions of arrays."""
