"""`make lake-scale`: generates a large lake and measures the shipped queries on it; see docs/lake.md."""
