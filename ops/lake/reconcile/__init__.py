"""Comparing the lake with the ledger."""
