"""Operating the lake: queries, locally and on Athena; reconciliation; repair."""
