"""Finds out what is wrong with a stack, read-only: each finding names the command that repairs it."""
