"""Access to a deployed stack: its outputs, clients and settings."""
