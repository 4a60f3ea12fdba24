"""The HTTP API: requests, answers, problems and access."""
