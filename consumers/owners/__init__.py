"""The accounts of each owner with their balances: a read model, built with the consumer kit."""
