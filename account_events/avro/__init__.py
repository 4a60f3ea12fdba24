"""Domain events as bytes: the published schemas, and the code that writes and reads them."""
