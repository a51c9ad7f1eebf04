"""What a batch remembers of its agents besides metrics; nothing here writes state."""
