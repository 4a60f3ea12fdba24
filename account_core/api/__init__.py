"""The HTTP API: requests, responses, problems, and who may see what."""
