"""Decides which schema changes may be published."""
