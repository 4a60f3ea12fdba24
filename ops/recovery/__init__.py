"""Parked accounts and failed batches: list and release them."""
