"""Operating the lake: its queries at home and on Athena, its reconciliation, its repair."""
