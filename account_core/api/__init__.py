"""The HTTP API: requests, responses, problems and access."""
