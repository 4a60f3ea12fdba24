"""The demo: one run through the whole system, checked."""
