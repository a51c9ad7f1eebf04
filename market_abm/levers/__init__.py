"""What the state can change."""
