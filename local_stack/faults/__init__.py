"""Faults to play with: what breaks a running local stack on purpose, and ends it again."""
