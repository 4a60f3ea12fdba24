"""Putting missing or failed events into the lake."""
