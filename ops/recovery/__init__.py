"""Lists and releases parked accounts and discarded batches."""
