"""Benchmarks of the trainer: each compares two or more ways of doing the same thing in one run, and prints what it found."""
