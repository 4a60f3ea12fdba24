"""What a delivery to the lake consists of: the function's contract, its records, and Parquet."""
