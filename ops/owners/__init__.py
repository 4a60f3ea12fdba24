"""Checks and rebuilds the read model of accounts by owner."""
