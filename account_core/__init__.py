"""The write side: what an account is, where its events are kept, and the HTTP API."""
