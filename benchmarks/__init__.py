"""Measurements: each file prints a table and then one JSON line."""
