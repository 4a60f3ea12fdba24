"""The operator's tools. Never part of a function's zip."""
