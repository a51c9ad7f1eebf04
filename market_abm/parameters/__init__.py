"""Every number of the model, declared once, and how files are read."""
