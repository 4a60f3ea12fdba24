"""Consumers of the domain events on the stream."""
