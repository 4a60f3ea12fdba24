"""Tests of the benchmarks themselves: their arithmetic, and what operations cost, to the unit."""
