"""The write side: the account, the store of its events, and the HTTP API."""
