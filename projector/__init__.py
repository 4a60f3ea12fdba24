"""From the table stream to domain events on Kinesis."""
