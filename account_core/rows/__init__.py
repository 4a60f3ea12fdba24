"""The rows of the table: attributes, versions, snapshots. Pure."""
