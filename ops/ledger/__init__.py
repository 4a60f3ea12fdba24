"""Checks the ledger."""
