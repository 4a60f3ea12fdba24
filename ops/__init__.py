"""The operators' tools. Only `ops.lake.totals_function`, and what it imports, is part of a function's zip file."""
