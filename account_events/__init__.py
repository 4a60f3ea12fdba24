"""Account Events for other teams: read the domain events, apply each exactly once, and test against real batches."""

__version__ = "0.2.0"
