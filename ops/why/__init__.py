"""Follows an event from its request to the lake, and names what it waits for: the command `why`."""
