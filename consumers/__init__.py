"""What stands behind the stream: consumers of domain events."""
