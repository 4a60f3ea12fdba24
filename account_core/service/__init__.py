"""Commands and reads: load, decide, append; the port to a store."""
