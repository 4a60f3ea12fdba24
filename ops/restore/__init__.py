"""Puts rows back into the ledger's table: from a restored table, from published events, or computed from the events."""
