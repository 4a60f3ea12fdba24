"""The gate in front of the contract: which schema changes may be published."""
