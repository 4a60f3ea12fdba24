"""The public contract: Avro schemas and their codec."""
