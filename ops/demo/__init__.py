"""The demo: one checked run through the whole system."""
