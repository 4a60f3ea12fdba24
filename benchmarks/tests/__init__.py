"""Tests of the benchmarks: their arithmetic, and the exact costs of operations."""
