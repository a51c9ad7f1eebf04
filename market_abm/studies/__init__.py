"""What is done with the engine: runs, and where their results are kept."""
