"""The demo: runs commands through the whole system and checks the results."""
