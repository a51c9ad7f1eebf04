"""Textbook answers, worked out apart from the model: nothing here imports it."""
