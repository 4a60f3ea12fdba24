"""The latency of the whole path on the local stack, hop by hop: `python -m benchmarks.path`."""
