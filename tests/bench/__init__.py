"""Benchmarks: `make bench`. Every figure is a ratio or a count from one run on one machine."""
