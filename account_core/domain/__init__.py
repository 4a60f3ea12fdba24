"""What an account is: events, commands, the decider, and its errors. Pure."""
