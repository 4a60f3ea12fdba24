"""The account: events, commands, the decider and its errors. Pure."""
