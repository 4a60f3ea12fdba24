"""Checks the ledger, and compares it with the published events."""
