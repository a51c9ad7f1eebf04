"""Columns, tables, lifecycle and the world that holds them."""
