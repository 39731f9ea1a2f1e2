"""Faults that a run must survive, done to real processes and real files: `python -P -m faults` runs them and prints a table."""
