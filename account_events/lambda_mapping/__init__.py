"""How AWS Lambda event source mappings behave: batches, filters, retries, bisecting, destinations. Pure."""
