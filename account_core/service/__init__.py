"""Commands and reads: load, decide, append; ports to a store."""
