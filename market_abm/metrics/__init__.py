"""What is measured: read-only functions of the world."""
