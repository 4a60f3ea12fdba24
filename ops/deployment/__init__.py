"""A deployed stack: its outputs, clients and settings."""
