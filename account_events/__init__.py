"""What the project ships for those who develop with it; no part of a function."""
