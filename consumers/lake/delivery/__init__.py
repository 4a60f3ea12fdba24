"""The parts of a delivery to the lake: the function's contract, its records, and Parquet."""
