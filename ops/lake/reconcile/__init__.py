"""Compares the lake with the ledger."""
