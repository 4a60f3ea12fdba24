"""Dollars per million commands over the whole path, hop by hop: `python -m benchmarks.dollars`."""
