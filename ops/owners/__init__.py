"""The accounts by owner: check and rebuild the read model."""
