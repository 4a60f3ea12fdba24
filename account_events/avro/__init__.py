"""Domain events as bytes: the published schemas, and what writes and reads them."""
