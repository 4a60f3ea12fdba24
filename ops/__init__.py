"""The operators' tools. They are never part of a function's zip file."""
