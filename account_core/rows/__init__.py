"""The rows of the table: attributes, versions and snapshots. Pure."""
