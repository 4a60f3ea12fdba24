"""How AWS Lambda's event source mappings behave: batches, filters, retries, bisecting, destinations. Pure."""
